# SPDX-License-Identifier: GPL-3.0-or-later
"""Package registries of languages, each asked at the host that the recipe names or the user has set."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from urllib.parse import quote

from abuildpy.maintain.answers import dicts, text, without_password
from abuildpy.maintain.upstream.ask.asking import Asking, Named, Published, elements, last_part, links
from abuildpy.maintain.upstream.facts import stem
from abuildpy.maintain.upstream.web import Answer, Unanswered
from abuildpy.repository.version import compare

_SIMPLE = "application/vnd.pypi.simple.v1+json"
_DISTRIBUTION = re.compile(r"(?P<name>.+?)-v?(?P<version>\d[\w.]*)")


def pypi(asking: Asking) -> Published:
    """Files of a project (PEP 691), withdrawn ones left out, at the user's own index, which may want a password."""
    from abuildpy.maintain.upstream.plan import python_index

    web, address, verify = asking.web, asking.upstream.address, ""
    index = python_index(web)
    if index is not None and address.startswith(bare := without_password(index.simple)):
        address, verify = index.simple + address[len(bare) :], index.certificates
    return asking.published(web.parsed(address, _python_files, accept=_SIMPLE, verify=verify), complete=True)


def _python_files(answer: Answer) -> tuple[Named, ...]:
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
    from packaging.version import InvalidVersion

    found: dict[str, Named] = {}
    document = answer.json()
    for file in dicts(document.get("files") if isinstance(document, dict) else None):
        name = text(file.get("filename"))
        if file.get("yanked"):
            continue
        try:
            version = parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
        except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
            continue
        if version.epoch or version.local:
            continue
        spelled = str(version)
        found.setdefault(spelled, Named(spelled, text(file.get("upload-time"))[:10], version.is_prerelease))
    return tuple(found.values())


def npm(asking: Asking) -> Published:
    """Versions of a package; those past the one that ``latest`` names count as unfinished, deprecated ones not at all."""
    upstream = asking.upstream
    root = "/".join(upstream.address.split("/", 3)[:3])
    url = f"{root}/{quote(upstream.project, safe='@')}"
    found, latest = asking.web.parsed(url, _node_versions, accept="application/vnd.npm.install-v1+json")
    published = asking.published(found, complete=True)
    if not latest:
        return published
    releases = tuple(
        release
        if compare(release.version, latest) <= 0
        else type(release)(release.version, release.name, release.date, True)
        for release in published.releases
    )
    return Published(releases, complete=True, unread=published.unread)


def _node_versions(answer: Answer) -> tuple[tuple[Named, ...], str]:
    document = answer.json()
    if not isinstance(document, dict):
        return (), ""
    versions, tags = document.get("versions"), document.get("dist-tags")
    listed = versions if isinstance(versions, dict) else {}
    latest = text(tags.get("latest")) if isinstance(tags, dict) else ""
    found = (Named(name) for name, each in listed.items() if not (isinstance(each, dict) and each.get("deprecated")))
    return tuple(found), latest if latest.replace(".", "").isdigit() else ""


def crates(asking: Asking) -> Published:
    """Versions of a crate, yanked ones left out."""
    return asking.published(
        asking.web.parsed(asking.upstream.address, _crates, accept="application/json"), complete=True
    )


def _crates(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    versions = dicts(document.get("versions") if isinstance(document, dict) else None)
    return tuple(
        Named(text(each.get("num")), text(each.get("created_at"))[:10]) for each in versions if not each.get("yanked")
    )


_LARGEST_INDEX = 128 << 20
"""The real one has a quarter of that."""


def cpan(asking: Asking) -> Published:
    """The newest version of a distribution, from the index of all that each mirror has: one question for all recipes.

    Raises Unanswered if no distribution of that name is in it.
    """
    upstream = asking.upstream
    newest = asking.web.parsed(upstream.address, _perl_index).get(upstream.project)
    if newest is None:
        raise Unanswered(f"{upstream.address}: no distribution {upstream.project}", status=404)
    return asking.published((Named(newest),), complete=False)


def _perl_index(answer: Answer) -> Mapping[str, str]:
    """Version by distribution (CPAN::Meta's notes on 02packages: module, its version, the archive's path, in columns)."""
    try:
        data = answer.body
        if data[:2] == b"\x1f\x8b":
            inflater = zlib.decompressobj(wbits=31)
            data = inflater.decompress(data, _LARGEST_INDEX)
            if not inflater.eof:
                raise zlib.error("it ends too early, or is absurdly large")
    except zlib.error:
        raise Unanswered(f"{answer.url}: the index is damaged") from None
    found: dict[str, str] = {}
    seen = set()
    for line in data.decode("utf-8", "replace").partition("\n\n")[2].splitlines():
        path = line.rpartition(" ")[2]
        if path in seen:
            continue
        seen.add(path)
        match = _DISTRIBUTION.fullmatch(stem(path.rpartition("/")[2]))
        # Modules that were dropped from a distribution still point at an old archive of it.
        if match and (match["name"] not in found or compare(match["version"], found[match["name"]]) > 0):
            found[match["name"]] = match["version"]
    return found


def rubygems(asking: Asking) -> Published:
    """Versions of a gem."""
    return asking.published(asking.web.parsed(asking.upstream.address, _gems, accept="application/json"), complete=True)


def _gems(answer: Answer) -> tuple[Named, ...]:
    return tuple(
        Named(text(each.get("number")), text(each.get("created_at"))[:10], bool(each.get("prerelease")))
        for each in dicts(answer.json())
    )


def hackage(asking: Asking) -> Published:
    """Versions of a package that its maintainers have not deprecated."""
    return asking.published(
        asking.web.parsed(asking.upstream.address, _haskell, accept="application/json"), complete=True
    )


def _haskell(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    versions = document.get("normal-version") if isinstance(document, dict) else None
    return tuple(Named(text(each)) for each in versions) if isinstance(versions, list) else ()


def pecl(asking: Asking) -> Published:
    """Releases of an extension, with the state that each is declared to have."""
    return asking.published(asking.web.parsed(asking.upstream.address, _pecl), complete=True)


def _pecl(answer: Answer) -> tuple[Named, ...]:
    pairs = zip(elements(answer, "v"), elements(answer, "s"), strict=False)
    return tuple(Named(version, unfinished=state != "stable") for version, state in pairs)


def maven(asking: Asking) -> Published:
    """Versions of an artifact."""
    found = asking.web.parsed(asking.upstream.address, lambda answer: tuple(elements(answer, "version")))
    return asking.published((Named(version) for version in found), complete=True)


def cran(asking: Asking) -> Published:
    """The newest version of a package: the folder of all holds one archive of each."""
    found = asking.web.parsed(asking.upstream.address, links)
    return asking.published((Named(stem(last_part(url))) for url in found), complete=False)


def hex_packages(asking: Asking) -> Published:
    """Versions of a package for Erlang or Elixir."""
    return asking.published(asking.web.parsed(asking.upstream.address, _hex, accept="application/json"), complete=True)


def _hex(answer: Answer) -> tuple[Named, ...]:
    document = answer.json()
    return tuple(
        Named(text(each.get("version")))
        for each in dicts(document.get("releases") if isinstance(document, dict) else [])
    )


def goproxy(asking: Asking) -> Published:
    """Versions of a Go module (the Go reference, "GOPROXY protocol")."""
    found = asking.web.parsed(asking.upstream.address, lambda answer: tuple(answer.text().split()))
    return asking.published((Named(version) for version in found), complete=True)
