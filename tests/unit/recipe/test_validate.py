# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from abuildpy.errors import RecipeError
from abuildpy.recipe.finding import Finding
from abuildpy.recipe.model import Recipe, Source, Subpackage
from abuildpy.recipe.validate import (
    check_license,
    check_maintainer,
    maintainer_from,
    name_fault,
    secfixes_fault,
    validate,
)

TEXT = "# Maintainer: Joe User <joe@example.org>\npkgname=foo\n"
HASH = "0" * 128

Make = Callable[..., Recipe]


def sub(name: str, split: str = "dev") -> Subpackage:
    return Subpackage(name, split, "x86_64", "x86_64-alpine-linux-musl")


def source(entry: str) -> Source:
    name, _, uri = entry.rpartition("::")
    uri = uri or entry
    return Source(entry, (name or uri).rpartition("/")[2], uri, uri.startswith(("http:", "https:", "ftp:")))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A recipe in a folder of its own; sources get checksums and variables raw values as an evaluated one has them."""
    startdir = tmp_path / "foo"

    def build(
        *,
        text: str = TEXT,
        sources: tuple[str, ...] = (),
        files: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Recipe:
        startdir.mkdir(exist_ok=True)
        (startdir / "APKBUILD").write_text(text)
        for name, content in (files or {}).items():
            (startdir / name).write_text(content)
        listed = tuple(map(source, sources))
        sums = "\n".join(f"{HASH}  {s.name}" for s in listed)
        recipe = Recipe(
            path=startdir / "APKBUILD",
            startdir=startdir,
            repo="main",
            pkgname="foo",
            pkgver="1.0",
            pkgrel="0",
            pkgdesc="A test",
            url="https://example.org",
            license="MIT",
            maintainer="Joe User <joe@example.org>",
            pkgarch="x86_64",
            builddir="",
            arch=("all",),
            depends=(),
            makedepends=(),
            makedepends_build=(),
            makedepends_host=(),
            checkdepends=(),
            provides=(),
            replaces=(),
            install_if=(),
            install=(),
            triggers=(),
            options=(),
            pkgusers=(),
            pkggroups=(),
            subpackages=(),
            source=listed,
            checksums=tuple((HASH, s.name) for s in listed),
            sum_algorithm="sha512",
            functions=frozenset(("package",)),
            variables={"sha512sums": sums, **(variables or {})},
        )
        return replace(recipe, **changes)

    return build


def error(findings: list[Finding]) -> str:
    assert findings, "nothing was found"
    assert [f.level for f in findings].count("error") == 1
    assert findings[-1].level == "error"
    return findings[-1].text


def warnings(findings: list[Finding]) -> list[str]:
    assert all(f.level == "warning" for f in findings), findings
    return [f.text for f in findings]


def test_a_good_recipe(make: Make) -> None:
    recipe = make(
        sources=("foo-1.0.tar.gz::https://example.org/v1.0.tar.gz", "fix.patch", "foo.initd"),
        files={"fix.patch": "", "foo.initd": "#!/sbin/openrc-run\n", "foo.post-install": "#!/bin/sh\n"}
        | {"foo-dev.trigger": "#!/bin/sh\n", ".hidden": ""},
        install=("foo.post-install",),
        triggers=("foo-dev.trigger=/usr/lib:/usr/share",),
        subpackages=(sub("foo-dev"), sub("foo-x", "_x"), sub("foo-y", "default_doc")),
        functions=frozenset(("package", "_x")),
        depends=("a>=1", "!b"),
        provides=("bar=1.0",),
    )
    for name in ("src", "pkg", "tmp"):
        (recipe.startdir / name).mkdir()
    assert validate(recipe) == []


@pytest.mark.parametrize("pkgver", ["", "1.0p1", "1.0-r1", "bar", "1.0-0"])
def test_pkgver(make: Make, pkgver: str) -> None:
    text = error(validate(make(pkgver=pkgver)))
    assert "version" in text
    assert "pkgver" in text


@pytest.mark.parametrize("pkgrel", ["", "a", "-1", "1.2"])
def test_pkgrel(make: Make, pkgrel: str) -> None:
    assert "pkgrel" in error(validate(make(pkgrel=pkgrel)))


@pytest.mark.parametrize("variable", ["pkgdesc", "url", "license"])
def test_missing_variable(make: Make, variable: str) -> None:
    assert error(validate(make(**{variable: ""}))) == f"{variable} is missing"


def test_pkgdesc_length_counts_bytes(make: Make) -> None:
    assert validate(make(pkgdesc="ü" * 63 + "x")) == []
    assert "too long" in error(validate(make(pkgdesc="ü" * 64)))
    assert "single line" in error(validate(make(pkgdesc="a\nb")))


def test_package_function(make: Make) -> None:
    assert "package()" in error(validate(make(functions=frozenset(("build",)))))


@pytest.mark.parametrize("variable", ["replaces_priority", "provider_priority"])
def test_priorities(make: Make, variable: str) -> None:
    assert validate(make(variables={variable: "100"})) == []
    for value in ("1a", "-1", "٣"):
        assert f"{variable} must be a number" in error(validate(make(variables={variable: value})))


@pytest.mark.parametrize("name", ["foo", "more_+-2.0-complicated", "A", "0ad", "g++", "a.b"])
def test_valid_names(make: Make, name: str) -> None:
    assert name_fault(name) is None
    assert validate(make(pkgname=name)) == []


@pytest.mark.parametrize("name", ["", "-foo", "foo with spaces", "width@at", "width=equal", "ä", ".foo", "foo\n"])
def test_invalid_names(make: Make, name: str) -> None:
    assert "is not a valid package name" in error(validate(make(pkgname=name)))
    assert "is not a valid package name" in error(validate(make(subpackages=(sub(name),))))


@pytest.mark.parametrize("name", ["../foo", "a/b", "..", "a..b", "/"])
def test_names_that_climb(make: Make, name: str) -> None:
    text = error(validate(make(pkgname=name)))
    assert "is not a valid package name" in text
    assert "out of the repository" in text


def test_duplicate_names(make: Make) -> None:
    assert "called foo" in error(validate(make(subpackages=(sub("foo"),))))
    assert "called b" in error(validate(make(subpackages=(sub("b"), sub("c"), sub("b")))))


def test_subpackages(make: Make) -> None:
    assert "_x() is missing" in error(validate(make(subpackages=(sub("foo-x", "_x"),))))
    assert validate(make(subpackages=(sub("foo-x", "_x"),)), splitters=("_x",)) == []
    recipe = make(subpackages=(sub("foo-x"),), variables={"subpackages": "foo-x:dev:sparc foo-y::noarch foo-z:a"})
    assert validate(recipe) == []
    assert "'sparc'" in error(validate(recipe, arches=("noarch", "x86_64")))
    assert validate(recipe, arches=("noarch", "sparc")) == []


@pytest.mark.parametrize("list_name", ["depends", "makedepends"])
def test_dependencies(make: Make, list_name: str) -> None:
    good = tuple("foo=1.0 bar>=1.0 baz<=1.0 x<2.0 z>1 !blah foo~1.0 bar>~1.0 baz<~1".split())
    assert validate(make(**{list_name: good})) == []
    for bad in ("foo=bar", "foo>1.0_invalid"):
        assert "Invalid version" in error(validate(make(**{list_name: ("a", bad)})))
    assert "=~" in error(validate(make(**{list_name: ("foo=~1.0",)})))


def test_install_scripts(make: Make) -> None:
    assert "unknown kind" in error(validate(make(install=("foo.post-everything",))))
    assert "unknown kind" in error(validate(make(install=("foo",))))
    assert "no package" in error(validate(make(install=("bar.post-install",))))
    assert "missing" in error(validate(make(install=("foo.post-install",))))
    files = {"foo.post-install": "chown x\nchmod y\nchown z\n"}
    found = validate(make(install=("foo.post-install",), files=files))
    assert warnings(found) == ["foo.post-install: found chown", "foo.post-install: found chmod"]
    assert all("package()" in f.more[0] for f in found)


def test_triggers(make: Make) -> None:
    files = {"foo.trigger": ""}
    assert "'='" in error(validate(make(triggers=("foo.trigger",), files=files)))
    assert "NAME.trigger" in error(validate(make(triggers=("foo.sh=/usr",), files=files)))
    assert "no package" in error(validate(make(triggers=("bar.trigger=/usr",), files=files)))
    found = validate(make(triggers=("foo.trigger=/usr",), sources=("foo.trigger",), files=files))
    assert "You should not have $triggers in source" in [f.text for f in found]


def test_missing_trigger(make: Make) -> None:
    assert "trigger script foo.trigger is missing" in error(validate(make(triggers=("foo.trigger=/usr",))))


def test_install_script_in_source(make: Make) -> None:
    files = {"foo.post-install": ""}
    found = validate(make(install=("foo.post-install",), sources=("foo.post-install",), files=files))
    assert warnings(found) == ["You should not have $install in source"]


@pytest.mark.parametrize("name", ["a b", "a'b", "a$b", "a:b"])
def test_forbidden_characters(make: Make, name: str) -> None:
    recipe = make()
    bad = replace(recipe, source=(Source(name, name, name, False),))
    text = error(validate(bad))
    assert "Forbidden character(s) in filename" in text
    assert name in text


@pytest.mark.parametrize("name", ["v1.0.tar.gz", "1.0.tar.xz"])
def test_sources_need_a_telling_name(make: Make, name: str) -> None:
    assert "renamed" in error(validate(make(sources=(f"https://example.org/{name}",))))
    assert validate(make(sources=(f"foo-1.0.tar.gz::https://example.org/{name}",))) == []
    assert validate(make(sources=("https://example.org/1x0.tar.gz",))) == []
    assert validate(make(sources=("https://example.org/v1.0.zip",))) == []


@pytest.mark.parametrize("line", [" \t#!/bin/sh", "#!/bin/sh", "", "# !/sbin/openrc-run", "#!/sbin/openrc-run -x"])
def test_init_scripts(make: Make, line: str) -> None:
    recipe = make(sources=("foo.initd",), files={"foo.initd": f"{line}\n#!/sbin/openrc-run\n"})
    assert "is not an openrc" in error(validate(recipe))


def test_init_scripts_have_whole_lines(make: Make) -> None:
    recipe = make(sources=("foo.initd",), files={"foo.initd": "#!/sbin/openrc-run"})
    assert "is not an openrc" in error(validate(recipe))


def test_init_scripts_accepted(make: Make) -> None:
    for line in ("#!/sbin/openrc-run", "#!/usr/bin/env /sbin/openrc-run", "#!/sbin/openrc-run\0"):
        assert validate(make(sources=("foo.initd",), files={"foo.initd": f"{line}\n"})) == []
    assert "cannot read bar.initd" in error(validate(make(sources=("bar.initd",))))


def test_checksums(make: Make) -> None:
    recipe = make(sources=("a", "b"), files={"a": "", "b": ""})
    assert validate(recipe) == []
    sums = dict(recipe.variables)
    lacking = replace(recipe, variables={**sums, "sha512sums": f"{HASH} a"})
    assert error(validate(lacking)) == "b is missing in checksums"
    extra = replace(recipe, variables={**sums, "sha512sums": sums["sha512sums"] + f"\n{HASH} c"})
    assert "Number of checksums(6 / 2)" in error(validate(extra))
    twice = replace(recipe, source=(*recipe.source, source("https://x/a")))
    assert "Number of checksums(4 / 2)" in error(validate(twice))
    other = replace(twice, variables={**sums, "sha512sums": sums["sha512sums"] + f"\n{HASH} c"})
    assert error(validate(other)) == "c exists in checksums but is missing in $source"
    old = replace(recipe, variables={"sha256sums": sums["sha512sums"]})
    assert warnings(validate(old)) == ["Found old (sha256) checksum, use 'abuild checksum' to regenerate"]
    assert warnings(validate(replace(recipe, source=(), variables={"sha512sums": " ", "sha256sums": "a  b"}))) == [
        "a is not in $source/$install/$triggers",
        "b is not in $source/$install/$triggers",
    ]


def test_stray_files(make: Make) -> None:
    recipe = make(sources=("https://example.org/got.tar.gz", "used"), files={"stray": "", "used": "", "got.tar.gz": ""})
    assert warnings(validate(recipe)) == [
        "got.tar.gz is not in $source/$install/$triggers",
        "stray is not in $source/$install/$triggers",
    ]


@pytest.mark.parametrize(
    "name", ["depend", "makedepend", "pkguser", "pkggroup", "subpackage", "checkdepend", "conflicts"]
)
def test_misspelt_variables(make: Make, name: str) -> None:
    assert f"'{name}'" in error(validate(make(variables={name: "x"})))
    assert validate(make(variables={name: ""})) == []


BAD_MAINTAINERS = [
    "Test User 123 <123example.com>",
    "foo",
    "user@example.com",
    " Leading Space <n@example.com>",
    "Trailing Space <n@example.com> ",
    "Foo<u@example.com>",
    '"Quotes <u@example.com>"',
    "No Dot <u@example>",
]


@pytest.mark.parametrize("maintainer", BAD_MAINTAINERS)
def test_bad_maintainers(make: Make, maintainer: str) -> None:
    assert "maintainer" in error(validate(make(variables={"maintainer": maintainer})))
    text = f"# Maintainer: {maintainer}\npkgname=foo\n"
    recipe = make(maintainer="", text=text)
    assert [f.level for f in check_maintainer(recipe, text)] == ["error"]


@pytest.mark.parametrize("maintainer", ["Test User <123@example.com>", "Foo O'Brian <n@e.com>", "Łukasz S <s@e.com>"])
def test_good_maintainers(make: Make, maintainer: str) -> None:
    text = f"# Maintainer: {maintainer}\npkgname=foo\n"
    assert check_maintainer(make(maintainer="", text=text), text) == []


def test_maintainer_from_comments(make: Make) -> None:
    assert maintainer_from("#Maintainer: A <a@b.c>\n") == "A <a@b.c>"
    assert maintainer_from("x # Maintainer: A: B\n") == "A"
    assert maintainer_from("# Contributor: A <a@b.c>\n") == ""
    assert maintainer_from("# Maintainers: x\n# Maintainer: A\v <a@b.c>\n") == "x\nA\v <a@b.c>"
    assert validate(make(text=f"# Maintainers: x\n{TEXT}", maintainer="x")) == []
    assert warnings(validate(make(text="pkgname=foo\n", maintainer=""))) == ["No maintainer"]
    assert error(validate(make(text=TEXT + TEXT))).startswith("More than one maintainer")


def test_licence(make: Make, tmp_path: Path) -> None:
    known = tmp_path / "license.lst"
    known.write_text("MIT\nISC\nGPL-2.0-only\nGCC-exception-3.1\n")
    good = make(license="MIT AND\n\t(ISC OR GPL-2.0-only WITH GCC-exception-3.1) AND LicenseRef-x")
    assert validate(good, license_list=known) == []
    bad = make(license="MIT AND (Foo OR mit)")
    assert warnings(validate(bad, license_list=known)) == [
        '"Foo" is not a known license',
        '"mit" is not a known license',
        "Please use a valid SPDX license expression found at: https://spdx.org/licenses",
    ]
    assert check_license(replace(bad, options=("!spdx",)), known) == []
    assert check_license(replace(bad, options=("foo::!spdx",)), known) == []
    assert check_license(bad, tmp_path / "missing") == []


def test_depends_dev(make: Make) -> None:
    assert len(warnings(validate(make(variables={"depends_dev": "x"})))) == 1
    assert validate(make(variables={"depends_dev": "x"}, subpackages=(sub("foo-dev"),))) == []
    assert validate(make(variables={"depends_dev": "x"}, pkgname="foo-dev")) == []


SECFIXES = """\
# Maintainer: Joe User <joe@example.org>
# secfixes:
#   1.2-r0:
#     - CVE-2024-1 (some text)
#     - GHSA-xxxx
#
#   0:
#     - CVE-2024-2
pkgname=foo
# anything goes
"""


def test_secfixes(make: Make) -> None:
    assert secfixes_fault(SECFIXES) is None
    assert validate(make(text=SECFIXES)) == []


@pytest.mark.parametrize(
    ("good", "bad", "kind"),
    [
        ("#   1.2-r0:", "#   1.2-r0", "not valid"),
        ("#   1.2-r0:", "#  1.2-r0:", "not valid"),
        ("#   1.2-r0:", "#   v1.2-r0:", "not valid"),
        ("#     - CVE-2024-2", "#     CVE-2024-2", "not valid"),
        ("#     - CVE-2024-2", "#     -CVE-2024-2", "not valid"),
        ("#     - CVE-2024-2", "#\t- CVE-2024-2", "tabs"),
    ],
)
def test_bad_secfixes(make: Make, good: str, bad: str, kind: str) -> None:
    findings = validate(make(text=SECFIXES.replace(good, bad, 1)))
    assert kind in error(findings)
    assert findings[-1].more == (bad,)


def test_a_second_secfixes_block_is_checked() -> None:
    text = SECFIXES + "\n# secfixes:\n# rubbish\n"
    assert secfixes_fault(text) == ("secfixes comment is not valid:", ("# rubbish",))


def test_make_dependencies(make: Make) -> None:
    assert "g++" in warnings(validate(make(makedepends=("g++>1",))))[0]
    assert validate(make(makedepends=("g++",), options=("toolchain",))) == []
    assert "net" in warnings(validate(make(makedepends=("go",))))[0]
    assert validate(make(makedepends=("go", "gofoo"), options=("net",))) == []


def test_require_check(make: Make) -> None:
    assert "check()" in error(validate(make(), require_check=True))
    assert validate(make(options=("!check",)), require_check=True) == []
    assert validate(make(functions=frozenset(("package", "check"))), require_check=True) == []


@pytest.mark.parametrize("provided", ["foo", "foo~1", "foo=1", "foo>1", "foo<=1"])
def test_provides(make: Make, provided: str) -> None:
    assert "provides must not contain foo" in error(validate(make(provides=("x", provided))))


def test_the_first_error_ends_it(make: Make) -> None:
    recipe = make(makedepends=("g++",), files={"stray": ""}, variables={"conflicts": "x"}, provides=("foo",))
    findings = validate(recipe)
    assert [f.level for f in findings] == ["warning", "error"]
    assert "conflicts" in findings[-1].text


def test_unreadable(make: Make) -> None:
    recipe = make()
    recipe.path.unlink()
    with pytest.raises(RecipeError, match="APKBUILD"):
        validate(recipe)
