# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a text by offsets, where its lines end, and quoting what is put in."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from abuildpy.recipe.syntax import Assignment, Script
from abuildpy.recipe.syntax.nodes import Literal

P = ParamSpec("P")

_NEEDS_NO_QUOTES = frozenset((string.ascii_letters + string.digits + "%+,-./:@_").encode())
_ESCAPED = frozenset(b'"$`\\')


@dataclass(frozen=True, slots=True)
class Change:
    """``new`` in the place of what stands between two offsets."""

    start: int
    end: int
    new: bytes


def applied(text: bytes, changes: Iterable[Change]) -> bytes:
    """The text with all changes made; they must not overlap."""
    parts: list[bytes] = []
    position = 0
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        parts += text[position : change.start], change.new
        position = change.end
    return b"".join((*parts, text[position:]))


def encoded(text: str) -> bytes:
    """The bytes that Python's text stands for in a file."""
    return text.encode("utf-8", "surrogateescape")


def keeping_line_ends(edit: Callable[Concatenate[bytes, P], bytes]) -> Callable[Concatenate[bytes, P], bytes]:
    """An edit that takes CRLF for LF if all lines end so, and leaves CRLF; to the shell, the CR would be part of words."""

    @wraps(edit)
    def change(text: bytes, /, *args: P.args, **kwargs: P.kwargs) -> bytes:
        plain = with_lf(text)
        changed = edit(plain, *args, **kwargs)
        return text if changed == plain else changed if plain is text else changed.replace(b"\n", b"\r\n")

    return change


def with_lf(text: bytes) -> bytes:
    """The text with LF for CRLF if all lines end so, else the text itself."""
    crlf = text.count(b"\r\n")
    return text.replace(b"\r\n", b"\n") if crlf and crlf == text.count(b"\n") else text


def line_after(script: Script, offset: int) -> int:
    """Where the next line begins at which no command and no here-document is open; the text's end if there is none."""
    commands = [(item.command.start, item.command.end) for item in script.commands]
    texts = [(word.start, word.end) for word in script.here_documents.values()]
    while True:
        at = script.data.find(b"\n", offset) + 1
        if not at:
            return len(script.data)
        # Behind a here-document's text comes one more line, its delimiter.
        ends = [end for start, end in commands if start < at <= end] + [
            end for start, end in texts if start <= at <= end
        ]
        if not ends:
            return at
        offset = max(ends)


def quote_around(script: Script, assignment: Assignment) -> bytes:
    """The quotes that the value wholly stands in, single or double; empty if it does not."""
    raw = assignment.raw
    start, end = assignment.value_span.start, assignment.value_span.end
    if len(raw) < 2 or raw[:1] != raw[-1:] or raw[:1] not in (b"'", b'"'):
        return b""
    quote = raw[:1]
    if quote == b"'":
        return quote if raw.find(b"'", 1) == len(raw) - 1 else b""
    if raw == b'""':
        return quote
    at = start + 1
    for part in assignment.value.parts:
        # Between the parts there is nothing but joined lines, unless quotes end and begin there.
        if part.start < at or script.data[at : part.start].replace(b"\\\n", b""):
            return b""
        if isinstance(part, Literal) and not part.quoted:
            return b""
        at = part.end
    return b"" if script.data[at : end - 1].replace(b"\\\n", b"") or at >= end else quote


def escaped(value: bytes) -> bytes:
    """The value for inside double quotes."""
    return b"".join(b"\\%c" % char if char in _ESCAPED else b"%c" % char for char in value)


def bare(value: bytes) -> bytes:
    """The value as a word: without quotes where it needs none."""
    return value if _NEEDS_NO_QUOTES.issuperset(value) else b'"' + escaped(value) + b'"'


def in_style(quote: bytes, value: bytes) -> bytes:
    """The value as a word in these quotes, or in those it needs."""
    if quote == b'"':
        return b'"' + escaped(value) + b'"'
    if quote == b"'" and b"'" not in value:
        return b"'" + value + b"'"
    return bare(value)
