# SPDX-License-Identifier: GPL-3.0-or-later
"""A small piece of what differs, for people: changed lines, or a hexdump of the first place."""

from __future__ import annotations

import difflib

_LINES = 8
_WIDE = 100
_LONGEST = 1 << 20
_SPAN = 200
"""Lines from the first difference on that are compared: of more it could take hours for those who mean it."""


def excerpt(first: bytes, second: bytes) -> tuple[str, ...]:
    """Lines that show the first difference: of texts as in a diff, else 16 bytes a line of either side."""
    if first == second:
        return ()
    if b"\0" not in first + second and max(len(first), len(second)) < _LONGEST:
        try:
            return _text(first.decode(), second.decode())
        except UnicodeDecodeError:
            pass
    return _bytes(first, second)


def _text(first: str, second: str) -> tuple[str, ...]:
    mine, theirs = first.splitlines(), second.splitlines()
    both = enumerate(zip(mine, theirs, strict=False))
    start = next((at for at, pair in both if pair[0] != pair[1]), min(len(mine), len(theirs)))
    one, other = mine[start : start + _SPAN], theirs[start : start + _SPAN]
    changed: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if changed and _SPAN in (b, d):
            break  # what is there on one side only may be beyond that on the other
        if tag != "equal":
            changed += [*(f"-{line}" for line in one[a:b]), *(f"+{line}" for line in other[c:d])]
    found = tuple(map(_shown, changed[:_LINES]))
    return (*found, "…") if len(changed) > _LINES else found


def _shown(line: str) -> str:
    shown = "".join(c if c.isprintable() else "\\t" if c == "\t" else f"\\x{ord(c):02x}" for c in line)
    return shown if len(shown) <= _WIDE else shown[: _WIDE - 1] + "…"


def _bytes(first: bytes, second: bytes) -> tuple[str, ...]:
    at = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    begin = (min(len(first), len(second)) if at is None else at) & ~15
    return tuple(_dump(sign, data[begin : begin + 16], begin) for sign, data in (("-", first), ("+", second)))


def _dump(sign: str, data: bytes, offset: int) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{sign}{offset:08x}  {data.hex(' '):<47}  {shown}"
