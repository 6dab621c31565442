# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from abuildpy.phases.output import Heard

TOP = Path(__file__).resolve().parents[3]
_PROGRAM = """
import subprocess, sys
from abuildpy.phases.output import Heard
kept = []
with Heard(kept.append) as heard:
    child = subprocess.Popen(["/bin/sh", "-c", sys.argv[1]], stdout=heard.outputs[1], stderr=heard.outputs[2])
    heard.started()
    child.wait()
    heard.drain()
    gone = heard.descriptors
with open(sys.argv[2], "wb") as file:
    file.write(b"".join(kept))
"""


def _command(script: str, kept: Path) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, script, str(kept)]


def test_both_go_where_ours_go(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    script = "printf 'a\\r\\0\\377'; printf b >&2; printf c"
    done = subprocess.run(_command(script, kept), cwd=TOP, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"a\r\0\xffc", b"b")
    assert sorted(kept.read_bytes()) == sorted(b"a\r\0\xffbc")


def test_order_is_kept_where_both_are_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    script = "for i in 1 2 3; do echo o$i; echo e$i >&2; done"
    done = subprocess.run(_command(script, kept), cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    assert done.stdout == b"o1\ne1\no2\ne2\no3\ne3\n" == kept.read_bytes()


def test_a_terminal_is_one_inside(tmp_path: Path) -> None:
    import pty
    import termios

    kept = tmp_path / "kept"
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (33, 77))
    script = "[ -t 1 ] && [ -t 2 ] && stty size <&1 && printf 'x\\n'"
    subprocess.run(_command(script, kept), cwd=TOP, stdout=theirs, stderr=theirs, check=True)
    assert kept.read_bytes() == b"33 77\nx\n"  # what our own terminal does at line ends is not in it
    assert os.read(ours, 100) == b"33 77\r\nx\r\n"


def test_who_writes_is_told_when_nobody_listens() -> None:
    receive, send = os.pipe()
    os.close(receive)
    before = os.dup(1)
    os.dup2(send, 1)
    try:
        with Heard() as heard:
            own = os.dup(heard.outputs[1])
            heard.started()
            os.write(own, b"x")
            heard.drain()
            with pytest.raises(BrokenPipeError):
                os.write(own, b"y")
    finally:
        os.dup2(before, 1)
        for end in (before, send, own):
            os.close(end)


def test_when_it_last_wrote() -> None:
    with Heard() as heard:
        began = heard.last()
        heard.drain()
        assert heard.last() == began
        own = os.dup(heard.outputs[2])
        os.write(own, b"")
        os.write(own, b"\n")
        heard.drain()
        assert heard.last() > began
        os.close(own)
