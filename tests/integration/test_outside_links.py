# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that phases leave lead the program outside nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from buildkit import Place

pytest_plugins = ["buildfixtures"]


LINKS = """
build() {
    rm "$srcdir"/data; ln -s OUTSIDE/file "$srcdir"/data
    ln -s OUTSIDE "$srcdir"/folder; ln -s OUTSIDE "$startdir"/tmp/folder
}
package() { mkdir -p "$pkgdir"/usr; ln -s OUTSIDE "$pkgdir"/usr/lib; ln -s OUTSIDE/file "$pkgdir"/usr/file; }
"""


@pytest.fixture
def outside(place: Place) -> Path:
    folder = place.base / "outside"
    folder.mkdir()
    (folder / "file").write_text("as it was")
    return folder


def contents(folder: Path) -> dict[str, tuple[str, int, int]]:
    """What the files in a folder are like, the folder's own mode and owner too."""
    state = {path.name: (path.read_text(), path.stat().st_mode, path.stat().st_uid) for path in folder.iterdir()}
    return state | {".": ("", folder.stat().st_mode, folder.stat().st_uid)}


def test_links_that_phases_leave_lead_the_program_nowhere(place: Place, outside: Path, sandbox: str) -> None:
    folder = place.recipe(LINKS.replace("OUTSIDE", str(outside)), files={"data": "data"})
    before = contents(outside)
    place.build(folder, "-K", sandbox)
    package = place.package()
    assert {name: package.members[name].linkname for name in ("usr/lib", "usr/file")} == {
        "usr/lib": str(outside),
        "usr/file": f"{outside}/file",
    }
    assert not any(b"as it was" in content for content in package.contents.values())
    for verbs in (("fetch", "unpack", "rootpkg"), ("clean",)):
        place.build(folder, sandbox, *verbs)
        assert contents(outside) == before, verbs
    assert not (folder / "src").exists()


@pytest.mark.parametrize("where", ["$pkgdir", "$pkgbasedir"])
def test_a_link_for_the_whole_tree_is_no_package(place: Place, outside: Path, sandbox: str, where: str) -> None:
    recipe = f'package() {{ rm -rf "{where}" || true; ln -sfn {outside} "{where}"; }}'
    folder = place.recipe(recipe)
    before = contents(outside)
    done = place.run(folder, "-d", "-K", sandbox)
    assert done.status == 1, str(done)
    assert "Traceback" not in done.err
    assert re.search("Missing pkgdir for foo|cannot read the package's folder", done.err), str(done)
    assert not list(place.repodest.rglob("*.apk"))
    place.run(folder, "-d", sandbox, "clean")
    assert contents(outside) == before
