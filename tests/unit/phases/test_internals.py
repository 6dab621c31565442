# SPDX-License-Identifier: GPL-3.0-or-later
"""What recipes call of abuild's own steps, what they redefine, and abuild-meson."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from phase_shell import RUNTIME, Shell, make, shell_in


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell with two packages, foo (the main one) and foo-doc."""
    shell = shell_in(tmp_path)
    make(shell.cwd, "pkg/foo/usr/bin/x", "pkg/foo-doc/y")
    return Shell(
        shell.cwd,
        {
            "pkgname": "foo",
            "pkgarch": "x86_64",
            "CHOST": "x86_64-alpine-linux-musl",
            "subpackages": "foo-dev foo-doc:doc:noarch",
            "pkgbasedir": str(shell.cwd / "pkg"),
            "pkgdir": str(shell.cwd / "pkg/foo"),
        },
    )


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        ("fetch", ["<fetch>"]),
        ("verify", ["<fetch>"]),
        ("default_fetch", ["<fetch>"]),
        ("uri_fetch 'https://x/y z'", ["<uri_fetch> <https://x/y z>"]),
        ("validate", ["<validate>"]),
        ("depends=a; makedepends='b c' deps; undeps", ["<deps> <a> <b c> <>", "<undeps>"]),
        ("checksum", ["<checksum>"]),
        ("stripbin; archcheck; postcheck a b", []),
    ],
)
def test_calls_back(shell: Shell, call: str, calls: list[str]) -> None:
    done = shell(call)
    assert done.returncode == 0, done.stderr
    assert [line[10:] for line in done.stderr.splitlines() if line.startswith("call_back ")] == calls


def test_a_failed_call_back_is_a_failure(shell: Shell) -> None:
    assert shell.status("call_back() { return 1; }; unpack; echo on") == 1


def test_a_recipe_cleans_its_own_way(shell: Shell) -> None:
    done = shell(
        "mkdir -p src/a/b; touch src/a/f; chmod 0 src/a/b; srcdir=$PWD/src; tmpdir=$PWD/tmp;"
        "cleanup_srcdir() { echo mine; default_cleanup_srcdir; }; keep_build=-K cleanup srcdir; ls src; cleanup srcdir; ls -A src"
    )
    assert done.stdout == "a\nmine\n"
    assert "call_back" not in done.stderr


def test_shared_object_helpers(shell: Shell) -> None:
    make(shell.cwd, "pkg/.control.foo/.rpaths", "pkg/.control.foo/.provides-so", "pkg/foo/opt/a b/x", "lib/libz.so")
    (shell.cwd / "pkg/.control.foo/.rpaths").write_text("/opt/a b\n/opt/none\n/usr/lib\n")
    (shell.cwd / "pkg/.control.foo/.provides-so").write_text("so:libfoo.so.1=1.0\n")
    make(shell.cwd, "pkg/foo/usr/lib/l")
    d = str(shell.cwd / "pkg/foo")
    says = shell.says('find_scanelf_paths "$pkgdir"', ldpath="/usr/lib/one:/two")
    assert says == f"{d}/lib:{d}/usr/lib:{d}/usr/lib/one:{d}/two:{d}/opt/a b"
    assert shell.says('find_scanelf_paths "$pkgdir"') == f"{d}/lib:{d}/usr/lib:{d}/opt/a b"
    assert shell.says("real_so_path libz.so /nowhere lib") == str(shell.cwd / "lib/libz.so")
    done = shell("real_so_path libq.so lib")
    assert done.returncode == 1 and "libq.so: path not found" in done.stderr
    assert shell.status("subpkg_provides_so libfoo.so.1") == 0
    assert shell.status("subpkg_provides_so libfoo.so") == 1
    assert shell.status("subpkg_provides_pc foo") == 1


# --- abuild-meson -------------------------------------------------------------------------------------------------


def meson(folder: Path, *arguments: str, **environment: str) -> list[str]:
    """What abuild-meson, called in the folder, gives to meson."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/meson").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (folder / "bin/meson").chmod(0o755)
    done = subprocess.run(
        [RUNTIME / "bin/abuild-meson", *arguments],
        cwd=folder,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_meson_puts_our_arguments_before_the_recipes(tmp_path: Path) -> None:
    arguments = meson(tmp_path, "-Db_lto=true", "--prefix=/opt x", ".", "output", CHOST="a-b", CBUILD="a-b")
    assert arguments[0] == "setup"
    assert arguments[-4:] == ["-Db_lto=true", "--prefix=/opt x", ".", "output"]
    for wanted in "--prefix=/usr", "--buildtype=plain", "--wrap-mode=nodownload", "-Db_lto=false", "--libdir=/usr/lib":
        assert wanted in arguments[:-4]
    assert not [a for a in arguments if a.startswith("--cross-file")]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin"]


@pytest.mark.parametrize(
    ("host", "family", "endian"),
    [
        ("aarch64-alpine-linux-musl", "aarch64", "little"),
        ("armv7-alpine-linux-musleabihf", "arm", "little"),
        ("i586-alpine-linux-musl", "x86", "little"),
        ("powerpc64le-alpine-linux-musl", "ppc64", "little"),
        ("s390x-alpine-linux-musl", "s390x", "big"),
        ("riscv64-alpine-linux-musl", "riscv64", "little"),
    ],
)
def test_meson_cross_file(tmp_path: Path, host: str, family: str, endian: str) -> None:
    environment = {"CBUILD": "x86_64-alpine-linux-musl", "CHOST": host, "CROSS_COMPILE": f"{host}-"}
    arguments = meson(tmp_path, "output", **environment, CBUILDROOT="/root/sysroot/")
    assert "--cross-file=abuild-meson.cross" in arguments
    text = (tmp_path / "abuild-meson.cross").read_text()
    for line in (
        f"c = '{host}-gcc'",
        f"strip = '{host}-strip'",
        f"cpu_family = '{family}'",
        f"endian = '{endian}'",
        "sys_root = '/root/sysroot'",
    ):
        assert line in text.splitlines()


def test_meson_itself_takes_it(tmp_path: Path) -> None:
    real = subprocess.run(["sh", "-c", "command -v meson"], capture_output=True, text=True, check=False).stdout.strip()
    if not real:
        pytest.skip("needs meson")
    (tmp_path / "meson.build").write_text("project('x')\nassert(get_option('sysconfdir') == '/etc')\n")
    done = subprocess.run(
        [RUNTIME / "bin/abuild-meson", "-Dwarning_level=2", ".", "output"],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k not in ("CHOST", "CBUILD")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
