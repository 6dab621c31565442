# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the ``# secfixes:`` comment, beyond what abuild checks: AP10 to AP12.

Its format (abuild 3.18, validate; aports): a line for each version, and below it one for each flaw that it mended, named by
one or several identifiers. The version ``0`` stands for flaws that no version of the package ever had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from abuildpy.lint.model import Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.recipe.syntax import Comment
from abuildpy.repository import version

_VERSION = re.compile(rb"#   ([0-9][^ :]*):[ \t]*$")
_ENTRY = re.compile(rb"# +- ([^#]*?)[ \t]*(?:#.*|\(.*)?$")
_CVE = re.compile(r"CVE-[12][0-9]{3}-[0-9]{4,}")
_LIKE_CVE = re.compile(r"\W*CVE\b", re.IGNORECASE)
_RELEASE = re.compile(r".+-r[0-9]+")


@dataclass(frozen=True, slots=True)
class _Line:
    comment: Comment
    version: str = ""
    names: tuple[str, ...] = ()

    def problem(self, word: str, message: str) -> Problem:
        at = self.comment.text.find(word.encode("latin-1"))
        start = self.comment.span.start + max(at, 0)
        return Problem(start, start + len(word), message)


def _block(subject: Subject) -> list[_Line]:
    """The lines of the comment that are of the right form; abuild complains about the others."""
    lines: list[_Line] = []
    if b"# secfixes:" not in subject.data:
        return lines
    expected = -1
    for comment in subject.script.comments:
        if comment.text.startswith(b"# secfixes:") and not comment.trailing:
            expected = comment.span.line
        elif comment.span.line != expected:
            continue
        expected += 1
        found = _VERSION.match(comment.text)
        entry = _ENTRY.match(comment.text)
        if found:
            lines.append(_Line(comment, version=found[1].decode("latin-1")))
        elif entry:
            lines.append(_Line(comment, names=tuple(entry[1].decode("latin-1").split())))
    return lines


def _entries(subject: Subject) -> Iterator[Problem]:
    seen: set[str] = set()
    for line in _block(subject):
        if line.version:
            seen = set()
        for name in line.names:
            if _LIKE_CVE.match(name) and not _CVE.fullmatch(name):
                yield line.problem(name, f"{name} is no identifier of the form CVE-2024-12345")
        if line.names and line.names[0] in seen:
            yield line.problem(line.names[0], f"{line.names[0]} is named twice for the same version")
        seen.update(line.names)


def _versions(subject: Subject) -> Iterator[Problem]:
    seen: set[str] = set()
    for line in _block(subject):
        if not line.version:
            continue
        if line.version == "0":
            pass
        elif not _RELEASE.fullmatch(line.version):
            yield line.problem(line.version, f"{line.version} has no release: write {line.version}-r0 or the like")
        elif not version.is_valid(line.version):
            yield line.problem(line.version, f"{line.version} is not a valid version")
        if line.version in seen:
            yield line.problem(line.version, f"{line.version} is there twice")
        seen.add(line.version)


def _future(subject: Subject) -> Iterator[Problem]:
    number, release = subject.values.value("pkgver"), subject.values.value("pkgrel")
    if not number or not release or not version.is_valid(f"{number}-r{release}"):
        return
    own = f"{number}-r{release}"
    for line in _block(subject):
        if line.version and version.is_valid(line.version) and version.compare(line.version, own) > 0:
            yield line.problem(line.version, f"{line.version} is newer than this recipe's version, {own}")


RULES: tuple[Rule, ...] = (
    Rule(
        "AP10", "secfixes-identifier", "I", "C", "abuildpy",
        "Identifiers in secfixes are written as those who gave them do, and once for each version.",
        "Scanners look them up as they are written; one that is misspelt counts as not mended.",
        "Correct it.",
        _entries,
    ),
    Rule(
        "AP11", "secfixes-version", "I", "C", "abuildpy",
        "Versions in secfixes are those of packages, with -r and the release, and each is there once.",
        "Scanners compare them with installed packages; of two equal ones, readers of YAML keep one.",
        "Write the version and release in which the flaw was mended; put what is below two equal ones together.",
        _versions,
    ),
    Rule(
        "AP12", "secfixes-future", "I", "C", "abuildpy",
        "No version in secfixes is newer than the recipe's.",
        "A flaw cannot have been mended in a package that does not exist yet: pkgver, pkgrel or the line is wrong.",
        "Raise pkgrel, or correct the version.",
        _future,
    ),
)  # fmt: skip
