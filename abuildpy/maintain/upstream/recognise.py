# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source of truth a recipe has: what its sources' addresses say, then what its home page says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from abuildpy.maintain.upstream.facts import Facts, Place
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.sources import (
    bitbucket,
    cgit,
    gitea,
    github,
    gitlab,
    gnome,
    kernel,
    launchpad,
    listing,
    registries,
    sourceforge,
    sourcehut,
)

_Recognise = Callable[[Place, Facts], Upstream | None]
_BY_HOST: tuple[_Recognise, ...] = (
    github.recognise,
    sourceforge.recognise,
    launchpad.recognise,
    bitbucket.recognise,
    gnome.recognise,
    kernel.recognise,
)
_BY_SHAPE: tuple[_Recognise, ...] = (
    registries.recognise,
    sourcehut.recognise,
    gitlab.recognise,
    cgit.recognise,
    gitea.recognise,
    listing.recognise,
)
_BY_KIND: Mapping[str, _Recognise] = {
    "gitlab": gitlab.recognise,
    "gitea": gitea.recognise,
    "sourcehut": sourcehut.recognise,
}


def recognise(facts: Facts) -> tuple[Upstream, ...]:
    """Where a recipe's upstream publishes, the most telling first; empty where nothing is recognised.

    The rest are for when the first does not answer or has no such versions: the home page's project, where that is
    another, and the home page itself for links to files of the same form.
    """
    found: dict[tuple[str, str], Upstream] = {}
    if not facts.places:  # all of it is kept beside the recipe
        return ()
    for place in facts.places:
        upstream = None if _is_aside(place, facts) else _of(place, facts)
        if upstream is not None:
            found.setdefault((upstream.kind, upstream.address), upstream)
            break
    if facts.home is not None:
        upstream = _of(facts.home, facts)
        if upstream is not None:
            found.setdefault((upstream.kind, upstream.address), upstream)
        first = next(iter(found.values()), None)
        if first is not None and first.template and not first.form.loose:
            page = Upstream("page", first.project, facts.home.url, first.form, first.template)
            found.setdefault((page.kind, page.address), page)
    return tuple(found.values())


def _is_aside(place: Place, facts: Facts) -> bool:
    """Whether a place is that of a single file which has a version of its own: not what the recipe is about."""
    return "raw" in place.parts and len(facts.places) > 1 and facts.version not in place.url


def _of(place: Place, facts: Facts) -> Upstream | None:
    of_user = _BY_KIND.get(facts.kinds.get(place.host, ""))
    askers: tuple[_Recognise, ...] = (*_BY_HOST, *_BY_SHAPE) if of_user is None else (of_user, *_BY_HOST, *_BY_SHAPE)
    return next((upstream for each in askers if (upstream := each(place, facts)) is not None), None)


def recognise_address(place: Place, facts: Facts) -> Upstream | None:
    """The project that an address by itself belongs to."""
    return _of(place, facts)


def last_resorts(facts: Facts) -> tuple[Upstream, ...]:
    """Who may know of software of that name: release-monitoring, which has Alpine's names, and Debian."""
    name = facts.pkgname
    return (
        Upstream(
            "anitya",
            name,
            f"https://release-monitoring.org/api/v2/packages/?distribution=Alpine&name={name}",
            guessed=True,
        ),
        Upstream("debian-tracker", name, f"https://sources.debian.org/api/src/{name}/", guessed=True),
    )
