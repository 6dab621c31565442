# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount table: what a stage sees of the file system, as a list that can be read, tested and handed to bubblewrap.

=====================================  ==========================================================================
``/``                                  the host's, read-only, with everything mounted below it
``/proc``                              its own (a rung lower: the host's, read-only)
``/dev``, ``/dev/shm``                 minimal, own; shared memory writable
``/run``                               empty: sockets of docker, podman, agents, message buses live there
``/tmp``, ``/var/tmp``                 ``Request.tmp``, on disk, the same at both places
``/home``, ``/root``, callers' homes   empty, as are mail folders and folders with container daemons' sockets
HOME (``/home/builder``)               ``Request.home``
folders that the user cannot pass      empty, with only the requested trees below them
``Request.readable``                   at their own paths, read-only
``Request.writable``, ``caches``       at their own paths, writable
``Request.files``, ``cleaned``         laid over single files, read-only (``/etc/passwd``, ``/etc/group``)
``Request.hidden``, known secrets      masked: folders by an empty one, files by an unreadable device
=====================================  ==========================================================================

Deeper paths lie on top of shallower ones, whatever their kind; that one rule gives "at their own paths even below a
hidden home" as well as "a key inside a visible tree stays hidden". Everything is resolved before: bubblewrap gets real
paths, and symbolic links that led to a tree are made anew where the folder holding them is hidden.

Two dangers shaped the code. A recipe can plant symbolic links wherever it writes, and the next stage's mounts would
follow them: so no requested path may lead through a link inside a writable folder, and mount points inside one are
made at its top level only, where they cannot be renamed. And bubblewrap makes missing mount points: so where the
host lacks one on a read-only place, the table refuses instead.
"""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.identity import may_enter, may_read
from abuildpy.sandbox.process import is_inside


class Kind(enum.Enum):
    """How something is mounted; the value is bubblewrap's option."""

    READ_ONLY = "--ro-bind"
    WRITABLE = "--bind"
    EMPTY = "--tmpfs"
    FOLDER = "--dir"
    PROC = "--proc"
    DEVICES = "--dev"
    SYMLINK = "--symlink"


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table. ``source`` is a host path (SYMLINK: the link's text); ``mode`` is for EMPTY and FOLDER."""

    kind: Kind
    target: Path
    source: Path | None = None
    mode: int | None = None

    def arguments(self) -> list[str]:
        """The line as bubblewrap's arguments."""
        words = [] if self.mode is None else ["--perms", f"{self.mode:04o}"]
        words.append(self.kind.value)
        if self.source is not None:
            words.append(os.fspath(self.source))
        return [*words, os.fspath(self.target)]


@dataclass(frozen=True, slots=True)
class Table:
    """A finished table, in the order of mounting, and where HOME is inside."""

    mounts: tuple[Mount, ...]
    home: Path

    def arguments(self) -> list[str]:
        """All lines as bubblewrap's arguments."""
        return [word for mount in self.mounts for word in mount.arguments()]


ROOT = Path("/")
TMP = Path("/tmp")  # noqa: S108 -- the sandbox's own
NOTHING = Path("/dev/null")

_HOME_NAMES = ("builder", "build", "abuild", "build-home")

# Folders where daemons keep sockets outside /run, and people's mail.
_DAEMONS = ("/var/snap/lxd", "/var/lib/lxd", "/var/lib/incus", "/var/mail", "/var/spool/mail", "/var/spool/cron")

# In a home: what is masked if the home itself shows because the recipe lies directly in it.
_SECRETS = (
    ".abuild .ssh .gnupg .netrc .aws .azure .config .docker .kube .password-store .pki .git-credentials .pypirc .npmrc "
    ".mozilla .thunderbird .vault-token .local/share/keyrings .bash_history .ash_history"
).split()
_CACHE_SECRETS = ("credentials", "credentials.toml")  # cargo's

# Homes are never these or below them: service accounts have such homes, and hiding /usr helps nobody.
_SYSTEM = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys", "/boot")))
_SHARED = (*_SYSTEM, *map(Path, ("/", "/var", "/var/lib", "/opt", "/srv", "/tmp", "/run", "/mnt")))  # noqa: S108


def mount_table(request: Request, user: BuildUser, *, fresh_proc: bool = True) -> Table:
    """What the stage of ``request`` sees.

    Raises SandboxError for a tree that the build user cannot read, a writable folder that is a symbolic link, paths
    that lead through links the recipe could have planted, and trees that are /tmp, /run or the like themselves.
    """
    return _Planner(request, user, fresh_proc).table()


class _Planner:
    """Collects the table's lines; one use each."""

    def __init__(self, request: Request, user: BuildUser, fresh_proc: bool) -> None:
        self.request = request
        self.user = user
        self.fresh_proc = fresh_proc
        self.links: dict[Path, Path] = {}
        self.forced: set[Path] = set()
        owned = (*request.writable, *request.caches, request.home, request.tmp)
        self.recipe_owned = {Path(os.path.realpath(path.parent)) / path.name for path in owned}
        self.recipe_owned.update(Path(os.path.realpath(path)) for path in request.caches)
        self.hides: set[Path] = set()
        self.private_tmp = self._resolve(_folder(request.tmp))
        self.private_home = self._resolve(_folder(request.home))
        self.trees = self._trees()
        for target in self.trees:
            self._check_place(target)

    def table(self) -> Table:
        """Put the lines in order, leaving out what is there anyway."""
        home = self._home()
        tmp_places = self._existing(("/tmp", "/var/tmp"))  # noqa: S108
        private: dict[Path, Mount] = {}
        for place in self._existing(("/run",)):
            private[place] = Mount(Kind.EMPTY, place, mode=0o755)
        for place in (*self._hidden_places(), *self._impassable()):
            private.setdefault(place, Mount(Kind.EMPTY, place, mode=0o555))
            self.hides.add(place)
        for place in tmp_places:
            private[place] = Mount(Kind.WRITABLE, place, self.private_tmp)
        real_home = Path(os.path.realpath(home.parent)) / home.name
        private[real_home] = Mount(Kind.WRITABLE, real_home, self.private_home)

        lines: dict[Path, Mount] = {**private, **self.trees}
        masks = self._masks()
        for target in sorted({*lines, *masks, *self.links}, key=_depth):
            self._protect(target, lines, (*tmp_places, real_home))

        placed: dict[Path, Mount] = {ROOT: Mount(Kind.READ_ONLY, ROOT, ROOT)}
        for target in sorted({*lines, *masks, *self.links}, key=_depth):
            line = self._line(target, lines, masks, placed)
            if line is not None:
                for parent in self._made_parents(target, placed):
                    placed[parent] = Mount(Kind.FOLDER, parent, mode=0o755)
                placed[target] = line
        return Table((*self._first(), *list(placed.values())[1:]), home)

    def _first(self) -> Iterator[Mount]:
        yield Mount(Kind.READ_ONLY, ROOT, ROOT)
        yield (
            Mount(Kind.PROC, Path("/proc")) if self.fresh_proc else Mount(Kind.READ_ONLY, Path("/proc"), Path("/proc"))
        )
        yield Mount(Kind.DEVICES, Path("/dev"))
        yield Mount(Kind.EMPTY, Path("/dev/shm"), mode=0o1777)  # noqa: S108

    def _line(
        self, target: Path, lines: dict[Path, Mount], masks: dict[Path, bool], placed: dict[Path, Mount]
    ) -> Mount | None:
        """What to mount at ``target``, given what already lies there; None where nothing has to be."""
        below = _covering(target, placed)
        if target in masks and (target in self.forced or target not in lines):
            if not _shows(below, target):
                return None
            return Mount(Kind.EMPTY, target, mode=0o555) if masks[target] else Mount(Kind.READ_ONLY, target, NOTHING)
        if target not in lines:  # a link
            return None if _shows(below, target) else Mount(Kind.SYMLINK, target, self.links[target])
        line = lines[target]
        if line.source == target and line.kind is below.kind and _shows(below, target):
            return None
        if target in self.hides and target not in self.trees and not _shows(below, target):
            return None
        if below.kind is Kind.READ_ONLY and not os.path.lexists(_host_path(below, target)):
            raise SandboxError(f"Nothing can be laid over {target}: the host has no such file", hint="create it, empty")
        return line

    def _made_parents(self, target: Path, placed: dict[Path, Mount]) -> list[Path]:
        """Folders to make above a mount point in an empty place; bubblewrap would make them for their owner alone."""
        missing: list[Path] = []
        for parent in target.parents:
            if parent in placed:
                return missing[::-1] if placed[parent].kind in (Kind.EMPTY, Kind.FOLDER) else []
            missing.append(parent)
        return []

    # -- the trees that the request names

    def _trees(self) -> dict[Path, Mount]:
        trees: dict[Path, Mount] = {}
        for path in self.request.readable:
            real = self._shown(path)
            if real != ROOT:
                trees[real] = Mount(Kind.READ_ONLY, real, real)
                self._check_readable(real)
        for source, target in (*self.request.files, *self.request.cleaned):
            where = self._shown(target.parent) / target.name
            if os.path.islink(where):
                where = self._shown(target)
            trees[where] = Mount(Kind.READ_ONLY, where, self._shown(source))
        if self.request.network:
            trees.update(self._resolver())
        writable = [_folder(path) for path in self.request.writable]
        for path in (*self.request.caches, *writable):
            if not any(path != other and is_inside(path, other) for other in writable):
                real = self._shown(path)
                trees[real] = Mount(Kind.WRITABLE, real, real)
        self._shown(self.request.cwd, strict=False)
        return trees

    def _resolver(self) -> dict[Path, Mount]:
        """The name resolver's configuration, which systemd keeps in /run."""
        real = Path(os.path.realpath("/etc/resolv.conf"))
        return {real: Mount(Kind.READ_ONLY, real, real)} if is_inside(real, Path("/run")) and real.is_file() else {}

    def _shown(self, path: Path, *, strict: bool = True) -> Path:
        """The real path of ``path``; the links passed on the way are noted so that they can be shown inside too."""
        return self._resolve(path, self.links, strict=strict)

    def _resolve(self, path: Path, links: dict[Path, Path] | None = None, *, strict: bool = True) -> Path:
        """The real path of ``path``, refusing links that the recipe may have planted; ``links`` collects the others.

        Without ``strict`` the part of the path that does not exist, or is the recipe's, stays as it is.
        """
        if not path.is_absolute():
            raise SandboxError(f"{path} is not an absolute path")
        real, rest, passed = ROOT, list(reversed(path.parts[1:])), 0
        while rest:
            part = rest.pop()
            if part == "..":
                real = real.parent
                continue
            here = real / part
            try:
                mode = os.lstat(here).st_mode
            except OSError as error:
                if strict:
                    raise SandboxError(f"The build needs {path}: {error.strerror}") from error
                return real / part / Path(*reversed(rest))
            if not stat.S_ISLNK(mode):
                real = here
                continue
            if any(here != owned and is_inside(here, owned) for owned in self.recipe_owned):
                if strict:
                    raise SandboxError(
                        f"{path} leads through the link {here}, in a folder that the recipe can change",
                        hint="give the folder itself",
                    )
                return here
            passed += 1
            if passed > 40:
                raise SandboxError(f"{path} leads in circles")
            text = Path(os.readlink(here))
            if links is not None:
                links[here] = text
            if text.is_absolute():
                real = ROOT
            rest += reversed(text.parts[1:] if text.is_absolute() else text.parts)
        return real

    def _check_readable(self, real: Path) -> None:
        if self.user.drops and not may_read(real, self.user):
            raise SandboxError(
                f"{real} cannot be read by user {self.user.host_uid}, who runs recipes for root",
                hint=f"chmod -R a+rX {real}, or give the tree to an ordinary user",
            )

    def _check_place(self, target: Path) -> None:
        for place in ("/tmp", "/var/tmp", "/run", "/dev", "/proc", "/dev/shm"):  # noqa: S108
            if target == Path(os.path.realpath(place)):
                raise SandboxError(
                    f"A build cannot use {target} itself",
                    hint="move the recipe, or that folder, to one of its own below",
                )

    # -- what is hidden

    def _existing(self, names: Iterable[str]) -> list[Path]:
        return [Path(os.path.realpath(name)) for name in names if os.path.isdir(name)]

    def _homes(self) -> Iterator[Path]:
        import pwd

        yield from (Path("/home"), Path("/root"))
        for uid in (os.getuid(), self.user.host_uid):
            try:
                yield Path(pwd.getpwuid(uid).pw_dir)
            except KeyError:
                continue
        if os.environ.get("HOME", "").startswith("/"):
            yield Path(os.environ["HOME"])

    def _hidden_places(self) -> list[Path]:
        """Real paths of homes, mail and the like that exist, system folders excepted."""
        places = []
        for path in self._existing(os.fspath(home) for home in self._homes()):
            if path not in _SHARED and not any(is_inside(path, system) for system in _SYSTEM):
                places.append(path)
        return [*places, *self._existing(_DAEMONS)]

    def _impassable(self) -> set[Path]:
        """The topmost folder above each tree that the build user cannot pass through."""
        found: set[Path] = set()
        if self.user.drops:
            for target in self.trees:
                blocked = (parent for parent in reversed(target.parents) if not may_enter(parent, self.user))
                found.update(parent for parent in list(blocked)[:1] if parent not in self.trees)
        return found

    def _masks(self) -> dict[Path, bool]:
        """What must not show: real path → whether it is a folder. Only what exists."""
        wanted = []
        for path in self.request.hidden:
            real = Path(os.path.realpath(path))
            wanted.append(real)
            self.forced.add(real)
        wanted += [home / name for home in self._hidden_places() for name in _SECRETS]
        wanted += [cache / name for cache in self.request.caches for name in _CACHE_SECRETS]
        masks = {}
        for path in wanted:
            try:
                masks[path] = stat.S_ISDIR(os.stat(path).st_mode)
            except OSError:
                continue
        return masks

    # -- places for mount points

    def _home(self) -> Path:
        """Where HOME is inside: a name below /home that nothing else needs, else in /run."""
        taken = {*self.trees, *self.links}
        real = Path(os.path.realpath("/home"))
        if real.is_dir() and real not in taken:
            for name in filter(None, (self.request.home_name, *_HOME_NAMES)):
                if not any(is_inside(path, real / name) for path in taken):
                    return Path("/home") / name
        if os.path.isdir("/run"):
            return Path("/run/home")
        raise SandboxError("The sandbox needs a folder /home or /run", hint="mkdir /home")

    def _protect(self, target: Path, lines: dict[Path, Mount], owned: Iterable[Path]) -> None:
        """See that no mount point has to be made deep inside a folder that the recipe writes to between stages."""
        for place in owned:
            if target != place and is_inside(target, place):
                first = place / target.relative_to(place).parts[0]
                if first != target:
                    lines.setdefault(first, Mount(Kind.EMPTY, first, mode=0o555))
                    self.hides.discard(first)
                source = lines[place].source
                if source is not None and (source / first.name).is_symlink():
                    (source / first.name).unlink()  # an earlier stage put it there
                return


def _folder(path: Path) -> Path:
    """``path``, which must be a folder and no link to one."""
    try:
        info = os.lstat(path)
    except OSError as error:
        raise SandboxError(f"The build needs the folder {path}: {error.strerror}") from error
    if not stat.S_ISDIR(info.st_mode):
        raise SandboxError(f"{path} is not a folder of its own", hint="remove it and start again")
    return path


def _depth(path: Path) -> tuple[int, str]:
    return len(path.parts), os.fspath(path)


def _covering(target: Path, placed: dict[Path, Mount]) -> Mount:
    """The line that ``target`` lies on so far."""
    return next(placed[path] for path in (target, *target.parents) if path in placed)


def _host_path(mount: Mount, target: Path) -> Path:
    source = mount.source or mount.target
    return source / target.relative_to(mount.target) if target != mount.target else source


def _shows(mount: Mount, target: Path) -> bool:
    """Whether ``mount`` shows at ``target`` what the host has there."""
    return mount.kind in (Kind.READ_ONLY, Kind.WRITABLE) and _host_path(mount, target) == target
