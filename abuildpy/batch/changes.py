# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipes changed since a revision, as git knows it: committed, staged, in the work tree, or not yet added."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator

from abuildpy.batch.targets import TargetError

_WORK = frozenset(("src", "pkg", "tmp"))
"""Folders that a build leaves beside a recipe."""


def changed_recipes(repositories: Iterable[str], revision: str) -> list[str]:
    """The folders of recipes of some repositories (absolute) in which anything changed since the work tree and ``revision``
    went separate ways; recipes that are gone are left out.

    Raises TargetError if that is no git tree, or has no such revision.
    """
    found: dict[str, None] = {}
    for repository in repositories:
        base = _base(repository, revision)
        diff = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", base, "--", ".")
        others = ("ls-files", "-z", "--others", "--exclude-standard", "--", ".")
        paths = [*_paths(repository, diff), *(path for path in _paths(repository, others) if not _is_work(path))]
        for name in sorted({path.partition("/")[0] for path in paths if "/" in path}):
            if os.path.isfile(f"{repository}/{name}/APKBUILD"):
                found[f"{repository}/{name}"] = None
    return list(found)


def _base(folder: str, revision: str) -> str:
    """The commit that both the revision and the work tree come from; the revision itself where they have none."""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        _git(folder, "rev-parse", "--git-dir", must=f"{folder}: git knows nothing of it")
        raise TargetError(
            f"git knows no revision '{revision}' in {folder}", hint="name a branch, a tag or a commit; was it fetched?"
        )
    # What others added to the branch in the meantime is no change of ours.
    return _git(folder, "merge-base", commit, "HEAD") or commit


def _is_work(path: str) -> bool:
    parts = path.split("/", 2)
    return len(parts) > 2 and parts[1] in _WORK


def _paths(folder: str, arguments: Iterable[str]) -> Iterator[str]:
    output = _git(folder, *arguments, must=f"{folder}: git cannot tell what changed")
    return (path for path in output.split("\0") if path)


def _git(folder: str, *arguments: str, must: str = "") -> str:
    """What git says, without the line's end; empty if it fails. Raises TargetError with ``must`` for that, if there is one."""
    git = os.environ.get("git") or "git"  # noqa: SIM112 - the variable's name is abuild's
    # Nothing that a tree brings along is run.
    command = [git, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false"]
    try:
        done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise TargetError(f"cannot run {git}: {error.strerror}", hint="install git") from error
    if done.returncode != 0 and must:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise TargetError(must, hint="\n".join(lines[:2]).strip() or None)
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if done.returncode == 0 else ""
