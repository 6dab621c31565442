# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy sandbox``: which walls can be had here, why not the others, what each keeps in, and who keeps limits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from abuildpy.errors import UsageError
from abuildpy.sandbox.base import BuildUser
from abuildpy.sandbox.bwrap import BwrapWall
from abuildpy.sandbox.delegation import WANTED, Delegation, find_delegation
from abuildpy.sandbox.landlock import gaps, landlock_version
from abuildpy.sandbox.none import NoWall
from abuildpy.sandbox.probe import Rung, survey
from abuildpy.sandbox.scope import VERSION

_TITLES = {
    "bwrap": "bubblewrap",
    "bwrap-host-proc": "bubblewrap, the machine's /proc",
    "landlock": "Landlock",
    "none": "none",
}
_LIMITS = {"memory": "memory", "pids": "processes"}
"""Limits by the controllers that can keep them."""
_RIGHTS = "new rights and capabilities"
_ALL = (
    "writing outside the build's folders",
    "keys, homes and agents",
    "any network, the machine's loopback too",
    "sockets of the machine",
    "processes outside",
    "the terminal",
    _RIGHTS,
)
_OF_LANDLOCK_6 = ("abstract sockets", "signals to processes outside")
_HELD: Mapping[str, Sequence[str]] = {
    "bwrap": (*_ALL, "mode and times of files outside"),
    "bwrap-host-proc": (*_ALL, "mode and times of files outside"),
    "landlock": (
        "writing outside the build's folders",
        "contents of keys, homes and agents' folders",
        "TCP, but for the ports of --sockets",
        "memory and environment of processes outside",
        *_OF_LANDLOCK_6,
        "the terminal",
        _RIGHTS,
    ),
    "none": (_RIGHTS,),
}


def sandbox(folder: Path, *, as_json: bool) -> int:
    """Tries every wall for builds in a folder, which is not changed, and prints what came of it; returns 0.

    Raises UsageError if there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="give the folder of a recipe, or nothing")
    rungs = survey(folder.resolve())
    described = [_described(rung) for rung in rungs]
    chosen = next(rung for rung in rungs if rung.wall is not None)
    if as_json:
        document = {
            **{"chosen": chosen.name, "caller": os.geteuid(), "walls": described},
            "limits": _limits(find_delegation()),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print_table(described, chosen, find_delegation())
    return 0


def _described(rung: Rung) -> dict[str, Any]:
    wall = rung.wall
    return {
        "name": rung.name,
        "works": wall is not None,
        "reason": rung.reason,
        "runs_as": None if wall is None else wall.user.host_uid,
        "holds": _held(rung.name),
        "leaves_open": [*(_usual_gaps(rung.name) if wall is None else wall.gaps()), *_with_network(rung.name)],
    }


def _limits(groups: Delegation) -> dict[str, Any]:
    """Who keeps the limits of memory and processes."""
    kept = {
        _LIMITS[name]: "kernel" if groups.folder and name in groups.controllers else "polled" for name in sorted(WANTED)
    }
    return {**kept, "groups": None if groups.folder is None else str(groups.folder), "reason": groups.reason}


def _held(name: str) -> list[str]:
    version = landlock_version()
    newer = _OF_LANDLOCK_6 if name == "landlock" and 0 < version < 6 else ()
    return [each for each in _HELD[name] if each not in newer]


def _with_network(name: str) -> tuple[str, ...]:
    """What bubblewrap leaves open only where a recipe has the network; not worth a line in every build."""
    if not name.startswith("bwrap") or landlock_version() >= VERSION:
        return ()
    return ("abstract sockets, to functions with the network (Linux 6.12 can shut them)",)


def _usual_gaps(name: str) -> tuple[str, ...]:
    """What a wall that does not stand here would leave open."""
    me = BuildUser(os.geteuid(), os.getegid(), os.geteuid(), os.getegid(), drops=os.geteuid() == 0)
    if name == "landlock":
        return gaps(7, me, os.uname().machine)
    return BwrapWall("", me, fresh_proc=name == "bwrap").gaps() if name != "none" else NoWall(me).gaps()


def _print_table(described: Sequence[Mapping[str, Any]], chosen: Rung, groups: Delegation) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_lines=True, pad_edge=False)
    for title in ("wall", "here", "holds", "leaves open"):
        table.add_column(title, ratio=None if title in ("wall", "here") else 1)
    for row in described:
        here = f"yes, as user {row['runs_as']}" if row["works"] else f"no: {row['reason']}"
        open_ = "; ".join(row["leaves_open"]) or "nothing but reading the system"
        held = "; ".join(row["holds"])
        table.add_row(*map(Text, (_TITLES[row["name"]], here, held, open_)))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for limit, keeper in ((limit, keeper) for limit, keeper in _limits(groups).items() if limit in _LIMITS.values()):
        how = "the kernel keeps it" if keeper == "kernel" else "looked after five times a second"
        console.print(Text(f"--max-{limit}: {how}"))
    if groups.folder is not None:
        console.print(Text(f"Control groups for phases: in {groups.folder}"), soft_wrap=True)
    if groups.reason:
        console.print(Text(f"Control groups: {groups.reason}"), soft_wrap=True)
    console.print(Text(f"--sandbox=auto takes: {_TITLES[chosen.name]}"))
