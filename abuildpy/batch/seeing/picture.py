# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch looks like on a terminal, in rich's terms: the table of what runs, the bar, the counts; and what stays above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from abuildpy.batch.model import Outcome, Report, Status
from abuildpy.batch.seeing.summary import summary, titled
from abuildpy.batch.seeing.tally import Running, Tally
from abuildpy.batch.seeing.trouble import first_error
from abuildpy.ui.words import counted, cut, duration, printable, size

_WIDE, _USUAL, _SMALL = 120, 64, 36
"""From so many columns on there is room for versions and bars, for former times and places, and for phases."""
_BAR = 20
STYLES: Final[tuple[tuple[Status, str], ...]] = (
    ("built", "green"),
    ("reused", "cyan"),
    ("failed", "bold red"),
    ("blocked", "yellow"),
    ("skipped", "dim"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """Lines that stay. ``whole`` ones are wrapped by the terminal, so that paths can be copied; others by us, indented."""

    text: Text
    indent: int = 0
    whole: bool = False

    def renderable(self) -> RenderableType:
        """For a console that wraps."""
        return Padding(self.text, (0, 0, 0, self.indent)) if self.indent else self.text


def picture(tally: Tally, last: Outcome | None, columns: int, rows: int) -> RenderableType:
    """At most ``rows`` lines of at most ``columns``: what runs, how far all of it is, how many ended how."""
    runs = list(tally.running.values())
    room = max(1, rows - 4)  # an empty line, the table's head, the bar, the counts
    shown = runs if len(runs) <= room else runs[: room - 1]
    parts: list[RenderableType] = [_table(shown, tally.clock(), columns)] if shown else []
    if len(shown) < len(runs):
        parts.append(
            Text(f"… and {len(runs) - len(shown)} more running", style="dim", no_wrap=True, overflow="ellipsis")
        )
    return Group(Text(), *parts, _progress(tally, columns), _counts(tally, last, columns))


def failure(outcome: Outcome) -> list[Said]:
    """Who failed and why, the first error, the log."""
    tries = f", {counted(outcome.attempts, 'attempt')}" if outcome.attempts > 1 else ""
    after = f" after {duration(outcome.seconds)}" if outcome.seconds else ""
    head = Text().append("✗ ", style="bold red").append(titled(outcome), style="bold")
    head.append(f" failed, {outcome.reason}", style="red").append(f"{after}{tries}")
    found = [Said(head), Said(Text(cut(first_error(outcome), 300)), 2)]
    return [*found, Said(Text(f"  log: {printable(outcome.log)}", style="dim"), whole=True)] if outcome.log else found


def ending(report: Report, columns: int) -> list[Said]:
    """The summary."""
    found: list[Said] = []
    for line in summary(report):
        match line.kind:
            case "bad" | "good":
                found.append(Said(Text(line.text, style="bold red" if line.kind == "bad" else "bold green")))
            case "failed":
                name, colon, rest = cut(line.text, max(40, columns - 4)).partition(": ")
                found.append(
                    Said(Text("  ✗ ", style="red").append(name, style="bold").append(f"{colon}{rest}", style="none"))
                )
            case "detail":
                found.append(Said(Text(f"    {line.text}", style="dim"), whole=True))
            case _:
                found.append(Said(Text(line.text), 2))
    return found


def _table(runs: Sequence[Running], now: float, columns: int) -> RenderableType:
    """Widths are given: left to itself, rich takes from the names first what is missing."""
    wide, usual, small = columns >= _WIDE, columns >= _USUAL, columns < _SMALL
    where = min(16 if wide else 10, max(5, *(len(run.where) for run in runs)))
    heads: list[tuple[bool, str, int, Literal["left", "right"]]] = [
        (wide, "version", 13, "left"),
        (not small, "phase", 9, "left"),
        (wide, "of its last time", _BAR, "left"),
        (True, "time", 7, "right"),
        (usual, "last", 7, "right"),
        (wide, "last peak", 9, "right"),
        (usual, "where", where, "left"),
    ]
    heads = [each for each in heads if each[0]]
    names = max(6, columns - sum(each[2] + 2 for each in heads) - 2)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("running", width=names, no_wrap=True, overflow="ellipsis")
    for _, head, width, justify in heads:
        table.add_column(head, width=width, justify=justify, no_wrap=True, overflow="ellipsis")
    for run in runs:
        task, took = run.task, now - run.since
        name = Text(printable(task.name), style="bold")
        if run.attempt > 1:
            name.append(f" (attempt {run.attempt})", style="yellow")
        late = task.seconds is not None and took > 2 * task.seconds + 10
        cells: list[tuple[bool, RenderableType]] = [
            (True, name),
            (wide, Text(printable(task.version))),
            (not small, Text(printable(run.phase) or "…", style="cyan")),
            (wide, _share(took, task.seconds)),
            (True, Text(duration(took), style="yellow" if late else "")),
            (usual, Text("" if task.seconds is None else duration(task.seconds), style="dim")),
            (wide, Text(size(task.max_rss) if task.max_rss else "", style="dim")),
            (usual, Text(printable(run.where), style="dim")),
        ]
        table.add_row(*(cell for wanted, cell in cells if wanted))
    return table


def _progress(tally: Tally, columns: int) -> Text:
    """How much of all has ended, coloured by how."""
    words = f" {len(tally.outcomes)}/{tally.total}  {duration(tally.seconds)}"
    left = tally.seconds_left()
    words += f", about {duration(left)} left" if left is not None and left >= 1 else ""
    width = max(4, columns - len(words))
    line = Text(no_wrap=True, overflow="crop")
    drawn = ended = 0
    for status, style in STYLES:
        ended += tally.counts[status]
        end = ended * width // max(1, tally.total)
        line.append("━" * (end - drawn), style=style)
        drawn = end
    return line.append("╌" * (width - drawn), style="dim").append(words)


def _counts(tally: Tally, last: Outcome | None, columns: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for status, style in STYLES:
        number = tally.counts[status]
        if number or status in ("built", "failed", "blocked"):
            line.append(f"{status} {number}", style=style if number else "dim").append("  ")
    line.append(f"running {len(tally.running)}  left {tally.left}")
    said = f"  last: {printable(last.name)} {duration(last.seconds)}" if last else ""
    return line.append(said, style="dim") if len(line) + len(said) < columns else line


def _share(done: float, total: float | None) -> Text:
    """How far a task is, by its last time; it is never shown as complete before it is."""
    if not total:
        return Text("")
    filled = min(_BAR - 1, int(_BAR * done / total))
    return Text("━" * filled, style="cyan").append("╌" * (_BAR - filled), style="dim")
