# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process that builds one recipe of a batch makes of its order."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.cli.build_task import Order, settings_of
from abuildpy.config import load_config
from abuildpy.phases.settings import Errand


@pytest.mark.parametrize("wall", ["", "bwrap", "landlock"])
def test_the_wall_that_a_batch_demands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: str) -> None:
    monkeypatch.setenv("CBUILD", "x86_64-alpine-linux-musl")
    monkeypatch.setenv("ABUILDPY_REQUIRE_SANDBOX", wall)
    order = Order(str(tmp_path), "", "", "", "", "", 1, "none", timeout="1h")
    settings = settings_of(order, load_config(), Errand())
    assert (settings.require_sandbox, settings.nodeps, settings.install_deps, settings.timeout) == (
        wall,
        True,
        False,
        "1h",
    )
