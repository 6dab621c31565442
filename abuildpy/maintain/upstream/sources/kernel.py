# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux itself, whose releases kernel.org lists with the state of each series."""

from __future__ import annotations

import re

from abuildpy.maintain.upstream.facts import Facts, Place
from abuildpy.maintain.upstream.model import Form, Upstream

KIND = "kernel"
ADDRESS = "https://www.kernel.org/releases.json"
_FILE = re.compile(r"(?:linux|patch)-\d[\w.-]*")


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """Linux; None for all else, other programs on that server too."""
    del facts
    at_home = place.host == "kernel.org" or place.host.endswith(".kernel.org")
    if not at_home or place.is_home or place.parts[:3] != ("pub", "linux", "kernel"):
        return None
    if len(place.parts) != 5 or not _FILE.fullmatch(place.name):
        return None
    return Upstream(KIND, "linux", ADDRESS, Form())
