# SPDX-License-Identifier: GPL-3.0-or-later
"""The completions in the shells they are for, where these are installed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from buildkit import PATH, TOP

_COMPLETED = [
    ("abuild cl", "clean cleancache cleanoldpkg cleanpkg"),
    ("abuild root", "rootbld rootpkg"),
    ("abuild -C verse chec", "check checksum"),
    ("abuild -C inkpot prepare_", "prepare_py_provides"),
    ("abuild --net=a", "always"),
    ("abuildpy check-changed --format g", "github gitlab"),
    ("abuildpy diff --fo", "--follows --format"),
    ("abuildpy diff --format h", "html"),
    ("abuildpy ver", "verify version"),
    ("abuildpy batch --ex", "--exclusive --executor"),
    ("abuildpy batch --status f", "failed"),
    ("abuildpy bump --no-", "--no-build --no-commit --no-deps-install"),
    ("abuildpy worker --s", "--scheduler --slots --store"),
    ("abuild-fetch -d ver", "verse verse-suite versify"),
    ("abuild-fetch ver", ""),
    ("abuild-gzsplit ver", ""),
    ("abuild-gzsplit < vers", "verse verse-suite versify"),
    ("abuild-keygen -b 4", "4096"),
    ("abuild-keygen --numbits=4", "4096"),
    ("abuild-rm -", "-rf"),
    ("abuild-rm -rf vers", "verse verse-suite versify"),
    ("abuild-sign --type=RSA2", "RSA256"),
    ("abuild-sign -t RSA2", "RSA256"),
    ("abuild-sign --private=verse-", "verse-suite"),
    ("abuild-sign verse-", "verse-suite"),
    ("abuild-tar --hash=sha2", "sha256"),
    ("abuild-tar --hash sha2", ""),
    ("abuild-tar --cut < vers", "verse verse-suite versify"),
    ("abump --br", "--branch"),
    ("abump main/vers", "main/verse main/verse-suite main/versify"),
    ("abump hut", "hutch"),
    ("abump -m hut", ""),
    ("ap recursive-", "recursive-deps recursive-revdeps"),
    ("ap --dir=ver", "verse verse-suite versify"),
    ("ap list ver", ""),
    ("apkbuild-pypi c", "check create"),
    ("apkbuild-pypi create hut ", "homepage"),
    ("apkbuild-pypi recreate ", "deps"),
    ("apkbuild-pypi check ", ""),
    ("apkgrel verse", "verse verse-suite"),
    ("apkgrel main/verse", "main/verse main/verse-suite"),
    ("apkgrel --set hut", ""),
    ("checkapk --h", "--help"),
    ("checkapk hut", ""),
    ("newapkbuild -l MI", "MIT"),
    ("newapkbuild hut", ""),
]
"""What stands before the cursor, and what the shells offer, without signs at the end for folders and versions to come."""


def _shell(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    return program


def _offered(command: list[str], **variables: str) -> list[str]:
    """What a shell prints, run among the recipes, as the table above has it."""
    done = subprocess.run(
        command,
        cwd=TOP / "aports-sample/main",
        env={"PATH": PATH, "APORTSDIR": str(TOP / "aports-sample"), "LC_ALL": "C.UTF-8", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted({line.partition("\t")[0].rstrip("/-") for line in done.stdout.splitlines()} - {""})


@pytest.mark.parametrize(("line", "expected"), _COMPLETED)
def test_bash_completes(line: str, expected: str) -> None:
    script = """
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        set -- $(complete -p "$1")
        "$3"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    words = re.findall(r"=|[^\s=]+", line) + [""] * line.endswith(" ")  # readline breaks words there
    completions = TOP / "completions/bash" / words[0]
    assert _offered([_shell("bash"), "-c", script, "bash", str(completions), *words]) == expected.split()


@pytest.mark.parametrize(("line", "expected"), _COMPLETED)
def test_fish_completes(line: str, expected: str, tmp_path: Path) -> None:
    completions = TOP / f"completions/fish/{line.partition(' ')[0]}.fish"
    script = "source $argv[1]; complete -C $argv[2]"
    found = _offered([_shell("fish"), "--no-config", "-c", script, str(completions), line], HOME=str(tmp_path))
    assert [word.rpartition("=")[2] for word in found] == expected.split()


_ZSHRC = r"""
fpath=($FOLDER $fpath)
autoload -Uz compinit
compinit -u -d $DUMP
unsetopt list_beep
compadd() {
    builtin compadd "$@"
    local added=$? found
    [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]] || return added
    builtin compadd -O found "$@"
    print -rl -- $found >>$OFFERED
    return added
}
comppostfuncs=(exit)
PROMPT='ready: '
"""
"""Notes what the completion functions add, and ends with the first completion."""


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where zsh notes what completion functions there are: finding them takes a second."""
    return tmp_path_factory.mktemp("zsh") / "dump"


@pytest.mark.parametrize(("line", "expected"), _COMPLETED)
def test_zsh_completes(line: str, expected: str, tmp_path: Path, dump: Path) -> None:
    (tmp_path / ".zshrc").write_text(_ZSHRC)
    offered = tmp_path / "offered"
    environment = {
        "ZDOTDIR": str(tmp_path),
        "FOLDER": str(TOP / "completions/zsh"),
        "OFFERED": str(offered),
        "DUMP": str(dump),
    }
    _type([_shell("zsh"), "-d", "-i"], f"{line}\t", environment)
    found = offered.read_text().splitlines() if offered.exists() else []
    assert sorted({word.rstrip("/") for word in found} - {""}) == expected.split()


def _type(command: list[str], keys: str, variables: Mapping[str, str]) -> None:
    """Runs a shell at a terminal among the recipes, types when it is ready, and waits for its end."""
    ours, its = pty.openpty()
    shell = subprocess.Popen(
        command,
        cwd=TOP / "aports-sample/main",
        env={"PATH": PATH, "APORTSDIR": str(TOP / "aports-sample"), "TERM": "dumb", "LC_ALL": "C.UTF-8", **variables},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        seen = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the terminal is closed: the shell has ended
                break
            if b"ready: " in seen + piece and b"ready: " not in seen:
                os.write(ours, keys.encode())
            seen += piece
        else:
            pytest.fail(f"the shell has stopped at: {seen!r}")
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_theirs(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    for path in (TOP / "completions" / shell).iterdir():
        done = subprocess.run([program, "-n", str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path.name
