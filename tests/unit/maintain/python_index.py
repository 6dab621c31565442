# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on the loopback interface, with answers of the form that real ones give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback import Quiet, answering

from abuildpy.maintain.pipconfig import Address
from abuildpy.maintain.pypi import Index

SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass
class Server:
    """``pages``: path → (content type, content). What it was asked is in ``asked``, as ``METHOD path``."""

    url: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    status: int = 404

    def put(self, path: str, content: object, kind: str = "application/json") -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.pages[path] = (kind, data)


@contextmanager
def serve() -> Iterator[Server]:
    """Runs the server for a while."""
    server = Server()

    class Handler(Quiet):
        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> None:
            server.asked.append(f"{self.command} {self.path}")
            server.accepted.append(self.headers.get("Accept", ""))
            kind, content = server.pages.get(self.path, ("text/plain", b"no"))
            self.send_response(200 if self.path in server.pages else server.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    with answering(Handler) as server.url:
        yield server


def document(server: Server, name: str, version: str, **info: Any) -> dict[str, Any]:
    """The JSON document of a project with a wheel and a source archive."""
    place = f"{server.url}/packages/ab/cd/0123456789"
    return {
        "info": {
            "author": "Jo Doe",
            "classifiers": ["Development Status :: 4 - Beta", "License :: OSI Approved :: MIT License"],
            "home_page": "https://home.example/old",
            "license": "MIT",
            "license_expression": None,
            "name": name,
            "package_url": f"https://index.example/project/{name}/",
            "project_urls": {"Source": "https://code.example/", "Homepage": "https://home.example/"},
            "requires_dist": None,
            "summary": "A library for things",
            "version": version,
            "yanked": False,
            **info,
        },
        "last_serial": 1,
        "releases": {},
        "urls": [
            {
                "filename": f"{name}-{version}-py3-none-any.whl",
                "packagetype": "bdist_wheel",
                "python_version": "py3",
                "url": f"{place}/{name}-{version}-py3-none-any.whl",
            },
            {
                "filename": f"{name}-{version}.zip",
                "packagetype": "sdist",
                "python_version": "source",
                "url": f"{place}/{name}-{version}.zip",
            },
            {
                "filename": f"{name}-{version}.tar.gz",
                "packagetype": "sdist",
                "python_version": "source",
                "url": f"{place}/{name}-{version}.tar.gz#sha256=00",
            },
        ],
        "vulnerabilities": [],
    }


def index(server: Server) -> Index:
    """The index that a server plays."""
    return Index(Address(server.url, f"{server.url}/simple"))
