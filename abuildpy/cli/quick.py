# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to the questions that need no build, where the recipe's evaluation is still known: ``listpkg``, "up to date?".

Nothing here decides anything by itself: with an unknown or changed recipe, or a verb that does something, the build
takes over and comes to the same answers; without REPODEST too, which it has something to say about.
"""

from __future__ import annotations

import os

from abuildpy.recipe.cache import evaluation_key, load
from abuildpy.recipe.outputs import Outputs, nothing_to_do
from abuildpy.shell import parse_functions, parse_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.phases.settings import Settings
    from abuildpy.ui.console import Console


def answer(path: str, verbs: tuple[str, ...], config: Config, settings: Settings, console: Console) -> bool:
    """Answers if the verbs are one such question and the answer is known; False leaves it to the build."""
    if verbs not in (("listpkg",), ("up2date",), ("all",)) or settings.force or not config.get("REPODEST"):
        return False
    apkbuild = os.path.realpath(path)
    if not os.path.isfile(apkbuild):
        return False
    try:
        with open(apkbuild, "rb") as file:
            text = file.read()
    except OSError:
        return False
    data = load(apkbuild, evaluation_key(apkbuild, text, config), config)
    if data is None:
        return False
    listing, functions, *_ = data.split(b"\0")
    variables = parse_variables(listing)
    if parse_functions(functions) & set(verbs):
        return False
    outputs = Outputs(variables, config.get("REPODEST"))
    if verbs == ("listpkg",):
        console.plain("\n".join(outputs.file_names))
        return True
    idle = nothing_to_do(outputs, config, keep=settings.keep)
    if idle is None:
        return False
    if verbs == ("all",):
        console.about(variables.get("pkgname", "")).msg(idle)
    return True
