# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages compared to the byte: nothing but the signature is left aside."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from abuildpy.maintain.reproduce.compare import Compared, compare

FILES = {"usr": None, "usr/a": b"one", "usr/b": b"two"}


def _part(files: Mapping[str, bytes | None], *, cut: bool, level: int = 9, mtime: int = 0, **more: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime = mtime
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            if name == "usr/a":
                for key, value in more.items():
                    setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content or b"") if member.isreg() else None)
        end = archive.offset
    return gzip.compress(buffer.getvalue()[:end] if cut else buffer.getvalue(), level, mtime=0)


def _compared(
    tmp_path: Path,
    files: Mapping[str, bytes | None] = FILES,
    *,
    key: bytes = b"x",
    info: str = "pkgname = foo\nsize = 1\ndatahash = 1\n",
    scripts: Sequence[str] = (),
    **more: object,
) -> Compared:
    """A package compared with one that is changed in something."""
    paths = []
    for number in range(2):
        changed = number == 1
        text = info if changed else "pkgname = foo\nsize = 2\ndatahash = 2\n"
        control: dict[str, bytes | None] = {".PKGINFO": text.encode()}
        control |= {name: b"#!/bin/sh\n" for name in scripts if changed}
        parts = [
            _part({".SIGN.RSA.me.rsa.pub": key if changed else b"x"}, cut=True),
            _part(control, cut=True),
            _part(files if changed else FILES, cut=False, **(more if changed else {})),  # type: ignore[arg-type]
        ]
        paths.append(tmp_path / f"{number}.apk")
        paths[-1].write_bytes(b"".join(parts))
    return compare(*paths)


def _told(compared: Compared) -> dict[str, tuple[str, ...]]:
    return {pair.path: pair.what for pair in compared.files}


def test_the_signature_is_left_aside(tmp_path: Path) -> None:
    found = _compared(tmp_path, key=b"another", info="pkgname = foo\nsize = 2\ndatahash = 2\n")
    assert (found.total, found.files, found.note) == (3, (), "")


def test_files(tmp_path: Path) -> None:
    found = _compared(tmp_path, {"usr": None, "usr/a": b"other", "usr/c": b""})
    assert _told(found) == {"usr/a": ("content",), "usr/b": ("missing",), "usr/c": ("new",)}
    assert found.files[0].contents == (b"one", b"other")


def test_what_is_beside_the_content(tmp_path: Path) -> None:
    assert _told(_compared(tmp_path, mode=0o600)) == {"usr/a": ("mode",)}
    assert _told(_compared(tmp_path, uid=5)) == {"usr/a": ("owner",)}
    assert _told(_compared(tmp_path, uname="me")) == {"usr/a": ("owner",)}
    capability = {"SCHILY.xattr.security.capability": "x"}
    assert _told(_compared(tmp_path, pax_headers=capability)) == {"usr/a": ("capability",)}
    link = _told(_compared(tmp_path, type=tarfile.SYMTYPE, linkname="b", size=0))
    assert link == {"usr/a": ("kind", "content", "target")}


def test_control(tmp_path: Path) -> None:
    """What follows from the data part is no difference of its own."""
    found = _compared(tmp_path, info="pkgname = foo\nsize = 3\ndatahash = 3\ndepend = x\n", scripts=[".post-install"])
    assert _told(found) == {".PKGINFO": ("control",), ".post-install": ("new",)}
    assert found.files[0].contents == (b"pkgname = foo\n", b"pkgname = foo\ndepend = x\n")


def test_the_wrapping(tmp_path: Path) -> None:
    assert "compressed" in _compared(tmp_path, level=1).note
    assert "time" in _compared(tmp_path, mtime=5).note
    assert "order" in _compared(tmp_path, dict(reversed(FILES.items()))).note
    assert all(not _compared(tmp_path, **how).files for how in ({"level": 1}, {"mtime": 5}))  # type: ignore[arg-type]
