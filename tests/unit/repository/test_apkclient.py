# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from apk_samples import Log

from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.recipe.model import Recipe, Subpackage
from abuildpy.repository.apkclient import (
    ApkClient,
    BuildDeps,
    calc_deps,
    make_v3_index,
    repositories,
    require,
    wants_check,
)

NATIVE = {"CBUILD": "x", "CHOST": "x", "CTARGET": "x", "CTARGET_ARCH": "x86_64"}
CROSS = {"CBUILD": "x", "CHOST": "y", "CTARGET": "z", "CTARGET_ARCH": "s390x"}

RECIPE = Recipe(
    path=Path("/aports/main/me/APKBUILD"),
    startdir=Path("/aports/main/me"),
    repo="main",
    pkgname="me",
    pkgver="1",
    pkgrel="0",
    pkgdesc="d",
    url="u",
    license="MIT",
    maintainer="",
    pkgarch="x86_64",
    builddir="",
    arch=("all",),
    depends=("foo",),
    makedepends=("bar",),
    makedepends_build=("builddep",),
    makedepends_host=("hostdep",),
    checkdepends=("checkdep",),
    provides=(),
    replaces=(),
    install_if=(),
    install=(),
    triggers=(),
    options=(),
    pkgusers=(),
    pkggroups=(),
    subpackages=(Subpackage("me-dev", "dev", "x86_64", "x"),),
    source=(),
    checksums=(),
    sum_algorithm="sha512",
    functions=frozenset(),
    variables={},
)


def deps(recipe: Recipe, variables: dict[str, str]) -> tuple[str, str]:
    found = calc_deps(recipe, variables)
    return " ".join(found.builddeps), " ".join(found.hostdeps)


def test_native() -> None:
    assert deps(RECIPE, NATIVE) == ("build-base foo bar checkdep", "")


def test_without_makedepends_the_two_lists_count() -> None:
    recipe = replace(RECIPE, makedepends=())
    assert deps(recipe, NATIVE) == ("build-base foo builddep hostdep checkdep", "")


def test_bootstrap() -> None:
    assert deps(RECIPE, NATIVE | {"ABUILD_BOOTSTRAP": "1"})[0] == "build-base foo bar"
    assert deps(RECIPE, NATIVE | {"BOOTSTRAP": "nobase"})[0] == "foo bar checkdep"
    assert deps(RECIPE, NATIVE | {"BOOTSTRAP": "yes"})[0] == "build-base foo bar checkdep"


def test_no_check() -> None:
    assert deps(replace(RECIPE, options=("!check",)), NATIVE)[0] == "build-base foo bar"
    assert not wants_check(replace(RECIPE, options=("me::!check",)), NATIVE)
    assert wants_check(replace(RECIPE, options=("check", "!check")), NATIVE)
    assert not wants_check(RECIPE, CROSS)


def test_extras() -> None:
    extras = {"EXTRADEPENDS_BUILD": "eb", "EXTRADEPENDS_HOST": "eh", "EXTRADEPENDS_TARGET": "et", "USE_CCACHE": "1"}
    assert deps(RECIPE, NATIVE | extras) == ("build-base ccache eb eh foo bar checkdep", "et")
    assert deps(RECIPE, CROSS | extras) == ("build-base-s390x ccache eb builddep", "eh et hostdep")


def test_cross() -> None:
    assert deps(RECIPE, CROSS) == ("build-base-s390x builddep", "hostdep")
    assert deps(replace(RECIPE, makedepends_build=(), makedepends_host=()), CROSS) == ("build-base-s390x foo bar", "")
    creating = NATIVE | {"CTARGET": "z", "CTARGET_ARCH": "s390x"}
    assert deps(RECIPE, creating)[0] == "build-base-s390x foo bar checkdep"


def test_own_packages_and_repetitions_are_left_out() -> None:
    recipe = replace(RECIPE, depends=("me>1", "foo", "me-dev=1", "!old"), makedepends=("foo", "foo>1", "build-base"))
    assert deps(recipe, NATIVE)[0] == "build-base foo !old foo>1 checkdep"
    recipe = replace(RECIPE, makedepends_host=("me", "me-dev", "h", "h"))
    assert deps(recipe, CROSS)[1] == "h"


def test_repositories(tmp_path: Path) -> None:
    template = tmp_path / ".rootbld-repositories"
    assert repositories("/p q", "main", template) == ("/p q/main",)
    template.write_text("$mirror/$version/main\n\n# note\n@tag /x/community \nlast")
    assert repositories("/p", "r", template) == ("/p/r", "/p/main", "/p/community", "/p/last")


def test_command_words() -> None:
    client = ApkClient.of("apk", " abuild-apk  --x ")
    odd = 'It\'s \\b\'""\'  "escaped"/main'
    assert client.add_command("me", ("build-base", "foo"), (odd, "/b")) == [
        *("abuild-apk", "--x", "add", "--wait", "30", "--virtual", ".makedepends-me", "build-base", "foo"),
        *("--repository", odd, "--repository", "/b"),
    ]
    assert client.add_command("me", ("h",), ("/r",), root="/sys root") == [
        *("abuild-apk", "--x", "add", "--wait", "30", "--virtual", ".hostdepends-me"),
        *("--no-scripts", "--root", "/sys root", "h", "--repository", "/r"),
    ]
    assert client.del_command("me") == ["abuild-apk", "--x", "del", "--wait", "30", ".makedepends-me"]
    assert client.del_command("me", root="/r") == [
        *("abuild-apk", "--x", "del", "--root", "/r", "--wait", "30", "--no-scripts", ".hostdepends-me")
    ]


