# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program of the user's choice so that nothing of it stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.sandbox.none import run_helper


def run(script: str, tmp_path: Path, **environment: str) -> tuple[int, str]:
    out = tmp_path / "out"
    env = {"PATH": os.environ["PATH"], "OUT": str(out), **environment}
    status = run_helper(["/bin/sh", "-c", script], env)
    return status, out.read_text() if out.exists() else ""


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15)])
def test_statuses(tmp_path: Path, script: str, status: int) -> None:
    assert run(script, tmp_path)[0] == status


def test_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = 'echo "$PWD $A ${HOME-none} ${TMPDIR-none}" > "$OUT"'
    assert run(script, tmp_path, A="a b") == (0, f"{tmp_path} a b none none\n")


def test_it_may_gain_rights(tmp_path: Path) -> None:
    """The user may have chosen sudo."""
    mine = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("NoNewPrivs")]
    _, its = run('grep NoNewPrivs /proc/self/status > "$OUT"', tmp_path)
    assert its.splitlines() == mine


def test_what_it_leaves_ends(tmp_path: Path) -> None:
    _, pid = run('trap "" TERM; setsid sleep 3600 & echo $! > "$OUT"', tmp_path)
    assert not Path(f"/proc/{int(pid)}").exists()


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    assert run_helper([str(tmp_path / "none")], {}) == 127
