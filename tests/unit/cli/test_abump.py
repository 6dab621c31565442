# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from aports_tree import RECIPE, Aports
from programs import Run

from abuildpy.cli import abump
from abuildpy.config import PACKAGE_DIR

PROGRAM = abump


@pytest.fixture
def aports(empty_aports: Aports) -> Aports:
    empty_aports.add("main/foo")
    empty_aports.add("main/bar")
    return empty_aports


def test_help_and_usage(run: Run) -> None:
    status, out, err = run("--hel")
    assert status == 0
    assert "Usage: abump" in out
    assert err == ""
    for arguments in ((), ("-@",), ("--nonsense", "foo-1"), ("-s",), ("foo-1.1", "-Z")):
        status, out, err = run(*arguments)
        assert status == 2
        assert out == ""
        assert "Usage: abump" in err


def test_a_bump(aports: Aports, run: Run) -> None:
    status, out, err = run("foo-1.1")
    assert status == 0
    assert ">>> main/foo: upgrade to 1.1\n" in err
    assert "main/foo: upgrade to 1.1" in out  # git's word on the commit
    assert aports.called() == ["abuild(-r checksum all) foo 0 leak=", "checkapk() foo 0 leak="]
    old = RECIPE.format(name="foo")
    new = old.replace("1.0 #", "1.1 #").replace("=3\t", "=0\t")
    assert new != old
    assert (aports.top / "main/foo/APKBUILD").read_text() == new
    assert aports.subjects() == ["main/foo: upgrade to 1.1"]
    assert aports.git("log", "-1", "--format=%b") == ""
    assert aports.git("show", "--name-only", "--format=", "HEAD") == "main/foo/APKBUILD"
    assert aports.git("status", "--short") == ""


def test_the_message_has_all_that_was_said(aports: Aports, run: Run) -> None:
    status, _, err = run("foo-1.1", "-s", "CVE-1,CVE-2", "--mess", "because", "-f#12")
    assert status == 0
    assert ">>> main/foo: security upgrade to 1.1 (CVE-1,CVE-2)\n\nbecause\n\nfixes #12\n" in err
    assert aports.git("log", "-1", "--format=%B") == (
        "main/foo: security upgrade to 1.1 (CVE-1,CVE-2)\n\nbecause\n\nfixes #12"
    )


def test_several_are_bumped_in_order_and_quietly(aports: Aports, run: Run) -> None:
    status, _, err = run("-q", "foo-1.1", "bar-2")
    assert (status, ">>> main/" in err) == (0, False)
    assert aports.subjects() == ["main/bar: upgrade to 2", "main/foo: upgrade to 1.1"]


def test_a_section_says_which_one(aports: Aports, run: Run) -> None:
    aports.add("testing/foo")
    assert run("testing/foo-1.1")[0] == 0
    assert aports.subjects() == ["testing/foo: upgrade to 1.1"]
    assert "pkgver=1.0" in (aports.top / "main/foo/APKBUILD").read_text()


