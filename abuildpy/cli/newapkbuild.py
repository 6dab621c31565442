# SPDX-License-Identifier: GPL-3.0-or-later
"""``newapkbuild``: starts a new recipe from a name or from the address of its source."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
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
    from abuildpy.maintain.origin import Origin
    from abuildpy.maintain.survey.known import KnownPackages
    from abuildpy.ui.console import Console

_PROGRAM = "newapkbuild"

_USAGE = f"""\
{_PROGRAM} {__version__} - start a new APKBUILD
Usage: {_PROGRAM} [-n NAME] [-d DESC] [-l LICENSE] [-u URL]
                   [-a|-C|-m|-p|-y|-r] [-s] [-c] [-f] NAME[-VERSION]
       {_PROGRAM} [the same options] SRCURL

What it is (default: found out from the unpacked source):
  -a      built with ./configure (autotools)
  -C      built with CMake
  -m      built with Meson
  -p      a Perl module with Makefile.PL
  -y, -e  a Python package, pyproject.toml or setup.py
  -r      Rust, built with cargo
What to write:
  -n      Name of the package (only with SRCURL; default: from the file's or
          GitHub project's name)
  -d      Description
  -l      Licence, as an SPDX expression (https://spdx.org/licenses)
  -u      Home page
  -s      The source is on SourceForge (only with NAME)
  -c      Also make an OpenRC service, its configuration and install scripts, to
          be adapted
  -f      Write over a recipe that exists
  -h      Show this help
      --aports DIR  Tree of aports that tells which packages there are (default:
                    APORTSDIR, or the tree around you)
      --print       Write the recipe to standard output and nothing else

SRCURL is a source archive's address, or a project's page at a forge (with or
without a release), or its page in the index of Python, npm or crates. pypi:NAME
and npm:NAME, each with @VERSION or not, ask the index that pip or npm use.
Licence, description, tests, dependencies and subpackages are found out from the
source; nothing of it is run.

The folder NAME is made where you are; MAINTAINER in abuild.conf is who the
recipe names.
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
    aports: str = ""
    shown: bool = False


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
        Option("", "aports", {"aports": VALUE}),
        Option("", "print", {"shown": True}),
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
    from abuildpy.maintain.forges import is_project
    from abuildpy.maintain.origin import is_url

    if not words:
        raise UsageError("Missing argument: NAME[-VERSION] or SRCURL", hint=f"{_PROGRAM} -h tells more")
    if len(words) > 1:
        raise UsageError(f"Too many arguments: {' '.join(words[1:])}", hint="options come before the name")
    address = is_url(words[0]) or is_project(words[0])
    if options.pkgname and not address:
        raise UsageError("-n goes with a SRCURL only")
    if options.sourceforge and address:
        raise UsageError("-s goes with a NAME only, not with a SRCURL")
    return words[0]


def _create(options: _Options, words: list[str], config: Config, console: Console) -> int:
    from abuildpy.maintain.newrecipe import Wish, Workplace, create, preview

    wish = Wish(
        _origin(options, _argument(options, words), config, console),
        kind=options.kind,
        pkgdesc=options.description,
        url=options.url,
        license=options.license,
        maintainer=config.get("MAINTAINER"),
        samples=options.samples,
        force=options.force,
    )
    place = Workplace(
        (config.sharedir, Path(SHARE_DIR)),
        _fetcher(config, console),
        _known(options, config, console),
        console,
        Path(config.get("SRCDEST")) if config.get("SRCDEST") else None,
    )
    if options.shown:
        for line in preview(wish, place).decode("utf-8", "replace").splitlines():
            console.plain(line)
        return 0
    create(wish, Path.cwd(), place)
    return 0


def _origin(options: _Options, argument: str, config: Config, console: Console) -> Origin:
    """What the argument means, with the network's help where it is a project's page."""
    from dataclasses import replace

    from abuildpy.errors import FetchError
    from abuildpy.maintain.forges import find_archive, is_project
    from abuildpy.maintain.origin import crate_origin, read_argument
    from abuildpy.maintain.upstream.settings import settings_from
    from abuildpy.source.presence import require_present

    if not is_project(argument):
        return read_argument(argument, pkgname=options.pkgname, sourceforge=options.sourceforge)

    def exists(url: str) -> bool:
        try:
            require_present(url)
        except FetchError:
            return False
        return True

    found = find_archive(argument, settings_from(config), exists)
    console.msg(f"{argument}: {found.url}")
    name = options.pkgname or found.pkgname
    if found.url.endswith("/download"):
        return replace(crate_origin(found.url, found.pkgname, options.pkgname), page=found.page)
    origin = read_argument(found.url, pkgname=name)
    return replace(origin, page=found.page)


def _fetcher(config: Config, console: Console) -> Callable[[str, Path], Path]:
    from abuildpy.source.fetch import fetch
    from abuildpy.source.transfer import FetchOptions
    from abuildpy.ui.progress import download_bar

    mirror = config.get("DISTFILES_MIRROR") or None
    return lambda entry, folder: fetch(
        entry, folder, log=console, mirror=mirror, options=FetchOptions(progress=download_bar())
    )


def _known(options: _Options, config: Config, console: Console) -> KnownPackages:
    """The packages there are, by the tree of aports and the indexes on this machine."""
    from abuildpy.maintain.survey.known import TreePackages, read_known, tree_around
    from abuildpy.repository.nearby import built_indexes, configured_indexes

    if options.aports:
        tree: Path | None = Path(options.aports)
        if not (Path(options.aports) / "main").is_dir():
            raise UsageError(
                f"--aports {options.aports}: no tree of aports", hint="the folder that has main and community in it"
            )
    else:
        tree = Path(config.get("APORTSDIR")) if config.get("APORTSDIR") else tree_around(Path.cwd())
    arch = config.get("CARCH")
    system = configured_indexes(Path("/"), arch)
    in_tree = None if tree is None else TreePackages(tree, config, console)
    return read_known(in_tree, [*system.folders, *system.cached, *built_indexes(config.repodest, arch)])


if __name__ == "__main__":
    sys.exit(main())
