# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files are that a recipe's folder held when a package was built, by what its buildinfo says of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from abuildpy.phases.recording import what_is
from abuildpy.recipe.git import ask_git, run_git

_COMMITS = 200
"""So many of the last commits that changed a recipe are looked at."""


def differing(folder: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Which of the recorded files (buildinfo's ``recipe.files``) are missing in a folder, or other ones."""
    return tuple(name for name, what in sorted(files.items()) if what_is(os.path.join(folder, name)) != what)


def commit_with(folder: Path, files: Mapping[str, str]) -> str:
    """The last commit that has exactly the recorded files in a recipe's folder; empty if git knows none.

    A package that was built before its recipe was committed names the commit before.
    """
    top = ask_git(folder, "rev-parse", "--show-toplevel")
    if not top or not any(what.startswith("sha512:") for what in files.values()):
        return ""
    inside = os.path.relpath(folder.resolve(), Path(top).resolve())
    commits = ask_git(top, "log", f"--max-count={_COMMITS}", "--format=%H", "--", inside).split()
    # The APKBUILD comes first: it nearly always decides.
    names = sorted(files, key=lambda name: (name != "APKBUILD", name))
    return next(
        (each for each in commits if all(_has(top, f"{each}:{inside}/{name}", files[name]) for name in names)), ""
    )


def _has(top: str, place: str, what: str) -> bool:
    kind, _, value = what.partition(":")
    done = run_git(top, "cat-file", "blob", place)
    if done.returncode != 0:
        return False
    if kind == "sha512":
        return hashlib.sha512(done.stdout).hexdigest() == value
    return kind == "link" and done.stdout.decode("utf-8", "backslashreplace") == value
