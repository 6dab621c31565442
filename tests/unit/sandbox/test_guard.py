# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guard ends what a stage leaves: all of it stands still before anything is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

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


# --- as a program ------------------------------------------------------------------------------------------------------


def _start(
    command: Sequence[str], kind: str, ids: Sequence[str], group: str, parent: int, cwd: str
) -> subprocess.Popen[str]:
    reading, writing = os.pipe()
    os.write(writing, b"PATH=/usr/bin:/bin\0A=b=c\0nothing\0")
    os.close(writing)
    words = [sys.executable, "-I", "-S", guard.__file__, str(parent), str(reading), "-", group, *ids, kind, cwd]
    try:
        return subprocess.Popen(
            [*words, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[reading]
        )
    finally:
        os.close(reading)


def _run(
    *command: str,
    kind: str = "terminal",
    ids: Sequence[str] = ("-", "-"),
    group: str = "-",
    parent: int = 0,
    cwd: str = "/",
) -> tuple[int, str, str]:
    process = _start(command, kind, ids, group, parent or os.getpid(), cwd)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def _status(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -SEGV $$", 139), ("(sleep 300 &) ; exit 3", 3)],
)
def test_it_ends_with_the_stages_status(script: str, status: int) -> None:
    assert _run("sh", "-c", script) == (status, "", "")


def test_what_cannot_be_started() -> None:
    assert _run("no-such-program") == (127, "", "no-such-program: No such file or directory\n")
    status, out, err = _run("echo", "started", cwd="/no/such/folder")
    assert (status, out, err.startswith("Cannot start the stage: ")) == (125, "", True)
    status, out, err = _run("echo", "started", group="/no/such/group")
    assert (status, out, err.startswith("Cannot start the stage: ")) == (125, "", True)


def test_nothing_is_started_for_a_caller_who_is_gone() -> None:
    assert _run("echo", "started", parent=1) == (125, "", "")


def test_the_stage_gets_its_folder_environment_and_group(tmp_path: Path) -> None:
    group = tmp_path / "cgroup.procs"
    group.touch()
    assert _run("env", group=str(group)) == (0, "PATH=/usr/bin:/bin\nA=b=c\n", "")
    assert _run("pwd", cwd=str(tmp_path)) == (0, f"{tmp_path}\n", "")
    assert group.read_text() == "0"


@pytest.mark.parametrize(
    ("kind", "own_session", "may_gain"), [("session", True, False), ("terminal", False, False), ("helper", False, True)]
)
def test_what_a_stage_may_gain(kind: str, own_session: bool, may_gain: bool) -> None:
    """Of signals nothing is blocked or ignored that the caller did not ignore."""
    _, out, _ = _run("sh", "-c", "cat /proc/self/status; cut -d' ' -f6 /proc/$$/stat", kind=kind)
    found = _status(out)
    assert found["NoNewPrivs"] == ("0" if may_gain else "1")
    assert (int(out.splitlines()[-1]) != os.getsid(0)) == own_session
    assert int(_status(_run("cat", "/proc/self/status", kind=kind)[1])["SigBlk"], 16) == 0  # shells unblock all
    assert not int(found["SigIgn"], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_gives_up_all_of_it() -> None:
    status, out, _ = _run("cat", "/proc/self/status", ids=("65525", "65526"))
    found = _status(out)
    assert status == 0
    assert (found["Uid"].split(), found["Gid"].split(), found["Groups"]) == (["65525"] * 4, ["65526"] * 4, "")
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


def test_a_stage_does_not_outlive_its_guard() -> None:
    process = _start(("sh", "-c", "echo up; exec sleep 300"), "session", ("-", "-"), "-", os.getpid(), "/")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.kill()
    assert process.communicate(timeout=60)[0] == "", "ends when nobody has it open any more"


def test_it_ends_with_its_caller_and_when_it_is_asked(tmp_path: Path) -> None:
    """And with it what the stage started, which has a session of its own and does not listen."""
    caller = (
        "import os, subprocess, sys; r, w = os.pipe(); os.close(w); os.set_inheritable(r, True);"
        "sys.exit(subprocess.Popen([*sys.argv[1:6], str(os.getpid()), str(r), *sys.argv[6:]], close_fds=False).wait())"
    )
    stage = 'trap "" TERM HUP; setsid sh -c \'trap "" TERM; echo up; while :; do sleep 1; done\' & while :; do sleep 1; done'
    words = [sys.executable, "-I", "-S", "-E", guard.__file__]
    rest = ["-", "-", "-", "-", "session", "/", "/bin/sh", "-c", f"PATH=/usr/bin:/bin; {stage}"]
    for ask in (False, True):
        command = [*words[:-1], "-c", caller, *words, *rest]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        (its_guard,) = (
            int(pid) for pid in os.listdir("/proc") if pid.isdigit() and guard.parent_of(int(pid)) == process.pid
        )
        os.kill(its_guard if ask else process.pid, signal.SIGTERM if ask else signal.SIGKILL)
        assert process.stdout.read() == "", "ends when nobody has it open any more"
        assert process.wait(60) == (128 + signal.SIGTERM if ask else -signal.SIGKILL)
