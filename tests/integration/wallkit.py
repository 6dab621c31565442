# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in the situations that wall_launcher.py makes, and what came of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from buildkit import Place

HERE = Path(__file__).parent


@dataclass
class Tried:
    """What came of the attempts on one rung."""

    status: int
    said: str
    answers: dict[str, str] = field(default_factory=dict)
    secrets_in_packages: list[str] = field(default_factory=list)

    @property
    def doors(self) -> dict[str, str]:
        """``open`` or ``shut`` for each attempt."""
        return {title: answer.partition(":")[0] for title, answer in self.answers.items()}


def run_in(
    place: Place, situation: str, command: list[str], folder: Path, environment: dict[str, str], **more: object
) -> Tried:
    """Runs a command in one of wall_launcher.py's situations; skips the test where that cannot be made."""
    uid = os.geteuid() if place.owner is None and os.geteuid() != 0 else place.owner
    orders = {
        "argv": command,
        "env": environment,
        "cwd": str(folder),
        "uid": uid,
        "situation": situation,
        **more,
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "wall_launcher.py"), json.dumps(orders)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    if done.returncode == 99:
        pytest.skip(f"{situation} cannot be made here: {done.stdout.strip()}")
    return Tried(done.returncode, done.stdout.replace("\r\n", "\n") + done.stderr)
