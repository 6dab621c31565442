# SPDX-License-Identifier: GPL-3.0-or-later
"""``snapshot``: an archive of an upstream repository's newest state, where the recipe has no function of its own for it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, FetchError, RecipeError
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.shell import find_program
from abuildpy.ui.console import Console


def make_snapshot(
    recipe: Recipe, config: Config, workspace: Workspace, console: Console, *, clean: Callable[[], None]
) -> str:
    """Clones ``giturl`` and archives ``reporev`` (HEAD) in src; uploads that to ``disturl``, if the recipe has one.

    Returns the version it now ought to have, ``verbase_gitYYYYMMDD``; empty where nothing was uploaded, for then the
    recipe stays as it is. ``clean`` empties src and is called once all that is needed is there. Raises RecipeError
    without giturl, AbuildError without git or rsync, FetchError if one of them fails.
    """
    url, upload = _address(recipe, "giturl"), _address(recipe, "disturl")
    revision = _address(recipe, "reporev") or "HEAD"
    if not upload:
        console.warning(f"disturl is not set in {recipe.path}, so nothing will be uploaded")
    if not url:
        raise RecipeError(f"giturl is not set in {recipe.path}", hint="set it to the address of the git repository")
    if upload and ":" not in upload and not (recipe.startdir / upload).is_dir():
        raise RecipeError(f"disturl='{upload}' is no folder", hint="name a folder, or host:folder")
    git = _program(config.get("git"), "git", config)  # the configuration's: the recipe's runs behind walls only
    rsync = _program("", "rsync", config) if upload else ""
    version = f"{recipe.variables.get('verbase') or '0'}_git{time.strftime('%Y%m%d')}"
    name = f"{recipe.pkgname}-{version}"
    if "/" in name:
        raise RecipeError(f"'{name}' is no file name", hint="look at verbase")
    clean()
    console.msg(f"Creating git snapshot: {name}")
    archive = workspace.src / f"{name}.tar.gz"
    _archive(git, url, revision, archive)
    if not upload:
        return ""
    console.msg(f"Uploading to {upload}")
    _run((rsync, "--progress", "-La", "--", str(archive), upload), recipe.startdir)
    return version


def _address(recipe: Recipe, name: str) -> str:
    """A variable that becomes a word on a command line. Raises RecipeError where it would be taken for an option."""
    value = recipe.variables.get(name, "").strip()
    if value.startswith("-"):
        raise RecipeError(f"{name}='{value}' would be taken for an option")
    return value


def _archive(git: str, url: str, revision: str, archive: Path) -> None:
    """Works in a folder of its own: with -K, anything may have been left in src."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    name = archive.name.removesuffix(".tar.gz")
    with tempfile.TemporaryDirectory(prefix=".snapshot.", dir=archive.parent) as folder:
        shallow = ("--depth=1",) if revision == "HEAD" else ()
        _run((git, "clone", *shallow, "--bare", "--", url, "clone"), Path(folder))
        made = Path(folder, "archive.tar.gz")
        _run(
            (git, "--git-dir=clone", "archive", "--format=tar.gz", "-o", str(made), f"--prefix={name}/", revision),
            Path(folder),
        )
        os.replace(made, archive)


def _program(named: str, usual: str, config: Config) -> str:
    name = named or usual
    found = find_program(name, config.environ.get("PATH"))
    if found is None or name == "true":  # the word that stands for git where there is none
        raise AbuildError(f"{usual} is needed for this and was not found", hint=f"install {usual}")
    return found


def _run(command: Sequence[str], folder: Path) -> None:
    what = os.path.basename(command[0]) + (f" {command[1]}" if command[1][:1] != "-" else "")
    try:
        status = subprocess.run(command, cwd=folder, check=False).returncode
    except OSError as error:
        raise AbuildError(f"cannot run {command[0]}: {error.strerror}") from error
    if status != 0:
        raise FetchError(f"{what} ended with status {status}", hint="what is wrong stands above, in its own words")
