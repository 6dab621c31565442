# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in text and bytes: finding them, and telling whether they are those of a build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from abuildpy.maintain.reproduce.builder import Facts

_DAY = 86400
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = "(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_CLOCK_AFTER = _CLOCK.replace("P<", "P<b_")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_NUMBER = r"(?P<number>0?[1-9]|1[0-2])"
_DATE = r"(?P<day>[0-3]?\d)"
_BEFORE, _AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_FORMS = tuple(
    re.compile(_BEFORE + form + _AFTER, re.IGNORECASE)
    for form in (
        rf"{_YEAR}-{_NUMBER}-{_DATE}(?:[T ]{_CLOCK})?(?:[.,]\d+)?Z?",
        rf"{_YEAR}/{_NUMBER}/{_DATE}(?:[T ]{_CLOCK})?",
        rf"{_MONTH}[ .]+{_DATE},?[ ]+(?:{_CLOCK} +(?:[A-Z]{{2,5}} +|[+-]\d+ +)?)?{_YEAR}(?:(?: at)? +{_CLOCK_AFTER})?",
        rf"{_DATE}\.?[ -]{_MONTH}[ ,-]+{_YEAR}(?: +{_CLOCK})?",
        rf"{_MONTH}[ ,]+{_YEAR}",
        rf"{_DATE}\.{_NUMBER}\.{_YEAR}(?:[ ,]+{_CLOCK})?",
        rf"{_NUMBER}/{_DATE}/{_YEAR}(?:[ ,]+{_CLOCK})?",
        rf"{_DATE}/{_NUMBER}/{_YEAR}(?:[ ,]+{_CLOCK})?",
        r"(?P<year>20\d\d)(?P<number>0[1-9]|1[0-2])(?P<day>[0-3]\d)(?:[T_.-]?(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)?)?Z?",
    )
)
_CLOCK_ALONE = re.compile(rf"(?<![\d:]){_CLOCK}(?![\d:])")
_YEAR_ALONE = re.compile(rf"{_BEFORE}{_YEAR}{_AFTER}")
_EPOCHS = re.compile(r"(?<![\d.])(\d{9,10})(\d{3}|\d{6}|\d{9})?(?!\d)")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that was read somewhere: from ``earliest`` to ``latest`` in seconds since 1970, as if it were of UTC.

    ``exact`` tells that it needs no time zone.
    """

    text: str
    earliest: float
    latest: float
    exact: bool = False


def moments(text: str) -> Iterator[Moment]:
    """All times that a text may tell of; the same words may be read in several ways."""
    taken = False
    for form in _FORMS:
        for match in form.finditer(text):
            moment = _moment(match)
            if moment is not None:
                taken = True
                yield moment
    for match in _EPOCHS.finditer(text):
        seconds = float(match[1])
        if seconds > 315_000_000:
            taken = True
            yield Moment(match[0], seconds, seconds + 1, exact=True)
    if not taken:
        for match in _YEAR_ALONE.finditer(text):
            begin = datetime(int(match["year"]), 1, 1, tzinfo=UTC)
            yield Moment(match[0], begin.timestamp(), datetime(begin.year + 1, 1, 1, tzinfo=UTC).timestamp())


def _moment(match: re.Match[str]) -> Moment | None:
    parts = match.groupdict()
    month = int(parts["number"]) if parts.get("number") else _MONTHS.index(parts["month"][:3].lower()) + 1
    day, hour = parts.get("day"), parts.get("hour") or parts.get("b_hour")
    try:
        begin = datetime(
            int(parts["year"]),
            month,
            int(day or 1),
            int(hour or 0),
            int(parts.get("minute") or parts.get("b_minute") or 0),
            int(parts.get("second") or parts.get("b_second") or 0) % 60,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    if day is None:
        length = timedelta(days=31)
    elif hour is None:
        length = timedelta(days=1)
    else:
        length = timedelta(seconds=1 if parts.get("second") or parts.get("b_second") else 60)
    return Moment(match[0], begin.timestamp(), (begin + length).timestamp())


def is_of(moment: Moment, facts: Facts, *, zones: bool = True) -> bool:
    """Whether a time is within a build: by its own clock or by the machine's, with ``zones`` in any time zone."""
    slack = 2.0 + facts.uncertain + (0.0 if moment.exact or not zones else 14 * 3600.0)
    return any(
        moment.earliest <= facts.ended + ahead + slack and moment.latest >= facts.begun + ahead - slack
        for ahead in {0, facts.ahead}
    )


def clock_times(text: str) -> list[str]:
    """Times of the day that stand there without a date."""
    return [match[0] for match in _CLOCK_ALONE.finditer(text)]


def stamp_of(value: int, facts: Facts) -> bool:
    """Whether a number of seconds since 1970 is within a build."""
    return is_of(Moment("", value, value + 1, exact=True), facts)


def show(seconds: float) -> str:
    """A time for messages, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(int(seconds))
