# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a destination's batches: what was started and what became of it, a line each, to go on from after any end.

Each line is ``CRC32 JSON``. Lines are only ever added; one that is torn, or whose checksum is not its own, counts for nothing.
When a batch begins, a long journal of which little counts any more is written anew with that, and takes the old one's place at
once.
Records have ``what``: ``start`` (an attempt begins), ``made`` (a build has left good packages, which nobody has taken yet) or
``outcome``; ``at``, seconds since 1970; ``name`` and ``key``; the last two kinds also ``outcome``, as reports have it, and
``packages``, their identities by their paths.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zlib import crc32

from abuildpy.atomic import replacing
from abuildpy.batch.document import outcome_document, parse_outcome
from abuildpy.batch.model import Outcome, Past
from abuildpy.errors import RepositoryError

FOLDER = ".abuildpy-batch"
"""Below REPODEST: what a batch keeps. On the same file system, so that packages can be moved at once."""

NAME = "journal"
_LOCK = "journal.lock"
_ROOM = 1 << 20
"""Bytes of lines that count no more, from which on they go when a batch begins; and only if they are most of it."""
_PATIENCE = 3.0
"""Seconds to wait for the builds of a batch that was killed: they end by themselves."""


@dataclass(frozen=True, slots=True)
class Made:
    """Packages that were made once: the outcome of their build, and their identities by their paths in a repository."""

    outcome: Outcome
    packages: Mapping[str, str]


class Records:
    """What a journal says; the History of planning."""

    def __init__(self, path: Path) -> None:
        """Reads it. A missing journal is empty. Raises RepositoryError for one that cannot be read."""
        self._last: dict[str, Past] = {}
        self._costs: dict[str, tuple[float | None, int | None]] = {}
        self._made: dict[str, Made] = {}
        self._counts: dict[tuple[str, str], bytes] = {}
        """The lines that count, by recipe and what they tell."""
        self.sound = 0
        """Bytes up to the end of the last line that is whole."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}", hint="check the permissions") from error
        self.sound = data.rfind(b"\n") + 1
        for line in data[: self.sound].splitlines():
            record = _parse(line)
            if record is not None:
                self._take(record, line)

    def last(self, name: str) -> Past | None:
        """The last outcome of a recipe; None if there is none."""
        return self._last.get(name)

    def cost(self, name: str) -> tuple[float | None, int | None]:
        """Seconds and peak memory of its last complete build."""
        return self._costs.get(name, (None, None))

    def made(self, name: str, key: str) -> Made | None:
        """What was made of a recipe when its key was this; None if nothing, or something else since."""
        found = self._made.get(name)
        return found if found is not None and found.outcome.key == key and key else None

    def _take(self, record: Mapping[str, Any], line: bytes = b"") -> None:
        if record.get("what") not in ("made", "outcome"):
            return
        try:
            outcome = parse_outcome(record.get("outcome"))
        except ValueError:
            return
        if outcome.status == "built":
            packages = record.get("packages")
            if not isinstance(packages, dict) or not all(isinstance(each, str) for each in packages.values()):
                return
            self._made[outcome.name] = Made(outcome, packages)
            self._counts[outcome.name, record["what"]] = line
        if record["what"] == "made":
            return
        if outcome.status == "built":
            self._counts.pop((outcome.name, "made"), None)  # the outcome tells all of it
        self._counts.pop((outcome.name, "last"), None)
        self._counts[outcome.name, "outcome" if outcome.status == "built" else "last"] = line
        past = Past(outcome.status, outcome.reason, outcome.key, outcome.seconds, outcome.max_rss, outcome.version)
        self._last[outcome.name] = past
        if outcome.status == "built":
            self._costs[outcome.name] = (outcome.seconds or None, outcome.max_rss)


class Journal(Records):
    """A journal that is written. While it is open no other batch can open it."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made if need be. Raises RepositoryError where another batch is at work, or it cannot be written."""
        path = folder / NAME
        self._lock = self._file = -1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
            super().__init__(path)
            self._shorten(path)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._file, self.sound)  # what a killed batch began to write
        except OSError as error:
            self.close()
            raise RepositoryError(
                f"{error.filename or path}: {error.strerror}",
                hint="free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the permissions",
            ) from error
        except RepositoryError:
            self.close()
            raise

    def _shorten(self, path: Path) -> None:
        """Writes a journal anew that is nearly all history."""
        kept = b"".join(line + b"\n" for line in self._counts.values())
        self._counts.clear()
        if self.sound - len(kept) > _ROOM and self.sound > 4 * len(kept):
            with replacing(path, 0o644, durable=True) as file:
                file.write(kept)
            self.sound = len(kept)

    @property
    def lock(self) -> int:
        """The descriptor that keeps others out: as long as anybody has it open."""
        return self._lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more is written."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def start(self, name: str, key: str, attempt: int) -> None:
        """An attempt begins."""
        self._write({"what": "start", "name": name, "key": key, "attempt": attempt})

    def keep_made(self, outcome: Outcome, packages: Mapping[str, str]) -> None:
        """A build has left good packages. On the disk before this returns."""
        self._write_outcome("made", outcome, packages)

    def keep(self, outcome: Outcome, packages: Mapping[str, str]) -> None:
        """The outcome of a recipe; if it was built, on the disk before this returns."""
        self._write_outcome("outcome", outcome, packages)

    def _write_outcome(self, what: str, outcome: Outcome, packages: Mapping[str, str]) -> None:
        record = {
            "what": what,
            "name": outcome.name,
            "key": outcome.key,
            "outcome": outcome_document(outcome),
            "packages": dict(packages),
        }
        self._write(record)
        self._take(record)
        if outcome.status == "built":  # a failure that is forgotten costs no more than to see it again
            os.fdatasync(self._file)

    def _write(self, record: dict[str, Any]) -> None:
        text = json.dumps({**record, "at": round(time.time(), 3)}, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (crc32(text), text)
        if os.write(self._file, line) != len(
            line
        ):  # no room, most likely: the rest would begin in the middle of a line
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), NAME)


def _parse(line: bytes) -> dict[str, Any] | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % crc32(text):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock. Raises RepositoryError if somebody else does, OSError."""
    path = folder / _LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with _closed_unless_good(descriptor):
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                # Of a batch that was killed only its builds are left, and they are about to end.
                if time.monotonic() >= deadline or (owner.isdigit() and os.path.exists(f"/proc/{owner}")):
                    raise RepositoryError(
                        f"another batch is at work on {folder.parent}" + (f" (process {owner})" if owner else ""),
                        hint="wait for it, or end it",
                    ) from None
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


@contextlib.contextmanager
def _closed_unless_good(descriptor: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise
