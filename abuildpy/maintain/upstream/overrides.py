# SPDX-License-Identifier: GPL-3.0-or-later
"""What a maintainer says of a recipe's upstream, where that cannot be recognised or not all of its versions count.

A comment in the APKBUILD, or the same text in a table of recipes::

    # upstream: github owner/name tag=release-{} ignore=2024*,9.9.9
    # upstream: https://example.org/download.html tag=foo-{}
    # upstream: series=1.2
    # upstream: none

First, if at all, where to ask: an address, or a kind and a project; then words that say what counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.upstream.facts import Facts, bare_names, place_of, stem
from abuildpy.maintain.upstream.model import LOOSE, Form, Upstream

_COMMENT = re.compile(rb"^[ \t]*#[ \t]*upstream:[ \t]*(\S[^\n]*?)[ \t]*$", re.MULTILINE)
_FORGES = {
    "github": "https://github.com",
    "gitlab": "https://gitlab.com",
    "gitea": "https://codeberg.org",
    "codeberg": "https://codeberg.org",
    "sourcehut": "https://git.sr.ht",
    "bitbucket": "https://bitbucket.org",
}
_ADDRESSES = {
    "sourceforge": "https://sourceforge.net/projects/{}/rss?path=/",
    "launchpad": "https://api.launchpad.net/1.0/{}/releases",
    "gnome": "https://download.gnome.org/sources/{}/cache.json",
    "kernel": "https://www.kernel.org/releases.json",
    "anitya": "https://release-monitoring.org/project/{}/",
    "debian-tracker": "https://sources.debian.org/api/src/{}/",
    "pypi": "simple/{}/",
}
_KEYS = ("tag", "ignore", "series", "prereleases", "even")
_EXAMPLE = "such as: # upstream: github OWNER/NAME tag=v{}"


@dataclass(frozen=True, slots=True)
class Override:
    """``upstream`` replaces what is recognised (None: nothing does). ``nothing`` says that there is none to ask.

    ``form`` is how versions stand in tags. ``ignore`` are patterns of versions or tags that do not count, ``series`` the
    first numbers of those that do (``any``: all), ``prereleases`` and ``even`` whether unfinished ones do and odd second
    numbers do not; None where it says nothing of these.
    """

    upstream: Upstream | None = None
    nothing: bool = False
    form: Form | None = None
    ignore: tuple[str, ...] = ()
    series: str = ""
    prereleases: bool | None = None
    even: bool | None = None


NOTHING_SAID = Override()


def override_of(path: Path, facts: Facts, *tables: Mapping[str, str]) -> Override:
    """What is said of a recipe: by its own comment, else by the first table that has it, as ``main/foo`` or ``foo``.

    Raises RecipeError for what cannot be understood, with the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    comment = _COMMENT.search(content) if b"upstream:" in content else None
    if comment is not None:
        line = 1 + content.count(b"\n", 0, comment.start(1))
        return parse_override(comment[1].decode("utf-8", "replace"), facts, f"{path}:{line}")
    folder = path.parent
    for table in tables:
        for name in (f"{folder.parent.name}/{folder.name}", folder.name):
            if name in table:
                return parse_override(table[name], facts, f"upstream of {name}")
    return NOTHING_SAID


def parse_override(text: str, facts: Facts, where: str) -> Override:
    """Reads the words after ``upstream:``. Raises RecipeError that names ``where``."""
    words = text.split()
    given = {}
    while words and (key := words[-1].partition("=")[0]) in _KEYS and "=" in words[-1]:
        given[key] = words.pop().partition("=")[2]
    if words == ["none"]:
        return Override(nothing=True)
    form = _form(given["tag"], where) if "tag" in given else None
    return Override(
        upstream=_upstream(words, facts, form, where) if words else None,
        form=form,
        ignore=tuple(pattern for pattern in given.get("ignore", "").split(",") if pattern),
        series=given.get("series", ""),
        prereleases=_flag(given, "prereleases", where),
        even=_flag(given, "even", where),
    )


def _form(template: str, where: str) -> Form:
    before, hole, after = template.partition("{}")
    if not hole:
        raise RecipeError(f"{where}: tag={template} has no {{}} where the version stands", hint="such as tag=v{}")
    separators = "".join(sorted(set(re.findall(r"[_-]", before[-1:] or ""))))
    return Form(before, stem(after), f".{separators}")


def _flag(given: Mapping[str, str], key: str, where: str) -> bool | None:
    value = given.get(key)
    if value is None:
        return None
    if value not in ("yes", "no"):
        raise RecipeError(f"{where}: {key} is yes or no, not '{value}'")
    return value == "yes"


def _upstream(words: list[str], facts: Facts, form: Form | None, where: str) -> Upstream:
    from abuildpy.maintain.upstream.recognise import recognise_address

    match words:
        case [url] if place := place_of(url, is_home=True):
            found = recognise_address(place, facts)
            return _with(found or Upstream("page", facts.pkgname, url), form)
        case ["git" | "page" | "listing" as kind, url] if place_of(url):
            if kind != "listing":
                return _with(Upstream(kind, facts.pkgname, url.rstrip("/") if kind == "git" else url), form)
            template = url.rstrip("/") + "/" + (f"{form.before}{{}}{form.after}" if form else f"{facts.pkgname}-{{}}")
            return Upstream("listing", facts.pkgname, url, form or Form(f"{facts.pkgname}-"), template)
        case [kind, project] if kind in _FORGES:
            root, path = _FORGES[kind], project
            if place := place_of(project):
                root, path = place.root, "/".join(place.parts)
            name = "gitea" if kind == "codeberg" else kind
            return _with(Upstream(name, path, f"{root}/{path}"), form)
        case [kind, project] if kind in _ADDRESSES:
            return _with(Upstream(kind, project, _ADDRESSES[kind].format(project)), form)
    kinds = ", ".join(sorted((*_FORGES, *_ADDRESSES, "git", "listing", "page")))
    raise RecipeError(
        f"{where}: '{' '.join(words)}' names no upstream",
        hint=f"an address, or one of {kinds} and a project; {_EXAMPLE}",
    )


def _with(upstream: Upstream, form: Form | None) -> Upstream:
    return Upstream(upstream.kind, upstream.project, upstream.address, form or LOOSE, upstream.template)


def names_of(facts: Facts, upstream: Upstream) -> frozenset[str]:
    """Words that may stand before a version in a tag of which no form is known."""
    return bare_names(facts.pkgname, upstream.project.rpartition("/")[2])
