# SPDX-License-Identifier: GPL-3.0-or-later
"""How the inner rooms speak to the user without printing: they are handed something with these methods."""

from __future__ import annotations

from typing import Protocol


class Messages(Protocol):
    """Receiver of progress and complaints; ``ui.console.Console`` is the one that prints in abuild's format."""

    def msg(self, text: str) -> None:
        """Report a step (hidden by ``-q``)."""

    def msg2(self, text: str) -> None:
        """Continue the last ``msg``."""

    def warning(self, text: str) -> None:
        """Report something that does not stop the build."""

    def warning2(self, text: str) -> None:
        """Continue the last ``warning``."""

    def error(self, text: str) -> None:
        """Report a failure."""

    def error2(self, text: str) -> None:
        """Continue the last ``error``."""

    def plain(self, text: str) -> None:
        """Write one line to standard output as it is (lists of paths, ``FILE: OK``)."""
