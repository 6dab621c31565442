# SPDX-License-Identifier: GPL-3.0-or-later
"""abuild's command line: short options exactly as the shell's getopts reads them, and long ones of our own."""

from __future__ import annotations

import os

from abuildpy.errors import UsageError
from abuildpy.phases.settings import Settings
from abuildpy.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WITH_ARGUMENT = "CDPs"
SANDBOXES = ("auto", "bwrap", "landlock", "none")
REQUIRED = ("bwrap", "landlock")
NETS = ("recipe", "always", "never")
SOCKETS = ("tests", "none", "any")
LIMITS = ("timeout", "no-output-timeout", "max-memory", "max-processes", "max-disk", "max-unpacked")

USAGE = """\
usage: abuild [options] [-C DIR] [-P REPODEST] [-s SRCDEST] [-D DESC] [verb...]

Options:
 -A  Print CARCH and exit
 -c  Colours on
 -C  Change to this folder first
 -d  Do not look at build dependencies
 -D  Description of the index (default: repository name and git describe)
 -f  Build even if the packages are up to date or the arch is not listed
 -F  Allow root (phases then run as an unprivileged user)
 -h  Show this help
 -k  Keep existing packages whatever their age
 -K  Keep src, pkg, tmp and the installed build dependencies
 -m  Colours off
 -P  Folder for the repositories (REPODEST)
 -q  Quiet
 -r  Install missing build dependencies with $SUDO_APK, remove them afterwards
 -s  Folder for sources (SRCDEST)
 -v  Trace every command of the recipe
 -V  Print the version and exit
 --sandbox=auto|bwrap|landlock|none
                                walls around the recipe's functions (default: auto)
 --require-sandbox=bwrap|landlock
                                fail if these or better walls cannot be had
 --net=recipe|always|never      network for them (default: only with options="net")
 --sockets=tests|none|any       sockets under Landlock, which gives no loopback
                                of its own (default: tests)
 --timeout=TIME                 how long they may take in all: 90, 30m, 1h30m (default: no limit)
 --no-output-timeout=TIME       how long they may write nothing
 --max-memory=SIZE              memory of all their processes: 500M, 4G
 --max-processes=NUMBER         processes and threads
 --max-disk=SIZE                src, pkg and tmp together
 --max-unpacked=SIZE            what one source archive may hold (default: 1 GiB and 200 times its size; 0: anything)
 --no-records                   no buildinfo, SPDX documents and provenance beside the packages
 --clean-env                    of the environment, let only documented variables through to them
 --pass-env=NAME                let this one through, secret or not (repeatable; NAME* for several)

Verbs (default: all):
  all         Everything: from validate to the signed index
  build       Run build()
  check       Run check()
  checksum    Write the sources' checksums into the APKBUILD
  clean       Remove src, pkg and tmp
  cleancache  Remove this recipe's downloads from SRCDEST
  cleanoldpkg Remove packages of other versions and update the index
  cleanpkg    Remove packages of this version and update the index
  deps        Install the build dependencies
  fetch       Download, verify and link the sources
  index       Update and sign the index
  listpkg     Print the names of the package files
  package     Run package()
  prepare     Run prepare(), which applies patches
  rootbld     Build in a clean root
  rootpkg     Run package() and the splits, make the packages
  snapshot    Archive the newest state of $giturl, upload it to $disturl
  sourcecheck Ask upstream whether the sources are still there
  srcpkg      Pack the recipe with its sources
  symlinksrc  Link the sources into src as they are
  targz       Pack what package() has installed as it is
  undeps      Remove the build dependencies
  unpack      Extract the sources
  up2date     Succeed if nothing is to be done
  validate    Check the recipe
  verify      Same as fetch
Any other function of the recipe can be named as well.

To build for another machine set CHOST (or CTARGET, for compilers) in the environment.
"""


@record(frozen=True)
class Options:
    """What the command line says, the wishes that concern a build apart; what it does not say is None."""

    settings: Settings = Settings()
    print_arch: bool = False
    print_help: bool = False
    print_version: bool = False
    colors: bool | None = None
    directory: str | None = None
    repodest: str | None = None
    srcdest: str | None = None
    clean_env: bool = False
    pass_env: tuple[str, ...] = ()


