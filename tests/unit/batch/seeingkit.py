# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of views and reports share: messages that are kept, a terminal, played batches."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from abuildpy.batch.interface import Observer
from abuildpy.batch.model import Need, Outcome, Plan, Refusal, Report, Task

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
from batches import HOSTILE, NASTY, Play, make_batch

__all__ = ["HOSTILE", "NASTY", "Kept", "Screen", "played", "small", "task"]


class Kept:
    """Messages, as ``kind text``."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def msg(self, text: str) -> None:
        self.lines.append(f"msg {text}")

    def msg2(self, text: str) -> None:
        self.lines.append(f"msg2 {text}")

    def warning(self, text: str) -> None:
        self.lines.append(f"warning {text}")

    def warning2(self, text: str) -> None:
        self.lines.append(f"warning2 {text}")

    def error(self, text: str) -> None:
        self.lines.append(f"error {text}")

    def error2(self, text: str) -> None:
        self.lines.append(f"error2 {text}")

    def plain(self, text: str) -> None:
        self.lines.append(f"plain {text}")


class Screen:
    """A terminal that knows what views write: lines, up, erase; it wraps, and wraps anew when its width changes."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines: list[str] = [""]
        self.at = 0
        self._glued: set[int] = set()
        self._column = 0
        self._read, self.descriptor = os.pipe()
        os.set_blocking(self._read, False)

    def size(self) -> os.terminal_size:
        """As os.get_terminal_size has it."""
        return os.terminal_size((self.columns, self.rows))

    def resize(self, columns: int) -> None:
        """Another width; what was wrapped is joined before."""
        self.take()
        joined: list[str] = []
        at = 0
        for number, line in enumerate(self.lines):
            if number in self._glued:
                joined[-1] += line
            else:
                joined.append(line)
            if number == self.at:
                at = len(joined) - 1
        self.columns, self.lines, self._glued = columns, [], set()
        for number, line in enumerate(joined):
            pieces = [line[start : start + columns] for start in range(0, len(line), columns)] or [""]
            if number == at:
                self.at = len(self.lines)
            for index, piece in enumerate(pieces):
                if index:
                    self._glued.add(len(self.lines))
                self.lines.append(piece)

    def take(self) -> None:
        """Does what was written since the last time."""
        import re

        try:
            data = os.read(self._read, 1 << 20).decode()
        except BlockingIOError:
            return
        for part in re.findall(r"\033\[[0-9;?]*[A-Za-z]|[\r\n]|[^\033\r\n]+", data):
            self._do(part)

    @property
    def shown(self) -> list[str]:
        """All lines, those that scrolled away too, without what is empty at the end."""
        self.take()
        return "\n".join(self.lines).rstrip().split("\n")

    def _do(self, part: str) -> None:
        if part == "\r":
            self._column = 0
        elif part == "\n":
            self.at, self._column = self.at + 1, 0
            if self.at == len(self.lines):
                self.lines.append("")
        elif part.startswith("\033["):
            self._command(part[2:-1], part[-1])
        else:
            self._text(part)

    def _command(self, number: str, name: str) -> None:
        if name == "A":
            self.at = max(0, len(self.lines) - self.rows, self.at - int(number or 1))
        elif name in "KJ":
            self.lines[self.at] = self.lines[self.at][: self._column]
            if name == "J":
                del self.lines[self.at + 1 :]
                self._glued = {each for each in self._glued if each < self.at + (self._column > 0)}
        else:
            assert name == "m", name

    def _text(self, text: str) -> None:
        for sign in text:
            if self._column == self.columns:
                self.at, self._column = self.at + 1, 0
                if self.at == len(self.lines):
                    self.lines.append("")
                self._glued.add(self.at)
            line = self.lines[self.at].ljust(self._column)
            self.lines[self.at] = line[: self._column] + sign + line[self._column + 1 :]
            self._column += 1


def task(name: str, *needs: str, seconds: float | None = None, folder: str = "/aports") -> Task:
    """A task ``main/NAME`` that waits for others."""
    return Task(
        f"main/{name}",
        f"{folder}/main/{name}",
        name,
        "1.0-r0",
        "x86_64",
        needs=tuple(Need(f"main/{each}", each, each, "makedepends") for each in needs),
        seconds=seconds,
    )


def small(log: str | None = None) -> tuple[Plan, list[Outcome]]:
    """Five recipes: a is built, b fails, c and d are blocked by it, e is reused; f is skipped from the start."""
    plan = Plan(
        (task("a", seconds=10), task("b", "a"), task("c", "b"), task("d", "c"), task("e")),
        (Outcome("main/f", "1.0-r0", "skipped", "arch"),),
        arch="x86_64",
    )
    outcomes = [
        Outcome("main/a", "1.0-r0", "built", seconds=12.0, max_rss=300 << 20, started=1000.0),
        Outcome(
            "main/b", "1.0-r0", "failed", "compile", seconds=3.0, log=log, error="b.c:1: error: no", started=1012.0
        ),
        Outcome("main/c", "1.0-r0", "blocked", blocked_by=("main/b",)),
        Outcome("main/d", "1.0-r0", "blocked", blocked_by=("main/b",)),
        Outcome("main/e", "1.0-r0", "reused"),
    ]
    return plan, outcomes


def show(
    observer: Observer,
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    complete: bool = True,
    refusal: Refusal | None = None,
) -> Report:
    """Tells an observer of a batch, one after the other."""
    observer.planned(plan)
    tasks = plan.by_name
    for outcome in plan.settled:  # as the loop does
        observer.finished(task(outcome.name), outcome)
    for outcome in outcomes:
        if outcome.started is not None:
            observer.started(tasks[outcome.name], 1, "local-1")
            observer.phase(tasks[outcome.name], "build")
        observer.finished(tasks[outcome.name], outcome)
    report = Report((*plan.settled, *outcomes), plan, 1000.0, 15.0, 2, complete, refusal)
    observer.ended(report)
    return report


def played(
    folder: Path, count: int = 60, observers: Sequence[Observer] = (), stop_after: float | None = None
) -> Report:
    """A batch with failures, retries and hostile logs."""
    plan, parts = make_batch(count, folder / "aports")
    return Play(plan, parts, folder / "logs").run(observers, 4, stop_after=stop_after)
