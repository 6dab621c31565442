# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs abuild on a recipe's folder, as the person at the terminal would."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

Abuild = Callable[..., int]
"""``abuild(folder, *arguments)`` gives the exit status."""


def run_abuild(folder: Path, *arguments: str) -> int:
    """Runs our own abuild in ``folder`` with the terminal's streams; root says that it knows what it does."""
    import subprocess

    environ = {name: text for name, text in os.environ.items() if name != "APKBUILD"}
    root = ("-F",) if os.getuid() == 0 else ()
    # -P: the recipe's folder must not lend its files to Python.
    command = [sys.executable, "-P", "-m", "abuildpy.cli.abuild", *root, *arguments]
    return subprocess.run(command, cwd=folder, env=environ, check=False).returncode
