# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories that a cgit, a gitweb or a Mercurial's web face shows: recognised by ``snapshot`` in the address."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from abuildpy.maintain.upstream.facts import Facts, Place, stem
from abuildpy.maintain.upstream.model import Form, Upstream

KIND = "cgit"
MERCURIAL = "mercurial"


def recognise(place: Place, facts: Facts) -> Upstream | None:
    """The repository behind an address; None if none of these shows it."""
    parts = place.parts
    if place.is_home:
        return _home(place)
    query = {name: values[0] for name, values in parse_qs(place.query.replace(";", "&")).items()}
    if query.get("a") == "snapshot" and query.get("p"):
        form = facts.form_in(query.get("h", ""))
        return Upstream("gitweb", query["p"], f"{place.up_to(len(parts))}/{query['p']}", form)
    if place.host.startswith("hg.") and "archive" in parts[1:]:
        at = parts.index("archive", 1)
        tag = stem(parts[at + 1]) if len(parts) > at + 1 else ""
        return Upstream(MERCURIAL, "/".join(parts[:at]), place.up_to(at), facts.form_in(tag))
    if "snapshot" in parts[1:]:
        at = parts.index("snapshot", 1)
        if len(parts) <= at + 1:
            return None
        repository = parts[:at]
        tag = "/".join(parts[at + 1 :]).removeprefix("refs/tags/")
        form = _without_name(facts.form_in(stem(tag)), repository[-1])
        return Upstream(KIND, "/".join(repository), place.up_to(at), form)
    return None


def _home(place: Place) -> Upstream | None:
    """A page of a repository, where the address alone tells that."""
    parts = place.parts
    if "aports" in parts or "aports.git" in parts:
        return None  # where the recipe itself is kept
    ending = next((at for at, part in enumerate(parts) if part.endswith(".git")), -1)
    if ending >= 0 and place.host != "github.com":
        return Upstream(KIND, "/".join(parts[: ending + 1]), place.up_to(ending + 1))
    if parts[:1] in (("cgit",), ("cgit.cgi",)) and len(parts) > 1:
        return Upstream(KIND, "/".join(parts), place.up_to(len(parts)))
    return None


def _without_name(form: Form, repository: str) -> Form:
    """cgit names a snapshot ``NAME-TAG``, leaving a ``v`` out: what it put before the tag is no part of it."""
    name = re.escape(repository.removesuffix(".git"))
    if form.loose:
        return form
    before = re.sub(rf"\A{name}-", "", form.before)
    return Form(before, form.after, form.separators, form.widths)
