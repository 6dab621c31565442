# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy batch --plan`` as a process, on a small tree of real recipes: orders, reasons, selections, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from buildkit import Done, Place

from abuildpy.repository.index import IndexEntry, compress_index, format_index

pytest_plugins = ["buildfixtures"]

RECIPES = {
    "main/stone": "subpackages='stone-dev'\nmakedepends='chisel~1'\n",
    "main/tools": "pkgname=hand-tools\nprovides='cmd:chisel=1 chisel=1.5'\n",
    "main/brook": """
depends_dev="stone-dev>=1"
makedepends="$depends_dev cmd:chisel"
checkdepends="mill"
options="!check"
subpackages="$pkgname-dev $pkgname-doc:docs:noarch"
""",
    "main/mill": "makedepends='brook-dev wheel'\n",
    "main/wheel": "checkdepends='mill'\n",
    "main/spoke": "makedepends='wheel'\n",
    "main/far": "arch='s390x'\n",
    "community/hut": 'for word in brook stone; do makedepends="$makedepends $word-dev"; done\n',
    "community/ruin": "exit 3\n",
}
HEAD = "pkgname={name}\npkgver=1\npkgrel=0\narch=all\nurl=https://example.invalid/\nlicense=MIT\n"


def write(place: Place, path: str, text: str) -> None:
    folder = place.aports / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "APKBUILD").write_text(f"# Maintainer: Jo Doe <jo@site.example>\n{HEAD.format(name=folder.name)}{text}")


def make_tree(place: Place) -> Place:
    for path, text in RECIPES.items():
        write(place, path, text)
    (place.aports / "main/.rootbld-repositories").write_text("$mirror/$version/main\n")
    (place.aports / "community/.rootbld-repositories").write_text("$mirror/$version/main\n$mirror/$version/community\n")
    return place


@pytest.fixture(scope="module")
def tree(make_place: Callable[..., Place]) -> Place:
    """A place with the recipes above; nobody changes it."""
    return make_tree(make_place())


@pytest.fixture
def own_tree(place: Place) -> Place:
    return make_tree(place)


def batch(place: Place, *words: str, folder: Path | None = None, **more: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.umbrella", "batch", *words],
        cwd=folder or place.aports,
        env={
            **place.environment,
            "CARCH": "x86_64",
            "CBUILD": "x86_64-alpine-linux-musl",
            "CHOST": "x86_64-alpine-linux-musl",
            "APK": f"apk --root {place.base}/root",  # and not what this machine is configured for
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def planned(place: Place, *words: str, status: int = 0, **more: Any) -> dict[str, Any]:
    done = batch(place, "--plan", "--json", *words, **more)
    assert (done.status, done.err) == (status, "")
    document: dict[str, Any] = json.loads(done.out)
    return document


def names(document: dict[str, Any]) -> list[str]:
    return [task["name"] for task in document["tasks"]]


def settled(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["reason"] or " ".join(each["blocked_by"]) for each in document["settled"]}


def put_index(place: Place, repository: str, *entries: IndexEntry) -> None:
    folder = place.repodest / repository / "x86_64"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "APKINDEX.tar.gz").write_bytes(compress_index(format_index(entries, "test", 0)))


def package(name: str, version: str = "1-r0", *depends: str) -> IndexEntry:
    return IndexEntry(f"Q1{name}", name, version, "x86_64", origin=name.partition("-")[0], depends=depends)


def test_the_whole_tree(tree: Place) -> None:
    document = planned(tree, ".")
    assert names(document) == ["main/tools", "main/stone", "main/brook", "community/hut"]
    assert settled(document) == {
        "main/far": "arch",
        "main/mill": "cycle",
        "main/wheel": "cycle",
        "main/spoke": "main/wheel",
        "community/ruin": "evaluate",
    }
    (cycle,) = document["cycles"]
    assert cycle["paths"] == [["main/mill", "main/wheel", "main/mill"]]
    assert [need["wanted"] for need in document["tasks"][2]["needs"]] == ["stone-dev>=1", "cmd:chisel"]


def test_the_same_for_people(tree: Place) -> None:
    done = batch(tree, "--plan", "main", "community/hut")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:7] == [
        "4 to build for x86_64",
        "1 main/tools 1-r0  named: main",
        "2 main/stone 1-r0  named: main",
        "    after main/tools: makedepends chisel~1 -> hand-tools",
        "3 main/brook 1-r0  named: main",
        "    after main/stone: makedepends stone-dev>=1 -> stone-dev",
        "    after main/tools: makedepends cmd:chisel -> hand-tools",
    ]
    assert "main/far 1-r0: skipped, arch (it is for s390x, not for x86_64)" in lines
    assert "main/spoke 1-r0: blocked by main/wheel" in lines
    assert "main/mill -> main/wheel -> main/mill" in lines


def test_one_recipe_by_whatever_name(tree: Place) -> None:
    for word in ("brook", "main/brook", "main/brook/APKBUILD", "brook-doc"):
        document = planned(tree, word)
        assert names(document) == ["main/brook"]
        assert document["tasks"][0]["missing"] == ["stone-dev>=1", "cmd:chisel"]
        assert document["tasks"][0]["why"] == [{"kind": "target", "detail": word}]
    assert names(planned(tree, ".", folder=tree.aports / "main/brook")) == ["main/brook"]


