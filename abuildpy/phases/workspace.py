# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders a build works in, below the recipe's own folder unless the environment says otherwise."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import ConfigError, RecipeError
from abuildpy.recipe.model import Recipe

_LARGEST = 1 << 28
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Workspace:
    """``src`` holds sources and builds, ``pkg`` the package trees, ``tmp`` caches, the HOME and the /tmp of the phases."""

    startdir: Path
    src: Path
    pkg: Path
    tmp: Path

    @property
    def home(self) -> Path:
        """Becomes HOME inside the sandbox; lives through all phases of a build."""
        return self.tmp / ".home"

    @property
    def scratch(self) -> Path:
        """Becomes /tmp inside the sandbox."""
        return self.tmp / ".tmp"

    @property
    def session(self) -> Path:
        """What a stage and the program outside tell each other in files."""
        return self.tmp / ".session"

    @property
    def writable(self) -> tuple[Path, ...]:
        """What a phase may write."""
        return (self.src, self.pkg, self.tmp)

    def create(self) -> tuple[Path, ...]:
        """Makes what is missing and returns all folders. Raises ConfigError where that is not possible."""
        folders = (self.src, self.pkg, self.tmp, self.home, self.scratch, self.session)
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"{folder} cannot be made: {error.strerror}", hint="the recipe's folder must be writable"
                ) from error
            if folder.is_symlink() and folder.parent == self.tmp:
                raise ConfigError(f"{folder} is a symbolic link", hint="remove it; `abuild clean` does")
        return folders


def workspace_of(recipe: Recipe, config: Config) -> Workspace:
    """The folders of a recipe; environment and abuild.conf may place them elsewhere (srcdir, pkgbasedir, tmpdir).

    The recipe may not: they are emptied, and given to the user that its functions run as. Raises RecipeError if it tries.
    """
    start = recipe.startdir
    folders = {}
    for name, usual in (("srcdir", "src"), ("pkgbasedir", "pkg"), ("tmpdir", "tmp")):
        folders[name] = start / (config.get(name) or usual)
        if start / recipe.variables.get(name, usual) != folders[name]:
            raise RecipeError(f"{recipe.path} sets {name}, which is not for recipes to set", hint="use builddir")
    return Workspace(start, folders["srcdir"], folders["pkgbasedir"], folders["tmpdir"])


def remove_tree(path: Path) -> None:
    """Deletes a folder and all below it without following links, opening folders that deny entry (abuild-rm).

    A missing path is fine. Raises ConfigError naming what could not be deleted.
    """
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(state.st_mode):
            os.unlink(path)
            return
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _empty(os.fsencode(path.name), parent)
            os.rmdir(path.name, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename or b"")
        raise ConfigError(
            f"{path} cannot be deleted: {where}: {error.strerror}", hint="who owns it? A root build may have left it"
        ) from error


def _empty(top: bytes, parent: int) -> None:
    """Empties the folder ``top`` of the open folder ``parent``.

    Walks down and back up with one descriptor at a time: a recipe may nest folders deeper than any stack or table of open
    files. On the way up it must come to the folder it came from; if somebody moved folders meanwhile, it stops.
    """
    folder = _open_folder(top, parent)
    path = [(top, _inode(folder))]
    try:
        while True:
            deeper = None
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        deeper = name
                        break
                    os.unlink(name, dir_fd=folder)
            if deeper is not None:
                inner = _open_folder(deeper, folder)
                path.append((deeper, _inode(inner)))
            elif len(path) == 1:
                return
            else:
                inner = os.open(b"..", _FOLDER, dir_fd=folder)
                emptied, _ = path.pop()
                if _inode(inner) != path[-1][1]:
                    os.close(inner)
                    raise OSError(errno.EBUSY, "it was moved while it was being deleted", emptied)
                os.rmdir(emptied, dir_fd=inner)
            os.close(folder)
            folder = inner
    finally:
        os.close(folder)


def _inode(folder: int) -> tuple[int, int]:
    state = os.fstat(folder)
    return state.st_dev, state.st_ino


def _open_folder(name: bytes, parent: int) -> int:
    """Opens a folder by name, giving its owner all rights first; never through a link."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        folder = os.open(name, _FOLDER, dir_fd=parent)
    mode = os.fstat(folder).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(folder, stat.S_IMODE(mode) | stat.S_IRWXU)
    return folder


@contextmanager
def building(startdir: Path) -> Iterator[bool]:
    """Holds the recipe's folder for one build; yields whether it was free at once.

    Two builds in one folder would work in the same src/ and pkg/. The lock is on the folder itself, so there is no file
    to leave behind.
    """
    import fcntl

    descriptor = os.open(startdir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)


def read_inside(folder: Path, *parts: str) -> bytes | None:
    """Content of a regular file below a folder whose inside the recipe controls: no link on the way is followed.

    None where there is no such file, or one that is absurdly large.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        with open(os.open(parts[-1], flags | os.O_NONBLOCK, dir_fd=descriptor), "rb") as stream:
            state = os.fstat(stream.fileno())
            return stream.read() if stat.S_ISREG(state.st_mode) and state.st_size <= _LARGEST else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def private_folder() -> Path:
    """Makes a new folder that others can enter but not write; it is deleted when the program ends, or by a later run."""
    import atexit

    from abuildpy.sandbox.process import undisturbed
    from abuildpy.scratch import Scratch

    place = Path(os.environ.get("TMPDIR") or "/tmp").resolve()  # noqa: S108 - the name in it cannot be guessed
    try:
        with undisturbed():
            scratch = Scratch(place)
            atexit.register(scratch.remove)
    except OSError as error:
        raise ConfigError(
            f"no folder can be made in {place}: {error.strerror}", hint="set TMPDIR to a folder that can be written"
        ) from error
    return scratch.path
