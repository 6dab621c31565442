# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of downloads share."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from source_servers import Handler

from abuildpy.source.fetch import Expected, FetchOptions

BODY = bytes(range(256)) * 2000
QUICK = FetchOptions(attempts=3, mirror_attempts=1, back_off=0.001, stall_timeout=5)
NAME = "foo-1.0.tar.gz"


def expect(data: bytes) -> Expected:
    return Expected("sha512", hashlib.sha512(data).hexdigest())


def only_file(folder: Path, content: bytes = BODY, name: str = NAME) -> None:
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {name: content}


def drip(handler: Handler) -> None:
    """A byte now and then, so that there is never silence for long; until nobody listens any more."""
    handler.answer(200, {}, b"", claim=1 << 20)
    try:
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.01)
    except OSError:
        pass


def flood(handler: Handler) -> None:
    """No length, no end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass
