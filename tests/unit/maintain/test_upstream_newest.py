# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest version of recipes: asked of every kind of upstream, in the forms of their documentation."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import without_proxies
from upstream_server import Reply, Server, a_recipe, listing, serve, tags

from abuildpy.errors import ConfigError
from abuildpy.maintain.upstream.model import Newest
from abuildpy.maintain.upstream.newest import find_all, find_newest
from abuildpy.maintain.upstream.web import Web

GITHUB = "https://github.com/a/foo/archive/v1.2.tar.gz"
GITHUB_GIT = "github.com/a/foo.git/git-upload-pack"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxies(monkeypatch)
    with serve() as server:
        yield server


def ask(server: Server, folder: Path, source: str, version: str = "1.2", **more: str) -> Newest:
    return find_newest(a_recipe(folder, version=version, source=source, **more), server.settings())


# --- one of each kind ---------------------------------------------------------------------------------------------


def test_github_without_a_token_is_asked_as_git_asks(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.1", "v1.2", "v1.10", "v2.0-rc1", "other-9.0", "nightly"))
    found = ask(server, tmp_path, GITHUB)
    assert (found.version, found.name, found.is_newer, found.error) == ("1.10", "v1.10", True, None)
    assert [release.version for release in found.releases] == ["2.0_rc1", "1.10", "1.2", "1.1"]
    assert (found.exists("1.1"), found.exists("1.3")) == (True, False)
    (asked,) = server.asked
    assert (asked.method, asked.headers["Git-Protocol"]) == ("POST", "version=2")
    assert b"ref-prefix refs/tags/" in asked.body


def test_github_with_a_token_tells_which_are_unfinished(server: Server, tmp_path: Path) -> None:
    releases = [
        {"tag_name": "v2.1", "draft": True, "prerelease": False, "published_at": "2024-03-01T00:00:00Z"},
        {"tag_name": "v2.0", "draft": False, "prerelease": True, "published_at": "2024-02-01T00:00:00Z"},
        {"tag_name": "v1.3", "draft": False, "prerelease": False, "published_at": "2024-01-01T00:00:00Z"},
    ]
    server.says("api.github.com/repos/a/foo/releases?per_page=100", releases)
    recipe = a_recipe(tmp_path, source=GITHUB)
    own = server.address.removeprefix("http://")
    found = find_newest(recipe, server.settings(tokens={own: "t", "api.github.com": "t"}))
    assert (found.version, found.date) == ("1.3", "2024-01-01T00:00:00Z")
    assert found.exists("1.2.5") is None


def test_github_projects_that_stopped_making_releases(server: Server, tmp_path: Path) -> None:
    server.says("api.github.com/repos/a/foo/releases?per_page=100", [{"tag_name": "v1.0", "prerelease": False}])
    server.says(GITHUB_GIT, tags("v1.0", "v1.2", "v1.3"))
    recipe = a_recipe(tmp_path, source=GITHUB)
    assert find_newest(recipe, server.settings(tokens={"api.github.com": "t"})).version == "1.3"


def test_what_is_marked_as_unfinished_is_so_among_the_tags_too(server: Server, tmp_path: Path) -> None:
    releases = [{"tag_name": "v2.0", "prerelease": True}, {"tag_name": "v1.0", "prerelease": False}]
    server.says("api.github.com/repos/a/foo/releases?per_page=100", releases)
    server.says("codeberg.org/api/v1/repos/a/foo/releases?limit=50", releases)
    for host in ("github.com", "codeberg.org"):
        server.says(f"{host}/a/foo.git/git-upload-pack", tags("v1.0", "v1.3", "v2.0"))
        recipe = a_recipe(tmp_path, source=f"https://{host}/a/foo/archive/v1.2.tar.gz")
        assert find_newest(recipe, server.settings(tokens={"api.github.com": "t"})).version == "1.3"


def test_an_old_git_server(server: Server, tmp_path: Path) -> None:
    server.says("git.site.example/x/foo.git/git-upload-pack", "", 403)
    first = b"# service=git-upload-pack\n"
    lines = (b"0" * 40 + b" HEAD\0multi_ack\n", b"1" * 40 + b" refs/tags/v1.4\n", b"2" * 40 + b" refs/tags/v1.4^{}\n")
    body = (
        b"%04x%s0000" % (len(first) + 4, first)
        + b"".join(b"%04x%s" % (len(line) + 4, line) for line in lines)
        + b"0000"
    )
    server.says("git.site.example/x/foo.git/info/refs?service=git-upload-pack", body)
    found = ask(server, tmp_path, "https://git.site.example/x/foo.git/snapshot/foo-1.2.tar.gz")
    assert (found.version, found.name) == ("1.4", "v1.4")


def test_a_cgit_that_cannot_be_cloned_from(server: Server, tmp_path: Path) -> None:
    page = listing("/x/foo/snapshot/foo-1.3.tar.gz", "/x/foo/tag/?h=v1.3")
    server.says("git.site.example/x/foo/refs/tags", page)
    assert ask(server, tmp_path, "https://git.site.example/x/foo/snapshot/foo-1.2.tar.gz").version == "1.3"


def test_gitlab(server: Server, tmp_path: Path) -> None:
    answer = [{"name": "v1.3", "commit": {"committed_date": "2024-01-31T10:00:00.000+00:00"}}, {"name": "v1.2"}]
    server.says("gitlab.site.example/api/v4/projects/g%2Fs%2Fp/repository/tags?per_page=100", answer)
    found = ask(server, tmp_path, "https://gitlab.site.example/g/s/p/-/archive/v1.2/p-v1.2.tar.gz")
    assert (found.version, found.complete) == ("1.3", True)
    assert found.source is not None
    assert (found.source.kind, found.source.project) == ("gitlab", "g/s/p")


def test_a_gitlab_whose_api_is_closed(server: Server, tmp_path: Path) -> None:
    server.says("gitlab.site.example/api/v4/projects/g%2Fp/repository/tags?per_page=100", "", 403)
    server.says("gitlab.site.example/g/p.git/git-upload-pack", tags("v1.3"))
    assert ask(server, tmp_path, "https://gitlab.site.example/g/p/-/archive/v1.2/p.tar.gz").version == "1.3"


def test_gitea(server: Server, tmp_path: Path) -> None:
    answer = [
        {"tag_name": "2.0", "prerelease": True, "draft": False},
        {"tag_name": "1.3", "prerelease": False, "draft": False},
    ]
    server.says("codeberg.org/api/v1/repos/a/foo/releases?limit=50", answer)
    assert ask(server, tmp_path, "https://codeberg.org/a/foo/archive/1.2.tar.gz").version == "1.3"


def test_gitea_where_only_tags_are_made(server: Server, tmp_path: Path) -> None:
    server.says("codeberg.org/api/v1/repos/a/foo/releases?limit=50", [])
    server.says("codeberg.org/a/foo.git/git-upload-pack", tags("1.2", "1.3"))
    assert ask(server, tmp_path, "https://codeberg.org/a/foo/archive/1.2.tar.gz").version == "1.3"


def test_sourcehut(server: Server, tmp_path: Path) -> None:
    server.says("git.sr.ht/~a/foo/git-upload-pack", tags("1.2", "1.3"))
    assert ask(server, tmp_path, "https://git.sr.ht/~a/foo/archive/1.2.tar.gz").version == "1.3"


def test_bitbucket(server: Server, tmp_path: Path) -> None:
    base = "api.bitbucket.org/2.0/repositories/a/foo"
    server.says(
        f"{base}/refs/tags?pagelen=100&sort=-target.date",
        {"values": [{"name": "v1.3", "target": {"date": "2024-01-31"}}]},
    )
    server.says(f"{base}/downloads?pagelen=100", {"values": [{"name": "foo-1.4.tar.gz", "created_on": "2024-01-31"}]})
    assert ask(server, tmp_path, "https://bitbucket.org/a/foo/get/v1.2.tar.gz").version == "1.3"
    assert ask(server, tmp_path, "https://bitbucket.org/a/foo/downloads/foo-1.2.tar.gz").version == "1.4"


def test_mercurial(server: Server, tmp_path: Path) -> None:
    server.says("hg.site.example/foo/json-tags", {"tags": [{"tag": "tip"}, {"tag": "1.3"}]})
    assert ask(server, tmp_path, "https://hg.site.example/foo/archive/1.2.tar.gz").version == "1.3"


def test_sourceforge(server: Server, tmp_path: Path) -> None:
    feed = (
        "<rss><channel><title>Files</title>"
        "<item><title><![CDATA[/foo/1.3/foo-1.3.tar.gz]]></title><pubDate>Wed, 31 Jan 2024 10:00:00 UT</pubDate></item>"
        "<item><title><![CDATA[/foo/1.3/foo-1.3-win32.zip]]></title></item>"
        "<item><title><![CDATA[/bar/9.9/bar-9.9.tar.gz]]></title></item></channel></rss>"
    )
    server.says("sourceforge.net/projects/p/rss?path=/", feed)
    found = ask(server, tmp_path, "https://downloads.sourceforge.net/p/foo-1.2.tar.gz")
    assert (found.version, found.date, found.exists("1.2.9")) == ("1.3", "2024-01-31", None)


def test_launchpad(server: Server, tmp_path: Path) -> None:
    server.says(
        "api.launchpad.net/1.0/p/releases",
        {"entries": [{"version": "1.3", "date_released": "2024-01-31T10:00:00+00:00"}]},
    )
    found = ask(server, tmp_path, "https://launchpad.net/p/trunk/1.2/+download/p-1.2.tar.gz")
    assert (found.version, found.exists("1.2.9")) == ("1.3", None)


def test_gnome_leaves_series_under_development_out(server: Server, tmp_path: Path) -> None:
    versions = ["2.78.0", "2.78.3", "2.79.1", "2.80.rc", "2.79.90"]
    server.says("download.gnome.org/sources/foo/cache.json", [4, {"foo": {}}, {"foo": versions}, {}])
    source = "https://download.gnome.org/sources/foo/{}/foo-{}.tar.xz"
    found = ask(server, tmp_path, source.format("2.78", "2.78.0"), "2.78.0")
    assert (found.version, found.exists("2.78.2")) == ("2.78.3", False)
    # A recipe that follows the development goes on with it.
    assert ask(server, tmp_path, source.format("2.79", "2.79.0"), "2.79.0").version == "2.79.1"


def test_linux(server: Server, tmp_path: Path) -> None:
    releases = [
        {"moniker": "mainline", "version": "6.8-rc3", "released": {"isodate": "2024-02-04"}},
        {"moniker": "stable", "version": "6.7.4", "released": {"isodate": "2024-02-05"}},
        {"moniker": "longterm", "version": "6.6.16", "released": {"isodate": "2024-02-05"}},
        {"moniker": "longterm", "version": "5.15.148"},
        {"moniker": "linux-next", "version": "next-20240207"},
    ]
    server.says("www.kernel.org/releases.json", {"latest_stable": {"version": "6.7.4"}, "releases": releases})
    source = "https://cdn.kernel.org/pub/linux/kernel/v6.x/linux-6.6.tar.xz https://cdn.kernel.org/pub/linux/kernel/v6.x/patch-{}.xz"
    assert ask(server, tmp_path, source.format("6.6.15"), "6.6.15", name="linux-lts").version == "6.6.16"
    assert ask(server, tmp_path, source.format("6.7.3"), "6.7.3", name="linux-edge").version == "6.7.4"


def test_the_index_of_perl_is_asked_once_for_all(server: Server, tmp_path: Path) -> None:
    index = (
        "File: 02packages.details.txt\nLines: 4\n\n"
        "Foo::Bar        1.30  A/AB/ABC/Foo-Bar-1.30.tar.gz\n"
        "Foo::Bar::Old   0.90  A/AB/ABC/Foo-Bar-0.90.tar.gz\n"
        "Baz             v1.5  X/XY/XYZ/Baz-v1.5.tar.gz\n"
    )
    server.says("mirror.example/modules/02packages.details.txt.gz", gzip.compress(index.encode()))
    source = "https://mirror.example/authors/id/A/AB/ABC/{}-1.2.tar.gz"
    recipes = [
        a_recipe(tmp_path, f"perl-{name.lower()}", source=source.format(name)) for name in ("Foo-Bar", "Baz", "Gone")
    ]
    found = list(find_all(recipes, server.settings()))
    assert [each.version for each in found] == ["1.30", "1.5", None]
    assert "no distribution Gone" in (found[2].error or "")
    assert len(server.asked) == 1


def test_python_is_asked_at_the_users_own_index(server: Server, tmp_path: Path) -> None:
    files = [
        {"filename": "foo_bar-1.3.tar.gz", "upload-time": "2024-01-31T10:00:00Z", "yanked": False},
        {"filename": "foo_bar-1.4.tar.gz", "yanked": "broken"},
        {"filename": "foo_bar-2.0rc1-py3-none-any.whl"},
        {"filename": "something else"},
    ]
    server.says("index.example/simple/foo-bar/", {"files": files})
    settings = server.settings(
        environ={"PIP_INDEX_URL": f"{server.address}/index.example/simple", "PIP_CONFIG_FILE": os.devnull}
    )
    source = "https://files.elsewhere.example/packages/source/f/Foo_Bar/foo_bar-1.2.tar.gz"
    found = find_newest(a_recipe(tmp_path, "py3-foo-bar", source=source), settings)
    assert (found.version, found.date, found.exists("1.4"), found.exists("2.0_rc1")) == (
        "1.3",
        "2024-01-31",
        False,
        True,
    )
    server.says("files.elsewhere.example/simple/foo-bar/", {"files": [{"filename": "foo_bar-1.9.tar.gz"}]})
    assert find_newest(a_recipe(tmp_path, "py3-foo-bar", source=source), server.settings()).version == "1.9"


def test_the_password_of_an_index_goes_nowhere_else(server: Server, tmp_path: Path) -> None:
    server.says("index.example/simple/foo/", {"files": [{"filename": "foo-1.3.tar.gz"}]})
    address = f"{server.address}/index.example/simple".replace("://", "://joe:s3cret@")
    environ = {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull}
    settings = server.settings(tmp_path / "cache", environ=environ)
    source = "https://files.elsewhere.example/packages/source/f/foo/foo-1.2.tar.gz"
    found = find_newest(a_recipe(tmp_path, "py3-foo", source=source), settings)
    assert found.version == "1.3"
    assert server.asked[0].headers["Authorization"].startswith("Basic ")
    assert "s3cret" not in repr(found)
    assert all(b"s3cret" not in path.read_bytes() for path in (tmp_path / "cache").iterdir())
    server.replies.clear()
    found = find_newest(a_recipe(tmp_path, "py3-foo", source=source), server.settings(environ=environ))
    assert "s3cret" not in repr(found)


def test_node(server: Server, tmp_path: Path) -> None:
    versions = {"1.2.0": {}, "1.3.0": {}, "1.4.0": {"deprecated": "broken"}, "2.0.0": {}}
    server.says("registry.example/@a%2Ffoo", {"dist-tags": {"latest": "1.3.0", "next": "2.0.0"}, "versions": versions})
    found = ask(server, tmp_path, "https://registry.example/@a/foo/-/foo-1.2.0.tgz", "1.2.0")
    assert (found.version, found.exists("2.0.0"), found.exists("1.4.0")) == ("1.3.0", True, False)


def test_rust(server: Server, tmp_path: Path) -> None:
    versions = [
        {"num": "2.0.0", "yanked": True},
        {"num": "1.3.0", "yanked": False},
        {"num": "1.4.0-beta.1", "yanked": False},
    ]
    server.says("registry.example/api/v1/crates/foo", {"versions": versions})
    found = ask(server, tmp_path, "https://registry.example/api/v1/crates/foo/1.2/download")
    assert (found.version, found.exists("1.2.9")) == ("1.3.0", False)


def test_ruby(server: Server, tmp_path: Path) -> None:
    server.says(
        "registry.example/api/v1/versions/foo.json", [{"number": "2.0.a", "prerelease": True}, {"number": "1.3"}]
    )
    found = ask(server, tmp_path, "https://registry.example/downloads/foo-1.2.gem")
    assert (found.version, found.exists("1.2.9")) == ("1.3", False)


def test_haskell(server: Server, tmp_path: Path) -> None:
    server.says(
        "registry.example/package/foo/preferred", {"normal-version": ["1.3.0.1", "1.2"], "deprecated-version": ["2.0"]}
    )
    found = ask(server, tmp_path, "https://registry.example/package/foo-1.2/foo-1.2.tar.gz")
    assert (found.version, found.exists("1.2.9")) == ("1.3.0.1", False)


def test_php(server: Server, tmp_path: Path) -> None:
    answer = "<a><p>Foo</p><r><v>2.0.0</v><s>alpha</s></r><r><v>1.3</v><s>stable</s></r></a>"
    server.says("registry.example/rest/r/foo/allreleases.xml", answer)
    found = ask(server, tmp_path, "https://registry.example/get/Foo-1.2.tgz", name="php83-pecl-foo")
    assert (found.version, found.exists("1.2.9")) == ("1.3", False)


def test_java(server: Server, tmp_path: Path) -> None:
    listed = "<versions><version>1.2</version><version>1.3</version></versions>"
    answer = f"<metadata><versioning><latest>1.3</latest>{listed}</versioning></metadata>"
    server.says("registry.example/maven2/org/x/foo/maven-metadata.xml", answer)
    found = ask(server, tmp_path, "https://registry.example/maven2/org/x/foo/1.2/foo-1.2.jar")
    assert (found.version, found.exists("1.2.9")) == ("1.3", False)


# --- folders ------------------------------------------------------------------------------------------------------


def test_a_folder_of_archives(server: Server, tmp_path: Path) -> None:
    files = (
        "foo-1.2.tar.gz",
        "foo-1.10.tar.xz",
        "foo-1.10.tar.xz.sig",
        "foo-1.11-rc1.tar.gz",
        "foo-doc-3.0.tar.gz",
        "bar-2.tgz",
    )
    server.says("h.example/pub/", listing(*files))
    found = ask(server, tmp_path, "https://h.example/pub/foo-1.2.tar.gz")
    assert (found.version, found.name, found.exists("1.9")) == ("1.10", "foo-1.10.tar.xz", False)


def test_folders_of_series(server: Server, tmp_path: Path) -> None:
    server.says("h.example/pub/", listing("1.2/", "1.10/", "1.9/", "latest/", "0.1/", "0.2/"))
    server.says("h.example/pub/1.10/src/", listing("foo-1.10.0-rc1.tar.gz"))
    server.says("h.example/pub/1.9/src/", listing("foo-1.9.1.tar.gz", "foo-1.9.4.tar.gz"))
    server.says("h.example/pub/1.2/src/", listing("foo-1.2.3.tar.gz"))
    found = ask(server, tmp_path, "https://h.example/pub/1.2/src/foo-1.2.3.tar.gz", "1.2.3")
    assert (found.version, found.exists("1.9.3")) == ("1.9.4", None), "not every folder was looked into"
    assert "h.example/pub/0.2/src/" not in server.urls()


def test_a_server_that_lists_nothing_leaves_its_home_page(server: Server, tmp_path: Path) -> None:
    server.says("h.example/pub/", "", 403)
    server.says(
        "www.example/foo/",
        '<p>Get <a href="https://h.example/pub/foo-1.3.tar.gz?x=1">foo</a> or <a href="old.html">old</a>',
    )
    found = ask(server, tmp_path, "https://h.example/pub/foo-1.2.tar.gz", url="https://www.example/foo/")
    assert found.version == "1.3"
    assert found.source is not None
    assert found.source.kind == "page"


def test_a_kde_test_release_does_not_count(server: Server, tmp_path: Path) -> None:
    server.says("download.kde.org/stable/plasma/", listing("5.27.10/", "5.93.0/", "5.27.11/"))
    for version in ("5.27.10", "5.93.0", "5.27.11"):
        server.says(f"download.kde.org/stable/plasma/{version}/", listing(f"foo-{version}.tar.xz"))
    assert (
        ask(server, tmp_path, "https://download.kde.org/stable/plasma/5.27.10/foo-5.27.10.tar.xz", "5.27.10").version
        == "5.27.11"
    )


# --- what counts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "published", "newest"),
    [
        ("foo", "1.2", ("v1.2", "v2.0-beta1"), "1.2"),
        ("foo", "2.0_beta1", ("v1.9", "v2.0-beta1", "v2.0-beta2"), "2.0_beta2"),
        ("foo", "1.2", ("v1.3", "v2024.01.31", "v20240131"), "1.3"),
        ("foo", "2023.12", ("v2023.12", "v2024.1"), "2024.1"),
        ("foo13", "13.2", ("v13.2", "v13.4", "v14.0"), "13.4"),
        ("foo1.2", "1.2.1", ("v1.2.1", "v1.2.3", "v1.3.0"), "1.2.3"),
        ("foo12-tools", "1.2", ("v1.2", "v1.2.3", "v1.3"), "1.2.3"),
        ("foo4.0", "4.12.5", ("v4.12.5", "v4.14.0", "v5.0"), "5.0"),
        ("foo2", "1.9", ("v1.9", "v3.0"), "3.0"),
        ("py3-foo", "3.8.6", ("v3.8.6", "v4.0"), "4.0"),
        ("php82-pecl-foo", "8.2", ("v8.2", "v8.3"), "8.3"),
        ("svt-av1", "1.8.0", ("v1.8.0", "v2.0.0"), "2.0.0"),
        ("foo", "0_git20240131", ("v0.1",), "0.1"),
        ("foo", "1.2.0", ("v1.2",), "1.2"),
    ],
)
def test_which_versions_count(
    server: Server, tmp_path: Path, name: str, version: str, published: tuple[str, ...], newest: str
) -> None:
    server.says(GITHUB_GIT, tags(*published))
    tag = "v" + version.replace("_", "-")
    found = ask(server, tmp_path, f"https://github.com/a/foo/archive/{tag}.tar.gz", version, name=name)
    assert found.version == newest
    assert found.is_newer == (newest not in (version, "1.2"))


