# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of habits share."""

from __future__ import annotations

from pathlib import Path

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share/foo; echo > "$pkgdir"/usr/share/foo/a; }\n'


def append(folder: Path, text: str) -> None:
    """Adds to a recipe."""
    with open(folder / "APKBUILD", "a", encoding="utf-8") as file:
        file.write(text)
