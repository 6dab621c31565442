# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches seen: on a terminal, in files, in CI systems; and reports of them. :func:`watching` chooses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from abuildpy.batch.seeing.report import Reports

if TYPE_CHECKING:
    from abuildpy.batch.interface import Observer
    from abuildpy.messages import Messages


class Wanted(Protocol):
    """What is asked of a command line."""

    @property
    def reports(self) -> tuple[Path, ...]:
        """Where reports go."""


@contextmanager
def watching(
    orders: Wanted, console: Messages, environ: Mapping[str, str] = os.environ
) -> Iterator[tuple[list[Observer], Messages]]:
    """Gives those who watch a batch, and what to tell messages to while they do; afterwards the terminal is as before.

    Raises ReportError before where a report could not be written, and after where one was not.
    """
    observers = observers_for(orders, console, environ)
    try:
        yield observers, _beside(observers[0], console)
    finally:
        close = getattr(observers[0], "close", None)
        if close is not None:
            close()
    for observer in observers[1:]:
        if isinstance(observer, Reports):
            observer.require_written()


def observers_for(orders: Wanted, console: Messages, environ: Mapping[str, str] = os.environ) -> list[Observer]:
    """Who watches a batch, in the order in which they are to be told: the view for people, then the reports.

    A terminal gets a live table, a CI system folds and annotations, everything else plain lines through ``console``. Raises
    ReportError where a report could not be written, before hours were spent.
    """
    reports = [Reports(orders.reports, console)] if orders.reports else []
    return [_view(console, environ), *reports]


def _beside(view: Observer, console: Messages) -> Messages:
    beside = getattr(view, "beside", None)
    found: Messages = console if beside is None else beside(console)
    return found


def _view(console: Messages, environ: Mapping[str, str]) -> Observer:
    from abuildpy.batch.seeing.ci import CiView, dialect_of

    dialect = dialect_of(environ)
    if dialect is not None:
        return CiView(console, dialect, _to_stderr, environ)
    if os.isatty(2) and environ.get("TERM", "dumb") != "dumb":
        from abuildpy.batch.seeing.live import LiveView

        return LiveView()
    from abuildpy.batch.seeing.plain import PlainView

    return PlainView(console)


def _to_stderr(text: str) -> None:
    """At once and whole, in one order with the messages."""
    sys.stderr.flush()
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        pass
