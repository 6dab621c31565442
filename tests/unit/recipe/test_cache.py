# SPDX-License-Identifier: GPL-3.0-or-later
"""A kept evaluation is used while nothing changed, and never when something did."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from unwalled import run

from abuildpy.config import Config, load_config
from abuildpy.recipe.constant import depends_on
from abuildpy.recipe.evaluate import ShellResult, evaluate
from abuildpy.recipe.model import Recipe


class Counting:
    """A runner that counts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        self.runs += 1
        return run(argv, env, folder)


class Case:
    """One recipe, evaluated as often as asked."""

    def __init__(self, folder: Path) -> None:
        self.runner = Counting()
        self.path = folder / "main/foo/APKBUILD"
        self.path.parent.mkdir(parents=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "CBUILD": "x86_64", "ABUILD_CONF": "/dev/null"}
        self.write('pkgname=foo\npkgver=1\npkgrel=0\ndepends="$EXTRA"\npackage() { :; }\n')

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def config(self, **env: str) -> Config:
        return load_config({**self.env, **env})

    def evaluate(self, **env: str) -> Recipe:
        return evaluate(self.path, self.config(**env), self.runner)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_the_second_time_costs_no_shell(case: Case) -> None:
    first = case.evaluate()
    assert case.evaluate() == first
    assert case.runner.runs == 1
    assert first.functions == {"package"}


def test_a_changed_recipe_is_evaluated_again(case: Case) -> None:
    case.evaluate()
    case.write("pkgname=foo\npkgver=2\npkgrel=0\n")
    os.utime(case.path, (1, 1))
    assert case.evaluate().pkgver == "2"


def test_the_environment_and_the_configuration_count(case: Case) -> None:
    case.evaluate()
    assert case.evaluate(EXTRA="bar").depends == ("bar",)
    assert case.evaluate(EXTRA="bar").depends == ("bar",)
    assert case.evaluate(CHOST="aarch64").variables["CARCH"] == "aarch64"
    userdir = Path(case.env["HOME"], ".abuild")
    userdir.mkdir()
    (userdir / "abuild.conf").write_text("EXTRA=baz\n")
    assert case.evaluate().depends == ("baz",)


def test_a_new_file_beside_the_recipe_counts_but_not_the_work_folders(case: Case) -> None:
    case.evaluate()
    (case.path.parent / "src").mkdir()
    case.evaluate()
    assert case.runner.runs == 1
    (case.path.parent / "new.patch").touch()
    case.evaluate()
    assert case.runner.runs == 2


@pytest.mark.parametrize(
    "line",
    [
        '_x="$(cat other)"',
        "_x=`cat other`",
        "[ -e other ] && _x=1 || _x=0",
        ". ./other",
        "read -r _x < other",
        'for _x in "$startdir"/../*/other; do depends=$_x; done',
        "_x=$RANDOM",
        "_x=$$",
    ],
)
def test_what_looks_outside_is_asked_every_time(case: Case, line: str) -> None:
    (case.path.parent / "other").write_text("_x=1\n")
    case.write(f"pkgname=foo\npkgver=1\npkgrel=0\n{line}\n")
    case.evaluate()
    case.evaluate()
    assert case.runner.runs == 2


@pytest.mark.parametrize(
    "line", ["case $CARCH in x86_64) _x=1;; esac", "export A='b c'\nexport D", "for i in 1 2; do a=$i; done"]
)
def test_plain_control_flow_is_kept(case: Case, line: str) -> None:
    case.write(f'pkgname=foo\npkgver=1\npkgrel=0\n{line}\n_quote="it\'s\n two"\n')
    first = case.evaluate()
    assert case.evaluate() == first
    assert case.runner.runs == 1


def test_damage_is_not_believed(case: Case) -> None:
    case.evaluate()
    (entry,) = (Path(case.env["HOME"]) / ".cache/abuildpy/recipes").iterdir()
    entry.write_bytes(b"rubbish")
    assert case.evaluate().pkgname == "foo"
    assert case.runner.runs == 2
    assert entry.stat().st_mode & 0o777 == 0o600


def test_a_cache_that_cannot_be_written_is_none(case: Case) -> None:
    (Path(case.env["HOME"]) / ".cache").write_text("in the way")
    case.evaluate()
    assert case.evaluate().pkgname == "foo"


def test_what_a_killed_run_left_is_taken_over(case: Case) -> None:
    case.evaluate()
    (kept,) = (case.path.parents[2] / ".cache/abuildpy/recipes").iterdir()
    half = kept.with_name(f"{kept.name}.part")
    half.write_bytes(b"x" * 100_000)
    kept.unlink()
    first = case.evaluate()
    assert [kept] == list(kept.parent.iterdir())
    assert case.evaluate() == first
    assert case.runner.runs == 2


def test_two_at_once_leave_one_entry(case: Case) -> None:
    """Who comes second does not wait and does not disturb: the first will keep the same."""
    case.evaluate()
    (kept,) = (case.path.parents[2] / ".cache/abuildpy/recipes").iterdir()
    half = kept.with_name(f"{kept.name}.part")
    kept.unlink()
    with half.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b"half")
        other.flush()
        case.evaluate()
        assert half.read_bytes() == b"half"
        assert not kept.exists()


def test_a_trace_without_the_recipe_proves_nothing() -> None:
    assert depends_on("/a/APKBUILD", b"", b"", (), {}, {}) is None
