# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the lines that rules hit is the first real error.

The first line that looks like an error need not be it: builds go on after many of them. What is certain is the end: the
program that gave up. So the choice goes from there backwards: to the part of the log that belongs to the failure, to what
could not be made there, and to the first error that is about just that. Jobs that ran beside it write between these lines.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log

_ABUILD_STEP = re.compile(r">>> (?!ERROR|WARNING)[^\s:]+: ")
_ABUILD_AFTER = re.compile(r">>> [^\s:]+: (?:Cleaning up|Uninstalling dependencies)")
_OBJECT = re.compile(
    r".*\.(?:o|lo|obj|os|so|a|la|class|gch|pch|elf|cmo|cmx|cmi|hi|mod|s|i|d)$|CMakeFiles/|.*\.so[.\d]+$"
)
_TESTED = re.compile(
    r"(?:.*/)?(?:r|run-?|do-?)?(?:check|test|tests|testsuite|check-\w+|test-\w+|\w+-(?:check|tests?)|"
    r"\S+\.log|\S+\.trs|test_\w+|CMakeFiles/test\S*|\S*check\S*)(?:-recursive|-am|-local|-TESTS|-all)?$"
)
_COMMAND = re.compile(
    r"(?:\s*(?:\[\s*\d+%\]|\[\d+/\d+\]) |\s{1,4}(?:[A-Z]{2,12}|\w*CC\w*|\w*LD\w*|GEN|LINK|AR)(?: {1,}|\t)\S+$|"
    r"(?:\S*/)?(?:libtool|make(?:\[\d+\])?|gmake): (?!\*\*\*|.*(?:Error|not found|No such file|[Pp]ermission))|"
    r"(?:\S*/)?(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?|ld|ar|ranlib|as|rustc|go|ghc|javac|valac|"
    r"python[\d.]*|perl|ruby|node|sh|bash|ash|"
    r"libtool|install|cp|mv|rm|ln|mkdir|cd|echo|printf|test|if|for|set|touch|sed|awk|cat|chmod|strip|moc|"
    r"rcc|uic|protoc|env)(?:-[\d.]+)? (?=[-./$\w\"'`(!])(?![^:]{0,80}: )|"
    r"\+ \S|Making \w+ in |depbase=|Compiling |Building |Linking |Generating |Scanning |Consolidate |Built target )"
)
_MAKE_SAYS = re.compile(r"(?:\S*/)?g?make(?:\[\d+\])?: ")
_MAKE_ENDS = ("make-stopped", "make-waiting")
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
    inside = [event for event in events if start <= event.index < end]
    found = _choose(log, inside, end)
    if found is None and start:
        found = _choose(log, [event for event in events if event.index < end], end)
    if found is None:  # nothing before abuild's own words: then those
        found = next((event for event in events if event.index >= end or event.tool == "abuild"), None)
    return found


def _choose(log: Log, events: Sequence[Event], end: int) -> Event | None:
    if not events:
        return None
    fatal = [event for event in events if event.kind in ("disk-full", "file-too-large") and event.rank >= Rank.CAUSE]
    found = _of_ninja(log, events, end) or _of_make(log, events, end)
    if found is None:
        found = _of_the_end(log, events, end)
    if fatal and (found is None or found.index > fatal[0].index) and _has_room(found):
        return fatal[0]
    return found


def _has_room(found: Event | None) -> bool:
    """Whether an error may come of a full disk; a compiler's about a place in a source does not."""
    return found is None or not (found.tool in ("cc", "rust", "go") and found.file and found.kind == "compile-error")


# --- ninja -------------------------------------------------------------------------------------------------------------


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
    found = _best(inside)
    if found is not None:
        return found
    above = _best([event for event in events if _job_before(log, first.index) < event.index < first.index])
    if above is not None:  # what may use the terminal prints at once, and is named only afterwards
        return above
    for index in range(first.index + 2, last):  # behind the name stands the command
        text = log.line(index)
        if text.strip() and not _COMMAND.match(text):
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


def _best(events: Sequence[Event]) -> Event | None:
    """The first of the highest kind, in the output of a single command."""
    for ranks in ((Rank.STOP, Rank.CAUSE), (Rank.TEST,), (Rank.LIKELY,), (Rank.WEAK,)):
        for event in events:
            if event.rank in ranks:
                return event
    return None


