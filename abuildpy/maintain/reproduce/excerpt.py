# SPDX-License-Identifier: GPL-3.0-or-later
"""A small piece of what differs, for people: changed lines, or a hexdump of the first place."""

from __future__ import annotations

import difflib

_LINES = 8
_WIDE = 100
_LONGEST = 1 << 20


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
    found = []
    for line in difflib.unified_diff(first.splitlines(), second.splitlines(), lineterm="", n=0):
        if line[:3] in ("---", "+++") or line[:2] == "@@":
            continue
        shown = "".join(c if c.isprintable() else "\\t" if c == "\t" else f"\\x{ord(c):02x}" for c in line)
        found.append(shown if len(shown) <= _WIDE else shown[: _WIDE - 1] + "…")
        if len(found) > _LINES:
            return (*found[:_LINES], "…")
    return tuple(found)


def _bytes(first: bytes, second: bytes) -> tuple[str, ...]:
    at = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    begin = (min(len(first), len(second)) if at is None else at) & ~15
    return tuple(_dump(sign, data[begin : begin + 16], begin) for sign, data in (("-", first), ("+", second)))


def _dump(sign: str, data: bytes, offset: int) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{sign}{offset:08x}  {data.hex(' '):<47}  {shown}"
