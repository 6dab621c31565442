# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a build failed, in one word and with the first real error: from the exception that ended it, and from the logs."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path

from abuildpy.batch.model import FAILURES, Failure
from abuildpy.diagnosis.diagnose import diagnose
from abuildpy.diagnosis.model import Diagnosis
from abuildpy.diagnosis.text import read_log
from abuildpy.errors import (
    AbuildError,
    ChecksumError,
    DependencyError,
    FetchError,
    LimitError,
    PackageError,
    PhaseError,
    RecipeError,
    UnpackError,
)
from abuildpy.phases.outcome import NO_NETWORK

_OF_CLASSES: tuple[tuple[type[AbuildError], Failure], ...] = (
    (FetchError, "fetch"),
    (ChecksumError, "checksum"),
    (UnpackError, "unpack"),
    (DependencyError, "dependencies"),
    (RecipeError, "evaluate"),
)
_OF_FUNCTIONS: dict[str, Failure] = {
    "validate": "evaluate",
    "builddeps": "dependencies",
    "fetch": "fetch",
    "unpack": "unpack",
    "prepare": "compile",
    "mkusers": "compile",
    "build": "compile",
    "check": "test",
}
"""By the function that failed; all others belong to packaging."""
_OF_DIAGNOSES: dict[str, Failure] = {"disk-full": "disk", "out-of-memory": "memory"}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_ERROR = re.compile(rb"(?:\x1b\[[0-9;]*m)*>>> ERROR:(?:\x1b\[[0-9;]*m)* ?([^\n]*)")
_OF_APK = re.compile(rb"^ERROR: ([^\n]*)", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_LOG = 1 << 22
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, and the first real error."""

    reason: Failure
    error: str


def cause_of(error: BaseException, step: str, log: Path) -> Cause:
    """The cause of a failure. ``step`` is what the build was at when it came; ``log`` holds all that it wrote."""
    if isinstance(error, LimitError):
        return Cause(_of_limit(error), " ".join((f"{error.message}:", *(_short(line) for line in error.details[:1]))))
    if isinstance(error, PhaseError):
        return _of_function(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Cause("disk" if error.errno in _NO_ROOM else "internal", f"{where}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return Cause("memory", "the build's own program ran out of memory")
    if not isinstance(error, AbuildError):
        return Cause("internal", f"{type(error).__name__}: {error}"[:_LONGEST])
    if isinstance(error, PackageError):
        return Cause("postcheck" if step == "postcheck" else "package", _first(_ERROR, log) or error.message)
    if isinstance(error, DependencyError):
        return Cause("dependencies", _first(_OF_APK, log) or error.message)
    for kind, reason in _OF_CLASSES:
        if isinstance(error, kind):
            return Cause(reason, error.message)
    return Cause("internal", error.message)


def _short(detail: str) -> str:
    """Without where to look: a batch says that by itself."""
    return detail.partition("; its tree is kept in ")[0]


def _of_limit(error: LimitError) -> Failure:
    for reason in FAILURES:
        if reason == error.reason:
            return reason
    return "memory"  # processes: what the machine has for all, and a recipe wanted too much of; trying again is no use


def _of_function(error: PhaseError) -> Cause:
    found = _diagnosed(error)
    reason = _OF_FUNCTIONS.get(error.phase, "package")
    if found is None:
        return Cause(reason, ": ".join((error.message, *(_short(line) for line in error.details[:1]))))
    if found.kind in _OF_DIAGNOSES:
        reason = _OF_DIAGNOSES[found.kind]
    elif found.kind in ("network", "fetch-failed") and error.hint != NO_NETWORK:
        reason = "fetch"  # it had the network; where it had none, it is the recipe that lacks net
    elif error.phase == "prepare" and found.kind == "patch-rejected":
        reason = "patch"
    return Cause(reason, found.text[:_LONGEST])


def _diagnosed(error: PhaseError) -> Diagnosis | None:
    if error.log is None:
        return None
    try:
        return diagnose(read_log(error.log), status=error.status)
    except (AbuildError, OSError):
        return None


def _first(pattern: re.Pattern[bytes], log: Path) -> str:
    """The first line that the log has of a kind; empty if it has none."""
    try:
        with open(log, "rb") as file:
            found = pattern.search(file.read(_LONGEST_LOG))
    except OSError:
        return ""
    return _COLOURS.sub("", found[1].decode("utf-8", "replace")).strip()[:_LONGEST] if found else ""
