# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy why``: the first real error of a build's log; and the same after a failed build."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.config import Config
from abuildpy.diagnosis.diagnose import diagnose
from abuildpy.diagnosis.model import Diagnosis
from abuildpy.diagnosis.packages import Packages
from abuildpy.diagnosis.text import parse_log, read_log
from abuildpy.errors import AbuildError, PhaseError, UsageError
from abuildpy.phases.logs import last_failure, logs_folder
from abuildpy.phases.outcome import NO_NETWORK
from abuildpy.ui.diagnosis import as_document, show

_SAYS_LITTLE = frozenset(("unknown", "network", "error", "recipe-died", "make-stopped", "ninja-failed"))


def explain(error: PhaseError, config: Config, *, colors: bool) -> bool:
    """After the message about a function that failed: the first real error of its log, on standard error.

    Tells whether that says enough for a general hint to be left out. Whatever goes wrong here, the message stands.
    """
    if error.log is None:
        return False
    try:
        found = diagnose(read_log(error.log), status=error.status, knows=_packages(config))
    except (AbuildError, OSError):
        return False
    if found is None:
        return False
    show(found, error.log, colors=colors)
    return error.hint == NO_NETWORK and found.kind not in _SAYS_LITTLE


def why(what: str, config: Config, *, as_json: bool, colors: bool) -> int:
    """Prints why a build failed: ``what`` is a log, ``-`` for standard input, or a recipe (its folder or APKBUILD).

    Returns 0 if an error was found, else 1. Raises UsageError, OSError.
    """
    status: int | None = None
    log: Path | None
    if what == "-":
        log, content = None, parse_log(sys.stdin.buffer.read())
    else:
        log, status = _log_of(Path(what), config)
        content = read_log(log)
    found: Diagnosis | None = diagnose(content, status=status, knows=_packages(config))
    if as_json:
        sys.stdout.write(json.dumps(as_document(found, log), indent=2) + "\n")
    elif found is None:
        raise AbuildError(f"{log or 'standard input'}: nothing in it tells of an error")
    else:
        show(found, log, colors=colors, descriptor=1, indent=0)
    return 0 if found else 1


def _log_of(path: Path, config: Config) -> tuple[Path, int | None]:
    """The log that is meant, and how its function ended where that is known."""
    if path.is_file() and path.name != "APKBUILD" and path.suffix != ".APKBUILD":
        return path, None
    startdir = path if path.is_dir() else path.parent
    if not (startdir / "APKBUILD").is_file():
        raise UsageError(f"{path} is neither a log nor a recipe", hint="name a log, an APKBUILD or its folder")
    folder = logs_folder(startdir, config)
    failure = None if folder is None else last_failure(folder)
    if failure is None or not failure.log.is_file():
        raise AbuildError(
            f"no failed build of {startdir.resolve()} is known", hint=f"logs are kept in {folder}" if folder else None
        )
    return failure.log, failure.status


def _packages(config: Config) -> Callable[[str, str], Sequence[str]]:
    from abuildpy.repository.installed import apk_root

    return Packages(apk_root(config.apk, config.environ) or Path("/"), config.repodest, config.carch)
