# SPDX-License-Identifier: GPL-3.0-or-later
"""Mends what can be mended mechanically, byte by byte, and only where the recipe says the same afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from abuildpy.atomic import replacing
from abuildpy.errors import RecipeError
from abuildpy.lint.model import Edit, Finding
from abuildpy.lint.run import Linter
from abuildpy.lint.subject import Subject

_ROUNDS = 4
"""Mending one thing may uncover another, as with braces in backquotes."""


def fix_text(linter: Linter, path: str, data: bytes) -> bytes:
    """The text of an APKBUILD with all mended that the linter's rules know to mend.

    Rule by rule: what one rule would change stays as it is if the outcome were no shell script, if a variable's certain
    value were another (a variable that is empty counts as one that is not set), or if functions were missing.
    """
    refused: set[str] = set()
    for _ in range(_ROUNDS):
        before = data
        for tag in dict.fromkeys(f.rule.tag for f in linter.lint_text(path, data) if f.edits):
            if tag not in refused:
                changed = _with_rule(linter, path, data, tag)
                if changed is None:
                    refused.add(tag)
                else:
                    data = changed
        if data == before:
            break
    return data


def fix_file(linter: Linter, path: str) -> bool:
    """Mends an APKBUILD in place, replaced in one step, its permissions kept; whether it changed. RecipeError."""
    real = os.path.realpath(path)
    try:
        with open(real, "rb") as file:
            data = file.read()
        new = fix_text(linter, path, data)
        if new == data:
            return False
        status = os.stat(real)
        with replacing(real, status.st_mode & 0o7777) as output:
            if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
                try:
                    os.fchown(output.fileno(), status.st_uid, status.st_gid)
                except PermissionError:
                    pass
            output.write(new)
    except OSError as error:
        raise RecipeError(f"{path} cannot be mended: {error.strerror or error}") from error
    return True


def _with_rule(linter: Linter, path: str, data: bytes, tag: str) -> bytes | None:
    """The text after one rule's edits; None if they cannot be made, or change what the recipe says."""
    findings = [f for f in linter.lint_text(path, data) if f.rule.tag == tag and f.edits]
    changed = apply(data, findings)
    try:
        old, new = linter.subject(path, data), linter.subject(path, changed)
    except RecipeError:
        return None
    return changed if _say_the_same(old, new) else None


def _say_the_same(old: Subject, new: Subject) -> bool:
    first, second = old.values, new.values
    if first.complete != second.complete or first.functions != second.functions or first.unknown != second.unknown:
        return False
    names = first.known.keys() | second.known.keys()
    return all(first.known.get(name, "") == second.known.get(name, "") for name in names)


def apply(data: bytes, findings: Sequence[Finding]) -> bytes:
    """The text with the findings' edits; where those of two get in each other's way, only the first one's are made."""
    chosen: list[Edit] = []
    for finding in findings:
        if not any(_clash(edit, other) for edit in finding.edits for other in chosen):
            chosen += finding.edits
    return _applied(data, chosen)


def _clash(edit: Edit, other: Edit) -> bool:
    return (edit.start < other.end and other.start < edit.end) or edit.start == other.start


def _applied(data: bytes, edits: Iterable[Edit]) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += data[position : edit.start], edit.new
        position = edit.end
    pieces.append(data[position:])
    return b"".join(pieces)
