# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON lines over a pipe between the publisher and the process that is Dask's client.

The publisher believes nothing of what comes: a line is an object of a few fields of known types and sizes, or the whole
conversation ends.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from abuildpy.batch.remote.messages import LARGEST_MESSAGE

LONGEST_LINE: Final = 2 * LARGEST_MESSAGE
_PIECE: Final = 1 << 16


class Writer:
    """The end that is written to; whole lines, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """One line. Raises OSError (BrokenPipeError) where nobody reads."""
        data = memoryview(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")
        with self._lock:
            while data:
                data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Tells the other side that there is no more."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1


def read_lines(descriptor: int) -> Iterator[dict[str, Any]]:
    """The messages that come, until the other side closes. Raises ValueError for a line that is none."""
    rest = b""
    while True:
        at = rest.find(b"\n")
        if at < 0:
            if len(rest) > LONGEST_LINE:
                raise ValueError("a line is too long")
            data = os.read(descriptor, _PIECE)
            if not data:
                return
            rest += data
            continue
        line, rest = rest[:at], rest[at + 1 :]
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError("a line is no JSON") from None
        if not isinstance(message, dict):
            raise ValueError("a line is no object")
        yield message


def text(message: Mapping[str, Any], name: str, longest: int = 4096) -> str:
    """A field that is a text. Raises ValueError."""
    value = message.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{name} is no text, or too long a one")
    return value


def shown(value: str) -> str:
    """A text that may go to a terminal: what is not printable, and would steer one, becomes a question mark."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in value)


def count(message: Mapping[str, Any], name: str) -> int:
    """A field that is a number of something. Raises ValueError."""
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ValueError(f"{name} is no number that it can be")
    return value
