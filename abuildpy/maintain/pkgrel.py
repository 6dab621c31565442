# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and changing the pkgrel of recipes."""

from __future__ import annotations

from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.commands import ask
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.messages import Messages
from abuildpy.recipe.edit import require_effect, write_variables, written_values


def require_number(apkbuild: Path) -> None:
    """Raises RecipeError unless the recipe has a line ``pkgrel=`` with a number right behind it."""
    values = _written(apkbuild)
    if not any(value[:1].isascii() and value[:1].isdigit() for value in values):
        raise RecipeError(
            f"no proper $pkgrel for {apkbuild}", hint="it needs a line such as pkgrel=0; -f works without one"
        )


def next_release(apkbuild: Path, read: ReadRecipe) -> int:
    """One more than the recipe's pkgrel; 0 where that is no number.

    RecipeError if it cannot be evaluated, or only begins with a number (``3_1``): 0 might be less than what it had.
    """
    old = read(apkbuild).pkgrel
    if old.isascii() and old.isdigit():
        return int(old) + 1
    if old[:1].isascii() and old[:1].isdigit():
        raise RecipeError(f"{apkbuild}: nothing can be added to pkgrel {old!r}", hint="it is a whole number; see -s")
    return 0


def set_release(apkbuild: Path, release: int, log: Messages) -> None:
    """Writes a pkgrel into the recipe; warns if it has no line to write it to, or changes pkgrel again behind it."""
    if not _written(apkbuild):
        log.warning(f"{apkbuild} has no line pkgrel=, nothing was changed")
        return
    write_variables(apkbuild, {"pkgrel": str(release)}, check=False)
    try:
        require_effect(apkbuild.read_bytes(), "pkgrel", str(release))
    except RecipeError as error:
        log.warning(f"{apkbuild}: {error.message}")


def has_changes(apkbuild: Path) -> bool:
    """Whether the recipe's folder has changes that are not staged. RecipeError where git cannot tell."""
    changed = ask(["git", "diff", "--name-only", "--", "."], apkbuild.parent)
    if changed is None:
        raise RecipeError(
            f"git cannot tell whether {apkbuild.parent} has changes", hint="is it in a git tree that belongs to you?"
        )
    return bool(changed)


def _written(apkbuild: Path) -> tuple[str, ...]:
    try:
        return written_values(apkbuild.read_bytes(), "pkgrel")
    except RecipeError as error:
        raise RecipeError(f"{apkbuild}: {error.message}", hint=error.hint)
