# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes' folders as they were, kept until it is certain that they need not be put back.

One folder for each recipe that is being changed, which outlives a killed run: the next one puts back what that left. It has
all files in ``before``, the build's folders in ``aside``, and in ``record.json`` what is to be known of them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.atomic import mode_for, replacing
from abuildpy.errors import AbuildError

WORK = ("src", "pkg", "tmp")
"""Folders that a build makes beside a recipe."""
_LARGE = 1 << 20
_BEFORE, _ASIDE, _RECORD = "before", "aside", "record.json"


class BusyError(AbuildError):
    """Somebody else is bumping recipes of the same tree."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a killed run left of a recipe, and what was done about it: ``restored``, ``committed``, or ``changed``.

    The last was written by others since and is left alone; what it was before is in ``kept``.
    """

    name: str
    outcome: str
    kept: Path


class Keeper:
    """The kept folders of one tree. Used as a context; raises BusyError where another process uses the same."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = -1

    def __enter__(self) -> Keeper:
        while True:
            self._place.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
                raise BusyError(
                    "another abuildpy bump is at work in this tree", hint=f"wait for it (it holds {self._place})"
                ) from None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._lock), os.stat(self._place)):
                    return self
            os.close(self._lock)  # its last holder has just removed it

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(self._place)
        os.close(self._lock)

    def keep(self, name: str, folder: Path) -> None:
        """Keeps a recipe's folder as it is now. Raises OSError."""
        place = self._of(name)
        part = place.with_name(f".{place.name}.part")
        _remove(part)
        _remove(place)
        _copy(folder, part / _BEFORE)
        (part / _ASIDE).mkdir()
        self._write(part, {"folder": str(folder), "after": {}})
        os.rename(part, place)
        self._sync()

    def set_aside(self, name: str, folder: Path) -> None:
        """Takes what former builds left in the folder out of the way of a new one. Raises OSError."""
        place = self._of(name)
        there = [each for each in WORK if os.path.lexists(folder / each)]
        self._write(place, {**(_read(place) or {}), "aside": there})
        for each in there:
            _move(folder / each, place / _ASIDE / each)

    def note(self, name: str, files: Mapping[str, bytes | None] | None) -> None:
        """Notes what the folder's changed files are to be; None: whatever they will be."""
        place = self._of(name)
        record = _read(place) or {}
        after = None if files is None else {path: _sum(content) for path, content in files.items()}
        self._write(place, {**record, "after": after})

    def apply(self, folder: Path, files: Mapping[str, bytes | None]) -> None:
        """Writes changed files, each in one step. Raises OSError."""
        for path, content in files.items():
            target = folder / path
            if content is None:
                target.unlink(missing_ok=True)
                continue
            real = Path(os.path.realpath(target))
            with replacing(real, mode_for(real), durable=True) as file:
                file.write(content)

    def restore(self, name: str) -> None:
        """Makes the folder what it was, to the byte, and forgets what was kept. Raises OSError."""
        place = self._of(name)
        record = _read(place)
        if record is None:
            return
        folder = Path(str(record["folder"]))
        _restore(place / _BEFORE, folder)
        noted = record.get("aside")
        aside = noted if isinstance(noted, list) else []
        for each in WORK if isinstance(noted, list) else ():
            kept = place / _ASIDE / each
            if os.path.lexists(kept):
                _remove(folder / each)
                _move(kept, folder / each)
            elif each not in aside:
                _remove(folder / each)
        self.forget(name)

    def forget(self, name: str) -> None:
        """The folder stays as it is now."""
        place = self._of(name)
        with contextlib.suppress(OSError):
            os.unlink(place / _RECORD)  # from here on it is nothing that could be put back
        _remove(place)

    def left(self, unchanged: Collection[Path] = ()) -> Iterator[Left]:
        """Sees to what was left of each recipe. ``unchanged`` are the folders that are as in the last commit."""
        for place in sorted(self._place.glob("*")):
            if _read(place) is None:
                _remove(place)
            else:
                yield self.put_back(_unquoted(place.name), unchanged)

    def put_back(self, name: str, unchanged: Collection[Path] = ()) -> Left:
        """Restores a folder, unless it holds what was committed since, or what somebody has written since."""
        place = self._of(name)
        record = _read(place)
        if record is None:
            return Left(name, "restored", place)
        folder, after = Path(str(record["folder"])), record.get("after")
        if after and folder in unchanged and _matches(folder, after):
            self.forget(name)
            return Left(name, "committed", place)
        if folder.is_dir() and (after is None or _is_ours(folder, place / _BEFORE, after)):
            self.restore(name)
            return Left(name, "restored", place)
        return Left(name, "changed", self._give_up(place))

    def is_as_written(self, name: str) -> bool:
        """Whether the files are what was written."""
        record = _read(self._of(name))
        return record is not None and _matches(Path(str(record["folder"])), record.get("after"))

    def open_folders(self) -> list[Path]:
        """The folders that a killed run left something of."""
        records = (_read(place) for place in self._place.glob("[!.]*"))
        return [Path(str(record["folder"])) for record in records if record is not None]

    def _give_up(self, place: Path) -> Path:
        """Keeps it where no later run looks."""
        target = self._place.with_name(f"{self._place.name}-left") / f"{place.name}-{os.urandom(3).hex()}"
        target.parent.mkdir(exist_ok=True)
        os.rename(place, target)
        return target / _BEFORE

    def _of(self, name: str) -> Path:
        return self._place / name.replace("%", "%25").replace("/", "%2f")

    @staticmethod
    def _write(place: Path, record: Mapping[str, object]) -> None:
        with replacing(place / _RECORD, 0o600, durable=True) as file:
            file.write(json.dumps(record).encode("utf-8", "surrogateescape"))

    def _sync(self) -> None:
        with contextlib.suppress(OSError):
            os.fsync(self._lock)


