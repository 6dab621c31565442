# SPDX-License-Identifier: GPL-3.0-or-later
"""A shelf gives back what was put on it while all that it depends on is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.config import Config, load_config
from abuildpy.recipe.answer import Variables
from abuildpy.recipe.pack import Kept, Shared
from abuildpy.recipe.packing import Record, record
from abuildpy.recipe.shelf import Conditions, Shelf, digest_of
from abuildpy.recipe.signatures import signature_of, watch

OLD = 1_600_000_000


def never(path: str) -> Variables:
    """Nothing is damaged."""
    raise AssertionError(path)


class Case:
    """A folder with recipes, and what was told of them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folder = base / "main"
        self.asked: tuple[bytes, ...] = (b"EXTRA",)
        for name in ("a", "b"):
            self.write(name, f"pkgname={name}\n")

    def write(self, name: str, text: str, *, age: int = 0) -> Path:
        path = self.folder / name / "APKBUILD"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (OLD + age, OLD + age))
        return path

    def shelf(self, **environment: str) -> Shelf:
        config = self.config(**environment)
        return Shelf(str(self.folder), config, Conditions(config))

    def config(self, **environment: str) -> Config:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.base), "CBUILD": "x86_64", "ABUILD_CONF": "/dev/null"}
        return load_config({**base, **environment})

    def keep(self, *names: str, watched: tuple[str, ...] = ()) -> None:
        found: dict[str, Record] = {}
        for name in names:
            path = self.folder / name / "APKBUILD"
            kept = record(
                f"{name}/APKBUILD",
                signature_of(path.stat()),
                digest_of(path.read_bytes()),
                (),
                {"pkgname": name},
                tuple((file, watch(file)) for file in watched),
            )
            assert kept is not None
            found[f"{name}/APKBUILD"] = kept
        shelf = self.shelf()
        shelf.find_all()
        shelf.save(found, self.asked)

    def known(self, **environment: str) -> dict[str, str]:
        shelf = self.shelf(**environment)
        names, known = shelf.find_all()
        if shelf.pack is None:
            return {}
        shared = Shared(shelf.pack, shelf.folder, {}, never)
        return {
            name.partition("/")[0]: Kept(shared, at).get("pkgname", "?")
            for name, at in zip(names, known, strict=True)
            if at is not None
        }


@pytest.fixture(name="case")
def kept_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr("abuildpy.recipe.signatures.YOUNG", -(1 << 62))  # files of this test are of age at once
    case = Case(tmp_path)
    case.keep("a", "b")
    return case


def test_all_as_it_was(case: Case) -> None:
    assert case.known() == {"a": "a", "b": "b"}
    assert [kept is not None for kept in case.shelf().find(["b/APKBUILD", "a/APKBUILD", "c/APKBUILD"])] == [
        True,
        True,
        False,
    ]


def test_another_text_of_the_same_size_and_time(case: Case) -> None:
    path = case.write("a", "pkgname=z\n")
    assert path.stat().st_size == len("pkgname=a\n")
    assert case.known() == {"b": "b"}


def test_touched_only(case: Case) -> None:
    case.write("a", "pkgname=a\n", age=5)
    assert case.known() == {"a": "a", "b": "b"}


def test_recipes_that_come_and_go(case: Case) -> None:
    (case.folder / "a" / "APKBUILD").unlink()
    case.write("c", "pkgname=c\n")
    assert case.known() == {"b": "b"}
    case.keep("c")
    assert case.known() == {"b": "b", "c": "c"}


def test_recipes_that_changed_names(case: Case) -> None:
    (case.folder / "a").rename(case.folder / "x")
    (case.folder / "b").rename(case.folder / "a")
    (case.folder / "x").rename(case.folder / "b")
    assert case.known() == {}


def test_a_variable_that_was_asked_for(case: Case) -> None:
    assert case.known(EXTRA="1") == {}
    assert case.known(OTHER="1") == {"a": "a", "b": "b"}
    assert case.known(LC_ALL="C.UTF-8") in ({}, case.known())


def test_another_arch_has_a_pack_of_its_own(case: Case) -> None:
    assert case.known(CBUILD="aarch64") == {}
    assert case.known() == {"a": "a", "b": "b"}


def test_a_file_that_is_watched(case: Case) -> None:
    watched = case.base / "watched"
    case.keep("a", watched=(str(watched),))
    assert case.known() == {"a": "a", "b": "b"}
    watched.write_text("")
    assert case.known() == {"b": "b"}


def test_a_watched_file_that_was_too_young_to_be_trusted(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = case.base / "watched"
    watched.write_text("")
    with monkeypatch.context() as young:
        young.setattr("abuildpy.recipe.signatures.YOUNG", 1 << 62)
        case.keep("a", watched=(str(watched),))
        assert case.known() == {"b": "b"}
    assert case.known() == {"b": "b"}


def test_a_recipe_that_was_too_young_is_known_by_its_bytes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as young:
        young.setattr("abuildpy.recipe.signatures.YOUNG", 1 << 62)
        case.keep("a")
    assert case.known() == {"a": "a", "b": "b"}
    case.write("a", "pkgname=z\n")
    assert case.known() == {"b": "b"}


def test_a_pack_that_is_rubbish_or_shut_away(case: Case) -> None:
    (pack,) = (case.base / ".cache/abuildpy/packs").iterdir()
    pack.write_bytes(b"rubbish")
    assert case.known() == {}
    pack.unlink()
    pack.mkdir()
    assert case.known() == {}
    case.keep("a")  # cannot be written, which is no error
    assert case.known() == {}
