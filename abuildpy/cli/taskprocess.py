# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes that build one recipe for somebody else have in common: the order, the configuration, the outcome.

Standard input brings the order, one line, and ends when whoever gave it does: then nobody wants this build any more, and it
ends at once. What is said goes to standard output and errors, which are the log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abuildpy.cli.failure import open_standard_streams, report
from abuildpy.config import Config, load_config
from abuildpy.errors import AbuildError, PhaseError
from abuildpy.ui.console import Console


def take_order() -> bytes:
    """The line that brings the order. From then on this process ends with whoever gave it, and is ready to build.

    Ends the program where there is no order.
    """
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 1 << 16)
        if not data:
            sys.exit(1)
        line += data
    wanted = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what is run may read it, and would wait
    open_standard_streams()
    os.umask(0o022)
    from abuildpy.cli.interrupt import raise_signals

    raise_signals()
    threading.Thread(target=_until_nobody_wants_it, args=(wanted,), daemon=True).start()
    return line


def _until_nobody_wants_it(wanted: int) -> None:
    while os.read(wanted, 1 << 10):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def extended(config: Config, environ: Mapping[str, str], lines: str, private: str) -> Config:
    """The configuration read again, with lines of shell after the user's own, for which a file is written into ``private``.

    Raises ConfigError as load_config does, OSError.
    """
    own = config.userconf.read_text(errors="surrogateescape") if config.userconf.is_file() else ""
    path = Path(private, "abuild.conf")
    path.write_text(f"{own}\n{lines}", errors="surrogateescape")
    return load_config({**environ, "ABUILD_USERCONF": str(path)})


def tell_failure(error: BaseException, config: Config | None, console: Console) -> int:
    """Says in the log what went wrong, and in a recipe's function why; returns the exit status that it calls for.

    ``config`` is None where there was none yet. What is nobody's doing is raised again.
    """

    def explain(failed: AbuildError) -> bool:
        from abuildpy.cli.why import explain as explain_log

        return config is not None and isinstance(failed, PhaseError) and explain_log(failed, config, colors=False)

    return 1 if isinstance(error, MemoryError) else report(error, console, explain)


def leave(path: str, outcome: Mapping[str, Any]) -> None:
    """Writes what became of it, whole or not at all. Raises OSError."""
    from abuildpy.atomic import replacing

    with replacing(path, 0o600) as file:
        file.write(json.dumps(outcome).encode())
