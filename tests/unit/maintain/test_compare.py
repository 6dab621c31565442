# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from apk_builds import Content, Hardlink, Symlink, library, write_apk
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.errors import RepositoryError
from abuildpy.maintain.compare import (
    Contents,
    apk_size,
    diff,
    may_change_sonames,
    read_contents,
    shown,
    soname_changes,
)


def contents(path: Path, files: dict[str, Content]) -> Contents:
    return read_contents(write_apk(path, "foo", "1-r0", files))


def test_contents(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "usr": None,
        "usr/b": b"x",
        "usr/a b": b"",
        "usr/ä": Symlink("b"),
        "usr/tab\t\\": b"",
        "usr/\udcff": b"",
    }
    read = read_contents(write_apk(tmp_path / "x.apk", "foo", "1.0-r3", files, size=4711))
    assert (read.label, read.size) == ("foo-1.0-r3", 4711)
    assert read.names == (
        ".PKGINFO",
        ".post-install",
        "usr/",
        "usr/a b",
        "usr/b",
        "usr/tab\\t\\\\",
        "usr/ä",
        "usr/\udcff",
    )


def test_what_is_no_package(tmp_path: Path) -> None:
    bad = tmp_path / "bad.apk"
    bad.write_bytes(b"fetch foo\n")
    with pytest.raises(RepositoryError, match=r"bad\.apk"):
        read_contents(bad)
    good = write_apk(tmp_path / "cut.apk", "foo", "1-r0", {"usr/x": b"x" * 5000})
    good.write_bytes(good.read_bytes()[:-30])
    with pytest.raises(RepositoryError, match=r"cut\.apk"):
        read_contents(good)


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
def test_names_are_escaped_as_tar_does(tmp_path: Path) -> None:
    name = "".join(map(chr, range(1, 128))).replace("/", "")
    (tmp_path / name).touch()
    subprocess.run(["tar", "-cf", "x.tar", "--", name], cwd=tmp_path, check=True)
    listing = subprocess.run(["tar", "-tf", "x.tar"], cwd=tmp_path, check=True, stdout=subprocess.PIPE).stdout
    if b"bsdtar" not in subprocess.run(["tar", "--version"], check=True, stdout=subprocess.PIPE).stdout:
        assert f"{shown(name)}\n" == listing.decode()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (9999, "9999 B"),
        (10000, "9 KiB"),
        (20479, "19 KiB"),
        (10000 * 1024 - 1, "9999 KiB"),
        (10000 * 1024, "9 MiB"),
        (10**10 * 1024, "9536 GiB"),
        (10**20, "90949470 TiB"),
    ],
)
def test_sizes_are_written_as_by_apk(size: int, text: str) -> None:
    assert apk_size(size) == text


# --- listings ----------------------------------------------------------------------------------------------------


def lines(old: list[str], new: list[str], context: int = 3) -> list[str]:
    return list(diff(old, new, ("old", "new"), context=context))


def test_equal_listings_have_no_diff() -> None:
    assert lines([], []) == []
    assert lines(["a", "b"], ["a", "b"]) == []


def test_a_diff() -> None:
    old = ["a1", "a2", "a3", "a4", "b1", "b2", "z"]
    new = ["a1", "a2", "a3", "a4", "b0", "b3", "y", "z"]
    assert lines(old, new) == [
        "--- old",
        "+++ new",
        "@@ -2,6 +2,7 @@",
        " a2",
        " a3",
        " a4",
        "-b1",
        "-b2",
        "+b0",
        "+b3",
        "+y",
        " z",
    ]
    assert lines([], ["a"])[2:] == ["@@ -0,0 +1 @@", "+a"]
    assert lines(["a"], ["a", "b"], context=0)[2:] == ["@@ -1,0 +2 @@", "+b"]
    assert lines(["é"], ["z"])[2:] == ["@@ -1 +1 @@", "-é", "+z"]


NAMES = st.lists(st.text("abcß", min_size=1, max_size=3), max_size=40).map(lambda names: sorted(names, key=str.encode))


@pytest.mark.skipif(shutil.which("diff") is None, reason="diff is not installed")
@settings(max_examples=60)
@given(old=NAMES, new=NAMES, context=st.sampled_from([0, 1, 3]))
def test_it_is_what_diff_says(
    old: list[str], new: list[str], context: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    old, new = sorted(set(old), key=str.encode), sorted(set(new), key=str.encode)
    for name, listing in (("old", old), ("new", new)):
        (folder / name).write_text("".join(f"{line}\n" for line in listing))
    command = ["diff", f"-U{context}", "--minimal", "--label=old", "--label=new", "old", "new"]
    expected = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.PIPE).stdout.decode()
    assert lines(old, new, context) == expected.splitlines()


# --- sonames -----------------------------------------------------------------------------------------------------


def test_sonames_of_what_came_and_went(tmp_path: Path) -> None:
    same: dict[str, Content] = {"usr/lib/libsame.so.1": library("libsame.so.1"), "usr/bin/x": b"x"}
    old = contents(
        tmp_path / "old.apk",
        {
            **same,
            "usr/lib/libfoo.so.1.0": library("libfoo.so.1"),
            "usr/lib/libfoo.so.1": Symlink("libfoo.so.1.0"),
            "usr/lib/plug.so": library(""),
            "usr/share/x.sourceforge": b"text",
        },
    )
    new = contents(
        tmp_path / "new.apk",
        {
            **same,
            "usr/lib/libfoo.so.2.0": library("libfoo.so.2"),
            "usr/lib/libhard.so.2": Hardlink("usr/lib/libfoo.so.2.0"),
            "usr/lib/libfoo.so.2": Symlink("libfoo.so.2.0"),
            ".hidden.so": library("hidden.so"),
            "usr/libexec/new": library("no-dot-so"),
            "usr/lib/empty.so": b"",
            "usr/lib/damaged.so": b"\x7fELF",
        },
    )
    assert may_change_sonames(old, new)
    assert list(soname_changes(old, new)) == [
        ("-", "usr/lib/libfoo.so.1.0", "libfoo.so.1"),
        ("+", "usr/lib/libfoo.so.2.0", "libfoo.so.2"),
        ("+", "usr/lib/libhard.so.2", "libfoo.so.2"),
        ("-", "usr/lib/plug.so", ""),
    ]
    assert [sign for sign, _, _ in soname_changes(None, old)] == ["+", "+", "+"]


def test_no_soname_changes(tmp_path: Path) -> None:
    old = contents(tmp_path / "old.apk", {"usr/lib/libfoo.so.1": library("libfoo.so.1"), "usr/bin/a": b""})
    new = contents(tmp_path / "new.apk", {"usr/lib/libfoo.so.1": library("libfoo.so.1"), "usr/bin/b": b""})
    assert not may_change_sonames(old, new)
    assert list(soname_changes(old, new)) == []
