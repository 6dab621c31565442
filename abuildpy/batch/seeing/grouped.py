# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes that come in crowds, told together: one failure can block a thousand recipes at once."""

from __future__ import annotations

from abuildpy.batch.model import Outcome
from abuildpy.ui.words import counted, printable, some

_NAMES = 6


class Crowd:
    """Keeps outcomes that need no line of their own until others come."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, tuple[str, ...]], list[str]] = {}

    def takes(self, outcome: Outcome) -> bool:
        """Whether an outcome is kept to be told with others: one for which nothing was run."""
        if outcome.status not in ("blocked", "reused", "skipped"):
            return False
        self._waiting.setdefault((outcome.status, outcome.blocked_by), []).append(printable(outcome.name))
        return True

    def told(self) -> list[str]:
        """A line for all of each kind that came since the last time."""
        waiting, self._waiting = self._waiting, {}
        return [self._line(status, by, names) for (status, by), names in waiting.items()]

    def _line(self, status: str, by: tuple[str, ...], names: list[str]) -> str:
        about = f" by {some([printable(name) for name in by], _NAMES)}" if by else ""
        if len(names) == 1:
            return f"{names[0]}: {status}{about}"
        return f"{counted(len(names), 'recipe')} {status}{about}: {some(names, _NAMES)}"