# --- make --------------------------------------------------------------------------------------------------------------


def _of_make(log: Log, events: Sequence[Event], end: int) -> Event | None:
    """make tells what it could not make after the job's own words; with -j other jobs' lines are between."""
    ends = [event for event in events if event.kind in _MAKE_ENDS]
    if not ends:
        return None
    first, last, parallel = _last_run(log, ends)
    if _goes_on_elsewhere(log, events, last, end):
        return None
    begin = max((event.index for event in ends if event.index < first), default=-1)
    inside = [event for event in events if begin < event.index <= last and event.kind not in _MAKE_ENDS]
    leaves = _leaves([event for event in ends if first <= event.index <= last and event.target])
    if not leaves:
        return _best([event for event in inside if event.rank >= Rank.CAUSE])
    before = [event for event in inside if event.index < leaves[-1].index]
    return (_parallel if parallel else _in_order)(log, before, leaves, begin)


def _last_run(log: Log, ends: Sequence[Event]) -> tuple[int, int, bool]:
    """First and last line about the failure of the last make that was started, and whether it ran jobs side by side.

    The top make's own line is its last, unless it waits for other jobs or keeps going.
    """
    first, closed, waiting, parallel = ends[0].index, False, False, False
    keeps_going = any("because of errors" in event.text for event in ends)
    for event in ends:
        if closed and not keeps_going:
            first, waiting, parallel = event.index, False, False
            closed = False
        if event.kind == "make-waiting":
            parallel = True
            if event.level == 0:
                waiting = True
                closed = False
        elif event.level == 0 and event.target and not waiting:
            following = next((each for each in ends if each.index > event.index), None)
            waits = following is not None and following.level == 0 and following.kind == "make-waiting"
            closed = not waits and following is not None and following.index - event.index > 1
    parallel = parallel or b"jobserver" in log.data[-200_000:] or _others_between(log, ends)
    return first, ends[-1].index, parallel


def _others_between(log: Log, ends: Sequence[Event]) -> bool:
    """Whether commands ran between a make's failure and that of the make above it."""
    for event, following in pairwise(ends):
        if 0 < following.level < event.level or following.level == 0 < event.level:
            between = range(event.index + 1, min(following.index, event.index + 50))
            if any(_COMMAND.match(text := log.line(each)) and not _MAKE_SAYS.match(text) for each in between):
                return True
    return False


def _goes_on_elsewhere(log: Log, events: Sequence[Event], last: int, end: int) -> bool:
    """Whether the build went on after make's end, so that something else failed."""
    later = [event for event in events if last < event.index < end]
    return any(event.rank >= Rank.TEST for event in later) and not _only_about_make(log, last, later[0].index)


def _only_about_make(log: Log, last: int, first_later: int) -> bool:
    return all(not log.line(index).strip() for index in range(last + 1, first_later))


def _leaves(ends: Sequence[Event]) -> list[Event]:
    """Those whose own command failed; the others only tell of a make below them."""
    leaves: list[Event] = []
    deepest = -1
    for event in ends:
        if event.level >= deepest or event.status not in (1, 2):
            leaves.append(event)
            deepest = max(deepest, event.level)
    return leaves


def _in_order(log: Log, before: Sequence[Event], leaves: Sequence[Event], begin: int) -> Event | None:
    """One job at a time: the lines right above are the failed command's."""
    leaf = leaves[0]
    own = [event for event in before if event.index < leaf.index]
    top = _start_of_output(log, leaf.index, begin)
    block = [event for event in own if event.index >= top]
    tested = not _OBJECT.match(leaf.target)
    tests = [event for event in own if event.rank is Rank.TEST]
    matching = _about(log, own, leaf.target)
    if tested and tests and (_TESTED.match(leaf.target) or any(event in block for event in tests)):
        return _first_test(tests)
    found = _hinted(block, leaf) or _best(block)
    if found is not None and found.rank >= Rank.LIKELY:
        return found
    if matching:
        return matching[0]
    if found is not None:
        return found
    if leaf.status > 128:  # a signal's end says more than any line that nobody knows
        return leaf
    unknown = _unknown(log, top, leaf.index)
    if unknown is not None:
        return unknown
    near = [event for event in own if event.rank >= Rank.WEAK and leaf.index - event.index <= 20]
    return _best([event for event in own if event.rank >= Rank.LIKELY]) or _best(near) or leaf


