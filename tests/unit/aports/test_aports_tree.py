# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes are found where a shell finds ``*/APKBUILD``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.aports.tree import Place, find_recipes, repository_around
from abuildpy.errors import RecipeError


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A repository to fill."""
    folder = tmp_path / "main"
    folder.mkdir()
    return folder


def add(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "APKBUILD").touch()
    return folder


def test_order_is_that_of_whole_paths(main: Path) -> None:
    for name in ("lib", "lib-extra", "lib2", "Lib", "app"):
        add(main / name)
    found = [Path(place.folder).name for place in find_recipes(str(main))]
    assert found == ["Lib", "app", "lib-extra", "lib", "lib2"]


def test_what_is_no_aport_is_left_out(main: Path) -> None:
    add(main / "one")
    add(main / ".hidden")
    (main / "empty").mkdir()
    (main / "file").touch()
    (main / "APKBUILD").touch()
    assert find_recipes(str(main)) == [Place(f"{main}/one", f"{main}/one/APKBUILD")]


def test_folder_is_spelled_as_given_and_the_recipe_absolute(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(main / "one")
    monkeypatch.chdir(main.parent)
    for given, folder in (("main", "main/one"), ("./main", "./main/one"), ("main/", "main//one")):
        assert find_recipes(given) == [Place(folder, str(main.resolve() / "one/APKBUILD"))]


def test_links_are_followed(main: Path, tmp_path: Path) -> None:
    real = add(tmp_path / "elsewhere/one")
    (main / "linked").symlink_to(real)
    (tmp_path / "again").symlink_to(main)
    assert find_recipes(str(tmp_path / "again")) == [
        Place(f"{tmp_path}/again/linked", str(real.resolve() / "APKBUILD"))
    ]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        find_recipes(f"{tmp_path}/none")
    assert raised.value.message == f"{tmp_path}/none: No such file or directory"
    assert raised.value.hint is not None


def test_no_recipe(main: Path) -> None:
    with pytest.raises(RecipeError, match="no recipes in it"):
        find_recipes(str(main))


def test_folder_above_repositories_names_them(main: Path) -> None:
    add(main / "one")
    add(main.parent / "community/two")
    (main.parent / "scripts").mkdir()
    with pytest.raises(RecipeError) as raised:
        find_recipes(str(main.parent))
    assert raised.value.hint == f"but there are with -d {main.parent}/community -d {main.parent}/main"


def test_repository_around(main: Path) -> None:
    aport = add(main / "one")
    assert repository_around(str(aport)) == str(main)
    assert repository_around(str(main)) == str(main)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can look into every folder")
def test_a_folder_that_cannot_be_looked_into_counts(main: Path) -> None:
    """Whoever reads its recipe says why that fails; left out, a recipe would be missed by nobody."""
    (main / "shut").mkdir(mode=0)
    try:
        assert f"{main}/shut" in [place.folder for place in find_recipes(str(main))]
    finally:
        (main / "shut").chmod(0o700)


def test_a_folder_counts_as_shut_by_its_mode(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for root, who can look into every folder."""
    (main / "shut").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).startswith(f"{main}/shut"))
    assert f"{main}/shut" in [place.folder for place in find_recipes(str(main))]
