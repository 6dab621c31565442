# SPDX-License-Identifier: GPL-3.0-or-later
"""What a word on the command line is: a phase, something that we do, or a function of the recipe's own."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from abuildpy.errors import RecipeError
from abuildpy.phases.overrides import FATES, Fate, own_verb
from abuildpy.recipe.model import Recipe

Kind = Literal["phase", "verb", "own"]

_PHASES = ("prepare", "mkusers", "build", "check", "package")
"""Verbs that are functions of the recipe; neighbours on the command line share one shell, as in abuild."""

HARMLESS = frozenset(
    "check_license check_maintainer cleanoldpkg cleanpkg index listpkg up2date update_abuildrepo_index validate".split()
)
"""Verbs that leave the work folders alone, so that a build may be going on there."""

_STEPS_OF_ROOTPKG = frozenset(
    "archcheck create_apks postcheck pre_split prepare_metafiles prepare_package prepare_subpackages stripbin".split()
)


def kind_of(verb: str, recipe: Recipe, known: Container[str]) -> Kind:
    """``phase``, ``verb`` (``known``: done by us) or ``own``: any other function of the recipe, named by hand.

    Raises RecipeError for what is none of them.
    """
    if verb in _PHASES:
        return "phase"
    if verb in known and not own_verb(recipe, verb):
        return "verb"
    if verb in recipe.functions or verb.startswith("default_"):
        return "own"
    if verb in _STEPS_OF_ROOTPKG:
        raise RecipeError(f"{verb} is a step of rootpkg and makes no sense alone", hint="run `abuild rootpkg`")
    if FATES.get(verb, Fate.STEP) is not Fate.STEP:
        return "phase"  # our shell library may have it, and it gets the rights of any other part of a build
    raise RecipeError(f"No such function {verb}", hint="`abuild -h` lists the verbs")
