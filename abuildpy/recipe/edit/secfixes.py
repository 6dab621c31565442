# SPDX-License-Identifier: GPL-3.0-or-later
"""The comment that lists which version fixed which vulnerability.

abuild 3.18, validate: from a line ``# secfixes:`` on, the lines of the comment are ``#   VERSION:``, ``#     - ID`` and
``#``. A version begins with a digit, an ID with a capital letter, a digit or ``-``; further IDs of the same vulnerability
follow it in its line. Newer versions stand above older ones, and ``0`` (never affected) is the last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import Change, applied, encoded, keeping_line_ends, line_after
from abuildpy.recipe.syntax import Script, Span, parse
from abuildpy.repository import version as versions

_HEADER = re.compile(rb"#\s*secfixes\s*:?\s*\Z")
_VERSION_LINE = re.compile(rb"#\s+([0-9][^\s:]*)\s*:?\s*\Z")
_ENTRY_LINE = re.compile(rb"(#\s+-\s*)(\S.*)\Z")
_VERSION = re.compile(r"[0-9][^\s:]*\Z")
_ID = re.compile(r"[A-Z0-9][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+(?: [A-Z0-9][A-Za-z0-9-]*)*\Z")


@dataclass(frozen=True, slots=True)
class _Fixed:
    """One version of the block: numbers of its lines in the block, and the words of its entries."""

    version: str
    line: int
    last: int
    ids: frozenset[str]
    prefix: bytes


def secfixes_block(script: Script) -> Span | None:
    """Where the comment is, from its ``#`` to the end of its last line; None if there is none."""
    own = [comment for comment in script.comments if comment.span.column == 1]
    for number, comment in enumerate(own):
        if _HEADER.match(comment.text):
            last = comment
            for following in own[number + 1 :]:
                if following.span.line != last.span.line + 1:
                    break
                last = following
            return script.span(comment.span.start, last.span.end)
    return None


@keeping_line_ends
def add_secfix(text: bytes, version: str, ids: Sequence[str]) -> bytes:
    """``text`` with vulnerabilities as fixed in a version, ``1.2.3-r0``, or ``0`` if no version had them.

    Each of ``ids`` is ``CVE-2024-1234`` or, with other names of the same one, ``CVE-2024-1234 GHSA-…``. A new version goes
    above all that are older, a known one gets what it has not got; without a comment, one is made behind the recipe's
    variables. RecipeError for a version or an ID that abuild would not accept there, for lines that it would not, or if
    the text is no shell script.
    """
    _require_valid(version, ids)
    script = parse(text)
    block = secfixes_block(script)
    entries = list(dict.fromkeys(ids))
    if not entries:
        return text
    if block is None:
        return applied(text, [_creation(script, version, entries)])
    lines = script.text(block).split(b"\n")
    fixed = _take_apart(lines, block.line)
    known = next((f for f in fixed if f.version == version), None)
    if known:
        entries = [entry for entry in entries if entry.split()[0] not in known.ids]
        place, prefix, new = known.last + 1, known.prefix, []
    else:
        older = (f.line for f in fixed if versions.compare(version, f.version) > 0 or f.version == "0")
        place = next(older, fixed[-1].last + 1 if fixed else 1)
        prefix, new = b"#     - ", [b"#   " + encoded(version) + b":"]
    added = [*new, *(prefix + encoded(entry) for entry in entries)]
    return applied(text, [Change(block.start, block.end, b"\n".join([*lines[:place], *added, *lines[place:]]))])


def _require_valid(version: str, ids: Sequence[str]) -> None:
    if not _VERSION.match(version):
        raise RecipeError(f"secfixes: '{version}' is no version", hint="give it with its release, as in 1.2.3-r0")
    for entry in ids:
        if not _ID.match(entry):
            raise RecipeError(f"secfixes: '{entry}' names no vulnerability", hint="as in CVE-2024-1234")


def _take_apart(lines: Sequence[bytes], first: int) -> list[_Fixed]:
    """The versions of a block that begins at the recipe's line ``first``."""
    fixed: list[_Fixed] = []
    for number, line in enumerate(lines[1:], 1):
        version, entry = _VERSION_LINE.match(line), _ENTRY_LINE.match(line)
        if version:
            fixed.append(_Fixed(_text(version[1]), number, number, frozenset(), b"#     - "))
        elif entry and fixed:
            before = fixed.pop()
            ids = before.ids | set(_text(entry[2].partition(b" #")[0]).split())
            fixed.append(_Fixed(before.version, before.line, number, ids, entry[1]))
        elif line.strip(b"# \t"):
            raise RecipeError(
                f"line {first + number}: this does not belong into the secfixes comment",
                hint="put an empty line between it and other comments",
            )
    return fixed


def _creation(script: Script, version: str, entries: Sequence[str]) -> Change:
    """A comment of its own, between empty lines, behind the variables that stand before the functions."""
    data, end = script.data, b"\n"
    body = min((f.span.start for f in script.functions), default=len(data))
    variables = [
        a
        for a in script.assignments
        if a.top_level and not a.declared and a.span.start < body and not a.name.startswith("_") and a.name.islower()
    ]
    variables = [a for a in variables if not a.name.endswith("sums")] or variables
    at = line_after(script, variables[-1].span.end) if variables else 0
    block = end.join(
        [b"# secfixes:", b"#   " + encoded(version) + b":", *(b"#     - " + encoded(e) for e in entries), b""]
    )
    if at:
        block = end + block
    if data[at:] and not data.startswith(b"\n", at):
        block += end
    if at and not data[:at].endswith(b"\n"):
        block = end + block.removesuffix(end)
    return Change(at, at, block)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
