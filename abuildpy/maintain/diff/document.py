# SPDX-License-Identifier: GPL-3.0-or-later
"""A difference as a document for programs (JSON). Keys are only ever added."""

from __future__ import annotations

from typing import Any, Final

from abuildpy.maintain.diff.model import Change, Comparison, Difference, Package, Provided

_SIGNS: Final = {"+": "added", "-": "removed", "~": "changed", ">": "renamed"}


def document(comparison: Comparison) -> dict[str, Any]:
    """``verdict`` of all, ``abi_changed``, ``lost_provides``, and ``packages`` with one object for each that differs."""
    return {
        "version": 1,
        "verdict": comparison.verdict,
        "abi_changed": any(each.abi_changed for each in comparison.differences),
        "lost_provides": [each.name for each in comparison.provided if each.new is None],
        "packages": [_difference(each) for each in comparison.differences],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "old": _package(difference.old),
        "new": _package(difference.new),
        "verdict": difference.verdict,
        "abi_changed": difference.abi_changed,
        "lost_provides": list(difference.lost_provides),
        "sections": {section.name: [_change(each) for each in section.changes] for section in difference.sections},
        "provided": [provided_object(each) for each in difference.provided],
        "not_compared": list(difference.unseen),
    }


def _package(package: Package | None) -> dict[str, Any] | None:
    if package is None:
        return None
    return {
        "path": str(package.path),
        "name": package.name,
        "version": package.version,
        "arch": package.arch,
        "origin": package.origin,
        "size": package.size,
        "installed_size": package.installed_size,
    }


def _change(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"change": _SIGNS[change.sign], "what": change.what}
    for key in ("readable", "where", "old", "new", "note", "impact"):
        if value := getattr(change, key):
            found[key] = value
    if change.lines:
        found["lines"] = list(change.lines)
    return found


def provided_object(provided: Provided) -> dict[str, Any]:
    """A name that is not provided any more (``new`` is null), or differently."""
    return {"name": provided.name, "old": provided.old, "new": provided.new, "abi_changed": provided.abi}
