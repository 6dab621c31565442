# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing packages: what differs, and what that means for those who depend on them."""

from abuildpy.maintain.diff.model import Change, Comparison, Difference, Package, Provided, Section
from abuildpy.maintain.diff.packages import compare_packages, compare_sets
from abuildpy.maintain.diff.text import render_text

__all__ = [
    "Change",
    "Comparison",
    "Difference",
    "Package",
    "Provided",
    "Section",
    "compare_packages",
    "compare_sets",
    "render_text",
]
