# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from abuildpy.maintain.locate import find_aport, git_top_level, in_git_tree


def recipe(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "APKBUILD").touch()
    return folder / "APKBUILD"


def test_the_first_section_that_has_it(tmp_path: Path) -> None:
    testing = recipe(tmp_path / "testing/foo")
    assert find_aport(tmp_path, "foo") == testing
    main = recipe(tmp_path / "main/foo")
    recipe(tmp_path / ".hidden/foo")
    (tmp_path / "community/foo/APKBUILD").mkdir(parents=True)  # no file
    (tmp_path / "a-file").touch()
    assert find_aport(tmp_path, "foo") == main
    upper = recipe(tmp_path / "Upper/foo")  # bytes order: upper case comes first
    assert find_aport(tmp_path, "foo") == upper
    direct = recipe(tmp_path / "foo")
    assert find_aport(tmp_path, "foo") == direct


def test_with_a_section(tmp_path: Path) -> None:
    recipe(tmp_path / "main/foo")
    testing = recipe(tmp_path / "testing/foo")
    assert find_aport(tmp_path, "testing/foo") == testing
    deep = recipe(tmp_path / "user/main/bar")
    assert find_aport(tmp_path, "main/bar") == deep


def test_what_is_not_there(tmp_path: Path) -> None:
    recipe(tmp_path / "main/foo")
    assert find_aport(tmp_path, "fo*") is None
    assert find_aport(tmp_path, "bar") is None
    assert find_aport(tmp_path / "nowhere", "foo") is None


def test_git_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("GIT_DIR", raising=False)
    assert not in_git_tree(tmp_path)
    assert git_top_level(tmp_path) is None
    tree = tmp_path / "tree \n"  # a name with a line's end
    (tree / "main").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    assert in_git_tree(tree / "main")
    assert git_top_level(tree / "main") == tree
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not in_git_tree(tree)
    assert git_top_level(tree) is None
