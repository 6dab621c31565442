# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule, in the order of their tags.

AL1 to AL62 are those of atools (apkbuild-lint, and of aports-lint what one recipe and the names of folders can tell);
AV1 and so on are the findings of ``abuild validate``; AP1 and so on are our own.
"""

from __future__ import annotations

import re

from abuildpy.lint.model import Rule
from abuildpy.lint.rules import (
    atools_values,
    dependencies,
    functions,
    hygiene,
    layout,
    secfixes,
    shell,
    sources,
    validated,
    variables,
)
from abuildpy.lint.rules.hygiene import NOT_SHELL

__all__ = ["NOT_SHELL", "RULES", "rule_named"]


def _key(rule: Rule) -> tuple[int, int]:
    match = re.fullmatch(r"(A[LVP])(\d+)", rule.tag)
    return (("AL", "AV", "AP").index(match[1]), int(match[2])) if match else (3, 0)


RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            rule
            for module in (
                atools_values,
                dependencies,
                functions,
                hygiene,
                layout,
                secfixes,
                shell,
                sources,
                validated,
                variables,
            )
            for rule in module.RULES
        ),
        key=_key,
    )
)


def rule_named(name: str) -> Rule | None:
    """The rule of a tag or a label; None if there is none."""
    for rule in RULES:
        if name.upper() == rule.tag or name == rule.label:
            return rule
    return None
