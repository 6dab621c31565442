# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to ask about a recipe, and which answers count: what is recognised, and what the maintainer says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from abuildpy.errors import ConfigError, RecipeError
from abuildpy.maintain.answers import without_password
from abuildpy.maintain.pipconfig import Address
from abuildpy.maintain.upstream.choose import Rules, series_of
from abuildpy.maintain.upstream.facts import Described, Description, Facts, facts_of, place_of
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.overrides import NOTHING_SAID, Override, override_of
from abuildpy.maintain.upstream.recognise import last_resorts, recognise, recognise_address
from abuildpy.maintain.upstream.settings import TREE_FILE, UpstreamSettings, read_table
from abuildpy.maintain.upstream.spelling import numbers_of, to_apk
from abuildpy.maintain.upstream.web import Web
from abuildpy.repository.version import is_valid

NOT_RECOGNISED = "no upstream is recognised in its source and url"
NO_SOURCE = "all of it is kept beside the recipe"
NOT_LOOKED_FOR = "the recipe says that there is none to look for"


@dataclass(frozen=True, slots=True)
class Planned:
    """``upstreams`` are asked one after the other until one has versions; with none, ``error`` tells why."""

    recipe: Described
    facts: Facts
    upstreams: tuple[Upstream, ...]
    said: Override
    error: str = ""

    def packaged(self, upstream: Upstream) -> str:
        """Upstream's version that the recipe has, in apk's spelling."""
        return upstream.current or self.recipe.pkgver

    def rules(self, upstream: Upstream, settings: UpstreamSettings) -> Rules:
        """Which of its versions count."""
        packaged, said = self.packaged(upstream), self.said
        if not is_valid(packaged):
            spelled = to_apk(packaged)
            packaged = spelled.version if spelled else packaged
        series = numbers_of(said.series) if said.series else series_of(self.recipe.pkgname, packaged, upstream.project)
        prereleases = settings.prereleases if said.prereleases is None else said.prereleases
        return Rules(upstream.kind, packaged, series, said.ignore, prereleases, said.even)


def plan(recipe: Described, web: Web) -> Planned:
    """Whom to ask about a recipe. Raises ConfigError for a tree's table that makes no sense."""
    planned = _plan(recipe, web.settings)
    if all(upstream.kind != "pypi" for upstream in planned.upstreams):
        return planned
    return replace(planned, upstreams=tuple(_at_own_index(upstream, web) for upstream in planned.upstreams))


def plan_project(address: str, settings: UpstreamSettings) -> Planned:
    """Whom to ask about a project that has no recipe yet, by the address of its page."""
    parts = urlsplit(address).path.rstrip("/").rpartition("/")
    described = Description(Path(), parts[2].removesuffix(".git"), "0", address, ())
    found = upstreams_of(address, settings)
    return Planned(described, facts_of(described), found, NOTHING_SAID, "" if found else NOT_RECOGNISED)


def upstreams_of(address: str, settings: UpstreamSettings) -> tuple[Upstream, ...]:
    """Where a project publishes whose page is there; what is no known kind of place may be git's, as most forges are."""
    place = place_of(address, is_home=True)
    if place is None:
        return ()
    found = recognise_address(place, Facts("", "", (), place, _kinds(settings)))
    if found is not None:
        return (found,)
    bare, project = address.rstrip("/").removesuffix(".git"), "/".join(place.parts).removesuffix(".git")
    return tuple(Upstream("git", project, url) for url in (f"{bare}.git", bare))


def python_index(web: Web) -> Address | None:
    """The index that pip is configured for; None where there is none."""
    from abuildpy.maintain.pipconfig import find_index

    try:
        return web.once(python_index, lambda: find_index(web.settings.environ))
    except ConfigError:
        return None


def _at_own_index(upstream: Upstream, web: Web) -> Upstream:
    """A Python project at the user's own index: the host of its files need not be one, unless the user says so."""
    if upstream.kind != "pypi" or urlsplit(upstream.address).netloc in web.settings.hosts:
        return upstream
    index = python_index(web)
    if index is None:
        return upstream
    name = re.sub(r"[-_.]+", "-", upstream.project).lower()
    return replace(upstream, address=f"{without_password(index.simple)}/{name}/")


def _plan(recipe: Described, settings: UpstreamSettings) -> Planned:
    facts = facts_of(recipe, _kinds(settings))
    _, of_tree = _table_of(recipe.path.parent.parent.parent)
    try:
        said = override_of(recipe.path, facts, settings.recipes, of_tree)
    except RecipeError as error:
        return Planned(recipe, facts, (), Override(), f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    if said.nothing:
        return Planned(recipe, facts, (), said, NOT_LOOKED_FOR)
    if said.upstream is not None:
        return Planned(recipe, facts, (said.upstream,), said)
    found = recognise(facts)
    if said.form is not None:
        form = said.form
        found = tuple(replace(upstream, form=form, current="") for upstream in found)
    if not facts.places and not found:
        return Planned(recipe, facts, (), said, NO_SOURCE)
    if settings.last_resort:
        found = (*found, *last_resorts(facts))
    return Planned(recipe, facts, found, said, "" if found else NOT_RECOGNISED)


def _kinds(settings: UpstreamSettings) -> dict[str, str]:
    """Which kind of forge a host is, where the user says so."""
    return {name: host.kind for name, host in settings.hosts.items() if host.kind}


@lru_cache(maxsize=8)
def _table_of(tree: Path) -> tuple[Mapping[str, object], Mapping[str, str]]:
    return read_table(tree / TREE_FILE)
