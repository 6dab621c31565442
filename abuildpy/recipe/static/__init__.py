# SPDX-License-Identifier: GPL-3.0-or-later
"""What is certain of a recipe without running it: its syntax tree followed the way BusyBox ash would go."""

from abuildpy.recipe.static.reader import StaticReader, StaticValues

__all__ = ["StaticReader", "StaticValues"]
