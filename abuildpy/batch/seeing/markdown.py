# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as Markdown, for merge requests and job summaries: how it ended, failures with their first error, who blocks whom."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from abuildpy.batch.model import GOOD, Outcome, Report
from abuildpy.batch.seeing.summary import blockers, failures, headline, not_reached, refused, titled
from abuildpy.batch.seeing.trouble import trouble_of
from abuildpy.ui.words import cut, duration, printable, size

_SPECIAL = re.compile(r"([\\`*_\[\]#|<>~&$]|(?<=www)\.|(?<=:)/(?=/))", re.IGNORECASE)
"""What means something in the middle of a line, and what would make a link of an address."""
_MOST = 100
_NAMES = 40


def markdown(report: Report) -> str:
    """The document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report.started))
    yield f"## {'✅' if report.exit_status == 0 else '❌'} {_text(headline(report))}"
    yield ""
    arch = f"for {_text(report.plan.arch)}, " if report.plan.arch else ""
    yield f"{arch}{report.jobs} at once, started {started}"
    yield from _refusal(report)
    failed = failures(report)
    if failed:
        yield from ("", f"### {len(failed)} failed")
        for outcome in failed[:_MOST]:
            yield from _failure(outcome)
        if len(failed) > _MOST:
            yield from ("", f"… and {len(failed) - _MOST} more")
    blocking = blockers(report.outcomes)
    if blocking:
        blocked = sum(outcome.status == "blocked" for outcome in report.outcomes)
        yield from ("", f"### {blocked} blocked", "", "| by | recipes | |", "|---|--:|---|")
        for name, names in list(blocking.items())[:_MOST]:
            yield f"| {_text(name)} | {len(names)} | {_names(names)} |"
    left = not_reached(report)
    if left:
        yield from ("", f"### {len(left)} not reached", "", _names(left))
    if report.plan.cycles:
        yield from ("", f"### {len(report.plan.cycles)} cycles", "")
        for cycle in report.plan.cycles:
            yield from (f"- {' → '.join(_text(name) for name in path)}" for path in cycle.paths)
    good = sorted((each for each in report.outcomes if each.status in GOOD), key=lambda each: -each.seconds)
    if good:
        yield from ("", f"<details><summary>{len(good)} built or reused, the longest first</summary>", "")
        yield from ("| recipe | version | | time | memory |", "|---|---|---|--:|--:|")
        for outcome in good[: 10 * _MOST]:
            peak = size(outcome.max_rss) if outcome.max_rss else ""
            took = duration(outcome.seconds) if outcome.status == "built" else ""
            yield f"| {_text(outcome.name)} | {_text(outcome.version)} | {outcome.status} | {took} | {peak} |"
        yield from (f"| … and {len(good) - 10 * _MOST} more | | | | |",) if len(good) > 10 * _MOST else ()
        yield from ("", "</details>")


def _refusal(report: Report) -> Iterator[str]:
    """Why results are not in the repository."""
    refusal = report.refusal
    if refusal is None:
        return
    yield from ("", "### Not all is published" if refusal.held else "### Not published", "", _text(refusal.error))
    losing = refused(report)
    if losing:
        yield from ("", "| to be rebuilt | because |", "|---|---|")
        for recipe, lines in list(losing.items())[:_MOST]:
            yield f"| {_text(recipe)} | {'<br>'.join(_text(line) for line in lines)} |"
        yield from (f"| … and {len(losing) - _MOST} more | |",) if len(losing) > _MOST else ()
    if refusal.held:
        yield from ("", f"Held back: {_names(list(refusal.held))}")
    if refusal.hint:
        yield from ("", f"Next step: {_text(refusal.hint)}")


def _failure(outcome: Outcome) -> Iterator[str]:
    trouble = trouble_of(outcome)
    took = f" after {duration(outcome.seconds)}" if outcome.seconds else ""
    yield ""
    yield f"**{_text(titled(outcome))}**: {outcome.reason}{took}"
    yield ""
    lines = [text for _, text in trouble.context] or [trouble.text]
    if not any(trouble.text in line for line in lines):
        lines = [trouble.text, "", *lines]
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    yield f"{fence}text"
    yield from (cut(line, 300) for line in lines)
    yield fence
    for word, text in (("Likely cause", trouble.cause), ("Next step", trouble.next_step)):
        if text:
            yield from ("", f"{word}: {_text(text)}")
    if outcome.log:
        yield from ("", f"Log: {_text(outcome.log)}" + (f", line {trouble.number}" if trouble.number else ""))


def _names(names: list[str]) -> str:
    more = f" … and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(_text(name) for name in names[:_NAMES]) + more


def _text(text: str) -> str:
    """Text that stays text: nothing in it is a link, a tag, a mention, a table's bar."""
    return _SPECIAL.sub(r"\\\1", printable(text))
