# SPDX-License-Identifier: GPL-3.0-or-later
"""What the protocols of a download have in common: options, the file that grows, how an attempt ends."""

from __future__ import annotations

import errno
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

_LEAST = 1 << 14


MOST = 16 << 30
"""Bytes: no source is nearly as large."""


class Progress(Protocol):
    """Watches one download at a time; ``ui.progress`` draws it."""

    def start(self, name: str, total: int | None, done: int) -> None:
        """A transfer begins: the file's name, its size in bytes if known, bytes already there."""

    def advance(self, count: int) -> None:
        """So many more bytes arrived."""

    def stop(self) -> None:
        """The transfer ended, well or not."""


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How patient a download is. Times are in seconds; there is no limit on the total time."""

    attempts: int = 4
    """Tries per address before giving up; a try that got further than any before does not count."""
    mirror_attempts: int = 2
    """The same for a mirror, which has a substitute."""
    connect_timeout: float = 20.0
    stall_timeout: float = 60.0
    """Longest silence of the server."""
    pace_time: float = 120.0
    """In so long at least 16 KiB have to come: any line carries more."""
    back_off: float = 1.0
    """Wait before the second try; doubles with each further one, spread by chance."""
    longest_wait: float = 120.0
    """A server that asks for more patience than this (Retry-After) is given up."""
    most: int = MOST
    """Bytes that a file may have: a server that never ends would fill the disk."""
    insecure: bool = False
    """Do not verify TLS certificates. Where the address is http:// they are not verified after a redirect either."""
    progress: Progress | None = field(default=None, compare=False)


class TransferFailed(Exception):
    """One attempt failed. ``retry``: another may succeed, not before ``wait`` seconds if the server said so.

    ``slow``: what it brought is too little to earn it patience.
    """

    def __init__(
        self, cause: str, *, retry: bool = False, wait: float | None = None, hint: str | None = None, slow: bool = False
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retry = retry
        self.wait = wait
        self.hint = hint
        self.slow = slow


class PartFile:
    """The growing ``<file>.part``, which may hold ``most`` bytes. A context manager; OSError if it cannot be opened."""

    def __init__(self, path: Path, name: str, most: int = MOST) -> None:
        self.path = path
        self.name = name
        self._most = most
        self.validator: str | None = None
        """What the server called this version of the file (ETag or date); known only for bytes of this run."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        self.size = os.lseek(self._fd, 0, os.SEEK_END)
        self.inherited = self.size > 0
        """Whether it still holds bytes of an earlier run, which may be of another version."""

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)
        if not self.size:  # nothing worth continuing
            self.path.unlink(missing_ok=True)

    def start_over(self) -> None:
        """Throw away what is there."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.size = 0
        self.validator = None
        self.inherited = False

    def expect(self, size: int) -> None:
        """TransferFailed (final), and nothing is left of it, if the whole file would hold more than it may."""
        if size > self._most:
            self.start_over()
            raise TransferFailed(
                f"the file has more than {self._most} bytes, if it ever ends",
                hint="If that is right, fetch it by other means and put it into SRCDEST",
            )

    def write(self, data: bytes) -> None:
        """Append; TransferFailed (final) if the disk is full or broken, or for more than the file may hold."""
        self.expect(self.size + len(data))
        view = memoryview(data)
        try:
            while view:
                count = os.write(self._fd, view)
                self.size += count
                view = view[count:]
        except OSError as error:
            hint = "Free some space, or point SRCDEST elsewhere"
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            raise TransferFailed(f"cannot write {self.path}: {error.strerror}", hint=hint if full else None)


class Pace:
    """Ends a transfer that never falls silent and never gets anywhere. A context manager around reading from a socket.

    Raises TransferFailed at the end of the block, in place of what the sudden end made of it.
    """

    def __init__(self, descriptor: int, part: PartFile, options: FetchOptions) -> None:
        """``descriptor``: the connection's; it stays its owner's."""
        self._part = part
        self._seconds = options.pace_time
        self._connection = socket.socket(fileno=os.dup(descriptor))
        self._over = threading.Event()
        self._slow = False
        self._thread = threading.Thread(target=self._watch, name="pace", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._connection.close()
        if self._slow and (kind is None or issubclass(kind, Exception)):
            raise TransferFailed(
                f"the server sends too slowly: less than {_LEAST} bytes in {self._seconds:g} seconds",
                retry=True,
                slow=True,
            ) from None

    def _watch(self) -> None:
        size = self._part.size
        while not self._over.wait(self._seconds):
            if self._part.size - size < _LEAST:
                self._slow = True
                with suppress(OSError):  # it may have ended by itself
                    self._connection.shutdown(socket.SHUT_RDWR)
                return
            size = self._part.size


def describe(error: BaseException) -> tuple[str, bool, str | None]:
    """Cause in words, whether trying again makes sense, and a hint, for a network error however deeply wrapped."""
    import ssl

    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"TLS: the server's certificate is not trusted ({cause.verify_message})",
                False,
                "Check the clock and the CA certificates (REQUESTS_CA_BUNDLE names another bundle)",
            )
        if isinstance(cause, socket.gaierror):
            final = cause.errno == socket.EAI_NONAME
            return (
                f"DNS: the server's name cannot be resolved ({cause.strerror})",
                not final,
                "Check the network connection and the spelling of the address",
            )
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or cause}", True, None
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused", True, "Check the address, and the proxy settings if you need one"
        if isinstance(cause, TimeoutError):
            return "the server did not answer in time", True, None
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror, True, None
    return str(error) or type(error).__name__, True, None


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        item = todo.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            todo += [getattr(item, "reason", None), *item.args, item.__cause__, item.__context__]
    return found
