# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy``: what abuild has no name for, one subcommand each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import UsageError
from abuildpy.ui.console import Console, want_colors

_USAGE = """\
usage: abuildpy SUBCOMMAND [arguments]

  batch          build many recipes in the right order, or show that order
  bump           give recipes a new version: edit, fetch, build, compare, commit
  cache          what is kept of evaluated recipes, and where; empty it
  check-changed  which changed recipes lack a new version or pkgrel
  diff           what differs between packages, and whether others have to be
                 rebuilt
  follows        which recipes have to be rebuilt when something changes that
                 packages provide
  info           what recipes say, once evaluated
  lint           what is wrong or unusual in recipes, which are not run: the
                 same as apkbuild-lint
  outdated       which recipes upstream has a newer version of
  paths          where abuildpy keeps what scripts may want
  reproduce      do packages come out the same when they are built again, and
                 if not, why
  sandbox        which walls can be had around builds, and what each keeps in
  shell          a shell where a function of the recipe runs
  verify         is a package what its packager made: signature, content,
                 index, provenance, SPDX, buildinfo
  why            the first real error of a log, or of a recipe's last build
  worker         build for batches of other machines

  help           this text
  version        the version

abuildpy SUBCOMMAND --help tells more.
"""

_CACHE_USAGE = """\
usage: abuildpy cache [--json]
       abuildpy cache prune [--all]

Shows where evaluated recipes and upstreams' answers are kept, and how much
that is. With prune, what was not used for longest is deleted, down to the
limit (ABUILDPY_CACHE_SIZE, in MiB).

  --json      An object with the folder, the limit and the sizes, in bytes
  --all       With prune: delete everything; that costs only time
  -h, --help  Show this help

Exit status: 0 all went well, 2 wrong command line
"""

_INFO_USAGE = """\
usage: abuildpy info [--json] [--static] [PATH…]

Prints what recipes say once they are evaluated, as "name = value" lines. A
PATH is an APKBUILD or its folder (default: the one here).

  --json      An array with an object for each recipe
  --static    Run nothing of the recipe, and mark what that leaves unknown
  -h, --help  Show this help

Exit status: 0 all went well, 1 a recipe could not be evaluated, 2 wrong
command line
"""

_PATHS_USAGE = """\
usage: abuildpy paths

Prints where abuildpy keeps what scripts may want, as name=value lines.
"""

_SANDBOX_USAGE = """\
usage: abuildpy sandbox [--json] [DIR]

Tries every wall that can be put around builds (in DIR, default: here), and
tells which can be had, why not the others, what each keeps in and what it
leaves open.

  --json      As an object
  -h, --help  Show this help

Exit status: 0 all went well, 1 there is no such folder, 2 wrong command line
"""

_SHELL_USAGE = """\
usage: abuildpy shell [-c COMMAND] [--net=MODE] [--sandbox=WALL] [FUNCTION]

Opens a shell where a FUNCTION of the recipe here runs: the same walls, folder
and environment, in the tree as the last build left it (default: the function
that failed last, else build).

  -c COMMAND      Run this, and end with its status
  --net=MODE      recipe, always or never: as of abuild
  --sandbox=WALL  auto, bwrap, landlock or none: as of abuild
  -h, --help      Show this help

Exit status: that of the shell; 2 for a wrong command line
"""

_WHY_USAGE = """\
usage: abuildpy why [--json] [LOG|RECIPE]

Tells the first real error of a log (- for standard input), or of the last
build of a recipe (default: the one here), with a likely cause and a next step.

  --json      As an object
  -h, --help  Show this help

Exit status: 0 an error was found, 1 nothing tells of one, or there is no such
log, 2 wrong command line
"""


class SubcommandUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


MODULES = {
    "batch": "batch",
    "bump": "bump",
    "check-changed": "check_changed",
    "diff": "diff",
    "follows": "follows",
    "lint": "apkbuild_lint",
    "outdated": "outdated",
    "reproduce": "reproduce",
    "verify": "verify",
    "worker": "worker",
}
"""Subcommands whose module in abuildpy.cli has a ``main`` of their own, which takes the words after the subcommand."""


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), _console)


def _console() -> Console:
    import os

    return Console(colors=want_colors(os.environ.get("USE_COLORS", "")))


