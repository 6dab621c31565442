# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and reports as JSON documents, and outcomes read back from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeVar

from abuildpy.batch.model import ABSENCES, FAILURES, STATUSES, Cycle, Need, Outcome, Plan, Refusal, Report, Task

_T = TypeVar("_T")
Document = dict[str, Any]
"""What json.dumps takes."""


def report_document(report: Report) -> Document:
    """A batch: ``packages`` in the order in which they ended, and what is common to all."""
    counted = Counter(outcome.status for outcome in report.outcomes)
    return {
        "packages": [outcome_document(outcome) for outcome in report.outcomes],
        "arch": report.plan.arch,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "jobs": report.jobs,
        "complete": report.complete,
        "exit_status": report.exit_status,
        "summary": {status: counted[status] for status in STATUSES},
        "cycles": [cycle_document(cycle) for cycle in report.plan.cycles],
        "needs": {task.name: list(task.waits_for) for task in report.plan.tasks},
        "not_published": None if report.refusal is None else refusal_document(report.refusal),
    }


def refusal_document(refusal: Refusal) -> Document:
    """Why results are not in the repository; ``held`` are those that are not, all if it is empty."""
    return {
        "error": refusal.error,
        "hint": refusal.hint,
        "losses": [
            {
                "package": loss.package,
                "recipe": loss.recipe,
                "wanted": loss.wanted,
                "had_from": list(loss.had_from),
                "taken_by": list(loss.taken_by),
                "left_over": loss.left_over,
            }
            for loss in refusal.losses
        ],
        "rebuild": list(refusal.rebuild),
        "held": list(refusal.held),
    }


def outcome_document(outcome: Outcome) -> Document:
    """One outcome."""
    return {
        "name": outcome.name,
        "version": outcome.version,
        "status": outcome.status,
        "reason": outcome.reason,
        "blocked_by": list(outcome.blocked_by),
        "seconds": round(outcome.seconds, 3),
        "max_rss": outcome.max_rss,
        "log": outcome.log,
        "apks": list(outcome.apks),
        "error": outcome.error,
        "attempts": outcome.attempts,
        "started": outcome.started,
        "key": outcome.key,
    }


def parse_outcome(document: object) -> Outcome:
    """The outcome in a document that may come from anywhere. Raises ValueError that says what is wrong with it."""
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    status = _one_of(document, "status", STATUSES)
    reason = None if document.get("reason") is None else _one_of(document, "reason", (*FAILURES, *ABSENCES))
    if (status == "failed") != (reason in FAILURES) or (status == "skipped") != (reason in ABSENCES):
        raise ValueError(f"reason {reason} does not go with status {status}")
    return Outcome(
        name=_text(document, "name"),
        version=_text(document, "version"),
        status=status,
        reason=reason,
        blocked_by=_texts(document, "blocked_by"),
        seconds=_number(document, "seconds") or 0.0,
        max_rss=None if (peak := _number(document, "max_rss")) is None else int(peak),
        log=_text_or_none(document, "log"),
        apks=_texts(document, "apks"),
        error=_text_or_none(document, "error"),
        attempts=int(_number(document, "attempts") or 1),
        started=_number(document, "started"),
        key=_text_or_none(document, "key") or "",
    )


def plan_document(plan: Plan) -> Document:
    """A plan: ``tasks`` in their order, what is ``settled`` before anything is built, and the ``cycles``."""
    return {
        "arch": plan.arch,
        "tasks": [task_document(task) for task in plan.tasks],
        "settled": [outcome_document(outcome) for outcome in plan.settled],
        "cycles": [cycle_document(cycle) for cycle in plan.cycles],
        "warnings": list(plan.warnings),
    }


def task_document(task: Task) -> Document:
    """One task."""
    return {
        "name": task.name,
        "folder": task.folder,
        "version": task.version,
        "arch": task.arch,
        "packages": list(task.packages),
        "why": [{"kind": why.kind, "detail": why.detail} for why in task.why],
        "needs": [need_document(need) for need in task.needs],
        "met": [need_document(need) for need in task.met],
        "missing": list(task.missing),
        "key": task.key,
        "exclusive": task.exclusive,
        "priority": task.priority,
        "seconds": task.seconds,
        "max_rss": task.max_rss,
    }


def need_document(need: Need) -> Document:
    """One need."""
    return {
        "on": need.on,
        "wanted": need.wanted,
        "provider": need.provider,
        "kind": need.kind,
        "via": list(need.via),
        "hidden": need.hidden,
    }


def cycle_document(cycle: Cycle) -> Document:
    """One cycle."""
    return {
        "members": list(cycle.members),
        "paths": [list(path) for path in cycle.paths],
        "broken": [{"name": name, **need_document(need)} for name, need in cycle.broken],
        "stopped": list(cycle.stopped),
    }


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value


def _text_or_none(document: Mapping[str, object], name: str) -> str | None:
    return None if document.get(name) is None else _text(document, name)


def _texts(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = document.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(values)


def _number(document: Mapping[str, object], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    # The comparison also keeps out what JSON readers make of NaN and Infinity.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
        raise ValueError(f"{name} is not a number")
    return value


def _one_of(document: Mapping[str, object], name: str, known: tuple[_T, ...]) -> _T:
    value = document.get(name)
    found = next((each for each in known if each == value), None)
    if found is None:
        raise ValueError(f"{name} is none of {' '.join(map(str, known))}")
    return found
