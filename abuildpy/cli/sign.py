# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-sign``: puts a signature in front of indexes (or of the control part of a package)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import ConfigError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_PROGRAM = "abuild-sign"

_USAGE = f"""\
{_PROGRAM} {__version__} - sign indexes
Usage: {_PROGRAM} [-k KEY] [-p NAME] [-t TYPE] [-q] FILE...
       {_PROGRAM} -e
Options:
  -e, --installed     Only look whether both key files exist
  -k, --private KEY   Private key file (default: PACKAGER_PRIVKEY)
  -p, --public NAME   Public key (default: PACKAGER_PUBKEY, or the private key's
                      name with .pub); only its file name counts, apk looks for
                      it in /etc/apk/keys
  -t, --type TYPE     RSA (SHA-1, the default) or RSA256 (SHA-256)
  -q, --quiet         No messages
  -h, --help          Show this help

A FILE that is a folder stands for the APKINDEX.tar.gz in it.
"""

_NO_KEY = """\
No private key found.
  'abuild-keygen -a' makes one and writes it down in {userconf};
  if you have one, set PACKAGER_PRIVKEY there or in {conf}, or name it: {program} -k KEY
"""


@dataclass(frozen=True, slots=True)
class _Options:
    installed: bool = False
    private: str | None = None
    public: str = ""
    kind: str = ""
    quiet: bool = False


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("e", "installed", {"installed": True}),
        Option("k", "private", {"private": VALUE}),
        Option("p", "public", {"public": VALUE}),
        Option("t", "type", {"kind": VALUE}),
        Option("q", "quiet", {"quiet": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda options, files: options.installed or len(files) > 0,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_act)


def _act(options: _Options, files: Sequence[str], config: Config, console: Console) -> int:
    # An empty name is one too: whose script lost it is not to sign with another key.
    private = config.packager_privkey if options.private is None else options.private
    if not private:
        names = {"userconf": config.userconf, "conf": config.get("ABUILD_CONF"), "program": _PROGRAM}
        sys.stderr.write(_NO_KEY.format(**names))
        return 1
    public = options.public or config.get("PACKAGER_PUBKEY") or f"{private}.pub"
    # As in abuild a variable of this name, from the environment or a configuration file, is the default.
    kind = options.kind or config.get("sigtype", "RSA")
    if kind not in ("RSA", "RSA256"):
        sys.stderr.write(f"{_PROGRAM}: supported types are RSA and RSA256\n")
        return 1
    if options.installed:
        missing = [path for path in (private, public) if not os.path.exists(path)]
        if missing:
            sys.stderr.write(f"{_PROGRAM}: {missing[0]}: File not found\n")
        return 1 if missing else 0

    from abuildpy.package.sign import make_signer, sign_file

    signer = make_signer(private, public=public, kind=kind)
    epoch = _epoch(config)
    for file in files:
        console.msg(f"Signed {sign_file(file, signer, epoch=epoch)}")
    return 0


def _epoch(config: Config) -> int | None:
    text = config.source_date_epoch
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            f"SOURCE_DATE_EPOCH is not a number: {text}", hint="set it to seconds since 1970, or unset it"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
