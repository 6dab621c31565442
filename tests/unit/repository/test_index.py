# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest

from abuildpy.errors import RepositoryError
from abuildpy.repository import index
from abuildpy.repository.index import IndexEntry


def test_order_and_duplicates() -> None:
    def entry(name: str, version: str, identity: str = "") -> IndexEntry:
        return IndexEntry(identity or f"Q1{name}{version}", name, version)

    given = [
        *(entry("b", "1.10-r0"), entry("b", "1.9-r0"), entry("B", "1-r0"), entry("a-x", "1-r0"), entry("_", "1-r0")),
        *(entry("b", "1.10-r0"), entry("C", "1_rc1-r0"), entry("C", "1-r0"), entry("a", "2-r0")),
    ]
    tar = index.format_index(given, None, 0)
    found = index.parse_index(index.compress_index(tar)).entries
    assert [f"{e.name} {e.version}" for e in found] == [
        "_ 1-r0",
        "a 2-r0",
        "a-x 1-r0",
        "B 1-r0",
        "b 1.9-r0",
        "b 1.10-r0",
        "C 1_rc1-r0",
        "C 1-r0",
    ]


def test_tar_layout() -> None:
    tar = index.format_index([IndexEntry("Q1x", "foo", "1-r0")], "D", 1_700_000_000)
    assert len(tar) == 512 + 512 + 512 + 512 + 1024
    assert tar[-1024:] == bytes(1024)
    assert tar[124:136] == b"000000000001"
    assert tar[136:148] == b"014524770400"
    assert tar[257:265] == b"ustar  \0"
    import io

    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        members = archive.getmembers()
    assert [(m.name, m.mode, m.uid, m.uname, m.gname, m.mtime) for m in members] == [
        ("DESCRIPTION", 0o644, 0, "root", "root", 1_700_000_000),
        ("APKINDEX", 0o644, 0, "root", "root", 1_700_000_000),
    ]


def test_compression_has_no_time_stamp() -> None:
    assert index.compress_index(b"x")[4:8] == bytes(4)
    assert gzip.decompress(index.compress_index(b"x")) == b"x"


def test_round_trip() -> None:
    entry = IndexEntry(
        "Q1abc=",
        "foo",
        "1-r0",
        *("x86_64", 5, 6, "ünï \udcff", "u", "l", "o", "m", 7, "c", 8),
        depends=("a", "b>1"),
        provides=("so:x=1",),
        install_if=("z",),
    )
    parsed = index.parse_index(index.compress_index(index.format_index([entry], "main v1", 0)))
    assert parsed.entries == (entry,)
    assert parsed.description == "main v1"
    assert entry.file_name == "foo-1-r0.apk"


@pytest.mark.parametrize("content", [b"", b"rubbish", index.compress_index(b"rubbish" * 100)])
def test_damaged_index(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "APKINDEX.tar.gz"
    path.write_bytes(content)
    if content:
        with pytest.raises(RepositoryError, match=r"APKINDEX\.tar\.gz is damaged"):
            index.read_index(path)
    else:
        assert index.read_index(path).entries == ()


def test_truncated_and_headless_index(tmp_path: Path) -> None:
    whole = index.compress_index(index.format_index([IndexEntry("Q1x", "foo", "1-r0")], "D", 0))
    with pytest.raises(RepositoryError, match="damaged"):
        index.parse_index(whole[:-20])
    nameless = index.compress_index(index._tar_member(b"APKINDEX", b"C:Q1x\nV:1\n\n", 0))
    with pytest.raises(RepositoryError, match="no identity, name or version"):
        index.parse_index(nameless)
    with pytest.raises(RepositoryError, match="cannot read"):
        index.read_index(tmp_path / "missing")


def test_providers() -> None:
    foo = IndexEntry("Q1a", "foo", "1.0-r0", provides=("so:libfoo.so.1=1.2", "virtual", "cmd:foo=1.0-r0"))
    foo2 = IndexEntry("Q1b", "foo", "2.0-r0", provides=("so:libfoo.so.2=2.0", "virtual"))
    found = index.Index.of([foo, foo2])
    assert found.providers("so:libfoo.so.1") == ((foo, "1.2"),)
    assert found.providers("virtual") == ((foo, ""), (foo2, ""))
    assert found.providers("nothing") == ()
    assert found.satisfying("foo>=2") == (foo2,)
    assert found.satisfying("foo") == (foo, foo2)
    assert found.satisfying("!foo<2") == (foo,)
    assert found.satisfying("cmd:foo~1.0") == (foo,)
