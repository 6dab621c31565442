# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of clean roots, and what becomes of it at the next build."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.phases.rootfolder import RootFolder, new_root_folder, sweep_roots


def abandoned(place: Path) -> RootFolder:
    """As a process that was killed leaves it."""
    folder = new_root_folder(place)
    os.close(folder.held)
    (folder.root / "bin").mkdir(parents=True)
    return folder


def test_nobody_else_can_enter(tmp_path: Path) -> None:
    folder = new_root_folder(tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.path.name.startswith("abuild.")
    assert folder.private.is_dir()
    os.close(folder.held)


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = abandoned(tmp_path)
    folder = new_root_folder(tmp_path)
    assert not left.path.exists()
    assert os.listdir(tmp_path) == [folder.path.name]
    os.close(folder.held)


def test_what_somebody_uses_or_wants_to_see_stays(tmp_path: Path) -> None:
    at_work = new_root_folder(tmp_path)
    failed = abandoned(tmp_path)
    failed.keep()
    (tmp_path / "abuild.of-abuild").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".at-work").touch()
    sweep_roots(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([at_work.path.name, failed.path.name, "abuild.of-abuild", "other"])
    at_work.keep()
    os.close(at_work.held)
    sweep_roots(tmp_path)
    assert at_work.path.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    left = abandoned(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    left.path.rename(elsewhere)
    (tmp_path / "abuild.link").symlink_to(elsewhere)
    sweep_roots(tmp_path)
    assert (elsewhere / "root/bin").is_dir()
