# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds killed with SIGKILL: the next succeeds and nothing is left (``bench/kills.py`` does this at 200 random moments)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest
from buildkit import Place, wait_for
from killkit import VICTIMS, Kill, alive, children, ground, measure, orphans_come_to_us, strike

pytest_plugins = ["buildfixtures"]

KILLS = 6


@pytest.mark.usefixtures("walls")
def test_killed_at_random_moments(place: Place) -> None:
    chance = random.Random(20260101)
    with orphans_come_to_us(), ground(place, "--sandbox=bwrap") as here:
        spans = {number: measure(here, number) for number in (0, 2)}
        for number in range(KILLS):
            kill = Kill(number % 2 * 2, VICTIMS[number % len(VICTIMS)], chance.random(), number % 3 == 0)
            outcome = strike(here, kill, spans[kill.recipe], chance)
            assert not outcome.violations, outcome


def test_a_killed_fakeroot_daemon_fails_the_build(place: Place, sandbox: str) -> None:
    """Its library would wait for ever for an answer."""
    folder = place.recipe(
        'package() { mkdir -p "$pkgdir"; echo > "$pkgdir"/file; kill -9 $ABUILDPY_FAKED_PID; chown 1 "$pkgdir"/file; }'
    )
    done = place.fails(folder, sandbox)
    assert "fakeroot's daemon was killed" in done.err, str(done)
    assert "package" in done.errors[0], str(done)


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("who", ["program", "bwrap"])
def test_killed_while_the_sandbox_begins(place: Place, who: str) -> None:
    """bubblewrap's second process waits for a sign of the first, which must not end with it, or with us, before that."""
    script = place.base / "start.py"
    script.write_text(_STARTS)
    with orphans_come_to_us():
        others = children()
        for _ in range(3):
            done = subprocess.run([sys.executable, script, who], env=place.environment, timeout=60, check=False)
            assert done.returncode == (-signal.SIGKILL if who == "program" else 0)
            wait_for(lambda: not alive(others), "the end of everything", 10)


_STARTS = """
import os, signal, sys
from pathlib import Path
from abuildpy.sandbox import bwrap
from abuildpy.sandbox.base import Request
from abuildpy.sandbox.probe import likely

base = Path(os.environ["REPODEST"]).parent
home = base / "stage-home"
home.mkdir(exist_ok=True)
find = bwrap.BwrapStage._find_first

def early(stage):
    if sys.argv[1] == "program":
        os.kill(os.getpid(), signal.SIGKILL)
    children = Path(f"/proc/{stage.pid}/task/{stage.pid}/children")
    while not children.read_text():
        pass
    os.kill(stage.pid, signal.SIGKILL)
    find(stage)

bwrap.BwrapStage._find_first = early
wall = likely("bwrap", startdir=base)
with wall.start(Request(argv=("/bin/true",), env={}, cwd=Path("/"), home=home, tmp=home)) as running:
    assert running.wait() == -signal.SIGKILL
"""
