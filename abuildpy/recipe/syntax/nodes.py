# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell script consists of: the tree that :mod:`abuildpy.recipe.syntax.commands` reads, as BusyBox ash reads it.

Every node has ``start`` and ``end``, offsets in the script's bytes. Texts are Latin-1: one character per byte, so that any
bytes survive and offsets into the text are offsets into the file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """Characters that mean themselves. ``quoted``: no pattern, no tilde, no splitting, even if ``text`` is empty."""

    start: int
    end: int
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$name`` or ``${name…}``.

    ``operator`` is empty for the plain value, ``length`` for ``${#name}``, else as written: ``:-`` ``-`` ``:=`` ``=``
    ``:?`` ``?`` ``:+`` ``+`` ``%`` ``%%`` ``#`` ``##`` ``/`` ``//`` and ``:`` (substring). ``argument`` stands behind it;
    ``replacement`` is what follows the second slash, or the second colon of a substring (None: there is none). What the
    shell does not know has the operator ``bad``: it is an error only where it is expanded.
    """

    start: int
    end: int
    name: str
    operator: str
    argument: Word | None
    replacement: Word | None
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """Output of commands. ``opener`` is ``$(``, a backquote, ``<(`` or ``>(``.

    ``body`` is empty for backquotes with backslashes inside: what they hold is not the text as it stands in the file.
    """

    start: int
    end: int
    opener: str
    body: tuple[Item, ...]
    quoted: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``$((…))``."""

    start: int
    end: int
    expression: Word
    quoted: bool


Part = Literal | Parameter | Substitution | Arithmetic


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, in parts; an empty word (``a=``) has none.

    ``doubtful``: there are quirks of ash (1.35) in it that no recipe should count on. It has ``${name/pattern}`` and, later
    on, a slash, which is taken for the one that the expansion lacks, so that what is between is lost; or it has
    ``${name:-~…}``, where even an argument that does not matter is searched for the end of a user's name.
    """

    start: int
    end: int
    parts: tuple[Part, ...]
    doubtful: bool = False

    @property
    def plain(self) -> str | None:
        """The word's text if nothing in it is quoted or expanded, else None."""
        parts = self.parts
        if len(parts) == 1:
            only = parts[0]
            return only.text if isinstance(only, Literal) and not only.quoted else None
        if all(isinstance(part, Literal) and not part.quoted for part in parts):
            return "".join(part.text for part in parts if isinstance(part, Literal))
        return None

    @property
    def constant(self) -> str | None:
        """The word's text without its quotes if nothing in it is expanded, else None."""
        if all(isinstance(part, Literal) for part in self.parts):
            return "".join(part.text for part in self.parts if isinstance(part, Literal))
        return None


@dataclass(frozen=True, slots=True)
class Assign:
    """``name=value`` as a word; ``append`` for ``+=``, which ash takes for a command's name."""

    start: int
    end: int
    name: str
    value: Word
    append: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """``operator`` without the descriptor's number. ``start`` is the key of a here-document's text in the script."""

    start: int
    end: int
    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """A command of words. ``words`` holds what is behind the leading assignments; an Assign among them is an argument
    of ``export``, ``readonly`` or ``local``."""

    start: int
    end: int
    assigns: tuple[Assign, ...]
    words: tuple[Word | Assign, ...]
    redirects: tuple[Redirect, ...]

    @property
    def name(self) -> str | None:
        """The command's name if it is written plainly, else None (also where there is none)."""
        if not self.words or isinstance(self.words[0], Assign):
            return None
        return self.words[0].constant


@dataclass(frozen=True, slots=True)
class Block:
    """``{ … }`` or, as a ``subshell``, ``( … )``."""

    start: int
    end: int
    subshell: bool
    body: tuple[Item, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class If:
    """``branches`` are pairs of condition and body (``if``, then each ``elif``)."""

    start: int
    end: int
    branches: tuple[tuple[tuple[Item, ...], tuple[Item, ...]], ...]
    otherwise: tuple[Item, ...] | None
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """``while`` or ``until``."""

    start: int
    end: int
    until: bool
    condition: tuple[Item, ...]
    body: tuple[Item, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class For:
    """``for name in words``; ``words`` is None without ``in``: the positional parameters."""

    start: int
    end: int
    name: str
    words: tuple[Word, ...] | None
    body: tuple[Item, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class CaseItem:
    """One branch of a ``case``."""

    start: int
    end: int
    patterns: tuple[Word, ...]
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """``case subject in items esac``."""

    start: int
    end: int
    subject: Word
    items: tuple[CaseItem, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A function; ``name_end`` is where its name ends, which begins at ``start`` or behind ``function``."""

    start: int
    end: int
    name: str
    name_start: int
    name_end: int
    body: Command


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands with ``|`` between them, or one with ``!`` before it."""

    start: int
    end: int
    negated: bool
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class AndOr:
    """``first && second || third``: ``rest`` are pairs of operator and command."""

    start: int
    end: int
    first: Command
    rest: tuple[tuple[str, Command], ...]


Command = Simple | Block | If | Loop | For | Case | Definition | Pipeline | AndOr


@dataclass(frozen=True, slots=True)
class Item:
    """One command of a list, ``background`` if ``&`` ends it."""

    command: Command
    background: bool
