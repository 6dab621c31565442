# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell in the tree of a build, where one of its functions runs: same walls, folder and environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from abuildpy.config import Config
from abuildpy.errors import AbuildError, UsageError
from abuildpy.phases.functions import Functions
from abuildpy.phases.logs import LastFailure, last_failure, logs_folder
from abuildpy.phases.settings import Settings
from abuildpy.phases.walls import ShellPlace, Stages
from abuildpy.phases.workspace import building, workspace_of
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

_USUAL = ("prepare", "build", "check", "package", "default_prepare")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def open_shell(
    recipe: Recipe,
    config: Config,
    settings: Settings,
    console: Console,
    stages: Stages,
    phase: str,
    command: str | None,
) -> int:
    """Opens the shell and returns its exit status. ``phase`` empty: the function that failed last, else ``build``.

    Raises UsageError for a function that the recipe does not have, AbuildError where there is no tree yet, or another
    build is at work in it.
    """
    folder = logs_folder(recipe.startdir, config)
    failure = last_failure(folder) if folder is not None else None
    place = _place(recipe, phase, failure)
    workspace = workspace_of(recipe, config)
    if not workspace.src.is_dir():
        raise AbuildError(
            f"there is no work folder yet: {workspace.src}",
            hint="`abuild unpack prepare` makes one; a failed build leaves it",
        )
    shell_place = ShellPlace(*place, tuple(sorted({*_USUAL, *filter(_NAME.match, recipe.functions)})), folder)
    call_backs = Functions(config, settings, workspace, console, stages).call_backs(
        recipe, network=stages.network(recipe, wanted=False)
    )
    with building(recipe.startdir) as free:
        if not free:
            raise AbuildError(f"a build is at work in {recipe.startdir}", hint="wait for it, or end it")
        status = stages.shell(recipe, workspace, shell_place, command, call_back=call_backs)
    return status if status >= 0 else 128 - status


def _place(recipe: Recipe, phase: str, failure: LastFailure | None) -> tuple[str, bool, Mapping[str, str]]:
    """The function, whether it runs in fakeroot, and the variables that tell its subpackage."""
    package = ""
    if not phase:
        known = failure is not None and (failure.phase in _USUAL or failure.phase in recipe.functions)
        phase, package = (failure.phase, failure.package) if failure is not None and known else ("build", "")
    splits = [sub for sub in recipe.subpackages if phase in (sub.split, sub.name)]
    if phase == "package":
        return phase, True, {}
    if splits and phase not in _USUAL:
        sub = next((each for each in splits if each.name == package), splits[0])
        variables = {"subpkgname": sub.name, "subpkgarch": sub.arch, "subpkgtriplet": sub.triplet}
        return sub.split, True, variables
    if phase not in _USUAL and phase not in recipe.functions:
        raise UsageError(f"{recipe.path} has no function {phase}", hint="try prepare, build, check or package")
    return phase, phase == "check" and "checkroot" in recipe.options, {}
