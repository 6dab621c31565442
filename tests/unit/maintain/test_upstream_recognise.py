# SPDX-License-Identifier: GPL-3.0-or-later
"""Which project an address belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.upstream.facts import Facts, describe, facts_of
from abuildpy.maintain.upstream.recognise import recognise

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _facts(variables: dict[str, str]) -> Facts:
    return facts_of(describe(Path(), variables))


def of(source: str, version: str = "1.2.3", url: str = "https://site.example/", name: str = "foo") -> tuple[str, ...]:
    found = recognise(_facts({"pkgname": name, "pkgver": version, "source": source, "url": url}))
    return (found[0].kind, found[0].project, str(found[0].form)) if found else ()


@pytest.mark.parametrize(
    ("source", "kind", "project", "form"),
    [
        ("https://github.com/a/b/archive/v1.2.3.tar.gz", "github", "a/b", "v{1.2}"),
        ("b.tar.gz::https://github.com/a/b/archive/refs/tags/b-1.2.3.tar.gz", "github", "a/b", "b-{1.2}"),
        ("https://github.com/a/b/archive/v1.2.3/b-1.2.3.tar.gz", "github", "a/b", "v{1.2}"),
        ("https://github.com/a/b/archive/refs/tags/v1.2.3/foo-1.2.3.tar.gz", "github", "a/b", "v{1.2}"),
        ("https://github.com/a/b/archive/v_00123/b-1.2.3.tar.gz", "github", "a/b", "v_{1.2}"),
        ("https://github.com/a/b/archive/refs/tags/sub/v1.2.3.tar.gz", "github", "a/b", "sub/v{1.2}"),
        ("https://github.com/a/b/archive/sub/v1.2.3.tar.gz", "github", "a/b", "sub/v{1.2}"),
        ("https://github.com/a/b/releases/download/R_1_2_3/b.tar.xz", "github", "a/b", "R_{1_2}"),
        ("https://codeload.github.com/a/b/tar.gz/refs/tags/1.2.3", "github", "a/b", "{1.2}"),
        (f"https://github.com/a/b/archive/{COMMIT}/b-{COMMIT}.tar.gz", "github", "a/b", "any"),
        ("https://raw.githubusercontent.com/a/b/v1.2.3/file", "github", "a/b", "v{1.2}"),
        ("https://gitlab.com/g/s/p/-/archive/v1.2.3/p-v1.2.3.tar.gz", "gitlab", "g/s/p", "v{1.2}"),
        ("https://code.site.example/g/p/-/archive/1.2.3/p-1.2.3.tar.bz2", "gitlab", "g/p", "{1.2}"),
        ("https://gitlab.com/g/p/uploads/0f0f/p-1.2.3.tar.gz", "gitlab", "g/p", "any"),
        ("https://git.site.example/api/v4/projects/17/packages/generic/p/1.2.3/p.tar.gz", "gitlab", "17", "{1.2}"),
        ("https://codeberg.org/a/b/archive/1.2.3.tar.gz", "gitea", "a/b", "{1.2}"),
        ("https://git.site.example/a/b/releases/download/v1.2.3/b.tar.gz", "gitea", "a/b", "v{1.2}"),
        ("https://git.sr.ht/~a/b/archive/1.2.3.tar.gz", "sourcehut", "~a/b", "{1.2}"),
        ("https://git.sr.ht/~a/b/refs/download/v1.2.3/b-1.2.3.tar.gz", "sourcehut", "~a/b", "v{1.2}"),
        ("https://bitbucket.org/a/b/get/v1.2.3.tar.gz", "bitbucket", "a/b", "v{1.2}"),
        ("https://bitbucket.org/a/b/downloads/b-1.2.3.tar.gz", "bitbucket", "a/b", "b-{1.2}"),
        ("https://git.site.example/x/b.git/snapshot/b-1.2.3.tar.gz", "cgit", "x/b.git", "{1.2}"),
        ("https://downloads.sourceforge.net/project/p/q/1.2.3/q-1.2.3-src.tar.gz", "sourceforge", "p", "q-{1.2}-src"),
        ("https://p.sourceforge.net/files/p-1.2.3.tgz", "sourceforge", "p", "p-{1.2}"),
        ("https://launchpad.net/p/1.2/1.2.3/+download/p-1.2.3.tar.gz", "launchpad", "p", "p-{1.2}"),
        ("https://download.gnome.org/sources/p/1.2/p-1.2.3.tar.xz", "gnome", "p", "{1.2}"),
        ("https://cdn.kernel.org/pub/linux/kernel/v1.x/linux-1.2.3.tar.xz", "kernel", "linux", "{1.2}"),
        ("https://www.kernel.org/pub/linux/utils/p/p-1.2.3.tar.xz", "kernel.org", "p", "p-{1.2}"),
        ("https://download.kde.org/stable/release-service/1.2.3/src/p-1.2.3.tar.xz", "kde", "p", "p-{1.2}"),
        ("https://ftp.gnu.org/gnu/p/p-1.2.3.tar.gz", "gnu", "p", "p-{1.2}"),
        ("https://files.registry.example/packages/source/B/Bar/bar-1.2.3.tar.gz", "pypi", "Bar", "{1.2}"),
        ("https://files.registry.example/packages/ab/cd/0f0f/bar_x-1.2.3.tar.gz", "pypi", "bar_x", "{1.2}"),
        ("https://registry.example/@a/b/-/b-1.2.3.tgz", "npm", "@a/b", "{1.2}"),
        ("https://registry.example/b/-/b-1.2.3.tgz", "npm", "b", "{1.2}"),
        ("b-1.2.3.tar.gz::https://registry.example/api/v1/crates/b/1.2.3/download", "crates", "b", "{1.2}"),
        ("https://mirror.example/x/authors/id/A/AB/ABC/Foo-Bar-1.2.3.tar.gz", "cpan", "Foo-Bar", "{1.2}"),
        ("https://registry.example/downloads/b-c-1.2.3.gem", "rubygems", "b-c", "{1.2}"),
        ("https://registry.example/package/b-1.2.3/b-1.2.3.tar.gz", "hackage", "b", "{1.2}"),
        ("https://registry.example/get/Bar-1.2.3.tgz", "pecl", "Bar", "{1.2}"),
        ("https://registry.example/maven2/org/x/b/1.2.3/b-1.2.3.jar", "maven", "org/x/b", "{1.2}"),
        ("https://site.example/pub/foo-1.2.3.tar.gz", "listing", "foo", "foo-{1.2}"),
        ("ftp://site.example/pub/foo-1.2.3.tar.gz", "listing", "foo", "foo-{1.2}"),
    ],
)
def test_an_address_tells(source: str, kind: str, project: str, form: str) -> None:
    assert of(source) == (kind, project, form)


@pytest.mark.parametrize(
    ("source", "address", "template"),
    [
        ("https://h.example/a/1.2/b-1.2.3.tar.gz", "https://h.example/a/", "https://h.example/a/{2}/b-{}"),
        ("https://h.example/a/v1.x/b-1.2.3.tar.gz", "https://h.example/a/", "https://h.example/a/v{1}.x/b-{}"),
        ("https://h.example/lib1/b-1.2.3.zip", "https://h.example/lib1/", "https://h.example/lib1/b-{}"),
        ("https://h.example/b-1.2.3/b.tar.gz", "https://h.example/", "https://h.example/b-{}"),
        ("https://h.example/d/1.2/1.2.3/src/b.tgz", "https://h.example/d/", "https://h.example/d/{2}/{}"),
    ],
)
def test_folders_on_the_way(source: str, address: str, template: str) -> None:
    (found, *_) = recognise(_facts({"pkgname": "b", "pkgver": "1.2.3", "source": source}))
    assert (found.kind, found.address, found.template) == ("listing", address, template)


@pytest.mark.parametrize(
    "source",
    [
        "https://dev.alpinelinux.org/archive/foo/foo-1.2.3.tar.gz",
        "https://storage.googleapis.com/x/foo-1.2.3.tar.gz",
        "https://site.example/download.php?file=releases/foo-1.2.3.tar.gz",
        "https://site.example/foo-latest.tar.gz",
        "https://launchpad.net/ubuntu/+archive/primary/+files/foo_1.2.3.orig.tar.gz",
        "https://codeberg.org/attachments/0f0f",
        "https://site.example/attachments/download/4711/foo-1.2.3.tar.gz",
        "https://github.com/b/store/raw/master/foo-1.2.3.tar.gz",
        "https://a.github.io/foo/foo-1.2.3.tar.gz",
    ],
)
def test_copies_and_stores_tell_nothing(source: str) -> None:
    assert of(source) == ()
    assert of(source, url="https://github.com/a/foo")[:2] == ("github", "a/foo")


def test_what_is_kept_beside_the_recipe_has_no_upstream() -> None:
    assert of("foo.initd", url="https://github.com/a/foo") == ()


def test_the_place_of_recipes_is_no_upstream() -> None:
    copy = "https://dev.alpinelinux.org/archive/foo/foo-1.2.3.tar.gz"
    assert of(copy, url="https://gitlab.alpinelinux.org/alpine/aports") == ()
    assert of(copy, url="https://git.alpinelinux.org/cgit/aports/tree/main/foo") == ()


def test_the_source_with_the_version_counts_first() -> None:
    data = "https://github.com/a/data/archive/7.tar.gz"
    assert of(f"fix.patch {data} https://github.com/a/foo/archive/1.2.3.tar.gz")[1] == "a/foo"


def test_a_version_that_is_not_the_recipes() -> None:
    (found,) = recognise(
        _facts(
            {
                "pkgname": "zed-lts",
                "pkgver": "6.6.15",
                "source": "https://github.com/a/zed/releases/download/zed-2.2.2/zed-2.2.2.tar.gz",
            }
        )
    )
    assert (found.current, str(found.form)) == ("2.2.2", "zed-{1.2}")


def test_the_home_page_comes_second() -> None:
    variables = {"pkgname": "foo", "pkgver": "1.2", "source": "https://site.example/dl/foo-1.2.tgz"}
    found = recognise(_facts({**variables, "url": "https://github.com/a/foo"}))
    assert [upstream.kind for upstream in found] == ["listing", "github", "page"]
