# SPDX-License-Identifier: GPL-3.0-or-later
"""What the argument of newapkbuild says, and versions as apk has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from newrecipe_samples import SITE

from abuildpy.errors import UsageError
from abuildpy.maintain.origin import crate_origin, read_argument
from abuildpy.maintain.quoting import in_quotes, value
from abuildpy.maintain.upstreamversion import apk_version, expression_for


@pytest.mark.parametrize(
    ("argument", "name", "version", "source"),
    [
        ("foo", "foo", "", ""),
        ("foo-1.2", "foo", "1.2", ""),
        ("foo-bar_3", "foo-bar", "3", ""),
        (f"{SITE}/foo-1.2.tar.gz", "foo", "1.2", f"{SITE}/foo-$pkgver.tar.gz"),
        (f"{SITE}/1.2/foo_1.2.tgz", "foo", "1.2", f"{SITE}/$pkgver/foo_$pkgver.tgz"),
        (f"{SITE}/v1.2/1.2.3/foo-1.2.zip", "foo", "1.2", f"{SITE}/v$pkgver/1.2.3/foo-$pkgver.zip"),
        (f"{SITE}/foo-2-1.0.tar.xz", "foo-2", "1.0", f"{SITE}/foo-2-$pkgver.tar.xz"),
        (f"{SITE}/foo-1.0rc1/foo-1.0_src.tar.bz2", "foo", "1.0_src", f"{SITE}/foo-1.0rc1/foo-$pkgver.tar.bz2"),
        (f"{SITE}/1.0-rc2/foo-1.0-rc2.tar.gz", "foo", "1.0_rc2", f"{SITE}/$_pkgver/foo-$_pkgver.tar.gz"),
        (f"{SITE}/Foo_Bar-1.0.tar.gz", "foo_bar", "1.0", f"{SITE}/Foo_Bar-$pkgver.tar.gz"),
        (f"{SITE}/foo-1.0.crate", "foo", "1.0", f"$pkgname-$pkgver.tar.gz::{SITE}/foo-$pkgver.crate"),
        (f"{SITE}/1.0src/foo-1.0.tar.gz", "foo", "1.0", f"{SITE}/${{pkgver}}src/foo-$pkgver.tar.gz"),
        (f"{SITE}/31.0/1.0_/foo-1.0.tar.gz", "foo", "1.0", f"{SITE}/31.0/${{pkgver}}_/foo-$pkgver.tar.gz"),
        ("http://127.0.0.1:80/foo-1.tar.gz", "foo", "1", "http://127.0.0.1:80/foo-$pkgver.tar.gz"),
        (
            "ftp://h1/foo-1.tar.gz?a=$x`b`",
            "foo",
            "1",
            "foo-$pkgver.tar.gz::ftp://h1/foo-$pkgver.tar.gz?a=\\$x\\`b\\`",
        ),
        (f"{SITE}/foo.tar.gz", "foo", "", f"{SITE}/foo.tar.gz"),
        (
            "https://github.com/own/proj/archive/v1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/v$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/refs/tags/1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/release-1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/release-$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/v1.2/proj-1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/v$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/refs/tags/stable/1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/stable/$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://forge.example/own/proj/archive/v1.2.tar.gz",
            "proj",
            "1.2",
            "$pkgname-$pkgver.tar.gz::https://forge.example/own/proj/archive/v$pkgver.tar.gz",
        ),
        (
            "https://forge.example/own/proj/-/archive/v1.2/proj-v1.2.tar.gz",
            "proj",
            "1.2",
            "https://forge.example/own/proj/-/archive/v$pkgver/proj-v$pkgver.tar.gz",
        ),
    ],
)
def test_name_and_version(argument: str, name: str, version: str, source: str) -> None:
    origin = read_argument(argument)
    assert (origin.pkgname, origin.pkgver, origin.source) == (name, version, source)


def test_own_name_is_in_the_file_name_of_a_github_archive() -> None:
    origin = read_argument("https://github.com/own/proj/archive/v1.2.tar.gz", pkgname="mine")
    assert origin.source == "https://github.com/own/proj/archive/v$pkgver/mine-$pkgver.tar.gz"
    assert (origin.pkgname, origin.stem) == ("mine", "proj")


def test_sourceforge() -> None:
    origin = read_argument("foo-1.2", sourceforge=True)
    assert origin.source == "https://downloads.sourceforge.net/foo/foo-$pkgver.tar.gz"


@pytest.mark.parametrize("argument", ["", "a/../..", "-x", "ftp:/foo-1", f"{SITE}/v1.2.tar.gz", f"{SITE}/"])
def test_useless_names_are_refused(argument: str) -> None:
    with pytest.raises(UsageError):
        read_argument(argument)


def test_a_name_with_a_folder_in_it_is_refused() -> None:
    with pytest.raises(UsageError, match="lead out"):
        read_argument(f"{SITE}/foo-1.tar.gz", pkgname="../foo")


def test_the_shell_gets_text_back_as_it_was(tmp_path: Path) -> None:
    nasty = "It`id`s \"$(id)\" \\ $HOME 'x' ${y} é"
    for text in (f'"{in_quotes(nasty)}"', value(nasty)):
        script = f'a={text}; printf %s "$a"'
        shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        assert shown == nasty
    assert in_quotes("a\n\tb\x1b[1m c") == "a b [1m c"
    assert value("1.2_rc1") == "1.2_rc1"
    assert value("~root") == '"~root"'


@pytest.mark.parametrize(
    ("upstream", "pkgver", "expression"),
    [
        ("1.2.3", "1.2.3", ""),
        ("1.0-rc1", "1.0_rc1", "${pkgver//_/-}"),
        ("1.0rc1", "1.0_rc1", "${pkgver/_/}"),
        ("1.0b2", "1.0_beta2", "${pkgver/_beta/b}"),
        ("1.0-beta.2", "1.0_beta2", "${pkgver/_beta/-beta.}"),
        ("1_2_3", "1.2.3", "${pkgver//./_}"),
        ("1-2", "1.2", "${pkgver//./-}"),
        ("2.0.dev3", "2.0_pre3", "${pkgver/_pre/.dev}"),
        ("nightly", "nightly", ""),
    ],
)
def test_versions_as_apk_has_them(upstream: str, pkgver: str, expression: str) -> None:
    assert apk_version(upstream) == pkgver
    made = expression_for(pkgver, upstream) if pkgver != upstream else ""
    assert made == expression
    if made:
        script = f'pkgver={pkgver}; _pkgver={made}; printf %s "$_pkgver"'
        assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout == upstream


def test_names_and_versions_in_the_word_that_is_fetched() -> None:
    origin = read_argument("https://forge.example/own/Proj/archive/v1.0-rc1.tar.gz")
    assert origin.source == "$pkgname-$_pkgver.tar.gz::https://forge.example/own/Proj/archive/v$_pkgver.tar.gz"
    assert origin.entry == "proj-1.0-rc1.tar.gz::https://forge.example/own/Proj/archive/v1.0-rc1.tar.gz"
    odd = read_argument("https://site.example/foo-1.tar.gz?a=$x`b`")
    assert odd.entry == "foo-1.tar.gz::https://site.example/foo-1.tar.gz?a=$x`b`"
    crate = crate_origin("https://crates.example/api/v1/crates/Foo/1.2/download", "Foo")
    assert (crate.pkgname, crate.pkgver) == ("foo", "1.2")
    assert crate.source == "$pkgname-$pkgver.tar.gz::https://crates.example/api/v1/crates/Foo/$pkgver/download"
