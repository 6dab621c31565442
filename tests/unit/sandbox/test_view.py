# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount table of a stage in a clean root."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import Place, Request, View
from abuildpy.sandbox.mounts import Kind, Table
from abuildpy.sandbox.view import require_inside, view_table

HOME = Path("/home/user")


def make(tmp_path: Path, *places: Place, files: tuple[tuple[Path, Path], ...] = (), fresh_proc: bool = True) -> Table:
    root = tmp_path / "root"
    for name in ("proc", "dev", "run", "tmp", "var/tmp", "home/user"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for _, target in files:
        (tmp_path / f"root{target.parent}").mkdir(exist_ok=True)
        (tmp_path / f"root{target}").touch()
    for name in ("h", "t"):
        (tmp_path / name).mkdir(exist_ok=True)
    request = Request(argv=("x",), env={}, cwd=HOME, home=tmp_path / "h", tmp=tmp_path / "t", files=files)
    return view_table(request, View(root, places, HOME), fresh_proc=fresh_proc)


def targets(table: Table) -> list[str]:
    return [str(mount.target) for mount in table.mounts]


def test_nothing_of_this_machine_but_what_is_named(tmp_path: Path) -> None:
    table = make(tmp_path)
    assert [(mount.kind, str(mount.target), mount.source) for mount in table.mounts] == [
        (Kind.READ_ONLY, "/", tmp_path / "root"),
        (Kind.PROC, "/proc", None),
        (Kind.DEVICES, "/dev", None),
        (Kind.EMPTY, "/dev/shm", None),
        (Kind.EMPTY, "/run", None),
        (Kind.WRITABLE, "/tmp", tmp_path / "t"),
        (Kind.WRITABLE, "/var/tmp", tmp_path / "t"),
        (Kind.WRITABLE, "/home/user", tmp_path / "h"),
    ]
    assert table.home == HOME


def test_without_a_fresh_proc(tmp_path: Path) -> None:
    proc = make(tmp_path, fresh_proc=False).mounts[1]
    assert (proc.kind, proc.source) == (Kind.READ_ONLY, Path("/proc"))


def test_places_and_files(tmp_path: Path) -> None:
    src = Place(tmp_path / "src", Path("/tmp/src"), writable=True)
    conf = Place(tmp_path / "conf", Path("/run/ours/conf"))
    table = make(tmp_path, src, conf, files=((tmp_path / "p", Path("/etc/passwd")),))
    added = [(mount.kind, str(mount.target), mount.source) for mount in table.mounts[8:]]
    assert added == [
        (Kind.FOLDER, "/run/ours", None),
        (Kind.READ_ONLY, "/run/ours/conf", tmp_path / "conf"),
        (Kind.WRITABLE, "/tmp/src", tmp_path / "src"),
        (Kind.READ_ONLY, "/etc/passwd", tmp_path / "p"),
    ]


def test_deep_places_in_written_folders_get_an_empty_one_first(tmp_path: Path) -> None:
    """Only the first folder below HOME is a mount point that an earlier stage could not have moved."""
    table = make(
        tmp_path,
        Place(tmp_path, HOME / "aports/main/foo"),
        Place(tmp_path, HOME / "aports/main/bar"),
        Place(tmp_path, HOME / "sysroot"),
    )
    assert targets(table)[8:] == [
        "/home/user/aports",
        "/home/user/aports/main/bar",
        "/home/user/aports/main/foo",
        "/home/user/sysroot",
    ]
    assert table.mounts[8].kind is Kind.EMPTY


@pytest.mark.parametrize("target", [HOME / "aports/main/foo", Path("/tmp/src")])
def test_planted_links_are_removed(tmp_path: Path, target: Path) -> None:
    make(tmp_path)
    written = tmp_path / ("h" if target.is_relative_to(HOME) else "t")
    link = written / target.parts[3 if target.is_relative_to(HOME) else 2]
    link.symlink_to("/etc")
    make(tmp_path, Place(tmp_path, target))
    assert not link.is_symlink()


@pytest.mark.parametrize("name", ["h", "t"])
def test_written_folders_are_no_links(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/etc")
    with pytest.raises(SandboxError, match="is not a folder of its own"):
        make(tmp_path)


def test_a_root_without_the_folders_to_mount_on(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "root/home/user").rmdir()
    (tmp_path / "root/home").rmdir()
    (tmp_path / "root/home").symlink_to("/tmp")
    request = Request(argv=("x",), env={}, cwd=HOME, home=tmp_path / "h", tmp=tmp_path / "t")
    with pytest.raises(SandboxError, match="no folder /home/user"):
        view_table(request, View(tmp_path / "root", (), HOME))


def test_covered_files_are_files(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "root/etc").mkdir()
    (tmp_path / "root/etc/passwd").symlink_to("/etc/passwd")
    request = Request(
        argv=("x",),
        env={},
        cwd=HOME,
        home=tmp_path / "h",
        tmp=tmp_path / "t",
        files=((tmp_path / "p", Path("/etc/passwd")),),
    )
    view = View(tmp_path / "root", (), HOME)
    with pytest.raises(SandboxError, match="/etc/passwd is not a file"):
        view_table(request, view)
    (tmp_path / "root/etc/passwd").unlink()
    with pytest.raises(SandboxError, match="/etc/passwd is not a file"):
        view_table(request, view)
    (tmp_path / "root/etc/passwd").touch()
    assert targets(view_table(request, view))[-1] == "/etc/passwd"


def test_folders_of_a_root(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    with pytest.raises(SandboxError, match="no folder /a/b"):
        require_inside(root, Path("/a/b"))
    assert require_inside(root, Path("/a/b"), make=True) == root / "a/b"
    assert require_inside(root, Path("/a/b")) == root / "a/b"
    (root / "link").symlink_to(elsewhere)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    (root / "file").touch()
    for name in ("link", "dangling", "file"):
        with pytest.raises(SandboxError, match=f"no folder /{name}/x"):
            require_inside(root, Path("/", name, "x"), make=True)
    assert list(elsewhere.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
