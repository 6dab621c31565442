# SPDX-License-Identifier: GPL-3.0-or-later
"""``checkapk``: compares the packages just built with the published ones."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.program import HELP, Program
from abuildpy.errors import ConfigError, RepositoryError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.compare import Contents
    from abuildpy.maintain.published import Published
    from abuildpy.ui.console import Console

_PROGRAM = "checkapk"

_USAGE = f"""\
{_PROGRAM} {__version__} - find what changed for others when a package is upgraded
Usage: {_PROGRAM} [-h|--help]

Run it in the folder of a recipe that has been built.

Options:
  -h, --help  Show this help
"""


@dataclass(frozen=True, slots=True)
class _Options:
    """There are none."""


PROGRAM = Program(_PROGRAM, _Options, (HELP,), usage=lambda: _USAGE, fits=lambda _options, words: not words)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(lambda _options, _words, config, console: _act(config, console))


def _act(config: Config, console: Console) -> int:
    if not config.files():
        raise ConfigError("no abuild.conf found", hint="ABUILD_CONF or ABUILD_USERCONF names one")
    apkbuild = Path("APKBUILD")
    if not apkbuild.is_file():
        raise ConfigError("must be run in the directory of a built package", hint=f"{Path.cwd()} has no APKBUILD")

    from abuildpy.maintain.diff.sides import built_package
    from abuildpy.maintain.published import Published, write_remote_repositories
    from abuildpy.maintain.reading import recipe_reader
    from abuildpy.repository.installed import apk_root

    recipe = recipe_reader(config, console)(apkbuild)
    root = apk_root(config.apk, os.environ) or Path("/")
    with tempfile.TemporaryDirectory(prefix="checkapk-") as folder:
        repositories = Path(folder, "repositories")
        write_remote_repositories(root / "etc/apk/repositories", repositories)
        published = Published(config.apk, repositories)
        for name in recipe.package_names:
            _check(name, built_package(name, recipe, config), published, Path(folder, "old.apk"), console)
    return 0


def _check(name: str, built: Path, published: Published, download: Path, console: Console) -> None:
    """Prints what differs between a package and the published one of the same name."""
    from abuildpy.maintain.compare import apk_size, diff, may_change_sonames, read_contents, soname_changes

    new = read_contents(built)
    if published.newest(name) == built.name.removesuffix(".apk"):
        raise RepositoryError(f"the built package ({name}) is already in the repo", hint="raise its pkgrel")
    old, problem = _old(name, published, download)
    sizes = (apk_size(old.size) if old else "none", apk_size(new.size))
    if sizes[0] == sizes[1]:
        console.msg(f"No size differences for {name}.")
    else:
        console.msg(f"Size difference for {name}: {sizes[0]} -> {sizes[1]}")
    if problem:
        console.msg2(problem)
    labels = (f"filelist-{name}-old\t{old.label if old else '(none)'}", f"filelist-{name}-new\t{new.label}")
    console.lines("stdout", tuple(diff(old.names if old else (), new.names, labels)))
    if not may_change_sonames(old, new):
        console.msg(f"No soname differences for {name}.")
        return
    console.plain("SODIFF:")
    for sign, path, soname in soname_changes(old, new):
        console.plain(f"{sign}{path}:    SONAME               {soname}" if soname else f"{sign}{path}:")


def _old(name: str, published: Published, download: Path) -> tuple[Contents | None, str]:
    """The published package, or None and what to tell about that."""
    from abuildpy.maintain.compare import read_contents

    if not published.fetch(name, download):
        return None, f"Old apk for {name} missing. (new package/arch? broken internet?)"
    try:
        return read_contents(download), ""
    except RepositoryError as error:
        return None, f"Old apk for {name} cannot be read: {error.message}"


if __name__ == "__main__":
    sys.exit(main())
