# SPDX-License-Identifier: GPL-3.0-or-later
"""Small apk files, made member by member, so that damage can be done to any part."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def tar(files: Mapping[str, bytes], *, cut: bool) -> bytes:
    """A tar of the files, in abuild's way (pax records with every entry); ``cut``: without the end blocks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.uname = member.gname = "root"
            member.pax_headers = {"ctime": "0", "atime": "0"}
            archive.addfile(member, io.BytesIO(content))
    size = archive.offset
    end = buffer.getvalue()
    return end[: size - 1024] if cut and end[size - 1024 : size] == bytes(1024) else end


def member(files: Mapping[str, bytes], *, cut: bool = True) -> bytes:
    return gzip.compress(tar(files, cut=cut), mtime=0)


@dataclass
class Log:
    lines: list[tuple[str, str]] = field(default_factory=list)

    def __getattr__(self, kind: str) -> Callable[[str], None]:
        if kind not in ("msg", "msg2", "warning", "warning2", "error", "error2", "plain"):
            raise AttributeError(kind)
        return lambda text: self.lines.append((kind, text))

    def of(self, kind: str) -> list[str]:
        return [text for k, text in self.lines if k == kind]


MakeApk = Callable[..., Path]
"""The fixture that writes an apk file; its parameters are in conftest.py."""
