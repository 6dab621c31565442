# SPDX-License-Identifier: GPL-3.0-or-later
"""What the argument of ``newapkbuild`` says about the new package: its name, its version and where its source is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from abuildpy.errors import UsageError
from abuildpy.maintain.quoting import in_quotes
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
    """

    pkgname: str
    pkgver: str
    source: str
    stem: str


def is_url(argument: str) -> bool:
    """Whether the argument is a SRCURL rather than a PKGNAME."""
    return argument.startswith(_SCHEMES)


def read_argument(argument: str, *, pkgname: str = "", sourceforge: bool = False) -> Origin:
    """Takes ``PKGNAME[-PKGVER]`` or a SRCURL apart.

    ``pkgname`` overrules the name found; ``sourceforge`` makes up the URL where that project host keeps a release.
    The version is what follows the last ``-`` or ``_`` with a digit behind it (abuild 3.18, newapkbuild), or the tag where
    a forge packs a tag's files on the fly. UsageError if no usable name comes out.
    """
    url = argument if is_url(argument) else ""
    last = (urlsplit(url).path if url else argument).rpartition("/")[2]
    archive = _FORGE.fullmatch(url)
    if archive is not None and _SUFFIX.search(url):
        origin = _from_forge(archive, pkgname)
    else:
        stem, version = _split(last)
        if url and not version and _TAG.fullmatch(stem):
            raise UsageError(f"{url}: the file's name has a version only", hint="name the package: -n PKGNAME")
        source = _with_variable(url, version)
        if url and not url.endswith(last):
            # What follows a "?" is no part of a good file name.
            source = f"{_with_variable(last, version)}::{source}"
        origin = Origin(pkgname or stem, version, source, stem)
    if sourceforge and not url:
        place = f"https://downloads.sourceforge.net/{origin.stem}/{origin.stem}-{origin.pkgver}.tar.gz"
        origin = Origin(origin.pkgname, origin.pkgver, _with_variable(place, origin.pkgver), origin.stem)
    fault = name_fault(origin.pkgname)
    if fault is not None:
        raise UsageError(fault, hint="with a SRCURL, -n names the package")
    return origin


def _split(file: str) -> tuple[str, str]:
    """Name and version in ``NAME-VERSION[.tar.gz]``; without a version it is empty."""
    bare = _SUFFIX.sub("", file)
    at = max((match.start() for match in re.finditer(r"[-_](?=\d)", bare)), default=-1)
    return (bare, "") if at < 0 else (bare[:at], bare[at + 1 :])


def _from_forge(archive: re.Match[str], pkgname: str) -> Origin:
    """An archive packed from a tag: such a file has a poor name, so the recipe gives it a better one."""
    project, name, tag = archive["project"], archive["name"], archive["tag"]
    url = archive.string
    if url.startswith(_GITHUB):
        # Any name is good there behind the tag, so the file can have the usual one.
        bare = _SUFFIX.sub("", tag)
        suffix = tag[len(bare) :]
        version = _tag_version(bare)
        above, _, last = bare.rpartition("/")
        if version in above and last == f"{name}-{version}":
            bare = above  # it has been given that name already
        better = f"{project}/archive/{bare}/{pkgname or name}-{version}{suffix}"
        return Origin(pkgname or name, version, _with_variable(better, version), name)
    bare = _SUFFIX.sub("", tag.rpartition("/")[2])
    suffix = _SUFFIX.search(tag)
    version = _tag_version(bare)
    source = _with_variable(url, version)
    if _TAG.fullmatch(bare):
        source = f"$pkgname-$pkgver{suffix[0] if suffix else ''}::{source}"
    return Origin(pkgname or name, version, source, name)


def _tag_version(tag: str) -> str:
    """A tag without what stands before its version: ``v1.2``, ``release-1.2``, ``name-1.2`` → ``1.2``."""
    last = tag.rpartition("/")[2]
    _, version = _split(last)
    if version:
        return version
    digit = re.search(r"\d", last)
    return last[digit.start() :] if digit else last


def _with_variable(url: str, version: str) -> str:
    """The URL as text for inside double quotes, with ``$pkgver`` for the version (the host's name is left alone)."""
    if not url or not version:
        return in_quotes(url)
    host = urlsplit(url).netloc
    head, _, path = url.partition(host) if host else ("", "", url)
    whole = re.compile(rf"(?<![0-9.]){re.escape(in_quotes(version))}(?!\.?[0-9])")

    def variable(match: re.Match[str]) -> str:
        following = match.string[match.end() : match.end() + 1]
        return "${pkgver}" if following == "_" or following.isalnum() else "$pkgver"

    return in_quotes(head + host) + whole.sub(variable, in_quotes(path))