def test_it_works_from_any_folder_of_the_tree(aports: Aports, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("main/bar")
    assert run("foo-1.1")[0] == 0
    monkeypatch.setenv("APORTSDIR", str(aports.top))
    assert run("foo-1.2")[0] == 0
    assert aports.subjects() == ["main/foo: upgrade to 1.2", "main/foo: upgrade to 1.1"]


def test_outside_git_nothing_is_done(aports: Aports, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    status, _, err = run("foo-1.1")
    assert (status, ">>> ERROR: can't locate $APORTSDIR\n" in err) == (1, True)
    monkeypatch.setenv("APORTSDIR", str(aports.top))
    status, _, err = run("foo-1.1")
    assert (status, ">>> ERROR: not in a git tree\n" in err) == (1, True)
    assert aports.called() == []


@pytest.mark.parametrize(
    ("options", "abuild_opts", "called"),
    [
        (["-k"], None, "-r -k checksum all"),
        (["-r"], None, "-r checksum rootbld"),
        (["-kr"], "", "-k checksum rootbld"),
        ([], "", "checksum all"),
        ([], " -d  -q ", "-d -q checksum all"),
    ],
)
def test_how_abuild_is_called(
    aports: Aports,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    abuild_opts: str | None,
    called: str,
) -> None:
    if abuild_opts is not None:
        monkeypatch.setenv("ABUILD_OPTS", abuild_opts)
    assert run(*options, "foo-1.1")[0] == 0
    assert aports.called()[0].startswith(f"abuild({called}) foo")


def test_another_abuild(aports: Aports, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "programs/abuild").rename(tmp_path / "programs/mine")
    monkeypatch.setenv("ABUILD", "mine -x")
    assert run("foo-1.1")[0] == 0
    assert aports.called()[0].startswith("abuild(-x -r checksum all)")
    monkeypatch.setenv("ABUILD", "nosuch-abuild")
    status, _, err = run("foo-1.2")
    assert (status, "cannot run 'nosuch-abuild'" in err) == (1, True)


def test_the_version_it_has(aports: Aports, run: Run) -> None:
    status, out, err = run("foo-1.0")
    assert (status, out) == (1, "")
    assert ">>> ERROR: version is already 1.0\n>>> ERROR: Failed to build foo-1.0\n" in err
    apkbuild = aports.top / "main/foo/APKBUILD"
    os.utime(apkbuild, (1, 1))  # a new time alone is no change
    assert run("foo-1.0")[0] == 1
    assert aports.called() == []


def test_a_version_edited_by_hand_is_completed(aports: Aports, run: Run) -> None:
    apkbuild = aports.top / "main/foo/APKBUILD"
    apkbuild.write_text(apkbuild.read_text().replace("1.0", "1.2"))
    assert run("foo-1.2")[0] == 0
    assert aports.subjects() == ["main/foo: upgrade to 1.2"]
    assert "pkgrel=0\t" in apkbuild.read_text()


@pytest.mark.parametrize("failing", ["abuild", "checkapk"])
def test_the_first_failure_ends_it(aports: Aports, run: Run, failing: str) -> None:
    (aports.top / f"main/bar/fail-{failing}").touch()
    status, _, err = run("foo-1.1", "bar-1.1", "foo-1.2", "main/bar-3")
    assert status == 7
    assert err.endswith(">>> ERROR: Failed to build bar-1.1\n>>> ERROR: Not bumped: foo-1.2 main/bar-3\n")
    assert aports.subjects() == ["main/foo: upgrade to 1.1"]
    assert "pkgver=1.1" in (aports.top / "main/bar/APKBUILD").read_text()


def test_what_cannot_be_bumped(aports: Aports, run: Run) -> None:
    aports.add("main/other", RECIPE.format(name="different"))
    aports.add("main/empty", "pkgname=empty\npkgver=1.0\npkgrel=0\n")
    aports.add("main/broken", "pkgname=broken\npkgver=1.0\npkgrel=0\nexit 0\n")
    aports.add("main/norel", "pkgname=norel\npkgver=1.0\n: ${pkgrel:=3}\npackage() { :; }\n")
    before = aports.git("rev-parse", "HEAD")
    for given, complaint in [
        ("nosuch-1.0", "can't find APKBUILD for nosuch"),
        ("nosuch/foo-1.1", "'nosuch/foo-1.1' should be of form 'foo-1.2.3' or 'main/foo-1.2.3'"),
        ("other-1.1", "APKBUILD has different $pkgname for other"),
        ("empty-1.1", "missing package() for empty"),
        ("broken-1.1", "the recipe ends the shell"),
        ("norel-1.1", "pkgrel is not set at the start of a line"),
    ]:
        status, out, err = run(given)
        assert (status, out) == (1, "")
        assert complaint in err
        assert f">>> ERROR: Failed to build {given}\n" in err
    assert aports.called() == []
    assert aports.git("rev-parse", "HEAD") == before
    assert aports.git("status", "--short") == ""


def test_a_slip_is_found_before_anything_is_done(aports: Aports, run: Run) -> None:
    for slip, complaint in [("bar", "version missing for bar"), ("bar-1.1-r0", "cannot be a pkgver")]:
        status, _, err = run("-b", "foo-1.1", slip)
        assert (status, complaint in err) == (1, True)
    assert aports.called() == []
    assert aports.git("branch", "--show-current") == "master"


def test_a_computed_version_becomes_plain_with_a_warning(aports: Aports, run: Run) -> None:
    apkbuild = aports.add("main/calc", "pkgname=calc\n_v=1-0\npkgver=${_v/-/.}\npkgrel=0\npackage() { :; }\n")
    status, _, err = run("calc-1.1")
    assert status == 0
    assert ">>> WARNING: pkgver was ${_v/-/.} and is now plain 1.1\n" in err
    assert "\npkgver=1.1\n" in apkbuild.read_text()


def test_a_version_that_an_edit_does_not_change(aports: Aports, run: Run) -> None:
    aports.add("main/odd", "pkgname=odd\npkgver=1.0\npkgrel=0\nif :; then\n\tpkgver=2.0\nfi\npackage() { :; }\n")
    status, _, err = run("odd-3.0")
    assert (status, "pkgver was set to 3.0, but the recipe still makes it '2.0'" in err) == (1, True)
    assert aports.called() == []


def test_exports_of_the_recipe_reach_nobody(aports: Aports, run: Run) -> None:
    aports.add("main/leaky", "export LEAK=yes\n" + RECIPE.format(name="leaky"))
    assert run("leaky-1.1")[0] == 0
    assert aports.called() == ["abuild(-r checksum all) leaky 0 leak=", "checkapk() leaky 0 leak="]


@pytest.mark.needs_bwrap
def test_reading_a_recipe_can_change_nothing(aports: Aports, run: Run, tmp_path: Path) -> None:
    canary = tmp_path / "home" / "canary"
    aports.add("main/bad", f"echo x > {canary} || :\ntouch here || :\n" + RECIPE.format(name="bad"))
    run("bad-1.1")
    assert not canary.exists()
    assert not (aports.top / "main/bad/here").exists()


def test_a_branch(aports: Aports, run: Run) -> None:
    (aports.top / "main/foo/fail-abuild").touch()
    assert run("-b", "foo-1.1", "bar-1.1")[0] == 7
    assert aports.git("branch", "--show-current") == "bump-foo-1.1"
    (aports.top / "main/foo/fail-abuild").unlink()
    assert run("--branch", "foo-1.1", "bar-1.1")[0] == 0  # a second try goes on there
    assert aports.git("log", "--format=%s", "master..bump-foo-1.1").splitlines() == [
        "main/bar: upgrade to 1.1",
        "main/foo: upgrade to 1.1",
    ]
    aports.git("checkout", "-q", "master")
    calls = aports.called()
    status, _, err = run("-b", "foo-1.1")
    assert (status, "'git checkout -b bump-foo-1.1' ended with status 128" in err) == (128, True)
    assert aports.called() == calls


def test_pushing(aports: Aports, run: Run, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    aports.git("init", "-q", "--bare", str(origin))
    aports.git("remote", "add", "there", str(origin))
    aports.git("push", "-qu", "there", "master")
    assert run("-p", "there", "foo-1.1")[0] == 0
    assert aports.git("rev-parse", "there/master") == aports.git("rev-parse", "HEAD")
    assert run("-b", "--push=there", "bar-1.1")[0] == 0  # a branch that has no upstream yet
    assert aports.git("rev-parse", "there/bump-bar-1.1") == aports.git("rev-parse", "HEAD")
    status, _, err = run("-p", "nowhere", "foo-1.2", "bar-1.2")
    assert (status, "Not bumped: bar-1.2" in err) == (128, True)
    assert aports.subjects()[0] == "main/foo: upgrade to 1.2"


def test_without_checkapk_in_path_it_is_ours(
    aports: Aports, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(PACKAGE_DIR))
    (tmp_path / "programs/checkapk").unlink()
    path = os.environ["PATH"].split(":")
    if any(os.access(f"{folder}/checkapk", os.X_OK) for folder in path):
        pytest.skip("there is a checkapk in PATH")
    status, _, err = run("foo-1.1")
    assert (status, "can't find foo-1.1-r0.apk" in err) == (1, True)
