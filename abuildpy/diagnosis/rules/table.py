# SPDX-License-Identifier: GPL-3.0-or-later
"""A short way to write rules down."""

from __future__ import annotations

import re

from abuildpy.diagnosis.model import Rank, Rule

STOP, CAUSE, TEST, LIKELY, WEAK, END = Rank.STOP, Rank.CAUSE, Rank.TEST, Rank.LIKELY, Rank.WEAK, Rank.END

PATH = r"[^\s:'\"(),;|<>][^:\n'\"|<>]{0,300}"
"""A file's name at the start of a message."""
QUOTED = r"(?P<quote>[`'\"‘“])?(?P<name>(?(quote)[^`'\"’”\n]+|[^\s`'\"’”]+))(?(quote)[`'\"’”])"
"""A name, in whatever quotes."""


def rule(kind: str, rank: Rank, tool: str, needle: str, pattern: str, *, ignore_case: bool = False) -> Rule:
    """One rule; the pattern is matched at the start of the line."""
    return Rule(kind, rank, tool, needle, re.compile(pattern, re.IGNORECASE if ignore_case else 0))
