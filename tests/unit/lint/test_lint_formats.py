# SPDX-License-Identifier: GPL-3.0-or-later
"""What findings look like to people and to programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lintkit import lint, with_line

from abuildpy.lint.formats import FORMATS, catalogue, explanation
from abuildpy.lint.model import Finding
from abuildpy.lint.rules import RULES, rule_named

TOP = Path(__file__).resolve().parents[3]


def some(folder: str) -> list[Finding]:
    """Three findings; one of several lines, one with odd characters."""
    text = with_line('install=""\noptions="50%,x:y\n"')
    found = lint(text, Path(folder), only=["AL5", "AL49"])
    found += lint(with_line('builddir="$srcdir/$pkgname-\\\n$pkgver"'), Path(folder), only=["AL1"])
    assert [(f.rule.tag, f.place.line, f.place.end_line) for f in found] == [
        ("AL5", 13, 13),
        ("AL49", 14, 14),
        ("AL1", 13, 14),
    ]
    return found


@pytest.fixture
def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    monkeypatch.chdir(tmp_path)
    return some(str(tmp_path / "main/verse one"))


def test_text(tmp_path: Path, findings: list[Finding]) -> None:
    path = tmp_path / "main/verse one/APKBUILD"
    assert FORMATS["text"](findings).splitlines() == [
        f"MC:[AL5]:{path}:13:variable set to empty string: install=",
        f"MC:[AL49]:{path}:14:invalid option '50%,x:y'",
        f"MC:[AL1]:{path}:13:builddir can be removed as it is the default value",
    ]


def test_json(findings: list[Finding]) -> None:
    objects: list[dict[str, Any]] = json.loads(FORMATS["json"](findings))
    assert [entry["tag"] for entry in objects] == ["AL5", "AL49", "AL1"]
    first = objects[0]
    assert (first["line"], first["column"], first["end_line"], first["end_column"]) == (13, 1, 13, 11)
    assert (first["severity"], first["certainty"], first["label"]) == ("minor", "certain", "empty-variable")
    assert (first["fixable"], objects[1]["fixable"]) == (True, False)
    assert all(entry["why"] and entry["mend"] and entry["path"].endswith("/APKBUILD") for entry in objects)
    assert json.loads(FORMATS["json"]([])) == []


def test_github(tmp_path: Path, findings: list[Finding]) -> None:
    lines = FORMATS["github"](findings).splitlines()
    path = tmp_path / "main/verse one/APKBUILD"
    assert lines[0] == (
        f"::warning file={path},line=13,endLine=13,col=1,endColumn=11,title=AL5 empty-variable"
        "::variable set to empty string: install="
    )
    assert lines[1].endswith("::invalid option '50%25,x:y'")
    assert "col" not in lines[2].lower()


def test_gitlab(findings: list[Finding]) -> None:
    report: list[dict[str, Any]] = json.loads(FORMATS["gitlab"]([*findings, findings[0]]))
    assert [entry["check_name"] for entry in report] == ["AL5", "AL49", "AL1", "AL5"]
    assert len({entry["fingerprint"] for entry in report}) == 4
    assert {entry["severity"] for entry in report} <= {"info", "minor", "major", "critical", "blocker"}
    assert report[0]["location"]["path"] == "main/verse one/APKBUILD"
    assert report[0]["location"]["lines"] == {"begin": 13, "end": 13}
    assert report[0]["description"].startswith("AL5 empty-variable: ")


def test_gitlab_fingerprints_outlive_other_lines(findings: list[Finding], tmp_path: Path) -> None:
    moved = lint("\n\n" + with_line('install=""'), tmp_path / "main/verse one", only=["AL5"])
    fingerprints = [json.loads(FORMATS["gitlab"](each))[0]["fingerprint"] for each in (findings, moved)]
    assert fingerprints[0] == fingerprints[1]


def test_sarif(findings: list[Finding]) -> None:
    document: dict[str, Any] = json.loads(FORMATS["sarif"](findings))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["AL5", "AL49", "AL1"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    for result, finding in zip(run["results"], findings, strict=True):
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"] == finding.rule.tag
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"] == finding.message
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "main/verse%20one/APKBUILD"
        assert place["region"]["startLine"] == finding.place.line >= 1
        assert place["region"]["endColumn"] == finding.place.end_column >= 1
    assert json.loads(FORMATS["sarif"]([]))["runs"][0]["results"] == []


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_odd_bytes_can_be_told(form: str) -> None:
    found = lint(b'options="\xff\n"\n', only=["AL49"])
    assert found
    text = FORMATS[form](found)
    assert text.encode("utf-8", "surrogateescape" if form in ("text", "github") else "strict")


def test_catalogue_and_explanations() -> None:
    lines = catalogue(RULES).splitlines()
    assert len(lines) == len(RULES)
    assert "AL5   MC empty-variable (--fix)" in lines
    for rule in RULES:
        text = explanation(rule)
        assert all(part in text for part in (rule.tag, rule.label, rule.what, rule.why, rule.mend))
        assert rule_named(rule.tag) is rule_named(rule.label) is rule_named(rule.tag.lower()) is rule


def test_tags_and_labels_are_unique() -> None:
    assert len({rule.tag for rule in RULES}) == len({rule.label for rule in RULES}) == len(RULES)
    assert rule_named("AL999") is None


def test_the_documentation_names_every_rule_as_it_is() -> None:
    page = (TOP / "docs/lint.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| A")]
    expected = [f"| {r.tag} | {r.grade} | {r.label} | {r.what} | {'yes' if r.fixes else ''} |" for r in RULES]
    assert rows == expected
