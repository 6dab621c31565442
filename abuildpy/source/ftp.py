# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt at a download over ftp (passive mode), continuing a part that is already there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from abuildpy.source.transfer import FetchOptions, Pace, PartFile, TransferFailed, describe

if TYPE_CHECKING:
    from ftplib import FTP

_CHUNK = 1 << 16


def get(url: str, part: PartFile, options: FetchOptions) -> None:
    """Append the rest of ``url`` to ``part``; TransferFailed if it did not arrive whole."""
    with logged_in(url, options) as (server, path):
        _receive(server, path, part, options)


@contextmanager
def logged_in(url: str, options: FetchOptions) -> Iterator[tuple[FTP, str]]:
    """The server of an ftp address, ready for binary transfers, and the path to ask it for.

    Whatever goes wrong with the network or the server becomes a TransferFailed, in the body too. User and password may
    stand in the address; the path is relative to the log-in folder (``%2F`` makes it absolute). Proxies are not used:
    none of the libraries in use speaks ftp through one.
    """
    import ftplib

    try:
        address = urlsplit(url)
        host, port = address.hostname, address.port or 21
    except ValueError as error:
        raise TransferFailed(f"not an address that can be fetched ({error})")
    path = unquote(address.path.removeprefix("/").partition(";type=")[0], errors="surrogateescape")
    if not host or not path:
        raise TransferFailed("the address names no file")
    try:
        with ftplib.FTP(timeout=options.connect_timeout, encoding="utf-8") as server:  # noqa: S321 (recipes ask for it)
            server.connect(host, port)
            server.login(unquote(address.username or ""), unquote(address.password or ""))
            server.voidcmd("TYPE I")
            yield server, path
    except ftplib.error_perm as error:
        missing = str(error).startswith("550")
        raise TransferFailed(
            f"the server says {error}", hint="Check the address and the version in it" if missing else None
        )
    except (ftplib.Error, EOFError) as error:
        raise TransferFailed(f"the server says {str(error) or 'nothing: it closed the connection'}", retry=True)
    except OSError as error:
        cause, retry, hint = describe(error)
        raise TransferFailed(cause, retry=retry, hint=hint)
    except ValueError as error:  # a line break in the path, an undecodable answer
        raise TransferFailed(f"not an address or answer that makes sense ({error})")


def _receive(server: FTP, path: str, part: PartFile, options: FetchOptions) -> None:
    import ftplib

    try:
        total = server.size(path)
    except ftplib.error_perm:
        total = None  # an optional command
    if total is not None and part.size > total:
        part.start_over()
    try:
        connection = server.transfercmd(f"RETR {path}", rest=part.size or None)
    except ftplib.error_perm:
        if not part.size:
            raise
        # The server cannot continue (or the file is gone, which the second try will say).
        part.start_over()
        connection = server.transfercmd(f"RETR {path}")
    if total is not None:
        part.expect(total)
    progress = options.progress
    if progress is not None:
        progress.start(part.name, total, part.size)
    try:
        with connection, Pace(connection.fileno(), part, options):
            connection.settimeout(options.stall_timeout)
            while data := connection.recv(_CHUNK):
                part.write(data)
                if progress is not None:
                    progress.advance(len(data))
    finally:
        if progress is not None:
            progress.stop()
    server.voidresp()
    if total is not None and part.size < total:
        raise TransferFailed(f"the connection ended after {part.size} of {total} bytes", retry=True)
