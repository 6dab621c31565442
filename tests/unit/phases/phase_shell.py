# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell as the recipe's functions have it: BusyBox ash with errexit and the runtime library sourced."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import abuildpy.phases

RUNTIME = Path(abuildpy.phases.__file__).parent / "runtime"

# What functions.sh and the driver define in real life: messages go to stderr, calls back are listed there.
STUBS = """
umask 022
msg() { printf '>>> %s\\n' "$1" >&2; }
msg2() { printf '    %s\\n' "$1" >&2; }
warning() { printf '>>> WARNING: %s\\n' "$1" >&2; }
error() { printf '>>> ERROR: %s\\n' "$1" >&2; }
die() { error "$1"; exit 1; }
call_back() { printf 'call_back'; printf ' <%s>' "$@"; echo; } >&2
for library in helpers splitters prepare internals; do . "$RUNTIME/$library.sh"; done
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs scripts in a folder; ``environment`` comes on top of a nearly empty one."""

    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the script after the stubs and the runtime library."""
        return subprocess.run(
            ["busybox", "ash", "-e", "-c", STUBS + script],
            cwd=self.cwd,
            env={"PATH": os.environ["PATH"], "RUNTIME": str(RUNTIME), **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def says(self, script: str, **environment: str) -> str:
        """Stdout of a script that must succeed, without the last newline."""
        done = self(script, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def status(self, script: str, **environment: str) -> int:
        """Exit status of a script; it must not say a word about errors of the shell itself."""
        done = self(script, **environment)
        assert "not found" not in done.stderr and "syntax error" not in done.stderr, done.stderr
        return done.returncode


def shell_in(folder: Path) -> Shell:
    """A shell in a new folder that has a blank in its name."""
    cwd = folder / "a folder"
    cwd.mkdir()
    return Shell(cwd)


def make(root: Path, *names: str) -> None:
    """Files below root that contain their own name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def tree(root: Path) -> list[str]:
    """Every file and link below root, and every empty folder with a slash."""
    found = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        found += [str(here / n) for n in files]
        found += [str(here / n) for n in folders if (Path(folder) / n).is_symlink()]
        if not folders and not files and folder != str(root):
            found.append(f"{here}/")
    return sorted(found)
