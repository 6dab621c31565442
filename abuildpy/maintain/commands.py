# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs: git above all, and abuild and checkapk as the user has set them."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from abuildpy.errors import AbuildError, ConfigError


class CommandFailed(AbuildError):
    """A program that was run did not succeed; ``exit_status`` is what it ended with (128 and more: a signal)."""

    def __init__(self, words: Sequence[str], status: int) -> None:
        how = f"status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
        super().__init__(f"'{' '.join(words)}' ended with {how}")
        self.exit_status = status if status >= 0 else 128 - status


def run(words: Sequence[str], folder: Path) -> None:
    """Runs a program in a folder, with our terminal and streams.

    Raises CommandFailed when it does not succeed, ConfigError when it cannot be started.
    """
    import subprocess

    try:
        status = subprocess.run(words, cwd=folder, check=False).returncode
    except OSError as error:
        raise ConfigError(f"cannot run '{words[0]}': {error.strerror}", hint=_hint(words[0])) from error
    if status != 0:
        raise CommandFailed(_shortened(words), status)


def ask(words: Sequence[str], folder: Path) -> str | None:
    """What a program prints, without the last line's end; None when it fails or is missing. Its complaints are lost."""
    import subprocess

    try:
        done = subprocess.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return None
    return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else None


def _hint(program: str) -> str:
    named = {"git": "install git", "abuild": "put it into PATH, or name it in ABUILD"}
    return named.get(program, "is it installed and in PATH?")


def _shortened(words: Sequence[str]) -> list[str]:
    """The words with long ones (a commit's message) cut at their first line."""
    return [f"{word.splitlines()[0]}…" if "\n" in word else word for word in words]
