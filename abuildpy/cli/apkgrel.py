# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkgrel``: shows or changes the pkgrel of recipes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import ConfigError, RecipeError, UsageError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_PROGRAM = "apkgrel"

_USAGE = f"""\
{_PROGRAM} {__version__} - show or change pkgrel in APKBUILDs
usage: {_PROGRAM} [-z] [-a] [-g] [-s NUM] [-t] [-f] FOLDER|APKBUILD|NAME...
Options:
  -z, --zero       Set pkgrel to 0
  -a, --add        Add 1 to pkgrel
  -g, --clean-git  Add 1 to pkgrel, but leave alone what has changes in git that
                   are not staged
  -s, --set NUM    Set pkgrel to NUM
  -t, --test       Only check that every recipe has a proper pkgrel
  -f, --force      Do without that check
  -h, --help       Show this help

Without an option that changes it, pkgrel is printed. The last of -z -a -g -s -t
counts. A NAME is looked for in APORTSDIR, else in the git tree around.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    action: str = "show"
    release: str = ""
    clean_git: bool = False
    force: bool = False


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("z", "zero", {"action": "set", "release": "0"}),
        Option("a", "add", {"action": "add"}),
        Option("g", "clean-git", {"action": "add", "clean_git": True}),
        Option("s", "set", {"action": "set", "release": VALUE}),
        Option("t", "test", {"action": "test"}),
        Option("f", "force", {"force": True}),
        Option("q", "quiet", {}, listed=False),  # there is nothing to be quiet about
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, names: len(names) > 0,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_act)


def _act(options: _Options, names: Sequence[str], config: Config, console: Console) -> int:
    from abuildpy.maintain.locate import in_git_tree
    from abuildpy.maintain.pkgrel import require_number

    if options.clean_git and not in_git_tree(Path.cwd()):
        raise ConfigError("not in a git tree", hint="-g asks git what has changed")
    action = _action(options, config, console)
    apkbuilds = _find_all(names, config)
    if not options.force and not _each(apkbuilds, require_number, console):
        return 1
    return 0 if _each(apkbuilds, action, console) else 1


def _each(apkbuilds: Sequence[Path], action: Callable[[Path], None], console: Console) -> bool:
    """Does one thing to every recipe, whatever becomes of the others; whether all went well."""
    failures = 0
    for apkbuild in apkbuilds:

        def work(apkbuild: Path = apkbuild) -> int:
            action(apkbuild)
            return 0

        failures += guarded(work, lambda: console) != 0
    return failures == 0


def _action(options: _Options, config: Config, console: Console) -> Callable[[Path], None]:
    from abuildpy.maintain.pkgrel import has_changes, next_release, set_release
    from abuildpy.maintain.reading import recipe_reader

    match options.action:
        case "set":
            release = _release(options.release)
            return lambda apkbuild: set_release(apkbuild, release, console)
        case "add":
            read = recipe_reader(config, console)

            def add(apkbuild: Path) -> None:
                if not (options.clean_git and has_changes(apkbuild)):
                    set_release(apkbuild, next_release(apkbuild, read), console)

            return add
        case "show":
            read = recipe_reader(config, console)
            return lambda apkbuild: console.plain(read(apkbuild).pkgrel)
        case _:
            return lambda _apkbuild: None


def _release(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise UsageError(f"'{text}' cannot be a pkgrel", hint="it is a whole number, 0 for a new version")
    return int(text or "0")


def _find_all(names: Sequence[str], config: Config) -> list[Path]:
    from abuildpy.maintain.locate import find_aport, git_top_level

    tree: Path | None = Path(config.get("APORTSDIR")) if config.get("APORTSDIR") else None
    found: list[Path] = []
    for name in names:
        path: Path | None = Path(name)
        if Path(name).is_dir():
            path = Path(name, "APKBUILD")
        elif not Path(name).is_file():
            tree = tree or git_top_level(Path.cwd())
            path = find_aport(tree, name) if tree else None
        if path is None or not path.is_file():
            raise RecipeError(
                f"can't find APKBUILD for {name}",
                hint=f"looked in {tree or 'the current folder'}; APORTSDIR names the tree",
            )
        found.append(path)
    return found


if __name__ == "__main__":
    sys.exit(main())
