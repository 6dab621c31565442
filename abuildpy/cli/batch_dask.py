# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy batch --executor dask``: a scheduler of one's own or another's, workers, the store, and who talks to them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.batch.content import CONFIGURATION
from abuildpy.batch.remote.cluster import LocalWorkers
from abuildpy.batch.remote.executor import Dask, Remote
from abuildpy.batch.remote.keeper import Keeper
from abuildpy.batch.remote.recipes import Told
from abuildpy.batch.remote.security import Tls, temporary_tls
from abuildpy.batch.remote.settings import SAID
from abuildpy.batch.remote.store import Store
from abuildpy.messages import Messages
from abuildpy.phases.key import Key
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.batch.local import How
    from abuildpy.config import Config

_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Which cluster; ``scheduler`` is empty for one of the batch's own, with workers on this machine."""

    scheduler: str
    store: str
    tls: Tls | None


@contextmanager
def dask(
    elsewhere: Elsewhere,
    how: How,
    workers: int,
    jobs: int,
    config: Config,
    console: Console,
    messages: Messages,
    folder: Path,
) -> Iterator[Dask]:
    """The executor, with at least one worker. ``workers`` is how many to start on this machine, where they are our own, each
    with ``jobs`` as JOBS; ``folder`` is for what is kept there; ``messages`` are for what happens meanwhile. Raises AbuildError.
    """
    own = not elsewhere.scheduler
    tls = temporary_tls() if own else elsewhere.tls
    place = folder / "dask"
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        url = elsewhere.store
        if not url:
            shutil.rmtree(place / "store", ignore_errors=True)
            (place / "store").mkdir()
            stack.callback(shutil.rmtree, place / "store", ignore_errors=True)
            url = f"file://{place / 'store'}"
        store = Store(url)
        key = Key(config)
        signer = key.signer()
        told = Told(config, console)
        remote = Remote(
            how=how,
            variables={name: value for name in (*CONFIGURATION, "PACKAGER") if (value := config.get(name))},
            public_keys={signer.name: signer.public_pem.decode("ascii")},
            sources=told.sources,
            provenance=told.provenance,
            distfiles=Path(config.get("SRCDEST")) if config.get("SRCDEST") else None,
        )
        settings = {
            "address": elsewhere.scheduler,
            "arch": config.carch,
            "tls": None if tls is None else {"ca": tls.ca, "cert": tls.cert, "key": tls.key},
        }
        keeper = Keeper(settings, key.hidden(), messages, place)
        executor = Dask(remote, store, keeper, messages, arch=config.carch)
        stack.callback(executor.close)
        if own and tls is not None:
            executor.wait_for_scheduler(_PATIENCE)
            started = LocalWorkers(
                workers, place, store=url, arch=config.carch, jobs=jobs, tls=tls, environ=config.environ
            )
            executor.end_first(started.close)
            started.start(executor.scheduler)
        executor.wait_for_workers(_PATIENCE)
        console.msg(f"dask: {executor.scheduler}, {executor.slots} slots, client behind {keeper.wall}; {SAID}")
        yield executor
