# SPDX-License-Identifier: GPL-3.0-or-later
"""The default split functions, on small real trees."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from phase_shell import Shell, make, shell_in, tree

SAY = '; echo "=$depends=$pkgdesc=$install_if="'


@pytest.fixture
def packages(tmp_path: Path) -> Shell:
    """A shell in pkgdir, which is there (``cwd``); the subpackage's folder ``../sub`` is not."""
    shell = shell_in(tmp_path)
    pkgdir = shell.cwd / "foo"
    pkgdir.mkdir()
    return Shell(
        pkgdir,
        {
            "pkgname": "foo",
            "pkgver": "1.2",
            "pkgrel": "3",
            "pkgdesc": "A thing",
            "depends": "mine",
            "pkgbasedir": str(shell.cwd),
            "pkgdir": str(pkgdir),
            "subpkgdir": str(shell.cwd / "sub"),
        },
    )


def sub(shell: Shell) -> Path:
    return shell.cwd.parent / "sub"


TABLE = [
    # split, subpackage, files, of these moved, depends, pkgdesc, install_if
    (
        "doc",
        "bar-doc",
        ["usr/share/doc/a", "usr/share/info/dir", "usr/share/info/x", "usr/share/help/h", "usr/share/x"],
        ["usr/share/doc/a", "usr/share/help/h", "usr/share/info/x"],
        ("need-doc", "A thing (documentation)", "docs foo=1.2-r3"),
    ),
    (
        "lang",
        "bar-lang",
        ["usr/share/locale/de/x", "usr/share/x"],
        ["usr/share/locale/de/x"],
        ("need-lang", "Languages for package foo", "foo=1.2-r3 lang"),
    ),
    (
        "openrc",
        "bar-openrc",
        ["etc/init.d/a", "etc/conf.d/a", "etc/user/init.d/b", "etc/other"],
        ["etc/conf.d/a", "etc/init.d/a", "etc/user/init.d/b"],
        ("need-openrc", "A thing (OpenRC init scripts)", "openrc bar=1.2-r3"),
    ),
    (
        "systemd",
        "bar-systemd",
        ["usr/lib/systemd/system/a", "usr/lib/x"],
        ["usr/lib/systemd/system/a"],
        ("need-systemd", "A thing (systemd files)", "systemd bar=1.2-r3"),
    ),
    (
        "udev",
        "bar-udev",
        ["usr/lib/udev/rules.d/a", "usr/lib/x"],
        ["usr/lib/udev/rules.d/a"],
        ("need-udev", "A thing (udev rules)", "udev bar=1.2-r3"),
    ),
    (
        "devhelp",
        "bar-devhelp",
        ["usr/share/devhelp/a", "x"],
        ["usr/share/devhelp/a"],
        ("", "foo - devhelp files", "foo=1.2-r3 devhelp"),
    ),
    (
        "bashcomp",
        "bar-bash-completion",
        ["usr/share/bash-completion/completions/a", "usr/share/bash-completion/x"],
        ["usr/share/bash-completion/completions/a"],
        ("", "Bash completions for foo", "bar=1.2-r3 bash-completion"),
    ),
    (
        "zshcomp",
        "bar-zsh-completion",
        ["usr/share/zsh/site-functions/_a", "usr/share/zsh/x"],
        ["usr/share/zsh/site-functions/_a"],
        ("", "Zsh completions for foo", "bar=1.2-r3 zsh"),
    ),
    (
        "fishcomp",
        "bar-fish-completion",
        ["usr/share/fish/vendor_completions.d/a", "usr/share/fish/completions/b", "usr/share/fish/x"],
        ["usr/share/fish/completions/b", "usr/share/fish/vendor_completions.d/a"],
        ("", "Fish completions for foo", "bar=1.2-r3 fish"),
    ),
    (
        "pyc",
        "bar-pyc",
        ["usr/lib/python3.12/a b/__pycache__/x", "usr/lib/python3.12/__pycache__/y", "usr/lib/q/__pycache__/z"],
        ["usr/lib/python3.12/__pycache__/y", "usr/lib/python3.12/a b/__pycache__/x"],
        ("", "Precompiled Python bytecode for bar", "bar=1.2-r3 pyc"),
    ),
    (
        "nftrules",
        "bar-nftrules",
        ["usr/share/nftables.avail/a.nft", "usr/share/nftables.avail/b"],
        ["usr/share/nftables.avail/a.nft"],
        ("", "A thing (nftables ruleset)", "nftables-rulesets bar=1.2-r3"),
    ),
    (
        "libs",
        "bar-libs",
        ["lib/libx.so.1", "usr/lib/liby.so.2.0", "usr/lib/libz.so", "usr/lib/other.so.1", "usr/lib/d/libx.so.1"],
        ["lib/libx.so.1", "usr/lib/liby.so.2.0"],
        ("need-libs", "A thing (libraries)", ""),
    ),
    (
        "static",
        "bar-static",
        ["usr/lib/a b/c.a", "lib/d.a", "usr/x.a", "usr/lib/e"],
        ["lib/d.a", "usr/lib/a b/c.a"],
        ("need-static", "A thing (static library)", ""),
    ),
]


