# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner for evaluations without walls: what a recipe means does not depend on them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from abuildpy.recipe.evaluate import ShellResult
from abuildpy.shell import find_ash


def run(argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
    receive, send = os.pipe()
    os.set_inheritable(send, True)
    shell = [*find_ash(), "-c", f'exec "$@" 8>&{send}', "ash", *argv]
    with subprocess.Popen(shell, env=env, cwd=folder, close_fds=False, stderr=subprocess.PIPE) as process:
        os.close(send)
        with open(receive, "rb") as stream:
            data = stream.read()
        assert process.stderr is not None
        complaint = process.stderr.read()
    return ShellResult(process.returncode, data, complaint)
