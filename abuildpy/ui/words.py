# SPDX-License-Identifier: GPL-3.0-or-later
"""Times, sizes and foreign text in words that fit into a line."""

from __future__ import annotations

from collections.abc import Sequence

_MARK = "\N{REPLACEMENT CHARACTER}"


def duration(seconds: float) -> str:
    """``0.4s``, ``31s``, ``1m 12s``, ``2h 05m``, ``3d 04h``."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def size(count: float) -> str:
    """``512 KiB``, ``1.4 GiB``."""
    value, units = count / 1024, ["KiB", "MiB", "GiB", "TiB"]
    while value >= 1000 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.1f} {units[0]}" if value < 9.95 and units[0] != "KiB" else f"{value:.0f} {units[0]}"


def printable(text: str) -> str:
    """One line without anything that would do something to a terminal, a document or a file's encoding.

    Lines are joined by blanks. Bytes that were no UTF-8 (surrogates), control characters and signs that turn the direction
    of writing become U+FFFD.
    """
    return "".join(sign if sign.isprintable() else _MARK for sign in " ".join(text.split()))


def printable_line(line: str) -> str:
    """The same of one line, with its indent; tabs become blanks."""
    return "".join(sign if sign.isprintable() else _MARK for sign in line.expandtabs(8))


def printable_lines(text: str) -> list[str]:
    """The same for each line of a text, without blanks at its end."""
    return [printable_line(line.rstrip()) for line in text.replace("\r\n", "\n").split("\n")]


def cut(text: str, most: int) -> str:
    """At most so many signs."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def some(names: Sequence[str], most: int) -> str:
    """``a b c … and 12 more``."""
    more = len(names) - most
    return " ".join(names) if more <= 0 else f"{' '.join(names[:most])} … and {more} more"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 recipe``, ``3 recipes``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
