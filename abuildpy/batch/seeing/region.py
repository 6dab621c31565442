# SPDX-License-Identifier: GPL-3.0-or-later
"""The last rows of a terminal, drawn again and again in place, while other lines go out above them.

rich's own ``Live`` moves up by as many rows as it drew, which leaves remains when a terminal became narrower meanwhile and
wrapped them; and it takes what other parts of the program write for its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

_STYLES = re.compile(r"\033\[[0-9;]*m")
Width = Callable[[str], int]


class Region:
    """Writes to one descriptor. ``width_of`` tells how many columns a text takes."""

    def __init__(self, descriptor: int, width_of: Width) -> None:
        self._descriptor = descriptor
        self._width_of = width_of
        self._widths: list[int] = []
        self._columns = 0

    def draw(self, lines: Sequence[str], columns: int, above: str = "") -> None:
        """Shows these lines instead of the last ones, in a terminal that has so many columns now.

        ``above`` are whole lines that stay, above. Written at once, and rows are overwritten, not emptied before: so that
        nothing flickers.
        """
        text = self._back(columns)
        if (
            above or columns != self._columns
        ):  # terminals remember of rows that they wrapped them, until they are emptied
            text += "\033[J"
        self._columns = columns
        text += above
        text += "".join(f"{line}\033[K\n" for line in lines) + "\033[J"
        self._widths = [self._width_of(_STYLES.sub("", line)) for line in lines]
        self._write(text)

    def clear(self, columns: int) -> None:
        """Takes the lines away; the cursor is where the first began."""
        self._write(f"{self._back(columns)}\033[J")
        self._widths = []

    def _back(self, columns: int) -> str:
        """To the beginning of the first line; those that are now too long were wrapped by the terminal."""
        rows = sum(max(1, -(-width // max(1, columns))) for width in self._widths)
        return f"\r\033[{rows}A" if rows else "\r"

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            pass  # the terminal is gone: that must not end a batch
