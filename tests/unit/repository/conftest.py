# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from apk_samples import Log, MakeApk, member


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make_apk(tmp_path: Path) -> MakeApk:
    def make(
        name: str = "foo",
        version: str = "1.0-r0",
        *lines: str,
        folder: Path | None = None,
        files: Mapping[str, bytes] | None = None,
        scripts: Mapping[str, bytes] | None = None,
        sign: Callable[[bytes], tuple[str, bytes]] | None = None,
        datahash: bool = True,
        file_name: str | None = None,
    ) -> Path:
        data = member(files or {"usr/share/foo": b"hello\n"}, cut=False)
        info = [f"pkgname = {name}", f"pkgver = {version}", "arch = x86_64", *lines]
        if datahash:
            info.append(f"datahash = {hashlib.sha256(data).hexdigest()}")
        control = member({".PKGINFO": "".join(f"{i}\n" for i in info).encode(), **(scripts or {})})
        parts = [control, data]
        if sign is not None:
            key, value = sign(control)
            parts.insert(0, member({key: value}))
        path = (folder or tmp_path) / (file_name or f"{name}-{version}.apk")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(parts))
        return path

    return make


@pytest.fixture
def apk() -> str:
    """The real apk (tests that use it are marked needs_apk)."""
    program = shutil.which("apk")
    if program is None:
        pytest.skip("apk is not installed")
    return program
