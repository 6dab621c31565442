# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build notes of itself on its way, and makes the records beside its packages of.

On unless ABUILD_RECORDS is ``no``, or ``--no-records`` is given. Imported in every build, so what only the end of one needs is
imported there.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from abuildpy import __version__
from abuildpy.config import RUNTIME_DIR, Config
from abuildpy.errors import ConfigError, DependencyError
from abuildpy.phases.settings import Settings
from abuildpy.phases.upkeep import package_path, source_folder
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.records.names import record_names

if TYPE_CHECKING:
    from abuildpy.package.apk import Written
    from abuildpy.package.providers import Providers
    from abuildpy.phases.trees import Job
    from abuildpy.records.buildinfo import (
        BuildInfo,
        BuiltRecipe,
        Dependencies,
        InstalledPackage,
        Machine,
        Surrounding,
        UsedSource,
    )
    from abuildpy.records.spdx import Finished
    from abuildpy.repository.index import IndexEntry
    from abuildpy.repository.installed import InstalledDatabase

_LARGEST = 16 << 20
"""Larger files of a recipe's folder are old downloads as a rule: their size will do."""
MATTER = frozenset(
    (
        "ABUILD_BOOTSTRAP APORTS_BOOTSTRAP BOOTSTRAP BOOTSTRAP_USR_MERGED CARCH CBUILD CBUILDROOT CBUILD_ARCH CC CFLAGS CHOST "
        "CLIBC CPPFLAGS CTARGET CTARGET_ARCH CTARGET_LIBC CXX CXXFLAGS DEBUG DEFAULT_DBG DFLAGS EXTRADEPENDS_BUILD "
        "EXTRADEPENDS_HOST EXTRADEPENDS_TARGET GOFLAGS JOBS LANG LANGUAGE LD LDFLAGS MAKEFLAGS PATH REQUIRE_CHECK RUSTFLAGS "
        "SAMUFLAGS SOURCE_DATE_EPOCH TZ USE_CCACHE patch_args_cfg"
    ).split()
)
"""Variables that builds depend on, as everybody knows."""
_OPTIONS = (
    ("-d", "nodeps"),
    ("-f", "force"),
    ("-F", "force_root"),
    ("-k", "keep"),
    ("-r", "install_deps"),
)
_CHOICES = (("sandbox", "auto"), ("require_sandbox", ""), ("net", ""), ("sockets", ""))


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a build of a recipe began with: the files of its folder, as the buildinfo has them."""

    files: Mapping[str, str]


def wanted(config: Config, settings: Settings) -> bool:
    """Whether a build is to leave records. Raises ConfigError where ABUILD_RECORDS makes no sense."""
    said = settings.records or config.get("ABUILD_RECORDS", "yes")
    if said not in ("yes", "no"):
        raise ConfigError(f"ABUILD_RECORDS is '{said}'", hint="it takes yes (the default) or no")
    return said == "yes"


def begin(recipe: Recipe, config: Config, workspace: Workspace) -> Beginning:
    """Notes what a build begins with, before anything of the recipe has run."""
    return Beginning(recipe_files(recipe, config, (workspace.src, workspace.pkg, workspace.tmp)))


def recipe_files(recipe: Recipe, config: Config, work: Iterable[Path]) -> dict[str, str]:
    """The files of a recipe's folder without downloads and the folders ``work``: what each is, by path."""
    left_out = {os.fspath(path) for path in (*work, recipe.startdir / ".git")}
    if source_folder(recipe, config).resolve() == recipe.startdir.resolve():
        left_out |= {os.fspath(recipe.startdir / source.name) for source in recipe.source if source.remote}
    top = os.fspath(recipe.startdir)
    found = {}
    for path in _below(top, left_out):
        what = what_is(path)
        if what:
            name = os.fsencode(os.path.relpath(path, top)).decode("utf-8", "backslashreplace")
            found[name] = what
    return found


def _below(folder: str, left_out: set[str]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.path in left_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, left_out)
            else:
                yield entry.path


def what_is(path: str) -> str:
    """``sha512:HEX``, ``link:TARGET``, ``size:BYTES`` for what is too large; empty for anything else."""
    try:
        state = os.lstat(path)
        if stat.S_ISLNK(state.st_mode):
            return f"link:{os.fsencode(os.readlink(path)).decode('utf-8', 'backslashreplace')}"
        if not stat.S_ISREG(state.st_mode):
            return ""
        if state.st_size > _LARGEST:
            return f"size:{state.st_size}"
        with open(path, "rb") as file:
            return f"sha512:{hashlib.file_digest(file, 'sha512').hexdigest()}"
    except OSError:
        return ""


