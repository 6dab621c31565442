# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from abuildpy.diagnosis.packages import Packages

_PROVIDED = {
    "pc:libusb-1.0": "libusb-dev",
    "pc:zlib": "zlib-dev",
    "pc:libpng": "libpng-dev",
    "pc:libcurl": "curl-dev",
    "pc:x11": "libx11-dev",
    "pc:config": "config-dev",
    "pc:usb": "usb-dev",
    "cmd:bison": "bison",
}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    def providers(wanted: str) -> list[tuple[SimpleNamespace, str]]:
        return [(SimpleNamespace(name=_PROVIDED[wanted]), "")] if wanted in _PROVIDED else []

    known = Packages(tmp_path, tmp_path, "x86_64")
    monkeypatch.setattr(known, "_indexes", [SimpleNamespace(providers=providers)])
    return known


@pytest.mark.parametrize(
    ("kind", "name", "package"),
    [
        ("missing-header", "libusb-1.0/libusb.h", "libusb-dev"),
        ("missing-header", "zlib.h", "zlib-dev"),
        ("missing-header", "png.h", "libpng-dev"),
        ("missing-header", "curl/easy.h", "curl-dev"),
        ("missing-header", "X11/Xlib.h", "libx11-dev"),
        ("missing-program", "bison", "bison"),
        ("missing-pkgconfig", "zlib >= 1.2", "zlib-dev"),
        ("missing-library", "png", "libpng-dev"),
    ],
)
def test_known(packages: Packages, kind: str, name: str, package: str) -> None:
    assert packages(kind, name) == (package,)


@pytest.mark.parametrize(
    ("kind", "name"), [("missing-header", "config.h"), ("missing-header", "nobody/has.h"), ("test-failed", "zlib.h")]
)
def test_not_guessed(packages: Packages, kind: str, name: str) -> None:
    assert packages(kind, name) == ()
