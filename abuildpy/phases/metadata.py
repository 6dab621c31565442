# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata of the packages of one build, from what the shells said after package() and the split functions had run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.package.model import Metadata
from abuildpy.recipe.model import Recipe
from abuildpy.regular import read_regular
from abuildpy.shell import words

_MAIN_DECIDES = ("somask", "sonameprefix", "ldpath", "depends_dev")
"""Variables that tracing reads in the main package's shell, whatever a split function did to them."""


def package_metadata(recipe: Recipe, reported: Mapping[str, Mapping[str, str]]) -> tuple[Metadata, ...]:
    """One Metadata per package, main package first.

    ``reported`` maps package names to all variables of the shell that made the package. Raises RecipeError where a
    package is missing from it or a script cannot be read.
    """
    main = reported.get(recipe.pkgname)
    missing = [name for name in recipe.package_names if name not in reported]
    if main is None or missing:
        raise RecipeError(f"nothing was reported about {', '.join(missing)}", hint="did a function of the recipe exit?")
    return tuple(_metadata(recipe, name, reported[name], main) for name in recipe.package_names)


def metadata_in_shell(recipe: Recipe, name: str, variables: Mapping[str, str], options: tuple[str, ...]) -> Metadata:
    """Metadata of one package by the variables of a shell that is at work on it.

    ``options`` are the flags that it answers for. Raises RecipeError where a script cannot be read.
    """
    said = _metadata(recipe, name, variables, variables)
    return replace(said, options=options, main_options=options)


def _metadata(recipe: Recipe, name: str, variables: Mapping[str, str], main: Mapping[str, str]) -> Metadata:
    # Scripts too are what the package's own shell says: many split functions set install, which the recipe's top does not.
    install, triggers = words(variables, "install"), words(variables, "triggers")
    scripts = {f".{script[len(name) + 1 :]}": script for script in install if _owner(script) == name}
    directories: tuple[str, ...] = ()
    for trigger in triggers:
        script, _, folders = trigger.rpartition("=")
        if script == f"{name}.trigger":
            scripts[".trigger"] = script
            directories = tuple(folder for folder in folders.split(":") if folder)
    return Metadata(
        name=name,
        version=recipe.version,
        origin=recipe.pkgname,
        pkgdesc=variables.get("pkgdesc", ""),
        url=variables.get("url", ""),
        arch=recipe.arch_of(name),
        license=variables.get("license", ""),
        maintainer=variables.get("maintainer", "") or recipe.maintainer,
        depends=words(variables, "depends"),
        provides=words(variables, "provides"),
        replaces=words(variables, "replaces"),
        install_if=words(variables, "install_if"),
        provider_priority=variables.get("provider_priority", ""),
        replaces_priority=variables.get("replaces_priority", ""),
        trigger_dirs=directories,
        scripts={member: _read(recipe.startdir, script) for member, script in scripts.items()},
        options=words(variables, "options"),
        main_options=words(main, "options"),
        variables={**variables, **{key: main.get(key, "") for key in _MAIN_DECIDES}},
    )


def _owner(script: str) -> str:
    """The package that an install script such as ``foo.post-install`` belongs to."""
    return script.rpartition(".")[0]


def _read(startdir: Path, script: str) -> bytes:
    """Content of an install script. It may be a link to another file of the recipe's folder, and to nothing else."""
    path = startdir / script
    try:
        real = path.resolve(strict=True)
        if startdir.resolve() not in real.parents:
            raise RecipeError(f"{path} leads out of the recipe's folder", hint="put the script itself there")
        return read_regular(real)
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read: {error.strerror}", hint="is it named in install or triggers?"
        ) from error
