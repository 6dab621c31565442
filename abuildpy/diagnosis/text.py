# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a log: read within bounds, without colours, whatever bytes are in it."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

_HEAD, _TAIL = 16 << 20, 48 << 20
"""Of a log that is larger than both together, only its beginning and its end are read."""
_LONGEST = 4000
"""Longer lines are cut: no message is that long, and matching stays quick."""

# CSI (colours, cursor), OSC (titles, links), character sets and other short sequences; never across lines.
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[@-Z\\-_=>])|\x0f|\x08"
)
_STAMP = re.compile(
    r"(?:\[\s*\d+(?:\.\d+)?s?\] (?=\S)|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)? |\d{1,2}:\d\d:\d\d(?:\.\d+)? (?:\| )?)"
)
"""What build services put in front of every line: seconds or a time."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log in memory. ``data`` has no escape sequences; ``starts`` are the offsets of its lines.

    ``skipped`` lines of an overly large log are not there; they would stand before line ``resumes``.
    """

    data: bytes
    starts: tuple[int, ...]
    resumes: int = 0
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> str:
        """A line as text: what a terminal would show at its end, cut, without a build service's time stamp."""
        start = self.starts[index]
        end = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else len(self.data)
        raw = self.data[start : min(end, start + 4 * _LONGEST)].rstrip(b"\r\n\t \0")
        if b"\r" in raw:
            raw = raw.rpartition(b"\r")[2]
        text = raw.decode("utf-8", "backslashreplace")[:_LONGEST]
        stamp = _STAMP.match(text)
        return text[stamp.end() :] if stamp else text

    def index_of(self, offset: int) -> int:
        """Which line an offset lies in."""
        return bisect_right(self.starts, offset) - 1

    def end_of(self, index: int) -> int:
        """Offset behind a line."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else len(self.data)

    def number(self, index: int) -> int:
        """Number of a line in the file, from 1."""
        return index + 1 + (self.skipped if index >= self.resumes else 0)


def read_log(path: Path) -> Log:
    """Reads a log. Raises OSError."""
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= _HEAD + _TAIL:
            return parse_log(stream.read(_HEAD + _TAIL))
        head = stream.read(_HEAD).rpartition(b"\n")[0]
        skipped, left = 0, size - _TAIL - len(head) - 1
        stream.seek(len(head) + 1)
        while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
            skipped += chunk.count(b"\n")
            left -= len(chunk)
        partial, _, tail = stream.read(_TAIL).partition(b"\n")
        del partial
    return parse_log(head, tail, skipped + 1)


def parse_log(data: bytes, tail: bytes | None = None, skipped: int = 0) -> Log:
    """Makes a log of bytes; ``tail`` follows after ``skipped`` lines that are not there."""
    data = _plain(data)
    resumes = 0
    if tail is not None:
        resumes = data.count(b"\n") + 1
        data = data + b"\n" + _plain(tail)
    starts = [0, *(match.end() for match in re.finditer(rb"\n", data))]
    if len(starts) > 1 and starts[-1] == len(data):
        starts.pop()
    return Log(data, tuple(starts), resumes, skipped)


_TO_START = re.compile(rb"\x1b\[[01]?G")
"""The cursor back to the first column, as a carriage return does it."""


def _plain(data: bytes) -> bytes:
    if b"\x1b" in data:
        data = _TO_START.sub(b"\r", data)
    return _unstamped(_ESCAPES.sub(b"", data) if b"\x1b" in data or b"\x08" in data else data)


_STAMPED = re.compile(
    rb"^(?:\[\s*\d+\.\d+s?\] |\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)? |\d{1,2}:\d\d:\d\d(?:\.\d+)? (?:\| )?)",
    re.MULTILINE,
)
_SAMPLE = 200


def _unstamped(data: bytes) -> bytes:
    """Without a build service's time stamps, where nearly every line has one; then indented lines keep their indentation."""
    lines = [line for line in data[: _SAMPLE * 100].split(b"\n")[:_SAMPLE] if line.strip()]
    stamped = sum(_STAMPED.match(line) is not None for line in lines)
    return _STAMPED.sub(b"", data) if len(lines) > 2 and stamped * 5 >= len(lines) * 4 else data
