# SPDX-License-Identifier: GPL-3.0-or-later
"""The script `run`, under the shells it promises, and the sample recipes' archives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
RUN = TOP / "run"
SHELLS = [shell for shell in (["busybox", "ash"], ["dash"]) if shutil.which(shell[0])]
ABSENT = {"fakeroot", "lzip", "sudo", "doas", "apt-get", "apk", "id"}


@pytest.fixture
def few_programs(tmp_path: Path) -> Path:
    """A folder for PATH with what the host has, but for some programs; `id` says who one is told to be."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for path in ("/usr/bin", "/bin"):
        for name in os.listdir(path):
            if name not in ABSENT and not (folder / name).exists():
                (folder / name).symlink_to(Path(path, name))
    _program(folder / "id", 'echo "$FAKE_UID"')
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _run(shell: list[str], folder: Path, tmp_path: Path, uid: int, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(folder), "HOME": str(tmp_path), "FAKE_UID": str(uid), "LOG": str(tmp_path / "log")}
    script = RUN.read_text().replace(":/usr/local/sbin:/usr/sbin:/sbin", "")  # the host's apk may be there
    copy = tmp_path / "run"
    copy.write_text(script)
    program = shutil.which(shell[0])
    assert program is not None
    return subprocess.run(
        [program, *shell[1:], str(copy), *(words or ("setup",))],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_says_what_to_install_when_it_may_not(shell: list[str], few_programs: Path, tmp_path: Path) -> None:
    _program(few_programs / "apt-get", 'echo "$@" >>"$LOG"; exit 1')
    result = _run(shell, few_programs, tmp_path, uid=1001)
    assert result.returncode == 1
    assert "as root, apt-get install fakeroot" in result.stderr
    assert "lzip" in result.stderr
    assert not (tmp_path / "log").exists()
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_installs_only_what_is_missing(shell: list[str], few_programs: Path, tmp_path: Path) -> None:
    _program(few_programs / "apt-get", 'echo "$@" >>"$LOG"; exit 1')
    result = _run(shell, few_programs, tmp_path, uid=0)
    calls = (tmp_path / "log").read_text().splitlines()
    assert result.returncode == 1
    assert calls[0].split()[0] == "install"
    assert {"fakeroot", "lzip"} <= set(calls[0].split())
    assert not {"busybox", "make", "gcc"} & set(calls[0].split())
    assert calls[1].split()[0] == "update"  # the lists may be old: once more after an update


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("words", [("setup",), ("setup", "--dev"), ("demo",)], ids=" ".join)
def test_what_only_tests_need_is_for_developers(
    shell: list[str], words: tuple[str, ...], few_programs: Path, tmp_path: Path
) -> None:
    """It comes last and by itself, and where it cannot be had everything else goes on."""
    for name in ("fakeroot", "lzip"):
        _program(few_programs / name, ":")
    lacking = {"aarch64-linux-gnu-gcc": "", "zsh": "", "fish": ""}
    for name, text in {"uname": "echo x86_64", "cksum": "echo same", **lacking}.items():
        (few_programs / name).unlink(missing_ok=True)
        if text:
            _program(few_programs / name, text)
    _program(few_programs / "apt-get", 'echo "$@" >>"$LOG"; [ "$1" = update ]')
    (tmp_path / ".venv/bin").mkdir(parents=True)  # one that seems current
    _program(tmp_path / ".venv/bin/python", ":")
    (tmp_path / ".venv/.made-for-dev").write_text("same\n")
    (tmp_path / "pyproject.toml").touch()
    result = _run(shell, few_programs, tmp_path, 0, *words)
    log = tmp_path / "log"
    calls = log.read_text().splitlines() if log.exists() else []
    asked = [line for line in calls if "gcc-aarch64-linux-gnu" in line]
    if "--dev" in words:
        assert len(asked) == 2, "before and after the lists were updated"
        assert not {"gcc", "fakeroot", "bubblewrap", "git"} & set(asked[0].split())
        assert {"zsh", "fish"} <= set(asked[0].split())
        assert "the tests that need zsh fish gcc-aarch64-linux-gnu" in result.stderr
        assert result.returncode == 0
    else:
        assert not asked


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_names_alpine_packages_for_apk(shell: list[str], few_programs: Path, tmp_path: Path) -> None:
    (few_programs / "zstd").unlink(missing_ok=True)
    (few_programs / "xz").unlink(missing_ok=True)
    _program(few_programs / "apk", 'echo "$@" >>"$LOG"; exit 1')
    _run(shell, few_programs, tmp_path, uid=0)
    words = (tmp_path / "log").read_text().split()
    assert words[0] == "add"
    assert {"fakeroot", "xz", "zstd", "lzip"} <= set(words)
    assert "xz-utils" not in words


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_unknown_command(shell: list[str]) -> None:
    result = subprocess.run([*shell, str(RUN), "nonsense"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert "usage: ./run demo" in result.stderr


def test_sample_archives_are_those_of_their_folders() -> None:
    script = TOP / "aports-sample/make-distfiles"
    result = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("recipe", sorted(TOP.glob("aports-sample/main/*/APKBUILD")), ids=lambda p: p.parent.name)
def test_sample_checksums(recipe: Path, tmp_path: Path) -> None:
    """Each source is there and has the sum that its recipe names."""
    script = 'srcdir=src; . ./APKBUILD; printf "%s\\n" $sha512sums'
    env = {**os.environ, "CARCH": "x86_64", "pkgdir": "pkg", "startdir": str(recipe.parent)}
    words = subprocess.run(
        ["busybox", "ash", "-c", script], cwd=recipe.parent, env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    listing = ""
    for digest, name in zip(words[::2], words[1::2], strict=True):
        local, remote = recipe.parent / name, TOP / "aports-sample/distfiles" / name
        listing += f"{digest}  {local if local.exists() else remote}\n"
    result = subprocess.run(["sha512sum", "-c"], input=listing, capture_output=True, text=True, check=False)
    assert result.returncode == 0 or not words, result.stdout + result.stderr
