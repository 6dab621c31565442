# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy``: what abuild has no name for, one subcommand each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.errors import UsageError
from abuildpy.ui.console import Console, want_colors

_USAGE = """\
usage: abuildpy SUBCOMMAND [arguments]

  info [--json] PATH…   what a recipe says, once evaluated (PATH: an APKBUILD or its folder)
  paths                 where abuildpy keeps what scripts may want, as name=value lines
  verify [--keys-dir DIR] FILE…
                        check signature and content of packages (and the signature of an index)
  help                  this text
  version               the version

abuildpy SUBCOMMAND --help tells more.
"""


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), _console)


def _console() -> Console:
    import os

    return Console(colors=want_colors(os.environ.get("USE_COLORS", "")))


def _run(arguments: Sequence[str]) -> int:
    commands: dict[str, Callable[[Sequence[str]], int]] = {"info": _info, "paths": _paths, "verify": _verify}
    if not arguments:
        sys.stderr.write(_USAGE)
        return 2
    name, rest = arguments[0], arguments[1:]
    if name in ("help", "-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    if name in ("version", "-V", "--version"):
        sys.stdout.write(f"abuildpy {__version__}\n")
        return 0
    if name not in commands:
        sys.stderr.write(_USAGE)
        raise UsageError(f"no subcommand '{name}'")
    return commands[name](rest)


def _info(arguments: Sequence[str]) -> int:
    from abuildpy.cli.info import info

    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write("usage: abuildpy info [--json] PATH…\n")
        return 0
    unknown = [word for word in arguments if word.startswith("-") and word != "--json"]
    paths = [Path(word) for word in arguments if not word.startswith("-")] or [Path()]
    if unknown:
        raise UsageError(f"abuildpy info: unknown option {unknown[0]}")
    return info(paths, as_json="--json" in arguments, console=_console())


def _paths(arguments: Sequence[str]) -> int:
    from abuildpy.config import RUNTIME_DIR, SHARE_DIR

    if arguments:
        raise UsageError("abuildpy paths takes no arguments")
    sys.stdout.write(f"sharedir={SHARE_DIR}\nruntimedir={RUNTIME_DIR}\n")
    return 0


def _verify(arguments: Sequence[str]) -> int:
    from abuildpy.cli.verify import verify

    words = list(arguments)
    if not words or "--help" in words or "-h" in words:
        stream = sys.stdout if words else sys.stderr
        stream.write("usage: abuildpy verify [--keys-dir DIR] FILE…\n")
        return 0 if words else 2
    keys: Path | None = None
    files: list[Path] = []
    while words:
        word = words.pop(0)
        if word.partition("=")[0] == "--keys-dir":
            value = word.partition("=")[2] or (words.pop(0) if words else "")
            keys = Path(value)
        elif word.startswith("-"):
            raise UsageError(f"abuildpy verify: unknown option {word}")
        else:
            files.append(Path(word))
    return verify(files, keys, _console())


if __name__ == "__main__":
    sys.exit(main())
