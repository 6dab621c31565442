# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tests of the programs run them: in this process (see the fixture ``run``), or as one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import abuildpy

TOP = Path(abuildpy.__file__).parents[1]


class Result(NamedTuple):
    """What a program did: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]
"""Runs the program that the test module is about with these arguments."""


class RawResult(NamedTuple):
    """The same of a program that deals in bytes."""

    status: int
    out: bytes
    err: bytes


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ``abuildpy.cli``."""
    return [sys.executable, "-m", f"abuildpy.cli.{module}", *arguments]


def module_environment(**more: str) -> dict[str, str]:
    """The environment for that command."""
    return {**os.environ, "PYTHONPATH": str(TOP), **more}


def run_module(module: str, *arguments: str, data: bytes = b"", folder: Path | None = None) -> RawResult:
    """Runs a module of ``abuildpy.cli`` as a process of its own, with ``data`` on its standard input."""
    done = subprocess.run(
        module_command(module, *arguments),
        input=data,
        capture_output=True,
        check=False,
        cwd=folder,
        env=module_environment(),
    )
    return RawResult(done.returncode, done.stdout, done.stderr)
