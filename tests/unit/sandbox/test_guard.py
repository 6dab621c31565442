# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guard ends what a stage leaves: all of it stands still before anything is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from abuildpy.sandbox import guard

TREE = "sleep 300 & (sleep 300 & sleep 300 & wait) & trap '' TERM; while :; do sleep 300; done"

# The guard's part, played in a process of its own: it ends all its children.
PLAY = """
import ctypes, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
import guard
ctypes.CDLL(None).prctl(guard.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
guard.signal.pthread_sigmask(guard.signal.SIG_BLOCK, {guard.signal.SIGCHLD})
subprocess.Popen(["/bin/sh", "-c", sys.argv[2]])
while len(guard.descendants()) < 6:
    time.sleep(0.01)
def states():
    found = []
    for pid in guard.descendants():
        with open(f"/proc/{pid}/stat") as stat:
            found.append(stat.read().rpartition(")")[2].split()[0])
    return sorted(found)
guard.freeze()
while set(states()) != {"T"}:
    time.sleep(0.01)
print(*states(), len(guard.children()))
guard.end_all()
print(len(guard.descendants()))
"""


def test_all_are_stopped_then_killed() -> None:
    folder = str(Path(guard.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PLAY, folder, TREE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["T T T T T T 1", "0"], done.stderr


def test_a_process_that_is_not_there_has_no_parent() -> None:
    assert guard.parent_of(1 << 30) == 0