@pytest.mark.parametrize(("split", "name", "files", "moved", "says"), TABLE, ids=[row[0] for row in TABLE])
def test_table(
    packages: Shell, split: str, name: str, files: list[str], moved: list[str], says: tuple[str, str, str]
) -> None:
    make(packages.cwd, *files)
    needs = {f"depends_{split}": f"need-{split}"}
    output = packages.says(split + SAY, subpkgname=name, **needs)
    assert output.splitlines()[-1] == "=" + "=".join(says) + "="
    assert tree(sub(packages)) == moved
    left = [f for f in files if f not in moved and f != "usr/share/info/dir"]
    assert tree(packages.cwd) == sorted(left)


@pytest.mark.parametrize("split", ["doc", "libs", "openrc", "systemd", "udev", "fishcomp", "nftrules", "pyc", "dev"])
def test_nothing_to_move_is_no_error_here(packages: Shell, split: str) -> None:
    packages.says(split, subpkgname="bar")
    assert not sub(packages).exists()


@pytest.mark.parametrize("split", ["lang", "devhelp", "bashcomp", "zshcomp"])
def test_nothing_to_move_is_an_error_here(packages: Shell, split: str) -> None:
    assert packages.status(split, subpkgname="bar") == 1


def test_a_recipe_may_call_the_default(packages: Shell) -> None:
    make(packages.cwd, "usr/share/locale/x", "loc/y")
    says = packages.says("lang() { langdir=/loc; default_lang; pkgdesc=own; }; lang" + SAY, subpkgname="foo-lang")
    assert says.endswith("==own=foo=1.2-r3 lang=")
    assert tree(sub(packages)) == ["loc/y"]


def test_fish_warns_of_the_old_folder(packages: Shell) -> None:
    make(packages.cwd, "usr/share/fish/vendor_completions.d/a")
    assert "WARNING" not in packages("fishcomp", subpkgname="foo-fish-completion").stderr
    make(packages.cwd, "usr/share/fish/completions/a")
    done = packages("fishcomp", subpkgname="foo-fish-completion")
    assert done.returncode == 0 and "WARNING: fish completions for programs should be" in done.stderr


def test_static_needs_its_headers(packages: Shell) -> None:
    make(packages.cwd, "usr/lib/a.a")
    script = "static" + SAY
    with_dev = {"subpackages": "foo-static foo-dev", "subpkgname": "foo-static"}
    assert packages.says(script, **with_dev).splitlines()[-1].startswith("=foo-dev=")
    assert packages.says(script, **(with_dev | {"subpkgname": "foo-libs-static"})).startswith("=foo-dev=")
    assert packages.says(script, **(with_dev | {"subpackages": "foo-static"})).startswith("==")


def test_dev(packages: Shell) -> None:
    moved = [
        "include/top.h",
        "lib/liba.a",
        "usr/bin/foo-config",
        "usr/include/foo.h",
        "usr/include/sub/bar",
        "usr/lib/cmake/x",
        "usr/lib/foo/include/data",
        "usr/lib/foo/with blank.h",
        "usr/lib/glade/modules/x",
        "usr/lib/libb.a",
        "usr/lib/pkgconfig/x.pc",
        "usr/lib/q.prl",
        "usr/lib/qt6/mkspecs/x",
        "usr/lib/crt1.o",
        "usr/share/aclocal/x",
        "usr/share/cmake/x",
        "usr/share/gettext/x",
        "usr/share/gir-1.0/x",
        "usr/share/glade/catalogs/x",
        "usr/share/pkgconfig/x.pc",
        "usr/share/qt5/mkspecs/x",
        "usr/share/src/main.c",
        "usr/share/vala/vapi/x",
    ]
    left = ["etc/main.c", "usr/bin/foo", "usr/lib/libb.so.1", "usr/lib/plugin.so", "usr/share/vala/x", "x.h"]
    make(packages.cwd, *moved, *left)
    (packages.cwd / "usr/lib/libb.so").symlink_to("libb.so.1")
    (packages.cwd / "lib/libn.so").symlink_to("../nowhere")
    script = 'dev; pwd; set -- "*"; echo "$IFS$-"' + SAY
    output = packages.says(script, subpkgname="foo-dev", depends_dev="zlib-dev")
    assert output.splitlines()[-1] == "=zlib-dev=A thing (development files)=="
    assert f"\n{packages.cwd}\n" in output
    assert tree(sub(packages)) == sorted([*moved, "usr/lib/libb.so", "lib/libn.so"])
    assert tree(packages.cwd) == sorted(left)


