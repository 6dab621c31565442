# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as text for people, and as a document for programs."""

from __future__ import annotations

import os
import textwrap
from dataclasses import asdict
from typing import Any

from abuildpy.maintain.reproduce.causes import CAUSES, OF_VARIATION, advice
from abuildpy.maintain.reproduce.model import VARIATIONS, Different, Evidence, Failed, Pair, Report

_MANY = 5
"""Files that differ for the same reason that are told one by one."""
_LABEL = 11


class _Page:
    """Collects lines, wrapped to ``width`` (0: not at all), with colours if asked for."""

    def __init__(self, width: int, colors: bool) -> None:
        self.lines: list[str] = []
        self._width = width
        self._colors = colors

    def add(self, text: str = "", indent: int = 0, hang: int = 0, *, head: str = "", color: int = 0) -> None:
        """A paragraph. ``head`` stands before the text, bold or in a colour."""
        blanks = " " * indent
        head = _tame(head)
        whole = f"{head}{_tame(text)}"
        lines = [f"{blanks}{whole}".rstrip()]
        if self._width and len(whole) + indent > self._width:
            lines = textwrap.wrap(
                whole,
                self._width,
                initial_indent=blanks,
                subsequent_indent=" " * (indent + hang),
                break_long_words=False,
                break_on_hyphens=False,
            )
        if head and self._colors:
            style = f"\033[1;{color}m" if color else "\033[1m"
            shown = min(len(head), len(lines[0]) - indent)
            lines[0] = f"{blanks}{style}{lines[0][indent : indent + shown]}\033[0m{lines[0][indent + shown :]}"
        self.lines += lines

    def labelled(self, label: str, text: str, indent: int) -> None:
        """A paragraph with a word in front of it."""
        self.add(f"{label:<{_LABEL}} {text}", indent, _LABEL + 1)

    def raw(self, text: str, indent: int) -> None:
        """A line that is cut rather than wrapped."""
        room = self._width - indent if self._width else 0
        text = _tame(text)
        text = text if not room or len(text) <= room else text[: room - 1] + "…"
        self.lines.append(" " * indent + text)


def render(report: Report, *, width: int = 0, colors: bool = False) -> str:
    """The report as lines; ``width`` is the terminal's, 0 where there is none."""
    page = _Page(width, colors)
    different = [pair for pair in report.pairs if not pair.identical]
    for pair in different:
        _pair(page, pair, report)
    if report.failed:
        _failed(page, report.failed, report)
    if report.paths is not None:
        _paths(page, report)
    if report.dependencies:
        page.add(head="Other versions than those recorded:")
        for each in report.dependencies:
            page.add(f"{each.name}: {each.installed or 'not installed'} instead of {each.recorded or 'none'}", 2, 4)
        page.add()
    if report.variations:
        page.add(head="Varied in the second build:")
        longest = max(len(each.name) for each in report.variations)
        for told in report.variations:
            word = "" if told.applied else "not varied: "
            page.add(f"{told.name:<{longest}}  {word}{told.how}", 2, longest + 2)
        page.add()
    for note in report.notes:
        page.add(f"Note: {note}", 0, 6)
    if report.kept:
        page.add(f"Packages and logs of the builds are in {report.kept}")
    _verdict(page, report, different)
    return "".join(f"{line}\n" for line in page.lines)


def _verdict(page: _Page, report: Report, different: list[Pair]) -> None:
    name = f"{report.recipe}-{report.version}"
    builds = f"{report.builds} build{'s' * (report.builds != 1)}, {report.seconds:.0f} s"
    count = len(report.pairs)
    if report.result == "unbuildable":
        page.add(f": the varied build fails ({builds})", head=f"{name}: not reproducible", color=31)
    elif different:
        files = sum(len(pair.files) for pair in different)
        what = f"{files} file{'s' * (files != 1)} in {len(different)} of {count} package{'s' * (count != 1)}"
        page.add(f": {what} differ{'s' * (files == 1)} ({builds})", head=f"{name}: not reproducible", color=31)
    else:
        what = "the package is" if count == 1 else f"all {count} packages are"
        page.add(f": {what} the same to the byte ({builds})", head=f"{name}: reproducible", color=32)


def _pair(page: _Page, pair: Pair, report: Report) -> None:
    page.add(f": {pair.note}" if pair.note else "", head=pair.name)
    groups: dict[object, list[Different]] = {}
    for file in pair.files:
        groups.setdefault((*conclusions(file), file.varied, file.always), []).append(file)
    for files in groups.values():
        _group(page, files, report)
    page.add()


_WHAT = {
    "content": "",
    "control": "",
    "missing": "only in the first build",
    "new": "only in the second build",
    "mode": "mode",
    "owner": "owner",
    "target": "link's target",
    "kind": "kind",
    "capability": "capabilities",
}


