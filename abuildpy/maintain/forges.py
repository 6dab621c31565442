# SPDX-License-Identifier: GPL-3.0-or-later
"""From a project's address, at a forge or in a package index, to the address of one version's source archive."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from abuildpy.errors import FetchError
from abuildpy.maintain.origin import has_archive_suffix

if TYPE_CHECKING:
    from abuildpy.maintain.upstream.settings import UpstreamSettings

_TIMEOUT = 60
_PARTS = re.compile(
    r"(?P<project>https?://[^/]+/(?:[^/?#]+/)+?[^/?#]+?)(?:\.git)?"
    r"(?:/?|/(?:-/)?(?:releases/tag|tree|tags|releases|src/tag|refs|commits|refs/tags|refs/download)(?:/(?P<tag>[^?#]+?))?/?)"
)
_INDEXES = (
    ("pypi", re.compile(r"https?://(?:[^/]*\.)?pypi\.[^/]+/project/(?P<name>[^/?#]+)(?:/(?P<version>[^/?#]+))?/?(?:[?#].*)?")),
    ("npm", re.compile(r"https?://(?:[^/]*\.)?npm[^/]*/package/(?P<name>(?:@[^/]+/)?[^/?#]+)(?:/v/(?P<version>[^/?#]+))?/?(?:[?#].*)?")),
    ("crates", re.compile(r"(?P<place>https?://(?:[^/]*\.)?crates\.[^/]+)/crates/(?P<name>[^/?#]+)(?:/(?P<version>[^/?#]+))?/?(?:[?#].*)?")),
    ("pypi", re.compile(r"pypi:(?P<name>[\w.-]+)(?:[@=]=?(?P<version>[^@=]+))?")),
    ("npm", re.compile(r"npm:(?P<name>(?:@[\w.-]+/)?[\w.-]+)(?:@(?P<version>[^@]+))?")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """An archive's address, the name that its package should have (empty: the archive's), and the project's page."""

    url: str
    pkgname: str = ""
    page: str = ""


def is_project(argument: str) -> bool:
    """Whether the argument means a project rather than one archive of it, or a mere name."""
    if any(pattern.fullmatch(argument) for _, pattern in _INDEXES):
        return True
    return (
        argument.startswith(("http://", "https://"))
        and not has_archive_suffix(argument)
        and _at_forge(argument) is not None
    )


def find_archive(argument: str, settings: UpstreamSettings, exists: Callable[[str], bool]) -> Found:
    """The archive of the version that a project's address names, or of its newest finished version.

    Package indexes are the ones that the user's pip and npm are set up for. ``settings`` say how forges are asked; ``exists``
    asks whether there is something at an address. FetchError says what was looked for where it is not found.
    """
    for kind, pattern in _INDEXES:
        match = pattern.fullmatch(argument)
        if match is not None:
            groups = match.groupdict()
            name, wanted = unquote(groups["name"]), groups.get("version") or ""
            if kind == "pypi":
                return _from_pypi(name, wanted, settings.environ)
            if kind == "npm":
                return _from_npm(name, wanted, settings.environ)
            return _from_crates(groups["place"], name, wanted, settings)
    return _from_forge(argument, settings, exists)


def _at_forge(argument: str) -> re.Match[str] | None:
    match = _PARTS.fullmatch(argument.rstrip("/"))
    return match if match is not None and urlsplit(match["project"]).path.strip("/").count("/") >= 1 else None


def _from_forge(argument: str, settings: UpstreamSettings, exists: Callable[[str], bool]) -> Found:
    from abuildpy.maintain.upstream.plan import upstreams_of

    match = _at_forge(argument)
    if match is None:
        raise FetchError(
            f"{argument}: neither an archive nor a project's page", hint="give the address of a source archive"
        )
    project = match["project"].removesuffix(".git")
    tag = unquote(match["tag"]) if match["tag"] else _newest(project, settings)
    candidates = _archives(project, tag, {upstream.kind for upstream in upstreams_of(project, settings)})
    if len(candidates) == 1:
        return Found(candidates[0], page=project)
    for url in candidates:
        if exists(url):
            return Found(url, page=project)
    raise FetchError(
        f"{project}: no archive of {tag} was found there",
        hint="give the address of the archive itself",
        details=tuple(f"tried: {url}" for url in candidates),
    )


def _archives(project: str, tag: str, kinds: Collection[str]) -> tuple[str, ...]:
    """Where forges keep the archive of a tag: GitHub and its like, GitLab, Forgejo and SourceHut, cgit."""
    place, name = quote(tag, safe="/"), project.rpartition("/")[2]
    github = f"{project}/archive/refs/tags/{place}.tar.gz"
    gitlab = f"{project}/-/archive/{place}/{name}-{quote(tag.replace('/', '-'))}.tar.gz"
    plain = f"{project}/archive/{place}.tar.gz"
    if "github" in kinds:
        return (github,)
    if "gitlab" in kinds:
        return (gitlab,)
    if "gitea" in kinds or "sourcehut" in kinds:
        return (plain,)
    return (plain, gitlab, f"{project}/snapshot/{name}-{place}.tar.gz", github)


def _from_pypi(name: str, wanted: str, environ: Mapping[str, str]) -> Found:
    from abuildpy.maintain.pipconfig import find_index
    from abuildpy.maintain.pybuild import alpine_name
    from abuildpy.maintain.pypi import Index

    index = Index(find_index(environ))
    project = index.project(name, wanted)
    return Found(index.lasting_source(project), alpine_name(project.name), project.homepage or project.page)


def _from_npm(name: str, wanted: str, environ: Mapping[str, str]) -> Found:
    """Asks npm, whose configuration knows the index and how to sign in there."""
    spec = f"{name}@{wanted or 'latest'}"
    try:
        done = subprocess.run(
            ["npm", "view", "--json", spec, "dist.tarball", "version", "homepage"],
            env={**environ, "NO_COLOR": "1"}, cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
        said = json.loads(done.stdout or b"{}")
    except FileNotFoundError:
        raise FetchError(
            f"{spec}: npm is missing, which would tell where it is", hint="install npm, or give the archive's address"
        )
    except (subprocess.TimeoutExpired, ValueError, RecursionError):
        raise FetchError(f"{spec}: npm gives no answer that can be read", hint="does 'npm view' work?")
    if isinstance(said, list):
        said = said[-1] if said else {}
    url = said.get("dist.tarball") if isinstance(said, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise FetchError(f"npm knows no {spec}", hint="is the name spelt right?")
    page = said.get("homepage")
    return Found(url, name.rpartition("/")[2].lower(), page if isinstance(page, str) else "")


def _from_crates(place: str, name: str, wanted: str, settings: UpstreamSettings) -> Found:
    page = f"{place}/crates/{quote(name)}"
    version = wanted or _newest(page, settings)
    return Found(f"{place}/api/v1/crates/{quote(name)}/{quote(version)}/download", name, page)


def _newest(page: str, settings: UpstreamSettings) -> str:
    """What a project calls its newest finished version, else its newest one. Raises FetchError where none can be learnt."""
    from abuildpy.maintain.upstream.newest import find_project

    answer = find_project(page, settings)
    if answer.version is not None:
        return answer.name
    finished = [release for release in answer.releases if not release.prerelease]
    for release in (*finished, *answer.releases):
        return release.name
    raise FetchError(
        f"{page}: its newest version cannot be learnt: {answer.error}",
        hint="is this a project's page? That of one release needs no question, nor does a source archive's address",
    )
