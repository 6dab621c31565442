# SPDX-License-Identifier: GPL-3.0-or-later
"""A session whose answers have to be there after a time, however many small pieces they come in.

A timeout of sockets begins anew with every byte: a server that sends one each half minute would keep us for years.
"""

from __future__ import annotations

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer


class _Timed(io.RawIOBase):
    """What comes from a socket, until it is too late."""

    def __init__(self, raw: io.RawIOBase, longest: float) -> None:
        self._raw = raw
        self._longest = longest
        self._end = time.monotonic() + longest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if time.monotonic() > self._end:
            raise TimeoutError(0, f"the answer takes longer than {self._longest:.0f} s")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _response(longest: float) -> type[http.client.HTTPResponse]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
            super().__init__(sock, *arguments, **named)
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_Timed(raw, longest))

    return Response


class _Adapter(HTTPAdapter):
    def __init__(self, longest: float) -> None:
        self._response = _response(longest)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        super().init_poolmanager(*arguments, **named)
        self._set_up(self.poolmanager)

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
        manager = super().proxy_manager_for(*arguments, **named)
        self._set_up(manager)
        return manager

    def _set_up(self, manager: urllib3.PoolManager) -> None:
        class Plain(urllib3.connection.HTTPConnection):
            response_class = self._response

        class Secure(urllib3.connection.HTTPSConnection):
            response_class = self._response

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def session(longest: float) -> requests.Session:
    """A session that raises an OSError where an answer is not whole ``longest`` seconds after its first byte was due."""
    made = requests.Session()
    adapter = _Adapter(longest)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made
