# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source says about itself: description, home page and licence, from the metadata of its build system or its README."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any

from abuildpy.maintain.pylicense import spdx_license
from abuildpy.maintain.survey.tree import SourceTree, behind

_LONGEST = 127
"""abuild 3.18: pkgdesc must be shorter than 128 letters."""


@dataclass(frozen=True, slots=True)
class Stated:
    """Texts are empty where the source does not say. ``where`` is the file that states the licence."""

    description: str = ""
    homepage: str = ""
    license: str = ""
    where: str = ""


def stated_in(tree: SourceTree) -> Stated:
    """What the source's own metadata says; the more careful kinds of files count before the others."""
    description = homepage = license_ = where = ""
    for file, found in _sources(tree):
        description = description or _one_line(found.description)
        homepage = homepage or _page(found.homepage)
        if found.license and not license_:
            license_, where = found.license.strip(), file
    return Stated(description or _from_readme(tree), homepage, license_, where)


def toml_of(tree: SourceTree, name: str) -> dict[str, Any]:
    """A TOML file of the tree; empty if it is not there or cannot be read."""
    try:
        return tomllib.loads(tree.text(name))
    except (ValueError, RecursionError):  # also of numbers with thousands of digits
        return {}


def json_of(tree: SourceTree, name: str) -> dict[str, Any]:
    """A JSON object in a file of the tree; empty if there is none."""
    try:
        document = json.loads(tree.text(name) or "{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def table(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words_of(value: object) -> list[str]:
    """The texts of a list; none of anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _sources(tree: SourceTree) -> Iterator[tuple[str, Stated]]:
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
    said = _text(license_) or _text(table(license_).get("text"))
    classified = words_of(project.get("classifiers"))
    found = spdx_license(said if isinstance(license_, str) else "", "" if "\n" in said else said, classified)
    return Stated(
        _text(project.get("description")) or _text(poetry.get("description")),
        _python_page(table(project.get("urls"))) or _text(poetry.get("homepage")) or _text(poetry.get("repository")),
        found or spdx_license("", _text(poetry.get("license")), words_of(poetry.get("classifiers"))),
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
        _text(metadata.get("Summary")),
        _text(metadata.get("Home-page")) or _python_page(links),
        spdx_license(
            _text(metadata.get("License-Expression")),
            _text(metadata.get("License")),
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


def setup_keywords(tree: SourceTree) -> dict[str, Any]:
    """The arguments of ``setup()`` in setup.py that are plain values, read as text and not run."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(tree.text("setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    names: dict[str, Any] = {}

    def value(node: ast.AST) -> Any:  # noqa: ANN401 (a value of any type)
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            return {word.arg: value(word.value) for word in node.keywords if word.arg}
        if isinstance(node, ast.Dict):
            keys = ((value(key), entry) for key, entry in zip(node.keys, node.values, strict=True) if key is not None)
            return {key: value(entry) for key, entry in keys if isinstance(key, str)}
        if isinstance(node, ast.List | ast.Tuple):
            return [value(item) for item in node.elts]
        return node.value if isinstance(node, ast.Constant) else None

    found: dict[str, Any] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = value(node.value)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "setup":
                for word in node.keywords:
                    if word.arg:
                        found[word.arg] = value(word.value)
                    elif isinstance(spread := value(word.value), dict):
                        found.update(spread)
    return found


def _setup_py(tree: SourceTree, _name: str) -> Stated:
    said = setup_keywords(tree)
    return Stated(
        _text(said.get("description")),
        _text(said.get("url")),
        spdx_license("", _text(said.get("license")), words_of(said.get("classifiers"))),
    )


def _cargo(tree: SourceTree, name: str) -> Stated:
    document = toml_of(tree, name)
    package = dict(table(document.get("package")))
    shared = table(table(document.get("workspace")).get("package"))
    for key in ("description", "homepage", "repository", "license"):
        if not isinstance(package.get(key), str):
            package[key] = shared.get(key)
    license_ = " OR ".join(part.strip() for part in _text(package.get("license")).split("/"))
    page = _text(package.get("homepage")) or _text(package.get("repository"))
    return Stated(_text(package.get("description")), page, license_)


def _package_json(tree: SourceTree, name: str) -> Stated:
    document = json_of(tree, name)
    license_ = document.get("license")
    said = _text(license_) or _text(table(license_).get("type"))
    repository = document.get("repository")
    place = _text(repository) or _text(table(repository).get("url"))
    if re.fullmatch(r"(?:github:)?[\w.-]+/[\w.-]+", place):
        place = f"https://github.com/{place.removeprefix('github:')}"
    page = _text(document.get("homepage")) or re.sub(r"^git\+|\.git$", "", place)
    return Stated(_text(document.get("description")), page, said)


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
    page = _text(resources.get("homepage")) or _text(repository.get("web")) or _text(repository.get("url"))
    return Stated(re.sub(r"\s+", " ", _text(document.get("abstract"))), page, " OR ".join(filter(None, said)))


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


def _page(url: str) -> str:
    from abuildpy.lint.rules.sources import SECURE

    url = url.strip()
    if url.startswith("http://") and url[7:].partition("/")[0].lower() in SECURE:
        url = f"https{url[4:]}"
    return url if re.fullmatch(r"https?://[^\s\"'$`\\]+", url) and not re.search(r"@\w+@", url) else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".").strip()
    line = re.sub(r"^(?:an?|the) (\w)", lambda match: match[1].upper(), line, flags=re.IGNORECASE)
    if not line or re.search(r"@\w+@|\$\{|<%|[\x00-\x1f]", line):
        return ""
    if len(line) > _LONGEST:
        first = re.split(r"(?<=[a-z])[.;] ", line)[0]
        line = first if len(first) <= _LONGEST else line[:_LONGEST].rpartition(" ")[0].rstrip(",;:-")
    return line


def _from_readme(tree: SourceTree) -> str:
    """The first whole sentence of the README that is no heading, badge or list."""
    for name in tree.at_top(r"(?i)readme(?:\.(?:md|rst|txt|adoc|org))?"):
        first, *rest = tree.text(name)[:6000].split("<!--")
        text = re.sub(r"<[^<>]+>", " ", " ".join([first, *(part.partition("-->")[2] for part in rest)]))
        for block in re.split(r"\n[ \t]*\n", text):
            lines = [line.strip() for line in block.strip().splitlines()]
            if (
                not lines
                or re.match(r"[#=*\-.:|!\[`>~+\d]|[=~^\"-]{3,}", lines[0])
                or any(set(line) <= set("=-~*^#") for line in lines)
            ):
                continue
            plain = re.sub(r"!?\[([^][]*)\]\([^()]*\)|`([^`]*)`_?", lambda m: m[1] or m[2] or "", " ".join(lines))
            plain = re.sub(r"[*_]{1,2}(\S[^*_]*)[*_]{1,2}", r"\1", plain)
            sentence = re.split(r"(?<=[a-z)])[.!:](?:\s|$)", plain)[0]
            if (
                len(sentence) >= 12
                and " " in sentence
                and not re.match(r"(?i)(copyright|version|please|see |note|this file)", sentence)
            ):
                what = re.match(r"(?:\S+ ){1,2}?is (?:an?|the) (.+)", sentence)
                return _one_line(what[1][:1].upper() + what[1][1:] if what else sentence)
    return ""
