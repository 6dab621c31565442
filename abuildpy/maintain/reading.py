# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading recipes for the maintainer's tools: evaluated behind the sandbox's walls, never in a shell of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abuildpy.config import Config
from abuildpy.recipe.evaluate import evaluate, find_apkbuild
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

ReadRecipe = Callable[[Path], Recipe]
"""Evaluates the recipe of an APKBUILD; raises RecipeError."""


def recipe_reader(config: Config, console: Console) -> ReadRecipe:
    """A reader whose recipes can write nothing, reach no network and leave nothing behind in our environment."""
    from abuildpy.phases.readers import readers_of
    from abuildpy.phases.settings import Settings

    runner = readers_of(config, Settings(quiet=True), console).runner()
    return lambda apkbuild: evaluate(find_apkbuild(apkbuild), config, runner)
