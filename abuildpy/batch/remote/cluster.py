# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on this machine, for ``--executor dask`` without a scheduler of one's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from abuildpy.batch.remote.security import Tls
from abuildpy.batch.remote.worker import environment

_GRACE = 30.0


class LocalWorkers:
    """Worker processes of one slot each, with folders of their own below ``folder``."""

    def __init__(
        self, count: int, folder: Path, *, store: str, arch: str, jobs: int, tls: Tls, environ: Mapping[str, str]
    ) -> None:
        self._count = count
        self._folder = folder
        self._arguments = ["--store", store, "--arch", arch, "--jobs", str(jobs), "--slots", "1", "--quiet"]
        # What opens another store is there or in the home; builds get none of it, as on any worker.
        shared = store.startswith("file://")
        self._environ = {**environment(environ), "HOME": os.fspath(folder)} if shared else dict(environ)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._secrets: list[Path] = []
        for name, text in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
            path = folder / f"tls-{name}.pem"
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            self._secrets.append(path)
            path.write_text(text, "ascii")
            self._arguments += [f"--tls-{name}", str(path)]

    def start(self, scheduler: str) -> None:
        """Starts them. Raises OSError."""
        for number in range(1, self._count + 1):
            own = [
                "--scheduler",
                scheduler,
                "--name",
                f"dask-{number}",
                "--folder",
                str(self._folder / f"worker-{number}"),
            ]
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "abuildpy.cli.umbrella", "worker", *own, *self._arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=self._environ,
                    start_new_session=True,
                )
            )

    def close(self) -> None:
        """Ends them and what they build."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self._processes:
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for path in self._secrets:
            path.unlink(missing_ok=True)
