# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from programs import Run

from abuildpy.cli import checkapk

PROGRAM = checkapk

RECIPE = """\
pkgname=foo
pkgver=1.1
pkgrel=0
arch=all
subpackages="$pkgname-doc"
package() { :; }
doc() { :; }
"""

APK = """\
#!/bin/sh
for name; do :; done
case "$*" in
*--simulate*) [ ! -f {repo}/$name.version ] || echo "Downloading $name-$(cat {repo}/$name.version)";;
*) cat {repo}/$name.apk;;
esac
"""


def write_apk(path: Path, version: str, size: int, files: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.removesuffix(".apk").removesuffix(f"-{version}")
    parts = []
    info = f"pkgname = {name}\npkgver = {version}\nsize = {size}\n".encode()
    for members in ({".PKGINFO": info}, dict.fromkeys(files, b"")):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for member, content in members.items():
                entry = tarfile.TarInfo(member)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        parts.append(gzip.compress(buffer.getvalue()))
    path.write_bytes(b"".join(parts))


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a recipe, to work in; an apk that knows what is published."""
    recipe, programs = tmp_path / "main/foo", tmp_path / "programs"
    for folder in (recipe, programs, tmp_path / "remote"):
        folder.mkdir(parents=True)
    (recipe / "APKBUILD").write_text(RECIPE)
    (programs / "apk").write_text(APK.format(repo=tmp_path / "remote"))
    (programs / "apk").chmod(0o755)
    monkeypatch.setenv("REPODEST", str(tmp_path / "packages"))
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.chdir(recipe)
    return recipe


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "packages/main/x86_64"
    write_apk(folder / "foo-1.1-r0.apk", "1.1-r0", 20000, ["usr/bin/foo", "usr/lib/libfoo.so.2"])
    write_apk(folder / "foo-doc-1.1-r0.apk", "1.1-r0", 100, ["usr/share/man/foo.1.gz"])
    return folder


def publish(remote: Path, name: str, version: str, size: int, files: Sequence[str]) -> None:
    (remote / f"{name}.version").write_text(version)
    write_apk(remote / f"{name}.apk", version, size, files)


def test_help_and_usage(run: Run) -> None:
    status, out, err = run("--he")
    assert (status, "Usage: checkapk" in out, err) == (0, True, "")
    for argument in ("--invalid", "-x", "foo"):
        status, out, err = run(argument)
        assert (status, out, "Usage: checkapk" in err) == (2, "", True)


def test_what_changed(run: Run, built: Path, tmp_path: Path) -> None:
    publish(tmp_path / "remote", "foo", "1.0-r4", 9999, ["usr/bin/foo", "usr/lib/libfoo.so.1"])
    publish(tmp_path / "remote", "foo-doc", "1.0-r4", 100, ["usr/share/man/foo.1.gz"])
    status, out, err = run()
    assert status == 0
    assert out == (
        "--- filelist-foo-old\tfoo-1.0-r4\n+++ filelist-foo-new\tfoo-1.1-r0\n@@ -1,3 +1,3 @@\n .PKGINFO\n usr/bin/foo\n"
        "-usr/lib/libfoo.so.1\n+usr/lib/libfoo.so.2\nSODIFF:\n"
    )
    assert err.endswith(
        ">>> Size difference for foo: 9999 B -> 19 KiB\n"
        ">>> No size differences for foo-doc.\n>>> No soname differences for foo-doc.\n"
    )


def test_published_already(run: Run, built: Path, tmp_path: Path) -> None:
    publish(tmp_path / "remote", "foo", "1.1-r0", 1, [])
    status, out, err = run()
    assert (status, out) == (1, "")
    assert ">>> ERROR: the built package (foo) is already in the repo\n" in err


def test_a_new_package_and_one_that_cannot_be_read(run: Run, built: Path, tmp_path: Path) -> None:
    (tmp_path / "remote/foo-doc.apk").write_text("rubbish")
    status, out, err = run()
    assert status == 0
    assert "+usr/bin/foo\n" in out
    assert "+usr/share/man/foo.1.gz\n" in out
    assert ">>> Size difference for foo: none -> 19 KiB\n    Old apk for foo missing." in err
    assert "    Old apk for foo-doc cannot be read: " in err


def test_without_any_apk(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APK", "no-such-apk")
    assert run()[0] == 0


def test_packages_beside_the_recipe(run: Run, built: Path, tmp_path: Path) -> None:
    for apk in built.iterdir():
        apk.rename(tmp_path / "main/foo" / apk.name)
    assert run()[0] == 0


def test_a_package_that_was_not_built(run: Run, built: Path) -> None:
    (built / "foo-doc-1.1-r0.apk").unlink()
    status, _, err = run()
    assert (status, ">>> ERROR: can't find foo-doc-1.1-r0.apk\n" in err) == (1, True)


def test_a_damaged_package(run: Run, built: Path) -> None:
    (built / "foo-1.1-r0.apk").write_bytes(b"x")
    status, _, err = run()
    assert (status, "foo-1.1-r0.apk is not a usable apk file" in err) == (1, True)


def test_where_it_must_not_be_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run()
    assert (status, out) == (1, "")
    assert ">>> ERROR: must be run in the directory of a built package\n" in err
    monkeypatch.setenv("ABUILD_DEFCONF", "/dev/null")
    status, out, err = run()
    assert (status, out) == (1, "")
    assert ">>> ERROR: no abuild.conf found\n" in err
