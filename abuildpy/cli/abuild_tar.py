# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-tar``: a filter that makes a tar archive one for packages."""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Sequence

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.ui.console import Console

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


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    from abuildpy.package.tarfilter import digest_named, filter_tar

    try:
        given, rest = getopt.gnu_getopt([_with_value(word) for word in arguments], "", ["hash=", "cut", "help"])
    except getopt.GetoptError as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n{_USAGE}")
        return 1
    options = dict(given)
    if "--help" in options:
        sys.stdout.write(_USAGE)
        return 0
    digest = digest_named(options["--hash"]) if "--hash" in options else None
    if not options or rest or ("--hash" in options and digest is None) or os.isatty(0):
        sys.stderr.write(_USAGE)
        return 1
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
        found = filter_tar(source, sink, digest=digest, cut="--cut" in options)
    if not found:
        sys.stderr.write(f"{_PROGRAM}: nothing on standard input\n")
    return 0 if found else 1


def _with_value(word: str) -> str:
    """Spells out the value that ``--hash`` may go without, which getopt cannot express."""
    return "--hash=sha1" if word in ("--h", "--ha", "--has", "--hash") else word


if __name__ == "__main__":
    sys.exit(main())
