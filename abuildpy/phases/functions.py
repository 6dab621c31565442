# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a recipe's own functions, one stage after the other, each in the environment that the one before left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from abuildpy.config import Config
from abuildpy.phases.outcome import require_success
from abuildpy.phases.requests import CallBacks
from abuildpy.phases.settings import Settings
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.walls import Stages
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console


class Functions:
    """The functions of one recipe in one place to work. ``environment`` is what the last stage exported, None before."""

    def __init__(
        self, config: Config, settings: Settings, workspace: Workspace, console: Console, stages: Stages
    ) -> None:
        self._config = config
        self._settings = settings
        self._workspace = workspace
        self._console = console
        self._stages = stages
        self.environment: Mapping[str, str] | None = None

    def run(
        self,
        recipe: Recipe,
        functions: tuple[str, ...],
        *,
        kept: Path | None,
        by_hand: bool = False,
        fakeroot: bool = False,
        network: bool = False,
        writable: tuple[Path, ...] = (),
    ) -> None:
        """Runs functions in one shell. ``by_hand`` ones may write the recipe's folder and use the network.

        ``kept`` is the folder to look at after a failure, None if it will be gone. Raises PhaseError, RecipeError.
        """
        if by_hand:
            writable, network = self._by_hand(recipe, functions), True
        network = self._stages.network(recipe, wanted=network)
        result = self._stages.verbs(
            recipe,
            self._workspace,
            functions,
            environment=self.environment,
            call_back=self.call_backs(recipe, by_hand=by_hand, network=network),
            fakeroot=fakeroot,
            network=network,
            writable=writable,
            interactive=by_hand,
        )
        self.environment = result.environment or self.environment
        require_success(result, recipe, kept=kept)

    def call_backs(self, recipe: Recipe, *, by_hand: bool = False, network: bool = False) -> CallBacks:
        """What a stage may ask of us."""
        shown = self._stages.inside
        return CallBacks(recipe, self._config, self._settings, self._workspace, self._console, by_hand, network, shown)

    def _by_hand(self, recipe: Recipe, functions: tuple[str, ...]) -> tuple[Path, ...]:
        """Says what functions that the user named may do; returns the folders that they may write."""
        may_write = os.getuid() != 0 or recipe.startdir.stat().st_uid != 0
        where = "it may write its folder and" if may_write else "its folder belongs to root and stays as it is; it may"
        self._console.msg(f"{', '.join(functions)}: a function of the recipe; {where} use the network")
        return (recipe.startdir, source_folder(recipe, self._config)) if may_write else ()
