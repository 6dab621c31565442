# SPDX-License-Identifier: GPL-3.0-or-later
"""From a caller's failure to what the program it ran had said: exceptions, and results of tests that never began."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from abuildpy.diagnosis.groups import COMMAND, MAKE_SAYS, best
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log

_BLOCK = 60
"""Lines that belong to what a caller tells."""
_ABOVE = 60
_NO_PROGRAM = re.compile(
    r".*\b(?:status|code|value|exit|exited|returned|returns|failed|error)\b[^\w]{0,3}(?:(?:with|was|is|of) )?\(?(?:127|32512)\b",
    re.IGNORECASE,
)
"""The exit status of a shell that did not find a program, also as wait() tells it."""
_CALL_FAILED = re.compile(r"(?:[\w.]+\.)?(?:CalledProcessError|Error): Command .* returned non-zero exit status")
_VAGUELY = re.compile(
    r".*(?:\.success\(\)|\b(?:[Cc]ommand failed|(?:failed|unable) to (?:run|execute)|could not (?:run|execute))\b)"
)
_NEAR = 4
_STATUS_OF = re.compile(r"Command failed with status \(127\): \[(?P<name>[^\s\].]+)")
_TELLS_OF_CALLS = frozenset(
    "sphinx-error python-error cmake-error meson-error ruby-error lua-error perl-error node-error gradle-error java-error "
    "rust-panic go-error php-error lisp-error compile-error error unknown doc-error erlang-error assertion".split()
)


def of_called(log: Log, found: Event, events: Sequence[Event]) -> Event:
    """``found``, or what the program had said whose failure it tells of; of sphinx's headings the exception below."""
    if found.kind not in _TELLS_OF_CALLS or found.rank is Rank.TEST:
        return found
    below = _between(events, found.index, found.index + _BLOCK)
    traceback = next((event for event in below if event.tool == "python" and event.rank > Rank.TEST), None)
    if found.kind == "sphinx-error" and traceback is not None and _is_heading(log, found):
        return traceback
    failed = False
    for index in range(found.index, min(found.index + _BLOCK, len(log))):
        text = log.line(index)
        if index > found.index and _parts(text):
            break
        if _NO_PROGRAM.match(text):
            above = [event for event in _said_above(log, found, events) if event.kind == "missing-program"]
            if above:
                return above[-1]
            break
        failed = failed or _CALL_FAILED.match(text) is not None
    if _VAGUELY.match(found.text) and (near := _said_above(log, found, events)):
        return near[-1] if near[-1].kind == "missing-program" and found.index - near[-1].index <= _NEAR else found
    if found.text.endswith(" aborted!") and found.index + 1 < len(log) and log.line(found.index + 1).strip():
        return _of_aborted(found, log.line(found.index + 1))
    if failed:
        return best([event for event in _said_above(log, found, events) if event.rank >= Rank.CAUSE]) or found
    return found


def _of_aborted(found: Event, text: str) -> Event:
    """What rake tells below its heading."""
    program = _STATUS_OF.match(text)
    if program is not None:
        return replace(found, index=found.index + 1, text=text, kind="missing-program", name=program["name"])
    return replace(found, index=found.index + 1, text=text)


def _is_heading(log: Log, found: Event) -> bool:
    lines = range(found.index + 1, min(found.index + 6, len(log)))
    return found.text.rstrip().endswith(("error:", "error!")) and any(
        log.line(index).startswith("Traceback (most recent") for index in lines
    )


def _between(events: Sequence[Event], first: int, end: int) -> Sequence[Event]:
    """The events behind line ``first`` and before line ``end``."""
    return events[
        bisect_right(events, first, key=lambda event: event.index) : bisect_left(
            events, end, key=lambda event: event.index
        )
    ]


def _parts(text: str) -> bool:
    return text.startswith(">>> ") or MAKE_SAYS.match(text) is not None or COMMAND.match(text) is not None


def _said_above(log: Log, found: Event, events: Sequence[Event]) -> Sequence[Event]:
    """The events above a line, since the last command was shown."""
    top = max(found.index - _ABOVE, 0) - 1
    for index in range(found.index - 1, top, -1):
        if _parts(log.line(index)):
            top = index
            break
    return _between(events, top, found.index)


_RESULT = re.compile(r"\s*(?:not )?ok\b|\S+ \.{2,} *(?:ok|skipped)\b|(?:PASS|SKIP|XFAIL|FAIL|ERROR): ")


def before_results(log: Log, found: Event, events: Sequence[Event]) -> Event:
    """``found``, or what ended a test's program, by its own words, before it could tell its first result."""
    if found.rank is not Rank.TEST or found.tool not in ("tap", "prove"):
        return found
    if "(Wstat: " in found.text:
        return _of_dubious(log, found, events)
    top = max(found.index - _ABOVE, 0) - 1
    for index in range(found.index - 1, top, -1):
        text = log.line(index)
        if _RESULT.match(text) or _parts(text):
            top = index
            break
    said = _between(events, top, found.index)
    return best([event for event in said if event.rank >= Rank.CAUSE or _is_missing(event)]) or found


def _is_missing(event: Event) -> bool:
    return event.rank is Rank.LIKELY and (event.kind.startswith("missing-") or event.tool == "loader")


_HARNESS = re.compile(r"\s*$|\S+ \.{2,}|\d+\.\.\d+|\s*(?:not )?ok\b|# |Dubious, |Failed \d|Test Summary|-{3,}")


def _of_dubious(log: Log, found: Event, events: Sequence[Event]) -> Event:
    """What a test of perl said when it died, where prove has no failed test to tell of, only how it ended."""
    lines = range(found.index - 1, max(found.index - 4 * _ABOVE, 0) - 1, -1)
    ended = next((index for index in lines if "Dubious, test returned" in log.line(index)), -1)
    last = next((index for index in range(ended - 1, ended - 12, -1) if index >= 0 and not _is_harness(log, index)), -1)
    if ended < 0 or last < 0 or _parts(log.line(last)):
        return found
    first = last
    while first > 0 and last - first < _BLOCK and not _is_harness(log, first - 1) and not _parts(log.line(first - 1)):
        first -= 1
    known = best([event for event in _between(events, first - 1, last + 1) if event.rank >= Rank.LIKELY])
    return known or Event(last, "perl-error", Rank.LIKELY, "perl", log.line(last), name=found.name)


def _is_harness(log: Log, index: int) -> bool:
    return _HARNESS.match(log.line(index)) is not None
