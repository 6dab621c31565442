# SPDX-License-Identifier: GPL-3.0-or-later
"""``validate``: the recipe's rules, spoken on the console."""

from __future__ import annotations

from abuildpy.config import Config
from abuildpy.errors import RecipeError
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.validate import validate
from abuildpy.ui.console import Console


def apply_rules(recipe: Recipe, config: Config, console: Console) -> None:
    """Prints every finding. Raises RecipeError for the one that makes the recipe invalid."""
    console.msg(f"Validating {recipe.path}...")
    for finding in validate(recipe, require_check=bool(config.get("REQUIRE_CHECK"))):
        if finding.level == "error":
            raise RecipeError(finding.text, details=finding.more)
        console.warning(finding.text)
        for line in finding.more:
            console.warning2(line)
