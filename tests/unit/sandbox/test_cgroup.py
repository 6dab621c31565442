# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups of stages: what the kernel is told (in a made-up folder), and what it does with what it knows here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abuildpy.sandbox import cgroup
from abuildpy.sandbox.cgroup import Group, everybody, make_group, sweep
from abuildpy.sandbox.delegation import WANTED, Delegation, find_delegation

FILES = ("memory.max", "memory.swap.max", "memory.events", "memory.peak", "pids.max", "pids.events", "cgroup.procs")


class Kernel:
    """Makes the files that the kernel would make in a new group, and notes what is written to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = set(FILES)
        self.written: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.at_exit: list[Callable[[], None]] = []

    def make(self, folder: Path, kind: str) -> tuple[Path, int] | None:
        made = ORIGINAL(folder, kind)
        if made is not None:
            for name in self.files:
                (made[0] / name).touch()
        return made

    def write(self, path: Path, text: str) -> bool:
        if not path.exists() or text in self.refused:
            return False
        place = path.parent.name if path.parent != self.folder else "."
        self.written.append(
            (f"{place.rpartition('-run-')[0] or place.rpartition('-self-')[0] or place}/{path.name}", text)
        )
        return True


def removed(path: Path) -> bool:
    """As the kernel lets a group be removed, whatever files it shows there."""
    shutil.rmtree(path, ignore_errors=True)
    return True


ORIGINAL = cgroup._new


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A made-up delegated folder."""
    made = Kernel(tmp_path)
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "cgroup.subtree_control").touch()
    monkeypatch.setattr(cgroup, "_new", made.make)
    monkeypatch.setattr(cgroup, "_write", made.write)
    monkeypatch.setattr(cgroup, "_remove_folder", removed)
    monkeypatch.setattr("atexit.register", made.at_exit.append)
    return made


def group_of(kernel: Kernel, controllers: frozenset[str] = WANTED, *, leaves: bool = False) -> Group:
    group = make_group(1 << 20, 7, lambda: Delegation(kernel.folder, controllers, leaves))
    assert group is not None
    return group


def test_limits_are_told_and_no_swap_goes_beside_them(kernel: Kernel) -> None:
    group = group_of(kernel)
    assert (group.memory, group.processes) == (True, True)
    names = [(name.partition("/")[2], text) for name, text in kernel.written]
    assert names == [("memory.swap.max", "0"), ("memory.max", "1048576"), ("pids.max", "7")]
    group.remove()
    assert not group.path.exists()


def test_a_kernel_that_does_not_count_swap_limits_memory_alone(kernel: Kernel) -> None:
    kernel.files.discard("memory.swap.max")
    assert group_of(kernel).memory
    kernel.files.add("memory.swap.max")
    kernel.refused.add("0")
    assert not group_of(kernel).memory


@pytest.mark.parametrize("controller", ["memory", "pids"])
def test_what_has_no_controller_is_for_others_to_watch(kernel: Kernel, controller: str) -> None:
    group = group_of(kernel, frozenset({controller}))
    assert (group.memory, group.processes) == (controller == "memory", controller == "pids")
    (group.path / "memory.events").write_text("oom 1\n")
    (group.path / "pids.events").write_text("max 1\n")
    assert group.reached() == {"memory": "memory", "pids": "processes"}[controller]


