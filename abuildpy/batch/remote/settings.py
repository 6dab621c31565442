# SPDX-License-Identifier: GPL-3.0-or-later
"""What Dask must not do to builds, as settings of distributed, each with its reason.

The scheduler's count where the scheduler runs: ``abuildpy batch`` sets them for one of its own, any other takes them with
``dask scheduler --preload abuildpy.batch.remote.preload``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

SETTINGS: Final[dict[str, Any]] = {
    "distributed.scheduler.work-stealing": False,  # a build that moves begins anew
    "distributed.scheduler.allowed-failures": 0,  # a lost worker is the batch's to count, not Dask's
    "distributed.scheduler.worker-ttl": "60s",  # silent that long: lost (heartbeats come from another thread than builds)
    "distributed.scheduler.worker-saturation": 1.0,  # no queue on workers: what has not started can go anywhere
    "distributed.scheduler.no-workers-timeout": None,  # workers may come later
    "distributed.scheduler.http.routes": [],  # its HTTP server knows no TLS
    "distributed.worker.memory.target": False,  # builds live in processes of their own, which the kernel looks after
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.lifetime.duration": None,  # ends builds in the middle
    "distributed.worker.profile.enabled": False,  # looks at every thread a hundred times a second
    "distributed.worker.http.routes": [],
    "distributed.nanny.environ": {},
    "distributed.comm.timeouts.connect": "20s",
    "distributed.comm.timeouts.tcp": "60s",
    "distributed.comm.retry.count": 2,
    "logging": {"distributed": "critical"},  # what the user is to know the batch says
    "distributed.admin.system-monitor.interval": "5s",
}
SAID: Final = "work stealing, memory limits and nannies of Dask are off; a lost worker's builds start elsewhere"


def apply() -> None:
    """Sets them for this process."""
    import_module("dask").config.set(SETTINGS)
