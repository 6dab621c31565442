# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkbuild-lint`` and ``abuildpy lint``: what is wrong or unusual in recipes, without running them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.program import HELP, VALUE, CommandConsole, Option, Program
from abuildpy.errors import RecipeError, UsageError

if TYPE_CHECKING:
    from abuildpy.lint.model import Finding, Rule
    from abuildpy.lint.run import Linter

_PROGRAM = "apkbuild-lint"

_USAGE = f"""\
{_PROGRAM} {__version__} - find what is wrong or unusual in recipes
usage: {_PROGRAM} [--fix] [--format FORMAT] [--severity LETTER] [--certain]
                     [--only TAGS] [--skip TAGS] APKBUILD|FOLDER...
       {_PROGRAM} --explain TAG
       {_PROGRAM} --list
Options:
  --fix              Mend what can be mended mechanically, then tell what is
                     left
  --format FORMAT    text (SEVERITY:[TAG]:FILE:LINE:MESSAGE), json, github,
                     gitlab or sarif
  --severity LETTER  Only what is at least serious (S), important (I), minor (M)
                     or a matter of style (T, all)
  --certain          Only what is certain
  --only TAGS        Only these rules (tags or labels, with commas between)
  --skip TAGS        All but these rules
  --explain TAG      What a rule asks for, why, and how to mend what breaks it
  --list             All rules: tag, severity and certainty, label
  -h, --help         Show this help

Recipes are not run. A FOLDER stands for the APKBUILD in it or, if it has none,
for all those below it. The exit status is 0 if there is nothing to say, 1 if
there is, or if a recipe cannot be read.
"""


@dataclass(frozen=True, slots=True)
class _Options:
    fix: bool = False
    form: str = "text"
    severity: str = "T"
    certain: bool = False
    only: str = ""
    without: str = ""
    explain: str = ""
    show_rules: bool = False


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("", "fix", {"fix": True}),
        Option("", "format", {"form": VALUE}),
        Option("", "severity", {"severity": VALUE}),
        Option("", "certain", {"certain": True}),
        Option("", "only", {"only": VALUE}),
        Option("", "skip", {"without": VALUE}),
        Option("", "explain", {"explain": VALUE}),
        Option("", "list", {"show_rules": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda options, paths: len(paths) > 0 or bool(options.explain) or options.show_rules,
    console=lambda: CommandConsole(_PROGRAM),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, paths: Sequence[str]) -> int:
    from abuildpy.lint.formats import catalogue, explanation
    from abuildpy.lint.rules import RULES

    if options.explain:
        _write(explanation(_rule(options.explain)))
        return 0
    if options.show_rules:
        _write(catalogue(RULES))
        return 0
    return _lint(options, paths)


def _lint(options: _Options, paths: Sequence[str]) -> int:
    from abuildpy.lint.fix import fix_file
    from abuildpy.lint.formats import FORMATS, as_text
    from abuildpy.lint.model import SEVERITIES
    from abuildpy.lint.run import Linter, apkbuilds

    if options.form not in FORMATS:
        raise UsageError(f"no format '{options.form}'", hint=f"formats are {', '.join(FORMATS)}")
    letters = "".join(SEVERITIES)
    if len(options.severity) != 1 or options.severity.upper() not in letters:
        raise UsageError(f"no severity '{options.severity}'", hint="severities are S, I, M and T")
    shown = letters[: letters.index(options.severity.upper()) + 1]
    linter = Linter(os.environ, only=_tags(options.only), without=_tags(options.without))
    console = CommandConsole(_PROGRAM)
    found: list[Finding] = []
    status = 0
    for path in apkbuilds(paths):
        try:
            if options.fix:
                fix_file(linter, path)
            findings = _of_interest(linter, path, shown, certain=options.certain)
        except RecipeError as error:
            console.error(error.message)
            status = 1
            continue
        if options.form == "text":
            _write("".join(map(as_text, findings)))
        else:
            found += findings
        status = 1 if findings else status
    if options.form != "text":
        _write(FORMATS[options.form](found))
    return status


def _of_interest(linter: Linter, path: str, severities: str, *, certain: bool) -> list[Finding]:
    return [
        finding
        for finding in linter.lint(path)
        if finding.rule.severity in severities and not (certain and finding.rule.certainty != "C")
    ]


def _tags(text: str) -> frozenset[str]:
    """Tags of rules that the user named. UsageError for one that there is not."""
    return frozenset(_rule(name).tag for name in text.replace(",", " ").split())


def _rule(name: str) -> Rule:
    from abuildpy.lint.rules import rule_named

    rule = rule_named(name)
    if rule is None:
        raise UsageError(f"no rule '{name}'", hint=f"'{_PROGRAM} --list' names them all")
    return rule


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
