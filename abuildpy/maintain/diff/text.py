# SPDX-License-Identifier: GPL-3.0-or-later
"""A difference as lines of text."""

from __future__ import annotations

from abuildpy.maintain.diff.model import Comparison, Difference


def render_text(difference: Difference | Comparison, *, full: bool = False) -> str:
    """Plain lines, without colours, never wrapped; empty if nothing differs. ``full`` shows what long lists leave out."""
    raise NotImplementedError
