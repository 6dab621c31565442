# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a recipe's own versions of abuild's functions, and what is read of what they leave."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from abuildpy.errors import PackageError, RecipeError
from abuildpy.package.model import Metadata
from abuildpy.phases.control import read_control
from abuildpy.phases.description import read_description
from abuildpy.phases.overrides import FATES, STEPS, Fate, in_place, not_asked, own_steps, own_verb
from abuildpy.recipe.model import Recipe

PKGINFO = "# made by hand\npkgname = foo\npkgver = 1.0-r0\nsize = 12\narch = noarch\ndepend = a>=1 b\n"
FOO = Metadata("foo", "1.0-r0", "foo", "d", "u", "noarch", "MIT")


def recipe(*functions: str) -> Recipe:
    """A recipe that defines functions, and little else."""
    values: dict[str, Any] = {field.name: () if "tuple" in str(field.type) else "" for field in fields(Recipe)}
    values.update(path=Path("/x/APKBUILD"), functions=frozenset({"package", *functions}), variables={})
    return Recipe(**values)


def test_every_function_has_one_fate() -> None:
    assert len(FATES) == 167  # abuild's 166, and package()
    assert set(FATES.values()) == set(Fate)
    assert [name for name in FATES if FATES[name] is Fate.STEP] == list(STEPS)
    assert all(name in FATES for name in ("build", "default_doc", "unpack", "real_so_path", "amove", "create_apks"))


def test_own_steps_come_in_abuilds_order() -> None:
    assert own_steps(recipe("build", "trace_apk_deps", "stripbin", "helper_of_its_own")) == (
        "stripbin",
        "trace_apk_deps",
    )
    assert own_steps(recipe()) == ()


def test_refused_ones_are_all_named() -> None:
    with pytest.raises(RecipeError, match="redefines all, rootpkg, which") as caught:
        own_steps(recipe("rootpkg", "all", "stripbin"))
    assert caught.value.hint


def test_verbs() -> None:
    assert in_place(recipe("default_unpack"), "unpack")
    assert in_place(recipe("uri_fetch"), "fetch")
    assert not in_place(recipe("verify", "uri_fetch"), "unpack")
    assert own_verb(recipe("snapshot"), "snapshot")
    assert not own_verb(recipe(), "snapshot")
    assert not own_verb(recipe("unpack"), "unpack")
    assert not_asked(recipe("list_has", "amove", "cleanup", "mine")) == ("cleanup", "list_has")


# --- what steps leave ----------------------------------------------------------------------------------------------


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """.control.foo/ with a description in it."""
    folder = tmp_path / ".control.foo"
    folder.mkdir()
    (folder / ".PKGINFO").write_text(PKGINFO)
    (folder / ".metafiles").write_bytes(b".PKGINFO\0.post-install")
    (folder / ".post-install").write_bytes(b"#!/bin/sh\n")
    return folder


def test_only_regular_files_are_read(control: Path, tmp_path: Path) -> None:
    (control / "link").symlink_to("/etc/passwd")
    (control / "folder").mkdir()
    os.mkfifo(control / "fifo")
    assert set(read_control(tmp_path, "foo")) == {".PKGINFO", ".metafiles", ".post-install"}
    assert read_control(tmp_path, "bar") == {}
    assert read_control(tmp_path / "nowhere", "bar") == {}


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".control.foo").symlink_to("/etc")
    with pytest.raises(PackageError, match=r"\.control\.foo"):
        read_control(tmp_path, "foo")


def test_too_much_is_refused(control: Path, tmp_path: Path) -> None:
    with open(control / "large", "wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(PackageError, match="large has"):
        read_control(tmp_path, "foo")
    (control / "large").unlink()
    for number in range(1000):
        (control / str(number)).touch()
    with pytest.raises(PackageError, match="1003 files"):
        read_control(tmp_path, "foo")


def test_a_description_is_taken_as_it_is(control: Path, tmp_path: Path) -> None:
    (control / ".PKGINFO").write_bytes(PKGINFO.encode() + b"x_y = \xff")
    description = read_description(tmp_path, FOO)
    assert description.pkginfo.encode("utf-8", "surrogateescape") == PKGINFO.encode() + b"x_y = \xff\n"
    assert description.size == 12
    assert dict(description.scripts) == {".post-install": b"#!/bin/sh\n"}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("pkgname = foo\n", "pkgname is foo and foo"),
        ("arch = x86\n", "arch is noarch and x86"),
        ("provides = \n", "provides of nothing"),
        ("depend = ok a=~1\n", "Invalid version|=~"),
        ("datahash = 1\n", "datahash"),
        ("words without a sign\n", "no field"),
        ("pkgdesc = a\rb\n", "no field"),
        ("pkgdesc = a\0b\n", "no field"),
    ],
)
def test_a_description_of_something_else(control: Path, tmp_path: Path, more: str, problem: str) -> None:
    (control / ".PKGINFO").write_text(PKGINFO + more, newline="")
    with pytest.raises(PackageError, match=problem) as caught:
        read_description(tmp_path, FOO)
    assert caught.value.message.startswith("foo: ") and caught.value.hint


@pytest.mark.parametrize("listed", [b".PKGINFO\0.pre-install", b".PKGINFO\0../x", b".PKGINFO\0.provides-so"])
def test_only_scripts_that_are_there_are_packed(control: Path, tmp_path: Path, listed: bytes) -> None:
    (control / ".provides-so").touch()
    (control / ".metafiles").write_bytes(listed)
    with pytest.raises(PackageError, match="no install script"):
        read_description(tmp_path, FOO)
