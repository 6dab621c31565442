# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML files that need no network, in which whatever logs, names and packages hold is text.

jinja2 escapes all that it is given, and a Content-Security-Policy in the template allows style and script by their hashes,
and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abuildpy import __version__


def render(
    template: Path,
    facts: Mapping[str, Any],
    filters: Mapping[str, Any],
    **inline: str,
) -> str:
    """The document that a template makes of some facts; ``filters`` are functions that it may call, by name.

    Each of ``inline`` (``style=``, ``script=``) is a text that is put in as it is; the template gets its hash too, under
    ``style_hash`` and so on.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    hashes = {f"{name}_hash": _hash(text) for name, text in inline.items()}
    return environment.get_template(template.name).render({**facts, **inline, **hashes, "version": __version__})


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