def _parallel(log: Log, before: Sequence[Event], leaves: Sequence[Event], begin: int) -> Event | None:
    """Jobs side by side: what is about a target that could not be made, else the first that says so plainly."""
    matched: list[Event] = []
    unmatched = False
    for leaf in leaves:
        about = _about(log, [event for event in before if event.index < leaf.index], leaf.target)
        matched += about[:1]
        unmatched = unmatched or not about
    above = [event for event in before if event.index < leaves[0].index]
    tests = [event for event in above if event.rank is Rank.TEST]
    if tests and any(_TESTED.match(leaf.target) for leaf in leaves):
        return _first_test(tests)
    if matched and not unmatched:
        return min(matched, key=lambda event: event.index)
    hinted = _hinted([event for event in above if event.rank <= Rank.LIKELY], leaves[0])
    plain = [event for event in above if event.rank >= Rank.CAUSE]
    if plain:
        return plain[0]
    if hinted is not None:
        return _first_equal(log, above, hinted)
    crashed = [leaf for leaf in leaves if leaf.status > 128]
    if crashed:
        return crashed[0]
    if tests:
        return _first_test(tests)
    likely = [event for event in above if event.rank >= Rank.WEAK]
    near = [event for event in likely if leaves[0].index - event.index <= 2000]
    for rank in (Rank.LIKELY, Rank.WEAK):
        group = [event for event in near if event.rank is rank]
        if group:
            return _first_equal(log, near, _head_of_group(group))
    if matched:
        return matched[0]
    return _unknown(log, max(begin + 1, leaves[0].index - 40), leaves[0].index) or leaves[0]


def _head_of_group(events: Sequence[Event]) -> Event:
    """The first of the last events that stand close together."""
    head = events[-1]
    for event in reversed(events):
        if head.index - event.index > 4:
            break
        head = event
    return head


_PARTICULARS = re.compile(r"[`'‘\"«»“/\d]")


def _shape(text: str) -> list[str]:
    """A message without the words that name a thing."""
    return ["#" if _PARTICULARS.search(word) else word for word in text[:400].split()]


def _first_equal(log: Log, events: Sequence[Event], found: Event) -> Event:
    """The first event that says the same as ``found`` of something else, and that make did not ignore."""
    shape = _shape(found.text)
    for event in events:
        if event.index >= found.index:
            break
        if (event.kind, event.rank) == (found.kind, found.rank) and _shape(event.text) == shape:
            following = range(event.index + 1, min(event.index + 4, len(log)))
            if not any("ignored" in log.line(each) for each in following):
                return event
    return found


def _first_test(tests: Sequence[Event]) -> Event:
    """The first failed test; where a runner tells more further down, that."""
    details = [event for event in tests if event.kind not in ("pytest-progress", "pytest-verdict")]
    return details[0] if details else tests[0]


def _hinted(events: Sequence[Event], leaf: Event) -> Event | None:
    """What fits the exit status: 127 is a program that is not there, 126 one that may not run, 137 a kill."""
    kinds = {
        127: ("missing-program",),
        126: ("permission", "exec-format"),
        137: ("out-of-memory",),
        139: ("crash",),
        134: ("assertion", "crash"),
    }
    wanted = [event for event in events if event.kind in kinds.get(leaf.status, ())]
    if not wanted:
        return None
    return wanted[0] if leaf.status in (134, 137, 139) else _head_of_group(wanted)


def _start_of_output(log: Log, leaf: int, begin: int) -> int:
    """First line of what the command above make's complaint printed."""
    index = leaf - 1
    while index > begin and leaf - index < 5000 and not _COMMAND.match(log.line(index)):
        index -= 1
    return index + 1


_TROUBLE = re.compile(
    r"\b(?:cannot|can't|could not|couldn't|unable|failed|failure|error|invalid|missing|unknown|unexpected|"
    r"not found|undefined|must|required|no such|illegal|bad|refused|denied|expected|unsupported)\b",
    re.IGNORECASE,
)


_SAYING = re.compile(r"[^\W_]{2}")
_EXCERPT = re.compile(r"\s*\d* \|(?: |$)")
"""A line of a source, as compilers show it below a message."""


def _unknown(log: Log, top: int, bottom: int) -> Event | None:
    """A line that no rule knows, in words of trouble; else the last one."""
    said = [
        index
        for index in range(max(top, bottom - 300), bottom)
        if _SAYING.search(text := log.line(index))
        and not _EXCERPT.match(text)
        and not _COMMAND.match(text)
        and not re.match(
            r"(?:.*: )?(?:[Ww]arning|note)\b|collect2: |compilation terminated|\d+ errors? generated", text
        )
    ]
    for index in said:
        if _TROUBLE.search(log.line(index)):
            return Event(index, "unknown", Rank.LIKELY, "any", log.line(index))
    return Event(said[-1], "unknown", Rank.WEAK, "any", log.line(said[-1])) if said else None


def _about(log: Log, events: Iterable[Event], target: str) -> list[Event]:
    """Errors of a compiler or linker that concern a target, by the names of the files."""
    stem = _stem(target)
    return [
        event
        for event in events
        if event.rank >= Rank.CAUSE and stem and any(_stem(name) == stem for name in _names(log, event))
    ]


def _stem(name: str) -> str:
    base = os.path.basename(name.strip())
    while True:
        base, suffix = os.path.splitext(base)
        if not suffix or not base:
            break
    base = base or os.path.basename(name)
    return re.sub(r"^(?:lib\w+?_la-|\w+-(?=\w))", "", base) if "-" in base else base


def _names(log: Log, event: Event) -> list[str]:
    """Files that an error names: its own, and those that include it."""
    names = (
        [event.file] if event.file else re.findall(r"[\w./+-]+\.(?:o|lo|c|cc|cpp|cxx|rs|go|f90|S|s|m)\b", event.text)
    )
    if event.file:
        for index in range(event.index - 1, max(event.index - 40, -1), -1):
            match = re.match(r"(?:In file included|\s+)\s*from (?P<file>[^\s:,]+)", log.line(index))
            if match is None:
                if index < event.index - 12:
                    break
                continue
            names.append(match["file"])
    return names


# --- everything else -----------------------------------------------------------------------------------------------------


def _of_the_end(log: Log, events: Sequence[Event], end: int) -> Event | None:
    """Without make or ninja: what stopped a program, else failed tests, else the first plain error, else the last trouble."""
    said = [event for event in events if event.rank > Rank.END]
    if not said:
        return events[0] if events else None
    stops = [event for event in said if event.rank is Rank.STOP and event.kind != "recipe-died"]
    tests = [event for event in said if event.rank is Rank.TEST]
    causes = [event for event in said if event.rank is Rank.CAUSE]
    ends = [event for event in events if event.rank is Rank.END]
    last_end = ends[-1] if ends else None
    tail = _last_words(log, said, end)
    strong = [*stops, *tests, *causes]
    if tail is not None and (
        not strong or (tail not in strong and _is_stale(log, max(each.index for each in strong), tail, last_end))
    ):
        return tail
    if tests and _ended_by_tests(stops, tests, causes, last_end):
        return _first_test(tests)
    if stops:
        return stops[0]
    if causes:
        return causes[0]
    if tests:
        return _first_test(tests)
    for rank in (Rank.LIKELY, Rank.WEAK):
        group = [event for event in said if event.rank is rank]
        if group:
            return group[0] if rank is Rank.LIKELY and last_end is not None else _head_of_group(group)
    return None


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
    return _head_of_group(near) if near else None


def _is_stale(log: Log, index: int, tail: Event, last_end: Event | None) -> bool:
    """Whether an error is so far above the last words that the build had gone on after it."""
    if last_end is not None and last_end.index > index and last_end.index >= tail.index - 2:
        return False
    between = sum(1 for each in range(index + 1, tail.index) if log.line(each).strip())
    return between > _FAR or any(_COMMAND.match(log.line(each)) for each in range(index + 1, tail.index))
