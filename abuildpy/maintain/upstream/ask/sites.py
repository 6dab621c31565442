# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites that publish files: their own lists of releases, folders that a server lists, and pages with links."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

from abuildpy.errors import FetchError
from abuildpy.maintain.answers import dicts, text
from abuildpy.maintain.upstream.ask.asking import (
    Asking,
    Named,
    Published,
    elements,
    elements_in,
    last_part,
    links,
)
from abuildpy.maintain.upstream.facts import is_archive, stem
from abuildpy.maintain.upstream.model import Form, Release
from abuildpy.maintain.upstream.spelling import read
from abuildpy.maintain.upstream.web import Answer, Unanswered
from abuildpy.repository.version import sort_key

_HOLE = re.compile(r"\{(\d*)\}")
_NEWEST = 3
"""So many of the newest folders are looked into: the newest may hold test releases only, or nothing yet."""


def sourceforge(asking: Asking) -> Published:
    """The newest files of a project (sourceforge.net, "RSS feeds of file releases")."""
    found = asking.web.parsed(asking.upstream.address, _feed)
    return asking.published(found, complete=False)


def _feed(answer: Answer) -> tuple[Named, ...]:
    names = []
    for item in elements(answer, "item"):
        titles, dates = elements_in(item, "title"), elements_in(item, "pubDate")
        if titles:
            names.append(Named(stem(titles[0].strip().rpartition("/")[2]), _day(dates[0]) if dates else ""))
    return tuple(names)


def _day(date: str) -> str:
    try:
        return parsedate_to_datetime(date.strip().removesuffix("UT") + "+0000").date().isoformat()
    except (ValueError, TypeError, OverflowError):
        return ""


def launchpad(asking: Asking) -> Published:
    """Releases of a project (launchpad.net/+apidoc)."""
    document = asking.web.parsed(asking.upstream.address, lambda answer: answer.json(), accept="application/json")
    found = [
        Named(text(each.get("version")), text(each.get("date_released"))[:10])
        for each in dicts(document.get("entries") if isinstance(document, dict) else None)
    ]
    return asking.published(found, complete=False, form=Form())


def gnome(asking: Asking) -> Published:
    """All versions of a module: the third part of its ``cache.json`` (GNOME's ftpadmin writes it)."""
    return asking.published(asking.web.parsed(asking.upstream.address, _gnome), complete=True)


