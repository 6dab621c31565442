# SPDX-License-Identifier: GPL-3.0-or-later
"""``validate``: the recipe's rules, spoken on the console."""

from __future__ import annotations

from collections.abc import Iterable

from abuildpy.config import Config
from abuildpy.errors import RecipeError
from abuildpy.recipe.finding import Finding
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.validate import check_license, check_maintainer, validate
from abuildpy.ui.console import Console


def apply_rules(recipe: Recipe, config: Config, console: Console) -> None:
    """Prints every finding. Raises RecipeError for the one that makes the recipe invalid."""
    console.msg(f"Validating {recipe.path}...")
    _speak(validate(recipe, require_check=bool(config.get("REQUIRE_CHECK"))), console)


def maintainer_rule(recipe: Recipe, _config: Config, console: Console) -> None:
    """The verb ``check_maintainer``. Raises RecipeError."""
    _speak(check_maintainer(recipe, recipe.path.read_bytes().decode("utf-8", "surrogateescape")), console)


def license_rule(recipe: Recipe, _config: Config, console: Console) -> None:
    """The verb ``check_license``: warns of what is no SPDX expression."""
    _speak(check_license(recipe), console)


def _speak(findings: Iterable[Finding], console: Console) -> None:
    for finding in findings:
        if finding.level == "error":
            raise RecipeError(finding.text, details=finding.more)
        console.warning(finding.text)
        for line in finding.more:
            console.warning2(line)
