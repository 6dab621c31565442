# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of recipes for comparing what they say: their functions run without sources and tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
import said

RECIPE = """\
pkgname=tool
subpackages="$pkgname-extra:_extra $pkgname-perl"
source="tool.tar.gz"
build() {
	exit 3
}
package() {
	make DESTDIR="$pkgdir" install
	install -Dm755 no-such-file "$pkgdir"/usr/bin/tool
	depends="$depends said"
}
_extra() {
	pkgdesc="extra things"
	amove usr/share/extra
}
perl() {
	pkgdesc="a split function with a program's name"
}
"""


def tree_of(base: Path) -> Path:
    """Three recipes, one of them without subpackages."""
    for name in ("main/a", "main/b", "main/plain"):
        folder = base / "aports" / name
        folder.mkdir(parents=True)
        text = RECIPE if not name.endswith("plain") else "pkgname=plain\npackage() { :; }\n"
        (folder / "APKBUILD").write_text(text)
        for file in ("tool.post-install", "tool.trigger", "tool.tar.gz"):
            (folder / file).touch()
    return base / "aports"


def test_functions_say_what_they_say_without_sources(tmp_path: Path) -> None:
    recipe = tmp_path / "APKBUILD"
    recipe.write_bytes(said.copied(RECIPE.encode()))
    script = (
        'set -e; . "$1"; pkgdir=$2/pkg; package; build; echo "$depends|$source|$arch|$options"\n'
        'subpkgdir=$2/extra; _extra; echo "$pkgdesc"; subpkgdir=$2/perl; perl; echo "$pkgdesc"\n'
    )
    done = subprocess.run(
        ["busybox", "ash", "-c", script, "ash", recipe, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        " said||noarch| !check !fhs !archcheck",
        "extra things",
        "a split function with a program's name",
    ]
    assert all((tmp_path / name).is_dir() for name in ("pkg", "extra", "perl"))


def test_recipes_with_subpackages_are_copied_with_their_scripts(tmp_path: Path) -> None:
    tree, copies = tree_of(tmp_path), tmp_path / "copies"
    assert said.main([str(copies), str(tree)]) == 0
    assert sorted((copies / "list").read_text().split()) == ["main/a", "main/b"]
    assert sorted(file.name for file in (copies / "main/a").iterdir()) == [
        "APKBUILD",
        "tool.post-install",
        "tool.trigger",
    ]
    assert said.main(["--count=1", str(tmp_path / "one"), str(tree)]) == 0
    assert len((tmp_path / "one/list").read_text().split()) == 1


def test_what_is_there_already_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tree_of(tmp_path)
    assert said.main([str(tree), str(tree)]) == 2
    assert "is there already" in capsys.readouterr().err
