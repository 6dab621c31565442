# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python package index says about a project, read from the forms in which it may say it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urljoin

from abuildpy.errors import FetchError
from abuildpy.maintain.answers import dicts, text, without_password
from abuildpy.maintain.pylicense import spdx_license

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_USUAL = ".tar.gz"
_VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")


@dataclass(frozen=True, slots=True)
class Project:
    """The newest version of a project; texts are empty where the index does not say.

    ``version`` is as published (PEP 440); ``page`` is the project's page at the index, ``requires`` are PEP 508 texts,
    ``source`` is the source archive's URL.
    """

    name: str
    version: str
    summary: str
    license: str
    page: str
    homepage: str
    requires: tuple[str, ...]
    source: str


def is_name(text: str) -> bool:
    """Whether a text can be a project's name."""
    return _NAME.fullmatch(text) is not None


def from_document(document: Mapping[str, Any], *, asked: str, place: str) -> Project:
    """Reads the JSON document of a project, found at the URL ``place``, which links may be relative to.

    FetchError if it has another form, or no source archive.
    """
    info = document.get("info")
    if not isinstance(info, dict):
        raise FetchError(f"the index's answer about {asked} is not of the form expected")
    source = ""
    for file in dicts(document.get("urls")):
        if file.get("packagetype") == "sdist" or file.get("python_version") == "source":
            url = text(file.get("url")).partition("#")[0]
            if not source or (url.endswith(_USUAL) and not source.endswith(_USUAL)):
                source = url
    if not source:
        raise _no_source(asked)
    links = info.get("project_urls")
    labelled = [f"{label}, {url}" for label, url in links.items()] if isinstance(links, dict) else []
    return Project(
        name=_own_name(text(info.get("name")), asked),
        version=_checked_version(text(info.get("version")), asked),
        summary=text(info.get("summary")),
        license=spdx_license(
            text(info.get("license_expression")), text(info.get("license")), _list(info, "classifiers")
        ),
        page=_page(text(info.get("package_url")) or text(info.get("project_url"))),
        homepage=_homepage(labelled) or _page(text(info.get("home_page"))),
        requires=tuple(item for item in _list(info, "requires_dist") if isinstance(item, str)),
        source=_checked_url(joined(place, source)),
    )


def newest_files(
    document: Mapping[str, Any], asked: str, wanted: str = ""
) -> tuple[str, Mapping[str, Any], list[Mapping[str, Any]]]:
    """Of a simple index's answer (PEP 691): the newest version that has a source archive, that file, the version's wheels.

    Of the version ``wanted``, if that is given. Files that were withdrawn do not count, and an unfinished version only if there
    is no other. FetchError without any.
    """
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    sources: dict[Version, Mapping[str, Any]] = {}
    wheels: dict[Version, list[Mapping[str, Any]]] = {}
    for file in dicts(document.get("files")):
        name = text(file.get("filename"))
        try:
            if file.get("yanked"):
                continue
            if name.endswith(".whl"):
                wheels.setdefault(parse_wheel_filename(name)[1], []).append(file)
                continue
            version = parse_sdist_filename(name)[1]
        except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
            continue
        if version not in sources or name.endswith(_USUAL):
            sources[version] = file
    if wanted:
        sources = {
            version: file
            for version, file in sources.items()
            if str(version) == wanted or text(file.get("filename")).find(f"-{wanted}.") > 0
        }
    if not sources:
        raise _no_source(f"{asked} {wanted}".rstrip())
    newest = max(sources, key=lambda version: (not version.is_prerelease, version))
    file = sources[newest]
    # As the file's name has it, for that is what the recipe has to ask for.
    bare = text(file.get("filename")).removesuffix(_USUAL).removesuffix(".zip")
    return _checked_version(bare.rpartition("-")[2], asked), file, wheels.get(newest, [])


def from_metadata(metadata: Message, *, asked: str, version: str, source: str) -> Project:
    """Reads a version's core metadata (which may be empty); ``source`` is the archive's whole URL."""
    return Project(
        name=_own_name(text(metadata.get("Name")), asked),
        version=version,
        summary=text(metadata.get("Summary")),
        license=spdx_license(
            text(metadata.get("License-Expression")), text(metadata.get("License")), metadata.get_all("Classifier", [])
        ),
        page="",
        homepage=_homepage(metadata.get_all("Project-URL", [])) or _page(text(metadata.get("Home-page"))),
        requires=tuple(metadata.get_all("Requires-Dist", [])),
        source=_checked_url(source),
    )


def joined(place: str, url: str) -> str:
    """An address that a link at ``place`` leads to; empty for what is none."""
    try:
        return urljoin(place, url)
    except ValueError:
        return ""


def _checked_url(url: str) -> str:
    """A URL fit for a recipe: no password, no fragment, and nothing that a list of sources would be split at."""
    try:
        clean = without_password(url).partition("#")[0]
    except ValueError:  # "http://[::1"
        clean = ""
    if not clean.startswith(("http://", "https://")) or not clean.isprintable() or " " in clean:
        raise FetchError(f"the index gives no usable address of the source: {clean!r}")
    return clean


def _checked_version(version: str, asked: str) -> str:
    if _VERSION.fullmatch(version) is None:
        raise FetchError(f"the index's answer about {asked} has an impossible version: {version!r}")
    return version


def _own_name(name: str, asked: str) -> str:
    """The project's own spelling of its name."""
    return name if is_name(name) else asked


def _no_source(asked: str) -> FetchError:
    return FetchError(
        f"the index has no source archive of {asked}", hint="take one from its home page: newapkbuild URL"
    )


def _list(info: Mapping[str, Any], name: str) -> list[Any]:
    value = info.get(name)
    return value if isinstance(value, list) else []


def _page(url: str) -> str:
    return url if url.startswith(("http://", "https://")) else ""


def _homepage(links: Iterable[str]) -> str:
    """The URL labelled as home page in texts of the form ``label, URL``."""
    for link in links:
        label, _, url = link.partition(",")
        if label.strip().lower().replace("-", "").replace(" ", "") == "homepage":
            return _page(url.strip())
    return ""
