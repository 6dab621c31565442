# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file is still at its address, without fetching it: the ``sourcecheck`` verb."""

from __future__ import annotations

from abuildpy.errors import FetchError
from abuildpy.source.transfer import FetchOptions, TransferFailed, describe

_DEFAULT = FetchOptions()


def require_present(url: str, options: FetchOptions = _DEFAULT) -> None:
    """Asks the server of an http, https or ftp address. Raises FetchError if the file is not there or nobody answers.

    Some servers refuse to answer HEAD, or ftp's SIZE, for files that they do have; those are asked for the file itself,
    of which nothing is read.
    """
    try:
        (_ask_ftp if url.startswith("ftp://") else _ask_http)(url, options)
    except TransferFailed as failure:
        raise FetchError(f"{url}: {failure.cause}", hint=failure.hint) from failure


def _ask_http(url: str, options: FetchOptions) -> None:
    import requests
    import urllib3

    from abuildpy.source.http import HEADERS, trust

    try:
        with requests.Session() as session:
            verify = trust(url, options)
            if verify is False:
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            for method in ("HEAD", "GET"):
                with session.request(
                    method,
                    url,
                    headers=HEADERS,
                    allow_redirects=True,
                    stream=True,
                    verify=verify,
                    timeout=(options.connect_timeout, options.stall_timeout),
                ) as response:
                    status, reason = response.status_code, response.reason
                if response.ok:
                    return
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        cause, retry, hint = describe(error)
        raise TransferFailed(cause, retry=retry, hint=hint) from error
    raise TransferFailed(f"the server says {status} {reason or ''}".rstrip())


def _ask_ftp(url: str, options: FetchOptions) -> None:
    import ftplib

    from abuildpy.source.ftp import logged_in

    with logged_in(url, options) as (server, path):
        try:
            server.size(path)
        except ftplib.error_perm:
            server.transfercmd(f"RETR {path}").close()
            try:
                server.voidresp()
            except ftplib.Error:
                pass  # it noticed that we went away
