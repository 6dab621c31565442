# SPDX-License-Identifier: GPL-3.0-or-later
"""``newapkbuild``: starts a new recipe from a name or from the address of its source."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.program import VALUE, Option, Program, as_the_shell
from abuildpy.config import SHARE_DIR
from abuildpy.errors import UsageError
from abuildpy.maintain.detect import BuildType

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_PROGRAM = "newapkbuild"

_USAGE = f"""\
{_PROGRAM} {__version__} - start a new APKBUILD
Usage: {_PROGRAM} [-n NAME] [-d DESC] [-l LICENSE] [-u URL] [-a|-C|-m|-p|-y|-r] [-s] [-c] [-f] NAME[-VERSION]
       {_PROGRAM} [the same options] SRCURL

What it is (default: found out from the unpacked source):
  -a      built with ./configure (autotools)
  -C      built with CMake
  -m      built with Meson
  -p      a Perl module with Makefile.PL
  -y, -e  a Python package, pyproject.toml or setup.py
  -r      Rust, built with cargo
What to write:
  -n      Name of the package (only with SRCURL; default: from the file's or GitHub project's name)
  -d      Description
  -l      Licence, as an SPDX expression (https://spdx.org/licenses)
  -u      Home page
  -s      The source is on SourceForge (only with NAME)
  -c      Also make an OpenRC service, its configuration and install scripts, to be adapted
  -f      Write over a recipe that exists
  -h      Show this help

The folder NAME is made where you are; MAINTAINER in abuild.conf is who the recipe names.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    kind: BuildType | None = None
    pkgname: str = ""
    description: str = ""
    license: str = ""
    url: str = ""
    samples: bool = False
    force: bool = False
    sourceforge: bool = False


def _kind(letter: str, kind: BuildType) -> Option:
    return Option(letter, "", {"kind": kind}, choice="build type")


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        _kind("a", BuildType.AUTOTOOLS),
        _kind("C", BuildType.CMAKE),
        _kind("m", BuildType.MESON),
        _kind("p", BuildType.PERL),
        _kind("y", BuildType.PYTHON),
        _kind("e", BuildType.PYTHON),
        _kind("r", BuildType.RUST),
        Option("n", "", {"pkgname": VALUE}),
        Option("d", "", {"description": VALUE}),
        Option("l", "", {"license": VALUE}),
        Option("u", "", {"url": VALUE}),
        Option("s", "", {"sourceforge": True}),
        Option("c", "", {"samples": True}),
        Option("f", "", {"force": True}),
        Option("h", "", {"help": True}),
        Option("", "help", {"help": True}, listed=False),
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, _words: True,  # _argument says what is wrong with them
    usage_goes_to="stderr",
    splitter=as_the_shell,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_create)


def _argument(options: _Options, words: Sequence[str]) -> str:
    from abuildpy.maintain.origin import is_url

    if not words:
        raise UsageError("Missing argument: NAME[-VERSION] or SRCURL", hint=f"{_PROGRAM} -h tells more")
    if len(words) > 1:
        raise UsageError(f"Too many arguments: {' '.join(words[1:])}", hint="options come before the name")
    if options.pkgname and not is_url(words[0]):
        raise UsageError("-n goes with a SRCURL only")
    if options.sourceforge and is_url(words[0]):
        raise UsageError("-s goes with a NAME only, not with a SRCURL")
    return words[0]


def _create(options: _Options, words: list[str], config: Config, console: Console) -> int:
    from abuildpy.maintain.abuildrun import run_abuild
    from abuildpy.maintain.newrecipe import Wish, create
    from abuildpy.maintain.origin import read_argument

    wish = Wish(
        read_argument(_argument(options, words), pkgname=options.pkgname, sourceforge=options.sourceforge),
        kind=options.kind,
        pkgdesc=options.description,
        url=options.url,
        license=options.license,
        maintainer=config.get("MAINTAINER"),
        samples=options.samples,
        force=options.force,
    )
    places = (config.sharedir, Path(SHARE_DIR))
    create(wish, Path.cwd(), sample_folders=places, abuild=run_abuild, log=console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
