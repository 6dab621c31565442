# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixture that the tests of Python projects share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loopback import without_proxies
from python_index import Server, serve


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxies(monkeypatch)
    with serve() as server:
        yield server
