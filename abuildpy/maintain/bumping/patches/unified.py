# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading unified diffs, as patch(1) reads them: which files, which hunks, and where each stands in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_RANGE = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)", re.DOTALL)
_NOTHING = b"/dev/null"
_LONGEST_NUMBER = 9


class NotUnderstood(Exception):
    """The patch is of a kind that is left to patch(1); says which."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a hunk: ``sign`` is a blank, ``-`` or ``+``; ``text`` has its line end, if it has one."""

    sign: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk. ``number`` counts within its file from 1; ``start`` and ``end`` are offsets in the patch."""

    number: int
    old_start: int
    new_start: int
    lines: tuple[Line, ...]
    section: bytes
    start: int
    end: int

    @property
    def old(self) -> list[bytes]:
        """The lines that it expects."""
        return [line.text for line in self.lines if line.sign != b"+"]

    @property
    def new(self) -> list[bytes]:
        """The lines that it leaves."""
        return [line.text for line in self.lines if line.sign != b"-"]

    @property
    def prefix(self) -> int:
        """How many unchanged lines it begins with."""
        return next((at for at, line in enumerate(self.lines) if line.sign != b" "), len(self.lines))

    @property
    def suffix(self) -> int:
        """How many unchanged lines it ends with."""
        return next((at for at, line in enumerate(reversed(self.lines)) if line.sign != b" "), len(self.lines))

    @property
    def reversed(self) -> Hunk:
        """The hunk that takes this one back."""
        turned = {b" ": b" ", b"-": b"+", b"+": b"-"}
        lines = tuple(Line(turned[line.sign], line.text) for line in self.lines)
        return replace(self, old_start=self.new_start, new_start=self.old_start, lines=lines)


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What a patch does to one file. Names are as written, without a date behind them."""

    old_name: bytes
    new_name: bytes
    hunks: tuple[Hunk, ...]

    @property
    def creates(self) -> bool:
        """Whether the file is not there before."""
        first = self.hunks[0]
        return self.old_name == _NOTHING or (len(self.hunks) == 1 and first.old_start == 0 and not first.old)

    @property
    def deletes(self) -> bool:
        """Whether the file is not there afterwards."""
        first = self.hunks[0]
        return self.new_name == _NOTHING or (len(self.hunks) == 1 and first.new_start == 0 and not first.new)

    @property
    def reversed(self) -> FileDiff:
        """The diff that takes this one back."""
        return FileDiff(self.new_name, self.old_name, tuple(hunk.reversed for hunk in self.hunks))

    def candidates(self, strip: int) -> list[str]:
        """The paths that may be meant, without so many leading components; none that lead elsewhere."""
        found = []
        for name in (self.old_name, self.new_name):
            path = b"" if name == _NOTHING else _stripped(name, strip)
            if path and path not in found and not path.startswith(b"/") and b".." not in path.split(b"/"):
                found.append(path)
        return [path.decode("utf-8", "surrogateescape") for path in found]


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch: its whole text, and the files in their order."""

    text: bytes
    files: tuple[FileDiff, ...]


def parse_patch(text: bytes) -> Patch:
    """Reads a patch. Raises NotUnderstood for anything but unified diffs, and for those that git alone can apply."""
    lines = _split(text)
    for line in lines:
        if line.startswith((b"GIT binary patch", b"rename from ", b"copy from ")):
            raise NotUnderstood(f"it has '{line[:16].decode('ascii', 'replace').strip()}'")
        if line.startswith(b"***************"):
            raise NotUnderstood("it is a context diff")
    files: list[FileDiff] = []
    at = offset = 0
    while at < len(lines):
        if lines[at].startswith(b"--- ") and at + 2 < len(lines) and lines[at + 1].startswith(b"+++ "):
            if lines[at + 2].startswith(b"@@ -"):
                if lines[at].endswith(b"\r\n"):
                    raise NotUnderstood("its own lines end in CRLF")
                names = _name(lines[at]), _name(lines[at + 1])
                offset += len(lines[at]) + len(lines[at + 1])
                hunks, at, offset = _hunks(lines, at + 2, offset)
                files.append(FileDiff(*names, tuple(hunks)))
                continue
        elif lines[at].startswith(b"@@ -"):
            raise NotUnderstood(f"line {at + 1}: a hunk without the names of its file")
        offset += len(lines[at])
        at += 1
    if not files:
        raise NotUnderstood("it is no unified diff")
    return Patch(text, tuple(files))


def format_hunk(hunk: Hunk) -> bytes:
    """The text of a hunk, its first line with it."""
    old, new = hunk.old, hunk.new
    head = b"@@ -%s +%s @@" % (_range(hunk.old_start, len(old)), _range(hunk.new_start, len(new)))
    parts = [head, hunk.section]
    for line in hunk.lines:
        parts += line.sign, line.text
        if not line.text.endswith(b"\n"):
            parts.append(b"\n\\ No newline at end of file\n")
    return b"".join(parts)


def _split(text: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in text.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunks(lines: Sequence[bytes], at: int, offset: int) -> tuple[list[Hunk], int, int]:
    """The hunks from a line on; the number of the line behind them, and its offset."""
    found: list[Hunk] = []
    while at < len(lines) and (match := _RANGE.fullmatch(lines[at])):
        if any(number and len(number) > _LONGEST_NUMBER for number in match.group(1, 2, 3, 4)):
            raise NotUnderstood(f"line {at + 1}: it speaks of lines that no file has")
        start, first = offset, at
        left = [int(match[2] or b"1"), int(match[4] or b"1")]
        body: list[Line] = []
        offset += len(lines[at])
        at += 1
        while left[0] > 0 or left[1] > 0:
            if at >= len(lines):
                raise NotUnderstood(f"line {first + 1}: its last hunk is cut off")
            line = lines[at]
            # Mailers strip the blank of empty lines.
            sign, rest = (b" ", line) if line in (b"\n", b"\r\n") else (line[:1], line[1:])
            if sign == b"\\" and body:
                body[-1] = Line(body[-1].sign, body[-1].text.removesuffix(b"\n"))
            elif sign in (b" ", b"-", b"+"):
                left[0] -= sign != b"+"
                left[1] -= sign != b"-"
                body.append(Line(sign, rest if rest.endswith(b"\n") else rest + b"\n"))
            else:
                raise NotUnderstood(f"line {at + 1}: it does not belong into a hunk")
            offset += len(line)
            at += 1
        if min(left) < 0:
            raise NotUnderstood(f"line {first + 1}: the hunk is not as long as it says")
        if at < len(lines) and lines[at].startswith(b"\\") and body:
            body[-1] = Line(body[-1].sign, body[-1].text.removesuffix(b"\n"))
            offset += len(lines[at])
            at += 1
        found.append(Hunk(len(found) + 1, int(match[1]), int(match[3]), tuple(body), match[5], start, offset))
    return found, at, offset


def _name(line: bytes) -> bytes:
    name = line[4:].rstrip(b"\n").partition(b"\t")[0]
    if name.startswith(b'"'):
        raise NotUnderstood("it has quoted names")
    # Dates without a tab before them: "--- a/file Mon Jan  1 ..." and "2024-01-01 ..." of some versions of diff.
    return re.sub(rb"\s+(?:\d{4}-\d\d-\d\d \d\d:|\w{3} \w{3} [ \d]\d \d\d:).*", b"", name).rstrip(b" ")


def _stripped(name: bytes, count: int) -> bytes:
    parts = re.split(rb"/+", name)
    return b"/".join(parts[count:]) if len(parts) > count else b""


def _range(start: int, count: int) -> bytes:
    return b"%d" % start if count == 1 else b"%d,%d" % (start, count)
