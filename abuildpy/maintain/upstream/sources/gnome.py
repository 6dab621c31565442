# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of GNOME: their server keeps a list of all versions of each."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place
from abuildpy.maintain.upstream.model import Form, Upstream

KIND = "gnome"
_HOSTS = frozenset(("download.gnome.org", "ftp.gnome.org", "ftp.acc.umu.se", "download-fallback.gnome.org"))


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The module behind an address; None if it is not on GNOME's server."""
    del facts
    if place.host not in _HOSTS or "sources" not in place.parts or place.is_home:
        return None
    at = place.parts.index("sources")
    if len(place.parts) < at + 3:
        return None
    name = place.parts[at + 1]
    return Upstream(KIND, name, f"https://download.gnome.org/sources/{name}/cache.json", Form())
