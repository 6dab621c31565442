# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from source_servers import Ftp, Handler, Web

from abuildpy.errors import FetchError
from abuildpy.source.presence import require_present


def heads(monkeypatch: pytest.MonkeyPatch, status: int) -> list[str]:
    """Lets the server answer HEAD with a status; the paths that were asked so."""
    asked: list[str] = []

    def do_head(handler: Handler) -> None:
        asked.append(handler.path)
        handler.answer(status if handler.path in handler.web.files else 404)

    monkeypatch.setattr(Handler, "do_HEAD", do_head, raising=False)
    return asked


def test_head_is_enough(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = heads(monkeypatch, 200)
    web.files["/a"] = b"a"
    require_present(f"{web.url}/a")
    assert asked == ["/a"]
    assert web.requests == []


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_get_where_head_is_refused(web: Web, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    heads(monkeypatch, status)
    web.files["/a"] = b"a"
    require_present(f"{web.url}/a")
    assert [path for path, _ in web.requests] == ["/a"]
    with pytest.raises(FetchError, match=f"{web.url}/b: the server says 404"):
        require_present(f"{web.url}/b")


def test_nobody_there(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    heads(monkeypatch, 200)
    with pytest.raises(FetchError, match="connection refused"):
        require_present("http://127.0.0.1:1/a")
    with pytest.raises(FetchError):
        require_present("http://[::1/a")


@pytest.mark.parametrize("size", [True, False])
def test_ftp(ftp: Ftp, size: bool) -> None:
    ftp.size = size
    ftp.cut.append(10)  # it complains that nobody takes the rest
    ftp.files["a/b"] = b"x" * 3_000_000
    require_present(f"{ftp.url}/a/b")
    assert any(command.startswith("RETR") for command in ftp.commands) is not size
    with pytest.raises(FetchError, match=f"{ftp.url}/c: the server says 550"):
        require_present(f"{ftp.url}/c")
