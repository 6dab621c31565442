# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata of build systems, languages' packages and desktops: which files hold it, and what each kind says.

What is read is what stands there; :mod:`~abuildpy.maintain.survey.stated` makes it fit for a recipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any

from abuildpy.maintain.pylicense import spdx_license
from abuildpy.maintain.survey.documents import json_of, setup_keywords, table, text_of, toml_of, words_of
from abuildpy.maintain.survey.tree import SourceTree, behind


@dataclass(frozen=True, slots=True)
class Stated:
    """Texts are empty where the source does not say. ``where`` is the file that states the licence."""

    description: str = ""
    homepage: str = ""
    license: str = ""
    where: str = ""


def metadata_of(tree: SourceTree) -> Iterator[tuple[str, Stated]]:
    """The files that are there and what each says, the more careful kinds before the others."""
    readers = (
        (("pyproject.toml",), _pyproject),
        (("PKG-INFO",), _pkg_info),
        (("Cargo.toml",), _cargo),
        (("setup.cfg",), _setup_cfg),
        (("setup.py",), _setup_py),
        (("META.json",), _perl_meta),
        (tuple(tree.at_top(r".*\.gemspec")), _gemspec),
        (tuple(tree.at_top(r".*\.cabal")), _colons),
        (("dune-project",), _dune),
        (tuple(tree.at_top(r".*\.opam")), _colons),
        (tuple(tree.at_top(r".*\.rockspec")), _assignments),
        (tuple(tree.at_top(r".*\.nimble")), _assignments),
        (("package.json", "dub.json", "composer.json"), _package_json),
        (tuple(tree.anywhere(r".*\.(?:metainfo|appdata)\.xml(?:\.in)*", 3)), _appstream),
        (tuple(tree.at_top(r".*\.doap")), _doap),
        (("meson.build",), _meson),
        (("CMakeLists.txt",), _cmake),
        (("configure.ac", "configure.in"), _configure),
        (tuple(tree.anywhere(r".*\.pc(?:\.in|\.cmake)*", 2)), _pkgconfig),
        (tuple(tree.anywhere(r".*\.desktop(?:\.in)*", 2)), _desktop),
        (tuple(tree.at_top(r".*\.spec(?:\.in)?")), _spec),
    )
    for files, read in readers:
        for name in files[:3]:
            if tree.has(name):
                yield name, read(tree, name)


def _pyproject(tree: SourceTree, name: str) -> Stated:
    document = toml_of(tree, name)
    project = table(document.get("project"))
    poetry = table(table(document.get("tool")).get("poetry"))
    license_ = project.get("license")
    said = text_of(license_) or text_of(table(license_).get("text"))
    classified = words_of(project.get("classifiers"))
    found = spdx_license(said if isinstance(license_, str) else "", "" if "\n" in said else said, classified)
    return Stated(
        text_of(project.get("description")) or text_of(poetry.get("description")),
        _python_page(table(project.get("urls")))
        or text_of(poetry.get("homepage"))
        or text_of(poetry.get("repository")),
        found or spdx_license("", text_of(poetry.get("license")), words_of(poetry.get("classifiers"))),
    )


def _python_page(links: Mapping[str, Any]) -> str:
    plain = {re.sub(r"[^a-z]", "", label.lower()): url for label, url in links.items() if isinstance(url, str)}
    for label in ("homepage", "home", "repository", "source", "sourcecode", "github"):
        if label in plain:
            return plain[label]
    return next(iter(plain.values()), "")


def _pkg_info(tree: SourceTree, name: str) -> Stated:
    metadata = HeaderParser().parsestr(tree.text(name))
    links = dict(link.split(", ", 1) for link in metadata.get_all("Project-URL", []) if ", " in link)
    return Stated(
        text_of(metadata.get("Summary")),
        text_of(metadata.get("Home-page")) or _python_page(links),
        spdx_license(
            text_of(metadata.get("License-Expression")),
            text_of(metadata.get("License")),
            metadata.get_all("Classifier", []),
        ),
    )


def _setup_cfg(tree: SourceTree, name: str) -> Stated:
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(tree.text(name))
    except configparser.Error:
        return Stated()
    said = dict(parser.items("metadata")) if parser.has_section("metadata") else {}
    classified = said.get("classifiers", said.get("classifier", "")).split("\n")
    return Stated(
        said.get("description", said.get("summary", "")),
        said.get("url", said.get("home-page", said.get("home_page", ""))),
        spdx_license("", said.get("license", ""), [line.strip() for line in classified]),
    )


