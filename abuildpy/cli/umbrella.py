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

  batch [OPTIONS] [TARGET…]
                        build many recipes in the right order, or show that order
  bump [OPTIONS] TARGET-VERSION…
                        give recipes a new version: edit, fetch, build, compare, commit
  cache [--json]        what is kept of evaluated recipes, and where
  cache prune [--all]   bring it below its limit, or delete it
  check-changed [--since REV] [--format FORMAT | --paths]
                        which changed recipes lack a new version or pkgrel
  diff [OPTIONS] OLD NEW | RECIPE
                        what differs between packages, and whether others have to be rebuilt
  follows [OPTIONS] NAME|PACKAGE.apk…
                        which recipes have to be rebuilt when something changes that packages provide
  info [--json] [--static] PATH…
                        what a recipe says, once evaluated (PATH: an APKBUILD or its folder)
  lint [OPTIONS] PATH…  what is wrong or unusual in recipes, which are not run: the same as apkbuild-lint
  outdated [OPTIONS] [TARGET…]
                        which recipes upstream has a newer version of
  paths                 where abuildpy keeps what scripts may want, as name=value lines
  reproduce [OPTIONS] [RECIPE | PACKAGE.apk]
                        do packages come out the same when they are built again, and if not, why
  sandbox [--json] [DIR]
                        which walls can be had around builds (in DIR), and what each keeps in
  shell [-c COMMAND] [--net=…] [--sandbox=…] [FUNCTION]
                        a shell where a function of the recipe runs (default: the one that failed last, else build)
  verify [OPTIONS] FILE…
                        is a package what its packager made: signature, content, index, provenance, SPDX, buildinfo
  why [--json] [LOG|RECIPE]
                        the first real error of a log, or of the last build of a recipe (default: the one here)
  worker --scheduler ADDRESS --store URL [OPTIONS]
                        build for batches of other machines
  help                  this text
  version               the version

abuildpy SUBCOMMAND --help tells more.
"""


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
        sys.stderr.write(_USAGE)
        raise UsageError(f"no subcommand '{name}'")
    return commands[name](rest)


@dataclass(frozen=True, slots=True)
class _CacheOptions:
    as_json: bool = False
    everything: bool = False


CACHE = Program(
    "abuildpy cache",
    _CacheOptions,
    (Option("", "json", {"as_json": True}), Option("", "all", {"everything": True}), HELP),
    usage=lambda: "usage: abuildpy cache [--json] | abuildpy cache prune [--all]\n",
    fits=lambda options, words: (words == ["prune"] and not options.as_json) or (not words and not options.everything),
    wrong_option=1,
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
    usage=lambda: "usage: abuildpy info [--json] [--static] PATH…\n",
    fits=lambda _options, _paths: True,
    wrong_option=1,
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

    if arguments:
        raise UsageError("abuildpy paths takes no arguments")
    sys.stdout.write(f"sharedir={SHARE_DIR}\nruntimedir={RUNTIME_DIR}\n")
    return 0


@dataclass(frozen=True, slots=True)
class _SandboxOptions:
    as_json: bool = False


SANDBOX = Program(
    "abuildpy sandbox",
    _SandboxOptions,
    (Option("", "json", {"as_json": True}), HELP),
    usage=lambda: "usage: abuildpy sandbox [--json] [DIR]\n",
    fits=lambda _options, folders: len(folders) < 2,
    wrong_option=1,
    wrong_words=1,
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
    usage=lambda: (
        "usage: abuildpy shell [-c COMMAND] [--net=recipe|always|never] [--sandbox=auto|bwrap|landlock|none] [FUNCTION]\n"
    ),
    fits=lambda _options, words: len(words) < 2,
    wrong_option=1,
    console=_console,
)


def _shell(arguments: Sequence[str]) -> int:
    def act(options: _ShellOptions, words: list[str]) -> int:
        from abuildpy.cli.options import NETS, SANDBOXES
        from abuildpy.cli.shell import shell
        from abuildpy.config import load_config

        for name, value, choices in (("net", options.net, NETS), ("sandbox", options.sandbox, SANDBOXES)):
            if value and value not in choices:
                raise UsageError(f"--{name} takes one of {', '.join(choices)}, not '{value}'")
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
    usage=lambda: "usage: abuildpy why [--json] [LOG|RECIPE]\n",
    fits=lambda _options, words: len(words) < 2,
    wrong_option=1,
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
