# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from source_servers import Log

from abuildpy.errors import ChecksumError
from abuildpy.source import checksum
from abuildpy.source.checksum import Sum, Wanted, hash_files, parse_sums, verify


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_pairs_of_a_list() -> None:
    assert parse_sums("\naa  one\nbb  two\n") == (Sum("aa", "one"), Sum("bb", "two"))


def test_a_hash_without_name_is_refused() -> None:
    with pytest.raises(ChecksumError, match="'bb' has no partner"):
        parse_sums("aa one bb")


def test_good_files_are_reported_one_line_each(tmp_path: Path, log: Log) -> None:
    one, two = put(tmp_path / "one", b"1"), put(tmp_path / "two", b"2")
    verify([Wanted(one, sha512(b"1")), Wanted(two, sha512(b"2").upper())], "sha512", log=log)
    assert log.lines == [f"plain: {one}: OK", f"plain: {two}: OK"]


def test_a_wrong_download_is_set_aside_and_named_with_both_sums(tmp_path: Path, log: Log) -> None:
    bad, good = put(tmp_path / "foo.tar.gz", b"bad"), put(tmp_path / "good", b"good")
    expected = sha512(b"right")
    with pytest.raises(ChecksumError, match=r"foo\.tar\.gz") as caught:
        verify([Wanted(bad, expected, remote=True), Wanted(good, sha512(b"good"))], "sha512", log=log)
    assert not bad.exists()
    assert (tmp_path / f"foo.tar.gz.{expected[:8]}").read_bytes() == b"bad"
    details = "\n".join(caught.value.details)
    assert expected in details
    assert sha512(b"bad") in details
    assert "abuild checksum" in (caught.value.hint or "")
    assert log.of("plain") == [f"{bad}: FAILED", f"{good}: OK"]


def test_a_wrong_local_file_stays(tmp_path: Path, log: Log) -> None:
    patch = put(tmp_path / "fix.patch", b"changed")
    with pytest.raises(ChecksumError):
        verify([Wanted(patch, sha512(b"x"))], "sha512", log=log)
    assert patch.read_bytes() == b"changed"


def test_a_missing_file_and_a_missing_sum_are_explained(tmp_path: Path, log: Log) -> None:
    here = put(tmp_path / "here", b"x")
    with pytest.raises(ChecksumError, match="gone, here") as caught:
        verify([Wanted(tmp_path / "gone", "00"), Wanted(here, "")], "sha512", log=log)
    assert "No such file" in caught.value.details[0]
    assert "list of checksums is too short" in caught.value.details[2]


def test_a_web_page_is_recognised(tmp_path: Path, log: Log) -> None:
    page = put(tmp_path / "a.tar", b"\n<!DOCTYPE html><title>Log in")
    with pytest.raises(ChecksumError) as caught:
        verify([Wanted(page, sha512(b"x"), remote=True)], "sha512", log=log)
    assert any("HTML" in line for line in caught.value.details)


def test_several_large_files_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_WORTH_A_THREAD", 1)
    paths = [put(tmp_path / str(i), bytes([i]) * (3 << 20)) for i in range(5)]
    paths.insert(2, tmp_path / "gone")
    first, second, gone, *rest = hash_files(paths, "sha256")
    assert isinstance(gone, FileNotFoundError)
    assert [first, second, *rest] == [hashlib.sha256(bytes([i]) * (3 << 20)).hexdigest() for i in range(5)]
