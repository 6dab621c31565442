# SPDX-License-Identifier: GPL-3.0-or-later
"""Many builds at once into one repository: all succeed, and whoever comes last leaves an index that lists them all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from buildkit import Package, Place, finish

from abuildpy.repository import apkfile

pytest_plugins = ["buildfixtures"]

BUILDS = 16
NEIGHBOURS = 4


def _recipe(place: Place, name: str, number: int) -> Path:
    """A recipe with a subpackage; some have sources, so that not all of them are at the same step at the same time."""
    files = {f"{name}.txt": f"{name}\n" * 1000} if number % 3 == 0 else None
    functions = f"""
        package() {{ mkdir -p "$pkgdir"/usr/share; echo {name} > "$pkgdir"/usr/share/{name}; }}
        more() {{ mkdir -p "$subpkgdir"/usr/share; echo more > "$subpkgdir"/usr/share/{name}-more; }}
    """
    return place.recipe(functions, name=name, files=files, subpackages=f"{name}-more:more")


def test_sixteen_builds_into_one_repository(place: Place) -> None:
    """Four of the twenty share a source, which each of them wants to fetch."""
    folders = [_recipe(place, f"one{number:02}", number) for number in range(BUILDS)]
    shared = place.base / "upstream" / "shared-1.bin"
    shared.parent.mkdir()
    shared.write_bytes(os.urandom(1 << 20))
    for number in range(NEIGHBOURS):
        folders.append(
            place.recipe(
                'package() { install -Dm644 "$srcdir"/shared-1.bin "$pkgdir"/usr/share/$pkgname; }',
                name=f"next{number}",
                sums=f"{hashlib.sha512(shared.read_bytes()).hexdigest()}  shared-1.bin\n",
                source="shared-1.bin::https://127.0.0.1:9/shared-1.bin",
            )
        )
    environment = {"DISTFILES_MIRROR": str(shared.parent), "TMPDIR": str(place.base / "tmpdir")}
    (place.base / "tmpdir").mkdir()
    processes = [place.start(folder, "-d", env=environment) for folder in folders]
    for process in processes:
        done = finish(process)
        assert done.status == 0, str(done)
        assert not done.errors, str(done)

    names = {f"one{number:02}{suffix}" for number in range(BUILDS) for suffix in ("", "-more")}
    names |= {f"next{number}" for number in range(NEIGHBOURS)}
    _assert_exact(place, names)
    assert sorted(os.listdir(place.base / "distfiles")) == ["shared-1.bin"]
    assert os.listdir(place.base / "tmpdir") == []
    cache = place.home / ".cache/abuildpy/recipes"
    assert [name for name in os.listdir(cache) if "." in name] == []
    assert len(os.listdir(cache)) == len(folders)


def _assert_exact(place: Place, names: set[str]) -> None:
    """The repository holds these packages, whole and signed, its index lists exactly them, and there is nothing else."""
    folder = place.repository()
    index = place.index()
    assert set(index) == names
    of_a_package, of_a_build = ("apk", "spdx.json"), ("buildinfo.json", "provenance.json")
    assert set(os.listdir(folder)) == {
        "APKINDEX.tar.gz",
        *(f"{name}-1.0-r0.{kind}" for name in names for kind in of_a_package),
        *(f"{index[name].origin}-1.0-r0.{kind}" for name in names for kind in of_a_build),
    }
    keys = {place.public.name: place.public.read_bytes()}
    for name in names:
        apk = Package.read(folder / f"{name}-1.0-r0.apk").apk
        assert apkfile.is_signed_by(apk, keys), name
        assert apk.identity == index[name].identity, name
