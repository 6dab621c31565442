# SPDX-License-Identifier: GPL-3.0-or-later
"""From an end that names nothing back to where it was told: counts, lists, warnings that count as errors, stacks of calls."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from abuildpy.diagnosis.groups import COMMAND, MAKE_SAYS, TROUBLE, denies, first_test, only_ends
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.scan import harmless
from abuildpy.diagnosis.text import Log
from abuildpy.diagnosis.unknown import last_words

_MOST_LINES = 20_000
"""Lines above an end in which it is looked for what it is about."""

# --- lists, and what their headings say of them --------------------------------------------------------------------------

_HEADING = re.compile(
    rb"^(?:(?P<pending>(?:(?:There (?:was|were) )?\d+ (?:warning|risky|incomplete|skipped|pending|deprecat\w+|notice|todo)\w*\b"
    rb"|Pending|Skipped|(?:Expected|Known) failures)\b[^\n:]*:|[ \t]+\d+\) Skipped:)"
    rb"|[^\W\d][^\n:]*:[ \t\r]*$|(?:Failure|Error)\b|[ \t]+\d+\) (?:Failure|Error):)",
    re.MULTILINE | re.IGNORECASE,
)


def without_pending(log: Log, events: Sequence[Event]) -> list[Event]:
    """The events without those of tests in a list of what is pending, skipped, warned of or known to fail, by its heading."""
    tests = [event.index for event in events if event.rank is Rank.TEST]
    if not tests:
        return list(events)
    headings = [(log.index_of(match.start()), match["pending"] is not None) for match in _HEADING.finditer(log.data)]
    lines = [index for index, _ in headings]
    hidden = {index for index in tests if (at := bisect_right(lines, index)) and headings[at - 1][1]}
    if len(hidden) == len(set(tests)):
        return list(events)
    return [event for event in events if event.index not in hidden]


# --- counts --------------------------------------------------------------------------------------------------------------

_COUNTED = frozenset(
    "failed failure failures fail fails failing error errors errored problem problems unexpected broken warning warnings".split()
)
_COUNTING = _COUNTED | frozenset(
    "run ran test tests case cases check checks checked suite suites spec specs example examples assertion assertions asserts "
    "expectations passed pass passes passing succeeded success successes ok skipped skips skip pending todo todos ignored total "
    "of out and with in s ms sec secs seconds second known expected result results completed finished done file files "
    "validation summary time info infos pedantic hint hints notes flaky unresolved there was were has have had the all "
    "tried tested executed took not no some build listed below compilation or a an "
    "see above messages message script scripts program programs".split()
)
_NAMES_TESTS = re.compile(r"\s*(?:FAILURES!|FAILED!?|FAIL|Failed|Tests? failed[.!]?|Some tests failed[.!]?)$")

_COUNTS = re.compile(
    r"\W*(?:[A-Za-z][\w ]{0,30}: *)?(?:\d+ [A-Za-z]+(?: [A-Za-z]+)?[,;:/] *(?:and )?)+\d+ [A-Za-z]+(?: [A-Za-z]+)?"
    r"(?: in [\d.]+ ?m?s\w*)?\W*$"
)
_COUNT = re.compile(r"[1-9]\d* ([A-Za-z]+)(?: ([A-Za-z]+))?")
_WELL = _COUNTING - _COUNTED | {
    "good",
    "same",
    "fine",
    "features",
    "scenarios",
    "steps",
    "undefined",
    "matched",
    "equal",
    "done",
}


def is_tally(text: str) -> bool:
    """Whether a line does nothing but count what went well and what did not."""
    if _NAMES_TESTS.match(text):
        return True
    if len(text) <= 200 and _COUNTS.match(text):
        return True
    if len(text) > 200 or not any(letter.isdigit() for letter in text):
        return False
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    return not _COUNTED.isdisjoint(words) and _COUNTING.issuperset(words)


_LIST_OF_FAILED = re.compile(
    r"\s*(?:The following |\d+ )?(?:[Ff]ail(?:ed|ing|ures?)|FAIL(?:ED|URES?)|[Ee]rrors?|[Bb]roken|unexpected results)"
    r"\b[\w ]{0,30}:$"
)
_TELLS = re.compile(
    r"(?:.*[^\w-])?(?:FAIL|FAILED|FAILURE|NOT OK|\*failed\*)(?:[^\w]|$)|\s*[✘✖×✗✕] |"
    r".*\b(?:expected|want(?:ed)?)\b.*\b(?:but|got|was|found|actual)\b|.*\bgot\b.*\b(?:want(?:ed)?|expected)\b|E: "
)


_LONGEST = 400


def _beginning(log: Log, index: int, *, numbered: bool = False) -> int:
    """The first line of what a program printed that ends at a line: below the last command that was shown.

    What is ``numbered`` as [1/9] may be a program's own.
    """
    for each in range(index - 1, max(index - _MOST_LINES, -1), -1):
        text = log.line(each)
        if numbered and _NUMBERED.match(text):
            continue
        if text.startswith(">>> ") or MAKE_SAYS.match(text) or COMMAND.match(text):
            return each + 1
    return max(index - _MOST_LINES, 0)


def _says(text: str) -> bool:
    return bool(text.strip()) and not harmless(text) and not denies(text) and not is_tally(text)


_WORD = "[A-Za-z][A-Za-z'-]{0,20}"
_PIECE = rf"(?:\d{{1,9}}(?: {_WORD}){{1,5}}|{_WORD}(?: {_WORD}){{0,3}}[:=]? ?\d{{1,9}})"
_ANY_COUNTS = re.compile(
    rf"\W*(?:[\w.+-]{{1,30}}: +)?(?:(?:{_PIECE}[,;/|:.] *(?:and )?)+{_PIECE}|\d+ (?:out )?of \d+(?: {_WORD}){{1,6}})\W*$"
)
_ANY_COUNT = re.compile(rf"(?P<number>\d+)(?P<after>(?: {_WORD}){{0,5}})|(?P<before>{_WORD})[:=]? ?(?P<number2>\d+)")
_NUMBERED = re.compile(r"\s*\[\s*\d+/\d+\] (?!\w+ing )")


def _counts_anything(found: Event) -> bool:
    """Whether a line is a count in words that nobody knows, such as a script's own."""
    return found.kind == "unknown" and len(found.text) <= 200 and _ANY_COUNTS.match(found.text) is not None


