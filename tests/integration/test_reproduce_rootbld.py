# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy reproduce --rootbld``, with a stand-in for apk that fills clean roots from this machine."""

from __future__ import annotations

import json
import shutil

import pytest
from rootkit import RootPlace, rooted_recipe

pytest_plugins = ("buildfixtures", "rootfixtures")
pytestmark = pytest.mark.usefixtures("walls")

MODULE = "abuildpy.cli.umbrella"


def test_recipe(rooted: RootPlace) -> None:
    functions = """
        package() {
            mkdir -p "$pkgdir"/usr/share/foo
            date +%H:%M%z -d @1000000000 > "$pkgdir"/usr/share/foo/zone
            pwd > "$pkgdir"/usr/share/foo/path
        }
    """
    folder = rooted_recipe(rooted, functions)
    done = rooted.place.run(folder, "reproduce", "--rootbld", "--json", "--no-bisect", module=MODULE)
    assert done.status == 1, str(done)
    found = json.loads(done.out)
    (file,) = [file for package in found["packages"] for file in package["files"]]
    assert file["path"] == "usr/share/foo/zone"
    assert [cause["cause"] for cause in file["causes"]] == ["zone"]
    told = {each["name"]: each for each in found["variations"]}
    assert told["zone"]["applied"]
    assert not told["host"]["applied"]
    assert "clean root" in told["host"]["how"]
    assert len(rooted.called()) == 2, "each build has a root of its own"
    assert rooted.leftovers() == []
    assert sorted(path.name for path in folder.iterdir()) == ["APKBUILD", "data"]


def test_package_with_its_versions(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    ours.rootbld(folder)
    shutil.rmtree(folder / "src", ignore_errors=True)
    package = ours.place.repository() / "foo-1.0-r0.apk"
    done = ours.place.run(folder, "reproduce", "--rootbld", "--json", str(package), module=MODULE)
    assert done.status == 0, str(done)
    first, second = ours.called()
    assert "=" not in first.rpartition("--root")[2]
    assert second.endswith(" libc=1-r0"), second
    assert "mirror" not in str(json.loads(done.out)["notes"])
