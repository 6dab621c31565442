# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, asked of git's own server over http."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Quiet, answering, without_proxies

from abuildpy.maintain.upstream.ask.git import tags
from abuildpy.maintain.upstream.settings import UpstreamSettings
from abuildpy.maintain.upstream.web import Unanswered, Web

TAGS = ("other", "v1.0", "v1.1-rc1", "v1.1", "sub/v2.0")


def _git(folder: Path, *words: str) -> None:
    identity = (
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.invalid",
        "-c",
        "tag.gpgsign=false",
        "-c",
        "commit.gpgsign=false",
    )
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, env=environment)


@pytest.fixture(params=["version 2", "version 0"])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serves ``foo.git``, with several tags and branches, in each version of the protocol."""
    without_proxies(monkeypatch)
    repository = tmp_path / "foo.git"
    repository.mkdir()
    _git(repository, "init", "-q", "-b", "v9.9")
    _git(repository, "commit", "-q", "--allow-empty", "-m", "one")
    for number, name in enumerate(TAGS):
        _git(repository, "tag", name, *(("-m", "annotated") if number % 2 else ()))

    class Handler(Quiet):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers["Content-Length"])))

        def _serve(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(tmp_path),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_ADDR": "127.0.0.1",
            }
            if request.param == "version 2":
                environment["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
            done = subprocess.run(
                ["git", "http-backend"], input=body, capture_output=True, env=environment, check=False
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            self.send_response(int(lines.pop("Status", "200").split()[0]))
            for name, value in lines.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with answering(Handler) as address:
        yield address


def test_tags_of_a_repository(server: str) -> None:
    web = Web(UpstreamSettings(interval=0.0, back_off=0.0))
    assert set(tags(web, f"{server}/foo.git")) == set(TAGS)


def test_no_repository(server: str) -> None:
    web = Web(UpstreamSettings(interval=0.0, back_off=0.0))
    with pytest.raises(Unanswered) as caught:
        tags(web, f"{server}/bar.git")
    assert caught.value.status == 404
