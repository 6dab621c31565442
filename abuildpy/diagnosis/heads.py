# SPDX-License-Identifier: GPL-3.0-or-later
"""From the head line of a failed test, which has only its name, to the line that tells why; a test harness's are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from abuildpy.diagnosis.endings import is_tally
from abuildpy.diagnosis.groups import MAKE_SAYS, TROUBLE, denies
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.scan import event_of
from abuildpy.diagnosis.text import Log

_BELOW = frozenset(
    "phpunit busted minitest test-unit bats jest mocha marked cppunit eunit qtest tcltest ava vitest junit scalatest "
    "gradle-test dotnet tasty".split()
)
"""Runners that tell below the head line why; those of meson, ctest and automake run programs, which tell anything."""
_MOST_BELOW = 16
_MOST_ABOVE = 4000
_FAR = 1 << 22

_WHY = re.compile(
    r".*(?:\b(?:got|want(?:ed)?|expected|actual|received|assert\w*|equals?|returned value|did not|didn't|(?:is|was) not)\b"
    r"|\w(?:Error|Exception)\b"
    r"|\*\*(?:error|exit|throw):|Failure/Error: )|\s*[^\s:()]+:\d+(?::\d+)?: \S",
    re.IGNORECASE,
)
_COMPARES = re.compile(r".*\b(?:got|want(?:ed)?|expected|actual|received)\b", re.IGNORECASE)
_PLACE_ONLY = re.compile(
    r"\W*(?:at |in (?:call from|function|test file) |\(in |# \.?/|from \S+:\d+|(?:=>\s*)?\d+\s*[:|] |> ?\d+ \||code:|"
    r"[\w./-]+:\d+(?::\d+)?(?::in .*)?$|-{3,}|={3,}|(?:location|operator|Passed in): )"
)
"""Lines that show where, or the source, and not why."""
_RESULT = re.compile(
    r"\s*(?:[✓✔✗✘✖✕↩○﹣] |(?:not )?ok \d|\d+\) |PASS\b|FAIL\b|\[[ \w]+\] |Tests?: |\d+ (?:passing|failing|tests?|runs))"
)
"""The result of another test, or a summary."""


def reason_of(log: Log, found: Event, events: Sequence[Event]) -> Event:
    """``found``, or the line that tells why, if that is the head line of a failed test and such a line is there."""
    if found.rank is not Rank.TEST or found.kind == "test-timeout":
        return found
    if found.tool == "go-test" and "--- FAIL: " in found.text:
        return _of_go(log, found) or found
    if found.tool == "cargo-test":
        return _of_cargo(log, found) or found
    if found.tool in _BESIDE or found.text.endswith("ms)"):
        return _beside(log, found) or found
    if found.tool == "tap":
        return _of_tap(log, found) or found
    if found.tool in _BELOW:
        return _below(log, _told_again(found, events), found) or found
    return found


def _with(log: Log, head: Event, index: int, text: str = "") -> Event:
    return replace(head, index=index, text=text or log.line(index))


# --- go ------------------------------------------------------------------------------------------------------------------

_GO_MESSAGE = re.compile(r"\s+(?P<file>[^\s:]+\.go):(?P<line>\d{1,9}): ?(?P<text>.*)")
_GO_FAILED = re.compile(r"(?P<indent>\s*)--- FAIL: (?P<name>\S+)")
_GO_MARK = re.compile(r"=== (?:RUN|CONT|NAME) +(?P<name>\S+)")
_GO_PANIC = re.compile(r"panic: |fatal error: ")
_TESTIFY = re.compile(r"\s+\tError:\s+\S")


def _of_go(log: Log, head: Event) -> Event | None:
    """The message ``file.go:N: …`` of a test: below its head line, with ``-v`` above it, below what names it."""
    first, below = _go_children(log, head)
    name = first["name"] if first is not None else head.name
    found = _go_best(log, below)
    if found is None:
        found = _go_best(log, _go_above(log, head.index, name))
    if found is not None:
        return _go_made(log, head, found)
    following = head.index + 1
    if following < len(log) and _GO_PANIC.match(log.line(following)):
        return _with(log, head, following)
    return None


def _go_children(log: Log, head: Event) -> tuple[re.Match[str] | None, list[int]]:
    """The deepest first failed test within a head line's, and the lines of its messages."""
    match = _GO_FAILED.match(head.text)
    depth = len(match["indent"]) if match is not None else 0
    failed: re.Match[str] | None = None
    lines: list[int] = []
    passed = False
    for index in range(head.index + 1, min(head.index + _MOST_ABOVE, len(log))):
        text = log.line(index)
        if text.strip() and len(text) - len(text.lstrip()) <= depth:
            break
        inner = _GO_FAILED.match(text)
        if inner is not None:
            if lines:
                break
            failed, passed = inner, False
        elif text.lstrip().startswith("--- "):
            passed = True
        elif not passed and _GO_MESSAGE.match(text):
            lines.append(index)
    return failed, lines


