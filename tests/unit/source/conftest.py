# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import without_proxies
from source_servers import Ftp, Log, Web, ftp_server, web_server


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    without_proxies(monkeypatch)
    with web_server() as server:
        yield server


@pytest.fixture
def ftp() -> Iterator[Ftp]:
    with ftp_server() as server:
        yield server


@pytest.fixture
def into(tmp_path: Path) -> Path:
    path = tmp_path / "src"
    path.mkdir()
    return path
