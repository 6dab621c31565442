# SPDX-License-Identifier: GPL-3.0-or-later
"""What git knows of a recipe: the commit it comes from and the time its packages shall bear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.recipe.git import ask_git

_LATEST = 0o77777777777
"""The largest time that a tar header holds."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """``commit`` (may be empty or end in ``-dirty``) and ``epoch``, seconds since 1970."""

    commit: str
    epoch: int


def provenance(apkbuild: Path, variables: Mapping[str, str]) -> Provenance:
    """Commit and source date of a recipe (abuild 3.18, reproducibility).

    ``ABUILD_LAST_COMMIT`` and ``SOURCE_DATE_EPOCH`` of environment or configuration win. The date is the commit's where
    the folder is clean, else the APKBUILD's own. Without git, or outside a git tree, the commit is empty. A
    SOURCE_DATE_EPOCH that is no number, or too large or small for a package's archive, raises ValueError.
    """
    commit = variables.get("ABUILD_LAST_COMMIT", "")
    epoch = variables.get("SOURCE_DATE_EPOCH", "")
    in_git = _in_git(apkbuild.parent)
    if not commit and in_git:
        commit = _last_commit(apkbuild) + ("-dirty" if ask_git(apkbuild.parent, "status", "-s", "--", ".") else "")
    if not epoch and in_git and commit and not commit.endswith("-dirty"):
        epoch = ask_git(apkbuild.parent, "show", "-s", "--format=%ct", commit)
    date = int(epoch) if epoch else int(apkbuild.stat().st_mtime)
    if not 0 <= date <= _LATEST:
        raise ValueError(f"{date} cannot be stored in a package")
    return Provenance(commit, date)


def describe(folder: Path) -> str:
    """``git describe`` of a folder; empty outside git."""
    return ask_git(folder, "describe") if _in_git(folder) else ""


def branch(folder: Path) -> str:
    """Name of the branch that is checked out; empty outside git or without one."""
    return ask_git(folder, "symbolic-ref", "--short", "HEAD") if _in_git(folder) else ""


def git_settings(folder: Path, section: str) -> dict[str, str]:
    """git's configuration of one section, by the key without the section; of a repeated key the last value."""
    lines = ask_git(folder, "config", "--null", "--get-regexp", rf"^{section}\.").split("\0")
    return {key[len(section) + 1 :]: value for key, _, value in (line.partition("\n") for line in lines) if key}


def _in_git(folder: Path) -> bool:
    """Whether a git tree is around; asked of the file system first, as git itself costs a process."""
    return any((parent / ".git").exists() for parent in (folder, *folder.parents)) and bool(
        ask_git(folder, "rev-parse", "--show-toplevel")
    )


def _last_commit(apkbuild: Path) -> str:
    if not ask_git(apkbuild.parent, "ls-files", "--", apkbuild.name):
        return ""
    return ask_git(apkbuild.parent, "log", "--format=%H", "-n", "1", "--", ".")
