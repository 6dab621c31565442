# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a build: one file for each function of the recipe that ran, kept until the next build of the same recipe.

They are in the user's state folder (XDG Base Directory Specification, ``XDG_STATE_HOME``), which no wall lets a recipe see::

    ~/.local/state/abuildpy/logs/NAME-DIGEST/build.log    the digest is of the recipe's folder
                                             environment  what build and check exported, for ``abuildpy shell package``
                                             failed       which function failed last: its name, status and log, a line each

``ABUILDPY_LOGDIR`` names another folder. A log has the first and the last 32 MiB of what was written. Of recipes that were not
built for longest the logs go when there are more than 200.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zlib import crc32

from abuildpy.atomic import replacing
from abuildpy.config import Config
from abuildpy.recipe.model import Recipe

_HALF = 32 << 20
_MOST_RECIPES = 200
_MOST_LOGS = 300
"""Of one build: names come out of the recipe's shell."""
_FAILED = "failed"
_ENVIRONMENT = "environment"


def logs_folder(startdir: Path, config: Config) -> Path | None:
    """Where the logs of the recipe in that folder are; None without a HOME. Nothing is made."""
    base = config.get("ABUILDPY_LOGDIR")
    if not base:
        state = config.environ.get("XDG_STATE_HOME", "")
        home = config.home
        if not state.startswith("/") and not home.startswith("/"):
            return None
        base = f"{state if state.startswith('/') else f'{home}/.local/state'}/abuildpy/logs"
    real = os.path.realpath(startdir)
    return Path(os.path.abspath(base), f"{os.path.basename(real)}-{crc32(os.fsencode(real)):08x}")


@dataclass(frozen=True, slots=True)
class LastFailure:
    """Which function failed last, its shell's status (negative for a signal), and its log."""

    phase: str
    status: int
    log: Path

    @property
    def package(self) -> str:
        """The subpackage that it worked for; empty for the main package."""
        return self.log.stem.removesuffix(self.phase).removesuffix(".")


def last_failure(folder: Path) -> LastFailure | None:
    """What the last build of a recipe failed with; None if it did not, or nobody knows."""
    try:
        lines = (folder / _FAILED).read_text(encoding="utf-8").splitlines()
        return LastFailure(lines[0], int(lines[1]), folder / os.path.basename(lines[2]))
    except (OSError, ValueError, IndexError):
        return None


def kept_environment(folder: Path) -> Mapping[str, str] | None:
    """What the functions before packaging exported in the last build of a recipe; None if nobody knows."""
    try:
        entries = (folder / _ENVIRONMENT).read_bytes().split(b"\0")
    except OSError:
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry)
    return {name: value for name, _, value in pairs}


