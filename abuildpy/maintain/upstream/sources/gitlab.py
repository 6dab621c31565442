# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at any GitLab: recognised by the ``/-/`` in its addresses, and home pages by the usual hosts."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from abuildpy.maintain.upstream.facts import Facts, Place
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.sources.github import archive_tag

KIND = "gitlab"
_HOSTS = frozenset(
    (
        *("salsa.debian.org", "invent.kde.org", "framagit.org", "0xacab.org", "source.puri.sm", "code.videolan.org"),
        *(
            "git.pwmt.org",
            "gl.gluon.one",
            "git.coop",
            "opencode.net",
            "foss.heptapod.net",
            "git.ligo.org",
            "dev.gajim.org",
        ),
    )
)
_PAGES = "gitlab.io"


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not of a GitLab."""
    parts = place.parts
    if "aports" in parts[:3]:
        return None  # where the recipe itself is kept
    if parts[:3] == ("api", "v4", "projects") and len(parts) > 4:
        return _of_api(place, facts)
    if "-" in parts[1:]:
        at = parts.index("-", 1)
        if at < 2 or place.is_home:
            return _upstream(place, facts, parts[:at]) if at >= 2 else None
        return _upstream(place, facts, parts[:at], _tag(list(parts[at + 1 :]), facts))
    if not (_is_gitlab(place.host) or facts.kinds.get(place.host) == KIND):
        return _pages(place)
    if place.is_home or len(parts) < 3:
        return _upstream(place, facts, parts) if len(parts) >= 2 else None
    if "repository" in parts[2:]:
        at = parts.index("repository", 2)
        ref = parse_qs(place.query).get("ref", [""])[0] or (parts[at + 1] if len(parts) > at + 2 else "")
        return _upstream(place, facts, parts[:at], ref)
    for word in ("archive", "uploads", "raw", "releases", "tags"):
        if word in parts[2:]:
            at = parts.index(word, 2)
            return _upstream(place, facts, parts[:at], _tag(list(parts[at:]), facts))
    return _upstream(place, facts, parts[:2])


def _of_api(place: Place, facts: Facts) -> Upstream | None:
    """Addresses of its API name the project by number or by path."""
    project, rest = place.parts[3], place.parts[4:]
    if "/" not in project and not project.isdigit():
        return None
    tag = ""
    if rest[:1] == ("repository",):
        tag = unquote(parse_qs(place.query).get("sha", [""])[0])
    elif rest[:2] == ("packages", "generic") and len(rest) > 3:
        tag = rest[3]
    return facts.of_tag(KIND, project, f"{place.root}/{project}", tag)


def _is_gitlab(host: str) -> bool:
    return host.startswith("gitlab.") or host in _HOSTS


def _pages(place: Place) -> Upstream | None:
    """Pages that it serves for a project are of no use but to name it."""
    owner, dot, rest = place.host.partition(".")
    if not dot or rest != _PAGES or not place.is_home or not place.parts:
        return None
    return Upstream(KIND, f"{owner}/{place.parts[0]}", f"https://gitlab.com/{owner}/{place.parts[0]}")


def _upstream(place: Place, facts: Facts, parts: tuple[str, ...], tag: str = "") -> Upstream:
    project = "/".join(parts).removesuffix(".git")
    return facts.of_tag(KIND, project, f"https://{place.host}/{project}", tag)


def _tag(rest: list[str], facts: Facts) -> str:
    match rest:
        case ["archive", *tag]:
            return archive_tag(tag, facts)
        case ["releases" | "raw" | "tags", tag, *_]:
            return tag
        case ["jobs", "artifacts", tag, *_]:
            return tag
    return ""
