# SPDX-License-Identifier: GPL-3.0-or-later
"""Why two short texts differ: what in them tells of the circumstances of either build."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from abuildpy.maintain.reproduce.builder import Facts
from abuildpy.maintain.reproduce.clocks import clock_times, is_of, moments

_UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,16}\b|\b0x[0-9a-f]{6,7}\b", re.IGNORECASE)
_TEMPORARY = re.compile(r"(?:/tmp/[\w.+-]+|\b(?:tmp|temp|cc|conftest|ccache)[._-]?[A-Za-z0-9_]{6,}\b)")
_DIGEST = re.compile(
    r"(?i)(?<![0-9a-z])(?:[0-9a-f]{128}|[0-9a-f]{96}|[0-9a-f]{64}|[0-9a-f]{56}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-z])"
)
_KERNEL = re.compile(r"\b(?:Linux|linux-gnu|Darwin)\b")
_ZONE = re.compile(r"[+-]\d\d:?\d\d(?!\w)|(?<!\w)(?:UTC|GMT|[A-Z]{3,4})(?!\w)")
_WORD = re.compile(r"[^\s,;:|\"'\[\]{}()<>\0]+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_JOBS = re.compile(
    r"(?i)-j ?\d+|\bjobs?\b|\bcores?\b|\bcpus?\b|\bprocs?\b|\bprocessors?\b|\bthreads?\b|parallel|nproc|workers?"
)
_STRANGER = re.compile(r"ABUILDPY_(?:STRANGER|ORDER|CLOCK)|LD_PRELOAD|nobody asked for this|TERM=dumb")
_MASK = re.compile(r"(?i)umask")


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause (a key of ``causes.CAUSES``) that fits two texts; ``first`` and ``second`` are the words that tell of it."""

    cause: str
    first: str
    second: str
    sure: bool = True


