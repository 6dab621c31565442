# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of upstream's versions count for a recipe, and the newest of these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from abuildpy.maintain.upstream.model import Release
from abuildpy.maintain.upstream.spelling import is_unfinished, numbers_of
from abuildpy.repository.version import sort_key

_ODD_IS_UNSTABLE = frozenset(("gnome", "mate", "gstreamer"))
"""Where a second number that is odd means that the series is under development."""
_NINETY_IS_UNSTABLE = {"gnome": 1, "kde": 1, "xorg": 1, "gnu": 2}
"""Where a number of 90 and more (KDE: 80) leads up to the next release, and from which number on."""
_GNOME_WITHOUT_ODD = 40
_DATE = 1900
_LANGUAGE = re.compile(r"(?:py3|python3|perl|ruby|lua(?:5\.\d)?|php\d+(?:-pecl)?|ocaml|font|node)-(?=.)")
_NO_SERIES = frozenset("av1 bzip2 http2 http3 ipv4 ipv6 mp3 mp4 oauth2 s3 stage0 type1 x11".split())
"""Words whose digits belong to what they mean."""
_SERIES = re.compile(r"(?:[A-Za-z+._-]*[A-Za-z+_-])?(?P<digits>\d+(?:\.\d+)*)\Z")


@dataclass(frozen=True, slots=True)
class Rules:
    """``packaged`` is the version that the recipe has; the rest as in :class:`~abuildpy.maintain.upstream.overrides.Override`."""

    kind: str
    packaged: str
    series: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()
    prereleases: bool = False
    even: bool | None = None


def newest(releases: Iterable[Release], rules: Rules) -> Release | None:
    """The newest that counts; None if none does."""
    fit = [release for release in releases if counts(release, rules)]
    return max(fit, key=lambda release: sort_key(release.version), default=None)


def newest_first(releases: Iterable[Release]) -> tuple[Release, ...]:
    """In apk's order, backwards."""
    return tuple(sorted(releases, key=lambda release: sort_key(release.version), reverse=True))


def counts(release: Release, rules: Rules) -> bool:
    """Whether a version is one that the recipe could go to."""
    version = release.version
    if any(fnmatchcase(version, pattern) or fnmatchcase(release.name, pattern) for pattern in rules.ignore):
        return False
    numbers, packaged = numbers_of(version), numbers_of(rules.packaged)
    if rules.series and numbers[: len(rules.series)] != rules.series:
        return False
    if release.prerelease and not (rules.prereleases or is_unfinished(rules.packaged)):
        return False
    if _is_odd(numbers, rules) and not (rules.prereleases or _is_odd(packaged, rules)):
        return False
    if _leads_up(numbers, rules) and not (rules.prereleases or _leads_up(packaged, rules)):
        return False
    return not _is_date(numbers, packaged)


def _is_odd(numbers: Sequence[int], rules: Rules) -> bool:
    if len(numbers) < 2 or numbers[1] % 2 == 0:
        return False
    if rules.even is not None:
        return rules.even
    return rules.kind in _ODD_IS_UNSTABLE and numbers[0] < _GNOME_WITHOUT_ODD


def _leads_up(numbers: Sequence[int], rules: Rules) -> bool:
    first = _NINETY_IS_UNSTABLE.get(rules.kind)
    if first is None:
        return False
    least = 80 if rules.kind == "kde" else 90
    return any(least <= number < 100 for number in numbers[first:3])


def _is_date(numbers: Sequence[int], packaged: Sequence[int]) -> bool:
    """Whether a version is a date, of a project that has versions: some tag snapshots so."""
    return bool(numbers and packaged) and numbers[0] >= _DATE > 4 * packaged[0]


def series_of(pkgname: str, version: str, project: str = "") -> tuple[int, ...]:
    """The first numbers that all versions of a recipe have which is kept for a series: (13,) of ``postgresql13``.

    The package's name tells: digits at the end of its first word that has any, if the version begins with the same. Where
    upstream's project has that word in its own name, the digits mean something else: ``lz4``.
    """
    numbers = numbers_of(version)
    named = set(re.split(r"[-_/]", project.lower())) | {project.rpartition("/")[2].lower()}
    for word in re.split(r"-(?=[A-Za-z])", _LANGUAGE.sub("", pkgname)):
        match = _SERIES.fullmatch(word)
        if match is None or word in _NO_SERIES or word.lower() in named:
            continue
        digits = match["digits"].replace(".", "")
        for count in range(1, len(numbers) + 1):
            if "".join(map(str, numbers[:count])) == digits:
                return _whole(numbers, count, match["digits"])
    return ()


def _whole(numbers: tuple[int, ...], count: int, digits: str) -> tuple[int, ...]:
    """``gtk4.0`` means all of 4, ``python3.12`` only 3.12."""
    return numbers[:1] if digits.endswith(".0") and count == 2 else numbers[:count]