def _setup_py(tree: SourceTree, _name: str) -> Stated:
    said = setup_keywords(tree)
    return Stated(
        text_of(said.get("description")),
        text_of(said.get("url")),
        spdx_license("", text_of(said.get("license")), words_of(said.get("classifiers"))),
    )


def _cargo(tree: SourceTree, name: str) -> Stated:
    document = toml_of(tree, name)
    package = dict(table(document.get("package")))
    shared = table(table(document.get("workspace")).get("package"))
    for key in ("description", "homepage", "repository", "license"):
        if not isinstance(package.get(key), str):
            package[key] = shared.get(key)
    license_ = " OR ".join(part.strip() for part in text_of(package.get("license")).split("/"))
    page = text_of(package.get("homepage")) or text_of(package.get("repository"))
    return Stated(text_of(package.get("description")), page, license_)


def _package_json(tree: SourceTree, name: str) -> Stated:
    document = json_of(tree, name)
    license_ = document.get("license")
    said = text_of(license_) or text_of(table(license_).get("type"))
    repository = document.get("repository")
    place = text_of(repository) or text_of(table(repository).get("url"))
    if re.fullmatch(r"(?:github:)?[\w.-]+/[\w.-]+", place):
        place = f"https://github.com/{place.removeprefix('github:')}"
    page = text_of(document.get("homepage")) or re.sub(r"^git\+|\.git$", "", place)
    return Stated(text_of(document.get("description")), page, said)


def _perl_meta(tree: SourceTree, name: str) -> Stated:
    document = json_of(tree, name)
    names = {
        "perl_5": "GPL-1.0-or-later OR Artistic-1.0-Perl", "artistic_2": "Artistic-2.0", "mit": "MIT", "bsd": "BSD-3-Clause",
        "apache_2_0": "Apache-2.0", "gpl_3": "GPL-3.0-or-later", "gpl_2": "GPL-2.0-or-later", "lgpl_2_1": "LGPL-2.1-or-later",
        "freebsd": "BSD-2-Clause", "lgpl_3_0": "LGPL-3.0-or-later",
    }  # fmt: skip
    said = [names.get(each, "") for each in words_of(document.get("license"))]
    resources = table(document.get("resources"))
    repository = table(resources.get("repository"))
    page = text_of(resources.get("homepage")) or text_of(repository.get("web")) or text_of(repository.get("url"))
    return Stated(re.sub(r"\s+", " ", text_of(document.get("abstract"))), page, " OR ".join(filter(None, said)))


def _gemspec(tree: SourceTree, name: str) -> Stated:
    text = tree.text(name)
    pattern = r"\b\w+\.(summary|description|homepage|licenses?)\s*=\s*+\[?(?:%[qQw][({\[])?\s*+['\"]?([^'\"\n\])}]+)"
    said: dict[str, str] = dict(re.findall(pattern, text))
    return Stated(
        said.get("summary", said.get("description", "")),
        said.get("homepage", ""),
        said.get("license", said.get("licenses", "")),
    )


def _colons(tree: SourceTree, name: str) -> Stated:
    said: dict[str, str] = {}
    for key, text in re.findall(r"(?im)^(synopsis|homepage|license):[ \t]*+\[?[ \t]*+\"?([^\"\n\]]+)", tree.text(name)):
        said.setdefault(key.lower(), text.strip())
    license_ = said.get("license", "")
    return Stated(said.get("synopsis", ""), said.get("homepage", ""), {"BSD3": "BSD-3-Clause"}.get(license_, license_))


def _dune(tree: SourceTree, name: str) -> Stated:
    text = tree.text(name)

    def said(key: str) -> str:
        match = re.search(rf"\({key}\s+\"?([^\")]+)", text)
        return "" if match is None else match[1].strip()

    forge = re.search(r"\(source\s*\((github|gitlab|sourcehut)\s+([^)\s]+)", text)
    page = said("homepage") or (f"https://{forge[1]}.com/{forge[2]}" if forge and forge[1] != "sourcehut" else "")
    return Stated(said("synopsis"), page, said("license"))


