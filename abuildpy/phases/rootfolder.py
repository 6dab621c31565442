# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that clean roots are made in: one for each build, gone after it, and at the next one if it was killed.

Such a folder is held by a lock, which the kernel drops with its process, and bears a mark until its build has come to an end.
One that a build leaves for looking at (``ERROR_CLEANUP``, ``-K``), and one of abuild's own, has no mark and is never touched.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from abuildpy.phases.workspace import Workspace
from abuildpy.scratch import hold, remove_abandoned

_NAME = "abuild."
_MARK = ".at-work"


@dataclass(frozen=True, slots=True)
class RootFolder:
    """The folder that holds a clean root and everything of one build in it."""

    path: Path
    held: int = -1
    """A descriptor that holds the folder as long as this process lives."""

    @property
    def root(self) -> Path:
        """Becomes / inside."""
        return self.path / "root"

    @property
    def sysroot(self) -> Path:
        """What is built against, when building for another machine."""
        return self.path / "sysroot"

    @property
    def private(self) -> Path:
        """What the program outside leaves for stages to read."""
        return self.path / "private"

    def workspace(self, startdir: Path) -> Workspace:
        """Where the recipe in ``startdir`` is built."""
        return Workspace(startdir, self.path / "src", self.path / "pkg", self.path / "tmp")

    def keep(self) -> None:
        """It stays after this process, for whoever wants to look at it."""
        (self.path / _MARK).unlink(missing_ok=True)


def new_root_folder(place: Path) -> RootFolder:
    """A new folder in ``place``, which nobody else can enter. What killed builds of the same user left there goes first.

    Raises OSError.
    """
    sweep_roots(place)
    path = Path(tempfile.mkdtemp(prefix=_NAME, dir=place))
    held = hold(path)
    (path / _MARK).touch(0o600)  # from here on others would remove it, were it not held
    folder = RootFolder(path, -1 if held is None else held)
    folder.private.mkdir(mode=0o755)
    return folder


def sweep_roots(place: Path) -> None:
    """Removes the folders of killed builds in ``place`` that are the caller's own. What cannot be removed stays."""
    try:
        names = os.listdir(place)
    except OSError:
        return
    for name in names:
        if name.startswith(_NAME) and os.path.lexists(place / name / _MARK):
            remove_abandoned(place / name)
