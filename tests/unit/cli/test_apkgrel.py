# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from aports_tree import RECIPE, Aports
from programs import Run

from abuildpy.cli import apkgrel

PROGRAM = apkgrel


@pytest.fixture
def aports(empty_aports: Aports) -> Aports:
    empty_aports.add("main/foo")
    empty_aports.add("main/bar", RECIPE.format(name="bar").replace("=3", "=9"))
    return empty_aports


def releases(aports: Aports) -> tuple[str, str]:
    foo, bar = ((aports.top / f"main/{name}/APKBUILD").read_text() for name in ("foo", "bar"))
    # All else is as it was, the comment behind the number too.
    return (
        foo.removeprefix("pkgname=foo\npkgver=1.0 # keep this\npkgrel=").removesuffix(
            "\t# and this\npackage() {\n\t:\n}\n"
        ),
        bar.removeprefix("pkgname=bar\npkgver=1.0 # keep this\npkgrel=").removesuffix(
            "\t# and this\npackage() {\n\t:\n}\n"
        ),
    )


def test_help_and_usage(run: Run) -> None:
    status, out, err = run("-h")
    assert (status, "usage: apkgrel" in out, err) == (0, True, "")
    for arguments in ((), ("-a",), ("-Z", "foo"), ("foo", "--se")):
        status, out, err = run(*arguments)
        assert (status, out, "usage: apkgrel" in err) == (2, "", True)


def test_showing(aports: Aports, run: Run) -> None:
    aports.add("testing/foo", RECIPE.format(name="foo").replace("=3", "=0"))
    aports.add("testing/calc", "pkgname=calc\npkgver=1\npkgrel=4\n: $((pkgrel += 1))\n")
    status, out, _ = run("foo", "bar", "testing/foo", "main/bar/APKBUILD", "./main/foo/", "calc", "-q")
    assert (status, out) == (0, "3\n9\n0\n9\n3\n5\n")


def test_where_it_looks(aports: Aports, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("main/foo")
    assert run("bar", ".", "APKBUILD")[:2] == (0, "9\n3\n3\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    status, out, err = run("aports/main/foo", "foo")
    assert (status, out, ">>> ERROR: can't find APKBUILD for foo\n" in err) == (1, "", True)
    assert run("aports/main/foo")[:2] == (0, "3\n")
    monkeypatch.setenv("APORTSDIR", str(aports.top))
    assert run("foo")[:2] == (0, "3\n")
    status, _, err = run("-z", "foo", "programs")
    assert (status, "can't find APKBUILD for programs" in err) == (1, True)
    assert releases(aports) == ("3", "9")


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        (["-z", "foo"], ("0", "9")),
        (["foo", "--add", "bar"], ("4", "10")),
        (["-s", "42", "foo", "bar"], ("42", "42")),
        (["--se=7", "bar"], ("3", "7")),
        (["-s", "", "bar"], ("3", "0")),
        (["-s5", "-a", "foo"], ("4", "9")),
        (["-a", "-s5", "foo"], ("5", "9")),
        (["-a", "-t", "foo"], ("3", "9")),
        (["-t", "-z", "foo"], ("0", "9")),
        (["-g", "foo"], ("4", "9")),
        (["-g", "-z", "foo"], ("0", "9")),
        (["-aqf", "foo", "foo"], ("5", "9")),
    ],
)
def test_changing(aports: Aports, run: Run, arguments: list[str], after: tuple[str, str]) -> None:
    status, out, _ = run(*arguments)
    assert (status, out) == (0, "")
    assert releases(aports) == after


def test_only_numbers_are_set(aports: Aports, run: Run) -> None:
    for text in ("x", "-1", "1.5", "1;touch x", "²"):
        status, _, err = run("-s", text, "foo")
        assert (status, "cannot be a pkgrel" in err) == (1, True)
    assert releases(aports) == ("3", "9")


