# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a batch in a few lines: how many ended how, what failed and why, who is blocked by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from abuildpy.batch.model import STATUSES, Outcome, Report
from abuildpy.batch.seeing.trouble import first_error
from abuildpy.ui.words import counted, cut, duration, printable, some

_FAILURES, _NAMES = 25, 8
Kind = Literal["good", "bad", "failed", "detail", "plain"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and what it is about."""

    kind: Kind
    text: str


def headline(report: Report) -> str:
    """``300 recipes in 1h 12m: 250 built, 3 failed, 47 blocked``."""
    counts = Counter(outcome.status for outcome in report.outcomes)
    unreached = len(not_reached(report))
    parts = [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
    parts += [f"{unreached} not reached"] if unreached else []
    recipes = counted(len(report.outcomes) + unreached, "recipe")
    end = f"{recipes} in {duration(report.seconds)}: {', '.join(parts) or 'nothing to do'}"
    if report.refusal is not None:
        end += f"; {len(report.refusal.held)} held back" if report.refusal.held else "; not published"
    return end if report.complete else f"interrupted: {end}"


def refused(report: Report) -> dict[str, list[str]]:
    """For each recipe that has to be rebuilt before all can be published what its packages would lose, a printable line each."""
    found: dict[str, list[str]] = {}
    for loss in report.refusal.losses if report.refusal else ():
        found.setdefault(printable(loss.recipe), []).append(printable(str(loss)))
    return found


def not_reached(report: Report) -> list[str]:
    """Names of the tasks that have no outcome, because the batch was ended before."""
    known = {outcome.name for outcome in report.outcomes}
    return [task.name for task in report.plan.tasks if task.name not in known]


def failures(report: Report) -> list[Outcome]:
    """The outcomes that failed, in the order in which they did."""
    return [outcome for outcome in report.outcomes if outcome.status == "failed"]


def blockers(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """For each recipe that blocks others the names of these, those that block most first."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "blocked":
            for name in outcome.blocked_by:
                found.setdefault(name, []).append(outcome.name)
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))


def summary(report: Report, *, most: int = _FAILURES) -> Iterator[Line]:
    """The lines. Logs are named where there are any."""
    failed = failures(report)
    built = replace(report, refusal=None)  # that not all is published is an error of its own, told last
    yield Line("bad" if built.exit_status else "good", headline(report))
    for outcome in failed[:most]:
        took = f", {duration(outcome.seconds)}" if outcome.seconds else ""
        yield Line("failed", f"{titled(outcome)}: {outcome.reason}{took}: {cut(first_error(outcome), 300)}")
        if outcome.log:
            yield Line("detail", f"log: {printable(outcome.log)}")
    if len(failed) > most:
        yield Line("plain", f"… and {len(failed) - most} more failed")
    for name, names in list(blockers(report.outcomes).items())[:most]:
        yield Line(
            "plain", f"{printable(name)} blocks {len(names)}: {some([printable(each) for each in names], _NAMES)}"
        )


def titled(outcome: Outcome) -> str:
    """Name and version."""
    return f"{printable(outcome.name)} {printable(outcome.version)}".rstrip()
