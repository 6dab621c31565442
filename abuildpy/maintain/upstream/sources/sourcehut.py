# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at any SourceHut: recognised by the owner's tilde."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.sources.github import archive_tag

KIND = "sourcehut"


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if it is not at a SourceHut."""
    parts = place.parts
    ours = place.host.endswith("sr.ht") or facts.kinds.get(place.host) == KIND or place.host.startswith(("git.", "hg."))
    if not ours or len(parts) < 2 or not parts[0].startswith("~"):
        return None
    project, host = "/".join(parts[:2]), "git.sr.ht" if place.host == "sr.ht" else place.host
    tag = ""
    match parts[2:]:
        case ("archive", *words):
            tag = archive_tag(words, facts)
        case ("refs", "download", name, *_) | ("refs", name, *_) | ("blob", name, *_):
            tag = stem(name)
    return facts.of_tag(KIND, project, f"https://{host}/{project}", tag)