def _run(arguments: Sequence[str]) -> int:
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "cache": _cache,
        "info": _info,
        "paths": _paths,
        "sandbox": _sandbox,
        "shell": _shell,
        "why": _why,
    }
    if not arguments:
        sys.stderr.write(_USAGE)
        return 2
    name, rest = arguments[0], arguments[1:]
    if name in ("help", "-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    if name in ("version", "-V", "--version"):
        sys.stdout.write(f"abuildpy {__version__}\n")
        return 0
    if name in MODULES:
        return cast(int, import_module(f"abuildpy.cli.{MODULES[name]}").main(rest))
    if name not in commands:
        raise SubcommandUsageError(f"no subcommand '{name}'", hint="abuildpy help lists all")
    return commands[name](rest)


@dataclass(frozen=True, slots=True)
class _CacheOptions:
    as_json: bool = False
    everything: bool = False


CACHE = Program(
    "abuildpy cache",
    _CacheOptions,
    (Option("", "json", {"as_json": True}), Option("", "all", {"everything": True}), HELP),
    usage=lambda: _CACHE_USAGE,
    fits=lambda options, words: (words == ["prune"] and not options.as_json) or (not words and not options.everything),
    console=_console,
)


def _cache(arguments: Sequence[str]) -> int:
    def act(options: _CacheOptions, words: list[str]) -> int:
        from abuildpy.cli.cache import clear, show
        from abuildpy.config import load_config

        if words:
            return clear(load_config(), everything=options.everything)
        return show(load_config(), as_json=options.as_json)

    return CACHE.start_bare(act, arguments)


@dataclass(frozen=True, slots=True)
class _InfoOptions:
    as_json: bool = False
    static: bool = False


INFO = Program(
    "abuildpy info",
    _InfoOptions,
    (Option("", "json", {"as_json": True}), Option("", "static", {"static": True}), HELP),
    usage=lambda: _INFO_USAGE,
    fits=lambda _options, _paths: True,
    console=_console,
)


def _info(arguments: Sequence[str]) -> int:
    def act(options: _InfoOptions, paths: list[str]) -> int:
        from abuildpy.cli.info import info, info_static

        recipes = [Path(path) for path in paths] or [Path()]
        if options.static:
            return info_static(recipes, as_json=options.as_json)
        return info(recipes, as_json=options.as_json, console=_console())

    return INFO.start_bare(act, arguments)


def _paths(arguments: Sequence[str]) -> int:
    from abuildpy.config import RUNTIME_DIR, SHARE_DIR

    if list(arguments) in (["-h"], ["--help"]):
        sys.stdout.write(_PATHS_USAGE)
        return 0
    if arguments:
        raise SubcommandUsageError("abuildpy paths takes no arguments")
    sys.stdout.write(f"sharedir={SHARE_DIR}\nruntimedir={RUNTIME_DIR}\n")
    return 0


@dataclass(frozen=True, slots=True)
class _SandboxOptions:
    as_json: bool = False


SANDBOX = Program(
    "abuildpy sandbox",
    _SandboxOptions,
    (Option("", "json", {"as_json": True}), HELP),
    usage=lambda: _SANDBOX_USAGE,
    fits=lambda _options, folders: len(folders) < 2,
    console=_console,
)


def _sandbox(arguments: Sequence[str]) -> int:
    def act(options: _SandboxOptions, folders: list[str]) -> int:
        from abuildpy.cli.sandbox import sandbox

        return sandbox(Path(*folders), as_json=options.as_json)

    return SANDBOX.start_bare(act, arguments)


@dataclass(frozen=True, slots=True)
class _ShellOptions:
    command: str | None = None
    net: str = ""
    sandbox: str = ""


SHELL = Program(
    "abuildpy shell",
    _ShellOptions,
    (
        Option("c", "", {"command": VALUE}),
        Option("", "net", {"net": VALUE}),
        Option("", "sandbox", {"sandbox": VALUE}),
        HELP,
    ),
    usage=lambda: _SHELL_USAGE,
    fits=lambda _options, words: len(words) < 2,
    console=_console,
)


def _shell(arguments: Sequence[str]) -> int:
    def act(options: _ShellOptions, words: list[str]) -> int:
        from abuildpy.cli.options import NETS, SANDBOXES
        from abuildpy.cli.shell import shell
        from abuildpy.config import load_config

        for name, value, choices in (("net", options.net, NETS), ("sandbox", options.sandbox, SANDBOXES)):
            if value and value not in choices:
                raise SubcommandUsageError(f"--{name} takes one of {', '.join(choices)}, not '{value}'")
        phase = words[0] if words else ""
        return shell(phase, options.command, load_config(), _console(), net=options.net, sandbox=options.sandbox)

    return SHELL.start_bare(act, arguments)


@dataclass(frozen=True, slots=True)
class _WhyOptions:
    as_json: bool = False


WHY = Program(
    "abuildpy why",
    _WhyOptions,
    (Option("", "json", {"as_json": True}), HELP),
    usage=lambda: _WHY_USAGE,
    fits=lambda _options, words: len(words) < 2,
    console=_console,
)


def _why(arguments: Sequence[str]) -> int:
    def act(options: _WhyOptions, words: list[str]) -> int:
        from abuildpy.cli.why import why
        from abuildpy.config import load_config

        config = load_config()
        colors = want_colors(config.get("USE_COLORS"))
        return why(words[0] if words else ".", config, as_json=options.as_json, colors=colors)

    return WHY.start_bare(act, arguments)


if __name__ == "__main__":
    sys.exit(main())
