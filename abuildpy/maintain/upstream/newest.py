# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest upstream version of recipes: recognise each one's source of truth, ask all at once, choose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from abuildpy.errors import AbuildError
from abuildpy.maintain.upstream.ask.asking import Asking
from abuildpy.maintain.upstream.ask.table import ASK
from abuildpy.maintain.upstream.choose import newest, newest_first
from abuildpy.maintain.upstream.facts import Described
from abuildpy.maintain.upstream.lanes import Lanes
from abuildpy.maintain.upstream.model import Newest, Upstream
from abuildpy.maintain.upstream.overrides import names_of
from abuildpy.maintain.upstream.plan import Planned, plan, plan_project
from abuildpy.maintain.upstream.settings import UpstreamSettings
from abuildpy.maintain.upstream.web import Web
from abuildpy.repository.version import compare

NO_VERSIONS = "no version was found at {}"


def find_newest(recipe: Described, settings: UpstreamSettings) -> Newest:
    """The newest version of one recipe's upstream. What goes wrong stands in the answer's ``error``."""
    return next(find_all([recipe], settings))


def find_project(address: str, settings: UpstreamSettings) -> Newest:
    """The newest version of a project that has no recipe yet, by the address of its page. What goes wrong stands in ``error``."""
    return _answer(plan_project(address, settings), Web(settings))


def find_all(recipes: Iterable[Described], settings: UpstreamSettings, web: Web | None = None) -> Iterator[Newest]:
    """The newest versions for many recipes, asked at once; answers in the order of the recipes.

    Raises ConfigError for a tree's table that makes no sense; all else that goes wrong stands in an answer's ``error``.
    """
    shared = web or Web(settings)
    planned = [plan(recipe, shared) for recipe in recipes]

    def lane(each: Planned) -> str:
        return urlsplit(settings.address_of(each.upstreams[0].address)).netloc if each.upstreams else ""

    tasks = [(lane(each), partial(_answer, each, shared)) for each in planned]
    return Lanes(tasks, settings.jobs, settings.per_host).results()


def _answer(planned: Planned, web: Web) -> Newest:
    """Asks a recipe's upstreams, the next where one does not answer or has no version that counts.

    If none has, the first one's trouble is told: the others are makeshifts.
    """
    recipe = planned.recipe
    answer: Newest | None = None
    for upstream in planned.upstreams:
        found = _ask(planned, upstream, web)
        if found.version is not None:
            return found
        answer = answer or found
    if answer is not None:
        return answer
    return Newest(recipe.pkgname, recipe.path, recipe.pkgver, error=planned.error)


def _ask(planned: Planned, upstream: Upstream, web: Web) -> Newest:
    recipe = planned.recipe
    asking = Asking(upstream, web, names_of(planned.facts, upstream), planned.packaged(upstream))
    try:
        published = ASK[upstream.kind](asking)
    except AbuildError as error:
        return Newest(recipe.pkgname, recipe.path, recipe.pkgver, upstream, error=error.message)
    rules = planned.rules(upstream, web.settings)
    found = newest(published.releases, rules)
    beyond = newest(published.releases, replace(rules, series=())) if rules.series else None
    return Newest(
        recipe.pkgname,
        recipe.path,
        recipe.pkgver,
        upstream,
        None if found is None else found.version,
        "" if found is None else found.name,
        "" if found is None else found.date,
        beyond.version if beyond and (found is None or compare(beyond.version, found.version) > 0) else "",
        newest_first(published.releases),
        published.complete,
        published.unread,
        NO_VERSIONS.format(upstream.address) if found is None else None,
    )
