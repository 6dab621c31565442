# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress bar of a download: on a terminal only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class DownloadBar:
    """Draws one transfer at a time; what it drew is wiped when the transfer stops. See ``source.transfer.Progress``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def start(self, name: str, total: int | None, done: int) -> None:
        """A transfer begins: the file's name, its size in bytes if known, bytes already there."""
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self.stop()
        self._bar = Progress(
            TextColumn("    {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._bar.add_task(escape(name), total=total, completed=done)
        self._bar.start()

    def advance(self, count: int) -> None:
        """So many more bytes arrived."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)

    def stop(self) -> None:
        """The transfer ended, well or not."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None


def download_bar(stream: TextIO | None = None) -> DownloadBar | None:
    """A bar for ``stream`` (default: standard error), or None where that is no terminal that can draw one."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return None
    return DownloadBar(stream)