def test_dev_leaves_static_libraries_to_their_own_package(packages: Shell) -> None:
    make(packages.cwd, "usr/lib/a.a", "usr/lib/a.h")
    packages.says("dev", subpackages="foo-dev foo-static")
    assert tree(sub(packages)) == ["usr/lib/a.h"]


# --- manual pages -----------------------------------------------------------------------------------------------


def test_doc_leaves_pages_that_are_compressed_already(packages: Shell) -> None:
    make(packages.cwd / "usr/share/man", "man8/a.8.gz")
    packages.says("doc", subpkgname="foo-doc")
    assert tree(sub(packages) / "usr/share/man") == ["man8/a.8.gz"]


def test_doc_compresses_manual_pages(packages: Shell) -> None:
    man = packages.cwd / "usr/share/man"
    make(man, "man1/a b.1", "man3/c.3perl", "man7/d.7.gz", "man5/e.5.xz", "mann/f.n", "man1/README", "de/man1/a.1")
    (man / "man1/soft.1").symlink_to("a b.1")
    (man / "man1/away.1").symlink_to("../man3/gone.3")
    os.link(man / "man1/a b.1", man / "man1/hard.1")
    os.link(man / "man1/a b.1", man / "man3/far.3")
    (man / "mann/f.n").chmod(0o444)
    os.utime(man / "mann/f.n", (1, 1))
    packages.says("doc", subpkgname="foo-doc")
    man = sub(packages) / "usr/share/man"
    assert tree(man) == [
        "de/man1/a.1.gz",
        "man1/README",
        "man1/a b.1.gz",
        "man1/away.1.gz",
        "man1/hard.1.gz",
        "man1/soft.1.gz",
        "man3/c.3perl.gz",
        "man3/far.3.gz",
        "man5/e.5.xz",
        "man7/d.7.gz",
        "mann/f.n.gz",
    ]
    assert str((man / "man1/soft.1.gz").readlink()) == "a b.1.gz"
    assert str((man / "man1/away.1.gz").readlink()) == "../man3/gone.3.gz"
    assert str((man / "man1/hard.1.gz").readlink()) == "a b.1.gz"
    assert str((man / "man3/far.3.gz").readlink()) == "../man1/a b.1.gz"
    assert not (man / "man1/a b.1.gz").is_symlink()
    for name in "man1/hard.1.gz", "man3/far.3.gz", "man1/soft.1.gz":
        assert gzip.decompress((man / name).read_bytes()) == b"man1/a b.1"
    # No name and no time in the header, so that the same page always gives the same bytes.
    assert (man / "mann/f.n.gz").read_bytes()[:9] == bytes.fromhex("1f8b08000000000002")
    assert (man / "mann/f.n.gz").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("tar", ["gnu", "other"])
