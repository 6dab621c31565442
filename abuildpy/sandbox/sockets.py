# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of this machine's programs that have a name in the file system.

Neither a read-only mount nor a network of its own keeps a stage from connecting to one that it can see; it takes that
the name is covered. Most are in /run, homes and /tmp, which are covered anyway; a data base's may be in /var/lib.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_OCTAL = re.compile(r"\\([0-7]{3})")


def named_sockets(proc: Path = _PROC) -> Iterator[Path]:
    """Paths at which there is a socket now: those the kernel lists, and those that something was mounted from elsewhere for.

    ``proc`` is where to read the kernel's lists.
    """
    listed = (line.split(None, 7)[7:] for line in _lines(proc / "net/unix"))
    mounted = ([_OCTAL.sub(_character, word) for word in line.split()[4:5]] for line in _lines(proc / "self/mountinfo"))
    names = {name for found in (*listed, *mounted) for name in found if name.startswith("/")}
    for name in sorted(names):
        try:
            if stat.S_ISSOCK(os.lstat(name).st_mode):
                yield Path(name)
        except OSError:
            continue


def outside(sockets: Iterable[Path], own: Iterable[Path]) -> tuple[Path, ...]:
    """The sockets that are in none of the folders ``own``."""
    folders = [os.path.realpath(folder) for folder in own]
    return tuple(
        socket for socket in sockets if not any(os.path.realpath(socket).startswith(f"{each}/") for each in folders)
    )


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))


def _lines(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line.rstrip("\n") for line in file]
    except OSError:
        return []
