# SPDX-License-Identifier: GPL-3.0-or-later
"""When a stage with the network is kept from the machine's abstract sockets; that it is, test_sandbox.py sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.sandbox.scope import scoped


def test_only_a_kernel_that_can(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.touch(mode=0o755)
    assert scoped(str(program), 5) == ()
    assert scoped(str(program), 6)[1:4] == ("-I", "-S", "-c")


@pytest.mark.parametrize(("caller", "can"), [(0, True), (1000, False)])
def test_a_setuid_bubblewrap_still_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caller: int, can: bool
) -> None:
    program = tmp_path / "bwrap"
    program.touch()
    program.chmod(0o4755)
    monkeypatch.setattr(os, "geteuid", lambda: caller)
    assert bool(scoped(str(program), 7)) is can
