# SPDX-License-Identifier: GPL-3.0-or-later
"""Two other readers of shell, against ours: tree-sitter-bash for the structure, bashlex for the words.

Both read bash, not ash, and neither reads everything: where tree-sitter finds an error, and what bashlex refuses, is
counted and left out. Counted by themselves are their evident faults: tree-sitter-bash 0.25 ends ``"$a"/$b-$c`` before
``-``, which is no end of a word; bashlex 0.18 drops single quotes inside double ones, miscounts joined lines, and ends
``${a%${b#?}}`` at the first brace. (Which reading is right where they differ, static.py finds out: it asks ash.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from abuildpy.recipe.syntax import Assignment, Script
from abuildpy.recipe.syntax.nodes import Arithmetic, Literal, Parameter, Substitution

Place = tuple[str, int]
WORD_ENDS = (*tuple(bytes([char]) for char in b" \t\n;&|<>()`"), b"")


def cross_check(scripts: Mapping[Path, Script]) -> bool:
    """Prints how often the readers agree and each disagreement; whether there was none."""
    return _structure(scripts) & _words(scripts)


def _structure(scripts: Mapping[Path, Script]) -> bool:
    import tree_sitter
    import tree_sitter_bash

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    agreed, shorter, refused, differences = 0, 0, 0, []
    for path, script in scripts.items():
        tree = parser.parse(script.data)
        if tree.root_node.has_error:
            refused += 1
            continue
        theirs = dict(_theirs(tree.root_node))
        ours = {(a.name, a.span.start): a.span.end for a in script.assignments}
        ours |= {(f"{f.name}()", f.span.start): f.span.end for f in script.functions}
        faulty = 0
        for place in sorted(ours.keys() | theirs.keys(), key=lambda place: place[1]):
            line = script.span(place[1], place[1]).line
            if ours.get(place) == theirs.get(place):
                agreed += 1
            elif line == faulty or script.data[theirs.get(place, 0) :][:1] not in WORD_ENDS:
                shorter += 1
                faulty = line
            else:
                differences.append(f"{path}:{line} {place[0]} ends {ours.get(place)}, tree-sitter: {theirs.get(place)}")
    print(
        f"tree-sitter: {agreed} the same, {shorter} ended within a word, {len(differences)} differ; {refused} recipes refused"
    )
    for difference in differences[:40]:
        print("   " + difference)
    return not differences


def _theirs(node: Any) -> Iterator[tuple[Place, int]]:
    """Assignments and functions below a node of tree-sitter's, and their ends."""
    todo = [node]
    while todo:
        node = todo.pop()
        todo += node.named_children
        if node.type == "variable_assignment":
            yield (node.child_by_field_name("name").text.decode("latin-1"), node.start_byte), node.end_byte
        elif node.type == "function_definition":
            name = node.child_by_field_name("name").text.decode("latin-1")
            yield (f"{name}()", node.start_byte), node.child_by_field_name("body").end_byte


def _words(scripts: Mapping[Path, Script]) -> bool:
    counts: Counter[str] = Counter()
    differences = []
    for path, script in scripts.items():
        for assignment in script.assignments:
            if assignment.function is None and not assignment.inside:
                verdict = _word(script, assignment)
                counts[verdict or "differ"] += 1
                if not verdict:
                    differences.append(f"{path}:{assignment.span.line} {assignment.raw[:80]!r}")
    print("bashlex: " + ", ".join(f"{count} words {verdict}" for verdict, count in sorted(counts.items())))
    for line in differences[:40]:
        print("   " + line)
    return not differences


def _word(script: Script, assignment: Assignment) -> str:
    """How bashlex reads an assignment's value: empty if otherwise than ours."""
    import bashlex

    value = script.data[assignment.value_span.start : assignment.value_span.end].decode("latin-1")
    try:
        (command,) = bashlex.parse(f"v={value}")
        (node,) = command.parts
    except Exception:  # bashlex raises whatever its inside raises
        return "refused"
    theirs = [(part.kind, part.pos[0] - 2, part.pos[1] - 2) for part in node.parts]
    start = assignment.value_span.start
    kinds = {Parameter: "parameter", Substitution: "commandsubstitution"}
    ours, text = [], ""
    for part in assignment.value.parts:
        if isinstance(part, Literal):
            text += part.text
            continue
        if isinstance(part, Arithmetic):
            return "refused"
        ours.append((kinds[type(part)], part.start - start, part.end - start))
        text += value[part.start - start : part.end - start]
    if ours != theirs:
        cut = any(value[start:end].count("{") != value[start:end].count("}") for _, start, end in theirs)
        return "with expansions misplaced" if cut or "\\\n" in value else ""
    if node.word == f"v={text}":
        return "same"
    return "with their quoting misread" if _plain(node.word) == _plain(f"v={text}") else ""


def _plain(text: str) -> str:
    return text.replace("'", "").replace("\\\n", "")
