# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that are put back as they were: at once, after a kill, and not where somebody else was at work."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from abuildpy.maintain.bumping import keeping
from abuildpy.maintain.bumping.keeping import BusyError, Keeper

NEW = {"APKBUILD": b"new\n", "gone.patch": None, "fresh.patch": b"fresh\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe's folder with all kinds of things."""
    folder = tmp_path / "main/foo"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "APKBUILD").write_bytes(b"old\n")
    (folder / "gone.patch").write_bytes(b"patch\n")
    (folder / "gone.patch").chmod(0o755)
    (folder / "sub/untracked").write_bytes(b"\xff\0")
    (folder / "sub/deep/gone").write_bytes(b"deep\n")
    (folder / "sub/src").write_text("no build's")
    (folder / "mode").write_bytes(b"its mode changes\n")
    (folder / "large.tar").write_bytes(bytes(2 << 20))
    (folder.parent / "shared").mkdir()
    (folder.parent / "shared/others").write_text("nobody's to change")
    (folder / "out").symlink_to("../shared")
    (folder / "sub/out").symlink_to("../../shared")
    for name in ("link", "led", "replaced"):
        (folder / name).symlink_to("../nowhere")
    (folder / "file").write_bytes(b"becomes a link\n")
    (folder / "src").mkdir()
    (folder / "src/earlier").write_text("of an earlier build")
    (folder / "tmp").symlink_to("../roomier")
    os.utime(folder / "APKBUILD", (1000, 1000))
    return folder


def shown(folder: Path) -> dict[str, object]:
    """All of a folder."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
    return found


def change(keeper: Keeper, folder: Path) -> None:
    """A bump and a build that has failed."""
    keeper.keep("main/foo", folder)
    keeper.note("main/foo", NEW)
    keeper.apply(folder, NEW)
    keeper.set_aside("main/foo", folder)
    (folder / "src").mkdir()
    (folder / "src/new").write_text("x")
    (folder / "pkg").mkdir(mode=0o500)
    (folder / "left").mkdir()
    (folder / "left/over").write_text("x")
    shutil.rmtree(folder / "sub/deep")
    (folder / "sub/untracked").write_bytes(b"\xff\1")
    (folder / "sub/more").write_text("x")
    (folder / "mode").chmod(0o600)
    for name in ("led", "replaced", "file"):
        (folder / name).unlink()
    (folder / "led").symlink_to("elsewhere")
    (folder / "replaced").write_text("x")
    (folder / "file").symlink_to("APKBUILD")


class Killed(BaseException):
    """The end of the process."""


def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the kept folders lie on another file system than the recipes."""
    rename = os.rename

    def refused(source: Path, target: Path) -> None:
        if ("kept" in Path(source).parts) != ("kept" in Path(target).parts):
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refused)


@pytest.mark.parametrize("is_far", [False, True])
def test_restored(tmp_path: Path, folder: Path, is_far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shown(folder)
    if is_far:
        across(monkeypatch)
    with Keeper(tmp_path / "kept") as keeper:
        change(keeper, folder)
        assert shown(folder) != before
        assert keeper.is_as_written("main/foo")
        assert keeper.put_back("main/foo").outcome == "restored"
    assert shown(folder) == before
    assert (folder / "APKBUILD").stat().st_mtime == 1000
    assert (folder.parent / "shared/others").exists(), "links are not followed"
    assert not (tmp_path / "kept").exists()


def test_restored_by_the_next_run(tmp_path: Path, folder: Path) -> None:
    before = shown(folder)
    with Keeper(tmp_path / "kept") as keeper:
        change(keeper, folder)
    with Keeper(tmp_path / "kept") as keeper:
        assert keeper.open_folders() == [folder]
        assert [(left.name, left.outcome) for left in keeper.left()] == [("main/foo", "restored")]
        assert list(keeper.left()) == []
    assert shown(folder) == before


@pytest.mark.parametrize("at", range(12))
def test_killed_anywhere(tmp_path: Path, folder: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever rename is the last one that was made."""
    before = shown(folder)
    count = 0
    rename = os.rename

    def counted(*words: object, **more: object) -> None:
        nonlocal count
        if count == at:
            raise Killed
        count += 1
        rename(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", counted)
    with Keeper(tmp_path / "kept") as keeper:
        try:
            change(keeper, folder)
            keeper.restore("main/foo")
        except Killed:
            pass
    monkeypatch.undo()
    with Keeper(tmp_path / "kept") as keeper:
        assert {left.outcome for left in keeper.left()} <= {"restored"}
    assert shown(folder) == before


@pytest.mark.parametrize("what", ["set aside", "put back"])
def test_killed_while_what_was_copied_goes(
    tmp_path: Path, folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a former build's folder is gone where it was, and all of it is where it was to be."""
    before = shown(folder)
    across(monkeypatch)
    remove = keeping._remove

    def half(path: Path) -> None:
        if (path / "earlier").exists() and ("kept" in path.parts) == (what == "put back"):
            (path / "earlier").unlink()
            raise Killed
        remove(path)

    monkeypatch.setattr(keeping, "_remove", half)
    with Keeper(tmp_path / "kept") as keeper, pytest.raises(Killed):
        change(keeper, folder)
        keeper.restore("main/foo")
    monkeypatch.setattr(keeping, "_remove", remove)
    with Keeper(tmp_path / "kept") as keeper:
        assert [left.outcome for left in keeper.left()] == ["restored"]
    assert shown(folder) == before


def test_what_was_committed_stays(tmp_path: Path, folder: Path) -> None:
    with Keeper(tmp_path / "kept") as keeper:
        change(keeper, folder)
    after = shown(folder)
    with Keeper(tmp_path / "kept") as keeper:
        assert [left.outcome for left in keeper.left([folder])] == ["committed"]
    assert shown(folder) == after


def test_what_somebody_else_wrote_stays(tmp_path: Path, folder: Path) -> None:
    with Keeper(tmp_path / "kept") as keeper:
        change(keeper, folder)
    (folder / "APKBUILD").write_bytes(b"by hand\n")
    with Keeper(tmp_path / "kept") as keeper:
        assert not keeper.is_as_written("main/foo")
        (left,) = keeper.left()
    assert left.outcome == "changed"
    assert (folder / "APKBUILD").read_bytes() == b"by hand\n"
    assert (left.kept / "APKBUILD").read_bytes() == b"old\n"
    assert not (left.kept / "src").exists()
    assert (left.kept / "large.tar").samefile(folder / "large.tar"), "no second copy of it"


def test_one_at_a_time(tmp_path: Path) -> None:
    with Keeper(tmp_path / "kept"), pytest.raises(BusyError, match="another abuildpy bump"):
        Keeper(tmp_path / "kept").__enter__()
    with Keeper(tmp_path / "kept"):
        pass
