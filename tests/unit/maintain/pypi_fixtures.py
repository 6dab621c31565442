# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixture that the tests of Python projects share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from python_index import Server, serve


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with serve() as server:
        yield server
