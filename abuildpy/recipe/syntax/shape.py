# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands say, whatever their layout: two pieces of shell have the same shape if only comments, line breaks and blanks
between words, and the kind of quotes around plain text, are different.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import fields

from abuildpy.recipe.syntax.nodes import Item, Literal, Redirect, Substitution, Word
from abuildpy.recipe.syntax.script import Script

_PLACES = frozenset(("start", "end", "name_start", "name_end"))


def shape(script: Script, node: object) -> Hashable:
    """Something that is equal for nodes of any scripts that say the same."""
    if isinstance(node, tuple):
        return tuple(shape(script, each) for each in node)
    if isinstance(node, Word):
        return "Word", node.doubtful, tuple(_parts(script, node))
    if not hasattr(node, "__dataclass_fields__"):
        return node
    values = [shape(script, getattr(node, f.name)) for f in fields(node) if f.name not in _PLACES]  # type: ignore[arg-type]
    if isinstance(node, Redirect):
        values.append(shape(script, script.here_documents.get(node.start)))
    if isinstance(node, Substitution) and not node.body:
        values.append(script.data[node.start : node.end])
    return type(node).__name__, tuple(values)


def shape_of(script: Script, items: Iterable[Item]) -> Hashable:
    """The same for some commands in a row."""
    return tuple(shape(script, item) for item in items)


def _parts(script: Script, word: Word) -> Iterable[Hashable]:
    """Parts of a word; neighbouring texts that are quoted alike are one."""
    text: list[str] = []
    quoted = False
    for part in word.parts:
        if isinstance(part, Literal) and (not text or part.quoted == quoted):
            text.append(part.text)
            quoted = part.quoted
            continue
        if text:
            yield "".join(text), quoted
            text = []
        if isinstance(part, Literal):
            text, quoted = [part.text], part.quoted
        else:
            yield shape(script, part)
    if text:
        yield "".join(text), quoted
