#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes completions/bash, zsh and fish of the programs whose options are in tables.

./run exec completions/generate.py            writes what has changed
./run exec completions/generate.py --check    names what would change; exit status 1 if there is any
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import shells
from completable import TOP, Command, Unknown, commands

_HERE: Final = TOP / "completions"


def main(arguments: Sequence[str]) -> int:
    """Does what is asked; returns the exit status."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        stale = [(path, text) for command in commands() for path, text in _files(command) if _read(path) != text]
    except Unknown as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path, text in stale:
        sys.stdout.write(f"{path.relative_to(TOP)}\n")
        if not arguments:
            path.write_text(text)
    return 1 if arguments and stale else 0


def _files(command: Command) -> Iterator[tuple[Path, str]]:
    yield _HERE / "bash" / command.name, shells.bash(command)
    yield _HERE / "zsh" / f"_{command.name}", shells.zsh(command)
    yield _HERE / "fish" / f"{command.name}.fish", shells.fish(command)


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
