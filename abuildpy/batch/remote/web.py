# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server as a store: HEAD, GET and PUT (WebDAV's servers, nginx with ``dav_methods PUT``, package registries)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

_PATIENCE: Final = 60.0
_THERE: Final = (200, 201, 204)
_IN_TROUBLE: Final = (429, 500, 502, 503, 504)
_PAUSES: Final = (1.0, 3.0, 9.0)


class Web:
    """What Store needs of a file system. Errors are OSErrors; FileNotFoundError where there is no such file."""

    protocol = ("http", "https")

    def __init__(self, url: str) -> None:
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        answer = self._ask("HEAD", path, allow_redirects=True)
        if answer.status_code not in (*_THERE, 404):
            raise _refused(answer)
        return bool(answer.status_code != 404)

    @contextmanager
    def open(self, path: str, _mode: str) -> Iterator[Any]:
        """The file, to read from."""
        with self._ask("GET", path, stream=True) as answer:
            if answer.status_code == 404:
                raise FileNotFoundError(path)
            if answer.status_code not in _THERE:
                raise _refused(answer)
            yield answer.raw

    def put(self, path: str, source: BinaryIO) -> None:
        """Writes a file; a server has it once all of it was sent."""
        is_empty = not source.read(1)
        source.seek(0)
        # An empty file would be sent in chunks, which not every server takes.
        answer = self._ask("PUT", path, data=b"" if is_empty else source)
        if answer.status_code not in _THERE:
            raise _refused(answer)

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        """The server's answer; a server in trouble is asked again, a build of hours may hang on it."""
        import requests

        source = how.get("data")
        for pause in (*_PAUSES, None):
            try:
                # What is packed on the way would have another digest.
                plain = {"Accept-Encoding": "identity"}
                answer = requests.request(method, self._origin + path, timeout=_PATIENCE, headers=plain, **how)
            except requests.ConnectionError:
                if pause is None:
                    raise
            else:
                if pause is None or answer.status_code not in _IN_TROUBLE:
                    return answer
                answer.close()
            time.sleep(pause)
            if source:
                source.seek(0)
        raise AssertionError("unreachable")


def _refused(answer: Any) -> OSError:
    return OSError(f"the server answers {answer.status_code} {answer.reason}")
