# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``abuildpy batch`` and writes what its observers are told: ``batchrun.py FILE WORD...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import abuildpy.batch.seeing
from abuildpy.batch.document import outcome_document, report_document
from abuildpy.batch.model import Outcome, Plan, Report, Task
from abuildpy.cli.failure import guarded
from abuildpy.ui.console import Console


class Writer:
    """An Observer that writes lines of JSON."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def _write(self, what: str, **values: Any) -> None:
        self._file.write(json.dumps({"what": what, **values}) + "\n")

    def planned(self, plan: Plan) -> None:
        self._write("planned", tasks=[task.name for task in plan.tasks])

    def started(self, task: Task, attempt: int, where: str) -> None:
        self._write("started", name=task.name, attempt=attempt, where=where)

    def phase(self, task: Task, phase: str) -> None:
        self._write("phase", name=task.name, phase=phase)

    def finished(self, task: Task, outcome: Outcome) -> None:
        self._write("finished", name=task.name, outcome=outcome_document(outcome))

    def ended(self, report: Report) -> None:
        self._write("ended", report=report_document(report))


def main() -> int:
    writer = Writer(Path(sys.argv[1]))
    observers = abuildpy.batch.seeing.observers_for

    def with_ours(*arguments: Any, **values: Any) -> Any:
        return [*observers(*arguments, **values), writer]

    abuildpy.batch.seeing.observers_for = with_ours
    from abuildpy.cli.batch import main as batch

    return guarded(lambda: batch(sys.argv[2:]), Console)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
