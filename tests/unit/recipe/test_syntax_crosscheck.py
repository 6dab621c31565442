# SPDX-License-Identifier: GPL-3.0-or-later
"""Two readers of bash that others wrote find the same things at the same places (bench/crosscheck.py does whole trees)."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.recipe.syntax import Script, parse
from abuildpy.recipe.syntax.nodes import Literal

TOP = Path(__file__).parents[3]
RECIPES = sorted(TOP.glob("aports-sample/main/*/APKBUILD"))


def recipe(path: Path) -> Script:
    return parse(path.read_bytes())


@pytest.mark.parametrize("path", RECIPES, ids=[path.parent.name for path in RECIPES])
def test_tree_sitter_finds_the_same(path: Path) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    bash = pytest.importorskip("tree_sitter_bash")
    script = recipe(path)
    todo = [tree_sitter.Parser(tree_sitter.Language(bash.language())).parse(script.data).root_node]
    if todo[0].has_error:
        pytest.skip("tree-sitter-bash cannot read it")
    theirs = set()
    while todo:
        node = todo.pop()
        todo += node.named_children
        if node.type in ("variable_assignment", "function_definition"):
            theirs.add((node.child_by_field_name("name").text.decode(), node.start_byte, node.end_byte))
    ours = {(a.name, a.span.start, a.span.end) for a in script.assignments}
    assert theirs == ours | {(f.name, f.span.start, f.span.end) for f in script.functions}


@pytest.mark.parametrize("path", RECIPES, ids=[path.parent.name for path in RECIPES])
def test_bashlex_takes_words_apart_the_same_way(path: Path) -> None:
    bashlex = pytest.importorskip("bashlex")
    compared = 0
    for assignment in recipe(path).assignments:
        value = assignment.raw.decode()
        if assignment.top_level and "'" not in value and "\\" not in value:  # it is wrong about both in double quotes
            (word,) = bashlex.parse(f"v={value}")[0].parts
            start = assignment.value_span.start - 2
            ours = [(p.start - start, p.end - start) for p in assignment.value.parts if not isinstance(p, Literal)]
            text = "".join(
                p.text if isinstance(p, Literal) else value[p.start - start - 2 : p.end - start - 2]
                for p in assignment.value.parts
            )
            assert ([p.pos for p in word.parts], word.word) == (ours, f"v={text}")
            compared += 1
    assert compared > 5
