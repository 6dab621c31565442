# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy check-changed`` as a process, on a git tree of real recipes: what is refused, and what is of no consequence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from buildkit import Done, Place

pytest_plugins = ["buildfixtures"]

RECIPE = """\
# Contributor: Somebody <some@body.example>
# Maintainer: A Tester <tester@example.invalid>
pkgname={name}
pkgver=1.2
pkgrel=3
pkgdesc="Something to change"
url="https://example.invalid/"
arch="x86_64 aarch64"
license="MIT"
depends="b a"
makedepends="one two"
checkdepends="tester"
options="!check"
subpackages="$pkgname-doc"
source="https://example.invalid/$pkgname-$pkgver.tar.gz
\tmend.patch
\t"
_flag=yes
_data=unused

# secfixes:
#   1.1-r0:
#     - CVE-2020-0001

prepare() {{
\tdefault_prepare
}}

build() {{
\t./configure --prefix=/usr --with-x=$_flag
\tmake
}}

_run_tests() {{
\tmake "$@"
}}

check() {{
\t_run_tests check
}}

package() {{
\tcat > "$pkgdir"/etc/conf <<-END
\ta=1
\tEND
\tmake DESTDIR="$pkgdir" install
}}

sha512sums="
aa  {name}-1.2.tar.gz
bb  mend.patch
"
"""

CHANGES: dict[str, tuple[str, str, str]] = {
    # name: (what is replaced, what by, the verdict and what is to blame)
    "pkgdesc": ("Something to change", "Something changed", "not-bumped pkgdesc"),
    "build": ("--prefix=/usr ", "--prefix=/usr --quick ", "not-bumped build()"),
    "newfunc": ("prepare() {", "extra() {\n\ttrue\n}\n\nprepare() {", "not-bumped extra()"),
    "nofunc": ("prepare() {\n\tdefault_prepare\n}\n", "", "not-bumped prepare()"),
    "heredoc": ("\ta=1", "\ta=2", "not-bumped package()"),
    "depends": ('depends="b a"', 'depends="b a>1"', "not-bumped depends"),
    "flags": ("_flag=yes", "_flag=no", "not-bumped _flag"),
    "sums": ("aa  sums", "ab  sums", "not-bumped sha512sums"),
    "several": ('"one two"', '"one"', "not-bumped makedepends"),
    "noarch": ('arch="x86_64 aarch64"', 'arch="noarch"', "not-bumped arch"),
    "export": ("_flag=yes", "export _flag=yes", "not-bumped commands outside functions"),
    "case": (
        "_data=unused",
        'case "$CARCH" in\nriscv64) makedepends="$makedepends x";;\nesac',
        "not-bumped commands outside functions",
    ),
    "strip": ('"!check"', '"!check !strip"', "not-bumped options"),
    "subpackages": ("$pkgname-doc", "$pkgname-doc $pkgname-dev", "not-bumped subpackages"),
    "patchname": ("mend.patch", "amend.patch", "not-bumped sha512sums source"),
    "older": ("pkgver=1.2", "pkgver=1.1", "decreased pkgver"),
    "prerelease": ("pkgver=1.2\npkgrel=3", "pkgver=1.2_rc1\npkgrel=0", "decreased pkgver"),
    "downrel": ("pkgrel=3", "pkgrel=2", "decreased pkgrel"),
    "broken": ("pkgver=1.2", "pkgver=1.2\nexit 7", "unreadable"),
    "newver": ("pkgver=1.2\npkgrel=3", "pkgver=1.10\npkgrel=0", "bumped"),
    "notreset": ("pkgver=1.2", "pkgver=1.3", "not-reset pkgrel"),
    "bumped": ('pkgrel=3\npkgdesc="Some', 'pkgrel=4\npkgdesc="Any', "bumped"),
    "comment": ("# Contributor:", "# Some words\n# Contributor:", "unaffected"),
    "secfixes": ("#     - CVE-2020-0001", "#     - CVE-2020-0001\n#     - CVE-2020-0002", "unaffected"),
    "maintainer": ("A Tester <tester", "Another Tester <another", "unaffected"),
    "layout": ("\t./configure --prefix=/usr --with", "    ./configure \\\n\t\t--prefix=/usr   --with", "unaffected"),
    "lines": ('"one two"', '"\n\ttwo\n\tone\n\t"', "unaffected"),
    "inner": ("\tmake\n}", "\t# now\n\n\tmake\n}", "unaffected"),
    "check": ("_run_tests check", "_run_tests -k check", "unaffected"),
    "helper": ('make "$@"', 'make -j1 "$@"', "unaffected"),
    "checkdepends": ('"tester"', '"tester more"', "unaffected"),
    "checks": ('"!check"', '""', "unaffected"),
    "mirror": ("https://example.invalid/$pkgname-", "https://elsewhere.invalid/$pkgname-", "unaffected"),
    "arches": ('"x86_64 aarch64"', '"x86_64 riscv64"', "unaffected"),
    "private": ("_data=unused", "_data=more", "unaffected"),
    "quotes": ('license="MIT"', "license='MIT'", "unaffected"),
}


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    command = ["git", *identity, "-c", "init.defaultBranch=master", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def write(place: Place, path: str, text: str = "") -> Path:
    folder = place.aports / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "APKBUILD").write_text(text or RECIPE.format(name=folder.name))
    (folder / "mend.patch").write_text("--- a\n+++ b\n")
    return folder


