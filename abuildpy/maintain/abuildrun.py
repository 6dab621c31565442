# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs abuild on a recipe's folder, as the person at the terminal would."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from abuildpy.config import PACKAGE_DIR

_START = "import sys; sys.path.append(sys.argv.pop(1)); from abuildpy.cli.abuild import main; sys.exit(main())"

Abuild = Callable[..., int]
"""``abuild(folder, *arguments)`` gives the exit status."""


def run_abuild(folder: Path, *arguments: str) -> int:
    """Runs our own abuild in ``folder`` with the terminal's streams; root says that it knows what it does."""
    import subprocess

    environ = {name: text for name, text in os.environ.items() if name != "APKBUILD"}
    root = ("-F",) if os.getuid() == 0 else ()
    # -P: the recipe's folder must not lend its files to Python. Our own need not be where Python looks by itself.
    command = [sys.executable, "-P", "-c", _START, os.path.dirname(PACKAGE_DIR), *root, *arguments]
    return subprocess.run(command, cwd=folder, env=environ, check=False).returncode
