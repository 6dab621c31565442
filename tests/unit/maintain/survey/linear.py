# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether searching with a regular expression takes time in proportion to the text, told from the expression alone.

Two things make such a search slow on a text that is made for it. A repeat may run over places where the search begins anew: each
beginning runs the whole way again (``foo[^)]*bar`` and many ``foo``). Or two repeats in one attempt may share what they match in
many ways (``\\s*x?\\s*`` and many blanks). A repeat that has an end does neither, a possessive one gives nothing back to share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ALL = frozenset(range(128))
_LONGEST = 500
"""A repeat that ends after so many is one that ends."""
_CATEGORIES = {
    op.CATEGORY_DIGIT: frozenset(filter(lambda c: chr(c).isdigit(), _ALL)),
    op.CATEGORY_SPACE: frozenset(filter(lambda c: chr(c).isspace(), _ALL)),
    op.CATEGORY_WORD: frozenset(filter(lambda c: chr(c).isalnum() or c == 95, _ALL)),
}
_NEGATED = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}


@dataclass(frozen=True)
class _Step:
    """A part of one way through an expression: what its characters may be, how often it comes."""

    of: frozenset[int]
    least: int
    endless: bool
    possessive: bool = False
    anchor: Any = None


def slow_parts(pattern: str, *, one_start: bool = False) -> list[str]:
    """What makes a search slow, in words; nothing where it is in proportion. ``one_start``: it begins at one place only."""
    tree = parser.parse(pattern)
    found = set()
    for way in _ways(tree, tree.state.flags):
        found |= set(_restarts(way, tree.state.flags)) if not one_start else set()
        found |= set(_shared(way))
    return sorted(found)


def _restarts(way: Sequence[_Step], flags: int) -> Iterator[str]:
    for at, step in enumerate(way):
        if not step.endless or not step.of or not _may_fail(way[at + 1 :]):
            continue
        before = way[:at]
        if any(each.least and not each.of & step.of for each in before if each.anchor is None):
            continue  # what the search begins with cannot stand in what is repeated
        if any(each.anchor == op.AT_BEGINNING_STRING for each in before):
            continue
        if any(each.anchor == op.AT_BEGINNING for each in before) and (
            not flags & re.MULTILINE or ord("\n") not in step.of
        ):
            continue
        word = _CATEGORIES[op.CATEGORY_WORD]
        if (
            before
            and before[0].anchor == op.AT_BOUNDARY
            and step.of <= word
            and not any(e.of - word for e in before[1:])
        ):
            continue  # words begin where others end
        yield f"the search begins anew within {_shown(step.of)}*"


def _shared(way: Sequence[_Step]) -> Iterator[str]:
    for at, first in enumerate(way):
        if not first.endless or first.possessive:
            continue
        for later in range(at + 1, len(way)):
            second = way[later]
            between = [step for step in way[at + 1 : later] if step.least]
            if not all(step.of & first.of for step in between):
                break  # something stands between them that the first cannot run over
            if (
                second.endless
                and first.of & second.of
                and all(step.of & second.of for step in between)
                and _may_fail(way[later + 1 :])
            ):
                yield f"{_shown(first.of)}* and {_shown(second.of)}* share what they match"
                break


def _may_fail(rest: Sequence[_Step]) -> bool:
    """Whether what follows a repeat can be missing, so that the repeat has been for nothing."""
    return any(step.least or step.anchor is not None for step in rest)


def _shown(of: frozenset[int]) -> str:
    if len(of) > 64:
        return f"[^{''.join(map(chr, sorted(_ALL - of)))}]"
    return f"[{''.join(map(chr, sorted(of)))}]"


def _ways(items: Any, flags: int) -> list[list[_Step]]:
    ways: list[list[_Step]] = [[]]
    for item in items:
        ways = [[*way, *more] for way in ways for more in _of(item, flags)]
        assert len(ways) < 60_000
    return ways


def _of(item: Any, flags: int) -> list[list[_Step]]:
    kind, value = item
    if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
        return [[_Step(_set(item, flags), 1, False)]]
    if kind is op.AT:
        return [[_Step(frozenset(), 0, False, anchor=value)]]
    if kind is op.SUBPATTERN:
        return _ways(value[3], (flags | value[1]) & ~value[2])
    if kind is op.ATOMIC_GROUP:
        return [[_Step(s.of, s.least, s.endless, True, s.anchor) for s in way] for way in _ways(value, flags)]
    if kind is op.BRANCH:
        return _merged([way for branch in value[1] for way in _ways(branch, flags)])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _repeated(kind, value, flags)
    if kind in (op.ASSERT, op.ASSERT_NOT):
        looks = _Step(frozenset(), 0, False, anchor=kind)
        return [[looks], *([*way, looks] for way in _ways(value[1], flags) if any(step.endless for step in way))]
    if kind is op.GROUPREF:
        return [[_Step(_ALL, 0, False)]]
    raise AssertionError(f"{kind} is not known here")


def _repeated(kind: Any, value: Any, flags: int) -> list[list[_Step]]:
    least, most, inner = value
    ways = _ways(inner, flags)
    possessive = kind is op.POSSESSIVE_REPEAT
    if most is op.MAXREPEAT or most > _LONGEST:
        whole = frozenset().union(*(step.of for way in ways for step in way))
        many = [_Step(whole, 0, True, possessive)]
        nested = [[*way, *many] for way in ways if any(step.endless for step in way)]
        first = [[*way, *many] for way in ways] if least else [many]
        return _merged([*first, *nested])
    return _merged([*([] if least else [[]]), *ways])


def _merged(ways: list[list[_Step]]) -> list[list[_Step]]:
    return [list(way) for way in dict.fromkeys(map(tuple, ways))]


def _set(item: Any, flags: int) -> frozenset[int]:
    kind, value = item
    if kind is op.LITERAL:
        found = {value}
    elif kind is op.NOT_LITERAL:
        return _ALL - _cased({value}, flags)
    elif kind is op.ANY:
        return _ALL if flags & re.DOTALL else _ALL - {10}
    else:
        found, negated = set(), False
        for each, of in value:
            if each is op.NEGATE:
                negated = True
            elif each is op.LITERAL:
                found.add(of)
            elif each is op.RANGE:
                found |= set(range(of[0], min(of[1], 127) + 1))
            elif of in _CATEGORIES:
                found |= _CATEGORIES[of]
            else:
                found |= _ALL - _CATEGORIES[_NEGATED[of]]
        cased = _cased(found, flags)
        return _ALL - cased if negated else cased
    return _cased(found, flags)


def _cased(found: set[int], flags: int) -> frozenset[int]:
    if flags & re.IGNORECASE:
        found = found | {ord(other) for c in found for other in (chr(c).lower(), chr(c).upper()) if len(other) == 1}
    return frozenset(c for c in found if c < 128)
