# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting hunks into a file's lines, where GNU patch would put them: nearest first, then with less of the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abuildpy.maintain.bumping.patches.unified import Hunk

FUZZ = 2
"""As patch(1) has it where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hunk went: the line (from 1) that its first line has in the file, and how far off and how inexact that is."""

    hunk: Hunk
    line: int
    offset: int
    fuzz: int

    @property
    def is_exact(self) -> bool:
        """Whether it fits as it is written."""
        return not self.offset and not self.fuzz


@dataclass(frozen=True, slots=True)
class Applied:
    """The file afterwards, and where each hunk went; ``failed`` are those that fit nowhere."""

    lines: list[bytes]
    places: tuple[Place, ...]
    failed: tuple[Hunk, ...] = ()


def apply_hunks(lines: Sequence[bytes], hunks: Sequence[Hunk], *, fuzz: int = FUZZ) -> Applied:
    """Applies hunks to lines (with their line ends); those that fail are left out."""
    result: list[bytes] = []
    places: list[Place] = []
    failed: list[Hunk] = []
    frozen = 0  # lines of the old file that nothing may change any more
    drift = 0  # by which the last hunk was off
    for hunk in hunks:
        found = _locate(lines, hunk, drift, frozen, fuzz)
        if found is None:
            failed.append(hunk)
            continue
        line, used = found
        first = hunk.old_start + (not hunk.old)
        drift = line - first
        places.append(Place(hunk, line, drift, used))
        frozen = _put(lines, hunk, line, frozen, result)
    result += lines[frozen:]
    return Applied(result, tuple(places), tuple(failed))


def _put(lines: Sequence[bytes], hunk: Hunk, line: int, frozen: int, result: list[bytes]) -> int:
    """Copies what stands before the changes, and makes them. Lines of the context stay what they are in the file."""
    at = line - 1
    for each in hunk.lines:
        if each.sign == b" ":
            at += 1
            continue
        result += lines[frozen:at]
        frozen = max(frozen, at)
        if each.sign == b"-":
            at += 1
            frozen = at
        else:
            result.append(each.text)
    return frozen


def _locate(lines: Sequence[bytes], hunk: Hunk, drift: int, frozen: int, most: int) -> tuple[int, int] | None:
    """The line and the fuzz with which a hunk fits; None if it does not."""
    context = max(hunk.prefix, hunk.suffix)
    pattern = hunk.old
    guess = hunk.old_start + drift + (not pattern)
    if not pattern:
        return (guess, 0) if frozen < guess <= len(lines) + 1 else None
    for fuzz in range(min(most, context) + 1):
        line = _search(lines, hunk, pattern, guess, frozen, fuzz)
        if line is not None:
            return line, fuzz
    return None


def _search(
    lines: Sequence[bytes], hunk: Hunk, pattern: Sequence[bytes], guess: int, frozen: int, fuzz: int
) -> int | None:
    context = max(hunk.prefix, hunk.suffix)
    before, behind = fuzz + hunk.prefix - context, fuzz + hunk.suffix - context
    if before < 0 and hunk.old_start <= 1:  # less context at its start: there was nothing more in the file
        if behind < 0 and len(pattern) != len(lines):
            return None
        return 1 if frozen <= hunk.prefix and _fits(lines, pattern, 1, 0, max(0, behind)) else None
    before = max(0, before)
    if behind < 0:
        line = len(lines) - len(pattern) + 1
        return line if line > frozen and _fits(lines, pattern, line, before, 0) else None
    highest = len(lines) - (len(pattern) - behind) + 1
    lowest = frozen + 1
    for offset in range(max(highest - guess, guess - lowest) + 1):
        for line in (guess + offset, guess - offset) if offset else (guess,):
            if lowest <= line <= highest and _fits(lines, pattern, line, before, behind):
                return line
    return None


def _fits(lines: Sequence[bytes], pattern: Sequence[bytes], line: int, before: int, behind: int) -> bool:
    """Whether a pattern stands at a line, without so many of its first and last lines."""
    first, last = before, len(pattern) - behind
    at = line - 1 + first
    if line < 1 or at + last - first > len(lines):
        return False
    return all(lines[at + n] == pattern[first + n] for n in range(max(0, last - first)))
