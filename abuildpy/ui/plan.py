# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for people: what is built in which order and why, what is not, and which recipes need each other."""

from __future__ import annotations

from collections.abc import Iterator

from abuildpy.batch.model import Cycle, Outcome, Plan, Task


def plan_lines(plan: Plan) -> Iterator[str]:
    """Lines of text."""
    width = len(str(len(plan.tasks)))
    yield f"{len(plan.tasks)} to build for {plan.arch}"
    for number, task in enumerate(plan.tasks, 1):
        yield from _task(task, f"{number:{width}}", width)
    if plan.settled:
        yield ""
        yield f"{len(plan.settled)} not to build"
        for outcome in plan.settled:
            yield f"{outcome.name} {outcome.version}".rstrip() + f": {_reason(outcome)}"
    if plan.cycles:
        yield ""
        yield f"{len(plan.cycles)} {'group' if len(plan.cycles) == 1 else 'groups'} of recipes that need each other"
        for cycle in plan.cycles:
            yield from _cycle(cycle)
    if plan.warnings:
        yield ""
        yield from (f"warning: {line}" for line in plan.warnings)


def _task(task: Task, number: str, width: int) -> Iterator[str]:
    marks = ", exclusive" * task.exclusive + (f", priority {task.priority}" if task.priority else "")
    why = ", ".join(map(str, task.why))
    yield f"{number} {task.name} {task.version}{marks}" + (f"  {why}" if why else "")
    indent = " " * (width + 3)
    for name in task.waits_for:
        yield f"{indent}after {name}: " + ", ".join(
            _without_name(str(need), name) for need in task.needs if need.on == name
        )
    for need in task.met:
        yield f"{indent}with what is there of {need.on}: {_without_name(str(need), need.on)}"
    if task.missing:
        yield f"{indent}nothing is known to provide: {' '.join(task.missing)}"


def _without_name(text: str, name: str) -> str:
    return text.replace(f" of {name}", "", 1)


def _reason(outcome: Outcome) -> str:
    if outcome.blocked_by:
        return f"blocked by {', '.join(outcome.blocked_by)}"
    reason = outcome.reason or ""
    return f"{outcome.status}, {reason}" + (f" ({outcome.error})" if outcome.error else "")


def _cycle(cycle: Cycle) -> Iterator[str]:
    for path in cycle.paths:
        yield " -> ".join(path)
    for name, need in cycle.broken:
        yield f"    broken: {name} is built with the {need.wanted} that is there already"
    if cycle.stopped:
        yield f"    not broken: no index on this machine has what {', '.join(cycle.stopped)} need of each other"
        yield "    ('apk update' fetches the indexes of apk's repositories)"
