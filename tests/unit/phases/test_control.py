# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from abuildpy.phases.control import leave_pkginfo


def test_a_new_and_a_used_folder(tmp_path: Path) -> None:
    leave_pkginfo(tmp_path, "foo", b"one")
    (tmp_path / ".control.foo/.provides-py").write_text("kept")
    leave_pkginfo(tmp_path, "foo", b"two")
    folder = tmp_path / ".control.foo"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {".PKGINFO": "two", ".provides-py": "kept"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    packages, outside = tmp_path / "pkg", tmp_path / "outside"
    packages.mkdir()
    outside.mkdir()
    (outside / "victim").write_text("precious")
    (packages / ".control.linked").symlink_to(outside)
    (packages / ".control.inside").mkdir()
    (packages / ".control.inside/.PKGINFO").symlink_to(outside / "victim")
    leave_pkginfo(packages, "linked", b"x")
    leave_pkginfo(packages, "inside", b"x")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"victim": "precious"}
    assert (packages / ".control.inside/.PKGINFO").read_text() == "x"


def test_what_is_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / ".control.file").write_text("a file")
    (tmp_path / ".control.foo/.PKGINFO/full").mkdir(parents=True)
    leave_pkginfo(tmp_path, "file", b"x")
    leave_pkginfo(tmp_path, "foo", b"x")
    leave_pkginfo(tmp_path / "missing", "foo", b"x")
    assert (tmp_path / ".control.file").read_text() == "a file"
    assert [path.name for path in (tmp_path / ".control.foo").iterdir()] == [".PKGINFO"]
