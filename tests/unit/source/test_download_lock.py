# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from abuildpy.source.lock import locked


def quiet() -> None:
    pass


def test_the_file_lives_as_long_as_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with locked(path, waiting=quiet):
        assert path.exists()
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), locked(path, waiting=quiet):
        _ = 1 // 0
    assert not path.exists()


def test_who_waited_holds_a_lock_that_others_can_see(tmp_path: Path) -> None:
    """The first holder removes the file: a lock on the removed one would keep nobody out."""
    path = tmp_path / "x.lock"
    waits = threading.Event()
    visible: list[bool] = []

    def second() -> None:
        with locked(path, waiting=waits.set):
            visible.append(path.exists())

    thread = threading.Thread(target=second)
    with locked(path, waiting=quiet):
        thread.start()
        assert waits.wait(20)
        assert visible == []
    thread.join(20)
    assert visible == [True]
    assert not path.exists()


def test_it_keeps_out_plain_posix_locks(tmp_path: Path) -> None:
    """abuild-fetch takes one of those on the same file."""
    path = tmp_path / "x.lock"
    with locked(path, waiting=quiet), path.open("r+b") as other, pytest.raises(OSError):
        fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x.lock").symlink_to("elsewhere")
    with pytest.raises(OSError), locked(tmp_path / "x.lock", waiting=quiet):
        pass
    assert not (tmp_path / "elsewhere").exists()
