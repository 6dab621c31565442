# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes from the templates beside this module, and putting them in their place."""

from __future__ import annotations

from pathlib import Path

from abuildpy.atomic import mode_for, replacing
from abuildpy.maintain.quoting import in_quotes, value

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **facts: object) -> str:
    """The text of a recipe. In a template a missing fact is an error; ``|quoted`` and ``|value`` make shell of text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 (this is shell, not HTML: the filters below do the quoting)
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = in_quotes
    environment.filters["value"] = value
    return environment.get_template(f"{template}.j2").render(facts)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file in one step; an existing one keeps its permissions."""
    with replacing(path, mode_for(path, mode)) as file:
        file.write(content)
