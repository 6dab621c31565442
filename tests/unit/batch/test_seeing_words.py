# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for times, sizes and foreign text; and the line of a recipe that a failure belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.batch.model import Reason
from abuildpy.batch.seeing.place import recipe_line, seen_from
from abuildpy.batch.seeing.words import cut, duration, printable, printable_lines, size, some

RECIPE = """\
# a comment
pkgname=a
source="a.tar.gz"
makedepends="b"

prepare() {
	default_prepare
}

build() {
	source=x
	make
}
check() { make check; }
package() { make install; }
sha512sums="0  a.tar.gz"
"""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (100_000, "1d 03h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 KiB"),
        (700 << 10, "700 KiB"),
        (1 << 20, "1.0 MiB"),
        (300 << 20, "300 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 50, "1024 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_foreign_text() -> None:
    assert printable("a\tb\n c\x1b[2J\u202e\udcff é") == "a b c�[2J�� é"
    assert printable_lines("  a\tb\r\nc\rd\0\n") == ["  a     b", "c�d�", ""]
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abc defg", 5) == "abc…"
    assert some(["a", "b", "c"], 3) == "a b c"
    assert some(["a", "b", "c"], 1) == "a … and 2 more"


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("compile", 10),
        ("test", 14),
        ("package", 15),
        ("postcheck", 15),
        ("patch", 6),
        ("fetch", 3),
        ("unpack", 3),
        ("checksum", 16),
        ("dependencies", 4),
        ("internal", 1),
        (None, 1),
    ],
)
def test_places(reason: Reason | None, line: int, tmp_path: Path) -> None:
    (tmp_path / "APKBUILD").write_text(RECIPE)
    assert recipe_line(str(tmp_path / "APKBUILD"), reason) == line


def test_no_place(tmp_path: Path) -> None:
    assert recipe_line(str(tmp_path / "APKBUILD"), "compile") == 1
    (tmp_path / "APKBUILD").write_text("build() {")
    assert recipe_line(str(tmp_path / "APKBUILD"), "compile") == 1


def test_paths_as_the_code_host_knows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree/main").mkdir(parents=True)
    (tmp_path / "link").symlink_to("tree")
    monkeypatch.chdir(tmp_path / "tree/main")
    path = str(tmp_path / "link/main/a")
    assert seen_from(path, {"GITHUB_WORKSPACE": str(tmp_path)}) == "tree/main/a"
    assert seen_from(path, {"CI_PROJECT_DIR": str(tmp_path / "tree")}) == "main/a"
    assert seen_from(path, {"GITHUB_WORKSPACE": str(tmp_path / "other")}) == "a"
    assert seen_from("/elsewhere/a", {}) == "/elsewhere/a"
