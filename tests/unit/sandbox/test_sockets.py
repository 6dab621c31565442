# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets with a name in the file system: found, and told from other files and from a build's own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from abuildpy.sandbox.sockets import named_sockets, outside

_HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    made = []
    for name in ("a b", "mount ed"):
        made.append(socket.socket(socket.AF_UNIX))
        made[-1].bind(name)
    yield tmp_path / "a b", tmp_path / "mount ed"
    for each in made:
        each.close()


def test_what_is_listed_and_what_is_mounted(listening: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = listening
    (tmp_path / "file").touch()
    (tmp_path / "net").mkdir()
    (tmp_path / "self").mkdir()
    lines = [
        f"0: 00000002 00000000 00010000 0001 01 12345 {path}\n" for path in (one, tmp_path / "file", "/no/such", "rel")
    ]
    lines += [
        "0: 00000002 00000000 00010000 0001 01 12346 @abstract\n",
        "0: 00000002 00000000 00010000 0001 01 12347\n",
    ]
    (tmp_path / "net/unix").write_text(_HEAD + "".join(lines))
    (tmp_path / "self/mountinfo").write_text(
        f"30 22 0:6 /x {str(other).replace(' ', chr(92) + '040')} rw - ext4 /dev/x rw\n31 22 0:6 / / rw - ext4 x rw\n"
    )
    assert list(named_sockets(tmp_path)) == [one, other]


def test_the_kernels_own_list_is_understood(listening: tuple[Path, Path], tmp_path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(f"{tmp_path}/s"[:100])
    except OSError:
        pytest.skip("the temporary folder's path is too long")
    with server:
        assert tmp_path / "s" in list(named_sockets())


def test_without_a_proc_there_are_none(tmp_path: Path) -> None:
    assert list(named_sockets(tmp_path)) == []


def test_a_builds_own_are_left_alone() -> None:
    found = outside([Path("/a/b/s"), Path("/a/bb/s"), Path("/c")], [Path("/a/b"), Path("/x")])
    assert found == (Path("/a/bb/s"), Path("/c"))
