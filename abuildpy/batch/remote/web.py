# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server as a store: HEAD, GET and PUT (WebDAV's servers, nginx with ``dav_methods PUT``, package registries)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

_PATIENCE: Final = 60.0
_THERE: Final = (200, 201, 204)


class Web:
    """What Store needs of a file system. Errors are OSErrors; FileNotFoundError where there is no such file."""

    protocol = ("http", "https")

    def __init__(self, url: str) -> None:
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        import requests

        answer = requests.head(self._origin + path, timeout=_PATIENCE, allow_redirects=True)
        if answer.status_code not in (*_THERE, 404):
            raise _refused(answer)
        return answer.status_code != 404

    @contextmanager
    def open(self, path: str, _mode: str) -> Iterator[Any]:
        """The file, to read from."""
        import requests

        with requests.get(self._origin + path, timeout=_PATIENCE, stream=True) as answer:
            if answer.status_code == 404:
                raise FileNotFoundError(path)
            if answer.status_code not in _THERE:
                raise _refused(answer)
            yield answer.raw

    def put(self, path: str, source: BinaryIO) -> None:
        """Writes a file; a server has it once all of it was sent."""
        import requests

        answer = requests.put(self._origin + path, data=source, timeout=_PATIENCE)
        if answer.status_code not in _THERE:
            raise _refused(answer)


def _refused(answer: Any) -> OSError:
    return OSError(f"the server answers {answer.status_code} {answer.reason}")
