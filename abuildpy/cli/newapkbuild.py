# SPDX-License-Identifier: GPL-3.0-or-later
"""``newapkbuild``: starts a new recipe from a name or from the address of its source."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.config import SHARE_DIR, Config, load_config
from abuildpy.errors import UsageError
from abuildpy.maintain.detect import BuildType
from abuildpy.ui.console import Console, want_colors

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

_FLAGS = {
    "a": BuildType.AUTOTOOLS,
    "C": BuildType.CMAKE,
    "m": BuildType.MESON,
    "p": BuildType.PERL,
    "e": BuildType.PYTHON,
    "y": BuildType.PYTHON,
    "r": BuildType.RUST,
}
_TEXTS = "dlnu"


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
    help: bool = False


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    options, words = _parse(arguments)
    if options.help:
        sys.stderr.write(_USAGE)
        return 0
    argument = _argument(options, words)
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    return guarded(lambda: _create(options, argument, config, console), lambda: console)


def _parse(arguments: Sequence[str]) -> tuple[_Options, list[str]]:
    """Reads options as the shell's getopts does: up to the first other word, complaining about strangers and going on."""
    options = _Options()
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word == "--help":
            return replace(options, help=True), rest
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _TEXTS:
                if not letters and not rest:
                    _complain(f"option -{letter} wants an argument")
                    break
                options = _text(options, letter, letters or rest.pop(0))
                break
            options = _flag(options, letter)
            if options.help:
                return options, rest
    return options, rest


def _text(options: _Options, letter: str, text: str) -> _Options:
    match letter:
        case "d":
            return replace(options, description=text)
        case "l":
            return replace(options, license=text)
        case "n":
            return replace(options, pkgname=text)
    return replace(options, url=text)


def _flag(options: _Options, letter: str) -> _Options:
    match letter:
        case "c":
            return replace(options, samples=True)
        case "f":
            return replace(options, force=True)
        case "s":
            return replace(options, sourceforge=True)
        case "h":
            return replace(options, help=True)
    if letter not in _FLAGS:
        _complain(f"unknown option -{letter}")
        return options
    kind = _FLAGS[letter]
    if options.kind is not None:
        raise UsageError(f"More than one build type given: {options.kind} and {kind}")
    return replace(options, kind=kind)


def _complain(text: str) -> None:
    sys.stderr.write(f"{_PROGRAM}: {text}\n")


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


def _create(options: _Options, argument: str, config: Config, console: Console) -> int:
    from abuildpy.maintain.abuildrun import run_abuild
    from abuildpy.maintain.newrecipe import Wish, create
    from abuildpy.maintain.origin import read_argument

    wish = Wish(
        read_argument(argument, pkgname=options.pkgname, sourceforge=options.sourceforge),
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
