# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of two abuilds, with programs that only bring packages made before."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
from apkcompare import Difference
from packagekit import FOLDER, PROGRAM, write_index, write_package
from parity import Parity, Report, drawn, last_error, programs_only, sort_out, summary

TURNS = ("theirs", "ours", "again")
OTHER = (FOLDER, replace(PROGRAM, content=b"\x7fELF and so no"))
THIRD = (FOLDER, replace(PROGRAM, content=b"\x7fELF one more!"))
PLAIN = (FOLDER, PROGRAM)
ABUILD = """#!/bin/sh
# brings what the recipe holds for this turn; fails where it holds nothing
turn={turn}
case $REPODEST in *-again) turn=again;; esac
echo "$turn" >> {calls}
[ -d "$turn" ] || {{ echo ">>> ERROR: tool*: build failed"; echo ">>> ERROR: tool: all failed"; exit 1; }}
mkdir -p "$REPODEST/main/x86_64"
cp "$turn"/* "$REPODEST/main/x86_64"
"""
INFO = """#!/bin/sh
# tells of one remote source, named as the recipe is
printf '[{"source": [{"name": "%s.tar.gz", "uri": "https://a.example/x", "remote": true}]}]' "${3##*/}"
"""


def program(path: Path, text: str) -> Path:
    """Writes a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Bench:
    """Two abuilds, and recipes for them."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "aports"
        self.calls = folder / "calls"
        theirs = program(folder / "their-bin/abuild", ABUILD.format(turn="theirs", calls=self.calls))
        ours = program(folder / "our-bin/abuild", ABUILD.format(turn="ours", calls=self.calls))
        program(folder / "our-bin/abuildpy", INFO)
        work = folder / "work"
        work.mkdir()
        options = argparse.Namespace(args=None, timeout=60, logs=None)
        self.parity = Parity(work, theirs, ours, options)

    def recipe(self, name: str, **turns: tuple[object, ...]) -> Path:
        """A recipe and the data of the package that each turn makes; a turn that is left out fails."""
        folder = self.tree / "main" / name
        for turn, data in turns.items():
            write_package(folder / turn / "tool-1-r0.apk", data)  # type: ignore[arg-type]
            write_index(folder / turn / "APKINDEX.tar.gz", {"P": "tool", "V": "1-r0"})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "APKBUILD").touch()
        return folder

    def draw(self, count: int, *, fetched: bool = False) -> Iterator[Report]:
        """Draws from the tree."""
        return drawn(self.parity, argparse.Namespace(trees=[self.tree], draw=count, seed=1, fetched=fetched))

    def called(self) -> list[str]:
        """Whose turn it was, so far."""
        return self.calls.read_text().split()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two abuilds."""
    monkeypatch.setenv("SRCDEST", str(tmp_path / "held"))
    return Bench(tmp_path)


def test_the_same_packages_are_identical(bench: Bench) -> None:
    report = bench.parity.check(bench.recipe("tool", theirs=PLAIN, ours=PLAIN))

    assert (report.recipe, report.verdict, report.packages, report.same_data, report.elf) == (
        "main/tool",
        "identical",
        1,
        1,
        True,
    )
    assert bench.called() == ["theirs", "ours"]


def test_what_the_other_abuild_cannot_build_is_skipped_with_its_first_error(bench: Bench) -> None:
    report = bench.parity.check(bench.recipe("tool", ours=PLAIN))

    assert str(report) == "main/tool: skipped (abuild: build failed)"
    assert bench.called() == ["theirs"]


def test_what_only_ours_cannot_build_is_unexplained(bench: Bench) -> None:
    report = bench.parity.check(bench.recipe("tool", theirs=PLAIN))

    assert str(report) == "main/tool: UNEXPLAINED (ours fails: build failed)"


def test_content_that_the_other_abuild_reproduces_is_unexplained(bench: Bench) -> None:
    report = bench.parity.check(bench.recipe("tool", theirs=PLAIN, ours=OTHER, again=PLAIN))

    assert report.verdict == "UNEXPLAINED"
    assert report.same_data == 0
    assert bench.called() == list(TURNS)


def test_content_that_the_other_abuild_does_not_reproduce_is_explained(bench: Bench) -> None:
    report = bench.parity.check(bench.recipe("tool", theirs=PLAIN, ours=OTHER, again=THIRD))

    assert (report.verdict, report.unexplained) == ("explained", ())
    assert report.explained


def test_what_fills_the_last_record_follows_from_explained_content() -> None:
    end = Difference("tool-1-r0", "data", "end", "8704 against 9216 bytes")
    content = Difference("tool-1-r0", "usr/bin/tool", "content", "differs")

    assert sort_out([end, content], [content]) == ([], [end, content])
    assert sort_out([end, content], []) == ([end, content], [])


def test_a_mode_is_never_explained_by_loose_content(bench: Bench) -> None:
    ours = (FOLDER, replace(OTHER[1], mode=0o711))

    report = bench.parity.check(bench.recipe("tool", theirs=PLAIN, ours=ours, again=THIRD))

    assert report.verdict == "UNEXPLAINED"
    assert [line for line in report.unexplained if ": mode: " in line] == list(report.unexplained)


def test_a_package_too_many_is_unexplained(bench: Bench) -> None:
    recipe = bench.recipe("tool", theirs=PLAIN, ours=PLAIN)
    write_package(recipe / "ours/tool-doc-1-r0.apk", PLAIN)

    report = bench.parity.check(recipe)

    assert report.unexplained == ("tool-doc-1-r0.apk: package: presence: only from ours",)


def test_drawing_goes_on_until_enough_were_built_by_the_other_abuild(bench: Bench) -> None:
    for name in "abcdefgh":
        bench.recipe(name, **({"theirs": PLAIN, "ours": OTHER} if name in "bdfh" else {"ours": PLAIN}))

    reports = list(bench.draw(2))

    assert [report.drawn for report in reports] == list(range(1, len(reports) + 1))
    assert [report.verdict for report in reports if report.verdict != "skipped"] == ["UNEXPLAINED"] * 2
    assert reports[-1].verdict == "UNEXPLAINED"
    assert str(reports[-1]).startswith(f"drawn {len(reports)}: main/")


def test_drawing_ends_with_the_trees(bench: Bench) -> None:
    for name in "abc":
        bench.recipe(name, theirs=PLAIN, ours=PLAIN)

    assert sorted(report.recipe for report in bench.draw(9)) == ["main/a", "main/b", "main/c"]


def test_drawing_can_pass_by_what_is_not_fetched(bench: Bench, tmp_path: Path) -> None:
    for name in "abc":
        bench.recipe(name, theirs=PLAIN, ours=PLAIN)
    (tmp_path / "held").mkdir()
    (tmp_path / "held/b.tar.gz").touch()

    reports = {report.recipe: report for report in bench.draw(3, fetched=True)}

    assert reports["main/b"].verdict == "identical"
    assert {reports[name].reason for name in ("main/a", "main/c")} == {"sources not at hand, from a.example"}
    assert bench.called() == ["theirs", "ours"]


def test_where_the_comparison_works_is_not_told_to_the_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    bench = Bench(tmp_path)

    assert "TMPDIR" not in bench.parity.theirs.env
    assert "TMPDIR" not in bench.parity.ours.env


def test_recipes_do_not_find_what_lies_beside_an_abuild(tmp_path: Path) -> None:
    abuild = program(tmp_path / "venv/abuild", "")
    for name in ("abuild-sign", "apkgrel", "python3", "pip"):
        program(tmp_path / "venv" / name, "")

    folder = programs_only(abuild, tmp_path / "bin")

    assert sorted(path.name for path in folder.iterdir()) == ["abuild", "abuild-sign", "apkgrel"]


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (">>> tool: Building\n>>> ERROR: tool*: package failed\n>>> ERROR: tool: rootpkg failed\n", "package failed"),
        (">>> ERROR: no name here\n", "no name here"),
        ("sh: no such thing\n", "sh: no such thing"),
        ("", "no message"),
    ],
)
def test_the_error_of_a_log(tmp_path: Path, log: str, error: str) -> None:
    (tmp_path / "log").write_text(log)

    assert last_error(tmp_path / "log") == error


def test_the_numbers_count_what_was_compared() -> None:
    same = Report("main/a", "identical", "", drawn=2, packages=2, same_data=2, elf=True)
    loose = Report("main/b", "explained", "", packages=3, same_data=2)
    skipped = [Report(f"main/{name}", "skipped", "abuild: build failed", drawn=1) for name in "cd"]

    numbers = summary([same, loose, *skipped])

    assert numbers == {
        "recipes": 4,
        "drawn and compared": 1,
        "identical": 1,
        "explained": 1,
        "UNEXPLAINED": 0,
        "skipped": 2,
        "recipes with ELF": 1,
        "packages": 5,
        "packages with data identical to the byte": 4,
        "recipes with all data identical to the byte": 1,
        "skipped: abuild: build failed": 2,
    }
    assert json.dumps(numbers)
