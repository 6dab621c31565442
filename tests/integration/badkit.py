# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of bad input share."""

from __future__ import annotations

from pathlib import Path

from abuildpy.records.names import SUFFIXES

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share/foo; echo > "$pkgdir"/usr/share/foo/a; }\n'


def replace(folder: Path, old: str, new: str) -> None:
    """Changes a recipe."""
    text = (folder / "APKBUILD").read_text()
    assert old in text
    (folder / "APKBUILD").write_text(text.replace(old, new))


def left_in(repository: Path) -> list[str]:
    """What lies in a repository and is no package, no index, and no record of one that is there."""
    found = [p for p in repository.rglob("*") if p.is_file() and p.suffix != ".apk" and p.name not in KNOWN]
    records = {p for p in found for suffix in SUFFIXES if p.with_name(f"{p.name.removesuffix(suffix)}.apk").is_file()}
    return [p.name for p in found if p not in records]


KNOWN = {"APKINDEX.tar.gz", ".abuildpy.lock"}


def is_shell(pid: int, script: str) -> bool:
    """Whether a process is BusyBox ash running one of our scripts."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"busybox" in words[0] and any(word.endswith(script.encode()) for word in words[:4])
