# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from programs import Run

from abuildpy.cli import abuild_rm

PROGRAM = abuild_rm


@pytest.mark.parametrize("arguments", [[], ["-rf"], ["-r", "x"], ["-rf", "x", "y"], ["x", "-rf"], ["-h"]])
def test_only_one_form_is_understood(
    run: Run, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    assert run(*arguments) == (1, "", "Usage: abuild-rm -rf <path>\n")
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_closed_folders_and_links(run: Run, tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    (tree / "closed/inner").mkdir(parents=True)
    (tree / "closed/inner/file").write_text("")
    outside.mkdir()
    (outside / "precious").write_text("")
    (tree / "link").symlink_to(outside)
    (tree / "closed/inner").chmod(0)
    (tree / "closed").chmod(0)
    tree.chmod(0o500)
    assert run("-rf", f"{tree}/") == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert os.listdir(outside) == ["precious"]


def test_files_links_and_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").write_text("")
    # As with rm, what would be below a file is not there either.
    for name in ("file/", "file/below"):
        assert run("-rf", f"{tmp_path}/{name}") == (0, "", ""), name
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "link"]
    for name in ("link", "file", "missing", "also/missing", "file"):
        assert run("-rf", str(tmp_path / name)) == (0, "", ""), name
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("path", [".", "..", "./", "folder/..", "folder/.", "/", "//"])
def test_what_nobody_can_mean(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    # Should the rule ever fail, this must not be what the test deletes.
    monkeypatch.setattr("abuildpy.phases.workspace.remove_tree", lambda path: None)
    status, _, err = run("-rf", path)
    assert status == 1
    assert "is not deleted" in err


def test_the_empty_path_is_not_this_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("-rf", "") == (0, "", "")
    assert os.listdir(tmp_path) == ["folder"]


def test_failure(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("abuildpy.phases.workspace.remove_tree", refuse)
    status, out, err = run("-rf", str(tmp_path))
    assert (status, out) == (1, "")
    assert err == f"abuild-rm: {tmp_path}: Permission denied\n           check the permissions\n"
