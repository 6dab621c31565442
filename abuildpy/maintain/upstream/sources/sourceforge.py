# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at SourceForge: what files they offer."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import LOOSE, Form, Upstream

KIND = "sourceforge"
_SITES = ("sourceforge.net", "sourceforge.io", "sf.net")
_SERVICES = frozenset(("downloads", "download", "prdownloads", "dl", "www", "master"))


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not at SourceForge."""
    site = next((site for site in _SITES if place.host == site or place.host.endswith(f".{site}")), None)
    if site is None:
        return None
    below = place.host.removesuffix(site).rstrip(".")
    parts = place.parts
    if below and below not in _SERVICES and not below.endswith(".dl"):
        return _upstream(below.rpartition(".")[2], LOOSE if place.is_home else facts.form_in(stem(place.name)))
    if parts[:1] in (("project",), ("projects",), ("sourceforge",)) or (place.is_home and parts[:1] == ("p",)):
        parts = parts[1:]
    if not parts:
        return None
    form = LOOSE
    if not place.is_home:
        name = parts[-2] if parts[-1] == "download" and len(parts) > 1 else parts[-1]
        form = facts.form_in(stem(name))
        if form.loose and len(parts) > 2:
            form = next((f for part in reversed(parts[:-1]) if not (f := facts.form_in(part)).loose), LOOSE)
    return _upstream(parts[0], form)


def _upstream(project: str, form: Form) -> Upstream:
    return Upstream(KIND, project, f"https://sourceforge.net/projects/{project}/rss?path=/", form)
