# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build notes for its records: what was installed, the recipe's files, and nothing that is nobody's business."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from abuildpy.config import Config
from abuildpy.errors import ConfigError, RepositoryError
from abuildpy.phases import packaging, recording
from abuildpy.phases.settings import Settings
from abuildpy.repository.installed import InstalledDatabase, open_database

PACKAGES = {
    "build-base": "D:gcc make !clang",
    "gcc": "D:so:libc.musl-x86_64.so.1 binutils>=2",
    "binutils": "D:gcc",
    "make": "D:so:libc.musl-x86_64.so.1 nowhere",
    "musl": "p:so:libc.musl-x86_64.so.1=1",
    "vim": "D:so:libc.musl-x86_64.so.1",
    "zlib-dev": "p:pc:zlib=1.3",
    ".makedepends-foo": "D:build-base vim",
}


@pytest.fixture
def database(tmp_path: Path) -> InstalledDatabase:
    text = "".join(
        f"C:Q1{name}=\nP:{name}\nV:2.0-r0\nA:x86_64\nS:1\nI:2\nT:x\nU:u\nL:MIT\no:{name}\n{more}\n\n"
        for name, more in PACKAGES.items()
    )
    path = tmp_path / "lib/apk/db/installed"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    found = open_database(tmp_path)
    assert found is not None
    return found


def _config(**variables: str) -> Config:
    return Config(variables, frozenset(), {"HOME": "/home/me"})


def test_what_is_installed_is_what_is_asked_for_and_what_that_needs(database: InstalledDatabase) -> None:
    found = recording._installed(database, ("build-base", "pc:zlib>=1", "absent", "!vim", "<bad>"), everything=False)
    assert {package.name: package.direct for package in found} == {
        "binutils": False,
        "build-base": True,
        "gcc": False,
        "make": False,
        "musl": False,
        "zlib-dev": True,
    }
    (musl,) = (package for package in found if package.name == "musl")
    assert (musl.version, musl.arch, musl.origin, musl.checksum) == ("2.0-r0", "x86_64", "musl", "Q1musl=")
    assert [package.name for package in found] == sorted(package.name for package in found)


def test_of_a_clean_root_everything_counts(database: InstalledDatabase) -> None:
    found = recording._installed(database, ("make",), everything=True)
    assert {package.name for package in found} == PACKAGES.keys() - {".makedepends-foo"}
    assert [package.name for package in found if package.direct] == ["make"]


def test_without_a_database_nothing_is_known() -> None:
    assert recording._installed(None, ("make",), everything=True) == ()
    assert recording._libc(None) != ""


def test_the_c_library_is_that_of_the_root(database: InstalledDatabase) -> None:
    assert recording._libc(database) == "musl 2.0-r0"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("https://me:secret@example.org/a", "https://example.org/a"),
        ("https://token@example.org:8443/a?b=c", "https://example.org:8443/a?b=c"),
    ],
)
def test_addresses_are_told_without_whoever_asks(uri: str, shown: str) -> None:
    assert recording._without_user(uri) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/home/me", "$HOME"),
        ("/home/me/bin:/home/me/b:/bin", "$HOME/bin:$HOME/b:/bin"),
        ("-O2 -I/home/me/x", "-O2 -I$HOME/x"),
        ("/home/melanie/bin", "/home/melanie/bin"),
    ],
)
def test_nobody_learns_where_the_home_is(value: str, shown: str) -> None:
    assert recording._homeless(value, "/home/me") == shown
    assert recording._homeless(value, "/") == value


def test_variables_that_matter_are_told_and_of_others_the_names() -> None:
    recipe: Any = SimpleNamespace(variables={"CFLAGS": "-O2", "JOBS": "3", "_private": "x"})
    environment = {
        "PATH": "/bin",
        "SOURCE_DATE_EPOCH": "7",
        "LC_ALL": "C",
        "options": "!check",
        "EDITOR": "ed",
        "ABUILD_USERDIR": "/home/me/.abuild",
        "CXXFLAGS": "-DURL=https://me:hunter2@example.org/",
    }
    found = recording._variables(recipe, environment, _config())
    assert found == {
        "CFLAGS": "-O2",
        "JOBS": "3",
        "LC_ALL": "C",
        "PATH": "/bin",
        "SOURCE_DATE_EPOCH": "7",
        "options": "!check",
    }
    assert recording._others(environment, found) == ("EDITOR",)


def test_files_of_a_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "main/foo"
    for name in ("src", "pkg", "tmp", ".git", "sub"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text("x")
    (folder / "APKBUILD").write_text("pkgname=foo\n")
    (folder / "link").symlink_to("../elsewhere")
    (folder / "foo-1.0.tar.gz").write_text("a download")
    with (folder / "huge").open("wb") as file:
        file.truncate((16 << 20) + 1)
    source = SimpleNamespace(name="foo-1.0.tar.gz", remote=True)
    recipe: Any = SimpleNamespace(startdir=folder, source=(source,))
    work = tuple(folder / name for name in ("src", "pkg", "tmp"))
    assert recording.recipe_files(recipe, _config(), work) == {
        "APKBUILD": f"sha512:{hashlib.sha512(b'pkgname=foo' + bytes([10])).hexdigest()}",
        "huge": f"size:{(16 << 20) + 1}",
        "link": "link:../elsewhere",
        "sub/file": f"sha512:{hashlib.sha512(b'x').hexdigest()}",
    }
    elsewhere = recording.recipe_files(recipe, _config(SRCDEST=str(tmp_path)), work)
    assert "foo-1.0.tar.gz" in elsewhere, "downloads go elsewhere, so this is none"


def test_records_are_wanted_unless_somebody_says_no() -> None:
    assert recording.wanted(_config(), Settings())
    assert recording.wanted(_config(ABUILD_RECORDS="yes"), Settings())
    assert not recording.wanted(_config(ABUILD_RECORDS="no"), Settings())
    assert not recording.wanted(_config(ABUILD_RECORDS="yes"), Settings(records="no"))
    with pytest.raises(ConfigError, match="ABUILD_RECORDS is '0'"):
        recording.wanted(_config(ABUILD_RECORDS="0"), Settings())


@pytest.mark.parametrize("error", [RepositoryError("no sense"), ValueError("no sense"), OverflowError("no sense")])
def test_hours_of_building_are_not_lost_for_want_of_records(error: Exception) -> None:
    def records(_: object) -> None:
        raise error

    said: list[str] = []
    job: Any = SimpleNamespace(console=SimpleNamespace(warning=said.append))
    recorder: Any = SimpleNamespace(records=records)
    assert packaging._records(job, recorder, lambda _: pytest.fail("nobody asks")) == {}
    assert said == ["No records are left beside the packages: no sense"]