def test_the_kernel_tells_which_limit_was_reached(kernel: Kernel) -> None:
    group = group_of(kernel)
    assert group.reached() == ""
    (group.path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 0\noom_kill 1\noom_group_kill 0\n")
    (group.path / "pids.events").write_text("max 0\n")
    assert group.reached() == ""  # the machine had no more, which is no limit of ours
    (group.path / "pids.events").write_text("max 3\n")
    assert group.reached() == "processes"
    (group.path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n")
    assert group.reached() == "memory"
    assert group.peak() is None
    (group.path / "memory.peak").write_text("1048576\n")
    assert group.peak() == 1 << 20


def test_we_make_room_and_go_back_when_the_program_ends(kernel: Kernel) -> None:
    (kernel.folder / "cgroup.procs").write_text(f"{os.getpid()}\n999999999\n")  # the second one has ended meanwhile
    group = group_of(kernel, leaves=True)
    assert kernel.written[:3] == [
        ("abuildpy/cgroup.procs", str(os.getpid())),
        ("./cgroup.subtree_control", "+memory"),
        ("./cgroup.subtree_control", "+pids"),
    ]
    (back,) = kernel.at_exit
    group.remove()
    (own,) = kernel.folder.glob("abuildpy-self-*")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    kernel.written.clear()
    back()
    assert sorted(kernel.written[:2]) == [
        ("./cgroup.subtree_control", "-memory"),
        ("./cgroup.subtree_control", "-pids"),
    ]
    assert kernel.written[2:] == [("./cgroup.procs", str(os.getpid()))]
    assert not own.exists()


def test_room_that_another_program_uses_stays_as_it_is(kernel: Kernel) -> None:
    group_of(kernel, leaves=True)
    kernel.written.clear()
    kernel.at_exit[0]()  # a group of a stage is there still
    assert kernel.written == []


def test_without_room_there_is_still_a_group(kernel: Kernel) -> None:
    kernel.refused.add("+pids")  # somebody joined meanwhile
    group = group_of(kernel, leaves=True)
    assert (group.memory, group.processes, kernel.at_exit) == (False, False, [])
    assert ("./cgroup.subtree_control", "-memory") in kernel.written
    assert not list(kernel.folder.glob("abuildpy-self-*"))


def test_no_place_no_group() -> None:
    assert make_group(1, 1, lambda: Delegation(None, reason="nothing")) is None
    assert make_group(1, 1, lambda: Delegation(Path("/proc/self"))) is None


def test_only_folders_of_ours_are_swept(tmp_path: Path) -> None:
    kept = [
        tmp_path / name for name in ("abuildpy-run-1", "abuildpy-run-1-xyz", "abuildpy-run-x-0123456789ab", "other")
    ]
    gone = [tmp_path / name for name in ("abuildpy-run-1-0123456789ab", "abuildpy-self-1-0123456789ab")]
    for folder in (*kept, *gone):
        folder.mkdir()
    (tmp_path / "abuildpy-run-2-0123456789ab").symlink_to("other")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [path.name for path in kept] + ["abuildpy-run-2-0123456789ab"]
    )
    sweep(tmp_path / "missing")


# --- what the kernel does ------------------------------------------------------------------------------------------


@pytest.fixture
def real() -> Iterator[Group]:
    """A group of this kernel's."""
    group = make_group()
    if group is None:
        pytest.skip(find_delegation().reason)
    yield group
    group.remove()


def started(group: Group, script: str) -> subprocess.Popen[bytes]:
    """A shell in the group that runs the script, once that has written a line."""
    words = ("/bin/sh", "-c", f'echo 0 >"$1"\n{script}', "sh", str(group.door))
    process = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def ended(process: subprocess.Popen[bytes]) -> int:
    """Its status, once all that held its output has ended too."""
    process.communicate(timeout=30)
    return process.returncode


def test_all_of_a_group_ends_at_once(real: Group) -> None:
    process = started(real, "(setsid sleep 300 &) ; trap '' TERM; sleep 300 & echo; sleep 300; sleep 300")
    real.kill()
    assert ended(process) == -signal.SIGKILL


@pytest.mark.parametrize("quick", [True, False], ids=["spared", "old-kernel"])
def test_what_is_spared_lives_and_goes_on(real: Group, monkeypatch: pytest.MonkeyPatch, quick: bool) -> None:
    if not quick:
        monkeypatch.setattr(
            cgroup, "_write", lambda path, text, write=cgroup._write: path.name != "cgroup.kill" and write(path, text)
        )
    process = started(real, "trap 'exit 3' USR1; sleep 300 & sleep 300 & echo; while :; do sleep 0.05; done")
    real.kill(lambda pid: quick and pid == process.pid)
    if quick:
        os.kill(process.pid, signal.SIGUSR1)
    assert ended(process) == (3 if quick else -signal.SIGKILL)


def test_removing_ends_what_is_left(real: Group) -> None:
    process = started(real, "trap '' TERM; sleep 300 & echo; sleep 300")
    real.remove()
    assert not real.path.exists()
    assert ended(process) == -signal.SIGKILL
    real.remove()


KILLED = """
import subprocess, sys
from abuildpy.sandbox.cgroup import make_group, _new, _SELF
group = make_group()
own, held = _new(group.path.parent, _SELF)
for door in (group.door, own / "cgroup.procs"):
    subprocess.Popen(["/bin/sh", "-c", 'echo 0 >"$1"; echo; exec sleep 300', "sh", str(door)])
print(group.path, own, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_program_left_is_ended_and_removed_by_the_next(real: Group) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        left, own = (Path(os.fsdecode(word)) for word in max(said).split())
        try:
            sweep(left.parent)
            assert (len(everybody(left)), len(everybody(own))) == (1, 1)  # it lives
            process.kill()
            process.wait()
            sweep(left.parent)
            assert not left.exists()
            assert len(everybody(own)) == 1  # a program of the user's, which may be well
        finally:
            for group in (left, own):
                for pid in everybody(group):
                    os.kill(pid, signal.SIGKILL)
        assert process.stdout.read() == b""
        deadline = time.monotonic() + 30
        while (
            own.exists() and time.monotonic() < deadline
        ):  # a process is in its group a moment longer than it has files open
            sweep(left.parent)
        assert not own.exists()
    assert real.path.exists()


def test_the_kernels_files_are_written_and_never_made(tmp_path: Path) -> None:
    (tmp_path / "cgroup.kill").touch(mode=0o200)
    assert cgroup._write(tmp_path / "cgroup.kill", "1")
    assert not cgroup._write(tmp_path / "missing", "1")
    assert not cgroup._write(tmp_path, "1")
    assert [path.name for path in tmp_path.iterdir()] == ["cgroup.kill"]


def test_groups_that_a_stage_makes_within_its_own_go_too(real: Group) -> None:
    below = real.door.parent / "a/b"
    below.mkdir(parents=True)
    process = started(real, f"echo 0 >'{below}/cgroup.procs'; trap '' TERM; sleep 300 & echo; sleep 300")
    assert process.pid in everybody(real.path)
    real.remove()
    assert not real.path.exists()
    assert ended(process) == -signal.SIGKILL
