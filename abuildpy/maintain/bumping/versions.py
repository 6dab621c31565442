# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version a recipe may get, and with which pkgrel."""

from __future__ import annotations

from collections.abc import Iterable

from abuildpy.errors import RecipeError
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.recipe.edit import written_values
from abuildpy.recipe.model import Recipe
from abuildpy.repository import version


def require_version(recipe: Recipe, new: str, *, downgrade: bool) -> None:
    """Raises BumpError for a pkgver that apk cannot order, the one there is, and, without ``downgrade``, an older one."""
    if not version.is_valid(f"{new}-r0"):
        hint = "pkgrel is set by itself" if version.is_valid(new) else "as in 1.2.3, 1.2_rc1 or 1.2_git20240131"
        raise BumpError("version", f"'{new}' is no version that apk can order", hint=hint)
    order = version.compare(new, recipe.pkgver)
    if new == recipe.pkgver or order == 0:
        same = "" if new == recipe.pkgver else f" (apk takes {new} for the same)"
        raise BumpError(
            "version",
            f"it has version {recipe.pkgver} already{same}",
            hint="--rebuild raises pkgrel of the version that it has",
        )
    if order < 0 and not downgrade:
        raise BumpError(
            "version",
            f"{new} is older than {recipe.pkgver}",
            hint="--allow-downgrade does it all the same; apk upgrades nobody to it",
        )


def raised(recipe: Recipe) -> str:
    """The pkgrel of a rebuild. Raises BumpError where the recipe's is no number."""
    if not (recipe.pkgrel.isascii() and recipe.pkgrel.isdigit()):
        raise BumpError("version", f"its pkgrel '{recipe.pkgrel}' is no number", hint="set it by hand")
    return str(int(recipe.pkgrel) + 1)


def release_after(pkgver: str, past: Iterable[bytes]) -> str:
    """The pkgrel for going back to a version: one more than it had the last time, as far as former recipes tell.

    aports, COMMITSTYLE.md, "Downgrade".
    """
    for text in past:
        try:
            versions, releases = written_values(text, "pkgver"), written_values(text, "pkgrel")
        except RecipeError:
            continue
        if versions and releases and versions[-1].strip("\"'") == pkgver:
            release = releases[-1].strip("\"'")
            if release.isascii() and release.isdigit():
                return str(int(release) + 1)
    return "0"
