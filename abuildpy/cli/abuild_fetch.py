# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-fetch``: downloads one file into the folder of distfiles."""

from __future__ import annotations

import getopt
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from abuildpy.cli.failure import guarded
from abuildpy.ui.console import Console

_PROGRAM = "abuild-fetch"
_USAGE = f"usage: {_PROGRAM} [-hk] [-d DESTDIR] URL\n"
_WRONG_ARGUMENTS = 203


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    try:
        given, rest = getopt.gnu_getopt(list(arguments), "hkd:")
    except getopt.GetoptError as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n")
        sys.stdout.write(_USAGE)
        return 1
    options = dict(given)
    if "-h" in options:
        sys.stdout.write(_USAGE)
        return 0
    if len(rest) != 1:
        sys.stdout.write(_USAGE)
        return _WRONG_ARGUMENTS
    return _fetch(rest[0], Path(options.get("-d", "/var/cache/distfiles")), insecure="-k" in options)


def _fetch(entry: str, folder: Path, *, insecure: bool) -> int:
    from abuildpy.source import external
    from abuildpy.source.uri import file_name

    if "::" not in entry and "/" not in entry:
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
