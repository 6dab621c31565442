# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import serving
from upstream_server import serve

from abuildpy.errors import FetchError
from abuildpy.maintain.forges import best_tag, find_archive, is_project, newest_tag


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("https://github.com/own/proj", True),
        ("https://github.com/own/proj.git", True),
        ("https://github.com/own/proj/releases/tag/v1.2", True),
        ("https://gitlab.example/group/sub/proj/-/tags/1.2", True),
        ("https://git.sr.ht/~own/proj/refs/1.2", True),
        ("https://pypi.example/project/foo/", True),
        ("https://npm.example/package/@own/foo/v/1.2.3", True),
        ("https://crates.example/crates/foo/1.0", True),
        ("pypi:foo", True),
        ("npm:@own/foo@1.2", True),
        ("https://github.com/own/proj/archive/refs/tags/v1.2.tar.gz", False),
        ("https://site.example/foo-1.2.tar.gz", False),
        ("https://site.example/", False),
        ("ftp://site.example/own/proj", False),
        ("foo-1.2", False),
        ("foo", False),
    ],
)
def test_what_means_a_project(argument: str, expected: bool) -> None:
    assert is_project(argument) is expected


@pytest.mark.parametrize(
    ("argument", "archive"),
    [
        ("https://github.com/own/proj/releases/tag/v1.2", "https://github.com/own/proj/archive/refs/tags/v1.2.tar.gz"),
        ("https://github.com/own/proj.git/tree/v1.2", "https://github.com/own/proj/archive/refs/tags/v1.2.tar.gz"),
        ("https://gitlab.com/a/b/proj/-/tags/v1", "https://gitlab.com/a/b/proj/-/archive/v1/proj-v1.tar.gz"),
        ("https://codeberg.org/own/proj/releases/tag/1.2", "https://codeberg.org/own/proj/archive/1.2.tar.gz"),
        ("https://git.sr.ht/~own/proj/refs/1.2", "https://git.sr.ht/~own/proj/archive/1.2.tar.gz"),
    ],
)
def test_the_archive_of_a_tag(argument: str, archive: str) -> None:
    found = find_archive(argument, {}, lambda _: pytest.fail("asked"))
    assert found.url == archive
    assert archive.startswith(found.page)


def test_an_unknown_forge_is_asked_for_each_kind_of_address() -> None:
    asked: list[str] = []

    def exists(url: str) -> bool:
        asked.append(url)
        return "/-/archive/" in url

    found = find_archive("https://code.example/own/proj/-/tags/v1", {}, exists)
    assert found.url == "https://code.example/own/proj/-/archive/v1/proj-v1.tar.gz"
    assert asked[0] == "https://code.example/own/proj/archive/v1.tar.gz"
    with pytest.raises(FetchError, match="no archive of v1") as caught:
        find_archive("https://code.example/own/proj/-/tags/v1", {}, lambda _: False)
    assert len(caught.value.details) == 4


@pytest.mark.parametrize(
    ("tags", "best"),
    [
        (["v1.9", "v1.10", "v1.2"], "v1.10"),
        (["1.0", "1.1-rc1", "1.1-beta2"], "1.0"),
        (["1.1-rc1", "1.1-beta2"], "1.1-rc1"),
        (["proj-1.0", "proj-2.0", "nightly", "2024"], "2024"),
        (["other-9.0", "v1.0"], "v1.0"),
        (["release-1.2", "docs"], "release-1.2"),
        (["nightly", "latest"], ""),
        ([], ""),
    ],
)
def test_the_newest_finished_version(tags: list[str], best: str) -> None:
    assert best_tag(tags, "proj") == best


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[str]:
    """A web server from which git can read the project ``own/proj``, with two tags."""
    work = tmp_path / "work"
    bare = tmp_path / "www/own/proj"
    environ = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e@site.example", *words],
            check=True,
            env=environ,
            capture_output=True,
        )

    git("init", "-q", str(work))
    git("-C", str(work), "commit", "-q", "--allow-empty", "-m", "one")
    git("-C", str(work), "tag", "v1.0")
    git("-C", str(work), "tag", "-a", "-m", "two", "v1.1")
    git("clone", "-q", "--bare", str(work), str(bare))
    git("-C", str(bare), "update-server-info")

    with serving(tmp_path / "www") as address:
        yield address


def test_git_tells_the_newest_tag(forge: str) -> None:
    assert newest_tag(f"{forge}/own/proj") == "v1.1"
    found = find_archive(f"{forge}/own/proj", {}, lambda url: url.endswith("/archive/v1.1.tar.gz"))
    assert found.url == f"{forge}/own/proj/archive/v1.1.tar.gz"


def test_what_git_cannot_find_is_said(forge: str) -> None:
    with pytest.raises(FetchError, match="git cannot ask it"):
        newest_tag(f"{forge}/own/other")


def test_git_runs_no_helper_of_another_kind() -> None:
    with pytest.raises(FetchError, match="git cannot ask it"):
        newest_tag("ext::sh -c touch% bad")
    assert not Path("/bad").exists()


def test_the_newest_version_of_a_crate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serve() as server:
        monkeypatch.setenv("http_proxy", server.address)
        place = "http://crates.example/api/v1/crates"
        server.says(f"{place}/foo", {"crate": {"max_stable_version": "1.2", "max_version": "2.0-rc1"}})
        found = find_archive("http://crates.example/crates/foo", {}, lambda _: pytest.fail("asked"))
        assert (found.url, found.pkgname) == (f"{place}/foo/1.2/download", "foo")
        with pytest.raises(FetchError, match="knows no crate 'bar'"):
            find_archive("http://crates.example/crates/bar", {}, lambda _: False)
        server.says(f"{place}/odd", "<html>")
        with pytest.raises(FetchError, match="no JSON"):
            find_archive("http://crates.example/crates/odd", {}, lambda _: False)
