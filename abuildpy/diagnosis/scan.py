# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the lines of a log that a rule hits.

The log is searched for a few dozen plain words, which costs little for each byte; only lines with such a word meet patterns,
and each of them a handful. So the time is linear in the log's size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from abuildpy.diagnosis.groups import denies, only_ends
from abuildpy.diagnosis.model import Event, Rank, Rule
from abuildpy.diagnosis.rules import rules_by_needle
from abuildpy.diagnosis.text import Log

_MOST_EVENTS = 20_000
_MOST_HITS = 300_000
_HARMLESS = re.compile(
    r"(?:checking (?!.*configure: error: )|-- (?:Looking|Performing|Could NOT|Check|Found|Detecting|The )|Checking |Looking for |"
    r"Has header|Compiler for|"
    r"(?:Run-time )?[Dd]ependency \S+ found: |Program \S+.* found: |Library \S+ found: |Fetching |"
    r"[Ww]arning: |WARNING: (?!')|warn\b|WARN |npm (?:WARN|warn|notice)|"
    r"Project (?:WARNING|MESSAGE): |fatal: (?:not a git repository|[Nn]o names found|No tags can describe)|"
    r"note: |NOTE: |INFO|DEBUG|(?:PASS|XFAIL|SKIP|ok|OK)\b|\s*ok \d|\s*#\s+(?=\S)(?!Failed test|(?:FAIL|"
    r"ERROR|XPASS): )|\| |"
    r"\s*(?:\^|~+\^)|config(?:ure)?:\d+: |>>> (?!ERROR)|✓|✔|PASSED|\[\s*(?:OK|PASS(?:ED)?|RUN|  OK)\s*\]|"
    r"\s*\d+/\d+ .* (?:OK|SKIP|EXPECTEDFAIL)\b|.*\(ignored\)$|[^:]*:\d+(?::\d+)?: (?:warning|note|remark|info)\b|"
    r"test .* \.\.\. ok$)"
)
"""Lines that may bear any word without meaning it."""


_WORDS = tuple(
    (
        "error,fail,not found,no such,cannot,can't,could not,couldn't,***,killed,memory,denied,undefined,no space,missing,"
        "unable to,fatal,exceeded,bad,abort,  1) ,.erl:,.go:,.kt,.lua:,.po:,.proto:,.texi:,build.xml:,<<< ,"
        "assertion,bail out!,base class package,"
        "build constraints exclude,build stopped,cd: ,checksum,core dumped,dial tcp,did not match,"
        "dubious,duplicate symbol,e   ,"
        "enospc,exception in thread,exec format,executable file,exit successfully,explicit package name,file size limit,"
        "file too large,full log can be found,"
        "getaddrinfo,go: ,hidden symbol,hunk,illegal instruction,incompatible with,is not in ,multiple definition,"
        "name does not resolve,network is unreachable,no matching distribution,no code for module,no module named,no package,"
        "available for package,"
        "no required module provides,non-zero exit status,not ok,npm e,operation not permitted,"
        "panic,parameter not set,patch,"
        "read-only file system,the system library,recognized,relocation,requires rustc,samu: ,sanitizer: ,"
        "gyp err,unexpected e,does not look like,segmentation fault,service not known,"
        "::test,.pro:,.pri:,.pyx:,.pxd:,.pxi:,.texinfo:,.l:,.ll:,(severe/,is missing. ,curl: (,invalid magic,invalid zip magic,"
        "short read,recogni,not in gzip format,corrupted data,"
        "undefinierter verweis,indéfinie vers,неопределённая ссылка,sin definir,未定义的引用,"
        "fehler,erreur,erro:,eroare,fout:,fel:,fejl:,feil:,virhe:,hata:,hiba:,chyba:,błąd,greška,грешка,ошибка,помилка,памылка,σφάλμα,"
        "lỗi,错误,錯誤,エラー,오류,"
        "in procedure,unhandled ,init terminating,error: test,) test: ,[!] ,✘ ,✖ ,× ,✕ ,backtrace:,"
        "sigkill,sigsegv,submit a bug report,test-suite.log,timeout,traceback (most,unbound variable,what went wrong,●,✗ "
    ).split(",")
)
"""Every needle of a rule contains one of these."""


