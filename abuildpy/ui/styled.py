# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of text in pieces that have styles: plain, or as a terminal shows them."""

from __future__ import annotations

import io
from collections.abc import Iterable

Piece = tuple[str, str]
"""A style (a name of rich's, or empty) and a text."""
Line = tuple[Piece, ...]


def as_text(lines: Iterable[Line], *, colors: bool) -> str:
    """The lines as one text, never wrapped or cut; with colours as rich makes them, unless NO_COLOR is set."""
    if not colors:
        return "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, highlight=False, width=1 << 16)
    for line in lines:
        text = Text()
        for style, piece in line:
            text.append(piece, style=style)
        text.rstrip()
        console.print(text, soft_wrap=True)
    return stream.getvalue()
