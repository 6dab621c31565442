# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: one process of Dask's, without a nanny, in which every build is a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from abuildpy.batch.remote.security import Tls
from abuildpy.batch.remote.settings import apply
from abuildpy.batch.remote.site import Site
from abuildpy.batch.remote.task import key_of
from abuildpy.errors import AbuildError

_ASKING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a worker is to be. ``death_timeout`` is how long it waits for a scheduler, in seconds."""

    scheduler: str
    slots: int
    arch: str
    tls: Tls | None
    death_timeout: float


class WorkerError(AbuildError):
    """The worker cannot be, or no longer."""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What builds on a worker get of its environment: where programs are and how the network is reached, and nothing that
    opens the store.
    """
    kept = (
        "PATH",
        "LANG",
        "TZ",
        "TMPDIR",
        "ABUILD_CONF",
        "APK",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "VIRTUAL_ENV",
    )
    proxies = (
        "http_proxy",
        "https_proxy",
        "ftp_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
    )
    mirrors = ("DISTFILES_MIRROR",)
    names = (*kept, *proxies, *mirrors)
    return {name: value for name, value in environ.items() if name in names or name.startswith("LC_")}


def run(wanted: Wanted, site: Site) -> int:
    """Works until a signal asks it to end, and returns 0. Raises WorkerError where there is no scheduler, or no longer.

    Builds that are at work then are ended, and the scheduler gives them to other workers.
    """
    apply()
    if refusal := _refusal(wanted):
        raise WorkerError(f"{wanted.scheduler} takes no worker: {refusal}", hint=_SAME_CA)
    return asyncio.run(_run(wanted, site))


async def _run(wanted: Wanted, site: Site) -> int:
    distributed: Any = import_module("distributed")
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in _ASKING:
        loop.add_signal_handler(number, asked.set)
    protocol = wanted.scheduler.partition("://")[0]
    worker = distributed.Worker(
        wanted.scheduler,
        nthreads=wanted.slots,
        resources={"slots": wanted.slots, f"arch-{wanted.arch}": wanted.slots},
        name=site.name,
        memory_limit=0,
        protocol=protocol,
        host="127.0.0.1" if protocol == "tcp" else None,
        security=None if wanted.tls is None else wanted.tls.security(),
        local_directory=os.fspath(site.folder / "dask"),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
        death_timeout=wanted.death_timeout,
    )
    worker.abuildpy_site = site
    worker.handlers["abuildpy_cancel"] = _cancelling(site)

    def tell(run: str, phase: str) -> None:
        message = {"run": run, "phase": phase, "where": site.name}
        loop.call_soon_threadsafe(worker.log_event, "abuildpy", message)

    site.tell = tell
    signalled = asyncio.create_task(asked.wait())
    starting = asyncio.create_task(_started(worker))
    await asyncio.wait({signalled, starting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        return 0
    problem = starting.result()
    if problem:
        problem = await loop.run_in_executor(None, _refusal, wanted) or problem
        raise WorkerError(f"{wanted.scheduler} takes no worker: {problem}", hint=f"is a scheduler there? {_SAME_CA}")
    watching = asyncio.create_task(_watch(worker, site))
    finished = asyncio.create_task(worker.finished())
    await asyncio.wait({signalled, finished}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    # First all builds end: whoever gets them next must not meet one that still works.
    await loop.run_in_executor(None, site.close)
    if finished.done():
        raise WorkerError(f"the scheduler at {wanted.scheduler} is gone")
    await worker.close(timeout=_GRACE, nanny=False, reason="abuildpy worker was asked to end")
    return 0


_SAME_CA: Final = "scheduler, workers and batch need certificates of one --tls-ca, which have not run out"
_GRACE: Final = 10
_LOOK: Final = 2.0
_AT_WORK: Final = ("init", "starting", "running", "paused")


def _refusal(wanted: Wanted) -> str:
    return "" if wanted.tls is None else wanted.tls.refusal(wanted.scheduler)


async def _started(worker: Any) -> str:
    """Starts it; why it cannot be, empty if it can."""
    try:
        await worker
    except Exception as error:  # of whatever Dask is made of
        cause = error.__cause__ or error
        return f"{type(cause).__name__}: {str(cause)[:300]}".rstrip(": ")
    return ""


async def _watch(worker: Any, site: Site) -> None:
    """Ends builds that Dask has forgotten: whoever wanted them was killed, or is out of reach.

    Without its scheduler the worker ends, but Dask would wait for what it still builds.
    """
    while True:
        await asyncio.sleep(_LOOK)
        if worker.status.name not in _AT_WORK:
            await asyncio.get_running_loop().run_in_executor(None, site.close)
            return
        for run in site.runs():
            task = worker.state.tasks.get(key_of(run))
            if task is None or task.state in ("cancelled", "released", "forgotten"):
                site.cancel(run)


def _cancelling(site: Site) -> Any:
    """The handler that ends a build, and answers once nothing of it runs."""

    async def cancel(run: str = "") -> dict[str, str]:
        ended = site.cancel(run) if isinstance(run, str) else None
        if ended is not None:
            await asyncio.get_running_loop().run_in_executor(None, ended.wait, 60)
        return {"run": run}

    return cancel
