# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed build's log tells: the first error with the lines around it, and the log's end."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from abuildpy.batch.model import Outcome, Reason
from abuildpy.ui.words import printable, printable_lines

if TYPE_CHECKING:
    from abuildpy.diagnosis.model import Diagnosis

_TAIL = 64 << 10
_LIMITS: Final[frozenset[Reason]] = frozenset(("timeout", "no-output", "memory", "disk", "cycle", "evaluate"))
"""Failures of which the log does not tell: what looks like an error in it was not what ended the build."""

SAID: Final[Mapping[str, str]] = {
    "fetch": "a source could not be fetched",
    "checksum": "a source is not the file that the recipe describes",
    "unpack": "a source could not be unpacked",
    "patch": "the sources could not be prepared",
    "dependencies": "dependencies could not be installed",
    "compile": "build() failed",
    "test": "check() failed",
    "package": "package() failed",
    "postcheck": "the packages are not what they should be",
    "timeout": "it took longer than it may",
    "no-output": "it was silent for longer than it may be",
    "memory": "it took more memory, or more processes, than it may",
    "disk": "it took more room on disk than it may, or there was none",
    "cycle": "it needs itself, over others",
    "evaluate": "the recipe cannot be evaluated",
    "internal": "abuildpy itself or what is around it failed",
}
"""What reasons mean, where nothing better is known."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """``text`` is one printable line and never empty; ``number`` the log's line it stands in, 0 where it is from elsewhere.

    ``context`` are lines around it with their numbers, ``tail`` the last lines of the log, all printable.
    """

    text: str
    number: int = 0
    context: tuple[tuple[int, str], ...] = ()
    cause: str = ""
    next_step: str = ""
    tail: tuple[str, ...] = ()


def trouble_of(outcome: Outcome, *, tail: int = 0) -> Trouble:
    """What is known of a failure: what the outcome says itself, and what its log does, as far as that can be read.

    ``tail`` is how many of the log's last lines are wanted.
    """
    text = printable(outcome.error or "")
    said = text or SAID.get(outcome.reason or "", outcome.status)
    if outcome.log is None or not _is_file(outcome.log):
        return Trouble(said)
    last = log_end(outcome.log, tail) if tail else ()
    if outcome.reason in _LIMITS:
        return Trouble(said, tail=last)
    try:
        state = os.stat(outcome.log)
        found = _diagnosis(outcome.log, state.st_size, state.st_mtime_ns)
    except OSError:
        return Trouble(said, tail=last)
    if found is None:
        return Trouble(said, tail=last)
    message = printable(found.text)
    if found.file and found.file not in found.text:
        message = f"{printable(found.file)}{f':{found.line}' if found.line else ''}: {message}"
    return Trouble(
        text or message or said,
        found.number,
        tuple((line.number, _one(line.text)) for line in found.context),
        printable(found.cause),
        printable(found.next_step),
        last,
    )


def first_error(outcome: Outcome) -> str:
    """One printable line: what the outcome says; only if that is nothing its log is read."""
    return printable(outcome.error or "") or trouble_of(outcome).text


def log_end(path: str, most: int, bytes_most: int = _TAIL) -> tuple[str, ...]:
    """The last lines of a log, without escape sequences and control characters; none if it cannot be read."""
    from abuildpy.diagnosis.text import parse_log

    if not _is_file(path):
        return ()
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            start = max(0, size - bytes_most)
            stream.seek(start)
            data = stream.read(bytes_most)
    except OSError:
        return ()
    if start:
        data = data.partition(b"\n")[2] or data
    log = parse_log(data)
    return tuple(_one(log.line(index)) for index in range(max(0, len(log) - most), len(log)))


@lru_cache(maxsize=512)
def _diagnosis(path: str, _size: int, _changed: int) -> Diagnosis | None:
    """Each report asks for the same ones, and some logs are large. Raises OSError."""
    from abuildpy.diagnosis.diagnose import diagnose
    from abuildpy.diagnosis.text import read_log

    return diagnose(read_log(Path(path)))


def _one(line: str) -> str:
    return printable_lines(line.replace("\n", " "))[0]


def _is_file(path: str) -> bool:
    """Whether it is a file: opening a pipe would wait for ever."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
