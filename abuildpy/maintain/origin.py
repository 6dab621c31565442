# SPDX-License-Identifier: GPL-3.0-or-later
"""What the argument of ``newapkbuild`` says about the new package: its name, its version and where its source is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from abuildpy.errors import UsageError
from abuildpy.maintain.quoting import in_quotes
from abuildpy.maintain.upstreamversion import apk_version, expression_for
from abuildpy.recipe.validate import name_fault

_SCHEMES = ("http://", "https://", "ftp://")
_SUFFIX = re.compile(r"\.(?:tar\.\w+|tar|tgz|tbz2?|txz|tlz|tzst|zip|gem|crate)$")
_FORGE = re.compile(r"(?P<project>[^:]+://[^/]+/[^/]+/(?P<name>[^/]+))(?:/-)?/archive/(?:refs/tags/)?(?P<tag>.+)")
_GITHUB = "https://github.com/"
_TAG = re.compile(r"[A-Za-z]{,2}(\d[^/]*)")


@dataclass(frozen=True, slots=True)
class Origin:
    """``source`` is shell text for inside double quotes, with ``$pkgver`` in it (empty: none known).

    ``stem`` is the name that the archive bears, which tells more about its kind than a name chosen with ``-n``.
    ``upstream`` is the version as the project spells it, where apk has to have another: then ``source`` has ``$_pkgver``.
    ``page`` is the likely home page.
    """

    pkgname: str
    pkgver: str
    source: str
    stem: str
    upstream: str = ""
    page: str = ""

    @property
    def entry(self) -> str:
        """The word of ``source`` with the variables' values in it, as the shell would make it."""
        values = {"pkgname": self.pkgname, "pkgver": self.pkgver, "_pkgver": self.upstream}
        return re.sub(
            r"\\(.)|\$\{(\w+)\}|\$(\w+)", lambda match: match[1] or values.get(match[2] or match[3], ""), self.source
        )

    @property
    def expression(self) -> str:
        """The right side of ``_pkgver=``; empty where the recipe needs none."""
        return expression_for(self.pkgver, self.upstream) if self.upstream else ""


def has_archive_suffix(url: str) -> bool:
    """Whether the file that an address ends in is an archive."""
    return _SUFFIX.search(urlsplit(url).path) is not None


def is_url(argument: str) -> bool:
    """Whether the argument is a SRCURL rather than a PKGNAME."""
    return argument.startswith(_SCHEMES)


def crate_origin(url: str, name: str, pkgname: str = "") -> Origin:
    """The origin of a crate, whose address ends in ``/NAME/VERSION/download``."""
    version = url.rpartition("/download")[0].rpartition("/")[2]
    pkgver, upstream = _spellings(version)
    source = f"$pkgname-{'$_pkgver' if upstream else '$pkgver'}.tar.gz::{_with_variable(url, version, upstream)}"
    return Origin(pkgname or name.lower(), pkgver, source, name, upstream)


def read_argument(argument: str, *, pkgname: str = "", sourceforge: bool = False) -> Origin:
    """Takes ``PKGNAME[-PKGVER]`` or a SRCURL apart.

    ``pkgname`` overrules the name found; ``sourceforge`` makes up the URL where that project host keeps a release.
    The version is what follows the last ``-`` or ``_`` with a digit behind it (abuild 3.18, newapkbuild), or the tag where
    a forge packs a tag's files on the fly. UsageError if no usable name comes out.
    """
    url = argument if is_url(argument) else ""
    if not url and ":" in argument:
        raise UsageError(
            f"{argument}: neither a name nor an address", hint=f"addresses begin with {' '.join(_SCHEMES)}"
        )
    last = (urlsplit(url).path if url else argument).rpartition("/")[2]
    archive = _FORGE.fullmatch(url)
    if archive is not None and _SUFFIX.search(url):
        origin = _from_forge(archive, pkgname)
    else:
        stem, version = _split(last)
        if url and not version and _TAG.fullmatch(stem):
            raise UsageError(f"{url}: the file's name has a version only", hint="name the package: -n PKGNAME")
        pkgver, upstream = _spellings(version)
        source = _with_variable(url, version, upstream)
        if url and not url.endswith(last):
            # What follows a "?" is no part of a good file name.
            source = f"{_with_variable(last, version, upstream)}::{source}"
        elif url and last.endswith(".crate"):
            # A tar archive under a name that abuild does not unpack.
            source = f"$pkgname-{'$_pkgver' if upstream else '$pkgver'}.tar.gz::{source}"
        # Aports have names in small letters.
        origin = Origin(pkgname or (stem.lower() if url else stem), pkgver, source, stem, upstream, _page(url))
    if sourceforge and not url:
        page = f"https://sourceforge.net/projects/{origin.stem}/"
        place = f"https://downloads.sourceforge.net/{origin.stem}/{origin.stem}-{origin.pkgver}.tar.gz"
        origin = Origin(origin.pkgname, origin.pkgver, _with_variable(place, origin.pkgver), origin.stem, "", page)
    fault = name_fault(origin.pkgname)
    if fault is not None:
        raise UsageError(fault, hint="with a SRCURL, -n names the package")
    return origin