def _of_any_count(log: Log, found: Event, events: Sequence[Event]) -> Event | None:
    """The line that a count in any words is about: a verdict, else one with what is counted, but for most of it; else trouble."""
    counts: list[tuple[int, str]] = []
    for match in _ANY_COUNT.finditer(found.text):
        counts.append((int(match["number"] or match["number2"]), match["after"] or match["before"] or ""))
    most = max((number for number, _ in counts), default=0)
    counted = [word.lower() for number, words in counts if 0 < number < most for word in words.split()]
    words = "|".join(re.escape(word) for word in counted if word not in _WELL) or "(?!)"
    first = _beginning(log, found.index, numbered=True)
    for tells in (_TELLS.match, re.compile(rf".*\b(?:{words})\b", re.IGNORECASE).match, TROUBLE.search):
        for index in range(first, found.index):
            text = log.line(index)[:_LONGEST]
            if _says(text) and tells(text) and not _LIST_OF_FAILED.match(text) and not _ANY_COUNTS.match(text):
                known = next((event for event in events if event.index == index), None)
                return known or Event(index, "unknown", Rank.LIKELY, "any", text)
    return None


def _of_count(log: Log, found: Event, events: Sequence[Event]) -> Event | None:
    """The failure that a count at the end is about: told as a test's, else in other words of failure."""
    if found.rank is Rank.TEST:
        return None
    verdict = found.rank is Rank.END and found.kind == "test-failed"
    if not verdict and _counts_anything(found) and (told := _of_any_count(log, found, events)) is not None:
        return told
    last = found.index if verdict or is_tally(found.text) or _listed(log, found) else _tally_above(log, found)
    if last < 0:
        return None
    first = _beginning(log, last)
    inside = [event for event in events if first <= event.index < last and event.rank is not Rank.END]
    tests = [event for event in inside if event.rank is Rank.TEST]
    if tests:
        return first_test(tests)
    counted = [word.lower() for match in _COUNT.finditer(log.line(last)) for word in match.groups() if word]
    words = "|".join(word for word in counted if word not in _WELL) or "(?!)"
    for tells in (_TELLS.match, TROUBLE.search, re.compile(rf"\b(?:{words})\b", re.IGNORECASE).search):
        for index in range(first, last):
            text = log.line(index)[:_LONGEST]
            if _says(text) and tells(text) and not _LIST_OF_FAILED.match(text):
                known = next((event for event in inside if event.index == index), None)
                return known or Event(index, "unknown", Rank.LIKELY, "any", text)
    return last_words(log, first - 1, last)