class BadCommandLine(UsageError):
    """A word that makes no sense. ``options`` are those before it; ``unknown`` tells an option that nobody knows."""

    def __init__(self, message: str, *, hint: str | None = None, unknown: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.unknown = unknown
        self.options = Options()


_NAMES = {
    "A": ("print_arch", True),
    "h": ("print_help", True),
    "V": ("print_version", True),
    "c": ("colors", True),
    "m": ("colors", False),
    "C": ("directory", None),
    "P": ("repodest", None),
    "s": ("srcdest", None),
    "d": ("nodeps", True),
    "f": ("force", True),
    "F": ("force_root", True),
    "k": ("keep", True),
    "K": ("keep_build", True),
    "q": ("quiet", True),
    "r": ("install_deps", True),
    "v": ("verbose", True),
    "D": ("description", None),
}
_OF_SETTINGS = "dDfFkKqrv"
_Values = dict[str, "str | bool | tuple[str, ...] | None"]


def parse(arguments: Sequence[str]) -> tuple[Options, tuple[str, ...]]:
    """Splits a command line into options and verbs.

    As with getopts, reading stops at the first word that is no option, and an option that lacks its argument is as good
    as absent. ``-A``, ``-h`` and ``-V`` end the reading, what stands after them is not looked at. Raises BadCommandLine
    for an unknown option.
    """
    values: _Values = {}
    settings: _Values = {}
    rest = list(arguments)
    try:
        while rest and rest[0].startswith("-") and rest[0] != "-":
            word = rest.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                _long(word, rest, values, settings)
            elif _short(word[1:], rest, values, settings):
                break
    except BadCommandLine as error:
        error.options = _options(values, settings)
        raise
    return _options(values, settings), tuple(rest)


def _options(values: _Values, settings: _Values) -> Options:
    return Options(settings=Settings(**settings), **values)  # type: ignore[arg-type]


def _short(letters: str, rest: list[str], values: _Values, settings: _Values) -> bool:
    """Reads one word of short options; True if one of them ends the program."""
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "n":
            raise BadCommandLine("New aports are made by newapkbuild", hint="run newapkbuild")
        if letter not in _NAMES:
            raise BadCommandLine(f"Unrecognized option: {letter}", unknown=True)
        name, value = _NAMES[letter]
        target = settings if letter in _OF_SETTINGS else values
        if letter not in _WITH_ARGUMENT:
            target[name] = value
            if letter in "AhV":
                return True
            continue
        argument = letters or (rest.pop(0) if rest else None)
        if argument is None:
            return False
        if name == "directory":  # several lead on from one another
            argument = os.path.join(str(values.get(name, "")), argument)
        target[name] = argument
        return False
    return False


def _long(word: str, rest: list[str], values: _Values, settings: _Values) -> None:
    name, equals, value = word[2:].partition("=")
    choices = {"sandbox": SANDBOXES, "require-sandbox": REQUIRED, "net": NETS, "sockets": SOCKETS}.get(name)
    if name == "help":
        values["print_help"] = True
        return
    if name == "clean-env" and not equals:
        values["clean_env"] = True
        return
    if name == "no-records" and not equals:
        settings["records"] = "no"
        return
    if choices is None and name not in ("pass-env", *LIMITS):
        raise BadCommandLine(f"Unrecognized option: {word.partition('=')[0]}", unknown=True)
    if not equals:
        value = rest.pop(0) if rest else ""
    if name == "pass-env":
        _pass_env(value, values)
        return
    if name in LIMITS:
        _limit(name, value, settings)
        return
    if value not in (choices or ()):
        raise BadCommandLine(f"--{name} takes one of {', '.join(choices or ())}, not '{value}'")
    settings[name.replace("-", "_")] = value


def _pass_env(name: str, values: _Values) -> None:
    plain = name[:-1] if name.endswith("*") else name
    if not (plain.isascii() and plain.isidentifier()):
        hint = "NAME=VALUE abuild --pass-env=NAME sets it as well" if "=" in name else None
        raise BadCommandLine(f"--pass-env takes the name of a variable, not '{name}'", hint=hint)
    before = values.get("pass_env", ())
    values["pass_env"] = (*(before if isinstance(before, tuple) else ()), name)


def _limit(name: str, value: str, settings: _Values) -> None:
    from abuildpy.phases.limits import parse_limit  # few need it

    field = name.replace("-", "_")
    try:
        parse_limit(field, value or "nothing")
    except ValueError as error:
        raise BadCommandLine(f"--{name} takes {error}, not '{value}'")
    settings[field] = value
