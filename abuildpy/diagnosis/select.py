# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the lines that rules hit is the first real error.

The first line that looks like an error need not be it: builds go on after many of them. What is certain is the end: the
program that gave up. So the choice goes from there backwards: to the part of the log that belongs to the failure, to what
could not be made there, and to the first error that is about just that. Jobs that ran beside it write between these lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from abuildpy.diagnosis.endings import told_before, without_pending
from abuildpy.diagnosis.groups import COMMAND, MAKE_SAYS, TROUBLE, best, denies, first_test, head_of_group
from abuildpy.diagnosis.make import of_make
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log
from abuildpy.diagnosis.unknown import unknown_in

_ABUILD_STEP = re.compile(r">>> (?!ERROR|WARNING)[^\s:]+: ")
_ABUILD_AFTER = re.compile(r">>> [^\s:]+: (?:Cleaning up|Uninstalling dependencies)")
_FAR = 60
"""Lines between the last trouble and the end of the log after which it does not count as the end's."""


def segment(log: Log) -> tuple[int, int]:
    """The part of a log that is about the failure: after abuild's last step, before what it says afterwards."""
    end = len(log)
    start = 0
    data = log.data
    at = data.find(b">>> ")
    steps: list[int] = []
    while at >= 0:
        index = log.index_of(at)
        text = log.line(index)
        if re.match(r">>> ERROR: (?:[^\s:]+: )?\w+ failed$", text):
            end = index
            break
        if _ABUILD_STEP.match(text) and not _ABUILD_AFTER.match(text):
            steps.append(index)
        at = data.find(b">>> ", log.end_of(index))
    if steps and steps[-1] + 1 < end:
        start = steps[-1] + 1
    return start, end


def choose(log: Log, events: Sequence[Event]) -> Event | None:
    """The first real error among the events of a failure; None where nothing tells."""
    start, end = segment(log)
    answers = _answers(log)
    events = [event for event in events if not _ignored(log, event) and not _answered(event, answers)]
    warned = _warned_of(log, events)
    events = [event for event in events if event.index not in warned]
    events = without_pending(log, events)
    inside = [event for event in events if start <= event.index < end]
    found = _choose(log, inside, end)
    if found is None and start:
        found = _choose(log, [event for event in events if event.index < end], end)
    if found is None:  # nothing before abuild's own words: then those
        found = next((event for event in events if event.index >= end or event.tool == "abuild"), None)
    return None if found is None else told_before(log, found, inside)


_ANSWER = re.compile(
    rb"^[ \t]*(?:(?:[Cc]hecking|[Ll]ooking) .*[.:]+ *(?:no|not found|failed|disabled|unsupported)|"
    rb".{0,200}\b(?:not found|missing|unavailable|no \S+)[,;:] (?:so )?"
    rb"(?:disabl|skipp|us(?:ing|es?)\b|ignor|fall|go|continu|build|without|will not).*|"
    rb".{0,200}\b(?:disabling|skipping|falling back|going on without)\b.*)\r?$",
    re.MULTILINE,
)
"""What tells that something is not there, and that one goes on."""
_TELLING = re.compile(r"[\w./+=-]*[^\W\d_][\w./+=-]{2,}[\w+=-]")
_PARTICULAR = re.compile(r".*[^A-Za-z]")
_SOON = 40
"""Lines below an error in which it is looked for that somebody goes on without what was not found."""


def _answers(log: Log) -> dict[str, list[int]]:
    """The names that somebody goes on without, and the lines that tell so."""
    found: dict[str, list[int]] = {}
    for match in _ANSWER.finditer(log.data):
        index = log.index_of(match.start())
        for word in set(_TELLING.findall(log.line(index))):
            if _PARTICULAR.match(word):
                found.setdefault(word, []).append(index)
    return found


def _answered(event: Event, answers: dict[str, list[int]]) -> bool:
    """Whether an error is only how a check found out that something is not there or does not work."""
    if not answers or event.rank in (Rank.END, Rank.TEST):
        return False
    if event.file and not event.kind.startswith("missing-"):
        return False
    for word in _TELLING.findall(event.name if event.file else event.text):
        lines = answers.get(word, [])
        at = bisect_right(lines, event.index)
        if at < len(lines) and lines[at] - event.index <= _SOON:
            return True
    return False


def _ignored(log: Log, event: Event) -> bool:
    """Whether make says in the next line that it does not mind."""
    if event.rank not in (Rank.WEAK, Rank.LIKELY) or event.index + 1 >= len(log):
        return False
    following = log.line(event.index + 1)
    return MAKE_SAYS.match(following) is not None and following.endswith("(ignored)")


def _choose(log: Log, events: Sequence[Event], end: int) -> Event | None:
    if not events:
        return None
    fatal = [event for event in events if event.kind in ("disk-full", "file-too-large") and event.rank >= Rank.CAUSE]
    found = _of_ninja(log, events, end) or of_make(log, events, end)
    if found is None:
        found = _of_the_end(log, events, end)
    if fatal and (found is None or found.index > fatal[0].index) and _has_room(found):
        return fatal[0]
    return found


