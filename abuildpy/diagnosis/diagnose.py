# SPDX-License-Identifier: GPL-3.0-or-later
"""From a log to its diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from abuildpy.diagnosis.advice import advise, advise_by_status
from abuildpy.diagnosis.blocks import complete
from abuildpy.diagnosis.callers import before_results, of_called
from abuildpy.diagnosis.endings import told_before
from abuildpy.diagnosis.heads import reason_of
from abuildpy.diagnosis.model import ContextLine, Diagnosis, Event, Rank
from abuildpy.diagnosis.scan import find_events
from abuildpy.diagnosis.select import choose, segment
from abuildpy.diagnosis.text import Log

Knows = Callable[[str, str], Sequence[str]]
"""Asked for (kind, name) of something missing; returns packages that an index says hold it."""

_BEFORE, _AFTER = 2, 4
_NEAR = 40
"""Lines before a vague error in which a hint at the network counts."""
_NETWORK_WORDS = (
    "could not resolve host",
    "temporary failure in name resolution",
    "name or service not known",
    "name does not resolve",
    "failed to establish a new connection",
    "network is unreachable",
    "eai_again",
    "getaddrinfo",
    "no such host",
)
_BY_STATUS = {
    127: "missing-program",
    132: "crash",
    134: "crash",
    135: "crash",
    136: "crash",
    137: "out-of-memory",
    139: "crash",
}
_PLAIN = {
    "pytest-verdict": "test-failed",
    "pytest-progress": "test-failed",
    "jest-verdict": "test-failed",
    "marked-test": "test-failed",
    "pytest-usage": "test-failed",
    "unittest-verdict": "test-failed",
}
_VAGUE = frozenset(
    "error python-requirement cargo-error node-error java-error go-error missing-crate missing-go-package gradle-error "
    "python-error missing-node-module unknown cmake-error missing-ruby-library".split()
)


def diagnose(log: Log, *, status: int | None = None, knows: Knows = lambda _kind, _name: ()) -> Diagnosis | None:
    """The first real error of a log; None for one without any text.

    ``status`` is how the phase ended, if that is known (negative: by that signal).
    """
    events = complete(log, find_events(log))
    event = choose(log, events)
    if event is None or (event.rank is Rank.END and event.tool == "abuild"):
        last = _last_line(log)
        event = event if last is None else told_before(log, last, events)
    if event is None:
        return None
    event = of_called(log, before_results(log, event, events), events)
    event = reason_of(log, event, events)
    kind, name = (
        _BY_STATUS.get(event.status, event.kind) if event.kind == "make-stopped" else event.kind,
        event.name.strip(),
    )
    kind = _PLAIN.get(kind, kind)
    if kind in _VAGUE and _network_near(log, event.index):
        kind, name = "network", ""
    elif kind == "test-failed" and _tells_of_network(event.text):
        kind = "network"
    packages = tuple(knows(kind, name)) if name and kind.startswith("missing-") else ()
    cause, step = advise(kind, name, packages)
    if not cause and status is not None:
        cause, step = advise_by_status(status)
    return Diagnosis(
        kind,
        event.tool,
        log.number(event.index),
        event.text.strip(),
        event.file,
        event.line,
        name,
        _context(log, event),
        cause,
        step,
        packages,
    )


def _last_line(log: Log) -> Event | None:
    """Where no rule knows a line: the last one that was printed."""
    start, end = segment(log)
    for index in range(end - 1, start - 1, -1):
        text = log.line(index)
        if text.strip() and not text.startswith((">>> ", "npm notice")):
            return Event(index, "unknown", Rank.WEAK, "any", text)
    return None


def _network_near(log: Log, index: int) -> bool:
    return any(_tells_of_network(log.line(each)) for each in range(max(0, index - _NEAR), min(index + 8, len(log))))


def _tells_of_network(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _NETWORK_WORDS)


def _context(log: Log, event: Event) -> tuple[ContextLine, ...]:
    first, last = max(0, event.index - _BEFORE), min(len(log), event.index + _AFTER + 1)
    return tuple(ContextLine(log.number(index), log.line(index)[:400]) for index in range(first, last))
