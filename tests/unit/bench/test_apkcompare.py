# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing packages: every field counts, and nothing that is allowed to differ does."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
from apkcompare import Comparison, UnreadablePackage, compare_indexes, compare_packages
from packagekit import FOLDER, INFO, LINK, PROGRAM, SCRIPT, Entry, write_index, write_package


def compared(tmp_path: Path, data: Sequence[Entry]) -> Comparison:
    """A package against one with other data."""
    return compare_packages(write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", data))


def fields(result: Comparison) -> set[tuple[str, str]]:
    """Where something differs, and what."""
    return {(difference.place, difference.field) for difference in result.differences}


def test_the_same_package_has_no_differences(tmp_path: Path) -> None:
    result = compared(tmp_path, (FOLDER, PROGRAM, LINK))

    assert result == Comparison((), same_data=True, elf=True)


def test_no_machine_code_is_no_elf(tmp_path: Path) -> None:
    text = write_package(tmp_path / "x.apk", (FOLDER, replace(PROGRAM, content=b"text")))

    assert not compare_packages(text, text).elf


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (replace(PROGRAM, mode=0o4755), "mode"),
        (replace(PROGRAM, uid=7), "uid"),
        (replace(PROGRAM, user="bin"), "user"),
        (replace(PROGRAM, mtime=1_700_000_001), "mtime"),
    ],
)
def test_each_field_of_a_header_counts(tmp_path: Path, changed: Entry, field: str) -> None:
    result = compared(tmp_path, (FOLDER, changed, LINK))

    assert ("data 'usr/tool'", field) in fields(result)
    assert not result.same_data


def test_content_counts_and_its_checksum(tmp_path: Path) -> None:
    result = compared(tmp_path, (FOLDER, replace(PROGRAM, content=b"\x7fELF and so no"), LINK))

    assert fields(result) == {
        ("data 'usr/tool'", "content"),
        ("data 'usr/tool'", "record APK-TOOLS.checksum.SHA1"),
    }


def test_targets_of_links_count(tmp_path: Path) -> None:
    assert fields(compared(tmp_path, (FOLDER, PROGRAM, replace(LINK, link="/usr/tool")))) == {
        ("data 'usr/other'", "link")
    }


def test_types_count(tmp_path: Path) -> None:
    assert fields(compared(tmp_path, (FOLDER, PROGRAM, replace(LINK, kind=tarfile.LNKTYPE)))) == {
        ("data 'usr/other'", "kind")
    }


def test_a_missing_file_and_one_too_many(tmp_path: Path) -> None:
    result = compared(tmp_path, (FOLDER, PROGRAM, replace(LINK, name="usr/third")))

    assert fields(result) == {("data 'usr/other'", "presence"), ("data 'usr/third'", "presence")}


def test_the_order_of_files_counts(tmp_path: Path) -> None:
    assert fields(compared(tmp_path, (FOLDER, LINK, PROGRAM))) == {("data", "order")}


def test_lines_of_pkginfo_count_and_their_order(tmp_path: Path) -> None:
    ours = INFO.replace("depend = a\ndepend = b\n", "depend = b\ndepend = c\n").replace("14", "15")
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", info=ours)

    assert fields(compare_packages(one, other)) == {(".PKGINFO", "depend"), (".PKGINFO", "size")}


def test_the_same_lines_in_another_order_differ(tmp_path: Path) -> None:
    ours = INFO.replace("pkgname = tool\ndepend = a\n", "depend = a\npkgname = tool\n")
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", info=ours)

    assert fields(compare_packages(one, other)) == {(".PKGINFO", "order")}


def test_the_comment_naming_the_program_is_free(tmp_path: Path) -> None:
    ours = INFO.replace("by one", "by another, which is longer")
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", info=ours)

    assert compare_packages(one, other).differences == ()


def test_scripts_count(tmp_path: Path) -> None:
    scripts = [replace(SCRIPT, content=b"#!/bin/sh\ntrue\n")]
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", scripts=scripts)

    assert ("control '.post-install'", "content") in fields(compare_packages(one, other))


def test_a_wrong_hash_of_the_data_is_seen(tmp_path: Path) -> None:
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", datahash="0" * 64)

    assert fields(compare_packages(one, other)) == {(".PKGINFO", "datahash")}


def test_the_name_of_the_key_counts(tmp_path: Path) -> None:
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk", key="you.rsa.pub")

    assert fields(compare_packages(one, other)) == {("signature", "names")}


def test_a_package_cut_short_cannot_be_compared(tmp_path: Path) -> None:
    one, other = write_package(tmp_path / "a/x.apk"), write_package(tmp_path / "b/x.apk")
    other.write_bytes(other.read_bytes()[:-9])

    with pytest.raises(UnreadablePackage, match="ends too early"):
        compare_packages(one, other)


ENTRY = {"C": "Q1one", "P": "tool", "V": "1-r0", "S": "100", "I": "14", "D": "a b"}


def indexes(tmp_path: Path, *ours: dict[str, str], description: bytes = b"v1") -> set[tuple[str, str]]:
    """An index of one entry against another index."""
    one, other = tmp_path / "a/APKINDEX.tar.gz", tmp_path / "b/APKINDEX.tar.gz"
    return fields(compare_indexes(write_index(one, ENTRY), write_index(other, *ours, description=description)))


def test_identity_and_size_of_a_package_in_the_index_follow_from_compression(tmp_path: Path) -> None:
    assert indexes(tmp_path, ENTRY | {"C": "Q1two", "S": "99"}) == set()


def test_other_fields_of_the_index_count(tmp_path: Path) -> None:
    assert indexes(tmp_path, ENTRY | {"D": "a"}) == {("index", "D")}


def test_an_entry_too_many_counts(tmp_path: Path) -> None:
    assert indexes(tmp_path, ENTRY, ENTRY | {"P": "more"}) == {("APKINDEX", "entries")}


def test_the_order_of_fields_in_the_index_counts(tmp_path: Path) -> None:
    assert indexes(tmp_path, dict(reversed(ENTRY.items()))) == {("index", "order")}


def test_the_description_of_the_index_counts(tmp_path: Path) -> None:
    assert indexes(tmp_path, ENTRY, description=b"v2") == {("DESCRIPTION", "content")}
