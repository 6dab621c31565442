# SPDX-License-Identifier: GPL-3.0-or-later
"""The buildinfo of a build: what it was made of and how, as data and as a file (``ORIGIN-VERSION.buildinfo.json``).

The file is JSON with sorted keys. Everything in it follows from the recipe, its sources, the configuration and what was
installed, except ``machine``, which tells where it happened to be built; so two builds that give the same packages differ there
alone, if they were made in the same way. It holds no time but SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from abuildpy.errors import RepositoryError
from abuildpy.records.form import Fields, dump, parse, read_record
from abuildpy.records.names import buildinfo_name

FORMAT = "abuildpy-buildinfo-1"
"""What ``format`` says; a reader that finds another one must not guess."""


@dataclass(frozen=True, slots=True)
class BuiltRecipe:
    """The recipe that was built.

    ``commit`` is the last one that touched its folder, empty outside git; ``dirty`` whether something there was not committed.
    ``files`` has every file of its folder (paths from there) that is neither a download nor a work folder: ``sha512:HEX``, or
    ``link:TARGET``.
    """

    name: str
    version: str
    repository: str
    commit: str
    dirty: bool
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsedSource:
    """A source: ``uri`` is where it comes from (for a file of the recipe's folder its name), without user and password.

    ``algorithm`` (``sha512`` or ``sha256``) and ``checksum`` are the recipe's, which the file was found to have; ``size`` is -1
    where it is not known.
    """

    name: str
    uri: str
    remote: bool
    algorithm: str
    checksum: str
    size: int


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package that was installed while it was built.

    ``checksum`` is apk's (``Q1`` and base64, of its control part); empty where unknown. ``direct`` tells that the recipe asks
    for it itself.
    """

    name: str
    version: str
    arch: str
    origin: str
    checksum: str
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What was there to build with.

    ``root`` is ``host`` (the machine's own packages), ``clean`` (a root made for this build) or ``unknown`` (no database of
    installed packages). ``wanted`` is what the recipe asks for; ``installed`` those packages with all that they need in turn,
    in a clean root everything in it; ``sysroot`` the same of the root for the host machine when cross-building.
    """

    root: str
    wanted: tuple[str, ...]
    installed: tuple[InstalledPackage, ...]
    sysroot: tuple[InstalledPackage, ...] = ()


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What the recipe's functions saw and were allowed.

    ``variables`` are those that matter to builds, as the first function got them; ``others`` names the rest. The user's home
    is written ``$HOME``. ``path`` is the recipe's folder inside the sandbox; ``wall`` is bwrap, landlock or none; ``user`` is
    ``caller`` or ``unprivileged`` (an unprivileged user stood in for root). ``options`` are those of the command line that
    matter, as abuild spells them. ``checked`` tells that check() was to run; ``whole`` that one run did everything from the
    check of the sources to the packages, not single verbs typed by hand.
    """

    variables: Mapping[str, str]
    others: tuple[str, ...]
    umask: str
    jobs: str
    path: str
    wall: str
    user: str
    options: tuple[str, ...]
    network: bool
    checked: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it happened to be built, which no package should depend on."""

    kernel: str
    arch: str
    libc: str


@dataclass(frozen=True, slots=True)
class Result:
    """A package of the build. ``sha256`` and ``size`` are the file's as it was signed, ``datahash`` that of its data part,
    which does not depend on the key.
    """

    file: str
    name: str
    arch: str
    size: int
    sha256: str
    datahash: str


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """One build. ``epoch`` is SOURCE_DATE_EPOCH; ``program`` and ``abuildpy`` name what built it, with version."""

    recipe: BuiltRecipe
    arch: str
    epoch: int
    program: str
    abuildpy: str
    sources: tuple[UsedSource, ...]
    dependencies: Dependencies
    surrounding: Surrounding
    machine: Machine
    packages: tuple[Result, ...]
    claimed_by: str = ""
    """The worker that says so, where it was built on another machine; what it says of itself is its claim. Empty for our own."""


def format_buildinfo(info: BuildInfo) -> bytes:
    """The file's bytes: equal for equal builds."""
    return dump({"format": FORMAT, **asdict(info)})


def buildinfo_of(apk: Path) -> Path | None:
    """The buildinfo that stands beside a package; None if there is none. Raises RepositoryError for what is no package."""
    from abuildpy.repository.apkfile import read

    package = read(apk)
    origin = package.info.last("origin") or package.name
    name = buildinfo_name(origin, package.version)
    if "/" in name:
        return None
    path = apk.parent / name
    return path if os.path.isfile(path) else None  # which takes any name, also one that no file can have


def read_buildinfo(path: Path) -> BuildInfo:
    """The build that a file tells of. Raises RepositoryError, naming the file, if it cannot be read or makes no sense."""
    content = read_record(path)
    try:
        return parse_buildinfo(content)
    except ValueError as error:
        raise RepositoryError(f"{path} is no usable buildinfo: {error}", hint="build the recipe again") from error


def parse_buildinfo(content: bytes) -> BuildInfo:
    """The build that a file's bytes tell of. Raises ValueError that says what is wrong."""
    top = Fields(parse(content), "it")
    if top.value("format", str) != FORMAT:
        raise ValueError(f"its format is {top.value('format', str)!r}, not {FORMAT}")
    dependencies = top.inner("dependencies")
    return BuildInfo(
        recipe=top.inner("recipe").record(BuiltRecipe),
        arch=top.value("arch", str),
        epoch=top.value("epoch", int),
        program=top.value("program", str),
        abuildpy=top.value("abuildpy", str),
        sources=top.records("sources", UsedSource),
        dependencies=Dependencies(
            dependencies.value("root", str),
            dependencies.words("wanted"),
            dependencies.records("installed", InstalledPackage),
            dependencies.records("sysroot", InstalledPackage),
        ),
        surrounding=top.inner("surrounding").record(Surrounding),
        machine=top.inner("machine").record(Machine),
        packages=top.records("packages", Result),
        claimed_by=top.value("claimed_by", str),
    )