def reason(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    """The likeliest reason why a text of one build is another one in the other; None if nothing fits."""
    for find in (_stranger, _path, _name, _moment, _locale, _order, _random, _zone, _jobs, _other_moment, _changed):
        found = find(first, second, one, other)
        if found is not None:
            return found
    return None


def reordered(first: list[str], second: list[str]) -> bool:
    """Whether two lists hold the same, in another order."""
    return first != second and len(first) > 1 and Counter(first) == Counter(second)


def order_cause(first: list[str], second: list[str]) -> tuple[str, bool]:
    """What puts a list in two orders: ``locale``, ``order`` (of folders) or ``hash``; and whether that is sure."""
    lists = (first, second)
    for one, other in (lists, lists[::-1]):
        folded = sorted(one, key=lambda word: re.sub(r"[^0-9a-z]", "", word.lower()))
        if one == sorted(one) and other == sorted(other, key=lambda word: re.sub(r"[^0-9a-z]", "", word.lower())):
            return ("locale", True) if folded != sorted(one) else ("order", False)
    if first == second[::-1]:
        return "order", True
    return "hash", False


def _stranger(first: str, second: str, one: Facts, other: Facts) -> Reason | None:  # noqa: ARG001
    """Variables that the varied environment has, and that what varies it is told by."""
    found = _STRANGER.search(second)
    return Reason("environment", _excerpt(first), found[0]) if found and not _STRANGER.search(first) else None


def _path(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    for mine, theirs in ((one, other), (other, one)):
        for path in mine.paths:
            here, there = (first, second) if mine is one else (second, first)
            if path in here and path not in there and path not in theirs.paths:
                return Reason("path", _around(first, one.paths), _around(second, other.paths))
    return None


def _around(text: str, paths: tuple[str, ...]) -> str:
    for path in paths:
        at = text.find(path)
        if at >= 0:
            return re.split(r"[\s\"'\0:;,]", text[at:], maxsplit=1)[0]
    return _excerpt(text)


def _name(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    pairs = (
        ("host", one.host, other.host),
        ("user", one.home, other.home),
        ("user", one.user, other.user),
        ("user", str(one.uid) if one.uid > 999 else "", str(other.uid) if other.uid > 999 else ""),
    )
    for cause, mine, theirs in pairs:
        if not mine or not theirs or mine == theirs:
            continue
        if _holds(first, mine) and _holds(second, theirs):
            return Reason(cause, mine, theirs)
    if _MASK.search(first) and one.umask != other.umask:
        return Reason("umask", _excerpt(first), _excerpt(second))
    return None


def _holds(text: str, word: str) -> bool:
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text))


def _moment(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    mine = {moment.text: moment for moment in moments(first)}
    theirs = {moment.text: moment for moment in moments(second)}
    before = [moment for text, moment in mine.items() if text not in theirs]
    after = [moment for text, moment in theirs.items() if text not in mine]
    good = [[m for m in found if is_of(m, facts)] for found, facts in ((before, one), (after, other))]
    if good[0] and good[1]:
        return _timely(good[0][0].text, good[1][0].text, one, other)
    return None


def _other_moment(first: str, second: str, one: Facts, other: Facts) -> Reason | None:  # noqa: ARG001
    """Times that need not be of the builds, and times of the day."""
    mine = {moment.text for moment in moments(first)}
    theirs = {moment.text for moment in moments(second)}
    clocks = clock_times(first), clock_times(second)
    if clocks[0] and clocks[1] and clocks[0] != clocks[1]:
        days = bool(mine & theirs)
        ours = [clock for clock in clocks[0] if clock not in clocks[1]], [c for c in clocks[1] if c not in clocks[0]]
        if ours[0] and ours[1]:
            return Reason("time", ours[0][0], ours[1][0], sure=days)
    if mine - theirs and theirs - mine:
        return Reason("time", min(mine - theirs), min(theirs - mine), sure=False)
    return None


def _timely(first: str, second: str, one: Facts, other: Facts) -> Reason:
    return Reason(
        "zone" if one.ahead == other.ahead and _only_zone(first, second, one, other) else "time", first, second
    )


def _only_zone(first: str, second: str, one: Facts, other: Facts) -> bool:
    """Whether two times of builds with one clock are further apart than the builds are."""
    if one.zone == other.zone:
        return False
    mine, theirs = next(moments(first)), next(moments(second))
    apart = other.ended - one.begun + 120
    return not mine.exact and abs(theirs.earliest - mine.earliest) > apart


def _locale(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    if one.locale == other.locale or not one.locale or not other.locale:
        return None
    if _holds(first, one.locale) and _holds(second, other.locale):
        return Reason("locale", one.locale, other.locale)
    language = other.locale.split("_")[0]
    if len(language) == 2 and re.search(rf"\b{language}(_[A-Z]{{2}})?\b", second) and not _holds(first, language):
        return Reason("locale", _excerpt(first), _excerpt(second), sure=False)
    return None


def _order(first: str, second: str, one: Facts, other: Facts) -> Reason | None:  # noqa: ARG001
    lists = _WORD.findall(first), _WORD.findall(second)
    if not reordered(*lists):
        return None
    start = next(at for at, (mine, theirs) in enumerate(zip(*lists, strict=True)) if mine != theirs)
    parts = [found[start:] for found in lists]
    while parts[0] and parts[0][-1] == parts[1][-1]:
        parts = [found[:-1] for found in parts]
    cause, sure = order_cause(*parts)
    return Reason(cause, _excerpt(" ".join(parts[0])), _excerpt(" ".join(parts[1])), sure)


def _random(first: str, second: str, one: Facts, other: Facts) -> Reason | None:  # noqa: ARG001
    for cause, form, sure in (
        ("random", _UUID, True),
        ("random", _TEMPORARY, True),
        ("address", _ADDRESS, True),
        ("derived", _DIGEST, False),
    ):
        mine = [match[0] for match in form.finditer(first)]
        theirs = [match[0] for match in form.finditer(second)]
        new = [word for word in mine if word not in theirs], [word for word in theirs if word not in mine]
        if new[0] and new[1] and form.sub("", first) == form.sub("", second):
            return Reason(cause, new[0][0], new[1][0], sure)
    return None


def _zone(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    if one.zone == other.zone:
        return None
    name = re.match(r"[A-Za-z]{3,}", other.zone)
    if name and _holds(second, name[0]) and not _holds(first, name[0]):
        return Reason("zone", _excerpt(first), name[0])
    mine, theirs = _ZONE.findall(first), _ZONE.findall(second)
    changed = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
    if len(mine) == len(theirs) and changed and _zoneless(first) == _zoneless(second):
        return Reason("zone", *changed[0])
    return None


def _zoneless(text: str) -> str:
    return re.sub(r"\d\d:\d\d(:\d\d)?", "", _ZONE.sub("", text))


def _jobs(first: str, second: str, one: Facts, other: Facts) -> Reason | None:
    mine, theirs = _NUMBER.findall(re.sub("-j", "-j ", first)), _NUMBER.findall(re.sub("-j", "-j ", second))
    counts = {(one.jobs, other.jobs), (str(one.cpus), str(other.cpus))}
    changed = {pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]}
    if len(mine) == len(theirs) and changed and changed <= counts:
        return Reason("cores", _excerpt(first), _excerpt(second), sure=bool(_JOBS.search(first)))
    return None


def _changed(first: str, second: str, one: Facts, other: Facts) -> Reason | None:  # noqa: ARG001
    """Words of one form that are other ones: numbers of processes, keys, salts."""
    if _KERNEL.search(first) and re.search(r"\d+\.\d+", first):
        return Reason("host", _excerpt(first), _excerpt(second), sure=False)
    mine, theirs = _WORD.findall(first), _WORD.findall(second)
    pairs = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
    if len(mine) == len(theirs) and len(pairs) == 1 and len(pairs[0][0]) >= 3:
        word, new = pairs[0]
        if word.isdigit() and new.isdigit():
            return Reason("random", word, new, sure=False)
        if len(word) == len(new) >= 16 and word.isalnum():
            return Reason("random", word, new, sure=False)
    return None


def _excerpt(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 60 else text[:57] + "…"
