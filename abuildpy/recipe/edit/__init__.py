# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a recipe's text without running it: variables, lists, checksums, the secfixes comment.

Functions take and give the whole text; the ``write_…`` ones do it to a file. Every byte that an edit is not about stays.
"""

from abuildpy.recipe.edit.checksums import replace_checksums, write_checksums
from abuildpy.recipe.edit.computed import set_through
from abuildpy.recipe.edit.effect import require_effect
from abuildpy.recipe.edit.file import edit_file
from abuildpy.recipe.edit.lists import add_to_list, remove_from_list
from abuildpy.recipe.edit.secfixes import add_secfix, secfixes_block
from abuildpy.recipe.edit.variables import set_variable, write_variables, written_values

__all__ = [
    "add_secfix",
    "add_to_list",
    "edit_file",
    "remove_from_list",
    "replace_checksums",
    "require_effect",
    "secfixes_block",
    "set_through",
    "set_variable",
    "write_checksums",
    "write_variables",
    "written_values",
]
