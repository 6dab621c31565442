# SPDX-License-Identifier: GPL-3.0-or-later
"""What subpackages provide, as far as the functions that split them off tell without being run.

A split function sets ``provides`` while packages are made, so evaluating a recipe does not tell it. Here the assignments
in the function, and in those of the recipe that it calls, are taken in their order, as if each were made: what is found may be
provided, which is enough to wait for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from abuildpy.batch.recipes import Node
from abuildpy.errors import RecipeError
from abuildpy.recipe.static.expand import Ended, text
from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.static.state import Lost, State
from abuildpy.recipe.subpackages import parse_subpackage
from abuildpy.recipe.syntax.model import Assignment
from abuildpy.recipe.syntax.script import parse

# Only decides whether the recipe is worth parsing.
_INDENTED = re.compile(rb"^[ \t]+(?:export[ \t]+)?provides=", re.MULTILINE)
_NAMES = re.compile(rb"[^\s\"'`$#(){};|&<>=]+")


def provided_by_splits(node: Node) -> list[tuple[str, str, int]]:
    """(package, provided name with its version, provider_priority) for all that subpackages may provide."""
    try:
        with open(f"{node.folder}/APKBUILD", "rb") as file:
            data = file.read()
        if not _INDENTED.search(data):
            return []
        script = parse(data)
        assignments = [each for each in script.assignments if each.function is not None and not each.prefix]
    except (OSError, RecipeError):
        return []
    in_functions: dict[str, list[Assignment]] = {each.name: [] for each in script.functions}
    for each in assignments:
        in_functions.setdefault(each.function or "", []).append(each)
    called = {each.name: set(_NAMES.findall(script.text(each.body_span))) for each in script.functions}
    found = []
    state = State({name: _inner(value) for name, value in dict(node.aport.variables).items()}, open_world=False)
    for package, function in _splits(node):
        there = [each for name in _reached(function, called) for each in in_functions[name]]
        if any(each.name == "provides" for each in there):
            found += _provided(package, there, state.fresh())
    return found


def _reached(function: str, called: Mapping[str, set[bytes]]) -> list[str]:
    """A function, and before it those of the recipe that are named in it, in those, and so on."""
    found = dict.fromkeys([function] if function in called else [])
    waiting = list(found)
    for name in waiting:
        new = [other for other in called if other not in found and os.fsencode(other) in called[name]]
        found |= dict.fromkeys(new)
        waiting += new
    return list(found)[::-1]


def _splits(node: Node) -> list[tuple[str, str]]:
    found = [(node.pkgname, "package")]
    for word in node.aport.words("subpackages"):
        try:
            name, split, _, _ = parse_subpackage(word, node.aport.variables)
        except RecipeError:
            continue
        found.append((name, split))
    return found


def _provided(package: str, assignments: Sequence[Assignment], state: State) -> list[tuple[str, str, int]]:
    state.set("subpkgname", _inner(package))
    state.set("provides", "")
    found: dict[str, None] = {}
    try:
        for each in assignments:
            try:
                state.set(each.name, text(each.value, state, assigned=True))
            except Unknown:
                state.forget([each.name])
                continue
            if each.name == "provides":
                found |= dict.fromkeys((state.variables["provides"] or "").split())
        priority = state.variables.get("provider_priority") or ""
    except (Lost, Ended, RecursionError):
        priority = ""
    number = int(priority) if priority.isascii() and priority.isdigit() else 0
    return [(package, _outer(word), number) for word in found]


def _inner(value: str) -> str:
    """A text the way the tree has it, one character per byte."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def _outer(value: str) -> str:
    return value.encode("latin-1").decode("utf-8", "surrogateescape")
