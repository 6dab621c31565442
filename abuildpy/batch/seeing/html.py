# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as one HTML file that needs no network: everything in it is text, whatever logs and names hold.

Beside the walls that ``ui/page.py`` puts up, the script only ever sets texts.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from abuildpy.batch.model import STATUSES, Outcome, Refusal, Report
from abuildpy.batch.seeing.runs import Run
from abuildpy.batch.seeing.summary import blockers, failures, headline, refused
from abuildpy.batch.seeing.timeline import timeline
from abuildpy.batch.seeing.trouble import trouble_of
from abuildpy.ui.page import render
from abuildpy.ui.words import cut, duration, printable, printable_lines, size

_PAGE = Path(__file__).resolve().parent / "page"
_TAIL = 80
_TAILS = 300
"""Failures of which the end of the log is taken up; of thousands it would be more than a browser likes."""
_LONGEST = 25


def html(report: Report, runs: Sequence[Run], where: Mapping[str, str], *, folder: Path) -> str:
    """The document, for a file in ``folder``."""
    style = (_PAGE / "report.css").read_text(encoding="utf-8")
    script = (_PAGE / "report.js").read_text(encoding="utf-8")
    outcomes = {outcome.name: outcome for outcome in report.outcomes}
    facts = {
        "headline": headline(report),
        "report": report,
        "started": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report.started)),
        "rows": _rows(report, where, folder),
        "refusal": None if report.refusal is None else _refusal(report, report.refusal),
        "failures": (failed := _failures(report, folder)),
        "errors": {failure["name"]: cut(failure["trouble"].text, 200) for failure in failed},
        "longest": _longest(report),
        "timeline": timeline(runs, outcomes),
        "graph": _data(graph_of(report)),
    }
    rows: list[Mapping[str, Any]] = facts["rows"]  # type: ignore[assignment]
    counts = Counter(row["status"] for row in rows)
    facts["known"] = {row["name"] for row in rows}
    facts["counts"] = {status: counts[status] for status in (*STATUSES, "left") if counts[status]}
    facts["reasons"] = sorted({row["reason"] for row in rows if row["reason"]})
    filters = {"duration": duration, "size": size, "link": _link}
    return render(_PAGE / "report.html.j2", facts, filters, style=style, script=script)


def graph_of(report: Report) -> dict[str, Any]:
    """``names`` and ``statuses`` of all recipes, and ``edges``: pairs of numbers, the first needs the second."""
    status = {task.name: "left" for task in report.plan.tasks}
    status |= {outcome.name: outcome.status for outcome in report.outcomes}
    number = {name: index for index, name in enumerate(status)}
    edges = {
        (number[task.name], number[each]) for task in report.plan.tasks for each in task.waits_for if each in number
    }
    waiting = {task.name for task in report.plan.tasks}
    for outcome in report.outcomes:  # of recipes that were never to be built the plan has no needs
        if outcome.name not in waiting:
            edges |= {(number[outcome.name], number[each]) for each in outcome.blocked_by if each in number}
    for cycle in report.plan.cycles:
        for path in cycle.paths:
            if cycle.stopped:
                known = [number[name] for name in path if name in number]
                edges |= set(pairwise(known))
    return {
        "names": [printable(name) for name in status],
        "statuses": list(status.values()),
        "edges": sorted(edge for edge in edges if edge[0] != edge[1]),
    }


def _rows(report: Report, where: Mapping[str, str], folder: Path) -> list[dict[str, Any]]:
    former = {task.name: task.seconds for task in report.plan.tasks}
    names = {outcome.name for outcome in report.outcomes}
    found = [_row(outcome, outcome.status, former, where, folder) for outcome in report.outcomes]
    for task in report.plan.tasks:
        if task.name not in names:
            nothing = Outcome(task.name, task.version, "skipped")
            found.append(_row(nothing, "left", former, where, folder))
    return found


def _row(
    outcome: Outcome, status: str, former: Mapping[str, float | None], where: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    return {
        "name": printable(outcome.name),
        "version": printable(outcome.version),
        "status": status,
        "reason": outcome.reason or "",
        "seconds": round(outcome.seconds, 3) if status in ("built", "failed") else None,
        "former": former.get(outcome.name),
        "max_rss": outcome.max_rss,
        "where": printable(where.get(outcome.name, "")),
        "started": outcome.started,
        "at": "" if outcome.started is None else time.strftime("%H:%M:%S", time.gmtime(outcome.started)),
        "blocked_by": [printable(name) for name in outcome.blocked_by],
        "attempts": outcome.attempts,
        "log": _relative(outcome.log, folder),
    }


def _failures(report: Report, folder: Path) -> list[dict[str, Any]]:
    blocked = blockers(report.outcomes)
    return [
        {
            "name": printable(outcome.name),
            "version": printable(outcome.version),
            "reason": outcome.reason,
            "seconds": outcome.seconds,
            "attempts": outcome.attempts,
            "trouble": trouble_of(outcome, tail=_TAIL if number < _TAILS else 0),
            "log": _relative(outcome.log, folder),
            "path": printable(outcome.log or ""),
            "blocks": [printable(name) for name in blocked.get(outcome.name, ())],
        }
        for number, outcome in enumerate(failures(report))
    ]


def _refusal(report: Report, refusal: Refusal) -> dict[str, Any]:
    return {
        "error": printable(refusal.error),
        "hints": printable_lines(refusal.hint) if refusal.hint else [],
        "losing": refused(report),
        "held": [printable(name) for name in refusal.held],
    }


def _longest(report: Report) -> list[dict[str, Any]]:
    ran = sorted((each for each in report.outcomes if each.seconds > 0), key=lambda each: -each.seconds)[:_LONGEST]
    former = {task.name: task.seconds for task in report.plan.tasks}
    most = max((max(each.seconds, former.get(each.name) or 0) for each in ran), default=1)
    return [
        {
            "name": printable(each.name),
            "status": each.status,
            "seconds": each.seconds,
            "former": former.get(each.name),
            "width": round(100 * each.seconds / most, 3),
            "former_at": round(100 * (former.get(each.name) or 0) / most, 3),
        }
        for each in ran
    ]


def _relative(path: str | None, folder: Path) -> str | None:
    """A link to a log that still holds when report and logs are taken elsewhere together."""
    if path is None:
        return None
    relative = os.path.relpath(path, folder)
    return "./" + quote(relative.encode("utf-8", "surrogateescape"))


def _link(name: str) -> str:
    """What follows # in a link to a name."""
    return quote(name.encode("utf-8", "replace"), safe="/+:")


def _data(document: object) -> str:
    """JSON that can stand in a script element: nothing in it ends one."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