def _gnome(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    modules = document[2] if isinstance(document, list) and len(document) > 2 else None
    if not isinstance(modules, dict):
        raise Unanswered(f"{answer.url}: the list of versions has another form")
    return tuple(Named(text(each)) for versions in modules.values() if isinstance(versions, list) for each in versions)


def kernel(asking: Asking) -> Published:
    """Linux's releases. A recipe of a series that is maintained for long stays among such."""
    document = asking.web.parsed(asking.upstream.address, lambda answer: answer.json(), accept="application/json")
    listed = dicts(document.get("releases") if isinstance(document, dict) else None)
    series = {_series(text(each.get("version"))) for each in listed if each.get("moniker") == "longterm"}
    stays = _series(asking.packaged) in series
    found = []
    for each in listed:
        moniker, version, released = text(each.get("moniker")), text(each.get("version")), each.get("released")
        date = text(released.get("isodate")) if isinstance(released, dict) else ""
        if moniker in ("stable", "longterm", "mainline") and not (stays and moniker != "longterm"):
            found.append(Named(version, date, moniker == "mainline" and "-rc" in version))
    return asking.published(found, complete=False)


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def listing(asking: Asking) -> Published:
    """Walks the folders of a template, the newest first, down to the files."""
    root, parts = _parts(asking.upstream.template)
    start = next((at for at, part in enumerate(parts) if _HOLE.search(part)), len(parts) - 1)
    releases: dict[str, Release] = {}
    folders = ["/".join((root, *(quote(part) for part in parts[:start]), ""))]
    for at in range(start, len(parts)):
        is_file = at == len(parts) - 1
        if not _HOLE.search(parts[at]):
            folders = [f"{folder}{quote(parts[at])}/" for folder in folders]
            continue
        found = _found(asking, folders, parts[at], is_file=is_file)
        if is_file:
            releases = found
        else:
            newest = sorted(found, key=sort_key, reverse=True)[:_NEWEST]
            folders = [found[version].date for version in newest]
    return Published(tuple(_without_place(release) for release in releases.values()), len(parts) - 1 == start)


def _found(asking: Asking, folders: list[str], part: str, *, is_file: bool) -> dict[str, Release]:
    """What fits a part of a template in some folders, by version; ``date`` is where it is, until that is taken off."""
    form = asking.upstream.form if is_file else _form_of(part)
    found: dict[str, Release] = {}
    failure: FetchError | None = None
    for folder in folders:
        try:
            listed = asking.web.parsed(folder, links)
        except FetchError as error:
            failure = failure or error
            continue
        for url in listed:
            name = last_part(url)
            if is_file and not is_archive(name) and "." not in name:
                continue
            spelled = read(stem(name) if is_file else name, form)
            if spelled is not None:
                place = url if url.endswith("/") else f"{url}/"
                found.setdefault(spelled.version, Release(spelled.version, name, place, spelled.unfinished))
    if not found and failure is not None:
        raise failure
    return found


def _form_of(part: str) -> Form:
    """``v{2}`` and ``{1}.x``: what stands around the hole."""
    hole = _HOLE.search(part)
    assert hole is not None  # noqa: S101 -- the caller looked
    return Form(part[: hole.start()], _HOLE.sub("", part[hole.end() :]))


def _without_place(release: Release) -> Release:
    return Release(release.version, release.name, "", release.prerelease)


def _parts(template: str) -> tuple[str, list[str]]:
    split = urlsplit(template)
    return f"{split.scheme}://{split.netloc}", [part for part in template.split("/")[3:] if part]


def page(asking: Asking) -> Published:
    """Files of the form that the recipe's own source has, among a page's links."""
    found = asking.web.parsed(asking.upstream.address, links)
    return asking.published((Named(stem(unquote(last_part(url)))) for url in found), complete=False)


def anitya(asking: Asking) -> Published:
    """What release-monitoring knows of a project (its API, version 2): by number, else by the name that Alpine gives it."""
    project, root = asking.upstream.project, "https://release-monitoring.org/api/v2"
    if project.isdigit():
        url = f"{root}/versions/?project_id={project}"
        document = asking.web.parsed(url, lambda answer: answer.json(), accept="application/json")
        stable = document.get("stable_versions") if isinstance(document, dict) else None
        found = [Named(text(each)) for each in stable] if isinstance(stable, list) else []
        return asking.published(found, complete=bool(found), form=Form(loose=True))
    url = f"{root}/packages/?distribution=Alpine&name={quote(project)}"
    document = asking.web.parsed(url, lambda answer: answer.json(), accept="application/json")
    items = dicts(document.get("items") if isinstance(document, dict) else None)
    found = [Named(text(each.get("stable_version")) or text(each.get("version"))) for each in items[:1]]
    return asking.published(found, complete=False, form=Form(loose=True))


def debian(asking: Asking) -> Published:
    """The versions that Debian has of a source package of that name (sources.debian.org/doc/api), without its own parts."""
    url = f"https://sources.debian.org/api/src/{quote(asking.upstream.project)}/"
    document = asking.web.parsed(url, lambda answer: answer.json(), accept="application/json")
    found = []
    for each in dicts(document.get("versions") if isinstance(document, dict) else None):
        version = text(each.get("version")).partition(":")[2] or text(each.get("version"))
        bare = version.rpartition("-")[0] or version
        found.append(Named(re.sub(r"[+~.](?:dfsg|ds|repack|really)[\w.]*\Z", "", bare)))
    return asking.published(found, complete=False, form=Form(separators="."))
