# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import ConfigError
from abuildpy.phases.workspace import Workspace, building, read_inside, remove_tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, tmp_path / "src", tmp_path / "pkg", tmp_path / "tmp")


def test_folders_are_made_and_a_planted_link_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    assert all(folder.is_dir() for folder in workspace.create())
    workspace.session.rmdir()
    workspace.session.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="symbolic link"):
        workspace.create()


def test_remove_tree_opens_closed_folders_and_follows_no_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("stay")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("")
    (tree / "link").symlink_to(kept)
    (tree / os.fsdecode(b"\xff\n")).write_text("")
    (tree / "a" / "b").chmod(0)
    (tree / "a").chmod(0)
    remove_tree(tree)
    assert not tree.exists()
    assert (kept / "file").read_text() == "stay"
    remove_tree(tree)


def test_remove_tree_of_a_link_removes_the_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept"]


def test_remove_tree_copes_with_depth(tmp_path: Path) -> None:
    top = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(top)
    remove_tree(tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_two_builds_of_one_folder_see_each_other(tmp_path: Path) -> None:
    with building(tmp_path) as first:
        assert first
        with building(tmp_path) as second:
            assert not second
    with building(tmp_path) as again:
        assert again


def test_read_inside_follows_no_link(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("hidden")
    folder = tmp_path / "folder"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "file").write_text("shown")
    (folder / "link").symlink_to(secret)
    (folder / "real" / "link").symlink_to(secret / "file")
    os.mkfifo(folder / "real" / "fifo")
    assert read_inside(folder, "real", "file") == b"shown"
    assert read_inside(folder, "link", "file") is None
    assert read_inside(folder, "real", "link") is None
    assert read_inside(folder, "real", "fifo") is None
    assert read_inside(folder, "nothing") is None
