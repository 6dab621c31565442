# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clean root is made from, and how apk is asked to make it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import ConfigError, DependencyError
from abuildpy.repository.cleanroot import (
    DEFAULT_MIRROR,
    RootMaker,
    release_of,
    repository_lines,
    template_variables,
)


@pytest.mark.parametrize(
    ("branch", "release"),
    [
        ("3.21-stable", "3.21"),
        ("3-x", "3"),
        ("3.21.1-y-z", "3.21.1"),
        ("master", ""),
        ("3.21", ""),
        ("v3.21-stable", ""),
        ("", ""),
    ],
)
def test_releases(branch: str, release: str) -> None:
    assert release_of(branch) == release


def test_variables() -> None:
    assert template_variables({}, "master") == {"version": "edge", "mirror": DEFAULT_MIRROR}
    assert template_variables({}, "3.2-stable")["version"] == "v3.2"
    assert template_variables({"mirror": "", "x": "y"}, "") == {"version": "edge", "mirror": DEFAULT_MIRROR, "x": "y"}
    assert template_variables({"version": "v9", "mirror": "/m"}, "3.2-stable") == {"version": "v9", "mirror": "/m"}


def lines(tmp_path: Path, text: str, **environ: str) -> tuple[str, ...]:
    (tmp_path / "t").write_text(text)
    known = {"mirror": "/m", "version": "v1"}
    return repository_lines(tmp_path / "t", known, environ, built=("/p",), repo="main")


def test_template(tmp_path: Path) -> None:
    assert lines(tmp_path, "$mirror/${version}/community/\n\n# no $mirror\n  /plain \n") == (
        *("/p/main", "/m/v1/community/", "/p/community"),
        *("/plain", "/p/plain"),
    )
    assert lines(tmp_path, "$HERE/$mirrors/x", HERE="/h", mirror="/wrong") == ("/p/main", "/h//x", "/p/x")
    assert lines(tmp_path, "costs $5 $") == ("/p/main", "costs $5 $", "/p/costs $5 $")


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_empty_template(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="it is empty"):
        lines(tmp_path, text)


def test_no_template(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        repository_lines(tmp_path / "t", {}, {}, built=("/p",), repo="main")


@pytest.fixture
def maker(tmp_path: Path) -> RootMaker:
    """Has a script note its words in place of apk; it fails where one of them is ``fail``."""
    apk = tmp_path / "apk"
    apk.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\ncase "$*" in *fail*) exit 7;; esac\n')
    apk.chmod(0o755)
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("a.rsa.pub", "a.rsa", "b.rsa.pub"):
        (keys / name).write_text(name)
    (tmp_path / "own.rsa.pub").write_text("own")
    places = (keys, tmp_path / "missing", tmp_path / "own.rsa.pub")
    return RootMaker((str(apk), "--x"), dict(os.environ), ("/p/main", "/m"), places, tmp_path / "cache/apk")


def test_a_root(tmp_path: Path, maker: RootMaker) -> None:
    root = tmp_path / "root"
    maker.make(root, arch="s390x", packages=("abuild", "b>=1"))
    cache = tmp_path / "cache/apk"
    expected = f"--x add --cache-dir {cache} --initdb --update --arch s390x --root {root} abuild b>=1\n"
    assert (tmp_path / "calls").read_text() == expected
    assert cache.is_dir()
    assert (root / "etc/apk/repositories").read_text() == "/p/main\n/m\n"
    assert sorted(path.name for path in (root / "etc/apk/keys").iterdir()) == ["a.rsa.pub", "b.rsa.pub", "own.rsa.pub"]
    assert not (root / "bin").is_symlink()


def test_merged(tmp_path: Path, maker: RootMaker) -> None:
    maker.make(tmp_path / "root", arch="x", packages=(), merged=True)
    assert {name: os.readlink(tmp_path / "root" / name) for name in ("bin", "sbin", "lib")} == {
        "bin": "usr/bin",
        "sbin": "usr/sbin",
        "lib": "usr/lib",
    }
    assert (tmp_path / "root/usr/lib").is_dir()


def test_a_sysroot(tmp_path: Path, maker: RootMaker) -> None:
    maker.make_sysroot(tmp_path / "s/r", arch="armhf", packages=("zlib-dev",), base=tmp_path / "root")
    where = f"--keys-dir {tmp_path}/root/etc/apk/keys --repositories-file {tmp_path}/root/etc/apk/repositories"
    assert (tmp_path / "calls").read_text().endswith(f"--root {tmp_path}/s/r --no-scripts {where} zlib-dev\n")


def test_failures(tmp_path: Path, maker: RootMaker) -> None:
    with pytest.raises(DependencyError, match="ended with status 7"):
        maker.make(tmp_path / "a", arch="x", packages=("fail",))
    calls = (tmp_path / "calls").read_text()
    for word in ("--allow-untrusted", "x.apk"):
        with pytest.raises(DependencyError, match="is no dependency"):
            maker.make(tmp_path / word, arch="x", packages=(word,))
    assert (tmp_path / "calls").read_text() == calls
    (tmp_path / "apk").unlink()
    with pytest.raises(DependencyError, match="ended with status 127"):
        maker.make(tmp_path / "c", arch="x", packages=())