def change(place: Place, path: str, old: str, new: str) -> None:
    apkbuild = place.aports / path / "APKBUILD"
    text = apkbuild.read_text()
    assert old in text
    apkbuild.write_text(text.replace(old, new))


def commit(place: Place) -> None:
    git(place.aports, "add", "-A")
    git(place.aports, "commit", "-qm", "more")


def check(place: Place, *words: str, folder: Path | None = None, **more: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.umbrella", "check-changed", *words],
        cwd=folder or place.aports,
        env={**place.environment, "CARCH": "x86_64", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def verdicts(place: Place, *words: str, status: int) -> dict[str, dict[str, Any]]:
    done = check(place, "--format", "json", *words)
    assert (done.status, done.err) == (status, ""), str(done)
    return {each["name"]: each for each in json.loads(done.out)}


@pytest.fixture(scope="module")
def changed(make_place: Callable[..., Place]) -> dict[str, dict[str, Any]]:
    """The verdicts on all CHANGES, told by one run."""
    place = make_place()
    for name in CHANGES:
        write(place, f"main/{name}")
    write(place, "main/still")
    git(place.aports, "init", "-q")
    commit(place)
    for name, (old, new, _) in CHANGES.items():
        change(place, f"main/{name}", old, new)
    commit(place)
    return verdicts(place, "--since", "HEAD~1", status=1)


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_calls_for(changed: dict[str, dict[str, Any]], name: str) -> None:
    verdict = changed[f"main/{name}"]
    assert f"{verdict['verdict']} {' '.join(verdict['what'])}".strip() == CHANGES[name][2]


def test_only_what_changed_is_looked_at(changed: dict[str, dict[str, Any]]) -> None:
    assert set(changed) == {f"main/{name}" for name in CHANGES}
    older = changed["main/older"]
    assert (older["before"], older["after"], older["level"]) == ("1.2-r3", "1.1-r3", "error")
    assert (older["path"], older["line"]) == ("main/older/APKBUILD", 4)


@pytest.fixture
def tree(place: Place) -> Place:
    """A git tree of a few recipes, on a branch of which origin/master knows nothing more."""
    for path in ("main/foo", "main/bar", "testing/fresh"):
        write(place, path)
    (place.aports / "main/foo/README.md").write_text("words\n")
    git(place.aports, "init", "-q")
    commit(place)
    git(place.aports, "update-ref", "refs/remotes/origin/master", "HEAD")
    return place


def test_nothing_changed(tree: Place) -> None:
    assert check(tree) == Done(0, "", "")
    assert check(tree, "--format=json").out == "[]\n"


def test_one_line_for_each(tree: Place) -> None:
    change(tree, "main/foo", "one two", "one three")
    change(tree, "main/foo", "--prefix=/usr", "--prefix=/opt")
    change(tree, "main/bar", "pkgver=1.2", "pkgver=1.3")
    assert check(tree) == Done(
        1,
        "main/bar/APKBUILD:5: warning: pkgver is new (1.2 -> 1.3), and pkgrel is 3 (set it to 0: apkgrel -z main/bar)\n"
        "main/foo/APKBUILD:5: error: build(), makedepends changed, and the version is still 1.2-r3 "
        "(raise pkgrel: apkgrel -a main/foo)\n",
        "",
    )
    # What it says to type does it.
    done = tree.run(tree.aports, "-a", "main/foo", module="abuildpy.cli.apkgrel", env={"APORTSDIR": str(tree.aports)})
    assert done.status == 0
    assert check(tree, folder=tree.aports / "main/foo").status == 0


def test_files_beside_the_recipe(tree: Place) -> None:
    (tree.aports / "main/foo/README.md").write_text("other words\n")
    (tree.aports / "main/foo/unused.patch").write_text("x\n")
    assert verdicts(tree, status=0)["main/foo"]["verdict"] == "unaffected"
    (tree.aports / "main/foo/mend.patch").write_text("other\n")
    (tree.aports / "main/bar/mend.patch").unlink()
    found = verdicts(tree, status=1)
    assert found["main/foo"]["what"] == found["main/bar"]["what"] == ["mend.patch"]


def test_scripts_that_split_functions_name(tree: Place) -> None:
    change(tree, "main/foo", "\nsha512sums=", '\ndoc() {\n\tinstall="$subpkgname.post-install"\n}\n\nsha512sums=')
    for name in ("foo-doc.post-install", "foo-doc.pre-install", "foo-other.post-install"):
        (tree.aports / "main/foo" / name).write_text("#!/bin/sh\n")
    commit(tree)
    since = ("--since", git(tree.aports, "rev-parse", "HEAD").strip())
    for name in ("foo-doc.pre-install", "foo-other.post-install"):
        (tree.aports / "main/foo" / name).write_text("#!/bin/sh\ntrue\n")
    assert verdicts(tree, *since, status=0)["main/foo"]["verdict"] == "unaffected"
    (tree.aports / "main/foo/foo-doc.post-install").write_text("#!/bin/sh\ntrue\n")
    found = verdicts(tree, *since, status=1)["main/foo"]
    assert (found["verdict"], found["what"]) == ("not-bumped", ["foo-doc.post-install"])


def test_new_and_moved_recipes(tree: Place) -> None:
    write(tree, "main/new")
    (tree.aports / "community").mkdir()
    shutil.move(tree.aports / "testing/fresh", tree.aports / "community/fresh")
    (tree.aports / "testing/.keep").parent.mkdir(exist_ok=True)
    write(tree, "testing/other")  # or it were no repository any more
    change(tree, "community/fresh", "one two", "three")
    found = verdicts(tree, status=0)
    assert {name: each["verdict"] for name, each in found.items()} == {
        "main/new": "new",
        "community/fresh": "new",
        "testing/other": "new",
    }
    change(tree, "community/fresh", "pkgver=1.2", "pkgver=1.0")
    assert verdicts(tree, status=1)["community/fresh"]["verdict"] == "decreased"


def test_recipes_that_look_around(tree: Place) -> None:
    for name in ("kernel", "module"):
        write(tree, f"main/{name}")
    change(tree, "main/module", "pkgver=1.2", ". ../kernel/APKBUILD; pkgname=module")
    commit(tree)
    change(tree, "main/module", "_data=unused", "_data=used")
    assert verdicts(tree, "--since", "HEAD", status=0)["main/module"]["verdict"] == "unaffected"
    change(tree, "main/kernel", "pkgver=1.2", "pkgver=1.1")
    assert {n: v["verdict"] for n, v in verdicts(tree, "--since", "HEAD", status=1).items()} == {
        "main/kernel": "decreased",
        "main/module": "decreased",
    }


def test_recipes_that_look_into_another_repository(tree: Place) -> None:
    """Where nothing has changed."""
    write(tree, "main/kernel")
    write(tree, "community/far")
    change(tree, "community/far", "pkgver=1.2", ". ../../main/kernel/APKBUILD; pkgname=far")
    commit(tree)
    change(tree, "community/far", "_data=unused", "_data=used")
    found = verdicts(tree, "--since", "HEAD", status=0)
    assert {name: each["verdict"] for name, each in found.items()} == {"community/far": "unaffected"}


def test_what_was_broken_before(tree: Place) -> None:
    change(tree, "main/foo", "pkgver=1.2", "pkgver=1.2\nexit 3")
    commit(tree)
    change(tree, "main/foo", "exit 3\n", "")
    assert verdicts(tree, "--since", "HEAD", status=0)["main/foo"]["verdict"] == "unknown"


def test_what_ci_says(tree: Place) -> None:
    git(tree.aports, "update-ref", "refs/remotes/origin/stable", "HEAD")
    change(tree, "main/foo", "one two", "three")
    commit(tree)
    git(tree.aports, "update-ref", "refs/remotes/origin/master", "HEAD")
    assert check(tree).status == 0
    assert check(tree, GITHUB_BASE_REF="stable").status == 1
    assert check(tree, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="stable").status == 1
    assert check(tree, CI_MERGE_REQUEST_DIFF_BASE_SHA=git(tree.aports, "rev-parse", "HEAD~1").strip()).status == 1


def test_only_the_paths(tree: Place) -> None:
    change(tree, "main/foo", "one two", "three")
    write(tree, "main/new")
    (tree.aports / "main/bar/APKBUILD").unlink()
    assert check(tree, "--paths") == Done(0, "main/foo/APKBUILD\nmain/new/APKBUILD\n", "")
    assert check(tree, "--paths", folder=tree.aports / "main/foo").out == "APKBUILD\n../new/APKBUILD\n"


def test_for_ci(tree: Place) -> None:
    change(tree, "main/foo", "one two", "three")
    change(tree, "main/bar", "pkgver=1.2", "pkgver=1.3")
    lines = check(tree, "--format=github").out.splitlines()
    assert lines[0].startswith("::warning file=main/bar/APKBUILD,line=5,")
    assert lines[1].startswith("::error file=main/foo/APKBUILD,line=5,")
    assert "makedepends changed, and the version is still 1.2-r3" in lines[1]
    report = json.loads(check(tree, "--format=gitlab").out)
    assert [(each["severity"], each["location"]["path"]) for each in report] == [
        ("minor", "main/bar/APKBUILD"),
        ("critical", "main/foo/APKBUILD"),
    ]
    assert report[1]["check_name"] == "check-changed/not-bumped"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--since", "nowhere"), "git knows no revision 'nowhere'"),
        (("--format", "xml"), "--format takes one of text, json, github, gitlab, not 'xml'"),
        (("main",), "usage: abuildpy check-changed"),
        (("--bogus",), "usage: abuildpy check-changed"),
    ],
)
def test_wrong_command_lines(tree: Place, words: tuple[str, ...], complaint: str) -> None:
    done = check(tree, *words)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err


def test_no_tree_and_no_git(place: Place) -> None:
    done = check(place)
    assert (done.status, done.out) == (2, "")
    assert "there is no tree of aports around this folder" in done.err
    write(place, "main/foo")
    done = check(place, "--since", "HEAD")
    assert done.status == 2
    assert "git knows nothing of it" in done.err
    git(place.aports, "init", "-q")
    commit(place)
    done = check(place)
    assert done.status == 2
    assert "--since REV" in done.err
    done = check(place, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert done.status == 2
    assert "--since REV" not in done.err
    assert "git config --global --add safe.directory" in done.err
