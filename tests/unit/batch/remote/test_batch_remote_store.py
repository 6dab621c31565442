# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: what is in it is found by its content, whole, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Quiet, answering

pytest.importorskip("fsspec", reason="fsspec is not installed")

from abuildpy.batch.remote import web
from abuildpy.batch.remote.store import Store, StoreError
from abuildpy.batch.remote.web import Web
from abuildpy.errors import ConfigError

CONTENT = b"content\n" * 1000


class _Server(Quiet):
    files: dict[str, bytes]
    troubles: list[int]
    """Statuses of the next answers."""
    packs = False

    def do_HEAD(self) -> None:
        self._answer(200 if self.path in self.files else 404, b"")

    def do_GET(self) -> None:
        known = self.files.get(self.path)
        self._answer(404 if known is None else 200, known or b"")

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        self.files[self.path] = self.rfile.read(length)
        self._answer(201, b"")

    def _answer(self, status: int, body: bytes) -> None:
        if self.troubles:
            status, body = self.troubles.pop(), b""
        if self.packs and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(params=["file", "memory", "http"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "file":
        yield f"file://{tmp_path}/store"
    elif request.param == "memory":
        yield f"memory://{tmp_path}"
    else:
        monkeypatch.setenv("no_proxy", "*")
        handler = type("Handler", (_Server,), {"files": {}, "troubles": []})
        with answering(handler) as address:
            yield f"{address}/a/store"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[_Server], Store]]:
    """A web server and the store that it is, asked again without a pause."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "_PAUSES", (0.0, 0.0))
    handler = type("Handler", (_Server,), {"files": {}, "troubles": []})
    with answering(handler) as address:
        yield handler, Store(address)


def test_there_and_back(url: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    store = Store(url)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert not store.has("sha256", digest)
    assert store.put(path) == (digest, len(CONTENT))
    assert store.put(path) == (digest, len(CONTENT))
    assert store.has("sha256", digest)
    assert store.put_bytes(b"x") == (hashlib.sha256(b"x").hexdigest(), 1)
    Store(url).get(digest, tmp_path / "back", size=len(CONTENT))
    assert (tmp_path / "back").read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again(server: tuple[type[_Server], Store], tmp_path: Path) -> None:
    handler, store = server
    (tmp_path / "file").write_bytes(CONTENT)
    handler.troubles += [500, 502, 503, 429]  # for HEAD twice, and for PUT
    handler.troubles.insert(2, 404)
    digest, size = store.put(tmp_path / "file")
    assert handler.troubles == []
    handler.troubles += [500, 500]
    store.get(digest, tmp_path / "back", size=size)
    assert (tmp_path / "back").read_bytes() == CONTENT
    for status in (500, 403):
        handler.troubles += [status] * (3 if status == 500 else 1)
        with pytest.raises(StoreError, match=f"the server answers {status}"):
            store.has("sha256", digest)
        assert handler.troubles == []


def test_a_server_that_packs_what_it_sends(server: tuple[type[_Server], Store], tmp_path: Path) -> None:
    """Nobody tampered with it."""
    handler, store = server
    handler.packs = True
    digest, size = store.put_bytes(CONTENT)
    store.get(digest, tmp_path / "back", size=size)
    assert (tmp_path / "back").read_bytes() == CONTENT


def test_an_empty_file(url: str, tmp_path: Path) -> None:
    """Such as a log."""
    digest, size = Store(url).put_bytes(b"")
    Store(url).get(digest, tmp_path / "back", size=size)
    assert (tmp_path / "back").read_bytes() == b""


@pytest.mark.parametrize("url", ["http://me:s3cret@127.0.0.1:1/x", "http://me:s3c@ret@127.0.0.1:1/x@y"])
def test_passwords_are_not_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_PAUSES", ())
    with pytest.raises(StoreError) as caught:
        Store(url).has("sha256", "0" * 64)
    assert str(caught.value).startswith("http://me@127.0.0.1:1/x")
    assert "s3c" not in str(caught.value)


def test_sources_by_the_hash_that_recipes_have(url: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    digest = hashlib.sha512(CONTENT).hexdigest()
    assert Store(url).put(path, "sha512")[0] == digest
    Store(url).get(digest, tmp_path / "back", kind="sha512")
    assert (tmp_path / "back").read_bytes() == CONTENT


def test_what_is_not_there(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not hold sha256"):
        Store(url).get("0" * 64, tmp_path / "back")
    assert list(tmp_path.glob("*back*")) == []


@pytest.mark.parametrize("tampered", [b"CONTENT\n" * 1000, b"", CONTENT[:-1], CONTENT + b"x"])
def test_what_was_tampered_with(tmp_path: Path, tampered: bytes) -> None:
    """Refused in one message, and an older file is as before."""
    store = Store(f"file://{tmp_path}/store")
    digest, size = store.put_bytes(CONTENT)
    (tmp_path / "store" / "sha256" / digest[:2] / digest).write_bytes(tampered)
    (tmp_path / "back").write_bytes(b"older")
    for limit in (size, None):
        with pytest.raises(StoreError, match="it was tampered with") as caught:
            store.get(digest, tmp_path / "back", size=limit)
        assert caught.value.hint
    assert (tmp_path / "back").read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "store"]


def test_a_size_that_is_not_its_own(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/store")
    digest, size = store.put_bytes(CONTENT)
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(StoreError, match="it was tampered with"):
            store.get(digest, tmp_path / "back", size=wrong)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("status", [301, 401, 403, 500, 507])
def test_a_server_that_refuses(tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")

    class Refusing(_Server):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status, b"")

        def _answer(self, _status: int, body: bytes) -> None:
            super()._answer(status, body)

    monkeypatch.setattr(web, "_PAUSES", (0.0,))
    handler = type("Handler", (Refusing,), {"files": {}, "troubles": []})
    with answering(handler) as address:
        store = Store(f"{address}/store")
        digest = hashlib.sha256(CONTENT).hexdigest()
        for action in (
            lambda: store.has("sha256", digest),
            lambda: store.get(digest, tmp_path / "back"),
            lambda: Web(address).put("/store/x", io.BytesIO(CONTENT)),
        ):
            with pytest.raises((StoreError, OSError), match=f"the server answers {status}"):
                action()
    assert list(tmp_path.iterdir()) == []


def test_no_half_done_file_under_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written beside and renamed."""
    store = Store(f"file://{tmp_path}/store")
    moved: list[tuple[str, str]] = []
    honest = store._files.mv

    def move(beside: str, path: str) -> None:
        moved.append((beside, path))
        honest(beside, path)

    monkeypatch.setattr(store._files, "mv", move)
    digest, _ = store.put_bytes(CONTENT)
    ((beside, path),) = moved
    assert path.endswith(f"/{digest}")
    assert beside.startswith(f"{path}.")

    def fail(_a: str, _b: str) -> None:
        raise OSError("no")

    monkeypatch.setattr(store._files, "mv", fail)
    with pytest.raises(StoreError, match="no"):
        store.put_bytes(b"other")
    assert [each.name for each in (tmp_path / "store").rglob("*") if each.is_file()] == [digest]


def test_an_object_store_gets_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would make the bucket, whatever its name."""
    store = Store(f"memory://{tmp_path}")
    made: list[str] = []
    monkeypatch.setattr(store._files, "makedirs", lambda path, **_: made.append(path))
    digest, _ = store.put_bytes(b"x")
    assert store.has("sha256", digest)
    assert made == []


def test_only_memory_is_not_shared(tmp_path: Path) -> None:
    assert not Store("memory://x").is_shared
    assert Store(f"file://{tmp_path}").is_shared


@pytest.mark.parametrize("url", ["nothing://x", "s3://no-s3fs-here/x"])
def test_stores_of_unknown_kinds(url: str) -> None:
    if url.startswith("s3"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(__import__("sys").modules, "s3fs", None)
            with pytest.raises(ConfigError, match="--store s3"):
                Store(url)
    else:
        with pytest.raises(ConfigError, match="--store nothing"):
            Store(url)
