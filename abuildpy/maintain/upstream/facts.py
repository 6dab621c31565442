# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe says about its upstream, once evaluated: its names, its version and the places that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from abuildpy.maintain.upstream.model import LOOSE, Form, Upstream
from abuildpy.maintain.upstream.spelling import find_form, read
from abuildpy.recipe.model import Source
from abuildpy.source.uri import file_name, is_remote, remote_uri

_ARCHIVE = re.compile(
    r"\.(?:tar(?:\.(?:gz|bz2|xz|lzma|lz|zst|Z))?|tgz|tbz2?|txz|tlz|tzst|zip|7z|gem|crate|jar|whl|deb|rpm|gz|bz2|xz)\Z",
    re.IGNORECASE,
)
_COMMIT = re.compile(r"(?<![0-9a-fA-F])(?=[0-9a-f]*\d)(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-fA-F])")
_LANGUAGE = re.compile(
    r"(?:py3|python3?|perl|ruby|lua(?:5\.\d|jit)?|php\d*(?:-pecl)?|ocaml|node|nodejs|R|font|ttf|gst|vim)-"
)


class Described(Protocol):
    """What has to be known of a recipe; a :class:`~abuildpy.recipe.model.Recipe` has it, and more."""

    @property
    def path(self) -> Path:
        """The APKBUILD."""

    @property
    def pkgname(self) -> str:
        """The main package."""

    @property
    def pkgver(self) -> str:
        """Its version."""

    @property
    def url(self) -> str:
        """The home page."""

    @property
    def source(self) -> Sequence[Source]:
        """Where its files come from."""


@dataclass(frozen=True, slots=True)
class Description:
    """As much, and no more."""

    path: Path
    pkgname: str
    pkgver: str
    url: str
    source: tuple[Source, ...]


def describe(path: Path, variables: Mapping[str, str]) -> Description:
    """Takes it from a recipe's variables, also where other parts of the recipe make no sense on this machine."""
    get = variables.get
    found = tuple(Source(w, file_name(w), remote_uri(w), is_remote(w)) for w in get("source", "").split())
    return Description(path, get("pkgname", ""), get("pkgver", ""), get("url", ""), found)


@dataclass(frozen=True, slots=True)
class Place:
    """An address taken apart; ``parts`` are its path's, unquoted, without empty ones."""

    url: str
    scheme: str
    host: str
    parts: tuple[str, ...]
    query: str
    is_home: bool = False

    @property
    def root(self) -> str:
        """``https://host``."""
        return f"{self.scheme}://{self.host}"

    @property
    def name(self) -> str:
        """The path's last part."""
        return self.parts[-1] if self.parts else ""

    def up_to(self, count: int) -> str:
        """The address with the first ``count`` parts of its path, without a slash at its end."""
        return "/".join((self.root, *self.parts[:count]))


@dataclass(frozen=True, slots=True)
class Facts:
    """``places`` are where the sources come from, those first that hold the version; ``home`` is the recipe's ``url``."""

    pkgname: str
    version: str
    places: tuple[Place, ...]
    home: Place | None
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Which kind of forge a host is, where the user says so."""

    def of_tag(self, kind: str, project: str, address: str, tag: str) -> Upstream:
        """The project at a forge, with the form that a tag of it shows.

        A tag that bears another version than the recipe's is read on its own.
        """
        form = self.form_in(tag)
        current = ""
        if form.loose and tag and not is_commit(tag):
            names = bare_names(self.pkgname, project.rpartition("/")[2])
            own = read(tag, LOOSE, names)
            if own is not None:
                form, current = find_form(tag, own.version) or LOOSE, own.version
        return Upstream(kind, project, address, form, current=current)

    def form_in(self, text: str) -> Form:
        """How the version stands in a text; loose where it does not, or where the text is a commit."""
        return LOOSE if _COMMIT.search(text) else find_form(text, self.version) or LOOSE


def facts_of(recipe: Described, kinds: Mapping[str, str] | None = None) -> Facts:
    """What an evaluated recipe says; ``kinds`` are the user's own of hosts."""
    version = recipe.pkgver
    places = [place for source in recipe.source if source.remote and (place := place_of(source.uri))]
    # Patches and data may stand before the software itself; of equals the first.
    ranked = sorted(places, key=lambda place: _rank(place, version))
    return Facts(recipe.pkgname, version, tuple(ranked), place_of(recipe.url, is_home=True), kinds or {})


def _rank(place: Place, version: str) -> int:
    is_patch = place.name.endswith((".patch", ".diff", ".asc", ".sig"))
    return 4 * is_patch + 2 * (version not in place.url) + (not _ARCHIVE.search(place.name))


def place_of(url: str, *, is_home: bool = False) -> Place | None:
    """An address taken apart; None if it is none of http, https or ftp."""
    try:
        split: SplitResult = urlsplit(url)
        host = split.hostname or ""
        if split.port:
            host = f"{host}:{split.port}"
    except ValueError:
        return None
    if split.scheme not in ("http", "https", "ftp") or not host:
        return None
    parts = tuple(unquote(part) for part in split.path.split("/") if part)
    return Place(url, split.scheme, host, parts, split.query, is_home)


def stem(name: str) -> str:
    """A file's name without what says that it is an archive."""
    return _ARCHIVE.sub("", name)


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive."""
    return _ARCHIVE.search(name) is not None


def is_commit(text: str) -> bool:
    """Whether a text holds the name of a commit."""
    return _COMMIT.search(text) is not None


def bare_names(*names: str) -> frozenset[str]:
    """Names (lower case) that may stand before a version in a tag: of the package without its language's, of the project."""
    found = set()
    for name in names:
        lower = name.lower()
        found |= {lower, _LANGUAGE.sub("", lower), lower.replace("-", "_"), lower.replace("_", "-")}
        found.add(re.sub(r"[\d.]+\Z", "", lower))
    return frozenset(found - {""})
