# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkbuild-pypi``: recipes of Python packages from what a package index says."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.config import Config, load_config
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.maintain.pyaport import Workshop

_PROGRAM = "apkbuild-pypi"

_USAGE = f"""\
{_PROGRAM} {__version__} - recipes of Python packages
Usage: {_PROGRAM} create NAME [homepage] | recreate [deps] | upgrade | check | update

In the folder of a repository:
  create NAME [homepage]
                    Make py3-NAME/APKBUILD; with 'homepage', url= is the project's own page
In a recipe's folder:
  recreate [deps]   Make the recipe again for the newest version; with 'deps', its dependencies too
  upgrade           Put the newest version's number into the recipe, no more
  check             Say what is newest and what is packaged; status 1 if they differ
  update            Run abuild checksum unpack prepare

The index is the one that pip uses: PIP_INDEX_URL, index-url in pip.conf. PYPI_URL overrules it: the address
above /pypi/NAME/json.
"""


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    match arguments:
        case ["create", name, *rest] if rest in ([], ["homepage"]) and name and not name.startswith("-"):
            pass
        case ["recreate"] | ["recreate", "deps"] | ["upgrade"] | ["check"] | ["update"]:
            pass
        case _:
            sys.stderr.write(_USAGE)
            return 2
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    return guarded(lambda: _act(arguments, config, console), lambda: console)


def _act(arguments: Sequence[str], config: Config, console: Console) -> int:
    from abuildpy.maintain import pyaport
    from abuildpy.maintain.abuildrun import run_abuild
    from abuildpy.recipe.evaluate import find_apkbuild

    verb, rest = arguments[0], arguments[1:]
    if verb == "create":
        pyaport.create(rest[0], Path.cwd(), _workshop(config, console), homepage="homepage" in rest[1:])
        return 0
    recipe = find_apkbuild(Path("APKBUILD"))
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

    maintainer = " ".join(config.get("MAINTAINER").split())
    index = Index(find_index(os.environ))
    return Workshop(index, recipe_reader(config, console), run_abuild, maintainer, console)


if __name__ == "__main__":
    sys.exit(main())