def _assignments(tree: SourceTree, name: str) -> Stated:
    said: dict[str, str] = {}
    for key, text in re.findall(
        r"(?m)^[ \t]*(summary|description|homepage|license)\s*=\s*[\"']([^\"']+)", tree.text(name)
    ):
        said.setdefault(key, text)
    parts = said.get("license", "").split("/")
    license_ = parts[0] if parts[0] == "MIT" else said.get("license", "")  # MIT/X11 is how Lua's world calls it
    return Stated(said.get("summary", said.get("description", "")), said.get("homepage", ""), license_)


def _tag(text: str, name: str) -> str:
    tags = re.findall(rf"<(?:\w+:)?{name}(?![\w-])([^<>]*)>([^<>]+)<", text)
    said = (content.strip() for attributes, content in tags if "xml:lang" not in attributes)
    return _unescaped(next(filter(None, said), ""))


def _unescaped(text: str) -> str:
    from html import unescape

    try:
        return unescape(text)
    except ValueError:  # the number of a sign may have thousands of digits
        return text


def _appstream(tree: SourceTree, name: str) -> Stated:
    text = tree.text(name)
    page = re.search(r"<url\s+type=[\"']homepage[\"']>\s*([^<\s]+)", text)
    license_ = _tag(text, "project_license")
    return Stated(_tag(text, "summary"), "" if page is None else _unescaped(page[1]), _from_appstream(license_))


def _from_appstream(license_: str) -> str:
    return re.sub(r" and ", " AND ", re.sub(r" or ", " OR ", license_)) if "LicenseRef" not in license_ else ""


def _doap(tree: SourceTree, name: str) -> Stated:
    text = tree.text(name)
    page = re.search(r"<(?:\w+:)?homepage\s+rdf:resource=[\"']([^\"']+)", text)
    return Stated(_tag(text, "shortdesc"), "" if page is None else page[1])


def _meson(tree: SourceTree, name: str) -> Stated:
    said = re.split(r"(?m)^[ \t]*\)", behind(tree.text(name), r"\bproject\s*\("), maxsplit=1)[0]
    match = re.search(r"\blicense\s*:\s*(?:\[\s*)?['\"]([^'\"]+)", said)
    several = re.search(r"\blicense\s*:\s*\[[^][]*,\s*['\"]", said)
    names = {
        "LGPLv2.1+": "LGPL-2.1-or-later",
        "LGPLv2+": "LGPL-2.0-or-later",
        "GPL3+": "GPL-3.0-or-later",
        "GPL2+": "GPL-2.0-or-later",
    }
    license_ = "" if match is None or several is not None else match[1]
    return Stated(license=names.get(license_, license_))


def _cmake(tree: SourceTree, name: str) -> Stated:
    project = re.search(r"(?i)\bproject\s*\(([^()]*)", tree.text(name))
    said = "" if project is None else project[1]
    description = re.search(r"DESCRIPTION\s+\"([^\"$]+)\"", said)
    page = re.search(r"HOMEPAGE_URL\s+\"?([^\"\s$]+)", said)
    return Stated("" if description is None else description[1], "" if page is None else page[1])


def _configure(tree: SourceTree, name: str) -> Stated:
    said = behind(tree.text(name), r"AC_INIT\s*\(").partition(";")[0]
    pages = re.findall(r"https?://[^\s\],)]+", re.split(r"(?m)\)[ \t]*$", said, maxsplit=1)[0])
    wanted = [page for page in pages if not re.search(r"(?i)bug|issue|mail|enter_bug", page)]
    return Stated(homepage=wanted[-1] if wanted else "")


def _pkgconfig(tree: SourceTree, name: str) -> Stated:
    text = tree.text(name)
    said = dict(re.findall(r"(?m)^(Description|URL):[ \t]*+([^\n@$]+)$", text))
    return Stated(said.get("Description", ""), said.get("URL", ""))


def _desktop(tree: SourceTree, name: str) -> Stated:
    match = re.search(r"(?m)^_?Comment=(.+)$", tree.text(name))
    return Stated("" if match is None else match[1])


def _spec(tree: SourceTree, name: str) -> Stated:
    said: dict[str, str] = dict(re.findall(r"(?m)^(Summary|URL|Url):[ \t]*+([^\n%@]+)$", tree.text(name)))
    return Stated(said.get("Summary", ""), said.get("URL", said.get("Url", "")))