def _go_above(log: Log, bottom: int, name: str) -> list[int]:
    """The lines of messages above a head line that were told while a test ran; others may have run beside it."""
    found: list[int] = []
    pending: list[int] = []
    for index in range(bottom - 1, max(bottom - _MOST_ABOVE, -1), -1):
        text = log.line(index)
        mark = _GO_MARK.match(text)
        if mark is not None:
            if mark["name"] == name:
                found += pending
                if text.startswith("=== RUN"):
                    break
            pending = []
        elif text.startswith(("--- ", "FAIL\t", "ok  \t")):
            pending = []
        elif _GO_MESSAGE.match(text):
            pending.append(index)
    return found[::-1]


def _go_best(log: Log, lines: Iterable[int]) -> int | None:
    """The first message that compares, else in words of trouble; else the last, with which a test may have ended."""
    told = [(index, match["text"]) for index in lines if (match := _GO_MESSAGE.match(log.line(index))) is not None]
    for index, text in told:
        if not text or _COMPARES.match(text):
            return index
    for index, text in told:
        if _tells_why(text):
            return index
    return told[-1][0] if told else None


def _go_made(log: Log, head: Event, index: int) -> Event:
    match = _GO_MESSAGE.match(log.line(index))
    made = _with(log, head, index)
    if match is None:
        return made
    if not match["text"].strip():  # testify tells some lines below
        error = next(
            (each for each in range(index + 1, min(index + 8, len(log))) if _TESTIFY.match(log.line(each))), -1
        )
        made = _with(log, head, error) if error >= 0 else made
    return replace(made, file=match["file"], line=int(match["line"]))


# --- cargo ---------------------------------------------------------------------------------------------------------------

_PANICKED = re.compile(
    r"thread '.*' (?:\(\d+\) )?panicked at (?:'.*', )?(?P<file>[^\s:']+):(?P<line>\d{1,9}):\d+(?P<end>:?)$"
)


def _of_cargo(log: Log, head: Event) -> Event | None:
    """What a test of Rust said when it panicked: in its part of what was kept, or above its head line where nothing was."""
    name = head.name.encode("utf-8", "backslashreplace")
    if not name:
        return None
    start = log.starts[head.index]
    at = log.data.find(b"\n---- " + name + b" stdout ----", start, start + _FAR)
    if at >= 0:
        first = log.index_of(at) + 2
        lines = list(range(first, min(first + 60, len(log))))
    else:
        at = log.data.rfind(b"\nthread '" + name + b"' ", max(0, start - _FAR), start)
        if at < 0:
            return None
        lines = [log.index_of(at) + 1]
    said = -1
    for index in lines:
        text = log.line(index)
        if text.startswith("---- ") or text == "failures:":
            break
        match = _PANICKED.match(text)
        if match is not None:
            more = log.line(index + 1).strip() if match["end"] and index + 1 < len(log) else ""
            return replace(
                _with(log, head, index, f"{text} {more}".rstrip()), file=match["file"], line=int(match["line"])
            )
        if text.startswith("thread '") or (said < 0 and text.startswith("Error: ")):
            said = index
            break
    return _with(log, head, said) if said >= 0 else None


