# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of one run: what the living hold stays, what the dead left goes, and nobody else's is touched."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from abuildpy import scratch
from abuildpy.scratch import Scratch, sweep

_KILLED = """
import os, signal, sys
from pathlib import Path
from abuildpy.scratch import Scratch
made = Scratch(Path(sys.argv[1]), hidden=sys.argv[2] == "hidden")
(made.path / "inner").mkdir()
(made.path / "inner" / "file").write_text("x")
(made.path / "inner").chmod(0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_in(place: Path, kind: str = "plain") -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(place), kind], check=False)
    assert done.returncode == -9
    assert len(os.listdir(place)) == 1


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    killed_in(tmp_path)
    with Scratch(tmp_path) as folder:
        assert os.listdir(tmp_path) == [folder.name]
        assert folder.stat().st_mode & 0o777 == 0o755
    assert os.listdir(tmp_path) == []


def test_hidden_ones_and_others_are_swept_apart(tmp_path: Path) -> None:
    killed_in(tmp_path, "hidden")
    sweep(tmp_path)
    assert [name[:14] for name in os.listdir(tmp_path)] == [".abuildpy-run-"]
    sweep(tmp_path, hidden=True)
    assert os.listdir(tmp_path) == []


def test_what_is_held_stays(tmp_path: Path) -> None:
    with Scratch(tmp_path) as mine, Scratch(tmp_path) as other:
        sweep(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted([mine.name, other.name])


@pytest.mark.parametrize(
    "name",
    [
        "abuildpy-run-1",
        "abuildpy-run-x-0123456789ab",
        "abuildpy-run-1-0123456789abc",
        "abuildpy-1-0123456789ab",
        "other",
    ],
)
def test_other_names_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_links_and_files_of_that_name_stay(tmp_path: Path) -> None:
    place, target = tmp_path / "place", tmp_path / "target"
    place.mkdir()
    (target / "inner").mkdir(parents=True)
    (place / "abuildpy-run-1-0123456789ab").symlink_to(target)
    (place / "abuildpy-run-2-0123456789ab").write_text("x")
    sweep(place)
    assert len(os.listdir(place)) == 2
    assert os.listdir(target) == ["inner"]


def test_somebody_elses_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_in(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    sweep(tmp_path)
    assert len(os.listdir(tmp_path)) == 1


def test_a_sweep_that_comes_between_making_and_locking_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first folder is locked by a sweep, the second already removed by one: a third is ours."""
    hold, tries = scratch.hold, []

    def late(path: Path) -> int | None:
        tries.append(path)
        if len(tries) == 2:
            sweep(tmp_path)
        if len(tries) > 1:
            return hold(path)
        sweeper = os.open(path, os.O_RDONLY)
        fcntl.flock(sweeper, fcntl.LOCK_EX)
        try:
            return hold(path)
        finally:
            os.close(sweeper)

    monkeypatch.setattr(scratch, "hold", late)
    with Scratch(tmp_path) as folder:
        assert len(tries) == 3
        assert folder == tries[2]
        assert folder.is_dir()


def test_a_copy_of_the_process_removes_nothing(tmp_path: Path) -> None:
    made = Scratch(tmp_path)
    child = os.fork()
    if child == 0:
        made.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert made.path.is_dir()
    made.remove()
    made.remove()
    assert os.listdir(tmp_path) == []


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    sweep(tmp_path / "no")
    with pytest.raises(OSError, match="no"):
        Scratch(tmp_path / "no")
