# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of a recipe that a failure belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.batch.model import Reason
from abuildpy.batch.seeing.place import recipe_line, seen_from

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
