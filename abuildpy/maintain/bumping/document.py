# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abuildpy.maintain.bumping.model import Result, Summary

if TYPE_CHECKING:
    from abuildpy.maintain.diff.model import Comparison


def summary_document(summary: Summary) -> dict[str, Any]:
    """Everything that is known of a run, as JSON has it."""
    return {
        "exit_status": summary.exit_status,
        "interrupted": summary.interrupted,
        "branch": summary.branch or None,
        "pushed": summary.pushed or None,
        "trouble": summary.trouble or None,
        "recipes": [_result(result) for result in summary.results],
        "to_rebuild": [{"name": each.name, "why": list(each.why)} for each in summary.followers],
    }


def difference_documents(comparison: Comparison) -> tuple[Any, ...]:
    """What differs in each package, in short."""
    return tuple(
        {
            "package": (each.new or each.old).name,  # type: ignore[union-attr]
            "old": each.old.version if each.old is not None else None,
            "new": each.new.version if each.new is not None else None,
            "abi_changed": each.abi_changed,
            "lost_provides": list(each.lost_provides),
            "changes": {section.name: len(section.changes) for section in each.sections},
        }
        for each in comparison.differences
    )


def _result(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "status": result.status,
        "old": result.old or None,
        "new": result.new or None,
        "rebuild": result.rebuild,
        "reason": result.reason or None,
        "error": result.error or None,
        "hint": result.hint or None,
        "log": result.log or None,
        "held_by": list(result.held_by),
        "commit": result.commit or None,
        "subject": result.subject or None,
        "patches_dropped": list(result.dropped),
        "patches_refreshed": {name: list(notes) for name, notes in result.refreshed.items()},
        "packages": list(result.apks),
        "differences": list(result.differences),
        "lost": list(result.lost),
        "diff": result.diff or None,
    }
