# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkgrel``: shows or changes the pkgrel of recipes."""

from __future__ import annotations

import getopt
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.config import Config, load_config
from abuildpy.errors import ConfigError, RecipeError, UsageError
from abuildpy.ui.console import Console, want_colors

_PROGRAM = "apkgrel"

_USAGE = f"""\
{_PROGRAM} {__version__} - show or change pkgrel in APKBUILDs
usage: {_PROGRAM} [-z] [-a] [-g] [-s NUM] [-t] [-f] FOLDER|APKBUILD|NAME...
Options:
  -z, --zero       Set pkgrel to 0
  -a, --add        Add 1 to pkgrel
  -g, --clean-git  Add 1 to pkgrel, but leave alone what has changes in git that are not staged
  -s, --set NUM    Set pkgrel to NUM
  -t, --test       Only check that every recipe has a proper pkgrel
  -f, --force      Do without that check
  -h, --help       Show this help

Without an option that changes it, pkgrel is printed. The last of -z -a -g -s -t counts.
A NAME is looked for in APORTSDIR, else in the git tree around.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    action: str = "show"
    release: str = ""
    clean_git: bool = False
    force: bool = False
    help: bool = False


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    try:
        options, names = _parse(arguments)
    except getopt.GetoptError as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n{_USAGE}")
        return 2
    if options.help:
        sys.stdout.write(_USAGE)
        return 0
    if not names:
        sys.stderr.write(_USAGE)
        return 2
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    return guarded(lambda: _act(options, names, config, console), lambda: console)


def _parse(arguments: Sequence[str]) -> tuple[_Options, list[str]]:
    long = ["zero", "add", "clean-git", "set=", "test", "force", "quiet", "help"]
    given, names = getopt.gnu_getopt(list(arguments), "zags:tfqh", long)
    options = _Options()
    for name, value in given:
        match name:
            case "-z" | "--zero":
                options = replace(options, action="set", release="0")
            case "-a" | "--add":
                options = replace(options, action="add")
            case "-g" | "--clean-git":
                options = replace(options, action="add", clean_git=True)
            case "-s" | "--set":
                options = replace(options, action="set", release=value)
            case "-t" | "--test":
                options = replace(options, action="test")
            case "-f" | "--force":
                options = replace(options, force=True)
            case "-q" | "--quiet":
                pass  # there is nothing to be quiet about
            case _:
                return replace(options, help=True), names
    return options, names


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

    def write(apkbuild: Path, release: int) -> None:
        if not set_release(apkbuild, release):
            console.warning(f"{apkbuild} has no line pkgrel=, nothing was changed")

    match options.action:
        case "set":
            release = _release(options.release)
            return lambda apkbuild: write(apkbuild, release)
        case "add":
            read = recipe_reader(config, console)

            def add(apkbuild: Path) -> None:
                if not (options.clean_git and has_changes(apkbuild)):
                    write(apkbuild, next_release(apkbuild, read))

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