def _has_room(found: Event | None) -> bool:
    """Whether an error may come of a full disk; a compiler's about a place in a source does not."""
    return found is None or not (found.tool in ("cc", "rust", "go") and found.file and found.kind == "compile-error")


def _of_ninja(log: Log, events: Sequence[Event], end: int) -> Event | None:
    """ninja prints what a failed job said in one piece, behind a line that names it."""
    stops = [event for event in events if event.kind == "ninja-stopped"]
    blocks = [event for event in events if event.kind == "ninja-failed"]
    if not blocks or (not stops and not any(_looks_like_ninja(log, event) for event in blocks)):
        return None
    first = blocks[0]
    if len(stops) > 1:  # the last run of ninja is the one that failed
        later = [event for event in blocks if event.index > stops[-2].index]
        first = later[0] if later else first
    last = end
    for index in range(first.index + 1, end):
        if re.match(r"\[\d+/\d+\] |FAILED: |(?:ninja|samu): ", log.line(index)):
            last = index
            break
    inside = [event for event in events if first.index < event.index < last]
    found = best(inside)
    if found is not None:
        return found
    before = _job_before(log, first.index)
    above = best([event for event in events if before < event.index < first.index])
    if above is not None:  # what may use the terminal prints at once, and is named only afterwards
        return above
    unknown = unknown_in(log, first.index + 2, last)
    if unknown is not None and unknown.rank is Rank.LIKELY:
        return unknown
    for index in range(first.index + 2, last):  # behind the name stands the command
        text = log.line(index)
        if text.strip() and not COMMAND.match(text):
            return Event(index, "unknown", Rank.LIKELY, "ninja", text)
    return None


def _job_before(log: Log, index: int) -> int:
    """The line with which ninja told of the last job above a line."""
    for each in range(index - 1, max(index - 2000, -1), -1):
        if re.match(r"\[\d+/\d+\] |ninja: ", log.line(each)):
            return each
    return index


def _looks_like_ninja(log: Log, event: Event) -> bool:
    return any(re.match(r"\[\d+/\d+\] ", log.line(each)) for each in range(max(0, event.index - 3), event.index))


def _of_the_end(log: Log, events: Sequence[Event], end: int) -> Event | None:
    """Without make or ninja: what stopped a program, else failed tests, else the first plain error, else the last trouble."""
    said = [event for event in events if event.rank > Rank.END]
    if not said:
        return events[0] if events else None
    said = _last_part(log, said)
    stops = [event for event in said if event.rank is Rank.STOP and event.kind != "recipe-died"]
    tests = [event for event in said if event.rank is Rank.TEST]
    causes = [event for event in said if event.rank is Rank.CAUSE]
    ends = [event for event in events if event.rank is Rank.END]
    last_end = ends[-1] if ends else None
    tail = _last_words(log, said, end)
    refused = [event for event in ends if _COMMAND_FAILED.search(event.text)]
    if refused and (failed := _of_last_command(log, said, refused[-1])) is not None:
        return failed
    strong = [*stops, *tests, *causes]
    if tail is not None and (
        not strong or (tail not in strong and _is_stale(log, max(each.index for each in strong), tail, last_end))
    ):
        return tail
    if tests and _ended_by_tests(stops, tests, causes, last_end):
        return first_test(tests)
    if stops:
        return stops[0]
    if causes:
        return causes[0]
    if tests:
        return first_test(tests)
    for rank in (Rank.LIKELY, Rank.WEAK):
        group = [event for event in said if event.rank is rank]
        went_on = bool(group) and (rank is Rank.WEAK or _quiet_lines(log, group[-1].index, end) >= _QUIET)
        if went_on and (better := _unknown_at_end(log, group[-1].index, end)) is not None:
            return better
        if group:
            return group[0] if rank is Rank.LIKELY and last_end is not None else head_of_group(log, group)
    return None


_COMMAND_FAILED = re.compile(r"\bcommand\b.*\b(?:failed|returned|exited|terminated)\b", re.IGNORECASE)


def _of_last_command(log: Log, said: Sequence[Event], last_end: Event) -> Event | None:
    """What the last command told, where a program says last that a command failed: it had gone on after those before."""
    indent = len(last_end.text) - len(last_end.text.lstrip())
    for index in range(last_end.index - 1, max(last_end.index - 5000, -1), -1):
        text = log.line(index)
        if (text[:indent].isspace() or not indent) and COMMAND.match(text[indent:]):
            block = [event for event in said if index < event.index < last_end.index]
            return best([event for event in block if event.rank >= Rank.CAUSE])
    return None


_MINDS_NOT = re.compile(
    r"\s*[Ww](?:arning|ARNING): (?:.*\bfailed: [Cc]ommand\b|.*\b(?:extension|module|plugin|component|feature|bindings?)\b"
    r".*\b(?:failed|not (?:be )?(?:built|compiled)|disabled|skipped)\b)"
)


