# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy verify``: are packages, their records and indexes what their packager signed?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import RepositoryError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.records.examining import Check, Indexes
    from abuildpy.repository.trust import Keys

_USAGE = """\
usage: abuildpy verify [OPTIONS] FILE…

Looks at packages, and at what stands beside them: is each what a trusted key
has signed? An index (APKINDEX.tar.gz) or a statement of provenance can be
looked at by itself.

  --keys-dir DIR     Trust the public keys in this folder and no others
                     (default: those of the system and your own)
  --index FILE       The index that the packages are to be in (default: the
                     APKINDEX.tar.gz beside each, if there is one)
  --require KIND,…   Fail where this is not there: index, provenance, spdx,
                     buildinfo; all names everything
  --json             All that was found, an object for each file
  -h, --help         Show this help

signature   the package's own, over its description (.PKGINFO and scripts)
content     its files are those that the description promises (datahash)
index       the signed index has this very package
provenance  ORIGIN-VERSION.provenance.json: the signed statement of the build
            tells of this very file
spdx        PACKAGE-VERSION.spdx.json: its bill of materials tells of this
            very file, and is what the provenance says it is
buildinfo   ORIGIN-VERSION.buildinfo.json: the record of the build, likewise

Exit status: 0 nothing is wrong, 1 something is, or is missing that --require
names, 2 wrong command line
"""


class VerifyUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class _Options:
    keys: str = ""
    index: str = ""
    required: str = ""
    as_json: bool = False


PROGRAM = Program(
    "abuildpy verify",
    _Options,
    (
        Option("", "keys-dir", {"keys": VALUE}),
        Option("", "index", {"index": VALUE}),
        Option("", "require", {"required": VALUE}),
        Option("", "json", {"as_json": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, files: len(files) > 0,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy verify`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, files: list[str]) -> int:
    from abuildpy.records.examining import Indexes, document

    required = _required(options.required)
    keys = _load_keys(Path(options.keys) if options.keys else None)
    if options.index and not Path(options.index).is_file():
        raise VerifyUsageError(f"--index {options.index}: there is no such file")
    indexes = Indexes(keys, Path(options.index) if options.index else None)
    console = Console(colors=want_colors(os.environ.get("USE_COLORS", "")))
    found = [(path, _examine(path, keys, indexes, required)) for path in map(Path, files)]
    if options.as_json:
        import json

        sys.stdout.write(json.dumps([document(path, checks) for path, checks in found], indent=2) + "\n")
    else:
        for path, checks in found:
            _tell(path, checks, console)
    return int(any(check.answer == "bad" for _, checks in found for check in checks))


def _required(text: str) -> frozenset[str]:
    """The kinds that must be there. Raises VerifyUsageError."""
    from abuildpy.records.examining import KINDS

    words = frozenset(text.replace(",", " ").split())
    for word in words - {*KINDS, "all"}:
        raise VerifyUsageError(f"--require takes some of {', '.join(KINDS)}, or all; not '{word}'")
    return frozenset(KINDS) if "all" in words else words


def _examine(path: Path, keys: Keys, indexes: Indexes, required: frozenset[str]) -> list[Check]:
    """What is found about a file; what is missing and must not is bad."""
    from dataclasses import replace

    from abuildpy.records.examining import Check, examine

    checks: list[Check] = []
    try:
        for check in examine(path, keys, indexes):
            missed = check.answer == "missing" and check.kind in required
            checks.append(replace(check, answer="bad", text=f"{path}: {check.text}") if missed else check)
    except RepositoryError as error:
        checks.append(Check("content", "bad", error.message, error.hint or ""))
    return checks


def _tell(path: Path, checks: Sequence[Check], console: Console) -> None:
    """``FILE: OK`` for a good file, and below it what was looked at; or an error for each thing that is wrong."""
    bad = [check for check in checks if check.answer == "bad"]
    for check in bad:
        console.error(check.text if str(path) in check.text else f"{path}: {check.text}")
        if check.hint:
            console.error2(check.hint)
    if bad:
        return
    good = ", ".join(_told(check) for check in checks if check.answer == "ok")
    missing = ", ".join(check.kind for check in checks if check.answer == "missing")
    console.plain(f"{path}: OK")
    console.plain(f"  {good}; without {missing}" if missing else f"  {good}")


def _told(check: Check) -> str:
    """What was looked at, and what is worth knowing of it: who signed, and what nobody did."""
    if check.kind in ("signature", "provenance"):
        return f"{check.kind} {check.text}"
    return f"{check.kind} ({check.text})" if check.unsigned else check.kind


def _load_keys(keys_dir: Path | None) -> Keys:
    from abuildpy.repository.trust import Keys, load_keys, trusted_keys

    if keys_dir is None:
        from abuildpy.config import load_config

        return trusted_keys(load_config())
    if not keys_dir.is_dir():
        raise VerifyUsageError(f"--keys-dir {keys_dir}: there is no such folder")
    return Keys(load_keys([keys_dir]))
