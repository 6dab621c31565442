# SPDX-License-Identifier: GPL-3.0-or-later
"""Zip archives, unpacked."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest
from unpack_samples import MTIME

from abuildpy.errors import UnpackError
from abuildpy.source.unpack import unpack


def zip_entry(name: str, mode: int | None = stat.S_IFREG | 0o644, flag: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2017, 7, 14, 2, 40, 0))
    info.create_system = 3 if mode is not None else 0
    info.external_attr = (mode or 0) << 16
    info.flag_bits |= flag
    return info


def unzip(into: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> None:
    archive = into.parent / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for info, data in members:
            zipped.writestr(info, data)
    assert unpack(archive, into)


def test_zip_contents_modes_and_links(into: Path) -> None:
    unzip(
        into,
        (zip_entry("d/", stat.S_IFDIR | 0o777), b""),
        (zip_entry("d/run", stat.S_IFREG | 0o6775), b"#!"),
        (zip_entry("d/link", stat.S_IFLNK | 0o777), b"run"),
        (zip_entry("dos", None), b"plain"),
        (zip_entry("no/folder/entry"), b"deep"),
    )
    assert stat.S_IMODE((into / "d").stat().st_mode) == 0o755
    assert stat.S_IMODE((into / "d/run").stat().st_mode) == 0o755
    assert os.readlink(into / "d/link") == "run"
    assert stat.S_IMODE((into / "dos").stat().st_mode) == 0o644
    assert (into / "no/folder/entry").read_bytes() == b"deep"


def test_zip_leaves_what_exists(into: Path) -> None:
    (into / "a").write_bytes(b"mine")
    (into / "dangling").symlink_to("nowhere")
    unzip(into, (zip_entry("a"), b"theirs"), (zip_entry("dangling"), b"theirs"), (zip_entry("b"), b"theirs"))
    assert (into / "a").read_bytes() == b"mine"
    assert (into / "dangling").is_symlink()
    assert (into / "b").read_bytes() == b"theirs"


def test_zip_time_from_the_extra_field(into: Path) -> None:
    info = zip_entry("a")
    info.extra = b"UT\x05\x00\x01" + (MTIME + 1).to_bytes(4, "little")
    unzip(into, (info, b"x"))
    assert (into / "a").stat().st_mtime == MTIME + 1


def test_zip_names_in_odd_encodings(into: Path) -> None:
    raw = {b"caf\xe9.txt": 3, "ünï.txt".encode(): 3, b"caf\x82.txt": 0, b"win\\dir\\f": 0}
    archive = into.parent / "a.zip"
    stand_ins = {name: bytes([ord("A") + i]) * len(name) for i, name in enumerate(raw)}
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, system in raw.items():
            zipped.writestr(zip_entry(stand_ins[name].decode(), 0o644 if system else None), b"x")
    data = archive.read_bytes()
    for name, stand_in in stand_ins.items():  # the module writes no such names by itself
        assert data.count(stand_in) == 2
        data = data.replace(stand_in, name)
    archive.write_bytes(data)
    unpack(archive, into)
    found = {
        os.path.relpath(os.path.join(d, f), os.fsencode(into)) for d, _, fs in os.walk(os.fsencode(into)) for f in fs
    }
    assert found == {b"caf\xe9.txt", "ünï.txt".encode(), "café.txt".encode(), b"win/dir/f"}


@pytest.mark.parametrize("name", ["/etc/evil", "../outside/evil", "d/../../outside/evil"])
def test_zip_attacks(into: Path, name: str) -> None:
    with pytest.raises(UnpackError, match=r"refusing.*a\.zip"):
        unzip(into, (zip_entry("ok"), b"x"), (zip_entry(name), b"x"))
    assert not (into.parent / "outside").exists()


def test_zip_links_are_not_followed_outwards(into: Path) -> None:
    outside = into.parent / "outside"
    outside.mkdir()
    with pytest.raises(UnpackError, match="leads outside"):
        unzip(into, (zip_entry("l", stat.S_IFLNK | 0o777), b"../outside"), (zip_entry("l/evil"), b"x"))
    with pytest.raises(UnpackError, match="neither"):
        unzip(into, (zip_entry("p", stat.S_IFIFO | 0o644), b""))
    assert list(outside.iterdir()) == []


METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


@pytest.mark.parametrize("method", METHODS)
def test_zip_methods(into: Path, method: str) -> None:
    contents = {"empty": b"", "small": b"x", "zeros": bytes(5 << 20), "random": os.urandom(3 << 20)}
    archive = into.parent / "a.zip"
    with zipfile.ZipFile(archive, "w", METHODS[method]) as zipped:
        for name, content in contents.items():
            zipped.writestr(name, content)
        zipped.writestr(zip_entry("link", stat.S_IFLNK | 0o777), b"small")
    whole = archive.read_bytes()
    archive.write_bytes(
        b"#!/bin/sh\nexec unzip\n" + whole
    )  # what stands before the first member is none of its business
    assert unpack(archive, into)
    for name, content in contents.items():
        assert (into / name).read_bytes() == content, name
        (into / name).unlink()
    assert os.readlink(into / "link") == "small"
    for at in (whole.index(b"random") + 2_000_000, whole.index(b"PK\1\2") + 16, whole.index(b"random") + 1):
        flipped = bytearray(whole)
        flipped[at] ^= 1
        archive.write_bytes(bytes(flipped))
        fresh = into.parent / f"into-{at}"
        fresh.mkdir()
        with pytest.raises(UnpackError, match=r"a\.zip is damaged"):
            unpack(archive, fresh)


def test_zip_members_that_are_longer_than_listed(into: Path) -> None:
    """No more is written than is listed, and the checksum tells."""
    archive = into.parent / "a.zip"
    for method in METHODS.values():
        with zipfile.ZipFile(archive, "w", method) as zipped:
            zipped.writestr("a", bytes(100_000))
        data = bytearray(archive.read_bytes())
        at = data.index(b"PK\1\2") + 24
        data[at : at + 4] = (50_000).to_bytes(4, "little")
        archive.write_bytes(bytes(data))
        with pytest.raises(UnpackError, match="checksum"):
            unpack(archive, into)
        assert (into / "a").stat().st_size == 50_000
        (into / "a").unlink()


def test_damaged_and_locked_zips(into: Path) -> None:
    unzip(into, (zip_entry("a"), os.urandom(5000)))
    archive = into.parent / "a.zip"
    good = archive.read_bytes()
    (into / "a").unlink()
    flipped = bytearray(good)
    flipped[2000] ^= 1
    locked = bytearray(good)
    locked[good.index(b"PK\x01\x02") + 8] |= 1
    locked[6] |= 1
    for bad in (good[:3000], b"", bytes(flipped), bytes(locked), b"PK\x05\x06" + b"\xff" * 18):
        archive.write_bytes(bad)
        with pytest.raises(UnpackError, match=r"a\.zip is damaged"):
            unpack(archive, into)
        (into / "a").unlink(missing_ok=True)
