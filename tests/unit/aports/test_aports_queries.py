# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that ``ap`` answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from aportkit import aport, database, wanting

from abuildpy.aports.queries import (
    Builds,
    SourceUse,
    all_dependencies,
    all_dependents,
    all_packages,
    apk_files,
    dependency_circles,
    described,
    direct_dependents,
    folders_in_order,
    lacking,
    remote_sources,
    unwanted,
)


def fail(name: str) -> None:
    raise AssertionError(name)


def test_packages_are_sorted_and_as_many_as_are_made() -> None:
    known = database(aport("b", subpackages="b-dev"), aport("a", subpackages="b-dev"))
    assert list(all_packages(known)) == ["a", "b", "b-dev", "b-dev"]


def test_files_are_those_of_the_architecture() -> None:
    known = database(
        aport("b", subpackages="b-doc", pkgver="2", pkgrel="1"), aport("a", arch="noarch"), aport("c", arch="s390x")
    )
    assert list(apk_files(known, "x86_64")) == ["a-1.0-r0.apk", "b-2-r1.apk", "b-doc-2-r1.apk"]


def test_dependents_come_once_for_each_time() -> None:
    known = database(aport("a", depends="c b", makedepends="b>1"), aport("b"), aport("c", depends="b"))
    assert list(direct_dependents(known, ["b", "none", "c"])) == ["a", "a", "c", "a"]


def test_each_name_is_answered_by_itself() -> None:
    known = wanting(a="c", b="c", c="")
    assert list(all_dependencies(known, ["a", "b"])) == ["c", "a", "c", "b"]
    assert list(all_dependents(known, ["c", "a"])) == ["a", "b", "c", "a"]


def test_unknown_names_are_warned_of() -> None:
    warned: list[str] = []
    known = database(aport("a", depends="b", provides="virtual", source="http://a/1"), aport("b"))
    assert list(folders_in_order(known, ["a", "x", "virtual", "b"], warned.append)) == [
        "/aports/main/b",
        "/aports/main/a",
    ]
    assert list(dependency_circles(known, ["y"], warned.append)) == []
    assert list(remote_sources(known, ["z"], warned.append)) == []
    assert warned == ["x", "virtual", "y", "z"]


def test_remote_sources_and_their_versions() -> None:
    one = aport(
        "one",
        subpackages="one-dev",
        pkgver="1.2",
        source="https://x/1.2/one-1.2.tgz ftp://x/102 http://x/a one.patch y-1.2.gz::git+ssh://y git://z/1.2 dir/file",
    )
    assert list(remote_sources(database(one), ["one-dev"], fail)) == [
        SourceUse("one", "1.2", "https://x/1.2/one-1.2.tgz", "https://x/$VERSION/one-$VERSION.tgz", 2),
        SourceUse("one", "1.2", "ftp://x/102", "ftp://x/$VERSION", 1),
        SourceUse("one", "1.2", "http://x/a", "http://x/a", 0),
        SourceUse("one", "1.2", "y-1.2.gz::git+ssh://y", "y-$VERSION.gz::git+ssh://y", 1),
    ]


def test_version_that_a_pattern_would_mean_more_by() -> None:
    one = aport("one", pkgver="1+b", source="http://x/1+b http://x/11b")
    assert [use.replaced for use in remote_sources(database(one), ["one"], fail)] == [1, 0]


def test_unwanted_are_aports_whose_own_name_nothing_wants() -> None:
    known = database(aport("a", depends="b c-dev"), aport("b"), aport("c", subpackages="c-dev"))
    assert list(unwanted(known)) == ["a", "c"]


def test_circles_with_names_and_folders() -> None:
    known = database(aport("x", "/m/one", depends="y"), aport("y", "/m/two", depends="x"), aport("z", depends="x"))
    for names in ([], ["z"]):
        (found,) = dependency_circles(known, names, fail)
        assert (found.path, found.folders) == (["x", "y", "x"], ["/m/one", "/m/two"])


def test_circles_of_roots_only() -> None:
    known = wanting(a="b", b="a", c="d", d="c", e="c")
    assert [circle.path for circle in dependency_circles(known, ["e"], fail)] == [["c", "d", "c"]]


@pytest.mark.parametrize("kind", ["pkgdest", "repodest", "beside"])
def test_what_is_not_built_in_order(tmp_path: Path, kind: str) -> None:
    known = database(
        aport("app", f"{tmp_path}/main/app", depends="lib done part"),
        aport("done", f"{tmp_path}/main/done", subpackages="done-doc"),
        aport("lib", f"{tmp_path}/main/lib"),
        aport("other", f"{tmp_path}/main/other", arch="s390x"),
        aport("part", f"{tmp_path}/main/part", subpackages="part-doc"),
    )
    builds = Builds(
        "x86_64",
        str(tmp_path / "all") if kind == "pkgdest" else "",
        "" if kind == "beside" else str(tmp_path / "packages"),
    )
    folder = {"pkgdest": "all", "repodest": "packages/main/x86_64", "beside": "main/{}"}[kind]
    for name, package in (("done", "done"), ("done", "done-doc"), ("part", "part"), ("lib", "lib-0")):
        file = tmp_path / folder.format(name) / f"{package}-1.0-r0.apk"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert [Path(each).name for each in lacking(known, builds, fail)] == ["lib", "part", "app"]


def test_descriptions(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "APKBUILD").write_text("# Contributor: X\n #  Maintainer:\tJo <jo@site.example> \n# Maintainer: Y\n")
    one = aport(
        *("one", str(folder)),
        pkgdesc="One  thing",
        url="https://x",
        license="MIT",
        arch="all !s390x all",
        depends="a>1",
        makedepends="b",
        makedepends_host="c",
        makedepends_build="d",
        checkdepends="e",
        options="!check",
        subpackages="one-doc:doc",
        source="one.patch",
        pkgrel="12",
    )
    assert described(database(one)) == {
        "one": {
            **{"pkgname": "one", "pkgver": "1.0", "pkgrel": 12, "pkgdesc": "One thing", "url": "https://x"},
            **{"license": "MIT", "arch": ["all", "!s390x"], "depends": ["a"], "makedepends": ["b", "c", "d"]},
            **{"checkdepends": ["e"], "subpackages": ["one-doc"], "source": ["one.patch"]},
            "maintainer": "Jo <jo@site.example> ",
        }
    }


def test_descriptions_leave_out_what_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "APKBUILD").write_text("# Somebody: Jo\n")
    (described_one,) = described(database(aport("one", str(tmp_path), pkgrel="x"))).values()
    assert not {"maintainer", "pkgrel"} & described_one.keys()
    assert "maintainer" not in described(database(aport("one", f"{tmp_path}/none")))["one"]


def test_of_aports_with_one_name_the_last_is_described() -> None:
    known = database(aport("one", pkgver="1"), aport("one", "/aports/testing/one", pkgver="2"))
    assert described(known)["one"]["pkgver"] == "2"