def _warned_of(log: Log, events: Sequence[Event]) -> set[int]:
    """The errors after which somebody says, before anything else is run, that what failed there is not needed."""
    found: set[int] = set()
    for event in events:
        if event.rank is Rank.END or event.index in found:
            continue
        for index in range(event.index + 1, min(event.index + 16, len(log))):
            text = log.line(index)
            if _MINDS_NOT.match(text):
                found.update(range(event.index, index))
                break
            if COMMAND.match(text.lstrip()) or MAKE_SAYS.match(text):
                break
    return found if any(event.rank >= Rank.LIKELY and event.index not in found for event in events) else set()


_TELLS_OF_OTHERS = ("node", "ruby", "python", "any", "tool", "make", "ninja", "abuild", "waf")
"""Tools that often tell of an error after the one that had it."""
_QUIET = 4
"""Lines without trouble after which a compiler's error was a probe's."""


def _last_part(log: Log, said: Sequence[Event]) -> list[Event]:
    """The errors without a compiler's after which the build went on quietly until another tool failed."""
    strong = [event for event in said if event.rank >= Rank.TEST]
    first = 0
    for event, following in pairwise(strong):
        if event.tool not in ("cc", "ld", "python") or following.tool in (event.tool, *_TELLS_OF_OTHERS):
            continue
        if event.rank is Rank.CAUSE and _quiet_lines(log, event.index, following.index) >= _QUIET:
            first = following.index
    return [event for event in said if event.index >= first or (event.rank < Rank.TEST and event.index > first - _FAR)]


def _quiet_lines(log: Log, index: int, end: int) -> int:
    """How many lines begin something new without a word of trouble, up to those that count."""
    quiet = 0
    for each in range(index + 1, min(end, index + 400)):
        text = log.line(each)
        if text[:1].isalnum() and not (TROUBLE.search(text) or MAKE_SAYS.match(text) or _PARTS.match(text)):
            quiet += 1
            if quiet >= _QUIET:
                break
    return quiet


_PARTS = re.compile(
    r"compilation terminated|Traceback \(|In file included|\d+ (?:errors?|warnings?) generated|[^:]*: (?:In |At |note)"
)


def _unknown_at_end(log: Log, after: int, end: int) -> Event | None:
    """Trouble in the last lines in words of no rule, when the build had gone on after what it did not mind."""
    lines = [index for index in range(max(0, end - 30), end) if log.line(index).strip()]
    commands = (COMMAND.match(log.line(index)) for index in lines if index > after)
    if after in lines[-4:] and not any(commands):
        return None
    lines = [index for index in lines if index > after][-6:]
    said = [index for index in lines if not COMMAND.match(text := log.line(index)) and not text.endswith("(ignored)")]
    troubled = next((index for index in said if TROUBLE.search(log.line(index)) and not denies(log.line(index))), None)
    return None if troubled is None else Event(troubled, "unknown", Rank.LIKELY, "any", log.line(troubled))


def _ended_by_tests(
    stops: Sequence[Event], tests: Sequence[Event], causes: Sequence[Event], last_end: Event | None
) -> bool:
    """Whether failed tests are what ended it, and not something else before or after them."""
    if stops and stops[-1].index > tests[0].index:
        return False
    if last_end is None or last_end.kind == "test-failed":
        return True
    later = any(event.index > tests[-1].index for event in causes)
    return not (causes and (later or last_end.tool in ("rust", "ld", "python")))


_SUMMARY = re.compile(
    r"(?:.{0,60}\b)?(?:[Ff]ailed to (?:build|compile|install)\b|[Bb]uild(?: of \S+)? failed\b|could not (?:build|compile)\b|"
    r"[Ee]xited with |exit(?:ed)? (?:code|status) |[Ss]ee (?:the )?(?:build )?log)"
)
"""What tells only that something before went wrong."""


def _last_words(log: Log, said: Sequence[Event], end: int) -> Event | None:
    """Trouble in the last lines of the log, first of its group."""
    lines = [index for index in range(max(0, end - 30), end) if log.line(index).strip()][-4:]
    near = [
        event
        for event in said
        if event.index in lines and event.rank in (Rank.WEAK, Rank.LIKELY) and not _SUMMARY.match(event.text)
    ]
    if not near:
        return None
    told = [event for event in said if event.rank in (Rank.WEAK, Rank.LIKELY) and event.index <= near[-1].index]
    return head_of_group(log, told)


def _is_stale(log: Log, index: int, tail: Event, last_end: Event | None) -> bool:
    """Whether an error is so far above the last words that the build had gone on after it."""
    if last_end is not None and last_end.index > index and last_end.index >= tail.index - 2:
        return False
    between = sum(1 for each in range(index + 1, tail.index) if log.line(each).strip())
    return between > _FAR or any(COMMAND.match(log.line(each)) for each in range(index + 1, tail.index))
