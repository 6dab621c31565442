# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about a recipe's packages in the repository, and the verbs that tidy up.

Answering "is there anything to do?" is the most frequent run of all, so this module stays light to import.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import FetchError
from abuildpy.package.model import list_has
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

OVERRIDABLE = frozenset({"fetch", "unpack", "cleanup_srcdir", "sourcecheck", "srcpkg", "snapshot", "verify"})
"""Verbs done outside the walls by us, unless the recipe brings a function of that name."""


def has_option(recipe: Recipe, flag: str) -> bool:
    """Whether ``options`` has a flag for the main package."""
    return list_has(f"{recipe.pkgname}::{flag}", recipe.options) or list_has(flag, recipe.options)


def is_for_this_arch(recipe: Recipe, config: Config) -> bool:
    """Whether ``arch`` lists the architecture we build for; the first word that says something decides."""
    for word in recipe.arch:
        if word in ("all", "noarch", config.carch):
            return True
        if word == f"!{config.carch}":
            return False
    return False


def repository_folder(recipe: Recipe, config: Config, arch: str) -> Path:
    """Where packages of an architecture go; noarch ones live with those of CARCH."""
    return config.repodest / recipe.repo / (config.carch if arch == "noarch" else arch)


def package_path(recipe: Recipe, config: Config, name: str) -> Path:
    """The .apk of one of the recipe's packages."""
    return repository_folder(recipe, config, recipe.arch_of(name)) / f"{name}-{recipe.version}.apk"


def package_paths(recipe: Recipe, config: Config) -> tuple[Path, ...]:
    """The .apk of every package the recipe makes, main package first."""
    return tuple(package_path(recipe, config, name) for name in recipe.package_names)


def is_up_to_date(recipe: Recipe, config: Config, *, keep: bool) -> bool:
    """Whether packages and index exist and are newer than what they are made of."""
    return packages_up_to_date(recipe, config, keep=keep) and _indexes_up_to_date(recipe, config)


def packages_up_to_date(recipe: Recipe, config: Config, *, keep: bool) -> bool:
    """Whether every package exists and, unless ``keep``, the main one is not older than any input."""
    paths = package_paths(recipe, config)
    if not all(path.is_file() for path in paths):
        return False
    if keep:
        return True
    built = os.stat(paths[0]).st_mtime_ns
    return all(_age(path) <= built for path in _inputs(recipe, config))


def _inputs(recipe: Recipe, config: Config) -> Iterator[Path]:
    yield recipe.path
    for script in (*recipe.install, *(trigger.rpartition("=")[0] for trigger in recipe.triggers)):
        yield recipe.startdir / Path(script).name
    for source in recipe.source:
        yield (source_folder(recipe, config) if source.remote else recipe.startdir) / source.name


def source_folder(recipe: Recipe, config: Config) -> Path:
    """SRCDEST, or the recipe's folder where that is not set."""
    folder = config.get("SRCDEST")
    return Path(folder) if folder else recipe.startdir


def _indexes_up_to_date(recipe: Recipe, config: Config) -> bool:
    for path in package_paths(recipe, config):
        index = path.parent / "APKINDEX.tar.gz"
        if not index.is_file() or _age(path) > _age(index):
            return False
    return True


def _age(path: Path) -> int:
    """Modification time in nanoseconds; 0 for what does not exist (then it is newer than nothing)."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


# --- verbs -------------------------------------------------------------------------------------------------------


def list_packages(recipe: Recipe, _config: Config, console: Console) -> None:
    """``listpkg``: the file name of every package, one a line."""
    for name in recipe.package_names:
        console.plain(f"{name}-{recipe.version}.apk")


def clean_cache(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleancache``: deletes this recipe's downloads."""
    console.msg("Cleaning downloaded files from SRCDEST")
    for source in recipe.source:
        if source.remote:
            (source_folder(recipe, config) / source.name).unlink(missing_ok=True)


def clean_packages(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleanpkg``: deletes the packages of this version; the caller updates the index."""
    console.msg("Cleaning built packages...")
    for path in package_paths(recipe, config):
        path.unlink(missing_ok=True)


def clean_old_packages(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleanoldpkg``: deletes other versions of this recipe's packages; the caller updates the index."""
    console.msg("Cleaning all packages except the current version...")
    current = set(package_paths(recipe, config))
    for name in recipe.package_names:
        for path in repository_folder(recipe, config, config.carch).glob(f"{_literal(name)}-[0-9]*.apk"):
            if path not in current:
                console.plain(f"removed '{path}'")
                path.unlink(missing_ok=True)


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)


def check_sources(recipe: Recipe, _config: Config, console: Console) -> None:
    """``sourcecheck``: asks upstream whether every remote source is still there. Raises FetchError for the first that is not."""
    import requests

    for source in recipe.source:
        if not source.remote or source.uri.startswith("ftp://"):
            continue
        console.msg(f"Checking {source.uri}")
        try:
            answer = requests.head(source.uri, allow_redirects=True, timeout=30)
        except requests.RequestException as error:
            raise FetchError(f"{source.uri}: {error}") from error
        if not answer.ok:
            raise FetchError(f"{source.uri}: the server says {answer.status_code} {answer.reason}")
