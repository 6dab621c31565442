# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at Launchpad: their releases."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import LOOSE, Upstream

KIND = "launchpad"


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not at Launchpad."""
    parts = place.parts
    if place.host not in ("launchpad.net", "www.launchpad.net", "code.launchpad.net") or not parts:
        return None
    project = parts[0]
    if project.startswith(("~", "+")) or "+archive" in parts:
        return None  # what the distribution has there is none of upstream's
    form = LOOSE if place.is_home else facts.form_in(stem(parts[-1]))
    return Upstream(KIND, project, f"https://api.launchpad.net/1.0/{project}/releases", form)
