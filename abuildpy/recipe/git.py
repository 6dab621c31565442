# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to git about a tree that is not trusted: nothing that the tree brings along is run."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import CompletedProcess

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_FOR_PROGRAMS = ("-c", "color.ui=false", "-c", "core.quotePath=false")


def program() -> str:
    """The git to run: abuild lets the variable ``git`` name another."""
    return os.environ.get("git") or "git"  # noqa: SIM112 - the variable's name is abuild's


def run_git(folder: str | os.PathLike[str], *words: str, data: bytes = b"") -> CompletedProcess[bytes]:
    """git as it ended in a folder, with ``data`` as its input, and what it said. Raises OSError if it cannot be started."""
    import subprocess

    command = [program(), *_SAFE, *_FOR_PROGRAMS, *words]
    return subprocess.run(command, cwd=folder, input=data, capture_output=True, check=False)


def ask_git(folder: str | os.PathLike[str], *words: str) -> str:
    """What git says, without blanks and line ends around it; empty if it fails or is missing."""
    try:
        done = run_git(folder, *words)
    except OSError:
        return ""
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else ""
