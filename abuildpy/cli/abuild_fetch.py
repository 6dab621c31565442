# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-fetch``: downloads one file into the folder of distfiles."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from abuildpy.cli.program import VALUE, CommandConsole, Option, Program
from abuildpy.ui.console import Console

_PROGRAM = "abuild-fetch"
_USAGE = f"usage: {_PROGRAM} [-hk] [-d DESTDIR] URL\n"


@dataclass(frozen=True, slots=True)
class _Options:
    folder: str = "/var/cache/distfiles"
    insecure: bool = False


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("d", "", {"folder": VALUE}),
        Option("k", "", {"insecure": True}),
        Option("h", "", {"help": True}),
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) == 1,
    wrong_option=1,
    wrong_words=203,  # the lower ones are those of the programs that download
    usage_goes_to="stdout",
    console=lambda: CommandConsole(_PROGRAM),
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start_bare(lambda options, words: _fetch(words[0], Path(options.folder), insecure=options.insecure))


def _fetch(entry: str, folder: Path, *, insecure: bool) -> int:
    from abuildpy.source import external
    from abuildpy.source.uri import file_name

    if "/" not in entry:
        sys.stderr.write(f"{_PROGRAM}: {entry}: no '/' in url\n")
        return 1
    if external.available() and file_name(entry) not in ("", ".", ".."):
        try:
            status = external.fetch_with_program(entry, folder, insecure=insecure, say=_say)
        except external.Stopped as stop:
            return _end_by(stop.number)
        if status != external.NOT_STARTED:
            return status

    from abuildpy.source.fetch import FetchOptions, fetch

    fetch(entry, folder, log=Console(), options=FetchOptions(insecure=insecure))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _end_by(number: int) -> int:
    """Ends this process as the signal would have: whoever waits for it must not believe that the file is there."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())
