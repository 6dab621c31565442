# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-tar``: a filter that makes a tar archive one for packages."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from abuildpy import __version__
from abuildpy.cli.program import VALUE, CommandConsole, Option, Program

_PROGRAM = "abuild-tar"

_USAGE = f"""\
{_PROGRAM} {__version__} - make a tar archive one for packages

usage: {_PROGRAM} [--hash[=ALGORITHM]] [--cut] < IN.tar > OUT.tar

options:
  --hash[=ALGORITHM]  Add the checksum of every file and symbolic link
                      (sha1, the default and what apk knows, or another digest)
  --cut               Leave out the end-of-archive blocks
  --help              Show this help
"""


@dataclass(frozen=True, slots=True)
class _Options:
    algorithm: str | None = None
    cut: bool = False


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start_bare(lambda options, _words: _act(options))


def _fits(options: _Options, words: Sequence[str]) -> bool:
    from abuildpy.package.tarfilter import digest_named

    if options.algorithm is not None and digest_named(options.algorithm) is None:
        return False
    return (options.cut or options.algorithm is not None) and not words and not os.isatty(0)


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("", "hash", {"algorithm": VALUE}, default="sha1"),
        Option("", "cut", {"cut": True}),
        Option("", "help", {"help": True}),
    ),
    usage=lambda: _USAGE,
    fits=_fits,
    wrong_option=1,
    wrong_words=1,
    console=lambda: CommandConsole(_PROGRAM),
)


def _act(options: _Options) -> int:
    from abuildpy.package.tarfilter import digest_named, filter_tar

    digest = digest_named(options.algorithm) if options.algorithm is not None else None
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
        found = filter_tar(source, sink, digest=digest, cut=options.cut)
    if not found:
        sys.stderr.write(f"{_PROGRAM}: nothing on standard input\n")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
