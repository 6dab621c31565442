# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.published import Published, write_remote_repositories


def published(folder: Path, script: str) -> Published:
    apk = folder / "apk"
    apk.write_text(f'#!/bin/sh\necho "$*" >> {folder}/called\n{script}\n')
    apk.chmod(0o755)
    return Published((str(apk), "--keys-dir", "k"), folder / "repositories")


def called(folder: Path) -> list[str]:
    return (folder / "called").read_text().replace(str(folder), ".").splitlines()


def test_the_newest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # A repository that cannot be reached makes apk warn before it answers.
    apk = published(tmp_path, "echo 'WARNING: opening http://x: timeout' >&2; echo 'Downloading foo-1.0-r0'")
    assert apk.newest("foo") == "foo-1.0-r0"
    assert called(tmp_path) == ["--keys-dir k fetch --repositories-file ./repositories --simulate foo"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("script", ["exit 1", "echo 'foo: unable to select package'; exit 1", "true"])
def test_nothing_published(tmp_path: Path, script: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert published(tmp_path, script).newest("foo") == ""
    assert not published(tmp_path, script).fetch("foo", tmp_path / "old.apk")
    assert capfd.readouterr().err == ""


def test_fetching(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    apk = published(tmp_path, "printf 'a\\377'; echo said >&2")
    assert apk.fetch("foo", tmp_path / "old.apk")
    assert (tmp_path / "old.apk").read_bytes() == b"a\xff"
    assert called(tmp_path) == ["--keys-dir k fetch --repositories-file ./repositories --quiet --stdout foo"]
    assert capfd.readouterr().err == "said\n"
    assert not published(tmp_path, "echo part; exit 1").fetch("foo", tmp_path / "old.apk")


def test_without_apk(tmp_path: Path) -> None:
    none = Published(("no-such-apk",), tmp_path / "repositories")
    assert none.newest("foo") == ""
    assert not none.fetch("foo", tmp_path / "old.apk")


def test_only_servers_count(tmp_path: Path) -> None:
    configured, copy = tmp_path / "configured", tmp_path / "copy"
    configured.write_text("/local\nhttps://a/main\n#http://b\nhttp://c\n@edge https://d\nftp://e\nhttp://f")
    write_remote_repositories(configured, copy)
    assert copy.read_text() == "https://a/main\nhttp://c\nhttp://f"
    write_remote_repositories(tmp_path / "nowhere", copy)
    assert copy.read_text() == ""