def test_what_apk_could_not_install_is_built_too(own_tree: Place) -> None:
    configured = own_tree.base / "root/etc/apk/repositories"
    configured.parent.mkdir(parents=True)
    configured.write_text(f"{own_tree.repodest}/main\n")
    put_index(own_tree, "main", package("hand-tools", "1.5-r0"))
    document = planned(own_tree, "brook")
    assert names(document) == ["main/tools", "main/stone", "main/brook"]
    assert document["tasks"][1]["why"] == [{"kind": "needed", "detail": "main/brook: stone-dev>=1"}]
    assert names(planned(own_tree, "--no-deps-install", "brook")) == ["main/brook"]
    write(own_tree, "main/lost", "makedepends='nothing-at-all'\n")
    assert settled(planned(own_tree, "lost", status=3)) == {"main/lost": "dependencies"}


def test_what_is_there_breaks_the_cycle(own_tree: Place) -> None:
    put_index(own_tree, "main", package("wheel", "0.1-r0"))
    document = planned(own_tree, "main")
    assert names(document)[-3:] == ["main/mill", "main/wheel", "main/spoke"]
    assert document["cycles"][0]["broken"][0]["wanted"] == "wheel"
    other = own_tree.repodest.rename(own_tree.base / "elsewhere")
    own_tree.repodest.mkdir()
    assert "main/wheel" in settled(planned(own_tree, "main"))
    assert "main/wheel" in names(planned(own_tree, "main", "-P", str(other)))


def test_selections(own_tree: Place) -> None:
    put_index(
        own_tree,
        "main",
        package("brook", "0.9-r0"),
        package("stone", "1-r0", "so:libx.so.1"),
        package("stone-dev", "1-r0"),
    )
    assert names(planned(own_tree, "--status", "outdated")) == ["main/brook"]
    assert names(planned(own_tree, "--status=outdated,unbuilt", "main")) == ["main/tools", "main/brook"]
    assert names(planned(own_tree, "--rebuild-of", "so:libx.so.1")) == ["main/stone"]
    several = planned(
        own_tree, "--rebuild-of", "so:libx.so.1", "--rebuild-of", "pc:none", "--status", "outdated", "main"
    )
    assert names(several) == ["main/stone", "main/brook"]
    assert names(planned(own_tree, "--status", "failed")) == []
    assert names(planned(own_tree, "--rebuild-of", "so:libx.so.1", "brook")) == []


def test_rebuilding_without_any_index(tree: Place) -> None:
    done = batch(tree, "--plan", "--rebuild-of", "so:libx.so.1")
    assert (done.status, done.out) == (3, "")
    assert "no index on this machine" in done.err


def test_what_changed(own_tree: Place) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *words], cwd=own_tree.aports, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "start")
    assert batch(own_tree, "--plan", "--changed-since", "HEAD").out.splitlines()[0] == "0 to build for x86_64"
    write(own_tree, "main/stone", "pkgrel=1\nsubpackages='stone-dev'\n")
    write(own_tree, "community/fresh", "makedepends=stone-dev\n")
    document = planned(own_tree, "--changed-since", "HEAD")
    assert names(document) == ["main/stone", "community/fresh"]
    assert document["tasks"][0]["why"] == [{"kind": "changed", "detail": "HEAD"}]
    done = batch(own_tree, "--plan", "--changed-since", "nowhere")
    assert (done.status, done.out) == (2, "")
    assert "git knows no revision 'nowhere'" in done.err


def test_nothing_that_could_be_planned(tree: Place) -> None:
    planned(tree, "community/ruin", status=3)
    planned(tree, "main/mill", "main/wheel", status=3)
    planned(tree, "main/far", status=0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "usage: abuildpy batch"),
        (("--plan",), "usage: abuildpy batch"),
        (("--bogus", "main"), "usage: abuildpy batch"),
        (("--plan", "none", "main", "more"), "no recipe, package, repository or folder of recipes: none more"),
        (("--plan", "--status", "new", "main"), "--status takes one of failed, outdated, unbuilt, not 'new'"),
        (("--plan", "--priority", "none=3", "main"), "--priority none: no recipe of that name is in this batch"),
        (("--json", "main"), "--json goes with --plan"),
    ],
)
def test_wrong_command_lines(tree: Place, words: tuple[str, ...], complaint: str) -> None:
    done = batch(tree, *words)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err


def test_help(tree: Place) -> None:
    done = batch(tree, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("usage: abuildpy batch")


def test_priorities_and_exclusive_recipes(tree: Place) -> None:
    document = planned(tree, "--priority", "stone=3", "--exclusive", "brook", "--exclusive", "main/tools", "main")
    assert [(t["name"], t["priority"], t["exclusive"]) for t in document["tasks"]] == [
        ("main/tools", 3, True),
        ("main/stone", 3, False),
        ("main/brook", 0, True),
    ]


def test_outside_of_a_tree(tree: Place) -> None:
    done = batch(tree, "--plan", "--status", "unbuilt", folder=tree.home, APORTSDIR="")
    assert done.status == 2
    assert "there is no tree of aports around this folder" in done.err
    assert names(planned(tree, "stone", folder=tree.home, APORTSDIR=str(tree.aports))) == ["main/stone"]
