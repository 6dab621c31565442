# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloading one source into the folder of distfiles: lock, mirror, retries, resuming.

The file grows as ``<name>.part`` and gets its name when it is whole; a killed run leaves a part that the next one
continues, and at worst an empty ``<name>.lock`` that the next one removes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import FetchError
from abuildpy.messages import Messages
from abuildpy.regular import regular
from abuildpy.source import checksum
from abuildpy.source.lock import locked
from abuildpy.source.transfer import FetchOptions, PartFile, TransferFailed
from abuildpy.source.uri import file_name, is_remote, remote_uri

_COPY_CHUNK = 1 << 20

__all__ = ["Expected", "FetchOptions", "fetch"]


@dataclass(frozen=True, slots=True)
class Expected:
    """The checksum that the recipe promises; lets a download from a doubtful place be judged at once."""

    algorithm: str
    hash: str


def fetch(
    entry: str,
    destination_dir: Path,
    *,
    log: Messages,
    mirror: str | None = None,
    options: FetchOptions = FetchOptions(),  # noqa: B008 (immutable)
    expected: Expected | None = None,
) -> Path:
    """Make sure that the file of a remote ``source`` word lies in ``destination_dir`` and return its path.

    A file that is already there is taken as it is. ``mirror`` is DISTFILES_MIRROR: an address or a folder, tried
    first. With ``expected``, a mirror's wrong file is set aside and the original address tried, and a wrong file that
    was continued from an earlier run's part is fetched once more; otherwise judging is left to the caller.
    Raises FetchError.
    """
    name = file_name(entry)
    if name in ("", ".", ".."):
        raise FetchError(f"{entry}: the address names no file", hint="Write the source as file-name::address")
    log_entry = f"Fetching {entry}"
    out = destination_dir / name
    lock = out.with_name(f"{name}.lock")
    if out.exists() and not lock.exists():
        log.msg(log_entry)
        return out
    job = _Job(out, entry, log, options, expected)
    try:
        destination_dir.mkdir(parents=True, exist_ok=True)
        waiting = f"Waiting for another process that is fetching {name}"
        with locked(lock, waiting=lambda: log.msg(waiting)):
            if out.exists():
                log.msg(log_entry)
            elif not (mirror and job.from_mirror(mirror)):
                job.from_origin()
    except OSError as error:
        if out.exists():  # no more than the lock that a killed run of somebody else left
            return out
        raise FetchError(
            f"cannot store {out}: {error.strerror or error}",
            hint="Check that SRCDEST is a folder that you may write to",
        )
    return out


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to fetch, its lock held."""

    out: Path
    entry: str
    log: Messages
    options: FetchOptions
    expected: Expected | None

    def from_mirror(self, mirror: str) -> bool:
        """Whether the mirror had the right file."""
        address = f"{mirror.rstrip('/')}/{self.out.name}"
        self.log.msg(f"Fetching {address}")
        try:
            if is_remote(mirror):
                self._download(address, self.options.mirror_attempts)
            else:
                self._copy(Path(address))
        except TransferFailed as failure:
            self.log.msg2(f"{failure.cause}; trying the original address")
            return False
        if self._wrong():
            assert self.expected is not None  # noqa: S101
            aside = checksum.set_aside(self.out, self.expected.hash)
            self.log.warning(f"the mirror's {self.out.name} has a wrong checksum (set aside as {aside.name})")
            self.log.warning2("trying the original address")
            return False
        return True

    def from_origin(self) -> None:
        """Download from where the recipe says; FetchError."""
        uri = remote_uri(self.entry)
        self.log.msg(f"Fetching {self.entry}")
        try:
            continued = self._download(uri, self.options.attempts)
            if continued and self._wrong():
                self.log.warning(f"{self.out.name}: the part fetched earlier was of another file, fetching all of it")
                self.out.unlink()
                self._download(uri, self.options.attempts)
        except TransferFailed as failure:
            raise FetchError(f"could not fetch {uri}: {failure.cause}", hint=failure.hint)

    def _wrong(self) -> bool:
        if self.expected is None or not self.expected.hash:
            return False
        return checksum.file_hash(self.out, self.expected.algorithm) != self.expected.hash.lower()

    def _copy(self, source: Path) -> None:
        try:
            with open(regular(source), "rb") as file, self._part() as part:
                part.start_over()
                while data := file.read(_COPY_CHUNK):
                    part.write(data)
        except OSError as error:
            raise TransferFailed(f"cannot copy {source}: {error.strerror or error}")
        part.path.rename(self.out)

    def _part(self) -> PartFile:
        return PartFile(self.out.with_name(f"{self.out.name}.part"), self.out.name, self.options.most)

    def _download(self, url: str, attempts: int) -> bool:
        """Fetch ``url`` whole and give it its name; True if bytes of an earlier run are in it. TransferFailed."""
        with self._part() as part:
            self._try_often(url, part, attempts)
            part.path.rename(self.out)
            return part.inherited

    def _try_often(self, url: str, part: PartFile, attempts: int) -> None:
        get = _protocol(url)
        failures = 0
        furthest = part.size
        while True:
            try:
                get(url, part, self.options)
                return
            except TransferFailed as failure:
                if not failure.retry:
                    raise
                # Progress earns patience, but only new ground counts: a server that always breaks at the same place
                # and cannot continue must not keep us for ever.
                failures = 1 if part.size > furthest and not failure.slow else failures + 1
                furthest = max(furthest, part.size)
                if failures >= attempts:
                    raise
                wait = failure.wait if failure.wait is not None else self._pause(failures)
                again = f"trying again in {wait:.0f} s" if wait >= 1 else "trying again"
                self.log.warning(f"{self.out.name}: {failure.cause}; {again}")
                time.sleep(wait)

    def _pause(self, failures: int) -> float:
        """Back-off, spread so that many builders do not come back at the same moment."""
        wait = self.options.back_off * 2.0 ** (failures - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        return min(wait, self.options.longest_wait)


def _protocol(url: str) -> Callable[[str, PartFile, FetchOptions], None]:
    if url.startswith("ftp://"):
        from abuildpy.source import ftp

        return ftp.get
    from abuildpy.source import http

    return http.get
