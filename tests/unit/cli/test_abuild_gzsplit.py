# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from programs import RawResult, run_module


def part(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return gzip.compress(buffer.getvalue())


def run(folder: Path, data: bytes) -> RawResult:
    return run_module("abuild_gzsplit", data=data, folder=folder)


def test_parts_in_the_current_folder(tmp_path: Path) -> None:
    signature, control, data = part(".SIGN.RSA.x"), part(".PKGINFO"), part("etc/foo")
    assert run(tmp_path, signature + control + data) == (0, b"", b"")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "signatures.tar.gz": signature,
        "control.tar.gz": control,
        "data.tar.gz": data,
    }


def test_failures(tmp_path: Path) -> None:
    for data, wanted, text in (
        (b"", 1, b"Failed to inflate"),
        (b"rubbish", 1, b"Failed to inflate"),
        (part("a") + part("b"), 2, b".PKGINFO"),
    ):
        status, out, err = run(tmp_path, data)
        assert (status, out) == (wanted, b"")
        assert text in err
        assert err.startswith(b"abuild-gzsplit: ")
        assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []
