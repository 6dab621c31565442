# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from elsewhere as part of a recipe: what it says must stay data when the shell reads it."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_.+:@%/~-]*")


def in_comment(text: str) -> str:
    """The text for behind a ``#``: on one line and without control characters, whatever is in it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def in_quotes(text: str) -> str:
    """The text for inside double quotes, on one line and without control characters."""
    return "".join(f"\\{c}" if c in '\\"$`' else c for c in in_comment(text))


def value(text: str) -> str:
    """The text as the right side of an assignment: bare where that is the habit and safe, else in double quotes."""
    return text if _PLAIN.fullmatch(text) and not text.startswith("~") else f'"{in_quotes(text)}"'
