# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of unpacking share."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from abuildpy.source.unpack import unpack

MTIME = 1_500_000_000


def tar(members: Sequence[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def run(into: Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.GNU_FORMAT) -> None:
    archive = into.parent / "a-1.0.tar"
    archive.write_bytes(tar(members, format))
    assert unpack(archive, into)
