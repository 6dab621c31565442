# SPDX-License-Identifier: GPL-3.0-or-later
"""Which error is behind a make that gave up: about what could not be made, with other jobs' lines between."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from abuildpy.diagnosis.groups import COMMAND, MAKE_SAYS, best, first_test, head_of_group
from abuildpy.diagnosis.jobs import Job, job_of, lines_of, said_by
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log
from abuildpy.diagnosis.unknown import is_call, last_words, unknown_in

_OBJECT = re.compile(
    r".*\.(?:o|lo|obj|os|so|a|la|class|gch|pch|elf|cmo|cmx|cmi|hi|mod|s|i|d)$|CMakeFiles/|.*\.so[.\d]+$"
)
_TESTED = re.compile(
    r"(?:.*/)?(?:r|run-?|do-?)?(?:check|test|tests|testsuite|check-\w+|test-\w+|\w+-(?:check|tests?)|"
    r"\S+\.log|\S+\.trs|test_\w+|CMakeFiles/test\S*|\S*check\S*)(?:-recursive|-am|-local|-TESTS|-all)?$"
)
_MAKE_ENDS = ("make-stopped", "make-waiting")


def of_make(log: Log, events: Sequence[Event], end: int) -> Event | None:
    """make tells what it could not make after the job's own words; with -j other jobs' lines are between."""
    ends = [event for event in events if event.kind in _MAKE_ENDS]
    if not ends:
        return None
    first, last, parallel = _last_run(log, ends)
    waits = ends[-1].kind == "make-waiting"  # what follows is told by the jobs that it waits for
    if not waits and _goes_on_elsewhere(log, events, last, end):
        return None
    begin = max((event.index for event in ends if event.index < first), default=-1)
    inside = [event for event in events if begin < event.index <= last and event.kind not in _MAKE_ENDS]
    leaves = _leaves([event for event in ends if first <= event.index <= last and event.target])
    if not leaves:
        return best([event for event in inside if event.rank is Rank.STOP and event.tool == "make"]) or best(
            [event for event in inside if event.rank >= Rank.CAUSE]
        )
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
    parallel = parallel or keeps_going or b"jobserver" in log.data[-200_000:] or _others_between(log, ends)
    return first, ends[-1].index, parallel


def _others_between(log: Log, ends: Sequence[Event]) -> bool:
    """Whether commands ran between a make's failure and that of the make above it."""
    for event, following in pairwise(ends):
        if 0 < following.level < event.level or following.level == 0 < event.level:
            between = range(event.index + 1, min(following.index, event.index + 50))
            if any(COMMAND.match(text := log.line(each)) and not MAKE_SAYS.match(text) for each in between):
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
    shown = job_of(log, leaf.target, begin, leaf.index).start
    top = max(_start_of_output(log, leaf.index, begin), shown + 1)
    block = [event for event in own if event.index >= top]
    tested = not _OBJECT.match(leaf.target)
    tests = [event for event in own if event.rank is Rank.TEST]
    matching = _about(log, own, leaf.target)
    if tested and tests and (_TESTED.match(leaf.target) or any(event in block for event in tests)):
        return first_test(tests)
    found = _hinted(log, block, leaf) or best(block)
    if found is not None and found.rank >= Rank.LIKELY:
        return found
    if matching:
        return matching[0]
    if 128 < leaf.status < 192:  # a signal's end says more than what builds do not mind, or any line that nobody knows
        return leaf
    if found is not None:
        return found
    unknown = unknown_in(log, top, leaf.index)
    if unknown is not None:
        return unknown
    near = [event for event in own if event.rank >= Rank.WEAK and leaf.index - event.index <= 20]
    return best([event for event in own if event.rank >= Rank.LIKELY]) or best(near) or leaf


def _parallel(log: Log, before: Sequence[Event], leaves: Sequence[Event], begin: int) -> Event | None:
    """Jobs side by side: what is about a target that could not be made, else what was told last before make said so."""
    own = [_own(log, before, leaf, begin) for leaf in leaves[:_MOST_LEAVES]]
    matched = [event for event in own if event is not None]
    job = job_of(log, leaves[0].target, begin, leaves[0].index)
    above = [event for event in before if job.start < event.index < leaves[0].index]
    tests = [event for event in above if event.rank is Rank.TEST]
    if tests and any(_TESTED.match(leaf.target) for leaf in leaves):
        return first_test(tests)
    if matched and own[0] is not None:
        return min(matched, key=lambda event: event.index)
    return _nearest(log, above, leaves[0], max(begin, job.start), job) or (matched[0] if matched else leaves[0])


_MOST_LEAVES = 20


def _own(log: Log, before: Sequence[Event], leaf: Event, begin: int) -> Event | None:
    """The error that names what a job made, or was made of."""
    events = [event for event in before if event.index < leaf.index]
    about = _about(log, events, leaf.target)
    return about[0] if about else said_by(log, job_of(log, leaf.target, begin, leaf.index), events)


_CLOSE, _FAR = 12, 40
"""Lines between an error that names no place and make's complaint: it is surely about it, or hardly."""


