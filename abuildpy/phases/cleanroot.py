# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean root as what stages find around them: apk's packages, and of this machine only the recipe and its sources.

Paths inside are those of abuild's rootbld, the same for everybody, so that what a compiler notes of them is too.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from abuildpy.config import RUNTIME_DIR, Config
from abuildpy.errors import SandboxError
from abuildpy.phases.ownership import Accounts
from abuildpy.phases.rootfolder import RootFolder
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.workspace import read_inside
from abuildpy.recipe.environment import passed_by_name
from abuildpy.recipe.model import Recipe
from abuildpy.sandbox.base import BuildUser, Place, Request, View, Wall
from abuildpy.sandbox.bwrap import BwrapWall
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import Identity, reachable
from abuildpy.sandbox.process import is_inside

HOME = Path("/home/user")
_APORTS = HOME / "aports"
_TMP = Path("/tmp")  # noqa: S108 - the sandbox's own
_OURS = Path("/run/abuildpy")
_CONF = _OURS / "conf"

T = TypeVar("T")

_FOLDERS = """\
srcdir=/tmp/src
pkgbasedir=/tmp/pkg
tmpdir=/tmp/tmp

"""
"""Put in front of the configuration: variables of the shell that are not exported."""

_PASSED = ("CBUILD", "CBUILD_ARCH", "CHOST", "CARCH", "CTARGET", "CTARGET_ARCH", "JOBS")
_PASSED_IF_SET = ("BOOTSTRAP", "ABUILD_BOOTSTRAP", "APORTS_BOOTSTRAP")


class CleanRoot:
    """A finished clean root around the stages of one recipe."""

    def __init__(self, folder: RootFolder, recipe: Recipe, config: Config, wall: BwrapWall, hostname: str) -> None:
        """``hostname`` is the machine's name inside."""
        self._folder = folder
        self._recipe = recipe
        self._config = config
        self._wall = wall
        self._hostname = hostname
        self._aport = _APORTS / recipe.repo / recipe.pkgname
        self._places = tuple(self._choose_places())

    # --- how stages see this machine -----------------------------------------------------------------------------

    @property
    def private(self) -> Path:
        """A folder that recipes can at most read."""
        return self._folder.private

    @cached_property
    def ash(self) -> tuple[str, ...]:
        """The root's BusyBox. Raises SandboxError if it has none."""
        for name in ("/bin/busybox", "/usr/bin/busybox"):
            if os.path.lexists(f"{self._folder.root}{name}"):
                return (name, "ash")
        raise SandboxError("the clean root has no BusyBox", hint="is alpine-base in its repositories?")

    @property
    def fakeroot(self) -> Mapping[str, str]:
        """The root's fakeroot. Raises SandboxError if it has none."""
        from abuildpy.sandbox.fakeroot import find_fakeroot

        return find_fakeroot(str(self._folder.root)).environment

    def inside(self, path: Path) -> Path:
        """The path by which a stage knows a file of this machine. Raises SandboxError for one that it cannot see."""
        for here, there in self._seen:
            if path == here or here in path.parents:
                return there / path.relative_to(here)
        raise SandboxError(f"{path} is not to be seen in a clean root")

    def wall(self, startdir: Path) -> Wall:  # noqa: ARG002 - one root, one recipe
        """bubblewrap, which was tried before the root was made."""
        return self._wall

    @property
    def bubblewrap(self) -> BwrapWall:
        """The wall, which is always of this kind."""
        return self._wall

    def behind(self, startdir: Path, run: Callable[[Wall], T]) -> T:  # noqa: ARG002
        """Calls ``run`` with the wall; there is no other."""
        return run(self._wall)

    def out_of_sight(self, startdir: Path) -> tuple[str, ...]:  # noqa: ARG002
        """None: PATH is the root's."""
        return ()

    def environment(self, recipe: Recipe, *, colors: bool, network: bool) -> dict[str, str]:  # noqa: ARG002
        """Nothing of the caller's but what says what is to be built, and for which machine."""
        config = self._config
        env = what_to_build(config)
        ccache = "/usr/lib/ccache/bin:" if config.get("USE_CCACHE") else ""
        env |= {
            "APORTSDIR": str(_APORTS),
            "REPODEST": str(HOME / "packages"),
            "SRCDEST": str(_TMP / "distfiles"),
            "CCACHE_DIR": str(HOME / ".ccache"),
            "ABUILD_USERDIR": str(HOME / ".abuild"),
            "ABUILD_SHAREDIR": str(_OURS / "share"),
            "ABUILD_DEFCONF": str(_CONF / "default.conf"),
            "ABUILD_CONF": str(_CONF / "abuild.conf"),
            "ABUILD_USERCONF": str(_CONF / "user.conf"),
            "APKBUILD": str(self._aport / recipe.path.name),
            "USE_COLORS": "force" if colors else "",
            "HOME": str(HOME),
            "PATH": f"{ccache}/bin:/usr/bin:/sbin:/usr/sbin:{_OURS}/runtime/bin",
        }
        return env

    def accounts(self, recipe: Recipe, wall: Wall) -> Accounts:
        """The root's own accounts and the recipe's."""
        return self._identity(recipe, wall.user)

    def furnish(self, request: Request, recipe: Recipe, user: BuildUser) -> Request:
        """The root, with the work folders and sources laid over it."""
        from abuildpy.phases.concealed import cleaned_git

        written = (Place(folder, self.inside(folder), writable=True) for folder in request.writable)
        startdir = recipe.startdir.resolve()
        cleaned = (
            Place(copy, self._aport / original.relative_to(startdir))
            for copy, original in cleaned_git((startdir,), self.private)
            if is_inside(original, startdir)
        )
        return replace(
            request,
            view=View(self._folder.root, (*self._places, *written, *cleaned), HOME),
            writable=(),
            files=self._identity(recipe, user).write(self.private),
            hostname=self._hostname,
        )

    def _identity(self, recipe: Recipe, user: BuildUser) -> Identity:
        base = (self._root_file("etc", "passwd"), self._root_file("etc", "group"))
        return Identity.build(recipe.pkgusers, recipe.pkggroups, user.uid, user.gid, home=str(HOME), base=base)

    def _root_file(self, *parts: str) -> str:
        content = read_inside(self._folder.root, *parts)
        if content is None:
            raise SandboxError(f"the clean root's /{'/'.join(parts)} is not a file", hint="did a package replace it?")
        return content.decode("utf-8", "surrogateescape")

    # --- what is laid over the root --------------------------------------------------------------------------------

    @cached_property
    def _seen(self) -> tuple[tuple[Path, Path], ...]:
        """Folders of this machine that stages are told of, and where they are inside."""
        workspace = self._folder.workspace(self._recipe.startdir)
        return (
            *((folder, _TMP / folder.name) for folder in workspace.writable),
            (self._recipe.startdir, self._aport),
            (source_folder(self._recipe, self._config), _TMP / "distfiles"),
            (Path(RUNTIME_DIR), _OURS / "runtime"),
            (self._folder.private, _OURS / "private"),
        )

    def _choose_places(self) -> list[Place]:
        sources = source_folder(self._recipe, self._config)
        sources.mkdir(parents=True, exist_ok=True)  # where no source is remote, nobody needed it until now
        places = [
            Place(self._reachable(self._recipe.startdir, "aport"), self._aport),
            Place(self._reachable(sources, "distfiles"), _TMP / "distfiles"),
            Place(self._copy(Path(RUNTIME_DIR), "runtime"), _OURS / "runtime"),
            Place(self._copy(self._config.sharedir, "share"), _OURS / "share"),
            Place(self._configuration(), _CONF),
            Place(self._folder.private, _OURS / "private"),
        ]
        if self._folder.sysroot.is_dir():
            places.append(Place(self._folder.sysroot, HOME / f"sysroot-{self._config.get('CTARGET_ARCH')}"))
        if self._config.get("USE_CCACHE"):
            places += self._ccache()
        return places

    def _reachable(self, path: Path, name: str) -> Path:
        """The folder, or a copy of the files in it that matter where those who run recipes for root cannot get at it."""
        if not self._wall.user.drops or reachable(path, self._wall.user):
            return path
        copy = self._folder.path / name
        copy.mkdir(mode=0o755)
        if name == "aport":
            shutil.copytree(path, copy, symlinks=True, ignore=_leave_out, dirs_exist_ok=True)
        else:
            for source in self._recipe.source:
                if source.remote and (path / source.name).is_file():
                    shutil.copyfile(path / source.name, copy / source.name)
        hand_over((copy,), self._wall.user)
        return copy

    def _copy(self, path: Path, name: str) -> Path:
        """A copy of a folder of our own, which may lie where those who run recipes cannot get at it."""
        copy = self._folder.path / name
        if not copy.exists():
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
        return copy

    def _configuration(self) -> Path:
        """The files that say how to build; of the folder that they are in, which holds keys, nothing else."""
        folder = self._folder.path / "conf"
        folder.mkdir(exist_ok=True)
        names = {"ABUILD_DEFCONF": "default.conf", "ABUILD_CONF": "abuild.conf", "ABUILD_USERCONF": "user.conf"}
        for variable, name in names.items():
            path = Path(self._config.get(variable) or os.devnull)
            content = path.read_bytes() if path.is_file() else b""
            (folder / name).write_bytes((_FOLDERS.encode() if name == "abuild.conf" else b"") + content)
        return folder

    def _ccache(self) -> list[Place]:
        cache = Path(self._config.get("CCACHE_DIR") or f"{self._config.home}/.ccache")
        if not cache.is_dir():
            cache.mkdir(parents=True)
            hand_over((cache,), self._wall.user)
        if self._wall.user.drops and not reachable(cache, self._wall.user):
            return []  # a build without is slower, and no worse
        return [Place(cache, HOME / ".ccache", writable=True)]


def what_to_build(config: Config) -> dict[str, str]:
    """Of the caller's environment, what a clean build depends on: the machines it is for, and the stage of a bootstrap.

    What the user let through by name comes first, and overrides none of that.
    """
    env = {**passed_by_name(config), **{name: config.get(name) for name in _PASSED}}
    return env | {name: config.get(name) for name in _PASSED_IF_SET if config.get(name)}


def _leave_out(folder: str, names: list[str]) -> list[str]:
    """The work folders of builds beside a recipe, and what cannot be copied: pipes, sockets, devices."""
    worked = {"src", "pkg", "tmp"} if "APKBUILD" in names else set()
    return [name for name in names if name in worked or not _is_plain(os.path.join(folder, name))]


def _is_plain(path: str) -> bool:
    kind = stat.S_IFMT(os.lstat(path).st_mode)
    return kind in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
