# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of what a staging repository has accepted: a small file for each recipe, written when all its packages are there.

A package without such a record is a left-over of a killed process. Records are JSON: they may be read after an upgrade.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from abuildpy.atomic import replacing
from abuildpy.batch.model import Task
from abuildpy.errors import RepositoryError
from abuildpy.repository.index import IndexEntry, parse_entries

FOLDER = ".accepted"


@dataclass(frozen=True, slots=True)
class StagedPackage:
    """One package: its file's name, the SHA-256 of all of it, and its entry in the index."""

    file: str
    sha256: str
    entry: IndexEntry


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record that stands beside the packages: its file's name, and its SHA-256."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """All packages of one build: the recipe's name (``main/foo``), folder, version and key, and where they belong."""

    name: str
    folder: str
    version: str
    key: str
    arch: str
    packages: tuple[StagedPackage, ...]
    records: tuple[StagedRecord, ...] = ()

    @property
    def repository(self) -> str:
        """``main`` of ``main/foo``."""
        return self.name.partition("/")[0]

    @property
    def place(self) -> tuple[str, str]:
        """Repository and architecture."""
        return self.repository, self.arch

    @property
    def names(self) -> tuple[str, ...]:
        """The packages as ``main/x86_64/foo-1.0-r0.apk``."""
        return tuple(f"{self.repository}/{self.arch}/{package.file}" for package in self.packages)

    @property
    def files(self) -> tuple[str, ...]:
        """All files of it, packages first, as in the staging repository."""
        return (*self.names, *(f"{self.repository}/{self.arch}/{record.file}" for record in self.records))

    @staticmethod
    def of(task: Task, packages: tuple[StagedPackage, ...], records: tuple[StagedRecord, ...] = ()) -> Accepted:
        """What a task's build gave."""
        return Accepted(task.name, task.folder, task.version, task.key, task.arch, packages, records)


class Records:
    """The records in a staging repository; they are read again whenever a file of them is another one."""

    def __init__(self, staging: Path) -> None:
        self._folder = staging / FOLDER
        self._known: dict[str, tuple[tuple[int, int], Accepted]] = {}

    def read(self) -> dict[str, Accepted]:
        """All of them by the recipe's name, sorted. Raises RepositoryError for one that cannot be read."""
        try:
            files = sorted(name for name in os.listdir(self._folder) if name[0] != "." and name.endswith(".json"))
        except FileNotFoundError:
            files = []
        known: dict[str, tuple[tuple[int, int], Accepted]] = {}
        for file in files:
            path = f"{self._folder}/{file}"  # there may be thousands, and this is done for each package
            try:
                status = os.stat(path)
                mark = status.st_ino, status.st_mtime_ns
                old = self._known.get(file)
                known[file] = old if old is not None and old[0] == mark else (mark, _parse(Path(path).read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise RepositoryError(
                    f"{path} is damaged: {error}", hint="delete the staging repository, and build again"
                ) from error
        self._known = known
        return {accepted.name: accepted for _, accepted in known.values()}

    def write(self, accepted: Accepted) -> None:
        """Keeps a record, in place of an older one of the same recipe."""
        self._folder.mkdir(parents=True, exist_ok=True)
        document = asdict(accepted)
        for package, line in zip(accepted.packages, document["packages"], strict=True):
            line["entry"] = package.entry.format()
        # Surrogates stand for bytes that are not UTF-8; as escapes they survive.
        data = json.dumps(document, ensure_ascii=True).encode()
        with replacing(self._path(accepted.name), 0o644, durable=True) as file:
            file.write(data)

    def forget(self, name: str) -> None:
        """Removes the record of a recipe, if there is one."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace('/', ',')}.json"


def _parse(data: bytes) -> Accepted:
    document = json.loads(data)
    packages = []
    for each in document.pop("packages"):
        (entry,) = parse_entries(each["entry"])
        packages.append(StagedPackage(each["file"], each["sha256"], entry))
    records = tuple(StagedRecord(**each) for each in document.pop("records", ()))  # older versions had none
    return Accepted(**document, packages=tuple(packages), records=records)
