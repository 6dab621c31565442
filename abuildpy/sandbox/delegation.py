# SPDX-License-Identifier: GPL-3.0-or-later
"""Where we may make control groups (version 2) for stages, and which limits the kernel keeps there.

A folder is ours if we may write to it and, on a machine that systemd runs, if systemd says that it has left it to somebody
(``Delegate=yes``; it marks such folders with the attribute ``user.delegate``, from systemd 251): all others are its own, even
where their files belong to us. The kernel has two rules: who moves a process needs the right to write where both its old and
its new group lie; and a group that hands controllers on holds no processes itself ("no internal processes"). So a stage's
group lies

- beside ours, if the folder above it hands on controllers and is ours, and ours has no limits that a stage would get away from;
  or
- below ours. For controllers our own processes then have to leave it, for a group of their own beside the stages' (cgroup.py);
  where somebody else's are in it too that cannot be, as they are not ours to move. Without controllers it only helps to end a
  stage. The root of all groups may hold processes, and what it hands on is for the machine's owner to say.

Facts: Documentation/admin-guide/cgroup-v2.rst of Linux, CGROUP_DELEGATION.md of systemd.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WANTED = frozenset({"memory", "pids"})
"""The controllers that limits need."""

_PROC = Path("/proc")
_SYSTEMD = Path("/run/systemd/system")
_OCTAL = re.compile(r"\\([0-7]{3})")
_HOW = "systemd-run --user --scope -p Delegate=yes runs a command with a group of its own"


@dataclass(frozen=True, slots=True)
class Delegation:
    """Where groups can be made. ``reason`` says why, if anything is missing."""

    folder: Path | None
    """The folder for them; None where there is none."""
    controllers: frozenset[str] = frozenset()
    """What limits them; of WANTED."""
    leaves: bool = False
    """Whether our own processes have to leave the folder before."""
    reason: str = ""


def find_delegation(proc: Path = _PROC, systemd: Path = _SYSTEMD) -> Delegation:
    """What there is for this process. ``proc`` and ``systemd`` are where to look; nothing is changed."""
    paths = [line[3:] for line in _text(proc / "self/cgroup").splitlines() if line.startswith("0::")]
    if not paths:
        return Delegation(None, reason="this kernel has no control groups of version 2")
    found = _mounted(proc, paths[0])
    if found is None:
        return Delegation(None, reason="our control group (version 2) is not to be seen here")
    top, here, writable = found
    if not writable:
        return Delegation(None, reason=f"{top} is mounted read-only, as in most containers")
    booted = systemd.is_dir()
    if here == top and not (here / "cgroup.type").exists():  # the root of all groups is the only one without
        complaint = _complaint(here, booted)
        if complaint:
            return Delegation(None, reason=complaint)
        handed = _words(here / "cgroup.subtree_control") & WANTED
        missing = "" if handed == WANTED else f"{here} hands on no {_named(WANTED - handed)}"
        return Delegation(here, frozenset(handed), reason=missing)
    if here != top:
        above = here.parent
        handed = _words(above / "cgroup.subtree_control") & WANTED
        if handed and not _is_limited(here) and not _complaint(above, booted):
            missing = "" if handed == WANTED else f"{above} hands on no {_named(WANTED - handed)}"
            return Delegation(above, frozenset(handed), reason=missing)
    complaint = _complaint(here, booted)
    if complaint:
        return Delegation(None, reason=complaint)
    offered = _words(here / "cgroup.controllers") & WANTED
    if not offered:
        return Delegation(here, reason=f"{here} has no controllers for {_named(WANTED)}")
    if set(members(here)) - family():
        return Delegation(here, reason=f"other programs' processes are in {here} too; {_HOW}")
    missing = "" if offered == WANTED else f"{here} has no controller for {_named(WANTED - offered)}"
    return Delegation(here, frozenset(offered), leaves=True, reason=missing)


def members(group: Path) -> list[int]:
    """Processes that are in a group; 0 stands for those that this process cannot see."""
    return [int(word) for word in _text(group / "cgroup.procs").split() if word.isdigit()]


def family() -> set[int]:
    """Our own process and all below it."""
    from abuildpy.sandbox.census import descendants

    return {os.getpid(), *(process.pid for process in descendants(os.getpid()))}


def _mounted(proc: Path, path: str) -> tuple[Path, Path, bool] | None:
    """The mount point that shows our group, the group's folder, and whether it can be written; None if none does so."""
    found = None
    for line in _text(proc / "self/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        words = fields.split()
        if len(words) < 6 or not rest.startswith("cgroup2 "):
            continue
        root, point = (_OCTAL.sub(lambda match: chr(int(match[1], 8)), word) for word in words[3:5])
        inside = path if root == "/" else path.removeprefix(root) if f"{path}/".startswith(f"{root}/") else None
        if inside is None or "/.." in inside:
            continue
        top = Path(point)
        here = top / inside.lstrip("/")
        if (here / "cgroup.procs").exists():
            if "ro" not in words[5].split(","):
                return top, here, True
            found = found or (top, here, False)
    return found


def _complaint(folder: Path, booted: bool) -> str:
    """Why groups cannot be made in the folder; empty if they can. ``booted``: systemd runs this machine."""
    for path in (folder, folder / "cgroup.procs", folder / "cgroup.subtree_control"):
        if not os.access(path, os.W_OK, effective_ids=True):
            return f"{folder} is not ours to write to; {_HOW}" if booted else f"{folder} is not ours to write to"
    if booted and not _is_marked(folder):
        return f"systemd keeps {folder} to itself; {_HOW}"
    return ""


def _is_limited(group: Path) -> bool:
    """Whether somebody gave the group itself a limit."""
    limits = ("memory.max", "memory.high", "memory.swap.max", "memory.swap.high", "pids.max", "cpu.max")
    values = [_text(group / name).split()[:1] for name in limits]
    return any(value not in ([], ["max"]) for value in values) or any(
        _text(group / name).strip() for name in ("cpuset.cpus", "cpuset.mems", "io.max")
    )


def _is_marked(folder: Path) -> bool:
    for name in ("user.delegate", "trusted.delegate"):  # the second one only root can see
        try:
            if os.getxattr(folder, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _named(controllers: Iterable[str]) -> str:
    return " and ".join({"pids": "processes"}.get(name, name) for name in sorted(controllers))


def _words(path: Path) -> set[str]:
    return set(_text(path).split())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
