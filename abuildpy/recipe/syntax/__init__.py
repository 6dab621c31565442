# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes read without running them: :func:`parse`, and what a :class:`Script` is made of."""

from abuildpy.recipe.syntax.model import Assignment, Comment, Function, Section, SourceEntry, Span
from abuildpy.recipe.syntax.script import Script, parse

__all__ = ["Assignment", "Comment", "Function", "Script", "Section", "SourceEntry", "Span", "parse"]
