# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers on the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Quiet(BaseHTTPRequestHandler):
    """Answers as its own methods say, and tells nobody of it."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked goes straight to loopback, whatever the environment says of proxies and certificates."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "REQUESTS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)


class _Folder(Quiet, SimpleHTTPRequestHandler):
    pass


@contextmanager
def answering(handler: Callable[..., Any]) -> Iterator[str]:
    """Serves for a while; the server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serves what lies in a folder for a while; the server's address."""
    with answering(partial(_Folder, directory=str(folder))) as address:
        yield address
