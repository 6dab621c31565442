# SPDX-License-Identifier: GPL-3.0-or-later
"""Hunks written anew for the place where they fit now, so that they fit exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from abuildpy.maintain.bumping.patches.applying import Applied, Place, apply_hunks
from abuildpy.maintain.bumping.patches.unified import FileDiff, Hunk, Line, format_hunk


def refreshed_hunks(text: bytes, diff: FileDiff, before: Sequence[bytes], applied: Applied) -> bytes:
    """The hunks of a file's part of a patch (``text``), as they are to be for the lines ``before``.

    As many as before, with the lines that they had, wherever these fit exactly; else made anew from the changes.
    """
    if all(place.is_exact for place in applied.places):
        return text[diff.hunks[0].start : diff.hunks[-1].end]
    moved: list[Hunk] = []
    growth = 0
    for place in applied.places:
        moved.append(_moved(place, before, growth))
        growth += len(place.hunk.new) - len(place.hunk.old)
    again = apply_hunks(before, moved, fuzz=0)
    if again.failed or again.lines != applied.lines or not all(place.is_exact for place in again.places):
        return b"".join(format_hunk(hunk) for hunk in _anew(applied.places, before))
    # What was written in a way of its own (blanks that a mailer has stripped) stays so where it need not change.
    pairs = zip(moved, (place.hunk for place in applied.places), strict=True)
    return b"".join(text[old.start : old.end] if new == old else format_hunk(new) for new, old in pairs)


def _moved(place: Place, before: Sequence[bytes], growth: int) -> Hunk:
    """The hunk at its new place, with the context that is there; ``growth`` is that of the file up to here."""
    lines = []
    at = place.line - 1
    for each in place.hunk.lines:
        if each.sign == b"+":
            lines.append(each)
            continue
        if at < len(before):  # with fuzz, context may reach beyond the end
            lines.append(replace(each, text=before[at]))
        at += 1
    return _numbered(place.hunk, lines, place.line, growth)


def _numbered(hunk: Hunk, lines: Sequence[Line], line: int, growth: int) -> Hunk:
    found = replace(hunk, lines=tuple(lines))
    # Where nothing is expected (or left), the line before is named.
    return replace(found, old_start=line - (not found.old), new_start=line + growth - (not found.new))


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines that go and lines that come, and where: an index into the lines before."""

    at: int
    gone: int
    come: tuple[Line, ...]
    hunk: Hunk


def _anew(places: Sequence[Place], before: Sequence[bytes]) -> Iterator[Hunk]:
    """Hunks made of the changes alone, each with as much context as the longest had, one for changes that are close."""
    changes = [change for place in places for change in _changes(place)]
    context = max(max(place.hunk.prefix, place.hunk.suffix, 1) for place in places)
    growth = 0
    while changes:
        group = [changes.pop(0)]
        while changes and changes[0].at - (group[-1].at + group[-1].gone) <= 2 * context:
            group.append(changes.pop(0))
        first = max(0, group[0].at - context)
        lines: list[Line] = []
        at = first
        for change in group:
            lines += (Line(b" ", text) for text in before[at : change.at])
            lines += (Line(b"-", text) for text in before[change.at : change.at + change.gone])
            lines += change.come
            at = change.at + change.gone
        lines += (Line(b" ", text) for text in before[at : at + context])
        yield _numbered(group[0].hunk, lines, first + 1, growth)
        growth += sum(len(change.come) - change.gone for change in group)


def _changes(place: Place) -> Iterator[_Change]:
    at, gone = place.line - 1, 0
    come: list[Line] = []
    for each in (*place.hunk.lines, Line(b" ", b"")):
        if each.sign == b" ":
            if gone or come:
                yield _Change(at - gone, gone, tuple(come), place.hunk)
                gone, come = 0, []
            at += 1
        elif each.sign == b"-":
            if come:  # what comes before what goes
                yield _Change(at - gone, gone, tuple(come), place.hunk)
                gone, come = 0, []
            gone += 1
            at += 1
        else:
            come.append(each)
