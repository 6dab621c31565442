# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox.foreign import native_arch, qemu_name, require_runnable


@pytest.mark.parametrize(
    ("arch", "name"),
    [
        *(("armhf", "arm"), ("armv7", "arm"), ("x86", "i386"), ("loongarch64", "loongarch64"), ("sh4", "sh4")),
        *(("sh2eb", "sh4eb"), ("aarch64", "aarch64"), ("s390x", "s390x")),
    ],
)
def test_names_of_interpreters(arch: str, name: str) -> None:
    assert qemu_name(arch) == name


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "x86_64"), ("arm64", "aarch64"), ("i686", "x86")])
def test_this_machine(monkeypatch: pytest.MonkeyPatch, machine: str, arch: str) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    assert native_arch() == arch


@pytest.fixture
def binfmt(tmp_path: Path) -> Path:
    (tmp_path / "status").write_text("enabled\n")
    return tmp_path


@pytest.mark.parametrize(("arch", "native"), [("x86_64", "x86_64"), ("x86", "x86_64"), ("armhf", "armv7")])
def test_nothing_is_needed_at_home(binfmt: Path, arch: str, native: str) -> None:
    assert require_runnable(arch, native, binfmt) is None


def test_registered(binfmt: Path) -> None:
    (binfmt / "qemu-aarch64").write_text("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n")
    assert require_runnable("aarch64", "x86_64", binfmt) is None


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (None, "runs no programs for aarch64"),
        ("disabled\nflags: F\n", "is disabled"),
        ("enabled\nflags: OC\n", "without the flag F"),
        ("enabled\n", "without the flag F"),
    ],
)
def test_refused(binfmt: Path, entry: str | None, reason: str) -> None:
    if entry is not None:
        (binfmt / "qemu-aarch64").write_text(entry)
    with pytest.raises(SandboxError, match=reason) as caught:
        require_runnable("aarch64", "x86_64", binfmt)
    assert caught.value.hint


def test_out_of_sight(tmp_path: Path) -> None:
    warning = require_runnable("aarch64", "x86_64", tmp_path)
    assert warning is not None
    assert "is not mounted" in warning