# --- runners with one line for it -------------------------------------------------------------------------------------------

_BESIDE = {
    "zig": (-1, re.compile(r"\d+/\d+ \S+\.\.\.\S")),
    "robot": (1, re.compile(r"(?![-=]{3}|\d+ tests?, )\S(?!.*\| (?:PASS|FAIL|SKIP) \|$)")),
}
"""The line above or below a head line that tells why, and how it must look."""
_DENO = re.compile(r"(?P<name>\S.*?) \.\.\. FAILED \(\d+m?s\)$")


def _beside(log: Log, head: Event) -> Event | None:
    """The line next to a head line; deno's is below the test's name, where all have been run."""
    away, pattern = _BESIDE.get(head.tool, (0, _DENO))
    index = head.index + away
    if away:
        return _with(log, head, index) if 0 <= index < len(log) and pattern.match(log.line(index)) else None
    match = _DENO.match(head.text)
    if match is None:
        return None
    start = log.starts[head.index]
    at = log.data.find(b"\n" + match["name"].encode("utf-8", "backslashreplace") + b" => ", start, start + _FAR)
    index = log.index_of(at) + 2 if at >= 0 else -1
    return _with(log, head, index) if 0 <= index < len(log) and _tells_why(log.line(index)) else None


# --- runners that tell below -------------------------------------------------------------------------------------------------


def _tells_why(text: str) -> bool:
    return (_WHY.match(text) is not None or TROUBLE.search(text) is not None) and not (
        denies(text) and "expect(" not in text
    )


def _told_again(found: Event, events: Sequence[Event]) -> Event:
    """mocha lists a failed test by its number where it ran, and tells of it below, by the same number."""
    if found.tool != "mocha":
        return found
    return next((each for each in reversed(events) if each.tool == "mocha" and each.rank is Rank.TEST), found)


def _below(log: Log, top: Event, head: Event) -> Event | None:
    """The first line below a head line that tells why, before the next test's result."""
    depth = -1
    for index in range(top.index + 1, min(top.index + 1 + _MOST_BELOW, len(log))):
        text = log.line(index).removeprefix("[info] ")
        if not text.strip():
            continue
        indent = len(text) - len(text.lstrip())
        if depth < 0:
            depth = min(len(top.text) - len(top.text.lstrip()), indent)
        if indent < depth or is_tally(text) or _RESULT.match(text) or MAKE_SAYS.match(text) or text[:4] == ">>> ":
            return None
        other = event_of(index, text)
        if other is not None and other.rank is Rank.END:
            return None
        if _PLACE_ONLY.match(text):
            continue
        if _tells_why(text) and not _NAMES_AGAIN.match(text) and text.strip() not in head.text:
            return _with(log, head, index)
    return None


_NAMES_AGAIN = re.compile(r"\s*(?:[\w:]+#\w+ \[.*\]:|[^:]*:)$")
"""The test's own name or a heading, which may have any word."""
_BEGINS_MESSAGE = re.compile(r"\s+(?:error|message|reason): *[|>][+-]?$")
_DIAGNOSTIC = re.compile(r"(?:\s+(?!(?:not )?ok \d)|#\s*(?!Subtest|Looks like))\S")


def _of_tap(log: Log, head: Event) -> Event | None:
    """What a producer of TAP tells right below ``not ok``, in a comment or indented; perl's test modules name the test first."""
    if not head.text.lstrip().startswith("not ok"):
        return None
    for index in range(head.index + 1, min(head.index + 1 + _MOST_BELOW, len(log))):
        text = log.line(index)
        if not _DIAGNOSTIC.match(text) or re.match(r"\s*#\s+Failed test\b", text):
            return None
        if _PLACE_ONLY.match(text) or text.strip() in ("---", "..."):
            continue
        if _BEGINS_MESSAGE.match(text) and index + 1 < len(log) and log.line(index + 1)[:1].isspace():
            return _with(log, head, index + 1)
        if _tells_why(text) and not re.match(r"[\s#]*\w+: *[|>]?-?$", text):
            return _with(log, head, index)
    return None
