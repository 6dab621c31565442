# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy reproduce``: do packages come out the same when they are built again, and if not, why?"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import Aborted, AbuildError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.reproduce.model import Report

_USAGE = """\
usage: abuildpy reproduce [OPTIONS] [RECIPE | PACKAGE.apk]

Builds a recipe (an APKBUILD or its folder; default: the one here) twice, the
second time in other circumstances, and compares the packages to the byte; or
rebuilds PACKAGE.apk as its buildinfo and .PKGINFO say that it was built, and
compares with that. Where they differ: which files, what in them, the usual
cause, and what to do. Signatures are left aside.

  --vary LIST     What to vary, of time, zone, locale, umask, user, cores, order
                  (of folders), host, environment and path, with commas between;
                  all or none (default: all but path for a RECIPE, none for a
                  PACKAGE)
  --no-vary LIST  What not to vary
  --no-bisect     Do not look for the variation that makes a difference, which
                  takes some more builds
  --check         Run check() as well
  --recipe DIR    The recipe that PACKAGE.apk was built from (default: found by
                  name in the tree around this folder or around the package, or
                  in APORTSDIR, as it was at the commit that the package names)
  --rootbld       Build in clean roots; for a PACKAGE that was built in one,
                  with exactly the versions that its buildinfo names
  --keep DIR      Leave packages and logs of all builds in this new folder
  --json          Tell it all as JSON
  -d              Do not look at build dependencies
  -r              Install missing build dependencies with $SUDO_APK, remove them
                  afterwards
  --sandbox=auto|bwrap|landlock|none, --net=recipe|always|never
                  As of abuild
  -h, --help      Show this help

Nothing of yours is changed: builds are made in folders of their own, below
$TMPDIR or /var/tmp, and signed with a key made for that. The path that the
recipe's functions see is the same each time, that of the recipe. `--vary path`
makes one more build in another one and says which files hold it; that does not
count for the result. What could not be varied here is said, with the reason.

Exit status: 0 reproducible, 1 not (or it cannot be built in other
circumstances), 2 wrong command line, 3 it could not be found out: no such
recipe, commit or package, or it cannot be built at all
"""


class ReproduceUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class _Options:
    vary: str = ""
    no_vary: str = ""
    bisect: bool = True
    check: bool = False
    recipe: str = ""
    keep: str = ""
    as_json: bool = False
    nodeps: bool = False
    install_deps: bool = False
    rootbld: bool = False
    sandbox: str = "auto"
    net: str = ""


PROGRAM = Program(
    "abuildpy reproduce",
    _Options,
    (
        Option("", "vary", {"vary": VALUE}),
        Option("", "no-vary", {"no_vary": VALUE}),
        Option("", "no-bisect", {"bisect": False}),
        Option("", "check", {"check": True}),
        Option("", "recipe", {"recipe": VALUE}),
        Option("", "rootbld", {"rootbld": True}),
        Option("", "keep", {"keep": VALUE}),
        Option("", "json", {"as_json": True}),
        Option("d", "", {"nodeps": True}),
        Option("r", "", {"install_deps": True}),
        Option("", "sandbox", {"sandbox": VALUE}),
        Option("", "net", {"net": VALUE}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) < 2,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy reproduce`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, words: list[str]) -> int:
    from abuildpy.cli.interrupt import raise_signals
    from abuildpy.cli.options import NETS, SANDBOXES
    from abuildpy.config import load_config
    from abuildpy.maintain.reproduce.job import UnknownError

    for name, value, choices in (("net", options.net, NETS), ("sandbox", options.sandbox, SANDBOXES)):
        if value and value not in choices:
            raise ReproduceUsageError(f"--{name} takes one of {', '.join(choices)}, not '{value}'")
    target = Path(words[0] if words else ".")
    package = target.suffix == ".apk"
    names = varied(options.vary, options.no_vary, package=package)
    if options.keep and Path(options.keep).exists():
        raise ReproduceUsageError(f"--keep {options.keep}: it is there already", hint="name a new folder")
    raise_signals()
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    try:
        report = _reproduce(options, target, names, config, console, package=package)
    except (UsageError, Aborted):
        raise
    except AbuildError as error:
        raise UnknownError(error.message, hint=error.hint, details=error.details) from error
    except OSError as error:  # whose status would be 1: not reproducible
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        raise UnknownError(f"{where}{error.strerror or error}") from error
    _tell(report, options, console)
    return int(report.result != "reproducible")


def varied(vary: str, no_vary: str, *, package: bool) -> tuple[str, ...]:
    """The variations that a command line asks for. Raises ReproduceUsageError for one that nobody knows."""
    from abuildpy.maintain.reproduce.model import DEFAULT, VARIATIONS

    def listed(text: str, option: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.replace(" ", ",").split(",")))
        if names in (("all",), ("none",)):
            return tuple(VARIATIONS) if names == ("all",) else ()
        wrong = [name for name in names if name not in VARIATIONS]
        if wrong:
            raise ReproduceUsageError(
                f"{option}: '{wrong[0]}' cannot be varied", hint=f"one of {', '.join(VARIATIONS)}"
            )
        return names

    wanted = listed(vary, "--vary") if vary else () if package else DEFAULT
    unwanted = listed(no_vary, "--no-vary") if no_vary else ()
    return tuple(name for name in VARIATIONS if name in wanted and name not in unwanted)


def _reproduce(
    options: _Options, target: Path, names: tuple[str, ...], config: Config, console: Console, *, package: bool
) -> Report:
    from abuildpy.maintain.reproduce.builder import How
    from abuildpy.maintain.reproduce.job import Job, Wishes
    from abuildpy.scratch import Scratch

    started = time.monotonic()
    place = Path(os.environ.get("TMPDIR") or "/var/tmp").resolve()  # noqa: S108 - the name in it cannot be guessed
    how = How(options.check, options.rootbld, options.nodeps, options.install_deps, options.sandbox, options.net)
    with Scratch(place) as scratch:
        try:
            wishes = Wishes(names, how, options.bisect, Path(options.recipe) if options.recipe else None)
            job = Job(wishes, config, console, scratch)
            report = job.of_package(target) if package else job.of_recipe(target)
        finally:
            if options.keep:
                _keep(scratch, Path(options.keep))
    kept = Path(options.keep) if options.keep else None
    return replace(report, seconds=time.monotonic() - started, kept=kept)


def _keep(scratch: Path, target: Path) -> None:
    """Copies packages and logs out of our folder, by the number of the build."""
    for folder in sorted(scratch.iterdir()):
        if folder.name.isdigit():
            place = target / folder.name
            place.mkdir(parents=True)
            for path in (folder / "log", *folder.glob("packages/*/*/*")):
                if path.is_file() and not path.name.startswith("."):
                    shutil.copyfile(path, place / path.name)


def _tell(report: Report, options: _Options, console: Console) -> None:
    from abuildpy.maintain.reproduce.text import as_document, render

    if options.as_json:
        import json

        text = json.dumps(as_document(report), indent=2) + "\n"
    else:
        width = shutil.get_terminal_size().columns if os.isatty(1) else 0
        text = render(report, width=width, colors=console.colors)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
