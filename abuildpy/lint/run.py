# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the rules to recipes."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.lint.model import Finding, Place, Rule
from abuildpy.lint.rules import NOT_SHELL, RULES
from abuildpy.lint.skip import is_enabled, skips_of
from abuildpy.lint.subject import Subject
from abuildpy.recipe.static import StaticReader
from abuildpy.recipe.syntax import parse

_LINE = re.compile(r"line (\d+)")


class Linter:
    """Applies a choice of rules to any number of recipes; nothing of a recipe, or of a configuration, is run.

    ``environment`` holds the switches: ``SKIP_…``, ``APKBUILD_STYLE``, ``CUSTOM_VALID_OPTIONS``, ``CUSTOM_VALID_ARCHES``,
    ``REQUIRE_CHECK``. ``only``: tags or labels of the rules that are wanted, all if it is empty; ``without``: those that are
    not.
    """

    def __init__(
        self, environment: Mapping[str, str], *, only: Collection[str] = (), without: Collection[str] = ()
    ) -> None:
        self._environment = environment
        wanted = [rule for rule in RULES if not only or rule.tag in only or rule.label in only]
        self.rules: tuple[Rule, ...] = tuple(
            rule
            for rule in wanted
            if rule.tag not in without and rule.label not in without and is_enabled(rule, environment)
        )
        self._reader = StaticReader(None)

    def lint(self, path: str) -> list[Finding]:
        """What is wrong in one APKBUILD, in the order of its lines. RecipeError if it cannot be read."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
        return self.lint_text(path, data)

    def lint_text(self, path: str, data: bytes) -> list[Finding]:
        """What is wrong in the text of an APKBUILD that has, or will have, this path."""
        try:
            subject = self.subject(path, data)
        except RecipeError as error:
            return self._broken(path, data, error)
        skips = skips_of(subject.script)
        findings: list[Finding] = []
        for rule in self.rules:
            for problem in rule.check(subject):
                place = subject.place(problem.start, problem.end)
                if not skips.covers(rule, place.line):
                    findings.append(Finding(path, place, rule, problem.message, problem.edits))
        findings.sort(key=lambda finding: (finding.place.line, finding.place.column))
        return findings

    def subject(self, path: str, data: bytes) -> Subject:
        """A recipe prepared for the rules. RecipeError for a text that is no shell script."""
        script = parse(data)
        absolute = os.path.abspath(path)
        return Subject(absolute, script, self._reader.read(absolute, script), self._environment)

    def _broken(self, path: str, data: bytes, error: RecipeError) -> list[Finding]:
        if NOT_SHELL not in self.rules:
            return []
        match = _LINE.search(error.message)
        line = int(match[1]) if match else 1
        lines = data.split(b"\n")
        width = len(lines[line - 1].decode("utf-8", "surrogateescape")) if line <= len(lines) else 0
        return [Finding(path, Place(line, 1, line, width + 1), NOT_SHELL, error.message)]


def apkbuilds(paths: Sequence[str]) -> Iterator[str]:
    """The recipes that paths stand for: an APKBUILD, the one in a folder, or all those below a folder that has none itself.

    A path that is not there is given back as it is. The order is that of the arguments, below a folder by name.
    """
    for path in paths:
        if not os.path.isdir(path):
            yield path
        elif os.path.isfile(os.path.join(path, "APKBUILD")):
            yield os.path.join(path, "APKBUILD")
        else:
            found = False
            for folder, folders, files in os.walk(path):
                folders.sort()
                if "APKBUILD" in files:
                    folders.clear()
                    found = True
                    yield str(Path(folder, "APKBUILD"))
            if not found:
                yield os.path.join(path, "APKBUILD")
