# SPDX-License-Identifier: GPL-3.0-or-later
"""Who built what when, as places on a drawing: a lane for each place where builds ran."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abuildpy.batch.model import Outcome
from abuildpy.batch.seeing.runs import Run
from abuildpy.ui.words import duration, printable

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_TICKS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """``left`` and ``width`` in percent of the whole time; ``lane`` counts rows from 0."""

    name: str
    status: str
    lane: int
    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """``lanes`` are the names of the rows, empty for those that belong to the row above; ``ticks`` are (percent, label)."""

    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]


def timeline(runs: Sequence[Run], outcomes: Mapping[str, Outcome]) -> Timeline:
    """The drawing for attempts, sorted by their start. What ran at once in one place gets a row each."""
    if not runs:
        return Timeline((), (), ())
    begin, end = min(run.start for run in runs), max(run.end for run in runs)
    whole = max(end - begin, 0.001)
    rows: dict[str, list[float]] = {where: [] for where in sorted({run.where for run in runs}, key=_natural)}
    placed: list[tuple[Run, int]] = []
    for run in runs:
        free = rows[run.where]
        row = next((number for number, until in enumerate(free) if until <= run.start), len(free))
        free[row:] = [run.end, *free[row + 1 :]]
        placed.append((run, row))
    first: dict[str, int] = {}
    lanes: list[str] = []
    for where, free in rows.items():
        first[where] = len(lanes)
        lanes += [printable(where) or "?", *[""] * (len(free) - 1)]
    bars = []
    for run, row in placed:
        outcome = outcomes.get(run.name)
        status = "again" if not run.last else "left" if outcome is None else outcome.status
        said = "tried again" if not run.last else "not done" if outcome is None else outcome.reason or outcome.status
        at = time.strftime("%H:%M:%S", time.gmtime(run.start))
        tries = f", attempt {run.attempt}" if run.attempt > 1 else ""
        title = f"{printable(run.name)}: {said}{tries}, {at} + {duration(run.end - run.start)}, {printable(run.where)}"
        left, width = 100 * (run.start - begin) / whole, 100 * (run.end - run.start) / whole
        bars.append(Bar(run.name, status, first[run.where] + row, round(left, 4), round(max(width, 0.02), 4), title))
    return Timeline(tuple(lanes), tuple(bars), _ticks(whole))


def _ticks(whole: float) -> tuple[tuple[float, str], ...]:
    step = next((each for each in _STEPS if whole / each <= _TICKS), 86400 * (1 + int(whole / 86400 / _TICKS)))
    return tuple((round(100 * at / whole, 4), _label(at)) for at in range(0, int(whole) + 1, step))


def _label(seconds: int) -> str:
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _natural(text: str) -> list[tuple[int, str]]:
    """``local-10`` after ``local-9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", text) if part]