_REPORT = 8


def _tally_above(log: Log, found: Event) -> int:
    """The line with counts a little above what is no trouble: how long it took, where the report is; -1 for none."""
    if found.kind != "unknown" or TROUBLE.search(found.text):
        return -1
    lines = (each for each in range(found.index - 1, max(found.index - _REPORT, -1), -1))
    return next((each for each in lines if is_tally(log.line(each)) and _COUNT.search(log.line(each))), -1)


def _listed(log: Log, found: Event) -> bool:
    """Whether a line stands in a list, at the end, of what failed before."""
    if found.kind != "unknown" or TROUBLE.search(found.text):
        return False
    for index in range(found.index - 1, max(found.index - 30, -1), -1):
        text = log.line(index)
        if _LIST_OF_FAILED.match(text):
            return True
        if not text.strip() or not text[:1].isspace():
            break
    return False


# --- warnings that count as errors ---------------------------------------------------------------------------------------

_STRICT = re.compile(
    r".*(?:\bwarnings? (?:(?:being|are|were|is) )?(?:treated|counted|handled|considered|promoted|turned) (?:as|to|into)\b|"
    r"\btreating warnings\b|\bwarnings?[ -]as[ -]errors?\b|\bwarnings? in strict mode|\btoo many warnings\b|"
    r"\b(?:due to|because of) warnings\b|\bwarnings (?:were )?found\b)",
    re.IGNORECASE,
)
_FINISHED_BADLY = re.compile(r"build finished with problems, \d+ warnings?", re.IGNORECASE)
_WARNS = re.compile(
    r"(?P<before>(?:.*[\s:\[(}]|))(?P<word>warning)(?P<after>:|\]| -| [A-Z]+\d+:|\s*\[)|\s+\d+:\d+\s+warning\s",
    re.IGNORECASE,
)
_NO_WARNING = re.compile(
    r".*\bVM warning:|.*\bwarning: (?:At least|possible forward|.*\bdeprecated option\b)|.*\[-W[\w=+-]+\]$",
    re.IGNORECASE,
)
"""Warnings that no tool takes for errors in these words; a C compiler calls what it does an error."""
_SOON = 40
_DIRECT = 4


def _of_strictness(log: Log, found: Event) -> Event | None:
    """The first warning, where a program ends because it had warned of something."""
    strict = found.index if _is_strict(found.text) else _strict_above(log, found)
    if strict is None:
        return None
    below = _warnings(log, range(strict + 1, min(strict + _DIRECT, len(log))))
    return _first_alike(below) or _first_alike(_warnings(log, range(_beginning(log, strict), strict)))


def _is_strict(text: str) -> bool:
    return _STRICT.match(text) is not None or _FINISHED_BADLY.match(text) is not None


def _strict_above(log: Log, found: Event) -> int | None:
    if found.rank is not Rank.END and not only_ends(found.text) and not _VAGUE.match(found.text):
        return None
    for index in range(found.index - 1, max(found.index - _SOON, -1), -1):
        text = log.line(index)
        if COMMAND.match(text):
            return None
        if _is_strict(text):
            return index
    return None


_VAGUE = re.compile(r".*\bfailed with exit (?:status|code)\b")


def _warnings(log: Log, lines: Iterable[int]) -> list[tuple[str, Event]]:
    """The warnings in some lines, each with its shape: how the tool writes the word."""
    found = []
    for index in lines:
        text = log.line(index)
        match = _WARNS.match(text)
        if match is None or _is_strict(text) or is_tally(text) or _NO_WARNING.match(text):
            continue
        place = _PLACE.search(text)
        where = (place["file"], int(place["line"])) if place is not None else ("", 0)
        shape = f"{match['word']}{(match['after'] or '')[:2].strip()}{'@' if place is not None else ''}"
        found.append((shape, Event(index, "warnings-are-errors", Rank.CAUSE, "any", text, *where)))
    return found


