# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be typed after each program's name: its own table of options, what its manual says of them, and, here, which
values and arguments a shell can offer.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from abuildpy.cli.program import Option

TOP: Final = Path(__file__).resolve().parents[1]
BY_HAND: Final = frozenset({"abuild", "abuildpy"})
"""Programs whose completions are not made of tables."""


class Unknown(Exception):
    """Something that has to be said here or in a manual is not."""


@dataclass(frozen=True, slots=True)
class Value:
    """What may stand in one place of a command line.

    ``files`` are those that match one of the ``words``, as patterns, and folders; a ``recipe`` is a folder, an APKBUILD or
    a name in the aports tree; a ``bump`` is such a name with a version to come; a ``remote`` is one of git.
    """

    kind: Literal["text", "words", "files", "folder", "recipe", "bump", "remote", "url"]
    words: tuple[str, ...] = ()


_TEXT: Final = Value("text")
_FOLDER: Final = Value("folder")


def _words(text: str) -> Value:
    return Value("words", tuple(text.split()))


def _files(*patterns: str) -> Value:
    return Value("files", patterns)


@dataclass(frozen=True, slots=True)
class Flag:
    """An option. ``label`` is what the manual calls its value; ``optional`` tells that the value can be left out and is
    else joined to the option by ``=``; ``rivals`` are spellings of options that cannot come with it, ``*`` stands for all.
    """

    spellings: tuple[str, ...]
    about: str
    label: str = ""
    value: Value | None = None
    optional: bool = False
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """A word that comes first, and what may follow it."""

    name: str
    about: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A program. ``argument`` is what each of its other words is (None: there are none), ``label`` what to call it;
    ``reads`` is what it wants on standard input.
    """

    name: str
    flags: tuple[Flag, ...]
    verbs: tuple[Verb, ...] = ()
    label: str = ""
    argument: Value | None = None
    reads: Value | None = None


# By the first spelling of the option.
_VALUES: Final[Mapping[str, Mapping[str, Value]]] = {
    "abuild-fetch": {"-d": _FOLDER},
    "abuild-keygen": {"-b": _words("2048 3072 4096 8192")},
    "abuild-sign": {"-k": _files("*.rsa"), "-p": _files("*.pub"), "-t": _words("RSA RSA256")},
    "abuild-tar": {"--hash": _words("sha1 sha256 sha512")},
    "abump": {"-s": _TEXT, "-m": _TEXT, "-f": _TEXT, "-p": Value("remote")},
    "ap": {"-d": _FOLDER},
    "apkbuild-lint": {
        "--format": _words("text json github gitlab sarif"),
        "--severity": _words("S I M T"),
        "--only": _TEXT,
        "--skip": _TEXT,
        "--explain": _TEXT,
    },
    "apkgrel": {"-s": _TEXT},
    "buildrepo": {
        "-a": _FOLDER,
        "-c": _files("*.lua"),
        "-d": _FOLDER,
        "-l": _FOLDER,
        "-r": _TEXT,
        "--jobs": _TEXT,
    },
    "newapkbuild": {
        "-n": _TEXT,
        "-d": _TEXT,
        # Not all that SPDX has, but what most recipes say.
        "-l": _words(
            "Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0-only "
            "GPL-3.0-or-later ISC LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-or-later MIT MPL-2.0 Unlicense Zlib"
        ),
        "-u": Value("url"),
        "--aports": _FOLDER,
    },
}

_ARGUMENTS: Final[Mapping[str, tuple[str, Value]]] = {
    "abuild-fetch": ("URL", Value("url")),
    "abuild-sign": ("index", _files("*.tar.gz")),
    "abump": ("name-version", Value("bump")),
    "apkbuild-lint": ("recipe", _files("APKBUILD")),
    "apkgrel": ("recipe", Value("recipe")),
    "newapkbuild": ("name or URL", Value("url")),
}

_VERBS: Final[Mapping[str, Mapping[str, tuple[Value, ...]]]] = {
    "ap": dict.fromkeys(
        (
            "apk-list build-list builddirs circular-aports dump-json list recursive-deps recursive-revdeps revdep sources "
            "toplevel-aports"
        ).split(),
        (),
    ),
    "apkbuild-pypi": {
        "create": (_TEXT, _words("homepage")),
        "recreate": (_words("deps"),),
        "upgrade": (),
        "check": (),
        "update": (),
    },
}

_READS: Final[Mapping[str, Value]] = {"abuild-gzsplit": _files("*.apk"), "abuild-tar": _files("*.tar")}

_WITHOUT_TABLE: Final[Mapping[str, tuple[Flag, ...]]] = {
    "abuild-gzsplit": (),
    "abuild-rm": (Flag(("-rf",), "Delete this folder and everything below it", "path", _FOLDER),),
}


def commands() -> Iterator[Command]:
    """The programs whose completions are made, by name. Raises Unknown when the tables here lack something."""
    scripts: Mapping[str, str] = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    for name in sorted(scripts.keys() - BY_HAND):
        manual = _manual((TOP / f"docs/man/{name}.1.scd").read_text())
        if name in _WITHOUT_TABLE:
            flags = _WITHOUT_TABLE[name]
        else:
            options = importlib.import_module(scripts[name].partition(":")[0]).PROGRAM.options
            flags = tuple(_flags(name, options, manual))
        verbs = tuple(Verb(verb, _said(manual, name, verb)[1], values) for verb, values in _VERBS.get(name, {}).items())
        label, argument = _ARGUMENTS.get(name, ("", None))
        yield Command(name, flags, verbs, label, argument, _READS.get(name))


def _flags(program: str, options: Sequence[Option], manual: Mapping[str, tuple[str, str]]) -> Iterator[Flag]:
    for option in options:
        if not option.listed:
            continue
        first = option.spellings[0]
        label, about = _said(manual, program, first)
        value = _VALUES.get(program, {}).get(first)
        if (value is not None) != option.takes_value:
            wanted = "what its value is" if option.takes_value else "nothing: it has no value"
            raise Unknown(f"completions/completable.py has to say of {program} {first}: {wanted}")
        rivals = _rivals(option, options)
        yield Flag(option.spellings, about, label, value, option.default is not None, rivals)


def _rivals(option: Option, options: Sequence[Option]) -> tuple[str, ...]:
    if "help" in option.sets:
        return ("*",)
    others = [other for other in options if other is option or (option.choice and other.choice == option.choice)]
    return tuple(spelling for other in others for spelling in other.spellings)


def _said(manual: Mapping[str, tuple[str, str]], program: str, name: str) -> tuple[str, str]:
    if name not in manual:
        raise Unknown(f"docs/man/{program}.1.scd does not explain {name}")
    return manual[name]


def _manual(source: str) -> dict[str, tuple[str, str]]:
    """From the source of a manual page: of each option and verb what its value is called and the first sentence."""
    found: dict[str, tuple[str, str]] = {}
    for head, body in re.findall(r"^(\*.*)\n\t(.*(?:\n\t.*)*)", source, re.MULTILINE):
        label = re.search(r"_([^_]+)_", head)
        sentence = re.split(r"\.(?:\s|$)", " ".join(body.split()))[0]
        plain = re.sub(r"(?<!\w)([*_])([^*_]+)\1(?!\w)", r"\2", sentence)
        names = re.findall(r"\*([\w-]+)\*", head)
        found |= dict.fromkeys(names, (label[1] if label else "", plain))
    return found
