# SPDX-License-Identifier: GPL-3.0-or-later
"""A console for the tests that remembers what it was told."""

from __future__ import annotations


class Log:
    """``said`` are all messages, of whatever kind, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def _note(self, text: str) -> None:
        self.said.append(text)

    msg = msg2 = warning = warning2 = error = error2 = plain = _note
