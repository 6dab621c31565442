# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding recipes by name in an aports tree, and the tree itself."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.maintain.commands import ask


def in_git_tree(folder: Path) -> bool:
    """Whether git knows the folder as part of a repository."""
    return ask(["git", "rev-parse"], folder) is not None


def git_top_level(folder: Path) -> Path | None:
    """The work tree around a folder; None outside git."""
    top = ask(["git", "rev-parse", "--show-toplevel"], folder)
    return Path(top) if top else None


def find_aport(tree: Path, name: str) -> Path | None:
    """The APKBUILD of ``name`` (``foo`` or ``main/foo``) in a tree: directly below it, else in the first section that
    has it; None if none does.

    abuild 3.18, abump and apkgrel: sections are tried in the order of their names' bytes, hidden ones never.
    """
    direct = tree / name / "APKBUILD"
    if direct.is_file():
        return direct
    try:
        sections = sorted((s for s in os.listdir(tree) if not s.startswith(".")), key=os.fsencode)
    except OSError:
        return None
    candidates = (tree / section / name / "APKBUILD" for section in sections)
    return next((path for path in candidates if path.is_file()), None)
