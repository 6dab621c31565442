# SPDX-License-Identifier: GPL-3.0-or-later
"""``abump``: raises the version of recipes, builds and commits them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import ConfigError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.bump import Subject, Target, Tools
    from abuildpy.ui.console import Console

_PROGRAM = "abump"

_USAGE = f"""\
{_PROGRAM} {__version__} - raise pkgver in APKBUILDs, build and commit
Usage: {_PROGRAM} [-s CVE-1,CVE-2] [-m TEXT] [-f ISSUE] [-p REMOTE] [-b] [-k]
             [-r] [-q] NAME-VERSION...
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

NAME is a package (foo) or section and package (main/foo) of APORTSDIR, else of
the git tree around. ABUILD names the program that builds (default: abuild),
ABUILD_OPTS its options (default: -r).
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


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("s", "security", {"security": VALUE}),
        Option("m", "message", {"message": VALUE}),
        Option("f", "fixes", {"fixes": VALUE}),
        Option("p", "push", {"push": VALUE}),
        Option("b", "branch", {"branch": True}),
        Option("k", "keep", {"keep": True}),
        Option("r", "rootbld", {"rootbld": True}),
        Option("q", "quiet", {"quiet": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) > 0,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_act)


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
