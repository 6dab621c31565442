# SPDX-License-Identifier: GPL-3.0-or-later
"""Package registries of languages, recognised by the shape of their addresses alone.

No registry's host is known here: what answers is the host that the recipe itself names, or the one that the user set.
"""

from __future__ import annotations

import re

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import LOOSE, Form, Upstream
from abuildpy.maintain.upstream.spelling import find_form

KINDS = ("pypi", "npm", "crates", "cpan", "rubygems", "hackage", "pecl", "maven", "cran", "luarocks", "hex", "goproxy")
_HEX = re.compile(r"[0-9a-f]{2}")
_GEM = re.compile(r"(?P<name>.+)-(?P<version>\d[^-]*)(?:-[a-z_0-9]+)?\.gem")


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project in a registry; None if the address has none of their shapes."""
    if place.is_home:
        return _home(place, facts)
    parts = place.parts
    root = place.root
    match parts:
        case ("packages", "source", _, _, file) | ("packages", "py3" | "py2.py3" | "any" | "cp3", _, _, file):
            return _python(place, file, facts)
        case ("packages", a, b, _, file) if _HEX.fullmatch(a) and _HEX.fullmatch(b):
            return _python(place, file, facts)
        case (*scope, name, "-", _file) if len(scope) <= 1 and all(word.startswith("@") for word in scope):
            project = "/".join((*scope, name))
            return Upstream("npm", project, f"{root}/{project}", Form())
        case ("api", "v1", "crates", name, _, "download"):
            return Upstream("crates", name, f"{root}/api/v1/crates/{name}", Form())
        case ("crates", name, file) if file.endswith(".crate"):
            return Upstream("crates", name, f"{root}/api/v1/crates/{name}", Form())
        case (*above, "authors", "id", _, _, _, file) | (*above, "authors", "id", _, _, _, _, file):
            return _perl(place, above, file, facts)
        case (*above, "modules", "by-module", _, file) | (*above, "modules", "by-module", _, _, file):
            return _perl(place, above, file, facts)
        case (*_, "downloads" | "gems", file) if gem := _GEM.fullmatch(file):
            return Upstream("rubygems", gem["name"], f"{root}/api/v1/versions/{gem['name']}.json", Form())
        case ("package", versioned, _file) | ("package", versioned, "src", _file):
            return _haskell(place, versioned, facts)
        case ("get", file) if file.endswith(".tgz"):
            form = facts.form_in(stem(file))
            name = form.before.rstrip("-") if not form.loose else stem(file).rpartition("-")[0]
            return Upstream("pecl", name, f"{root}/rest/r/{name.lower()}/allreleases.xml", _bare(form))
        case ("maven2" | "maven", *group, version, _file) if len(group) > 1:
            address = f"{place.up_to(len(parts) - 2)}/maven-metadata.xml"
            return Upstream("maven", "/".join(group), address, facts.form_in(version))
        case (*_, "src", "contrib", file) | (*_, "src", "contrib", "Archive", _, file) if "_" in file:
            name = file.partition("_")[0]
            below = parts[: len(parts) - 1 - parts[::-1].index("contrib") + 1]
            address = "/".join((root, *below))
            return Upstream("cran", name, f"{address}/", facts.form_in(stem(file)))
        case ("tarballs", file) if file.endswith(".tar"):
            form = facts.form_in(stem(file))
            return Upstream(
                "hex", form.before.rstrip("-"), f"{root}/api/packages/{form.before.rstrip('-')}", _bare(form)
            )
        case (*module, "@v", _file) if module:
            return Upstream("goproxy", "/".join(module), f"{place.up_to(len(module))}/@v/list", Form("v"))
        case (*_, file) if file.endswith((".src.rock", ".rockspec")):
            form = facts.form_in(re.sub(r"(?:-\d+)?\.(?:src\.rock|rockspec)\Z", "", file))
            return Upstream("luarocks", form.before.rstrip("-"), f"{root}/manifest", form)
    return None


def _python(place: Place, file: str, facts: Facts) -> Upstream:
    """``address`` is completed when it is asked: the index is the user's own."""
    form = find_form(stem(file), facts.version)
    source = place.parts[3] if place.parts[1] == "source" else ""
    name = source or (form.before.rstrip("-_") if form else stem(file).rpartition("-")[0])
    return Upstream("pypi", name, f"{place.root}/simple/{re.sub(r'[-_.]+', '-', name).lower()}/", Form())


def _perl(place: Place, above: list[str], file: str, facts: Facts) -> Upstream:
    """The one index that each mirror has knows the newest version of everything."""
    form = facts.form_in(stem(file))
    name = form.before.rstrip("-").removesuffix("-v") if not form.loose else re.sub(r"-v?\d[\w.]*\Z", "", stem(file))
    address = "/".join((place.root, *above, "modules", "02packages.details.txt.gz"))
    return Upstream("cpan", name, address, Form(before="v" if form.before.endswith("-v") else ""))


def _haskell(place: Place, versioned: str, facts: Facts) -> Upstream | None:
    form = find_form(versioned, facts.version)
    name = form.before.rstrip("-") if form else re.sub(r"-\d[\d.]*\Z", "", versioned)
    return Upstream("hackage", name, f"{place.root}/package/{name}/preferred", Form())


def _bare(form: Form) -> Form:
    """A form without the name that stands before the version."""
    return LOOSE if form.loose else Form("", "", form.separators, form.widths)


def _home(place: Place, facts: Facts) -> Upstream | None:
    """A page in a registry: only where the package's own name tells which kind of registry that is."""
    match place.parts:
        case ("project", name) | ("pypi", name) if facts.pkgname.startswith("py3-"):
            normal = re.sub(r"[-_.]+", "-", name).lower()
            return Upstream("pypi", name, f"{place.root}/simple/{normal}/", Form())
        case ("gems", name) if facts.pkgname.startswith("ruby-"):
            return Upstream("rubygems", name, f"{place.root}/api/v1/versions/{name}.json", Form())
        case ("crates", name):
            return Upstream("crates", name, f"{place.root}/api/v1/crates/{name}", Form())
    return None
