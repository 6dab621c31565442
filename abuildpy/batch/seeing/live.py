# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch on a terminal: what runs now in a table with progress below it, failures above, where they stay."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from abuildpy.batch.model import Outcome, Plan, Report, Task
from abuildpy.batch.seeing.grouped import Crowd
from abuildpy.batch.seeing.picture import Said, ending, failure, picture
from abuildpy.batch.seeing.region import Region
from abuildpy.batch.seeing.tally import Tally
from abuildpy.messages import Messages
from abuildpy.ui.words import cut, printable

_EVERY = 0.5
_TABLE, _TEXT = 132, 200
"""Columns from which on tables and lines only become harder to read."""
_TRAILING = re.compile(r" +((?:\033\[[0-9;]*m *)*)$", re.MULTILINE)


class LiveView:
    """An observer that draws on the terminal behind ``descriptor``. ``terminal`` tells its columns and rows.

    The picture is made anew twice a second by a thread of its own (``every``; None: only by :meth:`refresh`), so that
    times go on while nothing else happens. Colours are as NO_COLOR and TERM have it.
    """

    def __init__(
        self,
        descriptor: int = 2,
        *,
        terminal: Callable[[], os.terminal_size] | None = None,
        tally: Tally | None = None,
        every: float | None = _EVERY,
    ) -> None:
        self._terminal = terminal or (lambda: _terminal_size(descriptor))
        self._tally = tally or Tally()
        self._console = Console(file=io.StringIO(), force_terminal=True, highlight=False, emoji=False)
        self._region = Region(descriptor, cell_len)
        self._crowd = Crowd()
        self._lock = threading.RLock()
        self._every = every
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: Outcome | None = None
        self._settled: frozenset[str] = frozenset()
        self._shown = False

    def planned(self, plan: Plan) -> None:
        """Says what will not be built, and begins to draw."""
        with self._lock:
            self._tally.planned(plan)
            self._settled = frozenset(outcome.name for outcome in plan.settled)
            failed = [outcome for outcome in plan.settled if not self._crowd.takes(outcome)]
            warnings = [Said(Text(f"warning: {printable(line)}", style="yellow")) for line in plan.warnings]
            self._draw([*warnings, *(said for outcome in failed for said in failure(outcome)), *self._crowded()])
        if self._every is not None and self._thread is None:
            self._thread = threading.Thread(target=self._repeat, args=(self._every,), name="batch view", daemon=True)
            self._thread.start()

    def started(self, task: Task, attempt: int, where: str) -> None:
        """One row more."""
        with self._lock:
            self._tally.started(task, attempt, where)

    def phase(self, task: Task, phase: str) -> None:
        """Shown in its row."""
        with self._lock:
            self._tally.phase(task, phase)

    def finished(self, task: Task, outcome: Outcome) -> None:
        """One row less; failures are told above, and so is who is blocked by them."""
        if outcome.name in self._settled:
            return  # told already
        told = failure(outcome) if outcome.status == "failed" else []
        with self._lock:
            self._tally.finished(task, outcome)
            if outcome.status == "blocked":
                self._crowd.takes(outcome)
            elif told:
                self._draw([*self._crowded(), *told])
            elif outcome.status == "built":
                self._last = outcome

    def ended(self, report: Report) -> None:
        """The picture goes, the summary stays."""
        self.close()
        with self._lock:
            columns = self._terminal().columns
            self._region.draw([], columns, self._above([*self._crowded(), *ending(report, columns)], columns))

    def close(self) -> None:
        """Takes the picture away, if it is there yet: after an end of which nobody told."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            if self._shown:
                self._region.clear(self._terminal().columns)
            self._shown = False

    def beside(self, messages: Messages) -> Messages:
        """Messages that can be given while the picture is drawn: they appear above it."""
        return _Beside(messages, self)

    def refresh(self) -> None:
        """Draws once more."""
        with self._lock:
            self._draw(self._crowded())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Takes the picture away while somebody else writes to the terminal."""
        with self._lock:
            if self._shown:
                self._region.clear(self._terminal().columns)
            try:
                yield
            finally:
                if self._shown:
                    self._draw(())

    def _repeat(self, every: float) -> None:
        while not self._stop.wait(every):
            self.refresh()

    def _draw(self, above: Sequence[Said]) -> None:
        """Everything anew, with further lines above it."""
        columns, rows = self._terminal()
        wide, high = min(columns, _TABLE), max(1, rows - 1)
        self._console.width = wide
        with self._console.capture() as capture:
            self._console.print(picture(self._tally, self._last, wide, high), crop=True)
        lines = _stripped(capture.get()).splitlines()[-high:] if self._tally.total else []
        self._region.draw(lines, columns, self._above(above, columns))
        self._shown = True

    def _above(self, lines: Sequence[Said], columns: int) -> str:
        self._console.width = min(columns, _TEXT)
        with self._console.capture() as capture:
            for said in lines:
                if said.whole:
                    self._console.print(said.text, soft_wrap=True)
                else:
                    self._console.print(said.renderable())
        return _stripped(capture.get())

    def _crowded(self) -> list[Said]:
        return [Said(Text(cut(f"- {line}", 400), style="dim")) for line in self._crowd.told()]


class _Beside:
    """Passes messages on while the picture is away."""

    def __init__(self, messages: Messages, view: LiveView) -> None:
        self._messages, self._view = messages, view

    def msg(self, text: str) -> None:
        with self._view.paused():
            self._messages.msg(text)

    def msg2(self, text: str) -> None:
        with self._view.paused():
            self._messages.msg2(text)

    def warning(self, text: str) -> None:
        with self._view.paused():
            self._messages.warning(text)

    def warning2(self, text: str) -> None:
        with self._view.paused():
            self._messages.warning2(text)

    def error(self, text: str) -> None:
        with self._view.paused():
            self._messages.error(text)

    def error2(self, text: str) -> None:
        with self._view.paused():
            self._messages.error2(text)

    def plain(self, text: str) -> None:
        with self._view.paused():
            self._messages.plain(text)


def _stripped(text: str) -> str:
    """Blanks at the ends of lines would be wrapped into rows of their own when a terminal becomes narrower."""
    return _TRAILING.sub(r"\1", text)


def _terminal_size(descriptor: int) -> os.terminal_size:
    try:
        found = os.get_terminal_size(descriptor)
    except OSError:
        return os.terminal_size((80, 24))
    return found if found.columns and found.lines else os.terminal_size((80, 24))