def test_a_number_in_the_projects_own_name_is_no_series(server: Server, tmp_path: Path) -> None:
    server.says("github.com/a/lz4.git/git-upload-pack", tags("v4.3.3", "v5.0"))
    assert (
        ask(server, tmp_path, "https://github.com/a/lz4/archive/v4.3.3.tar.gz", "4.3.3", name="py3-lz4").version
        == "5.0"
    )


def test_what_is_beyond_the_series_is_told(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v13.2", "v13.4", "v14.1", "v15.0-rc1"))
    found = ask(server, tmp_path, "https://github.com/a/foo/archive/v13.2.tar.gz", "13.2", name="foo13")
    assert (found.version, found.beyond) == ("13.4", "14.1")
    server.says(GITHUB_GIT, tags("v13.2", "v13.4", "v12.9"))
    assert ask(server, tmp_path, "https://github.com/a/foo/archive/v13.2.tar.gz", "13.2", name="foo13").beyond == ""
    assert ask(server, tmp_path, "https://github.com/a/foo/archive/v13.2.tar.gz", "13.2", name="bar").beyond == ""


def test_zeros_at_the_end_make_no_newer_version(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.2.0"))
    found = ask(server, tmp_path, "https://github.com/a/foo/archive/v1.2.0.tar.gz", "1.2")
    assert (found.is_newer, found.exists("1.2")) == (False, True)


def test_whether_a_version_exists(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.2", "other-1.3"))
    found = ask(server, tmp_path, GITHUB)
    assert (found.exists("1.2"), found.exists("1.3"), found.exists("1.4")) == (True, None, False)
    server.says(GITHUB_GIT, tags("nightly"))
    assert ask(server, tmp_path, GITHUB).exists("1.2") is None


def test_unfinished_ones_where_they_are_asked_for(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.3-rc1"))
    recipe = a_recipe(tmp_path, source=GITHUB)
    assert find_newest(recipe, server.settings(prereleases=True)).version == "1.3_rc1"


def test_a_module_for_a_kernel_is_compared_by_its_own_version(server: Server, tmp_path: Path) -> None:
    server.says("github.com/a/zed.git/git-upload-pack", tags("zed-2.2.2", "zed-2.2.3"))
    source = "https://github.com/a/zed/releases/download/zed-2.2.2/zed-2.2.2.tar.gz"
    found = ask(server, tmp_path, source, "6.6.15", name="zed-lts")
    assert (found.current, found.packaged, found.version, found.is_newer) == ("6.6.15", "2.2.2", "2.2.3", True)


# --- what the maintainer says -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "newest"),
    [
        ("# upstream: ignore=1.9*,v3*", "2.0"),
        ("# upstream: series=1", "1.9.1"),
        ("#upstream:   series=1.3  prereleases=yes", "1.3_rc1"),
        ("# upstream: prereleases=yes", "3.1_alpha1"),
        ("# upstream: even=yes", "3.0"),
        ("# upstream: github a/foo tag=old-{}", "0.9"),
        ("# upstream: tag=old-{}", "0.9"),
        ("# upstream: github a/other", "7.0"),
        ("# upstream: https://github.com/a/other", "7.0"),
        ("# upstream: git https://github.com/a/other tag=v{}", "7.0"),
        ("# upstream: https://pages.example/dl.html tag=foo-{}", "8.0"),
        ("# upstream: listing https://pages.example/dl.html/ tag=foo-{}", "8.0"),
    ],
)
def test_comments(server: Server, tmp_path: Path, comment: str, newest: str) -> None:
    published = ("old-0.9", "v1.3-rc1", "v1.9.1", "v2.0", "v3.0", "v3.1-alpha1")
    server.says(GITHUB_GIT, tags(*published))
    for repository in ("a/other.git", "a/other"):
        server.says(f"github.com/{repository}/git-upload-pack", tags("v7.0"))
    for address in ("pages.example/dl.html", "pages.example/dl.html/"):
        server.says(address, listing("foo-8.0.tar.gz"))
    if comment.startswith("# upstream: even"):
        server.says(GITHUB_GIT, tags(*published[:5], "v3.1"))
    assert ask(server, tmp_path, GITHUB, comment=comment).version == newest


def test_nothing_to_look_for(server: Server, tmp_path: Path) -> None:
    found = ask(server, tmp_path, GITHUB, comment="# upstream: none")
    assert (found.source, found.error) == (None, "the recipe says that there is none to look for")
    assert server.asked == []


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# upstream: gihub a/foo", "main/foo/APKBUILD:2: 'gihub a/foo' names no upstream"),
        ("# upstream: tag=v", "main/foo/APKBUILD:2: tag=v has no {} where the version stands"),
        ("# upstream: even=1", "main/foo/APKBUILD:2: even is yes or no, not '1'"),
        ("# upstream: github", "main/foo/APKBUILD:2: 'github' names no upstream"),
        ("# upstream: ignore=2 github a/foo", "'ignore=2 github a/foo' names no upstream"),
    ],
)
def test_comments_that_mean_nothing(server: Server, tmp_path: Path, comment: str, said: str) -> None:
    found = ask(server, tmp_path, GITHUB, comment=comment)
    assert found.version is None
    assert said in (found.error or "")


def test_tables_of_the_tree_and_of_the_user(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.3", "v2.0"))
    recipe = a_recipe(tmp_path / "one", source=GITHUB)
    (tmp_path / "one" / ".upstream.toml").write_text('[recipes]\nfoo = "series=1"\n')
    assert find_newest(recipe, server.settings()).version == "1.3"
    assert find_newest(recipe, server.settings(recipes={"main/foo": "none"})).version is None
    recipe = a_recipe(tmp_path / "one", source=GITHUB, comment="# upstream: series=any")
    assert find_newest(recipe, server.settings(recipes={"foo": "none"})).version == "2.0"


def test_a_table_that_makes_no_sense(server: Server, tmp_path: Path) -> None:
    recipe = a_recipe(tmp_path / "two", source=GITHUB)
    (tmp_path / "two" / ".upstream.toml").write_text("[recipes\n")
    with pytest.raises(ConfigError, match=r"\.upstream\.toml"):
        find_newest(recipe, server.settings())


# --- trouble ------------------------------------------------------------------------------------------------------


def test_what_is_not_recognised(server: Server, tmp_path: Path) -> None:
    assert ask(server, tmp_path, "local.patch").error == "all of it is kept beside the recipe"
    assert (
        ask(server, tmp_path, "https://h.example/x.tar.gz").error == "no upstream is recognised in its source and url"
    )


def test_the_last_resorts(server: Server, tmp_path: Path) -> None:
    recipe = a_recipe(tmp_path, source="https://h.example/x.tar.gz")
    server.says("release-monitoring.org/api/v2/packages/?distribution=Alpine&name=foo", {"items": []})
    versions = [{"version": "1:1.4+dfsg-2"}, {"version": "1.3-1"}]
    server.says("sources.debian.org/api/src/foo/", {"package": "foo", "versions": versions})
    found = find_newest(recipe, server.settings(last_resort=True))
    assert found.version == "1.4"
    assert found.source is not None
    assert (found.source.kind, found.source.guessed) == ("debian-tracker", True)
    items = [{"name": "foo", "project": "foo", "stable_version": "1.5", "version": "1.6-rc1", "distribution": "Alpine"}]
    server.says("release-monitoring.org/api/v2/packages/?distribution=Alpine&name=foo", {"items": items})
    assert find_newest(recipe, server.settings(last_resort=True)).version == "1.5"


def test_one_that_fails_leaves_the_others(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.3"))
    server.says("github.com/a/bad.git/git-upload-pack", "<html>no git</html>")
    recipes = [
        a_recipe(tmp_path, "gone", source="https://github.com/a/gone/archive/v1.2.tar.gz"),
        a_recipe(tmp_path, "foo", source=GITHUB),
        a_recipe(tmp_path, "bad", source="https://github.com/a/bad/archive/v1.2.tar.gz"),
    ]
    gone, foo, bad = find_all(recipes, server.settings())
    assert (gone.pkgname, foo.version, bad.pkgname) == ("gone", "1.3", "bad")
    assert "the server has nothing there" in (gone.error or "")
    assert bad.error
    assert gone.exists("1.2") is None


@pytest.mark.parametrize(
    "body", [b"[", b"{}", b"[[]]", b'{"versions": 7}', b"\xff\xfe", json.dumps([1, 2, 3]).encode(), b"null"]
)
def test_answers_of_another_form(server: Server, tmp_path: Path, body: bytes) -> None:
    sources = {
        "https://codeberg.org/a/foo/archive/1.2.tar.gz": "codeberg.org/api/v1/repos/a/foo/releases?limit=50",
        "https://r.example/api/v1/crates/foo/1.2/download": "r.example/api/v1/crates/foo",
        "https://r.example/foo/-/foo-1.2.tgz": "r.example/foo",
        "https://r.example/downloads/foo-1.2.gem": "r.example/api/v1/versions/foo.json",
        "https://r.example/package/foo-1.2/foo-1.2.tar.gz": "r.example/package/foo/preferred",
        "https://download.gnome.org/sources/foo/1.2/foo-1.2.tar.xz": "download.gnome.org/sources/foo/cache.json",
        "https://launchpad.net/foo/1.2/+download/foo-1.2.tar.gz": "api.launchpad.net/1.0/foo/releases",
        "https://h.example/pub/foo-1.2.tar.gz": "h.example/pub/",
        "https://cdn.kernel.org/pub/linux/kernel/v1.x/linux-1.2.tar.xz": "www.kernel.org/releases.json",
        "https://m.example/authors/id/A/AB/ABC/Foo-1.2.tar.gz": "m.example/modules/02packages.details.txt.gz",
    }
    for url in sources.values():
        server.replies[url] = Reply(body)
    found = list(find_all([a_recipe(tmp_path, source=source) for source in sources], server.settings()))
    assert all(each.version is None and each.error for each in found)


def test_answers_are_kept_for_the_next_run(server: Server, tmp_path: Path) -> None:
    server.says(GITHUB_GIT, tags("v1.3"))
    recipe = a_recipe(tmp_path, source=GITHUB)
    for _ in range(2):
        web = Web(server.settings(tmp_path / "cache"))
        assert next(find_all([recipe], web.settings, web)).version == "1.3"
    assert len(server.asked) == 1
