# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of commands, expanded as far as they are known, and their effects on variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from abuildpy.recipe.static import expand
from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.static.state import Lost, State
from abuildpy.recipe.syntax.nodes import Assign, Redirect, Substitution, Word


class Words:
    """Expands words in ``state``; what may have changed without its being certain is forgotten."""

    def __init__(self, state: State) -> None:
        self.state = state

    def command_line(self, words: tuple[Word | Assign, ...]) -> tuple[str | None, list[str] | None]:
        """The command's name and its arguments, as far as they are known (None). Lost if the name is not."""
        line: list[str] | None = []
        rest: list[str] | None = []
        for word in words:
            if isinstance(word, Assign):
                continue  # only the declaring built-ins have them, and see for themselves
            more = self.fields((word,))
            rest = None if rest is None or more is None else rest + more
            if not line:
                if more is None:
                    raise Lost
                line, rest = more, []
        return (line[0], None if rest is None else line[1:] + rest) if line else (None, [])

    def assign(self, assign: Assign) -> None:
        """``name=value``."""
        value = self.text(assign.value, assigned=True)
        if value is None:
            self.state.forget([assign.name])
        else:
            self.state.set(assign.name, value)

    def redirects(self, redirects: Iterable[Redirect]) -> None:
        """What expanding the files' names may change, nobody knows."""
        for redirect in redirects:
            self.state.forget(expand.assigned_names(redirect.target))

    def text(self, word: Word, *, assigned: bool = False) -> str | None:
        """The word as one text, None if it is not known."""
        try:
            return expand.text(word, self.state, assigned=assigned)
        except Unknown:
            self.state.forget(expand.assigned_names(word))
            return None

    def fields(self, words: Iterable[Word]) -> list[str] | None:
        """The words as a command gets them, None if they are not known."""
        words = tuple(words)
        try:
            return expand.fields(words, self.state)
        except Unknown:
            for word in words:
                self.state.forget(expand.assigned_names(word))
            return None


def has_substitution(word: Word) -> bool:
    """Whether commands run to make the word."""
    return any(isinstance(part, Substitution) for part in _all_parts(word))


def _all_parts(word: Word) -> Iterator[object]:
    for part in word.parts:
        yield part
        for inner in (getattr(part, field, None) for field in ("argument", "replacement", "expression")):
            if inner is not None:
                yield from _all_parts(inner)
