# SPDX-License-Identifier: GPL-3.0-or-later
"""Where control groups can be made: found in a made-up tree of folders with the kernel's names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from abuildpy.sandbox import delegation
from abuildpy.sandbox.delegation import WANTED, Delegation, find_delegation


class Machine:
    """A made-up /proc and hierarchy of groups."""

    def __init__(self, base: Path) -> None:
        self.proc, self.top, self.systemd = base / "proc", base / "cg roup", base / "systemd"
        (self.proc / "self").mkdir(parents=True)
        self.group("", kind=False, controllers="cpu memory pids")
        self.mounted()
        self.here("/")

    def group(self, name: str, *, kind: bool = True, controllers: str = "", handed: str = "", procs: str = "") -> Path:
        folder = self.top / name
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text(procs)
        (folder / "cgroup.controllers").write_text(f"{controllers}\n")
        (folder / "cgroup.subtree_control").write_text(f"{handed}\n")
        if kind:
            (folder / "cgroup.type").write_text("domain\n")
        return folder

    def here(self, path: str) -> None:
        (self.proc / "self/cgroup").write_text(f"4:memory:/old\n0::{path}\n")

    def mounted(self, root: str = "/", options: str = "rw,nosuid") -> None:
        point = str(self.top).replace(" ", "\\040")
        (self.proc / "self/mountinfo").write_text(
            f"20 1 0:5 / /proc rw - proc proc rw\n30 1 0:6 {root} {point} {options} shared:1 - cgroup2 cgroup rw\n"
        )

    def found(self) -> Delegation:
        return find_delegation(self.proc, self.systemd)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(delegation, "family", lambda: {100, 101})
    return Machine(tmp_path)


def test_a_group_of_our_own_that_we_are_alone_in_is_left_for_a_place_below(machine: Machine) -> None:
    ours = machine.group("ours", controllers="cpu memory pids", procs="100\n101\n")
    machine.here("/ours")
    assert machine.found() == Delegation(ours, WANTED, leaves=True)


def test_what_others_are_in_too_is_not_emptied(machine: Machine) -> None:
    ours = machine.group("ours", controllers="memory pids", procs="99\n100\n")
    machine.here("/ours")
    found = machine.found()
    assert (found.folder, found.controllers, found.leaves) == (ours, frozenset(), False)
    assert "other programs' processes" in found.reason


def test_a_process_out_of_sight_is_somebody_elses(machine: Machine) -> None:
    machine.group("ours", controllers="memory pids", procs="0\n100\n")
    machine.here("/ours")
    assert not machine.found().leaves


def test_groups_lie_beside_ours_where_the_folder_above_hands_on_controllers(machine: Machine) -> None:
    above = machine.group("above", controllers="cpu memory pids", handed="memory pids")
    machine.group("above/ours", controllers="memory pids", procs="99\n100\n")
    machine.here("/above/ours")
    assert machine.found() == Delegation(above, WANTED)


@pytest.mark.parametrize(
    ("name", "free", "limited"),
    [
        ("memory.max", "max", "100"),
        ("pids.max", "max", "9"),
        ("cpu.max", "max 100000", "50000 100000"),
        ("io.max", "", "8:0 rbps=1"),
    ],
)
def test_a_stage_does_not_get_away_from_our_own_limits(machine: Machine, name: str, free: str, limited: str) -> None:
    above = machine.group("above", controllers="memory pids", handed="memory pids")
    ours = machine.group("above/ours", controllers="memory pids", procs="100\n")
    machine.here("/above/ours")
    (ours / name).write_text(f"{free}\n")
    assert machine.found() == Delegation(above, WANTED)
    (ours / name).write_text(f"{limited}\n")
    assert machine.found() == Delegation(ours, WANTED, leaves=True)
    (ours / "cgroup.procs").write_text("99\n100\n")
    assert (machine.found().folder, machine.found().controllers) == (ours, frozenset())


def test_one_controller_is_better_than_none(machine: Machine) -> None:
    above = machine.group("above", handed="pids")
    machine.group("above/ours", controllers="pids", procs="100\n")
    machine.here("/above/ours")
    assert machine.found() == Delegation(above, frozenset({"pids"}), reason=f"{above} hands on no memory")
    machine.group("alone", controllers="memory", procs="100\n")
    machine.here("/alone")
    assert machine.found().controllers == {"memory"}
    assert machine.found().reason.endswith("no controller for processes")


def test_the_root_of_all_is_used_as_it_is(machine: Machine) -> None:
    assert machine.found().folder == machine.top
    assert (machine.found().controllers, machine.found().leaves) == (frozenset(), False)
    (machine.top / "cgroup.subtree_control").write_text("memory pids\n")
    assert machine.found() == Delegation(machine.top, WANTED)


def test_the_top_of_a_container_is_a_group_like_others(machine: Machine) -> None:
    (machine.top / "cgroup.type").write_text("domain\n")
    (machine.top / "cgroup.procs").write_text("100\n")
    assert machine.found() == Delegation(machine.top, WANTED, leaves=True)


def test_a_mount_that_shows_a_part_of_the_tree_is_understood(machine: Machine) -> None:
    ours = machine.group("ours", controllers="memory pids", procs="100\n")
    machine.mounted(root="/docker/abc")
    machine.here("/docker/abc/ours")
    assert machine.found().folder == ours
    machine.here("/docker/abcd")
    assert machine.found().folder is None
    machine.mounted()
    machine.here("/../elsewhere")
    assert "not to be seen" in machine.found().reason


@pytest.mark.parametrize("name", ["cgroup.procs", "cgroup.subtree_control", ""])
def test_what_cannot_be_written_is_not_ours(machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    ours = machine.group("ours", controllers="memory pids", procs="100\n")
    machine.here("/ours")
    monkeypatch.setattr(os, "access", lambda path, mode, **_: Path(path) != ours / name)
    assert machine.found() == Delegation(None, reason=f"{ours} is not ours to write to")


def test_a_read_only_mount_is_no_place(machine: Machine) -> None:
    machine.mounted(options="ro,nosuid")
    assert machine.found() == Delegation(None, reason=f"{machine.top} is mounted read-only, as in most containers")


def test_systemd_keeps_what_it_has_not_marked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    above = machine.group("app.slice", handed="memory pids")
    scope = machine.group("app.slice/scope", controllers="memory pids", procs="100\n")
    machine.here("/app.slice/scope")
    assert machine.found().folder == above
    machine.systemd.mkdir()
    assert machine.found().folder is None
    assert f"systemd keeps {scope}" in machine.found().reason
    assert "Delegate=yes" in machine.found().reason
    marked = {scope: b"1", above: b"0"}
    monkeypatch.setattr(os, "getxattr", lambda path, name: marked[path])
    assert machine.found() == Delegation(scope, WANTED, leaves=True)


def test_without_version_2_there_is_none(machine: Machine) -> None:
    (machine.proc / "self/cgroup").write_text("4:memory:/\n")
    assert machine.found().reason == "this kernel has no control groups of version 2"


def test_our_family_is_we_and_all_below_us() -> None:
    script = (
        "import os, sys\nfrom abuildpy.sandbox.delegation import family\n"
        "child = os.fork()\nif not child: sys.stdin.read(); os._exit(0)\n"
        "print(family() == {os.getpid(), child})\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
