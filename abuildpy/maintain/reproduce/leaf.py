# SPDX-License-Identifier: GPL-3.0-or-later
"""Why two contents without inner structure differ: texts by their lines, all else by its strings and numbers."""

from __future__ import annotations

import difflib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from abuildpy.maintain.reproduce.builder import Facts
from abuildpy.maintain.reproduce.clocks import show, stamp_of
from abuildpy.maintain.reproduce.model import Evidence
from abuildpy.maintain.reproduce.words import order_cause, reason, reordered

_MANY = 500
"""Lines or strings, from the first difference on, that are aligned: more could take hours for those who mean it."""
_LOOKED_AT = 40
"""Places that differ that are looked at."""
_STRING = re.compile(rb"[\x20-\x7e\t]{4,}")
_NEAR = 8


@dataclass(frozen=True, slots=True)
class Sides:
    """Both contents with the facts of their builds; ``form`` says what bears them, ``inside`` where that is."""

    first: bytes
    second: bytes
    one: Facts
    other: Facts
    form: str = ""
    inside: str = ""

    def evidence(
        self, cause: str, offset: int | None, first: str, second: str, *, sure: bool = True, form: str = ""
    ) -> Evidence:
        """Evidence found at an offset."""
        place = [] if offset is None else [f"offset {offset:#x}"]
        where = ", ".join(filter(None, (self.inside, *place)))
        return Evidence(cause, form or self.form, where, first, second, sure)


def explain_leaf(sides: Sides) -> Iterator[Evidence]:
    """What two contents tell of why they differ, in the order of the places; nothing where nothing is recognised."""
    texts = _text(sides.first), _text(sides.second)
    if texts[0] is not None and texts[1] is not None:
        yield from _of_text(sides, texts[0], texts[1])
    else:
        yield from _of_bytes(sides)


def _text(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        return text if sum(c.isprintable() or c.isspace() for c in text[:4096]) > 0.9 * len(text[:4096]) else None


def _of_text(sides: Sides, first: str, second: str) -> Iterator[Evidence]:
    mine, theirs = first.splitlines(), second.splitlines()
    if reordered(mine, theirs):
        start = _common(mine, theirs)
        cut = min(_common(mine[::-1], theirs[::-1]), len(mine) - start)
        parts = mine[start : len(mine) - cut], theirs[start : len(theirs) - cut]
        cause, sure = order_cause(*parts)
        offset = sum(len(line.encode()) + 1 for line in mine[:start])
        yield sides.evidence(cause, offset, _joined(parts[0]), _joined(parts[1]), sure=sure)
        return
    for at, (one, other) in _line_pairs(mine, theirs):
        found = reason(one, other, sides.one, sides.other)
        offset = sum(len(line.encode()) + 1 for line in mine[:at])
        if found is not None:
            near = max(0, one.find(found.first)) if found.first else 0
            offset += len(one[:near].encode())
            yield sides.evidence(found.cause, offset, found.first, found.second, sure=found.sure)


def _common(one: list[str], other: list[str]) -> int:
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at


def _line_pairs(mine: list[str], theirs: list[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Lines that stand for each other, with the number of the first one's."""
    start = _common(mine, theirs)
    cut = min(_common(mine[::-1], theirs[::-1]), min(len(mine), len(theirs)) - start)
    one, other = mine[start : len(mine) - cut], theirs[start : len(theirs) - cut]
    if len(one) == len(other):
        changed = [(start + at, pair) for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
        yield from changed[:_LOOKED_AT]
        return
    looked = 0
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one[:_MANY], other[:_MANY], autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        yield start + a, (" ".join(one[a:b]), " ".join(other[c:d]))
        looked += 1
        if looked >= _LOOKED_AT:
            return


def _of_bytes(sides: Sides) -> Iterator[Evidence]:
    first, second = sides.first, sides.second
    strings = [[(m.start(), m[0].decode("ascii")) for m in _STRING.finditer(data)] for data in (first, second)]
    texts = [[text for _, text in found] for found in strings]
    told = False
    if reordered(*texts) and len(first) == len(second):
        start = _common(*texts)
        cut = min(_common(texts[0][::-1], texts[1][::-1]), len(texts[0]) - start)
        parts = texts[0][start : len(texts[0]) - cut], texts[1][start : len(texts[1]) - cut]
        cause, sure = order_cause(*parts)
        told = True
        yield sides.evidence(cause, strings[0][start][0], _joined(parts[0]), _joined(parts[1]), sure=sure)
        return
    for at, (one, other) in _line_pairs(*texts):
        found = reason(one, other, sides.one, sides.other)
        if found is not None and (found.sure or len(one) > 8):
            offset = strings[0][at][0] + max(0, one.find(found.first)) if at < len(strings[0]) else None
            told = True
            yield sides.evidence(found.cause, offset, found.first, found.second, sure=found.sure)
    if not told and len(first) == len(second):
        yield from _numbers(sides)


def _numbers(sides: Sides) -> Iterator[Evidence]:
    """Times in seconds since 1970 as machines write them."""
    for begin, end in list(changed_runs(sides.first, sides.second))[:_LOOKED_AT]:
        for offset in range(max(0, begin - 4), end):
            for form, size in (("<I", 4), (">I", 4)):
                pieces = sides.first[offset : offset + size], sides.second[offset : offset + size]
                if len(pieces[0]) < size or pieces[0] == pieces[1]:
                    continue
                values = [struct.unpack(form, piece)[0] for piece in pieces]
                if stamp_of(values[0], sides.one) and stamp_of(values[1], sides.other):
                    yield sides.evidence("time", offset, show(values[0]), show(values[1]))
                    return


def changed_runs(first: bytes, second: bytes) -> Iterator[tuple[int, int]]:
    """Where two contents of one length differ: (begin, end), those that are close together as one."""
    step = 4096
    begin = end = -1
    for block in range(0, len(first), step):
        if first[block : block + step] == second[block : block + step]:
            continue
        for at in range(block, min(block + step, len(first), len(second))):
            if first[at] != second[at]:
                if begin >= 0 and at - end > _NEAR:
                    yield begin, end
                    begin = -1
                begin = at if begin < 0 else begin
                end = at + 1
    if begin >= 0:
        yield begin, end


def _joined(words: list[str]) -> str:
    text = " ".join(word.strip() for word in words[:6])
    text = text if len(words) <= 6 else text + " …"
    return text if len(text) <= 60 else text[:57] + "…"
