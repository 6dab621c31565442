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
        if head.index - event.index > 4:
            break
        if any(COMMAND.match(log.line(each)) for each in range(event.index + 1, head.index)):
            break
        head = event
    return head


def first_test(tests: Sequence[Event]) -> Event:
    """The first failed test; where a runner tells more further down, that."""
    details = [event for event in tests if event.kind not in ("pytest-progress", "pytest-verdict")]
    return details[0] if details else tests[0]


TROUBLE = re.compile(
    r"\b(?:cannot|can't|could not|couldn't|unable|failed|failure|error|invalid|missing|unknown|unexpected|"
    r"not found|undefined|must|required|no such|illegal|bad|refused|denied|expected|unsupported)\b",
    re.IGNORECASE,
)
