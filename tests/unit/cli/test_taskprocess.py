# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process that builds for somebody else does about its order, its end, and the outcome."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from programs import module_environment

from abuildpy.cli.taskprocess import extended, leave
from abuildpy.config import load_config

PLAY = """
import os, sys, time
from abuildpy.cli.taskprocess import take_order
os.umask(0o077)
print(repr(take_order()), os.umask(0), repr(os.read(0, 9)), flush=True)
time.sleep(300)
"""


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PLAY]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=module_environment())


def test_without_an_order_there_is_nothing_to_do() -> None:
    out, _ = (process := _start()).communicate(b'{"half": ', timeout=60)
    assert (process.returncode, out) == (1, b"")


def test_it_ends_at_once_when_nobody_wants_it_any_more() -> None:
    """What is run finds an empty standard input; an order may come in pieces."""
    process = _start()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"{")
    process.stdin.flush()
    process.stdin.write(b"}\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"b'{}\\n' 18 b''\n"
    process.stdin.close()
    assert process.wait(60) == -signal.SIGKILL


def test_lines_are_put_after_the_users_own(tmp_path: Path, settings: Path) -> None:
    user = tmp_path / "abuild.conf"
    user.write_bytes(b'JOBS=3\nPACKAGER="J\xff"\n')
    private = tmp_path / "private"
    private.mkdir()
    for named, packager in ((user, "J\udcff"), (tmp_path / "gone", "")):
        environ = {"ABUILD_USERCONF": str(named), "HOME": str(settings), "PATH": "/usr/bin:/bin"}
        config = extended(load_config(environ), environ, "export JOBS=5\n", str(private))
        assert (config.get("JOBS"), config.get("PACKAGER")) == ("5", packager)


def test_an_outcome_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "outcome"
    leave(str(path), {"status": "built"})
    assert (json.loads(path.read_bytes()), path.stat().st_mode & 0o777) == ({"status": "built"}, 0o600)
    with pytest.raises(TypeError):
        leave(str(path), {"status": object()})
    assert [each.name for each in tmp_path.iterdir()] == ["outcome"]
