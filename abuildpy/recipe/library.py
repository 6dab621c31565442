# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell code that every recipe is read on: its files, and the names in them."""

from __future__ import annotations

from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR

PASSING = frozenset({"_", "OLDPWD", "SHLVL", "PPID", "OPTIND", "LINENO", "COLUMNS", "LINES", "PS4"})
"""Variables that differ from run to run and mean nothing to a recipe."""


def library_names() -> frozenset[bytes]:
    """All words of the shell library that is read with each recipe: among them are all variables that it asks for."""
    import re

    word = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
    found: set[bytes] = set()
    for name in ("helpers.sh", "recipe.sh"):
        with open(f"{RUNTIME_DIR}/{name}", "rb") as file:
            found.update(word.findall(file.read()))
    return frozenset(found)


def library_functions() -> frozenset[bytes]:
    """Names of the functions that every recipe's shell has."""
    import re

    definition = re.compile(rb"^([A-Za-z_][A-Za-z0-9_]*)[ \t]*\(\)", re.MULTILINE)
    found: set[bytes] = set()
    for path in library_files():
        with open(path, "rb") as file:
            found.update(definition.findall(file.read()))
    return frozenset(found)


def library_files() -> tuple[str, ...]:
    """The shell code that recipes are evaluated on, besides functions.sh."""
    folder = f"{PACKAGE_DIR}/recipe"
    runtime = [f"{RUNTIME_DIR}/{name}" for name in ("helpers.sh", "recipe.sh")]
    return (
        f"{PACKAGE_DIR}/share/functions.sh",
        *runtime,
        *(f"{folder}/{n}.sh" for n in ("telling", "pool", "evaluate")),
    )