def _nearest(log: Log, above: Sequence[Event], leaf: Event, begin: int, job: Job) -> Event | None:
    """Of what says nothing of the target the error that stands closest before make's complaint.

    make complains as soon as a job ends; what was told long before is of jobs that went on, or ended well.
    """
    hinted = _hinted(log, [event for event in above if event.rank <= Rank.LIKELY], leaf) or _torn(log, leaf)
    if leaf.status in _SIGNALLED:
        hinted = _hinted(log, above, leaf)
        return leaf if hinted is None else _first_equal(log, above, hinted)
    plain = [event for event in above if event.rank >= Rank.CAUSE]
    placed = [event for event in plain if event.file and leaf.index - event.index <= _FAR]
    if placed and not plain[-1].file and plain[-1].tool == "cc":
        plain = placed
    away = _away(log, plain[-1].index, leaf.index) if plain else _NOWHERE
    if away > 0 and hinted is not None and _away(log, hinted.index, leaf.index) < away:
        return _first_equal(log, above, hinted)
    near = [event for event in above if leaf.index - event.index <= _CLOSE]
    known = {event.index for event in above}
    if away <= _CLOSE and (away <= _DIRECT or not _told_directly(log, near, leaf, begin, known)):
        return _head_of_job(above, plain)
    tests = [event for event in above if event.rank is Rank.TEST]
    if tests and (not plain or _away(log, tests[-1].index, leaf.index) < away):
        return first_test(tests)
    direct = unknown_in(log, max(begin + 1, leaf.index - _DIRECT), leaf.index, [], known)
    likely = [event for event in near if event.rank is Rank.LIKELY and not _unlike(event, leaf)]
    if likely and (direct is None or leaf.index - likely[-1].index <= _DIRECT):
        return _first_equal(log, above, head_of_group(log, likely))
    said = lines_of(log, job, leaf.index)
    unknown = unknown_in(log, max(begin + 1, min([leaf.index - _CLOSE, *said])), leaf.index, said, known)
    if unknown is not None and unknown.index in said:
        return unknown if unknown.rank is Rank.LIKELY else last_words(log, begin, leaf.index) or unknown
    if (
        away <= _FAR
        and not _told_directly(log, near, leaf, begin, known)
        and (plain[-1].file or plain[-1].rank is Rank.STOP)
    ):
        return _head_of_job(above, plain)
    weak = [event for event in near if event.rank is Rank.WEAK or _unlike(event, leaf)]
    if weak and (direct is None or direct.index - weak[-1].index <= 1):
        return _first_equal(log, above, head_of_group(log, weak))
    if unknown is not None:
        return direct or unknown
    if plain and (plain[-1].file or plain[-1].rank is Rank.STOP):
        return _head_of_job(above, plain)
    found = best([event for event in above if event.rank >= Rank.WEAK and leaf.index - event.index <= _FAR])
    return last_words(log, begin, leaf.index) if found is None else _first_equal(log, above, found)


_RECIPE_SHELL = re.compile(
    r"(?:/bin/)?sh: (?:line )?(?:\d+: )?\S+: not found$|make(?:\[\d+\])?: \S+: (?:Command not found|No such file)"
)


def _unlike(event: Event, leaf: Event) -> bool:
    """Whether the shell of a recipe told of a missing program, but the recipe did not end with the status for that."""
    return (
        event.kind == "missing-program" and leaf.status not in (0, 127) and _RECIPE_SHELL.match(event.text) is not None
    )


_SIGNALLED = frozenset((132, 133, 134, 135, 136, 137, 139, 143))
"""Exit statuses that tell of a signal."""
_NOWHERE = 1 << 30
_DIRECT = 3
"""Lines above make's complaint that are hardly another job's."""


def _told_directly(log: Log, near: Sequence[Event], leaf: Event, begin: int, known: set[int]) -> bool:
    """Whether trouble was told right above make's complaint."""
    if any(Rank.END < event.rank < Rank.CAUSE and leaf.index - event.index <= _DIRECT for event in near):
        return True
    return unknown_in(log, max(begin + 1, leaf.index - _DIRECT), leaf.index, [], known) is not None


_OF_MESSAGE = re.compile(
    r"\s|\d* *\||.*: (?:note|required from|In (?:member )?function)\b|In file included|[^:]*: (?:In |At )"
)


def _away(log: Log, index: int, leaf: int) -> int:
    """How many lines stand between an error and make's complaint, of those that do not look like parts of a message."""
    between = range(index + 1, min(leaf, index + 1000))
    return sum(not _OF_MESSAGE.match(log.line(each)) for each in between) if leaf - index < 1000 else leaf - index


def _head_of_job(above: Sequence[Event], plain: Sequence[Event]) -> Event:
    """The first of the last errors of one kind: about one file, or of one call of the linker."""
    head = plain[-1]
    for event in reversed(above):
        if event.index >= head.index:
            continue
        if event.rank is Rank.END and event.tool == head.tool:
            break
        kin = event.file == head.file or head.tool == "ld" or head.index - event.index <= 2
        if kin and event.rank >= Rank.CAUSE and event.tool == head.tool:
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


def _hinted(log: Log, events: Sequence[Event], leaf: Event) -> Event | None:
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
    return wanted[0] if leaf.status in (134, 137, 139) else head_of_group(log, wanted)


_NOT_FOUND = re.compile(r"(?:.*\d: )?(?P<name>[\w.+/-]+): (?:command )?not found")


def _torn(log: Log, leaf: Event) -> Event | None:
    """The shell's word of a missing program, torn by another job's line: shells write their names, it and the end apart."""
    for index in range(leaf.index - 1, max(leaf.index - 1 - _DIRECT, -1), -1) if leaf.status == 127 else ():
        match = _NOT_FOUND.match(text := log.line(index))
        if match is not None:
            return Event(index, "missing-program", Rank.LIKELY, "shell", text, name=match["name"])
    return None


def _start_of_output(log: Log, leaf: int, begin: int) -> int:
    """First line of what the command above make's complaint printed."""
    index = leaf - 1
    while index > begin and leaf - index < 5000:
        text = log.line(index)
        if COMMAND.match(text) or (not text[:1].isspace() and is_call(text)):
            break
        index -= 1
    return index + 1


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
