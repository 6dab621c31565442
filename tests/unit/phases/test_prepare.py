# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases that a recipe does not define: unpack, prepare, build, check."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
from phase_shell import Shell, make, shell_in, tree

PATCH = """--- a/{name}
+++ b/{name}
@@ -1 +1 @@
-{old}
+{new}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in startdir, with srcdir and builddir in it; fetch does nothing."""
    shell = shell_in(tmp_path)
    (shell.cwd / "src/foo-1").mkdir(parents=True)
    return Shell(
        shell.cwd,
        {
            "startdir": str(shell.cwd),
            "srcdir": str(shell.cwd / "src"),
            "tmpdir": str(shell.cwd / "deep/tmp dir"),
            "GOTMPDIR": str(shell.cwd / "other/go tmp"),
            "builddir": str(shell.cwd / "src/foo-1"),
            "SRCDEST": str(shell.cwd / "distfiles"),
        },
    )


def patch(name: str, old: str, new: str) -> bytes:
    return PATCH.format(name=name, old=old, new=new).encode()


def test_prepare_applies_the_patches_in_order(shell: Shell) -> None:
    src = shell.cwd / "src"
    (src / "foo-1/f").write_text("one\n")
    (src / "a.patch").write_bytes(patch("f", "one", "two"))
    (src / "b.patch.gz").write_bytes(gzip.compress(patch("f", "two", "three")))
    (src / "c.patch.xz").write_bytes(lzma.compress(patch("f", "three", "four")))
    (src / "d.patch").write_bytes(patch("f", "four", "five"))
    (src / "e.diff").write_bytes(patch("f", "five", "six"))
    done = shell(
        "prepare; pwd",
        source="foo.tar.gz a.patch https://x/b.patch.gz dir/c.patch.xz d.patch::https://x/raw e.diff",
    )
    assert done.returncode == 0, done.stderr
    assert (src / "foo-1/f").read_text() == "five\n"
    assert done.stdout.endswith(f"\n{src}/foo-1\n")
    names = [line[4:] for line in done.stderr.splitlines() if line.startswith(">>> ")]
    assert names == ["a.patch", "https://x/b.patch.gz", "dir/c.patch.xz", "d.patch"]
    assert (shell.cwd / "deep/tmp dir").is_dir() and (shell.cwd / "other/go tmp").is_dir()


def test_prepare_goes_on_and_names_all_that_failed(shell: Shell) -> None:
    src = shell.cwd / "src"
    (src / "foo-1/f").write_text("one\n")
    (src / "bad.patch").write_bytes(patch("f", "other", "x"))
    (src / "bad2.patch.gz").write_bytes(gzip.compress(patch("f", "other", "y")))
    (src / "good.patch").write_bytes(patch("f", "one", "two"))
    done = shell("prepare; echo on", source="bad.patch bad2.patch.gz good.patch gone.patch")
    assert done.returncode == 1 and "on\n" not in done.stdout.splitlines()
    assert (src / "foo-1/f").read_text() == "two\n"
    tail = done.stderr.split("ERROR: These patches do not fit:\n")[1]
    assert tail.split() == ["bad.patch", "bad2.patch.gz", "gone.patch"]


def test_prepare_takes_arguments_for_patch(shell: Shell) -> None:
    (shell.cwd / "src/foo-1/f").write_text("one\n")
    (shell.cwd / "src/a.patch").write_bytes(patch("x/f", "one", "two"))
    said = shell.says("prepare", source="a.patch", patch_args="-p2 --verbose", patch_args_cfg="--no-backup-if-mismatch")
    assert "Hmm" in said  # what --verbose makes patch say
    assert (shell.cwd / "src/foo-1/f").read_text() == "two\n"


def test_prepare_without_builddir(shell: Shell) -> None:
    missing = {"builddir": str(shell.cwd / "src/gone")}
    assert shell.says("prepare; pwd", source="a.tar.gz", **missing) == str(shell.cwd)
    done = shell("prepare", source="a.patch", **missing)
    assert done.returncode == 1 and "Does builddir name the folder that the sources unpack to?" in done.stderr


def test_unpack_all_kinds(shell: Shell) -> None:
    dist = shell.cwd / "distfiles"
    dist.mkdir()
    modes = {"ab.tar": "w", "b.tar.gz": "w:gz", "c.tgz": "w:gz", "d.tar.bz2": "w:bz2", "e.tar.xz": "w:xz"}
    for name, mode in [*modes.items(), ("noauto.tar.gz.noauto", "w:gz"), ("local.tar", "w")]:
        with tarfile.open(dist / name, mode) as archive:  # type: ignore[call-overload]
            archive.addfile(tarfile.TarInfo(f"from/{name[0]}"), io.BytesIO())
    plain = (dist / "local.tar").read_bytes()
    (dist / "local.tar").unlink()
    (shell.cwd / "local.tar.lzma").write_bytes(lzma.compress(plain, lzma.FORMAT_ALONE))
    with zipfile.ZipFile(dist / "z.zip", "w") as z:
        z.writestr("from/z", "")
    urls = [f"https://x/{p.name}" for p in sorted(dist.iterdir()) if p.name != "c.tgz"]
    done = shell(
        "fetch() { echo fetched; }; unpack; pwd",
        source=" ".join([*urls, "c.tgz::https://x/download", "local.tar.lzma", "some.patch"]),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"fetched\n{shell.cwd}\n"
    assert tree(shell.cwd / "src/from") == ["a", "b", "c", "d", "e", "l", "z"]
    assert f">>> Unpacking {dist}/d.tar.bz2...\n" in done.stderr
    assert "noauto" not in done.stderr


def test_unpack_fails_without_its_sources(shell: Shell) -> None:
    assert shell.status("fetch() { return 1; }; unpack; echo on", source="a.tar.gz") == 1
    assert shell.status("unpack; echo on", source="gone.tar.gz") != 0
    make(shell.cwd, "broken.tar")
    done = shell("unpack || echo failed", source="broken.tar x.zip")
    assert done.stdout == "failed\n" and "x.zip" not in done.stderr


def test_defaults_of_the_other_phases(shell: Shell) -> None:
    assert shell.says("build") == ""
    done = shell("check")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0] == ">>> WARNING: No tests: the recipe has no check()"
    assert len(lines) == 3 and all(line.startswith("    ") for line in lines[1:])
