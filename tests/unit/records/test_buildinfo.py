# SPDX-License-Identifier: GPL-3.0-or-later
"""A buildinfo is read back as it was written, and nothing else passes for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recordkit import EPOCH, SURROUNDING, make_build, signer

from abuildpy.errors import RepositoryError
from abuildpy.maintain.reproduce.subject import Recorded, SubjectError, recorded_of
from abuildpy.package.apk import write_apk
from abuildpy.package.model import Tree
from abuildpy.records.buildinfo import (
    BuildInfo,
    BuiltRecipe,
    Dependencies,
    InstalledPackage,
    Machine,
    Result,
    UsedSource,
    buildinfo_of,
    format_buildinfo,
    parse_buildinfo,
    read_buildinfo,
)
from abuildpy.repository.apkfile import read

MUSL = InstalledPackage("musl", "1.2.5-r0", "x86_64", "musl", "Q1abcdefghijklmnopqrstuvwxyz0=", True)
INFO = BuildInfo(
    recipe=BuiltRecipe("tool", "1.0-r0", "main", "c0ffee", False, {"APKBUILD": "sha512:00", "link": "link:APKBUILD"}),
    arch="x86_64",
    epoch=1700000000,
    program="abuild 3.18",
    abuildpy="0.1.0",
    sources=(UsedSource("tool-1.0.tar.gz", "https://example.org/tool-1.0.tar.gz", True, "sha512", "00", 3),),
    dependencies=Dependencies("host", ("build-base",), (MUSL,)),
    surrounding=replace(SURROUNDING, variables={"CFLAGS": "-Os", "PATH": "$HOME/bin:/bin"}),
    machine=Machine("6.1.0", "x86_64", "musl 1.2.5"),
    packages=(Result("tool-1.0-r0.apk", "tool", "x86_64", 4, "22", "33"),),
)


def _changed(*path: str | int, value: object) -> bytes:
    document = json.loads(format_buildinfo(INFO))
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(document).encode()


def test_what_is_written_is_read_back() -> None:
    assert parse_buildinfo(format_buildinfo(INFO)) == INFO


def test_equal_builds_give_equal_bytes() -> None:
    other = replace(INFO, recipe=replace(INFO.recipe, files=dict(reversed([*INFO.recipe.files.items()]))))
    assert format_buildinfo(other) == format_buildinfo(INFO)


def test_what_a_later_version_adds_is_no_harm() -> None:
    assert parse_buildinfo(_changed("more", value=1)) == INFO


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("format",), "other", "format"),
        (("recipe",), None, "recipe"),
        (("recipe", "dirty"), "no", "dirty"),
        (("recipe", "files", "APKBUILD"), 3, "files"),
        (("recipe", "files"), ["APKBUILD"], "files"),
        (("epoch",), True, "epoch"),
        (("sources",), {}, "sources"),
        (("sources", 0, "size"), "3", "size"),
        (("dependencies", "wanted", 0), 1, "wanted"),
        (("dependencies", "installed", 0), "musl", "installed"),
        (("packages", 0, "sha256"), None, "sha256"),
    ],
)
def test_what_makes_no_sense_is_named(path: tuple[str | int, ...], value: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_buildinfo(_changed(*path, value=value))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000, b'{"epoch": NaN}'])
def test_what_is_no_record_is_an_error_that_names_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.buildinfo.json"
    path.write_bytes(content)
    with pytest.raises(RepositoryError, match=r"x\.buildinfo\.json"):
        read_buildinfo(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="absent"):
        read_buildinfo(tmp_path / "absent")


def test_of_a_key_that_is_there_twice_nobody_chooses() -> None:
    text = format_buildinfo(INFO)
    with pytest.raises(ValueError, match="twice"):
        parse_buildinfo(text.replace(b'"epoch": ', b'"epoch": 1, "epoch": ', 1))


@pytest.mark.parametrize(
    "changes",
    [
        *({"repository": name} for name in ("../../elsewhere", "/etc", "..", "a/b")),
        *({"files": {name: "sha512:00"}} for name in ("../x", "/dev/zero", "a/../../x", "", "a\0b", "\ud800")),
        {"epoch": -1},
        {"epoch": 10**30},
    ],
)
def test_a_buildinfo_that_leads_elsewhere(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What is unpacked, written and compared has its place by these."""
    build = make_build(tmp_path, signer())
    epoch = changes.pop("epoch", EPOCH)
    told = replace(build.info, recipe=replace(build.info.recipe, **changes), epoch=epoch)
    (tmp_path / "tool-1.0-r0.buildinfo.json").write_bytes(format_buildinfo(told))
    with pytest.raises(SubjectError):
        recorded_of(read(tmp_path / "tool-1.0-r0.apk"))


def test_what_a_package_and_its_buildinfo_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "main/x86_64"
    build = make_build(folder, signer())
    path = folder / "tool-1.0-r0.buildinfo.json"
    assert buildinfo_of(folder / "tool-doc-1.0-r0.apk") == path
    debug = replace(build.info.packages[0], name="tool-dbg")
    clean = replace(build.info.dependencies, root="clean")
    recipe = replace(build.info.recipe, dirty=True, repository="")
    for info in (build.info, replace(build.info, recipe=recipe, epoch=5, dependencies=clean, packages=(debug,))):
        path.write_bytes(format_buildinfo(info))
        told = recorded_of(read(folder / "tool-1.0-r0.apk"))
        changed = info is not build.info
        assert (told.commit, told.dirty, told.epoch) == (recipe.commit, changed, 5 if changed else EPOCH)
        assert (told.repo, told.packager, told.files) == ("main", "Me <me@example.org>", recipe.files)
        assert (told.variables, told.path, told.checked) == ({"CFLAGS": "-Os"}, "/x", True)
        assert (told.clean, told.debug) == (changed, changed)
        assert told.installed == {"build-base": "0.5-r3", "g++": "13.2.1_git20231014-r0"}
    path.write_bytes(format_buildinfo(replace(info, dependencies=replace(clean, root="unknown"))))
    assert recorded_of(read(folder / "tool-1.0-r0.apk")).installed is None
    path.unlink()
    monkeypatch.chdir(folder)
    told = recorded_of(read(Path("tool-1.0-r0.apk")))
    assert told == Recorded("", EPOCH, "Me <me@example.org>", repo="main")


@pytest.mark.parametrize(
    ("lines", "commit", "dirty", "epoch"),
    [
        ("commit = c0ffee-dirty\nbuilddate = 7\n", "c0ffee", True, 7),
        ("commit = c0ffee\n", "c0ffee", False, 0),
        *((f"builddate = {date}\n", "", False, 0) for date in ("-1", "\N{SUPERSCRIPT TWO}", "9" * 11, "9" * 5000)),
    ],
)
def test_what_a_package_alone_tells(tmp_path: Path, lines: str, commit: str, dirty: bool, epoch: int) -> None:
    path = tmp_path / "odd-1-r0.apk"
    text = f"pkgname = odd\npkgver = 1-r0\n{lines}"
    write_apk(path, pkginfo=text, scripts={}, tree=Tree(tmp_path, ()), epoch=0, signer=signer(), on_step=print)
    told = recorded_of(read(path))
    assert (told.commit, told.dirty, told.epoch, told.variables) == (commit, dirty, epoch, None)
    record = tmp_path / "odd-1-r0.buildinfo.json"
    record.touch()
    assert buildinfo_of(path) == record, "a package without an origin is its own"
