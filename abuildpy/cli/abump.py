# SPDX-License-Identifier: GPL-3.0-or-later
"""``abump``: raises the version of recipes, builds and commits them."""

from __future__ import annotations

import getopt
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.config import Config, load_config
from abuildpy.errors import ConfigError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.maintain.bump import Subject, Target, Tools

_PROGRAM = "abump"

_USAGE = f"""\
{_PROGRAM} {__version__} - raise pkgver in APKBUILDs, build and commit
Usage: {_PROGRAM} [-s CVE-1,CVE-2] [-m TEXT] [-f ISSUE] [-p REMOTE] [-b] [-k] [-r] [-q] NAME-VERSION...
Options:
  -s, --security CVE-1,CVE-2  It is a security upgrade: the subject names these
  -m, --message TEXT          Body of the commit message
  -f, --fixes ISSUE           Add 'fixes #ISSUE' to the message
  -p, --push REMOTE           Push the commit there (e.g. origin)
  -b, --branch                First make the branch bump-NAME-VERSION from HEAD
  -k, --keep                  Run abuild with -k, which keeps existing packages
  -r, --rootbld               Build in a clean root ('abuild rootbld')
  -q, --quiet                 No messages
  -h, --help                  Show this help

NAME is a package (foo) or section and package (main/foo) of APORTSDIR, else of the git tree around.
ABUILD names the program that builds (default: abuild), ABUILD_OPTS its options (default: -r).
"""


@dataclass(frozen=True, slots=True)
class _Options:
    security: str | None = None
    message: str = ""
    fixes: str = ""
    push: str = ""
    branch: bool = False
    keep: bool = False
    rootbld: bool = False
    quiet: bool = False
    help: bool = False


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    try:
        options, words = _parse(arguments)
    except getopt.GetoptError as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n{_USAGE}")
        return 2
    if options.help:
        sys.stdout.write(_USAGE)
        return 0
    if not words:
        sys.stderr.write(_USAGE)
        return 2
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")), quiet=options.quiet)
    return guarded(lambda: _act(options, words, config, console), lambda: console)


def _parse(arguments: Sequence[str]) -> tuple[_Options, list[str]]:
    long = ["fixes=", "security=", "message=", "push=", "branch", "keep", "rootbld", "quiet", "help"]
    given, words = getopt.gnu_getopt(list(arguments), "f:s:m:p:bkrqh", long)
    options = _Options()
    for name, value in given:
        match name:
            case "-s" | "--security":
                options = replace(options, security=value)
            case "-m" | "--message":
                options = replace(options, message=value)
            case "-f" | "--fixes":
                options = replace(options, fixes=value)
            case "-p" | "--push":
                options = replace(options, push=value)
            case "-b" | "--branch":
                options = replace(options, branch=True)
            case "-k" | "--keep":
                options = replace(options, keep=True)
            case "-r" | "--rootbld":
                options = replace(options, rootbld=True)
            case "-q" | "--quiet":
                options = replace(options, quiet=True)
            case _:
                return replace(options, help=True), words
    return options, words


def _act(options: _Options, words: Sequence[str], config: Config, console: Console) -> int:
    from abuildpy.maintain.bump import parse_target, start_branch

    # All are looked at before the first is touched: a slip in the last one is not to be found after hours of building.
    targets = [parse_target(word) for word in words]
    tree = _tree(config)
    branch = f"bump-{words[0]}" if options.branch else ""
    if branch:
        start_branch(branch, tree)
    return _bump_all(targets, tree, _subject(options), _tools(options, config, branch), config, console)


def _bump_all(
    targets: Sequence[Target], tree: Path, subject: Subject, tools: Tools, config: Config, console: Console
) -> int:
    """Bumps one after the other; the first failure ends it and decides the exit status."""
    from abuildpy.maintain.bump import bump
    from abuildpy.maintain.reading import recipe_reader

    read = recipe_reader(config, console)
    rest = list(targets)
    while rest:
        target = rest.pop(0)

        def work(target: Target = target) -> int:
            bump(target, tree, subject, tools, read, console)
            return 0

        status = guarded(work, lambda: console)
        if status != 0:
            console.error(f"Failed to build {target}")
            if rest:
                console.error(f"Not bumped: {' '.join(map(str, rest))}")
            return status
    return 0


def _tree(config: Config) -> Path:
    from abuildpy.maintain.locate import git_top_level, in_git_tree

    here = Path.cwd()
    aports = config.get("APORTSDIR")
    if aports:
        if not in_git_tree(here):
            raise ConfigError("not in a git tree", hint="run this inside the aports tree: the result is committed")
        return Path(aports)
    top = git_top_level(here)
    if top is None:
        raise ConfigError("can't locate $APORTSDIR", hint="set it, or run this inside the git tree of the recipes")
    return top


def _subject(options: _Options) -> Subject:
    from abuildpy.maintain.bump import Subject

    security = options.security is not None
    return Subject(security, options.security or "", options.message, options.fixes)


def _tools(options: _Options, config: Config, branch: str) -> Tools:
    from abuildpy.maintain.bump import Tools
    from abuildpy.shell import find_program

    given = config.variables.get("ABUILD_OPTS", "-r").split()
    keep = ["-k"] if options.keep else []
    checkapk = ("checkapk",) if find_program("checkapk") else (sys.executable, "-m", "abuildpy.cli.checkapk")
    # A branch of our own making has no upstream yet, without which git wants to be told what to push.
    push = (options.push, *((branch,) if branch else ())) if options.push else ()
    return Tools(
        abuild=(*(config.get("ABUILD").split() or ["abuild"]), *given, *keep),
        build_verb="rootbld" if options.rootbld else "all",
        checkapk=checkapk,
        push=push,
    )


if __name__ == "__main__":
    sys.exit(main())
