# SPDX-License-Identifier: GPL-3.0-or-later
"""What the choice of an error goes by, whoever ran the jobs: lines that start a command, words of trouble, groups of errors."""

from __future__ import annotations

import re
from collections.abc import Sequence

from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log

COMMAND = re.compile(
    r"(?:\s*(?:\[\s*\d+%\]|\[\d+/\d+\]) |\s{1,4}(?:[A-Z]{2,12}|\w*CC\w*|\w*LD\w*|GEN|LINK|AR)(?: {1,}|\t)\S+$|"
    r"(?:\S*/)?(?:libtool|make(?:\[\d+\])?|gmake): (?!\*\*\*|.*(?:Error|not found|No such file|[Pp]ermission))|"
    r"(?:\S*/)?(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?|ld|ar|ranlib|as|rustc|go|ghc|javac|valac|"
    r"python[\d.]*|perl|ruby|node|sh|bash|ash|"
    r"libtool|install|cp|mv|rm|ln|mkdir|cd|echo|printf|test|if|for|set|touch|sed|awk|cat|chmod|strip|moc|"
    r"rcc|uic|protoc|env)(?:-[\d.]+)? (?=[-./$\w\"'`(!])(?![^:]{0,80}: )|"
    r"\+ \S|Making \w+ in |depbase=|Compiling |Building |Linking |Generating |Scanning |Consolidate |Built target )"
)
MAKE_SAYS = re.compile(r"(?:\S*/)?g?make(?:\[\d+\])?: ")


def best(events: Sequence[Event]) -> Event | None:
    """The first of the highest kind, in the output of a single command."""
    for ranks in ((Rank.STOP, Rank.CAUSE), (Rank.TEST,), (Rank.LIKELY,), (Rank.WEAK,)):
        for event in events:
            if event.rank in ranks:
                return event
    return None


def head_of_group(log: Log, events: Sequence[Event]) -> Event:
    """The first of the last events that stand close together."""
    head = events[-1]
    for event in reversed(events):
        between = range(event.index + 1, head.index)
        if len(between) > 3 and sum(not log.line(each).startswith((" ", "\t")) for each in between[:40]) > 3:
            break
        if any(COMMAND.match(log.line(each)) for each in range(event.index + 1, head.index)):
            break
        head = event
    return head


def first_test(tests: Sequence[Event]) -> Event:
    """The first failed test; where a runner tells more further down, that."""
    details = [event for event in tests if event.kind not in _VERDICTS]
    return details[0] if details else tests[0]


_VERDICTS = ("pytest-progress", "pytest-verdict", "jest-verdict", "marked-test")


_DENIES = re.compile(
    r"\b(?:0|no|zero|without(?: any)?)\s+(?:[a-z]+ )?(?:errors?|failures?|failed|problems?)\b|\berrors?: 0\b|"
    r"\b(?:error|failure) (?:is|was) expected\b|\bexpected (?:error|failure)\b|\((?:as )?expected\)|\bas expected\b|"
    r"\b(?:ignor(?:ed|ing)|skipp(?:ed|ing)|harmless|retrying|simulated|going on|continuing)\b|\bcaught: |"
    r"\b(?:build|continu|compil|proceed|work|go|runn?|do)ing (?:on )?without\b|\b(?:switched|turned) off\b|"
    r"\bnothing (?:is |was )?(?:wrong|failed|missing)\b|"
    r"\b(?:error|exception) caught\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"\b[1-9]\d* (?:[a-z]+ )?(?:errors?|fail)", re.IGNORECASE)


def denies(text: str) -> bool:
    """Whether a line with words of trouble says that there was none, or that nobody minds."""
    return _DENIES.search(text) is not None and _COUNTS.search(text) is None


_ENDS = re.compile(
    r"\b(?:returned|(?:terminated|exited|failed|finished) with)(?: an?)?(?: (?:non-?zero|error|unsuccessful))*(?: exit)?"
    r" (?:exit)?(?:code|status|value)\b|\b[Cc]ompilation (?:aborted|failed|terminated)\b|"
    r"\b(?:[Bb]uild|BUILD) (?:failed|FAILED|aborted|stopped)[.!]?$|\b[Cc]ommands? failed[.!]?$|\bfailed with error:$"
)


def only_ends(text: str) -> bool:
    """Whether a line tells only that a program ended badly, not why."""
    return _ENDS.search(text) is not None


TROUBLE = re.compile(
    r"(?<![\w./-])(?:cannot|can't|could not|couldn't|unable|failed|failure|error|invalid|missing|unknown|unexpected|"
    r"not found|undefined|must|required|no such|illegal|bad|refused|denied|expected|unsupported|"
    r"exceed(?:s|ed)?|duplicate|mismatch\w*|conflict(?:s|ing)?|corrupt\w*|overflow\w*|out of range|wrong|incorrect|incompatible|"
    r"unresolved|ambiguous|malformed|unterminated|truncated|violat\w+|panic\w*|died|unhandled|uncaught|exception|"
    r"does(?:n't| not)|too (?:many|few|large|long|short|small|big|old|new)|no longer|"
    r"not (?:allowed|supported|enough|valid|permitted|recognized|defined|available|exist|match|a|an|in))"
    r"(?![\w-]|[./]\w)|^\[?(?:E|ERR|CRIT)\]?: ",
    re.IGNORECASE,
)