@pytest.mark.parametrize("odd", ["3_1", "0x10", "3+1", "3\r"])
def test_what_only_begins_with_a_number_is_not_lowered(aports: Aports, run: Run, odd: str) -> None:
    apkbuild = aports.add("main/odd", f"pkgname=odd\npkgver=1\npkgrel={odd}\n")
    before = apkbuild.read_bytes()
    status, out, err = run("-a", "odd", "foo")
    assert (status, out, f"nothing can be added to pkgrel {odd!r}" in err) == (1, "", True)
    assert apkbuild.read_bytes() == before
    assert releases(aports) == ("4", "9")


def test_all_are_checked_before_one_is_changed(aports: Aports, run: Run) -> None:
    for text in ("pkgrel=$((1+1))\n", "pkgname=x\n", " pkgrel=1\n", "pkgrel=\n", "x='\npkgrel=1\n'\n"):
        apkbuild = aports.add("main/odd", text)
        aports.add("main/odd2", "\n")
        status, out, err = run("-a", "foo", "odd", "odd2", "bar")
        assert (status, out) == (1, "")
        assert f">>> ERROR: no proper $pkgrel for {apkbuild}\n" in err
        assert "main/odd2/APKBUILD" in err
        assert releases(aports) == ("3", "9")
        assert run("-t", "odd")[0] == 1
        aports.git("rm", "-rqf", "main/odd", "main/odd2")
    assert run("-t", "foo", "bar") == (0, "", "")


def test_force(aports: Aports, run: Run) -> None:
    calc = aports.add("main/calc", "pkgname=calc\npkgver=1\npkgrel=$((1 + 1)) # sum\n")
    word = aports.add("main/word", "pkgname=word\npkgver=1\npkgrel='x'\n")
    none = aports.add("main/none", "pkgname=none\npkgver=1\n")
    assert run("-f", "calc", "none", "foo")[:2] == (0, "2\n\n3\n")
    status, _, err = run("-fa", "calc", "word", "none", "foo")
    assert status == 0
    assert f">>> WARNING: {none} has no line pkgrel=, nothing was changed\n" in err
    assert calc.read_text() == "pkgname=calc\npkgver=1\npkgrel=3 # sum\n"
    assert word.read_text() == "pkgname=word\npkgver=1\npkgrel='0'\n"
    assert releases(aports) == ("4", "9")


def test_one_that_cannot_be_read_does_not_stop_the_others(aports: Aports, run: Run) -> None:
    broken = aports.add("main/broken", "pkgname=broken\npkgrel=5\nfalse\n")
    status, _, err = run("-a", "broken", "foo")
    assert (status, f"{broken}:3" in err) == (1, True)
    assert releases(aports) == ("4", "9")
    assert "pkgrel=5" in broken.read_text()
    assert run("broken", "foo")[:2] == (1, "4\n")


def test_clean_git_leaves_alone_what_is_being_worked_on(aports: Aports, run: Run) -> None:
    patch = aports.top / "main/foo/fix.patch"
    patch.touch()
    aports.git("add", ".")
    assert run("-g", "foo", "bar")[0] == 0  # staged changes and files unknown to git do not count
    assert releases(aports) == ("4", "10")
    aports.git("commit", "-qam", "x")
    patch.write_text("changed")
    assert run("-g", "foo", "bar")[0] == 0
    assert releases(aports) == ("4", "11")


def test_clean_git_needs_git(aports: Aports, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "APKBUILD").write_text("pkgrel=1\n")
    status, _, err = run("-g", str(loose))
    assert (status, "git cannot tell" in err) == (1, True)
    monkeypatch.chdir(tmp_path)
    status, _, err = run("-g", "aports/main/foo")
    assert (status, ">>> ERROR: not in a git tree\n" in err) == (1, True)
    assert releases(aports) == ("3", "9")
    assert (loose / "APKBUILD").read_text() == "pkgrel=1\n"
