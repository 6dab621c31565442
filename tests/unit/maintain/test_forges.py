# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import without_proxies
from upstream_server import Server, serve, tags

from abuildpy.errors import FetchError
from abuildpy.maintain.forges import Found, find_archive, is_project
from abuildpy.maintain.upstream.settings import Host, UpstreamSettings

NOBODY = UpstreamSettings(offline=True)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxies(monkeypatch)
    with serve() as server:
        yield server


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
        ("https://salsa.debian.org/a/proj/-/tags/v1", "https://salsa.debian.org/a/proj/-/archive/v1/proj-v1.tar.gz"),
    ],
)
def test_the_archive_of_a_tag(argument: str, archive: str) -> None:
    found = find_archive(argument, NOBODY, lambda _: pytest.fail("asked"))
    assert found.url == archive
    assert archive.startswith(found.page)


def test_an_unknown_forge_is_asked_for_each_kind_of_address() -> None:
    asked: list[str] = []

    def exists(url: str) -> bool:
        asked.append(url)
        return "/-/archive/" in url

    found = find_archive("https://code.example/own/proj/-/tags/v1", NOBODY, exists)
    assert found.url == "https://code.example/own/proj/-/archive/v1/proj-v1.tar.gz"
    assert asked[0] == "https://code.example/own/proj/archive/v1.tar.gz"
    with pytest.raises(FetchError, match="no archive of v1") as caught:
        find_archive("https://code.example/own/proj/-/tags/v1", NOBODY, lambda _: False)
    assert len(caught.value.details) == 4


def newest(server: Server, page: str) -> str:
    """The archive that is found for a project's page, of those that any forge could have."""
    return find_archive(page, server.settings(), lambda url: "/snapshot/" not in url and "/refs/" not in url).url


@pytest.mark.parametrize(
    ("there", "best"),
    [
        (["v1.9", "v1.10", "v1.2"], "v1.10"),
        (["1.0", "1.1-rc1", "1.1-beta2"], "1.0"),
        (["1.1-rc1", "1.1-beta2"], "1.1-rc1"),
        (["proj-1.0", "proj-2.0", "nightly", "2024.01.31"], "proj-2.0"),
        (["2023.12.31", "2024.01.31"], "2024.01.31"),
        (["other-9.0", "v1.0"], "v1.0"),
        (["release-1.2", "docs"], "release-1.2"),
    ],
)
def test_the_newest_finished_version(server: Server, there: list[str], best: str) -> None:
    server.says("github.com/own/proj.git/git-upload-pack", tags(*there))
    assert (
        newest(server, "https://github.com/own/proj") == f"https://github.com/own/proj/archive/refs/tags/{best}.tar.gz"
    )


def test_forges_are_asked_in_their_own_ways(server: Server) -> None:
    server.says("gitlab.example/api/v4/projects/a%2Fb%2Fproj/repository/tags?per_page=100", [{"name": "v1.3"}])
    server.says("codeberg.org/api/v1/repos/own/proj/releases?limit=50", [{"tag_name": "1.4", "prerelease": False}])
    server.says("git.sr.ht/~own/proj/git-upload-pack", tags("1.5"))
    assert [newest(server, page) for page in ("https://gitlab.example/a/b/proj", "https://codeberg.org/own/proj/")] == [
        "https://gitlab.example/a/b/proj/-/archive/v1.3/proj-v1.3.tar.gz",
        "https://codeberg.org/own/proj/archive/1.4.tar.gz",
    ]
    assert newest(server, "https://git.sr.ht/~own/proj") == "https://git.sr.ht/~own/proj/archive/1.5.tar.gz"


@pytest.mark.parametrize("ending", [".git", ""])
def test_what_is_no_known_forge_is_asked_as_git_asks(server: Server, ending: str) -> None:
    server.says(f"code.example/own/proj{ending}/git-upload-pack", tags("v1.0", "v1.1"))
    assert newest(server, "https://code.example/own/proj") == "https://code.example/own/proj/archive/v1.1.tar.gz"


def test_the_user_says_which_kind_of_forge_a_host_is(server: Server) -> None:
    server.says("code.example/api/v4/projects/own%2Fproj/repository/tags?per_page=100", [{"name": "v1.3"}])
    settings = server.settings(hosts={"code.example": Host(f"{server.address}/code.example", "gitlab")})
    found = find_archive("https://code.example/own/proj", settings, lambda _: pytest.fail("asked"))
    assert found.url == "https://code.example/own/proj/-/archive/v1.3/proj-v1.3.tar.gz"


def test_answers_are_kept(server: Server, tmp_path: Path) -> None:
    server.says("github.com/own/proj.git/git-upload-pack", tags("v1.0"))
    for _ in range(2):
        find_archive("https://github.com/own/proj", server.settings(tmp_path / "cache"), lambda _: False)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("there", "complaint"), [(("nightly", "latest"), "no version"), ((), "no version")])
def test_a_project_without_versions(server: Server, there: tuple[str, ...], complaint: str) -> None:
    server.says("github.com/own/proj.git/git-upload-pack", tags(*there))
    with pytest.raises(FetchError, match=complaint) as caught:
        newest(server, "https://github.com/own/proj")
    assert caught.value.message.startswith("https://github.com/own/proj: ")


def test_what_is_no_project_is_said(server: Server) -> None:
    server.says("code.example/other", "")
    with pytest.raises(FetchError, match=r"code\.example/own/proj: .* has nothing there"):
        newest(server, "https://code.example/own/proj")


def test_the_newest_version_of_a_crate(server: Server) -> None:
    place = "https://crates.example/api/v1/crates"
    versions = [{"num": "2.0.0-rc.1"}, {"num": "1.3.0", "yanked": True}, {"num": "1.2.0"}, {"num": "1.10.0"}]
    server.says("crates.example/api/v1/crates/foo", {"versions": versions})
    server.says("crates.example/api/v1/crates/odd", "<html>")

    def find(name: str) -> Found:
        return find_archive(f"https://crates.example/crates/{name}", server.settings(), lambda _: pytest.fail("asked"))

    assert (find("foo").url, find("foo").pkgname) == (f"{place}/foo/1.10.0/download", "foo")
    assert find("foo/1.2.0").url == f"{place}/foo/1.2.0/download"
    with pytest.raises(FetchError, match=r"crates/bar: .* has nothing there"):
        find("bar")
    with pytest.raises(FetchError, match="no JSON"):
        find("odd")
