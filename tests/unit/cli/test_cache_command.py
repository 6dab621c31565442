# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy cache``, and what ``abuildpy info`` puts into it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import Run

from abuildpy.cli import umbrella

PROGRAM = umbrella

RECIPE = 'pkgname={}\npkgver=1\npkgrel=0\npkgdesc="{} $pkgver"\narch=all\nlicense=MIT\nurl=\n'


@pytest.fixture
def recipes(workplace: Path) -> list[str]:
    folders = []
    for name in ("one", "two", "three"):
        folder = workplace / "main" / name
        folder.mkdir(parents=True)
        (folder / "APKBUILD").write_text(RECIPE.format(name, name))
        folders.append(str(folder))
    return folders


def test_many_recipes_are_evaluated_once(recipes: list[str], run: Run, settings: Path) -> None:
    first = run("info", "--json", *recipes)
    assert (first.status, first.err) == (0, "")
    assert [each["pkgdesc"] for each in json.loads(first.out)] == ["one 1", "two 1", "three 1"]
    (pack,) = (settings / "cache/abuildpy/packs").iterdir()
    before = pack.stat()
    assert run("info", "--json", *recipes) == first
    assert pack.stat().st_mtime_ns >= before.st_mtime_ns


def test_a_bad_recipe_among_good_ones(recipes: list[str], run: Run) -> None:
    Path(recipes[1], "APKBUILD").write_text("pkgname=two\nfalse\n")
    result = run("info", "--json", *recipes, "missing")
    assert result.status == 1
    one, two, three, missing = json.loads(result.out)
    assert (one["pkgname"], three["pkgname"]) == ("one", "three")
    assert "APKBUILD:2: `false` failed with status 1" in two["error"]
    assert "Could not find missing" in missing["error"]


def test_what_is_kept(recipes: list[str], run: Run, settings: Path) -> None:
    run("info", *recipes)
    run("info", recipes[0])
    text = run("cache")
    assert text.status == 0
    assert text.out.startswith(f"{settings}/cache/abuildpy\n")
    kinds = json.loads(run("cache", "--json").out)["kinds"]
    assert (kinds["packs"]["files"], kinds["recipes"]["files"]) == (1, 1)
    assert run("cache", "prune").out.startswith("0 files deleted")
    assert run("cache", "prune", "--all").out.startswith("2 files deleted")
    assert json.loads(run("cache", "--json").out)["kinds"]["packs"] == {"files": 0, "bytes": 0}


@pytest.mark.parametrize("arguments", [["foo"], ["--all"], ["prune", "--json"], ["prune", "more"], ["--nonsense"]])
def test_usage(run: Run, settings: Path, arguments: list[str]) -> None:
    result = run("cache", *arguments)
    assert result.status != 0
    assert "usage: abuildpy cache" in result.out + result.err