@cache
def _needles_of(word: str) -> tuple[tuple[str, tuple[tuple[int, Rule], ...]], ...]:
    """The rules whose needle has that word for the first of its words."""
    return tuple(
        (needle, rules)
        for needle, rules in rules_by_needle().items()
        if next(each for each in _WORDS if each in needle) == word
    )


def find_events(log: Log) -> list[Event]:
    """The lines that rules hit, in their order; of several rules that hit one line the first in the tables counts."""
    hits: dict[int, list[str]] = {}
    # Compilers are called with -Werror=… thousands of times; the length must stay.
    lower = log.data.lower().replace(b"-werror", b"-wxxxxx")
    for word in _WORDS:
        for index in _lines_with(log, lower, word.encode()):
            hits.setdefault(index, []).append(word)
    events = []
    for index in _bounded(sorted(hits)):
        event = _event(log, index, hits[index])
        if event is not None:
            events.append(event)
    if len(events) > _MOST_EVENTS:  # the first tell what happened, the last how it ended
        events = events[: _MOST_EVENTS // 2] + events[-_MOST_EVENTS // 2 :]
    return events


def _lines_with(log: Log, lower: bytes, word: bytes) -> Iterator[int]:
    """The lines with a word: the first and the last of them, where there are too many."""
    at = lower.find(word)
    most = _MOST_HITS // 2
    last = -1
    while at >= 0 and most:
        last = log.index_of(at)
        yield last
        most -= 1
        at = lower.find(word, log.end_of(last))
    if at < 0:
        return
    most = _MOST_HITS // 2
    at = lower.rfind(word)
    while most and (index := log.index_of(at)) > last:
        yield index
        most -= 1
        at = lower.rfind(word, 0, log.starts[index])


def _bounded(indexes: list[int]) -> list[int]:
    """The first and the last, where there are too many."""
    half = _MOST_HITS // 2
    return indexes if len(indexes) <= 2 * half else indexes[:half] + indexes[-half:]


def _event(log: Log, index: int, words: list[str]) -> Event | None:
    return _matched(index, log.line(index), words)


def event_of(index: int, text: str) -> Event | None:
    """What a text would be if it were a line of its own."""
    lower = text.lower()
    return _matched(index, text, [word for word in _WORDS if word in lower])


_TORN = re.compile(r"(?<=\S)(?:(?:g|b)?make(?:\[\d+\])?: \*\*\* \[|Traceback \(most recent call last\):$)")
"""What begins within a line, because another job had written that without its end."""


def harmless(text: str) -> bool:
    """Whether a line may bear any word without meaning it."""
    return _HARMLESS.match(text) is not None


def _matched(index: int, text: str, words: list[str]) -> Event | None:
    torn = _TORN.search(text) if "*** [" in text or text.endswith("last):") else None
    if torn is not None:
        text = text[torn.start() :]
    if _HARMLESS.match(text):
        return None
    lower = text.lower()
    rules = [rule for word in words for needle, rules in _needles_of(word) if needle in lower for rule in rules]
    for _, rule in sorted(rules, key=lambda each: each[0]):
        match = rule.pattern.match(text)
        if match is not None and not (rule.kind == "error" and denies(text)):
            return _made(index, rule, text, match)
    return None


_OF_A_TEST = re.compile(r"E   +\S")
"""How pytest shows what a test has raised."""


def _made(index: int, rule: Rule, text: str, match: re.Match[str]) -> Event:
    found = match.groupdict()
    in_test = rule.rank > Rank.END and _OF_A_TEST.match(text) is not None

    def number(name: str) -> int:
        value = found.get(name) or ""
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0

    rank = Rank.END if rule.kind in ("error", "java-error") and only_ends(text) else rule.rank
    return Event(
        index,
        rule.kind,
        Rank.TEST if in_test else rank,
        "pytest" if in_test else rule.tool,
        text,
        file=(found.get("file") or "").strip() if rule.rank is not Rank.END else "",
        line=number("line") if rule.rank is not Rank.END else 0,
        name=(found.get("name") or found.get("name2") or "").strip(),
        target=found.get("target") or "",
        level=number("level"),
        status=number("status") or _SIGNALS.get((found.get("how") or "").partition("(")[0].strip(), 0),
    )


_SIGNALS = {
    "Killed": 137,
    "Segmentation fault": 139,
    "Aborted": 134,
    "Bus error": 135,
    "Illegal instruction": 132,
    "Terminated": 143,
    "Hangup": 129,
}
