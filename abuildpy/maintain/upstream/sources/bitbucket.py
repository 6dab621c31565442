# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at Bitbucket: tags, or the files that a project offers for download."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import LOOSE, Upstream

KIND = "bitbucket"


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not at Bitbucket."""
    parts = place.parts
    if place.host != "bitbucket.org" or len(parts) < 2:
        return None
    project = "/".join(parts[:2])
    form, template = LOOSE, ""
    match parts[2:]:
        case ("get", tag):
            form = facts.form_in(stem(tag))
        case ("downloads", file):
            form, template = facts.form_in(stem(file)), "downloads"
    return Upstream(KIND, project, f"https://bitbucket.org/{project}", form, template)