def remove_records(recipe: Recipe, folders: Iterable[Path]) -> None:
    """Removes the records of this version of a recipe from folders of packages."""
    for folder in folders:
        for name in record_names(recipe.pkgname, recipe.version, recipe.package_names):
            (folder / name).unlink(missing_ok=True)


def recorder_of(job: Job) -> Recorder | None:
    """What makes the records of a build, None if none are wanted."""
    return Recorder(job) if wanted(job.config, job.stages.settings) else None


class Recorder:
    """Takes note of each package that is written, and makes the records of all."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._finished: list[Finished] = []

    def add(self, name: str, written: Written, pkginfo: bytes) -> None:
        """A package was written; ``pkginfo`` is its .PKGINFO."""
        from abuildpy.records.buildinfo import Result
        from abuildpy.records.spdx import Finished
        from abuildpy.repository.apkfile import parse_pkginfo

        info = parse_pkginfo(pkginfo)
        file = package_path(self._job.recipe, self._job.config, name).name
        result = Result(file, name, info.last("arch"), written.size, written.sha256, written.datahash)
        self._finished.append(Finished(info, written.files, result))

    def records(self, providers: Callable[[str], Providers]) -> Mapping[str, bytes]:
        """The records' contents by file name. ``providers`` knows what is installed. Raises SigningError."""
        from abuildpy.records.making import make_records

        return make_records(self._build(providers), self._finished, self._job.stages.key.signer())

    def _build(self, providers: Callable[[str], Providers]) -> BuildInfo:
        from abuildpy.records.buildinfo import BuildInfo

        job, known = self._job, self._job.stages.provenance(self._job.recipe)
        installed, machine = self._dependencies(providers)
        return BuildInfo(
            recipe=self._recipe(),
            arch=job.config.carch,
            epoch=known.epoch,
            program=job.stages.settings.program,
            abuildpy=__version__,
            sources=tuple(_sources(job.recipe, job.config)),
            dependencies=installed,
            surrounding=self._surrounding(),
            machine=machine,
            packages=tuple(each.result for each in self._finished),
        )

    def _recipe(self) -> BuiltRecipe:
        from abuildpy.records.buildinfo import BuiltRecipe

        job, recipe = self._job, self._job.recipe
        commit = job.stages.provenance(recipe).commit
        began = job.began or begin(recipe, job.config, job.workspace)
        return BuiltRecipe(
            recipe.pkgname,
            recipe.version,
            recipe.repo,
            commit.removesuffix("-dirty"),
            commit.endswith("-dirty"),
            began.files,
        )

    def _surrounding(self) -> Surrounding:
        from abuildpy.records.buildinfo import Surrounding
        from abuildpy.repository.apkclient import wants_check

        job, recipe, settings = self._job, self._job.recipe, self._job.stages.settings
        environment = job.stages.first_environment(recipe)
        environment["PATH"] = _seen(environment.get("PATH", ""), job.stages.out_of_sight(recipe))
        variables = _variables(recipe, environment, job.config)
        wall = job.stages.wall(recipe)
        options = [letter for letter, name in _OPTIONS if getattr(settings, name)]
        for name, usual in _CHOICES:
            if getattr(settings, name) != usual:
                options.append(f"--{name.replace('_', '-')}={getattr(settings, name)}")
        if job.config.get("ABUILD_CLEAN_ENV"):
            options.append("--clean-env")
        return Surrounding(
            variables=variables,
            others=_others(environment, variables),
            umask="0022",
            jobs=variables.get("JOBS", ""),
            path=str(job.stages.inside(recipe.startdir)),
            wall=wall.name,
            user="unprivileged" if wall.user.drops else "caller",
            options=tuple(options),
            network=job.stages.network(recipe, wanted=False),
            checked=wants_check(recipe, job.config.variables),
            whole=job.began is not None,
        )

    def _dependencies(self, providers: Callable[[str], Providers]) -> tuple[Dependencies, Machine]:
        from abuildpy.records.buildinfo import Dependencies, Machine
        from abuildpy.repository.apkclient import calc_deps

        job, config = self._job, self._job.config
        deps = calc_deps(job.recipe, config.variables)
        database = _database(providers, config.get("CBUILD"))
        sysroot = _database(providers, config.get("CHOST")) if config.get("CBUILD") != config.get("CHOST") else None
        everything = job.root is not None
        root = "unknown" if database is None else "clean" if everything else "host"
        about = os.uname()
        return (
            Dependencies(
                root,
                (*deps.builddeps, *deps.hostdeps),
                _installed(database, deps.builddeps, everything=everything),
                _installed(sysroot, deps.hostdeps, everything=everything),
            ),
            Machine(about.release, about.machine, _libc(database)),
        )


