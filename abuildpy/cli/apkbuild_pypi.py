# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkbuild-pypi``: recipes of Python packages from what a package index says."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.program import HELP, Program
from abuildpy.errors import RecipeError, UsageError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.pyaport import Workshop
    from abuildpy.ui.console import Console

_PROGRAM = "apkbuild-pypi"

_USAGE = f"""\
{_PROGRAM} {__version__} - recipes of Python packages
Usage: {_PROGRAM} create NAME [homepage] | recreate [deps] | upgrade |
                     check | update

In the folder of a repository:
  create NAME [homepage]
                    Make py3-NAME/APKBUILD; with 'homepage', url= is the
                    project's own page
In a recipe's folder:
  recreate [deps]   Make the recipe again for the newest version; with 'deps',
                    its dependencies too
  upgrade           Put the newest version's number into the recipe, and the
                    dependencies that changed; shows the diff
  check             Say what is newest and what is packaged; status 1 if they
                    differ
  update            Run abuild checksum unpack prepare

Options:
  -h, --help        Show this help

The index is the one that pip uses: PIP_INDEX_URL, index-url in pip.conf.
PYPI_URL overrules it: the address above /pypi/NAME/json. The tree of aports
around you, or APORTSDIR, tells the names of packages.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    """There are none."""


class PypiUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


def _require_sense(words: Sequence[str]) -> None:
    """Raises PypiUsageError that says which word is wrong."""
    match words:
        case ["create", "", *_] | ["create"]:
            raise PypiUsageError("create: of which project?", hint=f"{_PROGRAM} create NAME")
        case ["create", _] | ["create", _, "homepage"] | ["recreate"] | ["recreate", "deps"]:
            return
        case ["upgrade"] | ["check"] | ["update"]:
            return
        case ["create" | "recreate" | "upgrade" | "check" | "update" as verb, *rest]:
            raise PypiUsageError(f"{verb} takes no '{rest[-1]}'", hint=f"{_PROGRAM} --help tells more")
    raise PypiUsageError(f"no subcommand '{words[0]}'", hint=f"{_PROGRAM} --help tells more")


PROGRAM = Program(_PROGRAM, _Options, (HELP,), usage=lambda: _USAGE, fits=lambda _options, words: bool(words))


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(lambda _options, words, config, console: _act(words, config, console))


def _act(arguments: Sequence[str], config: Config, console: Console) -> int:
    from abuildpy.maintain import pyaport
    from abuildpy.maintain.abuildrun import run_abuild
    from abuildpy.recipe.evaluate import find_apkbuild

    _require_sense(arguments)
    verb, rest = arguments[0], arguments[1:]
    if verb == "create":
        pyaport.create(rest[0], Path.cwd(), _workshop(config, console), homepage="homepage" in rest[1:])
        return 0
    try:
        recipe = find_apkbuild(Path("APKBUILD"))
    except RecipeError as error:
        raise RecipeError(error.message, hint=f"'{_PROGRAM} {verb}' is for the folder of a recipe") from None
    match verb:
        case "recreate":
            pyaport.recreate(recipe, _workshop(config, console), deps="deps" in rest)
        case "upgrade":
            pyaport.upgrade(recipe, _workshop(config, console))
        case "check":
            return 0 if pyaport.check(recipe, _workshop(config, console)) else 1
        case _:
            pyaport.update(recipe, run_abuild)
    return 0


def _workshop(config: Config, console: Console) -> Workshop:
    from abuildpy.maintain.abuildrun import run_abuild
    from abuildpy.maintain.pipconfig import find_index
    from abuildpy.maintain.pyaport import Workshop
    from abuildpy.maintain.pypi import Index
    from abuildpy.maintain.reading import recipe_reader
    from abuildpy.maintain.survey.known import TreePackages, read_known, tree_around

    maintainer = " ".join(config.get("MAINTAINER").split())
    index = Index(find_index(os.environ))
    tree = Path(config.get("APORTSDIR")) if config.get("APORTSDIR") else tree_around(Path.cwd())
    known = read_known(None if tree is None else TreePackages(tree, config, console), ())
    return Workshop(index, recipe_reader(config, console), run_abuild, maintainer, console, known)


if __name__ == "__main__":
    sys.exit(main())
