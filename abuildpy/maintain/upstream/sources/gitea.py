# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects at Codeberg and any other Forgejo, Gitea or Gogs: recognised by where ``archive`` and ``releases`` stand."""

from __future__ import annotations

from abuildpy.maintain.upstream.facts import Facts, Place, is_archive
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.sources.github import archive_tag

KIND = "gitea"
_NO_OWNERS = frozenset("download downloads pub files releases src dist attachments software projects ftp".split())
_HOSTS = frozenset(
    (
        "codeberg.org",
        "notabug.org",
        "opendev.org",
        "git.disroot.org",
        "gitea.com",
        "git.kernel.ua",
        "gitnet.fr",
        "akkoma.dev",
    )
)


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The project behind an address; None if that has not the form of a Gitea's."""
    parts = place.parts
    known = place.host in _HOSTS or place.host.startswith(("gitea.", "forgejo.")) or facts.kinds.get(place.host) == KIND
    if parts[:1] and parts[0].lower() in _NO_OWNERS:
        return None
    if place.is_home:
        return _upstream(place, facts, "") if known and len(parts) >= 2 else None
    if place.host.startswith(("hg.", "git.sr.ht")) or place.scheme == "ftp" or (parts and parts[0].startswith("~")):
        return None
    match parts:
        case (_, _, "archive", *tag) if tag and is_archive(tag[-1]):
            return _upstream(place, facts, archive_tag(tag, facts))
        case (_, _, "releases", "download", *tag, _file) if tag:
            return _upstream(place, facts, "/".join(tag))
        case (_, _, *_) if known:
            return _upstream(place, facts, "")
    return None


def _upstream(place: Place, facts: Facts, tag: str) -> Upstream:
    project = "/".join(place.parts[:2]).removesuffix(".git")
    return facts.of_tag(KIND, project, f"{place.root}/{project}", tag)
