# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as text: lines like those of atools, and what editors and code hosts read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from urllib.parse import quote

from abuildpy import __version__
from abuildpy.lint.model import CERTAINTY_NAMES, SEVERITY_NAMES, Finding, Rule

_LEVELS = {"S": "error", "I": "warning", "M": "warning", "T": "note"}
_GITHUB = {"S": "error", "I": "warning", "M": "warning", "T": "notice"}
_GITLAB = {"S": "critical", "I": "major", "M": "minor", "T": "info"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(finding: Finding) -> str:
    """``SC:[AL1]:path:line:message``, the line of atools 20."""
    return (
        f"{finding.rule.grade}:[{finding.rule.tag}]:{finding.path}:{finding.place.line}:{_one_line(finding.message)}\n"
    )


def text(findings: Sequence[Finding]) -> str:
    """A line for each finding."""
    return "".join(map(as_text, findings))


def as_json(findings: Sequence[Finding]) -> str:
    """An array of objects."""
    return _dump([_object(finding) for finding in findings])


def github(findings: Sequence[Finding]) -> str:
    """Workflow commands of GitHub Actions, which show as annotations."""
    return "".join(map(_annotation, findings))


def gitlab(findings: Sequence[Finding]) -> str:
    """A Code Quality report of GitLab."""
    seen: dict[str, int] = {}
    report: list[dict[str, object]] = []
    for finding in findings:
        # Without the line, so that a finding stays the same when lines are put before it.
        key = f"{_relative(finding.path)}\0{finding.rule.tag}\0{finding.message}"
        seen[key] = seen.get(key, 0) + 1
        place = finding.place
        report.append(
            {
                "description": f"{finding.rule.tag} {finding.rule.label}: {_clean(finding.message)}",
                "check_name": finding.rule.tag,
                "fingerprint": hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")).hexdigest(),
                "severity": _GITLAB[finding.rule.severity],
                "location": {
                    "path": _clean(_relative(finding.path)),
                    "positions": {
                        "begin": {"line": place.line, "column": place.column},
                        "end": {"line": place.end_line, "column": place.end_column},
                    },
                    "lines": {"begin": place.line, "end": place.end_line},
                },
            }
        )
    return _dump(report)


def sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0."""
    rules = {finding.rule.tag: finding.rule for finding in findings}
    index = {tag: number for number, tag in enumerate(rules)}
    driver = {
        "name": "apkbuild-lint",
        "version": __version__,
        "rules": [_sarif_rule(rule) for rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, index[finding.rule.tag]) for finding in findings],
    }
    return _dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


FORMATS: Mapping[str, Callable[[Sequence[Finding]], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "gitlab": gitlab,
    "sarif": sarif,
}


def catalogue(rules: Iterable[Rule]) -> str:
    """A line for each rule: tag, severity and certainty, label."""
    return "".join(f"{rule.tag:5} {rule.grade} {rule.label}{' (--fix)' if rule.fixes else ''}\n" for rule in rules)


def explanation(rule: Rule) -> str:
    """All that there is to say about a rule."""
    lines = [
        f"{rule.tag} {rule.label}",
        f"Severity: {SEVERITY_NAMES[rule.severity]}, certainty: {CERTAINTY_NAMES[rule.certainty]}, from: {rule.family}",
        "",
        rule.what,
        f"Why: {rule.why}",
        f"Mend: {rule.mend}",
    ]
    if rule.fixes:
        lines.append("--fix mends it where that cannot change what the recipe says.")
    if rule.style:
        lines.append(f"It is only applied with APKBUILD_STYLE set to: {' '.join(sorted(rule.style))}")
    lines.append(f"Let one line pass: # lint: skip={rule.tag}")
    return "\n".join(lines) + "\n"


def _object(finding: Finding) -> dict[str, object]:
    rule, place = finding.rule, finding.place
    return {
        "path": _clean(finding.path),
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "tag": rule.tag,
        "label": rule.label,
        "severity": SEVERITY_NAMES[rule.severity],
        "certainty": CERTAINTY_NAMES[rule.certainty],
        "message": _clean(finding.message),
        "why": rule.why,
        "mend": rule.mend,
        "fixable": bool(finding.edits),
    }


def _annotation(finding: Finding) -> str:
    rule, place = finding.rule, finding.place
    properties = {"file": finding.path, "line": place.line, "endLine": place.end_line}
    if place.line == place.end_line:  # columns are not allowed for several lines
        properties |= {"col": place.column, "endColumn": place.end_column}
    properties["title"] = f"{rule.tag} {rule.label}"
    fields = ",".join(f"{name}={_escaped(str(value), more=True)}" for name, value in properties.items())
    return f"::{_GITHUB[rule.severity]} {fields}::{_escaped(finding.message)}\n"


def _escaped(value: str, *, more: bool = False) -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return value.replace(":", "%3A").replace(",", "%2C") if more else value


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.tag,
        "name": "".join(part.capitalize() for part in rule.label.strip("_").split("-")),
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": f"{rule.what} {rule.why}"},
        "help": {"text": rule.mend},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"severity": SEVERITY_NAMES[rule.severity], "certainty": CERTAINTY_NAMES[rule.certainty]},
    }


def _sarif_result(finding: Finding, index: int) -> dict[str, object]:
    place = finding.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    uri = quote(_relative(finding.path).encode("utf-8", "surrogateescape"))
    return {
        "ruleId": finding.rule.tag,
        "ruleIndex": index,
        "level": _LEVELS[finding.rule.severity],
        "message": {"text": _clean(finding.message)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}],
    }


def _relative(path: str) -> str:
    """The path from the current folder if it is below it; a code host knows no others."""
    normal = os.path.normpath(path)
    if os.path.isabs(normal):
        try:
            return PurePath(normal).relative_to(os.getcwd()).as_posix()
        except ValueError:
            return normal
    return normal


def _one_line(message: str) -> str:
    return message.replace("\n", " ")


def _clean(text: str) -> str:
    """The text without bytes that are no UTF-8, which JSON cannot hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _dump(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
