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
from abuildpy.maintain.reproduce.subject import SubjectError, recorded_of
from abuildpy.records.buildinfo import (
    BuildInfo,
    BuiltRecipe,
    Dependencies,
    InstalledPackage,
    Machine,
    Result,
    UsedSource,
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
    ("recipe", "epoch"),
    [("../../elsewhere", EPOCH), ("/etc", EPOCH), ("..", EPOCH), ("a/b", EPOCH), ("main", -1), ("main", 10**30)],
)
def test_a_buildinfo_that_leads_elsewhere(tmp_path: Path, recipe: str, epoch: int) -> None:
    """What is unpacked and written has its place by these."""
    build = make_build(tmp_path, signer())
    told = replace(build.info, recipe=replace(build.info.recipe, repository=recipe), epoch=epoch)
    (tmp_path / "tool-1.0-r0.buildinfo.json").write_bytes(format_buildinfo(told))
    with pytest.raises(SubjectError):
        recorded_of(read(tmp_path / "tool-1.0-r0.apk"))
