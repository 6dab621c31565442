# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that stands for every host that upstreams are asked at, with answers in their forms."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loopback import Quiet, answering

from abuildpy.maintain.upstream.settings import Host, UpstreamSettings
from abuildpy.recipe.model import Recipe, Source
from abuildpy.source.uri import file_name, is_remote, remote_uri


@dataclass(frozen=True)
class Asked:
    """A request that came in; ``url`` is the one that it was meant for, without the scheme."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """``replies`` are by host, path and query: ``api.example/x?y=1``; a list is used up one by one, its last one stays."""

    address: str
    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    hold: threading.Event | None = None

    def says(self, url: str, content: object, status: int = 200, **headers: str) -> None:
        """Answers an address with a text, bytes or (anything else) a JSON document."""
        self.replies[url] = reply(content, status, **headers)

    def urls(self) -> list[str]:
        return [asked.url for asked in self.asked]

    def settings(self, cache: Path | None = None, *hosts: str, **more: object) -> UpstreamSettings:
        """Settings under which all hosts that have replies are asked here."""
        names = {url.partition("/")[0] for url in self.replies} | set(hosts)
        usual: dict[str, object] = {
            "cache": cache,
            "hosts": {name: Host(f"{self.address}/{name}") for name in names},
            "interval": 0.0,
            "back_off": 0.0,
            "last_resort": False,
            "environ": {},
        }
        return UpstreamSettings(**{**usual, **more})  # type: ignore[arg-type]


def reply(content: object, status: int = 200, **headers: str) -> Reply:
    body = (
        content
        if isinstance(content, bytes)
        else content.encode()
        if isinstance(content, str)
        else json.dumps(content).encode()
    )
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def tags(*names: str) -> bytes:
    """What git answers to ls-refs."""
    lines = [f"{number:040x} refs/tags/{name}\n".encode() for number, name in enumerate(names, 1)]
    return b"".join(b"%04x%s" % (len(line) + 4, line) for line in lines) + b"0000"


def listing(*names: str) -> str:
    """A folder as servers show it."""
    rows = "".join(f'<tr><td><a href="{name}">{name}</a></td><td>2024-01-31 10:00</td></tr>\n' for name in names)
    return (
        f'<html><body><a href="../">Parent Directory</a><a href="?C=M;O=A">Date</a><table>{rows}</table></body></html>'
    )


@contextmanager
def serve() -> Iterator[Server]:
    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def _answer(self, body: bytes) -> None:
            url = self.path.removeprefix("/")
            with server.lock:
                server.asked.append(Asked(self.command, url, dict(self.headers), body))
                server.busy += 1
                server.busiest = max(server.busiest, server.busy)
                found = server.replies.get(url, Reply(b"nothing here", 404))
                if isinstance(found, list):
                    found = found.pop(0) if len(found) > 1 else found[0]
            if server.hold is not None:
                server.hold.wait(10)
            etag = found.headers.get("ETag")
            with server.lock:
                server.busy -= 1
            if etag and self.headers.get("If-None-Match") == etag:
                found = Reply(b"", 304, {"ETag": etag})
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            if found.status != 304:
                self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if found.status != 304:
                self.wfile.write(found.body)

    with answering(Handler) as address:
        server = Server(address)
        yield server


def a_recipe(
    folder: Path, name: str = "foo", version: str = "1.2", source: str = "", url: str = "", comment: str = ""
) -> Recipe:
    """A recipe as its evaluation gives it, with a file that holds a comment only."""
    place = folder / "main" / name
    place.mkdir(parents=True, exist_ok=True)
    apkbuild = place / "APKBUILD"
    apkbuild.write_text(f"# Maintainer: A Tester\n{comment}\npkgname={name}\n")
    words = source.split()
    return Recipe(
        path=apkbuild,
        startdir=place,
        repo="main",
        pkgname=name,
        pkgver=version,
        pkgrel="0",
        pkgdesc="",
        url=url,
        license="MIT",
        maintainer="",
        pkgarch="noarch",
        builddir="",
        source=tuple(Source(word, file_name(word), remote_uri(word), is_remote(word)) for word in words),
        checksums=(),
        sum_algorithm="sha512",
        functions=frozenset(),
        variables={},
        subpackages=(),
        **dict.fromkeys(
            (
                *(
                    "arch",
                    "depends",
                    "makedepends",
                    "makedepends_build",
                    "makedepends_host",
                    "checkdepends",
                    "provides",
                ),
                *("replaces", "install_if", "install", "triggers", "options", "pkgusers", "pkggroups"),
            ),
            (),
        ),
    )
