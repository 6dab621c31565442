# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a recipe's packages are, and the verbs that tidy up among them."""

from __future__ import annotations

from pathlib import Path

from abuildpy.config import Config
from abuildpy.package.model import list_has
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.outputs import Outputs
from abuildpy.records.names import orphaned_by, record_names
from abuildpy.ui.console import Console


def has_option(recipe: Recipe, flag: str) -> bool:
    """Whether ``options`` has a flag for the main package."""
    return list_has(f"{recipe.pkgname}::{flag}", recipe.options) or list_has(flag, recipe.options)


def outputs_of(recipe: Recipe, config: Config) -> Outputs:
    """The package files of a recipe under this configuration."""
    return Outputs(recipe.variables, str(config.repodest))


def repository_folder(recipe: Recipe, config: Config, arch: str) -> Path:
    """Where packages of an architecture go; noarch ones live with those of CARCH."""
    return Path(outputs_of(recipe, config).folder(arch))


def package_path(recipe: Recipe, config: Config, name: str) -> Path:
    """The .apk of one of the recipe's packages."""
    return Path(outputs_of(recipe, config).path(name))


def package_paths(recipe: Recipe, config: Config) -> tuple[Path, ...]:
    """The .apk of every package the recipe makes, main package first."""
    return tuple(map(Path, outputs_of(recipe, config).paths))


def source_folder(recipe: Recipe, config: Config) -> Path:
    """SRCDEST, or the recipe's folder where that is not set."""
    folder = config.get("SRCDEST")
    return Path(folder) if folder else recipe.startdir


def built_earlier(config: Config) -> tuple[str, ...]:
    """Folders of repositories in which packages that were built earlier are looked for, the newest first.

    REPODEST, unless ABUILDPY_REPOSITORIES names others, with colons between: a batch builds each recipe into a REPODEST of its
    own.
    """
    return (
        tuple(config.get("ABUILDPY_REPOSITORIES").split(":"))
        if config.get("ABUILDPY_REPOSITORIES")
        else (str(config.repodest),)
    )


# --- verbs -------------------------------------------------------------------------------------------------------


def list_packages(recipe: Recipe, config: Config, console: Console) -> None:
    """``listpkg``: the file name of every package, one a line."""
    for name in outputs_of(recipe, config).file_names:
        console.plain(name)


def clean_cache(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleancache``: deletes this recipe's downloads."""
    for source in recipe.source:
        if source.remote:
            console.msg(f"Cleaning downloaded {source.name}")
            (source_folder(recipe, config) / source.name).unlink(missing_ok=True)


def clean_packages(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleanpkg``: deletes the packages of this version, and their records; the caller updates the index."""
    console.msg("Cleaning packages of this version")
    outputs_of(recipe, config).require_safe()
    for path in package_paths(recipe, config):
        path.unlink(missing_ok=True)
        for name in record_names(recipe.pkgname, recipe.version, recipe.package_names):
            (path.parent / name).unlink(missing_ok=True)


def clean_old_packages(recipe: Recipe, config: Config, console: Console) -> None:
    """``cleanoldpkg``: deletes other versions of this recipe's packages, and their records; the caller updates the index."""
    console.msg(f"Cleaning packages of other versions than {recipe.version}")
    outputs_of(recipe, config).require_safe()
    current = {path.name for path in package_paths(recipe, config)}
    for name in recipe.package_names:
        for path in package_path(recipe, config, name).parent.glob(f"{_literal(name)}-[0-9]*.apk"):
            if path.name not in current:
                console.msg2(f"removing {path}")
                path.unlink(missing_ok=True)
                for record in orphaned_by(path.name, recipe.pkgname, name):
                    (path.parent / record).unlink(missing_ok=True)


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)


def check_sources(recipe: Recipe, _config: Config, console: Console) -> None:
    """``sourcecheck``: asks upstream whether every remote source is still there. Raises FetchError for the first that is not."""
    from abuildpy.source.presence import require_present

    for source in recipe.source:
        if source.remote:
            console.msg(f"Checking {source.uri}")
            require_present(source.uri)


def old_name_of_validate(_recipe: Recipe, _config: Config, console: Console) -> None:
    """``sanitycheck``: says what it is called today, as abuild does, and no more."""
    console.warning("sanitycheck is validate's old name and checks nothing: use validate")
