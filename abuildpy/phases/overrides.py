# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of abuild's packaging that recipes bring their own version of: which are run, and which are refused by name."""

from __future__ import annotations

from abuildpy.errors import RecipeError
from abuildpy.recipe.model import Recipe

WRITTEN_BY = {
    "prepare_trace_rpaths": (".rpaths",),
    "prepare_symlinks": (".symlinks",),
    "prepare_pkgconfig_provides": (".provides-pc", ".needs-pc"),
    "prepare_command_provides": (".provides-command",),
    "prepare_py_provides": (".provides-py",),
    "scan_shared_objects": (".provides-so", ".needs-so"),
    "scan_symlink_targets": (".needs-symlinks",),
    "scan_pkgconfig_depends": (".needs-pc",),
    "scan_python3_dependency": (".needs-python3",),
}
"""Steps that a recipe may do itself, with the files in ``.control.NAME/`` that carry what they found."""

_IN_SESSION = ("stripbin", *WRITTEN_BY, "archcheck", "postcheck")
"""Steps that the packaging session's shell runs where the recipe redefines them, in abuild's order."""

_REFUSED = (
    "create_apks",
    "find_scanelf_paths",
    "pre_split",
    "prepare_metafiles",
    "prepare_package",
    "prepare_subpackages",
    "real_so_path",
    "rootpkg",
    "trace_apk_deps",
)
"""Redefining these would mean making packages in the recipe's own way."""


def own_steps(recipe: Recipe) -> tuple[str, ...]:
    """Packaging steps that the recipe does itself. Raises RecipeError for one that cannot be handed over."""
    refused = [name for name in _REFUSED if name in recipe.functions]
    if refused:
        raise RecipeError(
            f"{recipe.path} redefines {', '.join(refused)}, which belongs to the making of packages",
            hint="let package() and split functions do what is special about it",
        )
    return tuple(name for name in _IN_SESSION if name in recipe.functions)
