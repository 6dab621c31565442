# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a change, as lines of text and as a document for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Any, Final

from abuildpy.batch.gate import KINDS
from abuildpy.maintain.follows import Follower, Following, Reason
from abuildpy.repository import depends
from abuildpy.ui.styled import Line
from abuildpy.ui.words import counted, printable

_MOST: Final = 4
_MOST_NAMED: Final = 10
_MOST_ON_A_LINE: Final = 20
_WIDEST: Final = 48


def lines_of(following: Following) -> Iterator[Line]:
    """The recipes that follow, with why each, and the commands that build them."""
    if following.rebuild:
        yield (("bold", f"To be rebuilt, in this order: {counted(len(following.rebuild), 'recipe')}"),)
        yield from _followers(following.rebuild, "red")
    if following.perhaps:
        number = counted(len(following.perhaps), "recipe")
        yield (("bold", f"Built with it, but nothing of theirs depends on what changed: {number}"),)
        yield (("dim", "  (to be rebuilt where they link statically or use what it generates)"),)
        yield from _followers(following.perhaps, "yellow")
    if following.absent:
        number = counted(len(following.absent), "recipe")
        yield (("bold", f"Not in this tree, or not for this architecture: {number}"),)
        yield from _followers(following.absent, "dim")
    for circle in following.circles:
        yield (("yellow", f"  ! they need each other to be built: {printable(' -> '.join(circle))}"),)
    named = [each for each in following.rebuild if each.named]
    if named:
        yield (("yellow", "  ! these name it themselves, so a rebuild alone does not mend them:"),)
        for each in named[:_MOST_NAMED]:
            yield (("", f"      {printable(each.name)}: {printable(' '.join(each.named))}"),)
        if len(named) > _MOST_NAMED:
            yield (("dim", f"      … and {len(named) - _MOST_NAMED} more"),)
    commands = commands_of(following)
    if commands:
        yield (("bold", "This builds them:"),)
        for command in commands:
            yield (("cyan", f"  {printable(command)}"),)
    if not (following.rebuild or following.perhaps or following.absent):
        yield (("green", "Nothing has to be rebuilt."),)


def _followers(followers: Iterable[Follower], style: str) -> Iterator[Line]:
    listed = list(followers)
    width = min(max(len(printable(each.name)) for each in listed), _WIDEST)
    for each in listed:
        yield (("", "  "), (style, f"{printable(each.name):{width}}"), ("", f"  {printable(_why(each.reasons))}"))


def _why(reasons: tuple[Reason, ...]) -> str:
    """``foo-1.0-r0 needs so:libx.so.1, so:liby.so.2; makedepends has x-dev``."""
    by: dict[tuple[str, str], list[str]] = {}
    for reason in reasons:
        verb = "has" if reason.kind == "build" else "uses" if reason.kind == "abi" else "needs"
        by.setdefault((reason.by, verb), []).append(reason.wanted)
    told = [f"{who} {verb} {', '.join(wanted)}" for (who, verb), wanted in by.items()]
    more = f"; and {len(told) - _MOST} more of its packages" if len(told) > _MOST else ""
    return "; ".join(told[:_MOST]) + more


def commands_of(following: Following) -> list[str]:
    """The command lines that rebuild what must be, after (or with) the recipes that changed.

    Where packages would lose what they need, a batch finds that out by itself. It does not where what they need is still
    there by its name, or is of another kind: then pkgrel is raised first.
    """
    if not following.rebuild:
        return []
    reasons = [reason for each in following.rebuild for reason in each.reasons if reason.kind != "build"]
    if following.own and all(each.kind == "lost" and each.wanted.startswith(KINDS) for each in reasons):
        return [shlex.join(["abuildpy", "batch", "--rebuild-dependants", *following.own])]
    names = [each.name for each in following.rebuild]
    if len(names) <= _MOST_ON_A_LINE:
        return [shlex.join(["apkgrel", "-a", *names]), shlex.join(["abuildpy", "batch", *following.own, *names])]
    changed = dict.fromkeys(depends.bare_name(each.wanted) for each in reasons)
    listing = shlex.join(["abuildpy", "follows", "--names", *changed])
    batch = shlex.join(["abuildpy", "batch", *following.own])
    return [f"{listing} | xargs apkgrel -a", f"{listing} | xargs {batch}"]


def following_object(following: Following) -> dict[str, Any]:
    """For JSON: ``rebuild`` and ``perhaps`` in build order, ``absent``, ``circles``, ``commands``."""
    from abuildpy.maintain.diff.document import provided_object

    return {
        "changes": [provided_object(each) for each in following.changes],
        "changed_recipes": list(following.own),
        "rebuild": [_object(each) for each in following.rebuild],
        "perhaps": [_object(each) for each in following.perhaps],
        "absent": [_object(each) for each in following.absent],
        "circles": [list(each) for each in following.circles],
        "commands": commands_of(following),
    }


def _object(follower: Follower) -> dict[str, Any]:
    return {
        "name": follower.name,
        "pkgname": follower.pkgname,
        "folder": follower.folder or None,
        "reasons": [{"kind": each.kind, "wanted": each.wanted, "by": each.by} for each in follower.reasons],
        "named": list(follower.named),
    }