def test_doc_with_many_aliases(packages: Shell, tmp_path: Path, tar: str) -> None:
    man = packages.cwd / "usr/share/man/man3"
    make(man, *(f"page{n}.3" for n in range(230)))
    for n in range(300):
        (man / f"alias{n}.3").symlink_to(f"page{n}.3")
    if tar == "other":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/tar").symlink_to("/bin/busybox" if Path("/bin/busybox").exists() else "/usr/bin/busybox")
    packages.says("doc", subpkgname="foo-doc", PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    man = sub(packages) / "usr/share/man/man3"
    assert len(tree(man)) == 530
    assert all(n.endswith(".3.gz") for n in tree(man))
    assert all(str((man / f"alias{n}.3.gz").readlink()) == f"page{n}.3.gz" for n in range(300))


def test_hard_linked_symlinks_stay_symlinks(packages: Shell) -> None:
    man = packages.cwd / "usr/share/man/man1"
    make(man, "a.1")
    (man / "b.1").symlink_to("a.1")
    os.link(man / "b.1", man / "c.1", follow_symlinks=False)
    packages.says("doc", subpkgname="foo-doc")
    man = sub(packages) / "usr/share/man/man1"
    assert tree(man) == ["a.1.gz", "b.1.gz", "c.1.gz"]
    assert {str((man / n).readlink()) for n in ("b.1.gz", "c.1.gz")} == {"a.1.gz"}


# --- debug symbols ----------------------------------------------------------------------------------------------

needs_gcc = pytest.mark.skipif(not shutil.which("gcc") or not shutil.which("objcopy"), reason="needs gcc")


def symbols(file: Path) -> str:
    return subprocess.run(["readelf", "-S", "-s", "-W", file], capture_output=True, text=True, check=True).stdout


@needs_gcc
def test_dbg(packages: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int marker_function(void) { return 1; } int main(void) { return 0; }")
    gcc = ["gcc", "-g", str(tmp_path / "x.c"), "-o"]
    bin_, lib = packages.cwd / "usr/bin", packages.cwd.parent / "foo-libs/usr/lib"
    bin_.mkdir(parents=True)
    lib.mkdir(parents=True)
    subprocess.run([*gcc, bin_ / "a prog", "-pie", "-fPIE"], check=True)
    subprocess.run([*gcc, bin_ / "fixed", "-no-pie"], check=True)
    subprocess.run([*gcc, bin_ / "object.o", "-c"], check=True)
    subprocess.run([*gcc, lib / "libx.so.1", "-shared", "-fPIC"], check=True)
    os.link(bin_ / "a prog", bin_ / "b hard")
    (bin_ / "soft").symlink_to("a prog")
    (bin_ / "script").write_text("#!/bin/sh\n")
    (bin_ / "a prog").chmod(0o4555)
    inode = (bin_ / "a prog").stat().st_ino
    before = symbols(bin_ / "fixed"), symbols(bin_ / "object.o")

    says = packages.says("dbg" + SAY, subpkgname="foo-dbg", install_if="", provides="")

    assert says.splitlines()[-1] == "==A thing (debug symbols)=="
    assert tree(sub(packages)) == ["usr/lib/debug/usr/bin/a prog.debug", "usr/lib/debug/usr/lib/libx.so.1.debug"]
    debug = symbols(sub(packages) / "usr/lib/debug/usr/bin/a prog.debug")
    assert "marker_function" in debug and ".debug_info" in debug
    assert ".text             NOBITS" in debug  # the code stays in the program
    assert "marker_function" not in symbols(bin_ / "b hard")
    assert ".gnu_debuglink" in symbols(bin_ / "a prog") and ".comment" not in symbols(bin_ / "a prog")
    assert ".debug_info" not in symbols(lib / "libx.so.1")
    stat = (bin_ / "a prog").stat()
    assert (stat.st_ino, stat.st_nlink) == (inode, 2) and stat.st_mode & 0o777 == 0o555
    assert (bin_ / "soft").is_symlink()
    assert before == (symbols(bin_ / "fixed"), symbols(bin_ / "object.o"))
    assert subprocess.run([bin_ / "b hard"], check=False).returncode == 0
    assert sorted(p.name for p in packages.cwd.parent.iterdir()) == ["foo", "foo-libs", "sub"]


@needs_gcc
def test_dbg_uses_the_tools_of_the_target(packages: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int f(void) { return 1; }")
    subprocess.run(["gcc", "-shared", "-o", packages.cwd / "x.so", tmp_path / "x.c"], check=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in "objcopy", "readelf":
        (tools / f"odd-{tool}").write_text(f'#!/bin/sh\necho {tool} >> "{tools}/log"\nexec {tool} "$@"\n')
        (tools / f"odd-{tool}").chmod(0o755)
    packages.says("dbg", CROSS_COMPILE="odd-", PATH=f"{tools}:{os.environ['PATH']}")
    assert (tools / "log").read_text().split() == ["readelf", "objcopy", "objcopy"]


def test_dbg_without_binaries(packages: Shell) -> None:
    make(packages.cwd, "usr/bin/script")
    packages.says("dbg")
    assert not sub(packages).exists()
    assert [p.name for p in packages.cwd.parent.iterdir()] == ["foo"]