FAKE = """#!/bin/sh
printf '%s\\n' "$#" "$@" >>"$RECORD"
case "$*" in *missing*|*fail*) exit 3;; esac
"""


@pytest.fixture
def fake(tmp_path: Path) -> tuple[str, Path]:
    program = tmp_path / "wrapper"
    program.write_text(FAKE)
    program.chmod(0o755)
    return str(program), tmp_path / "record"


def client_of(fake: tuple[str, Path]) -> ApkClient:
    return ApkClient.of(fake[0], fake[0], {**os.environ, "RECORD": str(fake[1])})


def test_install_runs_the_commands(fake: tuple[str, Path], log: Log) -> None:
    odd = 'It\'s \\b\'""\'  "escaped"/main'
    client_of(fake).install("me", BuildDeps(("a", "b"), ("h",)), (odd,), cbuildroot="/root", log=log)
    words = fake[1].read_text().split("\n")
    assert words[:10] == ["9", "add", "--wait", "30", "--virtual", ".makedepends-me", "a", "b", "--repository", odd]
    assert words[10:12] == ["11", "add"]
    assert log.of("msg") == ["Installing for build: a b", "Installing for host: h"]


def test_install_fails(fake: tuple[str, Path], log: Log) -> None:
    with pytest.raises(DependencyError, match="status 3"):
        client_of(fake).install("me", BuildDeps(("fail",)), (), log=log)


def test_uninstall(fake: tuple[str, Path]) -> None:
    assert client_of(fake).uninstall("me", cbuildroot="/r")
    assert not client_of(fake).uninstall("fail")
    assert not ApkClient.of("/none/apk", "/none/apk").uninstall("me")


def test_missing_asks_apk_where_no_database_is_known(fake: tuple[str, Path]) -> None:
    client = client_of(fake)
    assert client.missing(("there", "missing1", "!missing2"), root="/r") == ("missing1",)
    asked = fake[1].read_text().split("\n")
    assert asked[:7] == ["6", "info", "--quiet", "-e", "--root", "/r", "there"]
    with pytest.raises(DependencyError, match="Conflicting package installed: there>1"):
        client.missing(("!there>1",))
    assert client.is_installed("there")
    assert not client.is_installed("missing")


def test_missing_reads_the_database(tmp_path: Path) -> None:
    (tmp_path / "lib/apk/db").mkdir(parents=True)
    (tmp_path / "lib/apk/db/installed").write_text("C:Q1x\nP:foo\nV:1-r0\np:so:a=1\n\n")
    client = ApkClient.of(f"apk --root {tmp_path}", "apk", {"PATH": "/none"})
    assert client.missing(("foo>2", "so:a", "bar", "!baz", "foo")) == ("foo>2", "bar")
    with pytest.raises(DependencyError, match="Conflicting package installed: foo"):
        client.missing(("!foo",))
    elsewhere = ApkClient.of("apk", "apk", {"PATH": "/none", "APK_CONFIG": "/none"})
    assert elsewhere.missing(("bar", "foo"), root=str(tmp_path)) == ("bar",)
    require(client, BuildDeps(("foo",)))
    with pytest.raises(DependencyError, match=r"Missing dependencies \(use -r to autoinstall them\): bar x y"):
        require(client, BuildDeps(("bar", "x"), ("y",)), cbuildroot=str(tmp_path))


def test_without_apk_the_way_out_is_named(tmp_path: Path, log: Log) -> None:
    client = ApkClient.of(f"/none/apk --root {tmp_path}", "/none/abuild-apk")
    for attempt in (
        lambda: client.missing(("foo",)),
        lambda: client.install("me", BuildDeps(("foo",)), (), log=log),
        lambda: ApkClient.of("", "").missing(("foo",)),
    ):
        with pytest.raises(DependencyError) as caught:
            attempt()
        assert "-d" in (caught.value.hint or "")
    assert client.missing(()) == ()


V3 = """#!/bin/sh
printf '%s\\n' "$@" >>"$RECORD"
while [ "$1" != --output ]; do shift; done
echo new >"$2"
[ ! -e fail ]
"""


def test_v3_index(fake: tuple[str, Path], tmp_path: Path) -> None:
    Path(fake[0]).write_text(V3)
    folder = tmp_path / "repo"
    folder.mkdir()
    for name in ("b-1-r0.apk", "a-1-r0.apk", ".x.apk"):
        (folder / name).write_bytes(b"")
    client = client_of(fake)
    make_v3_index(client, folder, arch="x86_64", description="a  b", private_key="/k.rsa")
    assert (folder / "Packages.adb").read_text() == "new\n"
    assert os.readlink(folder / "x86_64") == "."
    make_v3_index(client, folder, arch="x86_64", description="a  b", private_key="/k.rsa")
    words = fake[1].read_text().split("\n")
    assert words[:4] == ["mkndx", "--sign-key", "/k.rsa", "--quiet"]
    assert "./a-1-r0.apk,./b-1-r0.apk" in ",".join(words)
    assert "--index,Packages.adb" in ",".join(words)
    assert "a  b" in words
    assert "x86_64/${name}-${version}.apk" in words
    (folder / "Packages.adb").write_text("old")
    (folder / "fail").write_text("")
    with pytest.raises(RepositoryError, match="Failed to create index"):
        make_v3_index(client, folder, arch="x86_64", description="", private_key="/k.rsa")
    assert (folder / "Packages.adb").read_text() == "old"
    assert not (folder / ".Packages.adb.new").exists()
