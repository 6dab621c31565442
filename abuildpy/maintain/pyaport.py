# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of ``apkbuild-pypi``: recipes of Python packages, made and kept up to date with a package index."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.abuildrun import Abuild
from abuildpy.maintain.detect import source_folder
from abuildpy.maintain.pybuild import alpine_name
from abuildpy.maintain.pyindex import Project
from abuildpy.maintain.pypi import Index
from abuildpy.maintain.pyrecipe import Needs, Old, alpine_version, needs, project_name, read_old, recipe_text
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.maintain.render import write
from abuildpy.messages import Messages
from abuildpy.recipe.edit import write_variables


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the verbs work with. ``maintainer`` is whom a new recipe names."""

    index: Index
    read: ReadRecipe
    abuild: Abuild
    maintainer: str
    log: Messages


def create(name: str, parent: Path, shop: Workshop, *, homepage: bool = False) -> Path:
    """Makes ``<parent>/py3-<name>/APKBUILD``, with its source unpacked and prepared; gives its path.

    RecipeError if there is one already, or abuild failed (the recipe stays for a closer look).
    """
    project = shop.index.project(name)
    recipe = parent / alpine_name(project.name) / "APKBUILD"
    if os.path.lexists(recipe):
        raise RecipeError(
            f"{recipe.parent.name}/APKBUILD exists already",
            hint="'apkbuild-pypi recreate' in that folder makes it again",
        )
    source = shop.index.lasting_source(project)
    wanted = needs(project)
    recipe.parent.mkdir(parents=True, exist_ok=True)

    def text(unpacked: Path | None) -> bytes:
        return recipe_text(
            project, source=source, maintainer=shop.maintainer, unpacked=unpacked, homepage=homepage, anew=wanted
        )

    write(recipe, text(None))
    shop.log.plain(f"Wrote {recipe.parent.name}/APKBUILD")
    _run(shop, recipe, "checksum", "unpack")
    write(recipe, text(_unpacked(recipe, project)))
    _tell(shop, wanted)
    # The checksums' place is at the end, so they are made again.
    _run(shop, recipe, "checksum", "prepare")
    return recipe


def recreate(recipe: Path, shop: Workshop, *, deps: bool = False) -> None:
    """Makes a recipe again for the newest version; ``deps``: with its dependencies as the index tells them.

    RecipeError if it cannot be read, or abuild failed; if the source cannot be had the old recipe is put back.
    """
    content, old = _read(recipe, shop)
    project = shop.index.project(project_name(old))
    pkgver = alpine_version(project.version)
    if pkgver != old.recipe.pkgver:
        shop.log.plain(f"Upgrading PyPI package from {old.recipe.pkgver} to {pkgver}")
    if old.dropped:
        shop.log.warning(f"not carried over: {' '.join(old.dropped)}")
    source = shop.index.lasting_source(project)
    wanted = needs(project) if deps else None

    def text(unpacked: Path | None) -> bytes:
        return recipe_text(project, source=source, maintainer=shop.maintainer, unpacked=unpacked, old=old, anew=wanted)

    try:
        write(recipe, text(None))
        _run(shop, recipe, "checksum", "unpack")
        final = text(_unpacked(recipe, project))
    except BaseException:
        write(recipe, content)
        raise
    write(recipe, final)
    shop.log.plain(f"Wrote {recipe.parent.name}/APKBUILD")
    if wanted is not None:
        _tell(shop, wanted)
    _run(shop, recipe, "checksum", "prepare")


def upgrade(recipe: Path, shop: Workshop) -> None:
    """Sets pkgver to the newest version and pkgrel to 0, and changes nothing else."""
    _, old = _read(recipe, shop)
    project = shop.index.project(project_name(old))
    pkgver = alpine_version(project.version)
    if pkgver == old.recipe.pkgver:
        shop.log.plain("Already up to date with PyPI")
        return
    shop.log.plain(f"Upgrading PyPI package from {old.recipe.pkgver} to {pkgver}")
    values = {"pkgver": pkgver, "pkgrel": "0"}
    if "_pyver" in old.written:
        values["_pyver"] = project.version
    elif pkgver != project.version:
        shop.log.warning(f"PyPI calls this version {project.version}: see whether source and builddir still fit")
    write_variables(recipe, values)


def check(recipe: Path, shop: Workshop) -> bool:
    """Says which versions the index and the recipe have; True if they are the same."""
    _, old = _read(recipe, shop)
    newest = alpine_version(shop.index.project(project_name(old)).version)
    shop.log.plain(f"{old.recipe.pkgname}: Latest version: {newest} Packaged version: {old.recipe.pkgver}")
    return newest == old.recipe.pkgver


def update(recipe: Path, abuild: Abuild) -> None:
    """Brings the checksums up to date and unpacks and prepares the source."""
    _abuild(abuild, recipe, "checksum", "unpack")
    _abuild(abuild, recipe, "prepare")


def _read(recipe: Path, shop: Workshop) -> tuple[bytes, Old]:
    evaluated = shop.read(recipe)
    try:
        content = recipe.read_bytes()
    except OSError as error:
        raise RecipeError(f"cannot read {recipe}: {error.strerror}")
    return content, read_old(evaluated, content)


def _unpacked(recipe: Path, project: Project) -> Path | None:
    srcdir = recipe.parent / "src"
    file = project.source.rpartition("/")[2]
    stem = file.removesuffix(".zip").removesuffix(".tgz").rpartition(".tar.")[0] or file
    return source_folder(srcdir, stem)


def _tell(shop: Workshop, wanted: Needs) -> None:
    shop.log.plain(f"Requires: {' '.join(wanted.depends)}")
    shop.log.plain(f"CheckDepends: {' '.join(wanted.checkdepends)}")


def _run(shop: Workshop, recipe: Path, *verbs: str) -> None:
    _abuild(shop.abuild, recipe, *verbs)


def _abuild(abuild: Abuild, recipe: Path, *verbs: str) -> None:
    if abuild(recipe.parent, *verbs) != 0:
        raise RecipeError(f"{recipe.parent.name}: 'abuild {' '.join(verbs)}' failed", hint="see what abuild says above")