def _sources(recipe: Recipe, config: Config) -> Iterator[UsedSource]:
    from abuildpy.records.buildinfo import UsedSource

    sums = {name: value for value, name in recipe.checksums}
    for source in recipe.source:
        path = (source_folder(recipe, config) if source.remote else recipe.startdir) / source.name
        try:
            size = path.stat().st_size
        except OSError:
            size = -1
        uri = _without_user(source.uri) if source.remote else source.name
        checksum = sums.get(source.name, "")
        yield UsedSource(source.name, uri, source.remote, recipe.sum_algorithm if checksum else "", checksum, size)


def _without_user(uri: str) -> str:
    """An address without the user and password in it."""
    host = urlsplit(uri).netloc
    return uri.replace(host, host.rpartition("@")[2], 1) if "@" in host else uri


def _variables(recipe: Recipe, environment: Mapping[str, str], config: Config) -> dict[str, str]:
    """The variables that matter, as the recipe has them, and those of the recipe that the caller set instead of it."""
    from abuildpy.recipe.environment import RECIPE
    from abuildpy.recipe.secrets import why_secret

    found = {}
    for name in sorted({*MATTER, *(n for n in environment if n in RECIPE or n.startswith("LC_"))}):
        value = environment[name] if name in _OF_THE_STAGE else recipe.variables.get(name, environment.get(name))
        if value is not None and not why_secret(name, value):
            found[name] = _homeless(value, config.home)
    return found


def _seen(path: str, out_of_sight: Iterable[str]) -> str:
    """PATH without folders that the functions cannot see, and without our own helpers."""
    hidden = {*out_of_sight, os.path.join(RUNTIME_DIR, "bin")}
    return ":".join(folder for folder in path.split(":") if folder not in hidden)


_OF_THE_STAGE = ("PATH", "SOURCE_DATE_EPOCH")
"""What the functions get is not what the recipe was evaluated with."""


def _homeless(value: str, home: str) -> str:
    """A value that does not tell where the packager's home is."""
    if len(home) < 2:
        return value
    text = value.replace(f"{home.rstrip('/')}/", "$HOME/")
    return "$HOME" if text == home else text


def _others(environment: Mapping[str, str], told: Mapping[str, str]) -> tuple[str, ...]:
    """Names of what else the functions got: of the caller's, nobody knows what they do."""
    from abuildpy.recipe.environment import CLEAN

    ours = ("ABUILD_", "ABUILDPY_", "LC_")
    return tuple(
        sorted(name for name in environment if name not in told and name not in CLEAN and not name.startswith(ours))
    )


def _database(providers: Callable[[str], Providers], triplet: str) -> InstalledDatabase | None:
    from abuildpy.phases.providers import Installed

    known = providers(triplet).installed
    return known.database if isinstance(known, Installed) else None


def _installed(
    database: InstalledDatabase | None, wanted: Iterable[str], *, everything: bool
) -> tuple[InstalledPackage, ...]:
    """What is installed of what is wanted, and of what that needs in turn; or everything."""
    from abuildpy.records.buildinfo import InstalledPackage

    if database is None:
        return ()
    entries = {entry.name: entry for entry in database.packages}
    direct = set(_providers(database, wanted))
    names = set(entries) if everything else _closure(database, entries, direct)
    return tuple(
        InstalledPackage(e.name, e.version, e.arch, e.origin, e.identity, e.name in direct)
        for e in (entries[name] for name in sorted(names))
        if not e.name.startswith(".")  # what abuild -r installs under one name is none
    )


def _closure(database: InstalledDatabase, entries: Mapping[str, IndexEntry], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in entries:
            found.add(name)
            waiting += _providers(database, entries[name].depends)
    return found


def _providers(database: InstalledDatabase, wanted: Iterable[str]) -> Iterator[str]:
    for dependency in wanted:
        if dependency.startswith("!"):
            continue
        try:
            name = database.provider_of(dependency)
        except DependencyError:
            continue
        if name is not None:
            yield name


def _libc(database: InstalledDatabase | None) -> str:
    """The C library of what was built with: by its package, else this machine's."""
    musl = database.version_of("musl") if database is not None else None
    if musl:
        return f"musl {musl}"
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return "musl"
