# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting variables: the edits of abump, apkgrel and the like.

abump and apkgrel (abuild 3.18) put a literal where ``pkgver=`` or ``pkgrel=`` starts a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import (
    Change,
    applied,
    bare,
    encoded,
    in_style,
    keeping_line_ends,
    quote_around,
    with_lf,
)
from abuildpy.recipe.edit.effect import condition, is_kept, require_effect
from abuildpy.recipe.edit.file import edit_file
from abuildpy.recipe.syntax import Assignment, Script, parse


def written_values(text: bytes, name: str) -> tuple[str, ...]:
    """What ``text`` assigns to a variable, as written (quotes, expansions), one element per assignment.

    An assignment counts if it starts a line and is outside functions. RecipeError if the text is no shell script.
    """
    script = parse(with_lf(text))
    return tuple(
        a.raw.decode("latin-1") for a in script.assignments if a.name == name and is_kept(a) and a.span.column == 1
    )


@keeping_line_ends
def set_variable(text: bytes, name: str, value: str, *, check: bool = True) -> bytes:
    """``text`` with ``value`` in every assignment of ``name`` that is always made, or that starts a line.

    A value that stood in quotes stands in the same ones again; where it was computed, the new one is literal. RecipeError,
    with the line, if there is no such assignment, if the recipe would change the variable again (not without ``check``, for
    those who look for themselves), or if the text is no shell script.
    """
    script = parse(text)
    found = [a for a in script.assignments if a.name == name and is_kept(a)]
    targets = [a for a in found if a.top_level or a.span.column == 1]
    if not targets:
        raise _not_set(script, name, value, found)
    new = encoded(value)
    changes = [Change(a.value_span.start, a.value_span.end, in_style(quote_around(script, a), new)) for a in targets]
    changed = applied(text, changes)
    if check:
        require_effect(changed, name, value)
    return changed


def write_variables(apkbuild: Path, values: Mapping[str, str], *, check: bool = True) -> None:
    """Apply :func:`set_variable` for each name to a file, replaced in one step; its permissions stay. RecipeError."""

    def change(text: bytes) -> bytes:
        for name, value in values.items():
            text = set_variable(text, name, value, check=False)
        if check:
            for name, value in values.items():
                require_effect(text, name, value)
        return text

    edit_file(apkbuild, change)


def _not_set(script: Script, name: str, value: str, conditional: list[Assignment]) -> RecipeError:
    if conditional:
        return RecipeError(
            f"line {conditional[0].span.line}: {name} is set only{condition(conditional[0])}", hint="change it by hand"
        )
    for assignment in script.assignments:
        if assignment.name == name and assignment.function is not None:
            return RecipeError(
                f"line {assignment.span.line}: {name} is set only inside {assignment.function}()",
                hint="that does not count while the recipe is read; change it by hand",
            )
    line = f"{name}={bare(encoded(value)).decode('utf-8', 'surrogateescape')}"
    return RecipeError(f"{name} is not set at the start of a line", hint=f"give it a line of its own: {line}")
