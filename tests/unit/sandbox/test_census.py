# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted of running processes, and of folders that are being written to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from abuildpy.sandbox import disk
from abuildpy.sandbox.census import descendants, end_all, memory_of
from abuildpy.sandbox.disk import DiskUse, used_by

MANY = """
import os, sys, threading, time
kept = b"x" * (50 << 20)
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
for _ in range(3):
    if os.fork() == 0:
        break
else:
    print("ready", flush=True)
time.sleep(600)
"""


def test_processes_threads_and_memory_shared_pages_once() -> None:
    with subprocess.Popen([sys.executable, "-c", MANY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        below = descendants(os.getpid())
        mine = [p for p in below if process.pid in (p.pid, p.parent)]
        assert sum(p.threads for p in mine) == 5
        assert {p.pid for p in mine} - {process.pid} == {p.pid for p in descendants(process.pid)}
        rough, exact = memory_of(mine, 1 << 40), memory_of(mine, 1)
        assert rough > 190 << 20, "each has the same pages"
        assert 50 << 20 < exact < 110 << 20
        handle = os.pidfd_open(process.pid)
        end_all(process.pid, handle, enclosed=False)
        os.close(handle)
        assert process.wait(60) == -signal.SIGTERM
        assert not descendants(process.pid)


def test_what_is_on_the_disk(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "a/b/c", inside / "d", outside):
        folder.mkdir(parents=True)
    for path in (inside / "one", inside / "a/b/c/two", inside / "d/three", outside / "four"):
        path.write_bytes(os.urandom(1 << 20))
    (inside / "d/again").hardlink_to(inside / "one")
    (inside / "a/b/out").symlink_to(outside)
    with open(inside / "hole", "wb") as file:
        file.truncate(1 << 30)
    found = used_by((inside, tmp_path / "missing"))
    assert 3 << 20 <= found < (3 << 20) + 200_000
    (tmp_path / "link").symlink_to(outside)
    assert used_by((tmp_path / "link",)) == 0


def test_any_depth(tmp_path: Path) -> None:
    top = os.open(tmp_path, os.O_RDONLY)
    here = os.dup(top)
    for _ in range(1500):
        os.mkdir("x" * 20, dir_fd=here)
        below = os.open("x" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    deep = os.open("deep", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(deep, os.urandom(1 << 20))
    for each in (deep, here, top):
        os.close(each)
    (tmp_path / "last").write_bytes(os.urandom(1 << 20))
    assert used_by((tmp_path,)) >= 2 << 20
    from abuildpy.phases.workspace import remove_tree

    remove_tree(tmp_path / ("x" * 20))


def test_the_trees_are_looked_at_only_if_the_disk_has_filled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    held, filled = 10, 1000

    def look(_folders: object) -> int:
        nonlocal looks
        looks += 1
        return held

    monkeypatch.setattr(disk, "used_by", look)
    monkeypatch.setattr(DiskUse, "_ask", lambda _self: filled)
    use = DiskUse((tmp_path,), 100)
    assert (use.above(), looks) == (0, 1)
    assert (use.above(), looks) == (0, 1)
    filled += 90
    assert (use.above(), looks) == (0, 1), "just what the limit leaves"
    filled, held = filled + 1, 101
    assert (use.above(), looks) == (101, 2)
