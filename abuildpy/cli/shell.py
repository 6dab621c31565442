# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy shell``: a shell where a function of the recipe runs."""

from __future__ import annotations

import os

from abuildpy.config import Config
from abuildpy.phases.looking import open_shell
from abuildpy.phases.settings import Settings
from abuildpy.phases.walls import Stages
from abuildpy.recipe.evaluate import evaluate, find_apkbuild
from abuildpy.ui.console import Console


def shell(phase: str, command: str | None, config: Config, console: Console, *, net: str, sandbox: str) -> int:
    """Opens a shell for the recipe in the current folder; returns its exit status. Raises AbuildError."""
    settings = Settings(net=net or config.get("ABUILD_NET"), sandbox=sandbox or "auto", force_root=os.getuid() == 0)
    stages = Stages(config, settings, console)
    recipe = evaluate(find_apkbuild(os.environ.get("APKBUILD") or "./APKBUILD"), config, stages.readers.runner())
    return open_shell(recipe, config, settings, console.about(recipe.pkgname), stages, phase, command)