class Logs:
    """The logs of one recipe while it is built. Where they cannot be written nothing is kept, and nothing else changes."""

    def __init__(self, recipe: Recipe, config: Config, tell: Callable[[str], None] | None = None) -> None:
        """``tell`` is told each function that begins."""
        self._recipe = recipe
        self._folder = logs_folder(recipe.startdir, config)
        self._log: _Log | None = None
        self._names: set[str] = set()
        self._tell = tell

    @property
    def path(self) -> Path | None:
        """The log that is written, or was last."""
        return self._log.path if self._log else None

    def fresh(self) -> None:
        """A whole build begins: logs of the one before go."""
        if self._folder is not None and self._folder.is_dir():
            with suppress(OSError):
                for name in os.listdir(self._folder):
                    if name.endswith(".log") or name in (_FAILED, _ENVIRONMENT):
                        os.unlink(self._folder / name)
        self._names.clear()

    def begin(self, function: str, package: str) -> None:
        """From now on it is this function that writes, for that package."""
        name = self._name(function, package)
        if self._tell:
            self._tell(function)
        self.end()
        if self._folder is None or (len(self._names) >= _MOST_LOGS and name not in self._names):
            return
        again = name in self._names
        self._names.add(name)
        try:
            if not again:
                _begin_in(self._folder, name)
            self._log = _Log(self._folder / f"{name}.log", again=again)
        except OSError:
            self._log = None

    def _name(self, function: str, package: str) -> str:
        name = function if package in ("", self._recipe.pkgname) else f"{package}.{function}"
        return re.sub(r"[^A-Za-z0-9_+.-]", "_", name).lstrip(".")[:100] or "shell"

    def keep(self, data: bytes) -> None:
        """What was written."""
        if self._log is None or self._log.closed:
            self.begin("shell", "")
        if self._log is not None:
            self._log.write(data)

    def end(self) -> None:
        """Nothing more is written."""
        if self._log is not None:
            self._log.close()

    def keep_environment(self, environment: Mapping[str, str]) -> None:
        """What the functions exported, for a shell that is opened later."""
        if self._folder is not None and self._folder.is_dir():
            data = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environment.items())
            with suppress(OSError), replacing(self._folder / _ENVIRONMENT, 0o600) as file:
                file.write(data)

    def failed(self, phase: str, status: int, package: str) -> Path | None:
        """Notes which function failed; returns its log."""
        path = self.path
        if self._folder is None or path is None:
            return None
        name = self._name(phase, package)
        if name in self._names:
            path = self._folder / f"{name}.log"
        with suppress(OSError), replacing(self._folder / _FAILED, 0o600) as file:
            file.write(f"{phase}\n{status}\n{path.name}\n".encode())
        return path


class _Log:
    """One log: the beginning as it comes, then a ring of the same size, which is appended at the end."""

    def __init__(self, path: Path, *, again: bool) -> None:
        """``again`` goes on with one that is there. Raises OSError."""
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_APPEND if again else os.O_TRUNC)
        descriptor = os.open(path, flags, 0o600)
        self._file: IO[bytes] = open(descriptor, "ab" if again else "wb", buffering=0)  # noqa: SIM115 - closed by close()
        self._left = max(0, _HALF - self._file.tell())
        self._ring: IO[bytes] | None = None
        self._beyond = 0
        self.closed = False

    def write(self, data: bytes) -> None:
        """Never fails: a build must not end for its log."""
        if self.closed:
            return
        with suppress(OSError):
            if self._left:
                written = self._file.write(data[: self._left])
                self._left -= written
                data = data[written:]
            while data:
                if self._ring is None:
                    self._ring = TemporaryFile(dir=self.path.parent, buffering=0)  # noqa: SIM115 - likewise
                at = self._beyond % _HALF
                written = os.pwrite(self._ring.fileno(), data[: _HALF - at], at)
                self._beyond += written
                data = data[written:]

    def close(self) -> None:
        """Puts the two halves together."""
        if self.closed:
            return
        self.closed = True
        with suppress(OSError), self._file:
            if self._ring is None:
                return
            newer = self._beyond  # bytes at the ring's beginning that are younger than the rest
            if self._beyond > _HALF:
                newer %= _HALF
                self._file.write(b"\n[%d bytes are left out here]\n" % (self._beyond - _HALF))
                self._ring.seek(newer)
                shutil.copyfileobj(self._ring, self._file)
            self._ring.seek(0)
            self._file.write(self._ring.read(newer))


def _begin_in(folder: Path, name: str) -> None:
    """Makes a recipe's folder; forgets a failure of the function that begins there now."""
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o700)
        _tidy(folder.parent)
    before = last_failure(folder)
    if before is not None and before.log.stem == name:
        os.unlink(folder / _FAILED)


def _tidy(base: Path) -> None:
    """Makes room for one more recipe: the logs of those that were built longest ago go."""
    with os.scandir(base) as found:
        folders = sorted((each.stat().st_mtime, each.path) for each in found if each.is_dir(follow_symlinks=False))
    for _, path in folders[:-_MOST_RECIPES]:
        shutil.rmtree(path, ignore_errors=True)
