# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from abuildpy.batch.changes import Changed, changed_recipes, changes_since, knows, write_past
from abuildpy.batch.targets import TargetError


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A repository in a git tree with three recipes."""
    folder = tmp_path / "main"
    for name in ("one", "two", "ünusual name"):
        (folder / name).mkdir(parents=True)
        (folder / name / "APKBUILD").write_text(f"pkgname={name}\n")
    (folder / "two/link").symlink_to("../one/APKBUILD")
    (folder / "two/data").write_bytes(b"\0\n\r\n\xff")
    (folder / "two/inner").mkdir()
    (folder / "two/inner/empty").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "start")
    return folder


def test_what_changed_and_what_is_gone(main: Path) -> None:
    base = git(main, "rev-parse", "HEAD")
    (main / "one/APKBUILD").unlink()
    (main / "two/data").unlink()
    (main / "two/new").touch()
    (main / "two/src").mkdir()
    (main / "two/src/left").touch()
    (main / "three").mkdir()
    (main / "three/APKBUILD").touch()
    (main / "README").touch()
    assert changes_since([str(main)], "HEAD") == [
        Changed(f"{main}/one", ("APKBUILD",), base, gone=True),
        Changed(f"{main}/three", ("APKBUILD",), base),
        Changed(f"{main}/two", ("data", "new"), base),
    ]
    assert changed_recipes([str(main)], "HEAD") == [f"{main}/three", f"{main}/two"]


def test_what_others_did_meanwhile_is_no_change_of_ours(main: Path) -> None:
    git(main, "branch", "-M", "ours")
    git(main, "checkout", "-qb", "theirs")
    (main / "one/APKBUILD").write_text("theirs\n")
    git(main, "commit", "-qam", "theirs")
    git(main, "checkout", "-q", "ours")
    assert changes_since([str(main)], "theirs") == []


def test_a_clone_that_is_too_shallow(main: Path, tmp_path: Path) -> None:
    """What others did meanwhile would be taken for ours."""
    git(main, "branch", "-M", "master")
    git(main, "checkout", "-qb", "ours")
    (main / "one/APKBUILD").write_text("ours\n")
    git(main, "commit", "-qam", "ours")
    git(main, "checkout", "-q", "master")
    (main / "two/data").write_text("theirs\n")
    git(main, "commit", "-qam", "theirs")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", "--branch=ours", f"file://{tmp_path}", str(clone))
    with pytest.raises(TargetError, match="too shallow"):
        changed_recipes([f"{clone}/main"], "origin/master")
    git(clone, "fetch", "-q", "--unshallow")
    assert changed_recipes([f"{clone}/main"], "origin/master") == [f"{clone}/main/one"]


def test_the_tree_of_somebody_else(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a CI's container: what git says and what is to be typed."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(TargetError, match="git knows nothing of it") as caught:
        changed_recipes([str(main)], "HEAD")
    assert "dubious ownership" in (caught.value.hint or "")
    assert "git config --global --add safe.directory" in (caught.value.hint or "")


def test_folders_as_they_were(main: Path, tmp_path: Path) -> None:
    before = {p.relative_to(main): p.read_bytes() for p in main.rglob("*") if p.is_file()}
    (main / ".gitattributes").write_text("* text eol=crlf\n")
    (main / "two/data").write_bytes(b"other")
    (main / "one/APKBUILD").unlink()
    past = tmp_path / "past"
    past.mkdir()
    write_past(str(main), git(main, "rev-parse", "HEAD"), (), str(past))
    assert {p.relative_to(past): p.read_bytes() for p in past.rglob("*") if p.is_file()} == before
    assert os.readlink(past / "two/link") == "../one/APKBUILD"
    some = tmp_path / "some"
    some.mkdir()
    write_past(str(main), "HEAD", ["one", "none"], str(some))
    assert [p.name for p in some.iterdir()] == ["one"]
    with pytest.raises(TargetError):
        write_past(str(main), "nowhere", (), str(some))


def test_revisions_that_git_knows(main: Path) -> None:
    assert knows(str(main), "HEAD")
    assert not knows(str(main), "nowhere")
    assert not knows(str(main), "--help")
    assert not knows(str(main.parent.parent), "HEAD")
