# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that no rule knows: what a program may have said of its failure in words of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from abuildpy.diagnosis.groups import COMMAND, MAKE_SAYS, TROUBLE, denies
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.scan import harmless
from abuildpy.diagnosis.text import Log

_SAYING = re.compile(r"[^\W_]{2}")
_EXCERPT = re.compile(r"\s*\d* \|(?: |$)")
"""A line of a source, as compilers show it below a message."""


def is_call(text: str) -> bool:
    """Whether a line looks like a command that make shows: a program and options, or output into a file."""
    words = text.split()
    return (
        ": " not in text
        and len(words) > 1
        and words[0][0] in _PROGRAM
        and (words[1][0] in "-/.$" or not _SHELLS.isdisjoint(words))
    )


_SHELLS = frozenset((">", ">>", "|", "&&", "||", "<"))
_PROGRAM = "abcdefghijklmnopqrstuvwxyz./"


def unknown_in(
    log: Log, top: int, bottom: int, told: Sequence[int] | None = None, known: Set[int] = frozenset()
) -> Event | None:
    """A line that no rule knows, in words of trouble; else the last one.

    With other jobs' lines between, those ``told`` are surely of the job, and only of those one without such words counts.
    """
    said = [
        index
        for index in range(max(top, bottom - 300), bottom)
        if index not in known
        and _SAYING.search(text := log.line(index))
        and not _EXCERPT.match(text)
        and not COMMAND.match(text)
        and not is_call(text)
        and not harmless(text)
        and not _ignored_below(log, index)
        and not re.match(
            r"(?:.*: )?(?:[Ww]arning|note)\b|collect2: |compilation terminated|\d+ errors? generated", text
        )
    ]
    own = [index for index in told or () if index in said]
    heads = [index for index in said if not log.line(index).startswith((" ", "\t", ";"))]  # a backtrace is indented
    for index in (*own, *heads, *said):
        if TROUBLE.search(text := log.line(index)) and " " in text.strip() and not denies(text):
            return Event(index, "unknown", Rank.LIKELY, "any", text)
    if told is None and not said:
        said = [index for index in range(max(top, bottom - 300), bottom) if TROUBLE.search(log.line(index))][-1:]
    if told is not None:
        said = [index for index in told if index in said][:1]
    return Event(said[-1], "unknown", Rank.WEAK, "any", log.line(said[-1])) if said else None


def _ignored_below(log: Log, index: int) -> bool:
    """Whether make ignores what was told in a line, as it says soon after."""
    return any(log.line(each).endswith("(ignored)") for each in range(index + 1, min(index + 4, len(log))))


_PROGRESS = re.compile(
    r".*(?:\.\.\.|…|\bdone\.?|\b\d+ ?%\.?)$|[^\W\d_]*ing\b|\W*\d+ ?%|[^:]*: (?:In |At )|In file included|=+|-+$|"
    r"(?:[Ww]rote|[Rr]ead|[Gg]enerated|[Cc]reated|[Dd]one|OK|ok|PASS|RUN)\b"
)
_WORD = re.compile(r"[^\W\d_]{2,}")


_MOST_COMMANDS = 6


def _shows_command(text: str) -> bool:
    return COMMAND.match(text) is not None or (not text[:1].isspace() and is_call(text))


def last_words(log: Log, top: int, bottom: int) -> Event | None:
    """The line above ``bottom``, but for commands shown, if it is a saying in words that no rule knows, and no progress.

    Generators often end with a plain sentence, and a program that ends badly says that last.
    """
    lines = range(bottom - 1, max(top, bottom - 1 - _MOST_COMMANDS), -1)
    index = next((each for each in lines if (text := log.line(each)).strip() and not _shows_command(text)), -1)
    text = log.line(index) if index >= 0 else ""
    if len(_WORD.findall(text)) < 3 or _WARNS.match(text) or _EXCERPT.match(text) or _PROGRESS.match(text):
        return None
    if MAKE_SAYS.match(text) or harmless(text) or denies(text):
        return None
    return Event(index, "unknown", Rank.WEAK, "any", text)


_WARNS = re.compile(r"(?:.*: )?(?:[Ww]arning|note|remark|info)\b|collect2: |compilation terminated|\d+ \w+ generated")
