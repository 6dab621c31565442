# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules, by the text that a line must contain to be looked at.

Where two rules hit a line the first counts, so the more special ones come first.
"""

from __future__ import annotations

from functools import cache

from abuildpy.diagnosis.model import Rule


@cache
def rules_by_needle() -> dict[str, tuple[tuple[int, Rule], ...]]:
    """The rules that a line with that text may fall under, each with its place in the order of all."""
    from abuildpy.diagnosis.rules import builders, compilers, documents, languages, system, tests

    found: dict[str, list[tuple[int, Rule]]] = {}
    tables = (
        *system.RULES,
        *builders.RULES,
        *tests.RULES,
        *compilers.RULES,
        *languages.RULES,
        *documents.RULES,
        *system.LAST,
    )
    for place, rule in enumerate(tables):
        found.setdefault(rule.needle, []).append((place, rule))
    return {needle: tuple(rules) for needle, rules in found.items()}
