# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser
from abuildpy.sandbox.handover import hand_over

USER = BuildUser(54321, 54322, 54321, 54322, drops=True)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def owner(path: Path) -> tuple[int, int]:
    info = path.lstat()
    return info.st_uid, info.st_gid


@needs_root
def test_everything_inside_changes_hands_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").touch()
    top = tmp_path / "src"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "deep" / "er" / "file").touch()
    (top / "to-file").symlink_to(outside / "secret")
    (top / "to-folder").symlink_to(outside)
    hand_over((top,), USER)
    for path in (top, top / "deep", top / "deep/er", top / "deep/er/file", top / "to-file", top / "to-folder"):
        assert owner(path) == (54321, 54322), path
    assert owner(outside) == owner(outside / "secret") == (0, 0)


@needs_root
def test_a_second_name_of_a_file_elsewhere_gives_nobody_that_file(tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.touch()
    top = tmp_path / "src"
    top.mkdir()
    os.link(shadow, top / "mine")
    (top / "a").touch()
    os.link(top / "a", top / "b")
    hand_over((top,), USER)
    assert owner(shadow) == (0, 0)
    assert owner(top / "a") == (54321, 54322)


@needs_root
@pytest.mark.parametrize("kind", ["link", "file", "missing"])
def test_only_real_folders_are_handed_over(tmp_path: Path, kind: str) -> None:
    top = tmp_path / "src"
    if kind == "link":
        (tmp_path / "real").mkdir()
        top.symlink_to(tmp_path / "real")
    elif kind == "file":
        top.touch()
    with pytest.raises(SandboxError, match="src"):
        hand_over((top,), USER)


def test_nothing_happens_for_an_ordinary_user(tmp_path: Path) -> None:
    before = owner(tmp_path)
    hand_over((tmp_path,), BuildUser(54321, 54321, 54321, 54321))
    assert owner(tmp_path) == before
