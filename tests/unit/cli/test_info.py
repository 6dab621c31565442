# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy info --static``: the form of ``info``, and nothing run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """\
# Maintainer: Somebody <s@example.org>
pkgname=thing
pkgver=1.0
pkgrel=$(touch run; echo 1)
pkgdesc="A thing"
arch="all"
depends_dev="a b"
makedepends_host=$(echo c)
subpackages="$pkgname-doc $pkgname-tool:_tool:noarch"
source="https://example.org/thing-$pkgver.tar.gz
\trenamed::https://example.org/x"
sha512sums="aa  thing-1.0.tar.gz
bb  renamed"
build() { :; }
"""


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "abuildpy.cli.umbrella", "info", *arguments]
    return subprocess.run(program, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(name="env")
def fixture_env(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "ABUILD_CONF": "/dev/null",
        "CARCH": "x86_64",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


@pytest.fixture(name="recipe")
def fixture_recipe(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    path = tmp_path / "main" / "thing"
    path.mkdir(parents=True)
    (path / "APKBUILD").write_text(RECIPE)
    return path


def test_json(recipe: Path, env: dict[str, str]) -> None:
    done = run("--static", "--json", str(recipe), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    (document,) = json.loads(done.stdout)
    assert document == {
        "path": str(recipe / "APKBUILD"),
        "pkgname": "thing",
        "pkgver": "1.0",
        "pkgrel": None,
        "pkgdesc": "A thing",
        "url": "",
        "license": "",
        "maintainer": "Somebody <s@example.org>",
        "arch": ["all"],
        "depends_dev": ["a", "b"],
        "makedepends_host": None,
        **{name: [] for name in "depends makedepends checkdepends provides replaces install_if install".split()},
        **{name: [] for name in "triggers options pkgusers pkggroups".split()},
        "subpackages": [
            {"name": "thing-doc", "split": "doc", "arch": "noarch"},
            {"name": "thing-tool", "split": "_tool", "arch": "noarch"},
        ],
        "source": [
            {"name": "thing-1.0.tar.gz", "uri": "https://example.org/thing-1.0.tar.gz", "remote": True},
            {"name": "renamed", "uri": "https://example.org/x", "remote": True},
        ],
        "checksums": {"thing-1.0.tar.gz": "aa", "renamed": "bb"},
        "functions": ["build"],
        "builddir": f"{recipe}/src/thing-1.0",
        "unknown": ["makedepends_host", "pkgrel"],
    }
    assert os.listdir(recipe) == ["APKBUILD"]  # the touch was not run


def test_lines(recipe: Path, env: dict[str, str]) -> None:
    lines = run("--static", str(recipe), env=env).stdout.splitlines()
    assert "pkgver = 1.0" in lines
    assert not [line for line in lines if line.startswith("pkgrel =")]
    assert lines[-2:] == ["unknown = makedepends_host", "unknown = pkgrel"]


def test_what_is_no_recipe(recipe: Path, tmp_path: Path, env: dict[str, str]) -> None:
    broken = tmp_path / "APKBUILD"
    broken.write_text("pkgname=x\npkgdesc='\n")
    done = run("--static", "--json", str(broken), str(recipe), str(tmp_path / "none"), env=env)
    documents = json.loads(done.stdout)
    assert done.returncode == 1
    assert documents[0] == {"path": str(broken), "error": f"{broken}: line 2: a quote is opened here and never closed"}
    assert documents[1]["pkgname"] == "thing"
    assert documents[2]["error"].startswith("Could not find")


def test_without_busybox(recipe: Path, tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "empty").mkdir()
    text = RECIPE.replace("touch", "frob").replace("_tool:noarch", '_tool $pkgname-x::x86_64"\nurl="$CARCH')
    (recipe / "APKBUILD").write_text(text)
    done = run("--static", "--json", str(recipe), env={**env, "PATH": str(tmp_path / "empty")})
    (document,) = json.loads(done.stdout)
    assert document["pkgver"] == "1.0"
    assert [s["name"] for s in document["subpackages"]] == ["thing-doc", "thing-tool", "thing-x"]
    assert [s["arch"] for s in document["subpackages"]] == ["noarch", None, None]
    assert document["unknown"] == ["makedepends_host", "pkgrel", "subpackages.arch", "url"]