def _group(page: _Page, files: list[Different], report: Report) -> None:
    """Files that differ for the same reasons."""
    for file in files[:_MANY]:
        _file(page, file)
    if len(files) > _MANY:
        page.add(f"… and {len(files) - _MANY} more files alike (--json has all)", 2)
    for cause, form in conclusions(files[0]):
        page.labelled("cause", f"{CAUSES[cause]}{_how_sure(files[0], cause, report)}", 4)
        page.labelled("what to do", advice(cause, form), 4)


def _file(page: _Page, file: Different) -> None:
    what = ", ".join(filter(None, (_WHAT[each] for each in file.what)))
    page.add(f" ({what})" if what else "", 2, head=file.path)
    causes = [cause for cause, _ in conclusions(file)]
    for evidence in file.evidence:
        if (evidence.first or evidence.second) and (evidence.cause in causes or not evidence.follows):
            words = f"{_quoted(evidence.first)} → {_quoted(evidence.second)}"
            page.labelled("differs", f"{words}{' at ' + evidence.where if evidence.where else ''}", 4)
    if not any(evidence.sure and not evidence.follows for evidence in file.evidence):
        for line in file.excerpt:
            page.raw(line, 4)


def conclusions(file: Different) -> list[tuple[str, str]]:
    """The causes of a difference with the form that bears each: what was found by varying is believed first."""
    own = [each for each in file.evidence if not each.follows]
    found = [(each.cause, each.form) for each in own if each.sure]
    if file.varied:
        proven = [OF_VARIATION[name] for name in file.varied]
        told = [pair for pair in found if pair[0] in proven]
        known = {cause for cause, _ in told}
        return told + [(cause, _form(own)) for cause in proven if cause not in known]
    if file.always:  # what varied only by itself comes first
        found.sort(key=lambda pair: pair[0] not in BY_ITSELF)
    if not found:
        found = [(each.cause, each.form) for each in (own or file.evidence)][:1]
    if not found or found[0][0] == "unknown":
        return [("race" if file.always else "unknown", "")]
    return list(dict.fromkeys(found))


BY_ITSELF = ("time", "file-time", "hash", "random", "address", "derived", "race")
"""Causes of what differs without anything varied."""


def _form(evidence: list[Evidence]) -> str:
    return "order" if any(each.cause in ("order", "hash", "locale") for each in evidence) else ""


def _how_sure(file: Different, cause: str, report: Report) -> str:
    if file.varied:
        return " (varying it alone makes this difference)"
    if file.always and cause in BY_ITSELF:
        return " (it differs from one build to the next, whatever is varied)"
    if any(each.cause == cause and each.sure for each in file.evidence):
        return ""
    if report.searched and report.against is None:
        return " (a guess: no variation alone makes this difference)"
    return " (a guess)" if cause != "unknown" else ""


def _tame(text: str) -> str:
    """A text that may hold names of a stranger's files, with nothing in it that commands a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or 0xDC80 <= ord(c) <= 0xDCFF else f"\\x{ord(c):02x}" for c in text)


def _quoted(text: str) -> str:
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f'"{text}"' if text else "nothing"


def _failed(page: _Page, failed: Failed, report: Report) -> None:
    page.add(f": {failed.message}", head="The varied build fails")
    if failed.varied:
        names = ", ".join(VARIATIONS[name] for name in failed.varied)
        page.add(f"Varying {names} alone makes it fail.", 2)
    elif report.searched:
        page.add("No variation alone makes it fail.", 2)
    page.add()


def _paths(page: _Page, report: Report) -> None:
    if not report.paths:
        page.add("No file depends on the path that it was built in.")
    else:
        page.add(" (this does not count):", head="Files that depend on the path they were built in")
        for held in report.paths[:_MANY]:
            text = f": {_quoted(held.text)}{' at ' + held.where if held.where else ''}" if held.text else ""
            page.add(f"{held.package}: {held.path or 'the package'}{text}", 2, 4)
        if len(report.paths) > _MANY:
            page.add(f"… and {len(report.paths) - _MANY} more files (--json has all)", 2)
        page.labelled("what to do", advice("path", ""), 2)
    page.add()


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    found: dict[str, Any] = {
        "recipe": report.recipe,
        "version": report.version,
        "against": os.fspath(report.against) if report.against else None,
        "result": report.result,
        "builds": report.builds,
        "seconds": round(report.seconds, 1),
        "searched": report.searched,
        "variations": [asdict(each) for each in report.variations],
        "packages": [],
        "failed": None,
        "path_dependent": None if report.paths is None else [asdict(each) for each in report.paths],
        "dependencies": [asdict(each) for each in report.dependencies],
        "notes": list(report.notes),
        "kept": os.fspath(report.kept) if report.kept else None,
    }
    if report.failed:
        found["failed"] = {"message": report.failed.message, "varied": list(report.failed.varied)}
    for pair in report.pairs:
        files = []
        for file in pair.files:
            causes = [
                {"cause": cause, "meaning": CAUSES[cause], "advice": advice(cause, form)}
                for cause, form in conclusions(file)
            ]
            files.append({**asdict(file), "causes": causes})
        found["packages"].append(
            {"file": pair.name, "identical": pair.identical, "total": pair.total, "note": pair.note, "files": files}
        )
    return found
