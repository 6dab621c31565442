# SPDX-License-Identifier: GPL-3.0-or-later
"""A difference as one HTML file that needs no network and runs nothing: whatever packages hold is text in it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from abuildpy.maintain.diff.model import Change, Comparison, Section
from abuildpy.maintain.diff.text import VERDICT_WORDS, arrow, name_of, reasons, sizes, title
from abuildpy.maintain.follows import Following
from abuildpy.ui.page import render
from abuildpy.ui.words import counted, printable, printable_line

_PAGE = Path(__file__).resolve().parent / "page"
_MOST_OPEN = 60
"""Longer lists are folded at first."""


def html(comparison: Comparison, following: Following | None = None) -> str:
    """The document; with ``following`` also what has to be rebuilt."""
    report = resources.files("abuildpy.batch.seeing").joinpath("page", "report.css")
    style = report.read_text(encoding="utf-8") + (_PAGE / "diff.css").read_text(encoding="utf-8")
    packages = [
        {
            "title": title(each),
            "anchor": f"package-{number}",
            "sizes": sizes(each),
            "verdict": each.verdict,
            "words": VERDICT_WORDS[each.verdict] if each.old is not None else "",
            "reasons": reasons(each),
            "sections": [_section(section) for section in each.sections],
            "unseen": each.unseen,
        }
        for number, each in enumerate(comparison.differences)
    ]
    only = packages[0]["title"] if len(packages) == 1 else counted(len(packages), "package")
    facts: dict[str, Any] = {
        "verdict": comparison.verdict,
        "headline": f"{only if packages else 'Packages'}: {VERDICT_WORDS[comparison.verdict]}",
        "packages": packages,
        "following": following,
        "signs": {"+": "added", "-": "removed", "~": "changed", ">": "renamed"},
    }
    filters = {"arrow": arrow, "name": name_of, "printable": printable, "diffline": _diff_line}
    return render(_PAGE / "diff.html.j2", facts, filters, style=style)


def _section(section: Section) -> dict[str, Any]:
    groups: dict[str, list[Change]] = {}
    for change in section.changes:
        groups.setdefault(change.where, []).append(change)
    count = len(section.changes)
    is_open = count <= _MOST_OPEN and section.name != "build"
    return {"title": section.title, "count": count, "is_open": is_open, "groups": list(groups.items())}


def _diff_line(line: str) -> tuple[str, str]:
    kind = {"+": "come", "-": "gone", "@": "place"}.get(line[:1], "")
    return kind, printable_line(line)
