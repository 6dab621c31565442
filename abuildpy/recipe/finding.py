# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a recipe, and what the rules that find it look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from abuildpy.package.model import list_has
from abuildpy.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. An error makes the recipe invalid; ``more`` are lines to follow it.

    ``code`` names the rule in two or three words. ``about`` is the variable that it is about (empty: a comment, a function,
    a file) and ``word`` what in it is wrong, if that is one word.
    """

    level: Literal["error", "warning"]
    text: str
    more: tuple[str, ...] = ()
    code: str = field(default="", compare=False)
    about: str = field(default="", compare=False)
    word: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """The recipe with what the rules need besides it."""

    recipe: Recipe
    text: str
    splitters: frozenset[str]
    arches: frozenset[str] | None
    license_list: Path
    require_check: bool

    def raw(self, variable: str) -> str:
        """A variable as the recipe has it, empty where it is unset."""
        return self.recipe.variables.get(variable, "")

    def has_option(self, flag: str) -> bool:
        """Whether ``options`` name a flag, for the main package or for all."""
        options = self.recipe.options
        return list_has(f"{self.recipe.pkgname}::{flag}", options) or list_has(flag, options)

    @property
    def checksum_words(self) -> list[str]:
        """Sums and names, one after the other."""
        return (self.raw("sha512sums") or self.raw("sha256sums")).split()


def error(text: str, *more: str, code: str, about: str = "", word: str = "") -> Finding:
    """A rule broken so that the recipe is invalid; ``more`` are further lines."""
    return Finding("error", text, more, code, about, word)


def warning(text: str, *more: str, code: str, about: str = "", word: str = "") -> Finding:
    """A rule broken that does no harm yet."""
    return Finding("warning", text, more, code, about, word)