def _first_alike(warnings: Sequence[tuple[str, Event]]) -> Event | None:
    """The first warning of the tool that warned last."""
    return next((event for shape, event in warnings if shape == warnings[-1][0]), None)


_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d{1,9})[:,]")


# --- stacks of calls, and what somebody else's program said --------------------------------------------------------------

_STACK = re.compile(
    r"\s+at \S|\s*(?:while executing|invoked from within)$|\s+\((?:file|procedure) \"|\"[^\"]*\"$|\s+from \S+:\d+:in "
)
_RETURNED = re.compile(r".*\b(?:exec|[Jj]ava|apply) returned: \d+")
_PREFIXED = re.compile(r"\s+\[(?:exec|java|apply)\] (?!Result: )(?=\S)")
_MOST_CALLS = 200


def _above_stack(log: Log, found: Event) -> Event | None:
    """What stands above a stack of calls, where nothing but a line of that was found."""
    if found.kind != "unknown" or not _STACK.match(found.text):
        return None
    for index in range(found.index - 1, max(found.index - _MOST_CALLS, -1), -1):
        text = log.line(index)
        if text.strip() and not _STACK.match(text):
            if text[:1].isspace() and index and _STACK.match(log.line(index - 1)):
                continue
            return Event(index, "unknown", Rank.LIKELY, "any", text)
    return None


def _of_other_program(log: Log, found: Event) -> Event | None:
    """What a program said last that ant ran, where ant tells only its status."""
    if not _RETURNED.match(found.text):
        return None
    told: Event | None = None
    for index in range(found.index - 1, max(found.index - 300, -1), -1):
        text = log.line(index)
        if _PREFIXED.match(text):
            troubled = TROUBLE.search(text) is not None
            if told is None or troubled:
                told = Event(index, "unknown", Rank.LIKELY, "any", text)
        elif told is not None and text.strip():
            break
    return told


_PLACED = re.compile(r"\[(?:warn|error)\] |[^\s:][^:]{0,200}:\d+(?::\d+)?:? (?!(?:warning|note|remark|info)\b)")


def _first_of_run(log: Log, found: Event) -> Event | None:
    """The first of several messages with a place that stand together, of which, or of the line below, the last was found."""
    if found.kind != "unknown":
        return None
    index = found.index
    if not _PLACED.match(found.text):
        if TROUBLE.search(found.text):
            return None
        lines = range(index - 1, max(index - _REPORT, -1), -1)
        index = next((each for each in lines if _PLACED.match(log.line(each))), -1)
        if index < 0:
            return None
    while index > 0 and _PLACED.match(log.line(index - 1)):
        index -= 1
    if index == found.index:
        return None
    text = log.line(index)
    place = _PLACE.search(text)
    where = (place["file"], int(place["line"])) if place is not None else ("", 0)
    return Event(index, "unknown", Rank.LIKELY, "any", text, *where)


def _before_status(log: Log, found: Event) -> Event | None:
    """What a program said last before somebody tells nothing but its exit status."""
    if found.rank is not Rank.END or found.tool in ("make", "ninja", "abuild"):
        return None
    if found.tool != "node" and not only_ends(found.text):
        return None
    return last_words(log, _beginning(log, found.index) - 1, found.index)


def told_before(log: Log, found: Event, events: Sequence[Event]) -> Event:
    """``found``, or what it only sums up."""
    return (
        _of_strictness(log, found)
        or _of_count(log, found, events)
        or _above_stack(log, found)
        or _of_other_program(log, found)
        or _warned_by_linker(log, found)
        or _first_of_run(log, found)
        or _before_status(log, found)
        or found
    )


def _warned_by_linker(log: Log, found: Event) -> Event | None:
    """With nothing but the compiler's word that ld failed: the linker's warning right above it."""
    if found.rank is not Rank.END or found.tool != "ld":
        return None
    return _first_alike(_warnings(log, range(max(_beginning(log, found.index), found.index - 12), found.index)))
