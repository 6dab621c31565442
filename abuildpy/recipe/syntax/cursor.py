# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in a script, and what lies between its words: blanks, joined lines, comments."""

from __future__ import annotations

from abuildpy.errors import RecipeError

MAX_DEPTH = 80
"""How deep commands and quotes may nest. Real recipes reach 12; the limit keeps hostile ones from ending Python."""


class Cursor:
    """Position ``at`` in ``text``; reading never goes beyond ``limit``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.limit = len(text)
        self.depth = 0
        self.comments: list[tuple[int, int]] = []

    def peek(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.at] if self.at < self.limit else ""

    def looking_at(self, what: str) -> bool:
        """Whether ``what`` comes next."""
        return self.text.startswith(what, self.at, self.limit)

    def skip_spaces(self) -> None:
        """Moves over blanks and joined lines."""
        text, at, limit = self.text, self.at, self.limit
        while at < limit:
            char = text[at]
            if char in (" ", "\t"):
                at += 1
            elif char == "\\" and text.startswith("\n", at + 1, limit):
                at += 2
            else:
                break
        self.at = at

    def skip_blanks(self) -> None:
        """Moves over blanks, joined lines and a comment."""
        self.skip_spaces()
        if self.peek() == "#":
            end = self.text.find("\n", self.at, self.limit)
            end = self.limit if end < 0 else end
            self.comments.append((self.at, end))
            self.at = end

    def deeper(self) -> None:
        """Counts one level of nesting (undone by ``depth -= 1``); RecipeError where there are too many."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error("commands or quotes are nested too deeply", self.at)

    def unclosed(self, what: str, position: int) -> RecipeError:
        """The error for something opened at ``position`` and never closed."""
        return self.error(f"{what} is opened here and never closed", position)

    def error(self, message: str, position: int) -> RecipeError:
        """An error that names the line of ``position``."""
        return RecipeError(f"line {self.text.count(chr(10), 0, position) + 1}: {message}")
