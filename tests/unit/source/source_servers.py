# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback servers that misbehave on demand, and a recorder of messages."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Log:
    """Keeps what was said as ``kind: text``."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def msg(self, text: str) -> None:
        self.lines.append(f"msg: {text}")

    def msg2(self, text: str) -> None:
        self.lines.append(f"msg2: {text}")

    def warning(self, text: str) -> None:
        self.lines.append(f"warning: {text}")

    def warning2(self, text: str) -> None:
        self.lines.append(f"warning2: {text}")

    def error(self, text: str) -> None:
        self.lines.append(f"error: {text}")

    def error2(self, text: str) -> None:
        self.lines.append(f"error2: {text}")

    def plain(self, text: str) -> None:
        self.lines.append(f"plain: {text}")

    def of(self, kind: str) -> list[str]:
        return [line.partition(": ")[2] for line in self.lines if line.startswith(f"{kind}: ")]


@dataclass
class Web:
    """A web server's contents and what it was asked. ``script`` answers come first, one per request."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    script: list[Callable[[Handler], None]] = field(default_factory=list)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def asked(self, header: str) -> list[str | None]:
        """The value of a header in each request."""
        return [headers.get(header) for _, headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    """Serves ``Web.files`` with ranges."""

    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        self.web.requests.append((self.path, dict(self.headers.items())))
        if self.web.script:
            self.web.script.pop(0)(self)
            return
        self.serve()

    def serve(self) -> None:
        body = self.web.files.get(self.path)
        if body is None:
            self.answer(404)
            return
        wanted = self.headers.get("Range")
        fits = self.headers.get("If-Range") in (None, self.web.etag)
        if wanted and self.web.ranges and fits:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.answer(416, {"Content-Range": f"bytes */{len(body)}"})
                return
            headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", "ETag": self.web.etag}
            self.answer(206, headers, body[start:])
        else:
            self.answer(200, {"ETag": self.web.etag}, body)

    def answer(
        self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"", *, claim: int | None = None
    ) -> None:
        """Send an answer; ``claim``: the length to announce, where it is not the body's."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        if claim is not None:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


class _WebServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Clients that go away in the middle are what is tested here."""


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()
    handler = type("BoundHandler", (Handler,), {"web": web})
    with _WebServer(("127.0.0.1", 0), handler) as server:
        web.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Ftp:
    """An ftp server's contents, quirks and what it was told."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    rest: bool = True
    size: bool = True
    cut: list[int] = field(default_factory=list)
    """Break the next transfers off after so many bytes."""
    honest: bool = True
    """Whether it says so when it broke off."""
    commands: list[str] = field(default_factory=list)


class _FtpSession(socketserver.StreamRequestHandler):
    ftp: Ftp

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        self.say("220 ready")
        offset = 0
        listener: socket.socket | None = None
        for raw in self.rfile:
            line = raw.decode().strip()
            self.ftp.commands.append(line)
            verb, _, argument = line.partition(" ")
            match verb:
                case "USER":
                    self.say("331 password?")
                case "PASS" | "TYPE":
                    self.say("200 fine")
                case "SIZE":
                    known = self.ftp.size and argument in self.ftp.files
                    self.say(f"213 {len(self.ftp.files[argument])}" if known else "550 no")
                case "PASV":
                    listener = socket.create_server(("127.0.0.1", 0))
                    port = listener.getsockname()[1]
                    self.say(f"227 passive (127,0,0,1,{port >> 8},{port & 255})")
                case "REST":
                    offset = int(argument)
                    self.say("350 go on" if self.ftp.rest else "502 cannot")
                    offset = offset if self.ftp.rest else 0
                case "RETR":
                    self.retrieve(argument, offset, listener)
                    offset = 0
                case _:
                    self.say("221 bye")
                    return

    def retrieve(self, name: str, offset: int, listener: socket.socket | None) -> None:
        assert listener is not None
        body = self.ftp.files.get(name)
        if body is None:
            self.say("550 no such file")
            listener.close()
            return
        self.say("150 here it comes")
        cut = self.ftp.cut.pop(0) if self.ftp.cut else None
        data, _ = listener.accept()
        with listener, data:
            data.sendall(body[offset:] if cut is None else body[offset : offset + cut])
        self.say("226 done" if cut is None or not self.ftp.honest else "426 broken off")


@contextmanager
def ftp_server() -> Iterator[Ftp]:
    ftp = Ftp()
    session = type("BoundSession", (_FtpSession,), {"ftp": ftp})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), session) as server:
        server.daemon_threads = True
        ftp.url = f"ftp://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield ftp
        finally:
            server.shutdown()
            thread.join()
