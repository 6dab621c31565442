# SPDX-License-Identifier: GPL-3.0-or-later
"""From a project's address, at a forge or in a package index, to the address of one version's source archive."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from abuildpy.errors import FetchError
from abuildpy.maintain.origin import has_archive_suffix, tag_version
from abuildpy.maintain.upstreamversion import apk_version
from abuildpy.repository import version

_TIMEOUT = 60
_UNFINISHED = re.compile(r"_(?:alpha|beta|pre|rc)")
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


def find_archive(argument: str, environ: Mapping[str, str], exists: Callable[[str], bool]) -> Found:
    """The archive of the version that a project's address names, or of its newest finished version.

    Package indexes are the ones that the user's pip and npm are set up for. ``exists`` asks whether there is something at an
    address. FetchError says what was looked for where it is not found.
    """
    for kind, pattern in _INDEXES:
        match = pattern.fullmatch(argument)
        if match is not None:
            groups = match.groupdict()
            name, wanted = unquote(groups["name"]), groups.get("version") or ""
            if kind == "pypi":
                return _from_pypi(name, wanted, environ)
            if kind == "npm":
                return _from_npm(name, wanted, environ)
            return _from_crates(groups["place"], name, wanted)
    return _from_forge(argument, exists)


def _at_forge(argument: str) -> re.Match[str] | None:
    match = _PARTS.fullmatch(argument.rstrip("/"))
    return match if match is not None and urlsplit(match["project"]).path.strip("/").count("/") >= 1 else None


def _from_forge(argument: str, exists: Callable[[str], bool]) -> Found:
    match = _at_forge(argument)
    if match is None:
        raise FetchError(
            f"{argument}: neither an archive nor a project's page", hint="give the address of a source archive"
        )
    project = match["project"].removesuffix(".git")
    tag = unquote(match["tag"]) if match["tag"] else newest_tag(project)
    name = project.rpartition("/")[2]
    host = urlsplit(project).hostname or ""
    candidates = list(_archives(project, name, tag, host))
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


def _archives(project: str, name: str, tag: str, host: str) -> Iterable[str]:
    """Where forges keep the archive of a tag: GitHub and its like, GitLab, Forgejo and SourceHut, cgit."""
    place = quote(tag, safe="/")
    github = f"{project}/archive/refs/tags/{place}.tar.gz"
    gitlab = f"{project}/-/archive/{place}/{name}-{quote(tag.replace('/', '-'))}.tar.gz"
    plain = f"{project}/archive/{place}.tar.gz"
    if host == "github.com":
        return (github,)
    if host.startswith("gitlab.") or ".gitlab." in host:
        return (gitlab,)
    if host in ("codeberg.org", "git.sr.ht"):
        return (plain,)
    return (plain, gitlab, f"{project}/snapshot/{name}-{place}.tar.gz", github)


def newest_tag(project: str) -> str:
    """The tag of the newest finished version, which git asks the project for; an unfinished one only if there is no other.

    FetchError if git is missing, cannot reach the project or finds no tag that looks like a version.
    """
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always",
             "ls-remote", "--tags", "--refs", "--", project],
            env=environ, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise FetchError(
            f"{project}: git is missing, which would tell its versions", hint="install git, or name a tag's page"
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"{project}: no answer in {_TIMEOUT} seconds", hint="is the address right, is the network up?")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        unreachable = any("resolve host" in line or "connect" in line for line in said)
        raise FetchError(
            f"{project}: git cannot ask it for its tags{f': {said[-1]}' if said else ''}",
            hint="is the network up? The page of one release needs no such question"
            if unreachable
            else "is this a project's page? Otherwise give the address of a source archive",
        )
    tags = [line.partition("refs/tags/")[2] for line in done.stdout.decode("utf-8", "replace").splitlines()]
    best = best_tag(tags, project.rpartition("/")[2])
    if not best:
        raise FetchError(
            f"{project}: no tag there looks like a version", hint="give the address of an archive, and its name with -n"
        )
    return best


def best_tag(tags: Iterable[str], name: str) -> str:
    """Of a project's tags that of the newest finished version, else of the newest one; empty if none is of a version."""
    usual = re.compile(rf"(?i)(?:v|r|rel(?:ease)?[-_/.]?v?|version[-_/]?|{re.escape(name)}[-_/]?v?)?\d.*")
    rows = []
    for tag in tags:
        number = apk_version(tag_version(tag))
        if version.is_valid(f"{number}-r0") and usual.fullmatch(tag):
            rows.append((_UNFINISHED.search(number) is None, version.sort_key(number), tag))
    return max(rows)[2] if rows else ""


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


def _from_crates(place: str, name: str, wanted: str) -> Found:
    if not wanted:
        crate = _json(f"{place}/api/v1/crates/{quote(name)}").get("crate")
        found = crate.get("max_stable_version") or crate.get("max_version") if isinstance(crate, dict) else None
        if not isinstance(found, str):
            raise FetchError(f"{place} knows no crate '{name}'", hint="is the name spelt right?")
        wanted = found
    url = f"{place}/api/v1/crates/{quote(name)}/{quote(wanted)}/download"
    return Found(url, name, f"{place}/crates/{quote(name)}")


def _json(url: str) -> dict[str, Any]:
    """A JSON object; an empty one where the server has none there. Raises FetchError."""
    from abuildpy.maintain.upstream.settings import UpstreamSettings
    from abuildpy.maintain.upstream.web import Answer, Unanswered, Web

    try:
        document = Web(UpstreamSettings()).parsed(url, Answer.json, accept="application/json")
    except Unanswered as error:
        if error.status == 404:
            return {}
        raise
    return document if isinstance(document, dict) else {}
