# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-sign``: puts a signature in front of indexes (or of the control part of a package)."""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from abuildpy import __version__
from abuildpy.cli.failure import guarded
from abuildpy.config import Config, load_config
from abuildpy.errors import ConfigError
from abuildpy.ui.console import Console, want_colors

_PROGRAM = "abuild-sign"

_USAGE = f"""\
{_PROGRAM} {__version__} - sign indexes
Usage: {_PROGRAM} [-k KEY] [-p NAME] [-t TYPE] [-q] FILE...
       {_PROGRAM} -e
Options:
  -e, --installed     Only look whether both key files exist
  -k, --private KEY   Private key file (default: PACKAGER_PRIVKEY)
  -p, --public NAME   Public key (default: PACKAGER_PUBKEY, or the private key's name with .pub);
                      only its file name counts, apk looks for it in /etc/apk/keys
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
    private: str = ""
    public: str = ""
    kind: str = ""
    quiet: bool = False
    help: bool = False


def main() -> int:
    """Entry point; returns the exit status."""
    return guarded(lambda: _run(sys.argv[1:]), Console)


def _run(arguments: Sequence[str]) -> int:
    try:
        options, files = _parse(arguments)
    except getopt.GetoptError as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n{_USAGE}")
        return 2
    if options.help:
        sys.stdout.write(_USAGE)
        return 0
    if not files and not options.installed:
        sys.stderr.write(_USAGE)
        return 2
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")), quiet=options.quiet)
    return guarded(lambda: _act(options, files, config, console), lambda: console)


def _parse(arguments: Sequence[str]) -> tuple[_Options, list[str]]:
    long = ["installed", "private=", "public=", "type=", "quiet", "help"]
    given, files = getopt.gnu_getopt(list(arguments), "ek:p:t:qh", long)
    options = _Options()
    for name, value in given:
        match name:
            case "-e" | "--installed":
                options = replace(options, installed=True)
            case "-k" | "--private":
                options = replace(options, private=value)
            case "-p" | "--public":
                options = replace(options, public=value)
            case "-t" | "--type":
                options = replace(options, kind=value)
            case "-q" | "--quiet":
                options = replace(options, quiet=True)
            case _:
                return replace(options, help=True), files
    return options, files


def _act(options: _Options, files: Sequence[str], config: Config, console: Console) -> int:
    private = options.private or config.packager_privkey
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
