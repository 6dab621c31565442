# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount table of a stage that has a file system of its own.

=========================  ==============================================================
``/``                      ``View.root``, read-only
``/proc``, ``/dev``        its own
``/run``                   empty but for places
``/tmp``, ``/var/tmp``     ``Request.tmp``, on disk, the same at both places
HOME (``View.home``)       ``Request.home``
``View.places``            a folder or file of this machine each, read-only or writable
``Request.files``          laid over single files, read-only
=========================  ==============================================================

A recipe writes to HOME and /tmp from one stage to the next, so it could plant links where the next stage's places are to
be: those lie directly below HOME or /tmp, where a mount point cannot be moved away while it is used, or in an empty
folder mounted there first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import Request, View
from abuildpy.sandbox.mounts import ROOT, TMP, Kind, Mount, Table
from abuildpy.sandbox.process import is_inside

RUN = Path("/run")
_STRANGE = "is alpine-base in its repositories, and does no package replace its files?"


def view_table(request: Request, view: View, *, fresh_proc: bool = True) -> Table:
    """What the stage sees. Raises SandboxError where something planted is in the way, or the root lacks a folder."""
    mounts = [
        Mount(Kind.READ_ONLY, ROOT, view.root),
        Mount(Kind.PROC, Path("/proc")) if fresh_proc else Mount(Kind.READ_ONLY, Path("/proc"), Path("/proc")),
        Mount(Kind.DEVICES, Path("/dev")),
        Mount(Kind.EMPTY, Path("/dev/shm"), mode=0o1777),  # noqa: S108
        Mount(Kind.EMPTY, RUN, mode=0o755),
        Mount(Kind.WRITABLE, TMP, _real_folder(request.tmp)),
        Mount(Kind.WRITABLE, Path("/var/tmp"), request.tmp),  # noqa: S108
        Mount(Kind.WRITABLE, view.home, _real_folder(request.home)),
    ]
    for mount in mounts[1:]:
        if mount.target.parts[1] != "dev":
            require_inside(view.root, mount.target)
    mounts += _places(request, view)
    for source, target in request.files:
        covered = require_inside(view.root, target.parent) / target.name
        if covered.is_symlink() or not covered.is_file():
            raise SandboxError(f"the clean root's {target} is not a file", hint=_STRANGE)
        mounts.append(Mount(Kind.READ_ONLY, target, source))
    return Table(tuple(mounts), view.home)


def _places(request: Request, view: View) -> Iterator[Mount]:
    emptied: set[Path] = set()
    for place in sorted(view.places, key=lambda place: place.target.parts):
        for written, where in ((request.home, view.home), (request.tmp, TMP)):
            if place.target == where or not is_inside(place.target, where):
                continue
            first = place.target.relative_to(where).parts[0]
            _clear(written / first)
            if where / first != place.target and where / first not in emptied:
                emptied.add(where / first)
                yield Mount(Kind.EMPTY, where / first, mode=0o755)
        yield from _made_parents(place.target)
        yield Mount(Kind.WRITABLE if place.writable else Kind.READ_ONLY, place.target, place.source)


def _made_parents(target: Path) -> Iterator[Mount]:
    """Folders above a place in /run; bubblewrap would make them for their owner alone."""
    for parent in reversed(target.parents):
        if RUN in parent.parents:
            yield Mount(Kind.FOLDER, parent, mode=0o755)


def _clear(path: Path) -> None:
    """Sees to it that a mount point is a folder or is missing, not a link that an earlier stage left."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink()


def _real_folder(path: Path) -> Path:
    if path.is_symlink() or not path.is_dir():
        raise SandboxError(f"{path} is not a folder of its own", hint="remove it and start again")
    return path


def require_inside(root: Path, path: Path, *, make: bool = False) -> Path:
    """The folder on this machine that is ``path`` in the clean root ``root``.

    No part of it may be a link: packages' scripts ran in there, and out here their links lead elsewhere. With ``make``
    what is missing is made. Raises SandboxError.
    """
    here = root
    for part in path.parts[1:]:
        here = here / part
        if make and not os.path.lexists(here):
            here.mkdir()
        if here.is_symlink() or not here.is_dir():
            raise SandboxError(f"the clean root has no folder {path}", hint=_STRANGE)
    return here
