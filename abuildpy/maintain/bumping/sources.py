# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new version changes of a recipe's sources, and downloads that have the name of a former version's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.syntax import parse


def require_new_sources(before: Recipe, after: Recipe, text: bytes) -> None:
    """Raises BumpError where the new version would be built from the same downloads as the old one."""
    old = {(source.name, source.uri) for source in before.source if source.remote}
    new = {(source.name, source.uri) for source in after.source if source.remote}
    if not old or old != new:
        return
    names = private_constants(text)
    hint = "set what they are named by: " + " ".join(f"--set {name}=…" for name in names) if names else None
    raise BumpError(
        "edit",
        f"no source would change with pkgver {after.pkgver}: it would be {before.pkgver} under another name",
        hint=hint or "let the addresses in source= have the version in them",
        details=tuple(sorted(uri for _, uri in new)),
    )


def reused_names(before: Recipe, after: Recipe) -> list[str]:
    """Names of downloads that lead elsewhere with the new version, though they are called as before."""
    old = {source.name: source.uri for source in before.source if source.remote}
    return [s.name for s in after.source if s.remote and old.get(s.name, s.uri) != s.uri]


def to_download(recipe: Recipe, srcdest: Path) -> list[str]:
    """Names of what is not there yet."""
    return [source.name for source in recipe.source if source.remote and not (srcdest / source.name).exists()]


@contextmanager
def out_of_the_way(names: Sequence[str], srcdest: Path, version: str) -> Iterator[None]:
    """Takes downloads of a former version out of the way; back they come if the block raises.

    They stay beside the new ones, with the version behind their names.
    """
    moved = [(srcdest / name, srcdest / f"{name}.{version}") for name in names if (srcdest / name).exists()]
    for path, aside in moved:
        os.replace(path, aside)
    try:
        yield
    except BaseException:
        for path, aside in moved:
            with contextlib.suppress(OSError):
                os.replace(aside, path)
        raise


def private_constants(text: bytes) -> list[str]:
    """Private variables with a constant that may be a version or a commit."""
    try:
        script = parse(text)
    except RecipeError:
        return []
    found = []
    for each in script.assignments:
        value = each.value.constant
        if each.top_level and each.name.startswith("_") and value and any(sign.isdigit() for sign in value):
            found.append(each.name)
    return list(dict.fromkeys(found))[:4]