def _unquoted(name: str) -> str:
    return name.replace("%2f", "/").replace("%25", "%")


def _read(place: Path) -> dict[str, object] | None:
    try:
        record = json.loads((place / _RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("folder"), str) else None


def _sum(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _sum_of(path: Path) -> str:
    try:
        return _sum(path.read_bytes())
    except OSError:
        return ""


def _matches(folder: Path, after: object) -> bool:
    return isinstance(after, dict) and all(_sum_of(folder / path) == known for path, known in after.items())


def _is_ours(folder: Path, before: Path, after: object) -> bool:
    """Whether each of the files that were to change is as it was, or as it was to be."""
    if not isinstance(after, dict):
        return False
    return all(_sum_of(folder / path) in (known, _sum_of(before / path)) for path, known in after.items())


def _copy(folder: Path, to: Path) -> None:
    """Copies a recipe's folder without what builds left in it."""

    def ignore(where: str, names: list[str]) -> list[str]:
        return [name for name in names if name in WORK] if Path(where) == folder else []

    shutil.copytree(folder, to, symlinks=True, ignore=ignore, copy_function=copy_or_link)


def copy_or_link(source: str, target: str) -> None:
    """Copies a file; a large one (a download beside the recipe) is linked: whoever changes it replaces it."""
    if os.path.getsize(source) > _LARGE:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _restore(before: Path, folder: Path) -> None:
    """Makes a folder's files those of another; what is the same is not touched."""
    known = {path.relative_to(before) for path in _walk(before)}
    for path in sorted(_walk(folder), reverse=True):
        name = path.relative_to(folder)
        if name not in known and name.parts[0] not in WORK:
            _remove(path)
    for name in sorted(known):
        source, target = before / name, folder / name
        if source.is_symlink():
            if not target.is_symlink() or os.readlink(source) != os.readlink(target):
                _remove(target)
                os.symlink(os.readlink(source), target)
        elif source.is_dir():
            target.mkdir(exist_ok=True)
        elif not _is_same(source, target):
            content = source.read_bytes()
            with replacing(target, source.stat().st_mode & 0o7777, durable=True) as file:
                file.write(content)
            shutil.copystat(source, target)


def _is_same(source: Path, target: Path) -> bool:
    if target.is_symlink() or not target.is_file():
        return False
    if os.path.samefile(source, target):
        return True
    modes = (source.stat().st_mode, target.stat().st_mode)
    return modes[0] == modes[1] and source.read_bytes() == target.read_bytes()


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        path = Path(entry.path)
        if path.parent == folder and entry.name in WORK:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(path)


def _inside(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(Path(entry.path))


def _move(source: Path, target: Path) -> None:
    """Renames, or copies to another file system; a killed one leaves the source whole or the target."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{target.name}.part")
        _remove(part)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, part, symlinks=True)
        else:
            shutil.copy2(source, part, follow_symlinks=False)
        os.rename(part, target)
        gone = source.with_name(part.name)
        os.rename(source, gone)  # half of it must not be taken for all of it
        _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        from abuildpy.phases.workspace import remove_tree

        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
