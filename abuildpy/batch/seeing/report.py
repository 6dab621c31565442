# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of a batch in files, each in the form that its ending names."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.atomic import mode_for, replacing
from abuildpy.batch.document import report_document
from abuildpy.batch.model import Outcome, Plan, Report, Task
from abuildpy.batch.seeing.runs import Runs
from abuildpy.errors import AbuildError
from abuildpy.messages import Messages


class ReportError(AbuildError):
    """A report cannot be written."""

    exit_status = 2


class Reports:
    """An observer that writes every report when the batch ends, whatever ended it.

    Raises ReportError at once where a report could not be written in the end.
    """

    def __init__(self, paths: Sequence[Path], messages: Messages, clock: Callable[[], float] = time.time) -> None:
        for path in paths:
            require_writable(path)
        self._paths = tuple(dict.fromkeys(paths))
        self._say = messages
        self._runs = Runs(clock)
        self._failed: list[str] = []

    def planned(self, plan: Plan) -> None:
        """Nothing to note: the report has the plan."""

    def started(self, task: Task, attempt: int, where: str) -> None:
        """Noted for the timeline."""
        self._runs.started(task, attempt, where)

    def phase(self, task: Task, phase: str) -> None:
        """Not noted."""

    def finished(self, task: Task, outcome: Outcome) -> None:  # noqa: ARG002 -- as Observer has it
        """Noted for the timeline."""
        self._runs.finished(task)

    def ended(self, report: Report) -> None:
        """Writes all of them; one that cannot be written does not keep the others from it, nor the batch from its end."""
        for path in self._paths:
            try:
                write_report(path, report, self._runs)
            except OSError as error:
                self._failed.append(f"{path}: {error.strerror or error}")
            else:
                self._say.msg(f"Report: {path}")

    def require_written(self) -> None:
        """Raises ReportError if a report could not be written."""
        if self._failed:
            error = ReportError("a report could not be written", details=tuple(self._failed))
            error.exit_status = 1  # nothing was wrong with the command line
            raise error


def write_report(path: Path, report: Report, runs: Runs | None = None) -> None:
    """Writes one report, beside its name first. Raises OSError, ValueError for an ending that means nothing."""
    text = _text(path.suffix, report, runs or Runs(), path.parent)
    with replacing(path, mode_for(path)) as stream:
        stream.write(text.encode("utf-8", "replace"))


def require_writable(path: Path) -> None:
    """Raises ReportError where a report could not be written."""
    folder = path.parent
    if path.is_dir():
        raise ReportError(f"--report {path}: this is a folder", hint="name a file in it")
    if not folder.is_dir():
        raise ReportError(f"--report {path}: there is no folder {folder}", hint=f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ReportError(f"--report {path}: {folder} cannot be written")


def _text(ending: str, report: Report, runs: Runs, folder: Path) -> str:
    """The document; ``folder`` is where its links start. Raises ValueError for an ending that means nothing."""
    match ending:
        case ".json":
            return _json(report, runs)
        case ".xml":
            from abuildpy.batch.seeing.junit import junit

            return junit(report)
        case ".html":
            from abuildpy.batch.seeing.html import html

            return html(report, runs.all(report), runs.where(), folder=folder)
        case ".md":
            from abuildpy.batch.seeing.markdown import markdown

            return markdown(report)
        case _:
            raise ValueError(f"no report ends in '{ending}'")


def _json(report: Report, runs: Runs) -> str:
    """As ``batch/document.py`` has it, and where each was built."""
    document = report_document(report)
    where = runs.where()
    for package in document["packages"]:
        package["where"] = where.get(package["name"])
    return json.dumps(document, indent=1) + "\n"
