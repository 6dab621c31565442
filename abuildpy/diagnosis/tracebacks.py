# SPDX-License-Identifier: GPL-3.0-or-later
"""A traceback's error is its last line; of a chain of them the first that is a cause."""

from __future__ import annotations

import re
from dataclasses import replace

from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log

_EXCEPTION = re.compile(r"(?P<class>[A-Za-z_][\w.]*)(?:: (?P<message>.*)|:?$)")
_EXCEPTION_NAME = re.compile(
    r".(?:Error|Exception|Exit|Interrupt|Failed|Skipped|Expired)$|StopIteration$|(?:error|timeout)$"
)
_NEAR = 12
"""Lines below what may be the exception in which a better one is looked for."""
_FRAME = re.compile(r'\s*(?:\*\*\*\s+)?File "(?P<file>[^"]+)", line (?P<line>\d+)')
_DIRECT_CAUSE = "The above exception was the direct cause of the following exception"
_DURING = "During handling of the above exception, another exception occurred"
MODULE_MISSING = re.compile(r"(?:.*: )?(?:No module named|cannot import name|Cannot import) ['\"]?(?P<name>[^'\"\s;]+)")
_WRAPPERS = (
    "CalledProcessError",
    "SystemExit",
    "BackendError",
    "HookMissing",
    "BuildBackendException",
    "BuildException",
)
_LONGEST_TRACEBACK = 400


def traceback_of(log: Log, event: Event) -> tuple[Event | None, int]:
    """The exception that a chain of tracebacks is about, and the chain's last line."""
    indent = len(event.text) - len(event.text.lstrip())
    found: list[Event] = []
    index = event.index
    while True:
        one, index = _one_traceback(log, index, indent)
        if one is None:
            break
        found.append(one)
        joint, following = _joint(log, index, indent)
        if not joint:
            break
        if joint == "during":
            found = []  # what came of the handling is what ended the program
        index = following
    if not found:
        return None, index
    root = found[0]
    if len(found) > 1 and root.kind == "python-error":
        root = next((each for each in found if each.kind == "missing-python-module"), root)
    return root, index


def _one_traceback(log: Log, start: int, indent: int) -> tuple[Event | None, int]:
    """The exception at a traceback's end, and its line; other jobs' lines may stand between."""
    file, line = "", 0
    likely: tuple[Event, int] | None = None
    for index in range(start + 1, min(start + _LONGEST_TRACEBACK, len(log))):
        if likely is not None and index > likely[1] + _NEAR:
            break
        text = log.line(index)
        if text[:indent].strip():
            break
        inner = text[indent:]
        frame = _FRAME.match(inner)
        if frame is not None:
            if not frame["file"].startswith("<frozen"):
                file, line = frame["file"], int(frame["line"])
            continue
        if likely is not None and inner.startswith(("Traceback (", _DIRECT_CAUSE, _DURING)):
            break
        if not inner.strip() or inner[0] in " \t":
            continue
        match = _EXCEPTION.match(inner)
        if match is None:
            continue
        name = match["class"].rpartition(".")[2]
        if _EXCEPTION_NAME.search(name) and (name[0].isupper() or "." in match["class"]):
            return _exception(index, inner, match, file, line), index
        if likely is None and match["message"] and name != name.upper() and name[0].isupper() and name != "Error":
            likely = _exception(index, inner, match, file, line), index
    return likely or (None, min(start + _LONGEST_TRACEBACK, len(log)) - 1)


def _exception(index: int, text: str, match: re.Match[str], file: str, line: int) -> Event:
    short = match["class"].rpartition(".")[2]
    kind, name = "python-error", ""
    module = MODULE_MISSING.match(match["message"] or "")
    if short in ("ModuleNotFoundError", "ImportError", "BackendUnavailable") and module is not None:
        kind, name = "missing-python-module", module["name"]
    elif short in ("SyntaxError", "IndentationError", "TabError"):
        kind = "python-syntax"
    elif short == "MemoryError":
        kind = "out-of-memory"
    elif short == "AssertionError":
        kind = "assertion"
    elif short in ("DistributionNotFound", "PackageNotFoundError", "VersionConflict", "ContextualVersionConflict"):
        kind = "python-requirement"
    for word, special in (
        ("No space left on device", "disk-full"),
        ("File too large", "file-too-large"),
        ("Permission denied", "permission"),
        ("Read-only file system", "read-only"),
        ("name resolution", "network"),
        ("Network is unreachable", "network"),
        ("Name or service not known", "network"),
    ):
        if word in (match["message"] or ""):
            kind = special
    if match["class"] == "Cython.Compiler.Errors.CompileError":  # the place was told above
        return Event(index, kind, Rank.END, "python", text, file, line, name)
    if short in ("LinkError", "CompileError") and "failed with exit" in (match["message"] or ""):
        return Event(index, kind, Rank.END, "python", text, file, line, name)
    wrapped = short in _WRAPPERS and "non-zero exit status" in (match["message"] or "non-zero exit status")
    return Event(index, kind, Rank.END if wrapped else Rank.CAUSE, "python", text, file, line, name)


def _joint(log: Log, index: int, indent: int) -> tuple[str, int]:
    """Whether another traceback follows that belongs to this one: how, and its first line."""
    how = ""
    for each in range(index + 1, min(index + 12, len(log))):
        text = log.line(each)[indent:]
        if text.startswith(_DIRECT_CAUSE):
            how = "cause"
        elif text.startswith(_DURING):
            how = "during"
        elif how and text.startswith("Traceback (most recent call last)"):
            return how, each
    return "", index


def frame_before(log: Log, event: Event) -> Event:
    """A SyntaxError with the place that stands above it."""
    for index in range(event.index - 1, max(event.index - 6, -1), -1):
        frame = _FRAME.match(log.line(index))
        if frame is not None:
            rank = Rank.WEAK if _byte_compiled(log, index) else event.rank
            return replace(event, file=frame["file"], line=int(frame["line"]), text=event.text.strip(), rank=rank)
    return event


_BYTE_COMPILING = re.compile(r"\*\*\* |(?:byte-)?[Cc]ompiling \S+.*(?:\.\.\.|\.pyc)$|Listing \S+\.\.\.$")


def _byte_compiled(log: Log, frame: int) -> bool:
    """Whether it was said by compileall or a package's installation, which go on after it."""
    return any(_BYTE_COMPILING.match(log.line(each)) for each in range(max(0, frame - 2), frame + 1))
