# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives besides packages: a recipe with its sources (``srcpkg``), and a package's tree (``targz``)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

_ORDINARY = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def pack_recipe(recipe: Recipe, config: Config, console: Console) -> Path:
    """Packs the APKBUILD, its sources, install scripts and triggers, all below the name of the recipe's folder.

    Sources must have been fetched; those that do not lie beside the APKBUILD are copied there first, as abuild does.
    Returns ``REPODEST/src/NAME-VERSION-RELEASE.src.tar.gz`` (abuild 3.18 writes no ``r`` there). Raises RecipeError for
    a file that is missing or outside the folder, AbuildError if the archive cannot be written.
    """
    for source, path in _sources(recipe, source_folder(recipe, config)):
        console.plain(f"Source: {source}")
        _copy_beside(path, recipe.startdir / source)
    for script in recipe.install:
        console.plain(f"Install script: {script}")
    for trigger in _triggers(recipe):
        console.plain(f"Trigger: {trigger}")
    name = f"{recipe.pkgname}-{recipe.pkgver}-{recipe.pkgrel}.src.tar.gz"
    console.msg(f"Creating source package {name}...")
    files = ("APKBUILD", *(source.name for source in recipe.source), *recipe.install, *_triggers(recipe))
    with _new_archive(config, name) as (part, final):
        _tar(part, recipe, files)
    return final


def pack_tree(recipe: Recipe, config: Config, workspace: Workspace) -> Path:
    """Packs what package() left, without hidden files at its top, into ``REPODEST/src/NAME-VERSION-rRELEASE.tar.gz``.

    Raises AbuildError where there is no tree, or nothing in it, or the archive cannot be written.
    """
    import subprocess

    tree = workspace.pkg / recipe.pkgname
    if tree.is_symlink() or not tree.is_dir():
        raise AbuildError(f"{tree}: no such folder", hint="run `abuild package targz`")
    entries = sorted(name for name in os.listdir(os.fsencode(tree)) if not name.startswith(b"."))
    if not entries:
        raise AbuildError(f"{tree} is empty", hint="package() has installed nothing")
    with _new_archive(config, f"{recipe.pkgname}-{recipe.version}.tar.gz") as (part, final):
        done = subprocess.run(("tar", "-C", tree, "-czf", part, "--", *entries), check=False)
        if done.returncode != 0:
            raise AbuildError(f"{final} could not be written: tar ended with status {done.returncode}")
    return final


def _sources(recipe: Recipe, downloads: Path) -> Iterator[tuple[str, Path]]:
    from abuildpy.source.acquire import source_paths

    for source, path in zip(recipe.source, source_paths(recipe, downloads), strict=True):
        yield source.name, path


def _triggers(recipe: Recipe) -> tuple[str, ...]:
    return tuple(trigger.rpartition("=")[0] for trigger in recipe.triggers)


def _copy_beside(path: Path, beside: Path) -> None:
    """Copies a source to where the APKBUILD is, unless something of its name is there.

    A recipe's own fetch() may have put a link to anything there: links are not followed.
    """
    if os.path.lexists(beside):
        return
    part = beside.with_name(f".{beside.name}.part")
    try:
        with open(os.open(path, _ORDINARY), "rb") as source, open(part, "xb") as copy:
            shutil.copyfileobj(source, copy)
        os.rename(part, beside)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RecipeError(f"{path} cannot be copied to {beside}: {error.strerror}") from error


@contextmanager
def _new_archive(config: Config, name: str) -> Iterator[tuple[Path, Path]]:
    """A file to write and the name it gets in the end."""
    final = config.repodest / "src" / name
    part = final.with_name(f".{name}.{os.getpid()}.part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield part, final
        os.replace(part, final)
    except OSError as error:
        raise AbuildError(f"{final} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _tar(part: Path, recipe: Recipe, files: Iterable[str]) -> None:
    """Nobody owns the members and no time of our own goes in, so the same files make the same archive."""
    import gzip
    import tarfile

    def nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with (
        open(part, "xb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        for name in dict.fromkeys(files):
            if "/" in name or name in ("", ".", ".."):
                raise RecipeError(f"'{name}' is no file beside the APKBUILD", hint="look at install and triggers")
            path = recipe.path if name == "APKBUILD" else recipe.startdir / name
            if not os.path.lexists(path):
                raise RecipeError(f"{path} is missing", hint="look at source, install and triggers")
            tar.add(path, f"{recipe.startdir.name}/{name}", recursive=False, filter=nobodys)
