# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-gzsplit``: takes the package on standard input apart into files in the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

from abuildpy.cli.failure import guarded
from abuildpy.cli.program import CommandConsole


def main() -> int:
    """Entry point; returns the exit status. Arguments mean nothing, as in abuild."""
    return guarded(_run, lambda: CommandConsole("abuild-gzsplit"))


def _run() -> int:
    from abuildpy.repository.apksplit import split_apk

    with open(0, "rb", closefd=False) as source:
        split_apk(source, Path())
    return 0


if __name__ == "__main__":
    sys.exit(main())
