# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import abuildpy

TOP = Path(abuildpy.__file__).parents[1]


def part(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return gzip.compress(buffer.getvalue())


def run(folder: Path, data: bytes) -> tuple[int, bytes, bytes]:
    command = [sys.executable, "-m", "abuildpy.cli.abuild_gzsplit"]
    env = {**os.environ, "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, input=data, capture_output=True, check=False, cwd=folder, env=env)
    return done.returncode, done.stdout, done.stderr


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
        assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []
