# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an edited recipe says what the edit was for, as far as that is certain without running it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import with_lf
from abuildpy.recipe.syntax import Assignment, Script, parse
from abuildpy.recipe.syntax.nodes import Definition, Item

if TYPE_CHECKING:
    from abuildpy.recipe.static import StaticReader, StaticValues

_APKBUILD = "/nonexistent/APKBUILD"
_ELSEWHERE = frozenset({"substitution", "subshell", "pipeline", "background"})


def certain_values(script: Script) -> StaticValues:
    """What is certain of the recipe's variables on every machine and under every configuration."""
    return _reader().read(_APKBUILD, script)


def require_effect(text: bytes, name: str, value: str) -> None:
    """Raises RecipeError, with the line, unless the recipe gives the variable this value.

    Where nothing can be known (the recipe reads other files, say) an assignment under a condition is taken for an
    obstacle, and anything else is not.
    """
    script = parse(with_lf(text))
    values = certain_values(script)
    known = values.value(name)
    if known == value:
        return
    line, why = _obstacle(script, name)
    where = f"line {line}: " if line else ""
    if known is not None:
        raise RecipeError(
            f"{where}{name} is changed again{why}: it would be '{_short(known)}', not '{_short(value)}'",
            hint="change it there by hand",
        )
    if values.complete or any(is_kept(a) and a.inside for a in script.assignments if a.name == name):
        raise RecipeError(
            f"{where}{name} is changed again{why}: whether it would be '{_short(value)}' cannot be told",
            hint="change it there by hand",
        )


def is_kept(assignment: Assignment) -> bool:
    """Whether the assignment, if it is made while the recipe is read, changes the recipe's variable."""
    return (
        assignment.function is None
        and not assignment.prefix
        and not assignment.append
        and not _ELSEWHERE.intersection(assignment.inside)
    )


def condition(assignment: Assignment) -> str:
    """What an assignment is enclosed by, in words that fit behind a statement; empty for nothing."""
    if not assignment.inside:
        return ""
    outermost = assignment.inside[0]
    return " behind && or ||" if outermost in ("and-or", "condition") else f" inside '{outermost}'"


@lru_cache(maxsize=1)
def _reader() -> StaticReader:
    from abuildpy.recipe.static import StaticReader

    return StaticReader(None)


def _obstacle(script: Script, name: str) -> tuple[int, str]:
    """The line of the last command that may change the variable (0: none is found), and what is around it."""
    functions = {i.command.name: i.command for i in script.commands if isinstance(i.command, Definition)}
    sure, vague = (_last_reaching(script, name, functions, anything=anything) for anything in (False, True))
    item = sure or vague
    if item is None:
        return 0, ""
    inside = [
        a
        for a in script.assignments
        if a.name == name and is_kept(a) and item.command.start <= a.span.start < item.command.end
    ]
    if inside:
        return inside[-1].span.line, condition(inside[-1])
    return script.span(item.command.start, item.command.start).line, ""


def _last_reaching(script: Script, name: str, functions: Mapping[str, Definition], *, anything: bool) -> Item | None:
    from abuildpy.recipe.static.affected import affected

    for item in reversed(script.commands):
        command = item.command
        if isinstance(command, Definition):
            continue
        reach = affected((item,), functions)
        if name in reach.variables or (anything and reach.everything):
            return item
    return None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