def _split(file: str) -> tuple[str, str]:
    """Name and version in ``NAME-VERSION[.tar.gz]``; without a version it is empty."""
    bare = _SUFFIX.sub("", file)
    at = max((match.start() for match in re.finditer(r"[-_](?=\d)", bare)), default=-1)
    return (bare, "") if at < 0 else (bare[:at], bare[at + 1 :])


def _spellings(version: str) -> tuple[str, str]:
    """A version as apk has it, and as the project has it if that differs."""
    pkgver = apk_version(version)
    return pkgver, "" if pkgver == version else version


def _page(url: str) -> str:
    """Where a project may live whose archive is there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rpartition('/')[0]}/" if url else ""


def _from_forge(archive: re.Match[str], pkgname: str) -> Origin:
    """An archive packed from a tag: such a file has a poor name, so the recipe gives it a better one."""
    project, name, tag = archive["project"], archive["name"], archive["tag"]
    url = archive.string
    own = pkgname or name.lower()
    if url.startswith(_GITHUB):
        # Any name is good there behind the tag, so the file can have the usual one.
        bare = _SUFFIX.sub("", tag)
        suffix = tag[len(bare) :]
        version = tag_version(bare)
        above, _, last = bare.rpartition("/")
        if version in above and last == f"{name}-{version}":
            bare = above  # it has been given that name already
        pkgver, upstream = _spellings(version)
        better = f"{project}/archive/{bare}/{own}-{version}{suffix}"
        return Origin(own, pkgver, _with_variable(better, version, upstream), name, upstream, project)
    bare = _SUFFIX.sub("", tag.rpartition("/")[2])
    suffix = _SUFFIX.search(tag)
    version = tag_version(bare)
    pkgver, upstream = _spellings(version)
    source = _with_variable(url, version, upstream)
    if _TAG.fullmatch(bare):
        source = f"$pkgname-{'$_pkgver' if upstream else '$pkgver'}{suffix[0] if suffix else ''}::{source}"
    return Origin(own, pkgver, source, name, upstream, project)


def tag_version(tag: str) -> str:
    """A tag without what stands before its version: ``v1.2``, ``release-1.2``, ``name-1.2`` → ``1.2``."""
    last = tag.rpartition("/")[2]
    _, version = _split(last)
    if version:
        return version
    digit = re.search(r"\d", last)
    return last[digit.start() :] if digit else last


def _with_variable(url: str, version: str, upstream: str = "") -> str:
    """The URL as text for inside double quotes, with a variable for the version (the host's name is left alone).

    It is ``$_pkgver`` where there is an ``upstream`` spelling.
    """
    name = "_pkgver" if upstream else "pkgver"
    if not url or not version:
        return in_quotes(url)
    host = urlsplit(url).netloc
    head, _, path = url.partition(host) if host else ("", "", url)
    whole = re.compile(rf"(?<![0-9.]){re.escape(in_quotes(version))}(?!\.?[0-9])")

    def variable(match: re.Match[str]) -> str:
        following = match.string[match.end() : match.end() + 1]
        return f"${{{name}}}" if following == "_" or following.isalnum() else f"${name}"

    return in_quotes(head + host) + whole.sub(variable, in_quotes(path))
