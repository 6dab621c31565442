# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest
from apk_samples import member

from abuildpy.errors import RepositoryError
from abuildpy.repository import apksplit
from abuildpy.repository.apksplit import NoControlPart, split_apk

SIGNATURE = member({".SIGN.RSA.me.rsa.pub": b"signature"})
SECOND = member({".SIGN.RSA256.you.rsa.pub": b"signature"})
CONTROL = member({".PKGINFO": b"pkgname = foo\n", ".post-install": os.urandom(3000)})
DATA = member({"usr/bin/foo": os.urandom(5000), "usr/bin/.PKGINFO": b""}, cut=False)


def split(data: bytes, folder: Path) -> dict[str, bytes]:
    split_apk(io.BytesIO(data), folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
def test_parts_are_as_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(apksplit, "_READ", piece)
    assert split(SIGNATURE + CONTROL + DATA, tmp_path) == {
        "signatures.tar.gz": SIGNATURE,
        "control.tar.gz": CONTROL,
        "data.tar.gz": DATA,
    }


def test_old_packages_have_plain_headers(tmp_path: Path) -> None:
    def plain(name: str) -> bytes:
        block = bytearray(512)
        block[: len(name)] = name.encode()
        return gzip.compress(bytes(block))

    parts = plain(".SIGN.RSA.x"), plain(".PKGINFO"), plain("etc/foo")
    assert (
        tuple(split(b"".join(parts), tmp_path)[f"{name}.tar.gz"] for name in ("signatures", "control", "data")) == parts
    )


def test_gnu_tar_names_extended_headers_after_the_file(tmp_path: Path) -> None:
    huge = bytearray(512)
    huge[:24], huge[156:157], huge[124:136] = b"./PaxHeaders/.PKGINFO\0\0\0", b"x", b"77777777777\0"
    control = gzip.compress(bytes(huge))
    assert split(control, tmp_path) == {"control.tar.gz": control}


def test_all_signatures_are_kept(tmp_path: Path) -> None:
    assert split(SIGNATURE + SECOND + CONTROL, tmp_path)["signatures.tar.gz"] == SIGNATURE + SECOND


def test_data_alone_will_do(tmp_path: Path) -> None:
    assert split(DATA, tmp_path) == {"data.tar.gz": DATA}
    (tmp_path / "data.tar.gz").unlink()
    empty = gzip.compress(b"")
    assert split(empty, tmp_path) == {"data.tar.gz": empty}


def test_older_parts_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.tar.gz").write_bytes(b"old")
    assert split(DATA, tmp_path) == {"data.tar.gz": DATA}


def test_files_have_the_rights_that_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        split(DATA, tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "data.tar.gz").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", CONTROL[:-4], CONTROL + b"tail", DATA[:20], CONTROL[:50] + b"\xff" * 60 + CONTROL[110:]],
    ids=["empty", "rubbish", "cut short", "rubbish after", "barely begun", "damaged"],
)
def test_damage_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "control.tar.gz").write_bytes(b"old")
    with pytest.raises(RepositoryError, match="Failed to inflate") as caught:
        split(data, tmp_path)
    assert caught.value.exit_status == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"control.tar.gz": b"old"}


@pytest.mark.parametrize("data", [DATA + DATA, CONTROL + DATA + DATA, CONTROL + CONTROL])
def test_a_part_too_many(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NoControlPart) as caught:
        split(data, tmp_path)
    assert caught.value.exit_status == 2
    assert list(tmp_path.iterdir()) == []
