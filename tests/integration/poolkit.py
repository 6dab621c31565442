# SPDX-License-Identifier: GPL-3.0-or-later
"""Small trees of recipes, evaluated together or one by one, and what came out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from abuildpy.config import Config, load_config
from abuildpy.errors import RecipeError
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.readers import readers_of
from abuildpy.phases.settings import Settings
from abuildpy.recipe.answer import Answer
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.library import PASSING
from abuildpy.ui.console import Console

HEAD = (
    b'pkgname=%b\npkgver=1\npkgrel=0\npkgdesc="one of many"\nurl="https://site.invalid/q="\narch="all"\nlicense="MIT"\n'
)
FUNCTIONS = b"build() {\n\tmake\n}\npackage() {\n\tmake install\n}\n"
TRACED = b"_a=${0##*/}\n_a=$(echo one two)\nif [ -e APKBUILD ]; then _b=there; fi\n"
"""What makes a recipe not plain."""

UNTOLD = PASSING | {"PWD", "HOME", "APKBUILD", "XDG_CACHE_HOME"}
Values = tuple[dict[str, str], frozenset[str], tuple[str, ...]]


def place_config(base: Path, **more: str) -> Config:
    """A configuration with its own home, and so with its own cache."""
    (base / "home").mkdir(exist_ok=True)
    return load_config(
        {
            "PATH": os.environ["PATH"],
            "HOME": str(base / "home"),
            "CBUILD": "x86_64-alpine-linux-musl",
            "ABUILD_CONF": "/dev/null",
            "REPODEST": str(base / "packages"),
            "APORTSDIR": str(base / "aports"),
            **more,
        }
    )


def write(base: Path, name: str, text: bytes) -> Path:
    """Writes a recipe below aports/main."""
    apkbuild = base / "aports" / "main" / name / "APKBUILD"
    apkbuild.parent.mkdir(parents=True, exist_ok=True)
    apkbuild.write_bytes(text)
    return apkbuild


def recipe(name: str, text: bytes = b"") -> bytes:
    """A recipe's text."""
    return HEAD % name.encode() + text


def below(base: Path, config: Config) -> dict[str, Answer]:
    """All recipes of the place, by the name of their folder."""
    found = Evaluations(config, Settings(quiet=True), Console(colors=False)).below([f"{base}/aports/main"])
    return {Path(answer.path).parent.name: answer for answer in found}


def told(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that mean something."""
    return {n: v for n, v in variables.items() if v and n not in UNTOLD and not n.startswith("_ab_")}


def values(answer: Answer) -> Values:
    """What an answer says, to be compared."""
    return told(answer.variables), answer.functions, lines(answer.said)


def alone(apkbuild: Path, config: Config) -> Values | str:
    """The same of a recipe that has a shell to itself, or why it has no values. Nothing comes from the cache."""
    config = Config(config.variables, config.exported, {**config.environ, "XDG_CACHE_HOME": "/dev/null"})
    said: list[bytes] = []
    run = readers_of(config, Settings(quiet=True), Console(colors=False)).runner(silent=True)
    try:
        found = evaluate(apkbuild, config, run, said.extend)
    except RecipeError as error:
        return error.message
    return (
        told(found.variables),
        found.functions,
        lines(line.decode("utf-8", "replace") for line in said),
    )


def lines(said: Iterable[str]) -> tuple[str, ...]:
    """What was said, without the names of the files that read the recipe."""
    return tuple(re.sub(r"^\S+: (?=/\S*/APKBUILD: )", "", line) for line in said)


def differences(one: Values | str, other: Values | str) -> list[object]:
    """What two tell differently."""
    if isinstance(one, str) or isinstance(other, str):
        return [] if one == other else [one, other]
    names = [n for n in sorted({*one[0], *other[0]}) if one[0].get(n) != other[0].get(n)]
    variables = [(n, one[0].get(n), other[0].get(n)) for n in names]
    return [
        *variables,
        *([(one[1], other[1])] if one[1] != other[1] else ()),
        *([(one[2], other[2])] if one[2] != other[2] else ()),
    ]
