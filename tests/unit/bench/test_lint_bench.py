# SPDX-License-Identifier: GPL-3.0-or-later
"""bench/lint.py: drawing findings, and comparing what two trees' recipes say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
import lint

from abuildpy.lint.run import Linter


def grow(tree: Path) -> list[str]:
    """A tree of five recipes with two flaws each."""
    for name in "abcde":
        (tree / "main" / name).mkdir(parents=True)
        (tree / "main" / name / "APKBUILD").write_text('pkgname=a\ninstall=""\ntriggers=""\n')
    return [str(tree / "main" / name / "APKBUILD") for name in "abcde"]


def test_drawing(tmp_path: Path) -> None:
    findings, crashes, _ = lint.lint_all(Linter({}, only=["AL5"]), grow(tmp_path))
    assert (len(findings), crashes) == (10, 0)
    lines = lint.drawn(findings, 3, 7)
    assert lines[0] == "== AL5 empty-variable: 10"
    assert len([line for line in lines if "APKBUILD:" in line]) == 3
    assert {line for line in lines if line.startswith("    ")} <= {'    install=""', '    triggers=""'}
    assert lint.drawn(findings, 3, 7) == lines
    assert lint.drawn(findings, 3, 8) != lines


def test_a_crash_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = grow(tmp_path)
    findings, crashes, _ = lint.lint_all(Linter({}, only=["AL5"]), [*paths, str(tmp_path / "none")])
    assert (len(findings), crashes) == (10, 1)
    assert "none" in capsys.readouterr().err


def test_totals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grow(tmp_path)
    assert lint.main([str(tmp_path), "--only", "AL5"]) == 0
    said = capsys.readouterr().out
    assert "AL5   MC     10 empty-variable" in said
    assert "5 recipes, 10 findings, 0 crashes" in said


def test_copy_of_another_depth(tmp_path: Path) -> None:
    grow(tmp_path / "aports")
    with pytest.raises(SystemExit, match="as deep"):
        lint.main(["--fix-in", str(tmp_path / "a/b"), str(tmp_path / "aports")])


def test_comparison_knows_the_trees_paths() -> None:
    variables = {"startdir": "/b/aports/main/a", "PWD": "/x", "_ab_trace": "1", "pkgver": "1"}
    assert lint._comparable(variables, "/a/aports", "/b/aports") == {"startdir": "/a/aports/main/a", "pkgver": "1"}
