# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at GitHub: recognised in every kind of address that it gives to a tag's files or a release's."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, is_archive, is_commit, stem
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.spelling import find_form

KIND = "github"
_HOSTS = frozenset(("github.com", "www.github.com", "codeload.github.com"))
_RAW = frozenset(("raw.githubusercontent.com", "raw.github.com"))
_BRANCHES = frozenset(("master", "main", "HEAD", "trunk"))
_NOT_OWNERS = frozenset("topics orgs apps sponsors marketplace features about settings".split())


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not at GitHub."""
    parts = place.parts
    if (place.host == "api.github.com" and parts[:1] == ("repos",)) or (
        place.host == "github.com" and parts[:1] == ("downloads",)
    ):
        parts = parts[1:]
    elif place.host not in _HOSTS and place.host not in _RAW:
        return _pages(place)
    if len(parts) < 2 or parts[0] in _NOT_OWNERS:
        return None
    owner, name = parts[0], parts[1].removesuffix(".git")
    if not place.is_home and (place.host in _RAW or parts[2:3] == ("raw",)) and _is_branch(parts, place):
        return None  # somebody's store of files, not the project
    tag = "" if place.is_home else _tag(parts[2:], place, facts, name)
    return facts.of_tag(KIND, f"{owner}/{name}", f"https://github.com/{owner}/{name}", tag)


def _is_branch(parts: tuple[str, ...], place: Place) -> bool:
    at = 2 if place.host in _RAW else 3
    return len(parts) > at and parts[at] in _BRANCHES


def _pages(place: Place) -> Upstream | None:
    """Pages that GitHub serves for a project are of no use but to name it."""
    owner, dot, rest = place.host.partition(".")
    if not dot or rest != "github.io" or not place.is_home:
        return None
    name = place.parts[0] if place.parts else place.host
    return Upstream(KIND, f"{owner}/{name}", f"https://github.com/{owner}/{name}")


def _tag(rest: tuple[str, ...], place: Place, facts: Facts, name: str) -> str:
    if place.host in _RAW:
        rest = ("raw", *rest)
    match rest:
        case ("archive" | "tarball" | "zipball" | "tar.gz" | "zip" | "legacy.tar.gz", "refs", "tags", *tag):
            return archive_tag(tag, facts, name)
        case ("archive" | "tarball" | "zipball" | "tar.gz" | "zip" | "legacy.tar.gz", *tag) if tag[:1] != ["refs"]:
            return archive_tag(tag, facts, name)
        case ("releases", "download", *tag, _file):
            return "/".join(tag)
        case ("raw", "refs", "tags", tag_name, *_path):
            return tag_name
        case ("raw", tag_name, *_path) if tag_name != "refs":
            return tag_name
    return ""


def archive_tag(words: list[str], facts: Facts, name: str = "") -> str:
    """The tag in what follows ``archive/`` in an address: a forge lets a better file name follow it.

    ``name`` is the project's, which such a file name begins with.
    """
    if not words:
        return ""
    *above, last = words
    bare = stem(last) if is_archive(last) else last
    tag = "/".join(above)
    if above and (is_commit(tag) or find_form(tag, facts.version) is not None or _is_better_name(bare, facts, name)):
        return tag
    return "/".join((*above, bare))


def _is_better_name(bare: str, facts: Facts, name: str) -> bool:
    form = find_form(bare, facts.version)
    return form is not None and form.before.lower() in {f"{each.lower()}-" for each in (name, facts.pkgname) if each}
