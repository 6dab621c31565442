# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of ``apkbuild-pypi``: recipes of Python packages, made and kept up to date with a package index."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.errors import FetchError, RecipeError
from abuildpy.maintain.abuildrun import Abuild
from abuildpy.maintain.detect import source_folder
from abuildpy.maintain.pybuild import alpine_name
from abuildpy.maintain.pyindex import Project
from abuildpy.maintain.pypi import Index
from abuildpy.maintain.pyrecipe import Needs, Old, Seen, alpine_version, needs, project_name, read_old, recipe_text
from abuildpy.maintain.pyupgrade import upgrade_recipe
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.maintain.render import write
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.messages import Messages


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the verbs work with. ``maintainer`` is whom a new recipe names, ``known`` tells the names of packages."""

    index: Index
    read: ReadRecipe
    abuild: Abuild
    maintainer: str
    log: Messages
    known: KnownPackages = field(default_factory=KnownPackages)


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
    wanted = needs(project, shop.known.python)
    recipe.parent.mkdir(parents=True, exist_ok=True)

    def text(unpacked: Path | None) -> bytes:
        return recipe_text(
            project,
            source=source,
            maintainer=shop.maintainer,
            unpacked=unpacked,
            homepage=homepage,
            anew=wanted,
            seen=None if unpacked is None else _look(unpacked, project, shop),
        )

    write(recipe, text(None))
    shop.log.plain(f"Wrote {recipe.parent.name}/APKBUILD")
    _run(shop, recipe, "checksum", "unpack")
    write(recipe, text(_unpacked(recipe, project)))
    _tell(shop, wanted)
    if not project.license and "license=" not in recipe.read_text(errors="replace"):
        shop.log.warning("its licence is not stated in a form that is known: fill in license=")
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
    wanted = needs(project, shop.known.python) if deps else None

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
    """Sets pkgver to the newest version and pkgrel to 0, and changes the dependencies that changed upstream, no more.

    What was changed is shown as a diff.
    """
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
    _tell_of_another_name(old, project, shop)
    packaged = _packaged(old, project, shop)
    before = None if packaged is None else needs(packaged, shop.known.python)
    if before is None:
        shop.log.warning(f"what {old.recipe.pkgver} required is not to be found out, so dependencies stay as they are")
    after = needs(project, shop.known.python)
    done = upgrade_recipe(old.recipe, values, before, after)
    for line in done.diff:
        shop.log.plain(line)
    for line in done.left:
        shop.log.warning(f"for you to change: {line}")
    if packaged is not None and not packaged.requires:
        # Many old versions have no metadata at the index, which looks the same as requiring nothing.
        doubtful = [name for name in old.recipe.depends if name.startswith("py3-") and name not in after.depends]
        if doubtful:
            shop.log.warning(f"not among what {project.version} requires: {' '.join(doubtful)}")
    if packaged is not None and packaged.license != project.license and packaged.license and project.license:
        shop.log.warning(f"the licence was {packaged.license} and is {project.license} now")


def _tell_of_another_name(old: Old, project: Project, shop: Workshop) -> None:
    """Warns where the new version's archive is named otherwise than the recipe's source is: PEP 625 changed many names."""
    packaged = _published(old) or old.recipe.pkgver
    names = [s.uri.rpartition("/")[2] for s in old.recipe.source if s.remote and "/packages/source/" in s.uri]
    file = project.source.rpartition("/")[2]
    if names and file not in [name.replace(packaged, project.version) for name in names]:
        shop.log.warning(f"the archive is called {file} now: see whether source and builddir still fit")


def _published(old: Old) -> str:
    """What the index calls the recipe's version, where the recipe says so."""
    return old.recipe.variables.get("_pyver", "") if "_pyver" in old.written else ""


def _packaged(old: Old, project: Project, shop: Workshop) -> Project | None:
    """What the index says of the version that the recipe has; None where it says nothing of its requirements."""
    try:
        return shop.index.project(project.name, _published(old) or old.recipe.pkgver)
    except FetchError:
        return None


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


def _look(unpacked: Path, project: Project, shop: Workshop) -> Seen:
    """What the source itself shows, which the index does not tell."""
    from abuildpy.maintain.survey.licensing import license_of
    from abuildpy.maintain.survey.patience import LONGEST_LOOK, bounded
    from abuildpy.maintain.survey.plan import Subject
    from abuildpy.maintain.survey.python import python
    from abuildpy.maintain.survey.tree import SourceTree

    tree = SourceTree(unpacked)
    with bounded(LONGEST_LOOK):
        plan = python(Subject(tree, shop.known, alpine_name(project.name), project.name))
        license_ = license_of(tree, project.license, "the index").expression or project.license
    for remark in plan.remarks:
        shop.log.warning(remark)
    return Seen(plan, license_)


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
