# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-rm``: deletes a folder of a build, with folders in it that nobody may enter."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from abuildpy.cli.failure import guarded
from abuildpy.cli.program import CommandConsole
from abuildpy.errors import UsageError

_USAGE = "Usage: abuild-rm -rf <path>\n"


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), lambda: CommandConsole("abuild-rm"))


def _run(arguments: Sequence[str]) -> int:
    from abuildpy.phases.workspace import remove_tree

    if len(arguments) != 2 or arguments[0] != "-rf":
        sys.stderr.write(_USAGE)
        return 1
    path = arguments[1]
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):  # the empty path among them
        return 0
    if path.rstrip("/").rpartition("/")[2] in ("", ".", ".."):
        raise UsageError(f"{path} is not deleted", hint="name the folder itself, not '.', '..' or '/'")
    remove_tree(Path(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
