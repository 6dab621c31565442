# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt at a download over http or https, continuing a part that is already there."""

from __future__ import annotations

import os
import re
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.source.transfer import FetchOptions, Pace, PartFile, TransferFailed, describe

if TYPE_CHECKING:
    from requests import Response

# A read waits until it has so much, so this is what a stall or a kill may lose.
_CHUNK = 1 << 14
HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"abuildpy/{__version__}"}
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL, which curl uses, takes no offence at one of these that does not exist."""
_PYTHON_SOURCE = re.compile(r"/packages/source/[^/]+/[^/]+/(?P<name>[^/]+)-(?P<version>[^-/]+)\.tar\.gz$")
_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})


def get(url: str, part: PartFile, options: FetchOptions) -> None:
    """Append the rest of ``url`` to ``part``; TransferFailed if it did not arrive whole.

    The bytes are stored as the server sends them: no content coding is asked for and none is undone, because a
    ``.tar.gz`` that a server labels "Content-Encoding: gzip" must keep its checksum. Proxies and ``.netrc`` work as with
    every program that uses requests; CA bundles as with those and with curl.
    """
    import requests
    import urllib3

    headers = dict(HEADERS)
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.validator:
            headers["If-Range"] = part.validator
    verify = trust(url, options)
    try:
        with requests.Session() as session:
            if verify is False:
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            with session.get(
                url,
                headers=headers,
                stream=True,
                verify=verify,
                timeout=(options.connect_timeout, options.stall_timeout),
            ) as response:
                _receive(response, part, options)
    except requests.TooManyRedirects:
        raise TransferFailed("the server redirects in circles")
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise TransferFailed(f"not an address that can be fetched ({error})")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        cause, retry, hint = describe(error)
        raise TransferFailed(cause, retry=retry, hint=hint)
    except ValueError as error:  # e.g. a redirect to something that is no URL
        raise TransferFailed(f"not an address that can be fetched ({error})")


def trust(url: str, options: FetchOptions) -> bool | str:
    """What to verify certificates with, as requests wants it: a file or folder that the environment names, else its own.

    False where they are not verified. http:// promises nothing, so a redirect from there to https:// is no worse without.
    """
    if options.insecure or url.startswith("http://"):
        return False
    named = next((value for name in _BUNDLES if (value := os.environ.get(name))), None)
    found = next((value for name in _OPENSSL if os.path.exists(value := os.environ.get(name, ""))), None)
    return named or found or True


def _receive(response: Response, part: PartFile, options: FetchOptions) -> None:
    from urllib3.exceptions import ProtocolError

    status = response.status_code
    if status == 416 and part.size:
        part.start_over()
        raise TransferFailed("the part fetched earlier does not fit the server's file", retry=True, wait=0)
    if status not in (200, 206):
        raise _refusal(response, options)
    if status == 206:
        _check_range(response, part)
    elif part.size:
        part.start_over()
    length = _length(response)
    total = None if length is None else part.size + length
    etag = response.headers.get("ETag", "")
    part.validator = (etag if etag.startswith('"') else None) or response.headers.get("Last-Modified")
    if total is not None:
        part.expect(total)
    progress = options.progress
    if progress is not None:
        progress.start(part.name, total, part.size)
    try:
        with _pace(response, part, options):
            while data := response.raw.read(_CHUNK, decode_content=False):
                part.write(data)
                if progress is not None:
                    progress.advance(len(data))
    except ProtocolError:  # newer versions of urllib3 notice it themselves, in words that help nobody
        if total is None or part.size >= total:
            raise
    finally:
        if progress is not None:
            progress.stop()
    if total is not None and part.size < total:
        raise TransferFailed(f"the connection ended after {part.size} of {total} bytes", retry=True)


def _pace(response: Response, part: PartFile, options: FetchOptions) -> AbstractContextManager[object]:
    try:
        return Pace(response.raw.fileno(), part, options)
    except (OSError, ValueError, AttributeError):  # there is no body to wait for
        return nullcontext()


def _check_range(response: Response, part: PartFile) -> None:
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != part.size:
        part.start_over()
        raise TransferFailed("the server sent another range than the one asked for", retry=True, wait=0)


def _length(response: Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    if response.headers.get("Transfer-Encoding") or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


def _refusal(response: Response, options: FetchOptions) -> TransferFailed:
    status = response.status_code
    cause = f"the server says {status} {response.reason or ''}".rstrip()
    if response.history:
        cause += f" for {response.url}"
    if status in (404, 410):
        return TransferFailed(cause, hint=_where_else(response.url))
    if status in (401, 403, 407):
        return TransferFailed(cause, hint="Check the address, the proxy, and whether it needs a password")
    if status not in _WORTH_RETRYING:
        return TransferFailed(cause)
    wait = _retry_after(response.headers.get("Retry-After"))
    if wait is not None and wait > options.longest_wait:
        return TransferFailed(f"{cause} and asks to come back in {wait:.0f} seconds", hint="Try again later")
    return TransferFailed(cause, retry=True, wait=wait)


def _where_else(url: str) -> str:
    """What to do about a file that is not there.

    On a Python index it is mostly the name: PEP 625 has ``foo_bar-2.0.tar.gz`` where older releases are ``Foo-Bar-1.0.tar.gz``.
    """
    match = _PYTHON_SOURCE.search(url)
    name = re.sub(r"[-_.]+", "_", match["name"]).lower() if match else ""
    if match and name != match["name"]:
        return f"Check the address: newer releases are named otherwise there, as in {name}-{match['version']}.tar.gz (PEP 625)"
    return "Check the address and the version in it; DISTFILES_MIRROR may still have it"


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, which has a number or a date."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
