# SPDX-License-Identifier: GPL-3.0-or-later
"""Executor ``dask``: builds on the machines of a Dask cluster, and believes none of them.

This process has the packager's key, and is no part of Dask: it talks in JSON lines to a client in a process of its own
(keeper.py, client.py), and gets packages from the store, each by its digest.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from abuildpy.batch.interface import Done, Work
from abuildpy.batch.local import How, leave_outcome
from abuildpy.batch.model import Outcome, Task
from abuildpy.batch.remote import bundle, lines
from abuildpy.batch.remote.keeper import ClientError, Keeper
from abuildpy.batch.remote.messages import Blob, Order, blobs_document, parse_result
from abuildpy.batch.remote.receive import receive
from abuildpy.batch.remote.store import Store
from abuildpy.errors import AbuildError
from abuildpy.messages import Messages

_DEADLINE: Final = 24 * 3600.0
_PATIENCE: Final = 60.0
_THREADS: Final = 4
_INDEX: Final = "APKINDEX.tar.gz"
_LOOK_AT_IT: Final = "look at the scheduler and its address"


@dataclass(frozen=True, slots=True)
class Remote:
    """What is the same for all builds of a batch on other machines.

    ``sources`` tells of a task's sources that come from elsewhere name and SHA-512, and ``distfiles`` is where they may lie
    already. ``variables`` are what packages come out differently with. ``provenance`` gives commit and source date
    of a recipe. ``public_keys`` are those that the staged repository is signed with.
    """

    how: How
    variables: Mapping[str, str]
    public_keys: Mapping[str, str]
    sources: Callable[[Task], Iterable[tuple[str, str]]]
    provenance: Callable[[Task], Mapping[str, str]]
    distfiles: Path | None
    deadline: float = _DEADLINE


@dataclass(slots=True)
class _Run:
    work: Work
    run: str
    where: str = ""
    phase: str = ""
    order: str = ""
    """The order's JSON once it is ready to be given."""
    is_given: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class Dask:
    """An Executor. ``slots`` is what the workers have room for now."""

    def __init__(self, remote: Remote, store: Store, keeper: Keeper, log: Messages, *, arch: str) -> None:
        """Takes the client over. ``wait_for_workers`` says when there is somebody to build."""
        self.slots = 0
        self._remote = remote
        self._store = store
        self._stored: dict[tuple[str, int, int, int], tuple[str, int]] = {}
        """Files that were brought to the store, by path, i-node, size and time."""
        self._keeper = keeper
        self._log = log
        self._arch = arch
        self._runs: dict[str, _Run] = {}
        self._by_name: dict[str, _Run] = {}
        self._cancelled: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._done: queue.SimpleQueue[Done | AbuildError] = queue.SimpleQueue()
        self._there = threading.Event()
        self._connected = threading.Event()
        self._failure: AbuildError | None = None
        self._closing = False
        self._company: list[Callable[[], object]] = []
        self.scheduler = ""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="abuildpy-store")
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait_for_scheduler(self, seconds: float) -> None:
        """Waits until the client has one. Raises AbuildError where it has none by then."""
        if not self._connected.wait(seconds) and self._failure is None:
            raise ClientError(f"Dask's client has found no scheduler in {seconds:.0f} seconds")
        if self._failure is not None:
            raise self._failure

    def wait_for_workers(self, seconds: float) -> None:
        """Waits until there is a worker. Raises AbuildError where there is none by then, or no scheduler."""
        arrived = self._there.wait(seconds)
        if self._failure is not None:
            raise self._failure
        if not arrived:
            raise AbuildError(
                f"no worker for {self._arch} has come in {seconds:.0f} seconds",
                hint=f"start some: abuildpy worker --scheduler {self.scheduler or 'ADDRESS'} --store {self._store.url}",
            )

    def end_first(self, action: Callable[[], object]) -> None:
        """What is to be done before the client, and a scheduler of its own, end."""
        self._company.append(action)

    # --- the interface -----------------------------------------------------------------------------------------

    def where(self, work: Work) -> str:
        """The name of the worker that has a build; ``dask`` as long as none has told so."""
        run = self._by_name.get(work.task.name)
        return (run.where if run else "") or "dask"

    def start(self, work: Work) -> None:
        """Gives a build to whichever worker has room."""
        run = _Run(work, secrets.token_hex(16))
        with self._lock:
            self._runs[run.run] = self._by_name[work.task.name] = run
        self._pool.submit(self._safely, run, self._give, run)

    def wait(self, seconds: float) -> list[Done]:
        """What is done: at once if something is, else after that time at the latest. Raises AbuildError without a client."""
        done: list[Done] = []
        with contextlib.suppress(queue.Empty):
            while True:
                one = self._done.get(timeout=0 if done else max(0.0, seconds))
                if isinstance(one, AbuildError):
                    raise one
                done.append(one)
        return done

    def phase_of(self, work: Work) -> str:
        """The step that a worker told last."""
        run = self._by_name.get(work.task.name)
        return run.phase if run else ""

    def cancel(self, work: Work) -> None:
        """Ends a build; nothing of it runs any more when this returns, on any worker that can be reached; ``wait`` does not
        tell of it.
        """
        run = self._by_name.get(work.task.name)
        if run is not None and self._forget(run):
            with contextlib.suppress(OSError):
                self._keeper.writer.send({"cancel": run.run})
                run.ended.wait(_PATIENCE)

    def close(self) -> None:
        """Ends everything; what is closed already may be closed again."""
        if self._closing:
            return
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._runs.clear()
            self._by_name.clear()
        for action in self._company:
            action()
        self._keeper.close()  # the client takes back all that it has given
        self._listener.join(_PATIENCE)

    # --- giving ------------------------------------------------------------------------------------------------

    def _give(self, run: _Run) -> None:
        run.order = self._order(run).to_bytes().decode("ascii")
        self._give_more()

    def _give_more(self) -> None:
        """Gives as many orders as there are slots: what would wait on a worker could not start on another."""
        with self._lock:
            free = self.slots - sum(run.is_given for run in self._runs.values())
            for run in [each for each in self._runs.values() if each.order and not each.is_given][: max(0, free)]:
                run.is_given = True
                self._keeper.writer.send({"submit": run.run, "order": run.order, "slots": 1})

    def _order(self, run: _Run) -> Order:
        work, remote = run.work, self._remote
        task = work.task
        sources = tuple(remote.sources(task))
        for name, sha512 in sources:
            path = (remote.distfiles or Path(task.folder)) / name
            if path.is_file() and not self._store.has("sha512", sha512):
                self._store.put(path, "sha512")  # under the digest it has, whatever it should have
        folder = Path(task.folder)
        digest, size = self._store.put_bytes(bundle.pack(folder, {name for name, _ in sources}))
        return Order(
            run=run.run,
            name=f"{folder.parent.name}/{folder.name}",
            pkgname=task.pkgname,
            version=task.version,
            arch=task.arch,
            recipe=Blob("recipe.tar", digest, size),
            staged=self._staged((work.staged, *map(Path, remote.how.earlier))),
            sources=sources,
            variables={**remote.variables, **remote.provenance(task)},
            dependencies=remote.how.dependencies,
            timeout=remote.how.timeout,
            no_output_timeout=remote.how.no_output_timeout,
            public_keys=remote.public_keys,
            jobs=work.jobs,
            attempt=work.attempt,
            deadline=remote.deadline,
        )

    def _staged(self, folders: Iterable[Path]) -> Blob | None:
        """A list of what builds may see of former ones: indexes, and packages where dependencies are installed.

        The names begin with the folder's number, so that none hides another's index.
        """
        pattern = f"*/*/{_INDEX}" if self._remote.how.dependencies == "none" else "*/*/*"
        blobs: list[Blob] = []
        for number, folder in enumerate(folders):
            for path in sorted(folder.glob(pattern)):
                name = path.relative_to(folder)
                if (
                    path.is_file()
                    and not name.as_posix().startswith(".")
                    and (name.name == _INDEX or name.suffix == ".apk")
                ):
                    blobs.append(Blob(f"{number}/{name}", *self._put(path)))
        if not blobs:
            return None
        return Blob("staged.json", *self._store.put_bytes(blobs_document(tuple(blobs))))

    def _put(self, path: Path) -> tuple[str, int]:
        status = path.stat()
        known = (os.fspath(path), status.st_ino, status.st_size, status.st_mtime_ns)
        if known not in self._stored:
            self._stored[known] = self._store.put(path)
        return self._stored[known]

    # --- taking ------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            for message in self._keeper.messages():
                self._hear(message)
            ended: AbuildError = ClientError("Dask's client ended", hint="what it said stands above")
        except (ValueError, AbuildError) as error:
            ended = error if isinstance(error, AbuildError) else ClientError(f"Dask's client: {error}")
        if not self._closing:
            self._fail(ended)

    def _fail(self, error: AbuildError) -> None:
        self._failure = self._failure or error
        self._done.put(self._failure)
        self._there.set()
        self._connected.set()
        for run in list(self._runs.values()):
            run.ended.set()

    def _hear(self, message: Mapping[str, Any]) -> None:
        """One message of the client's. Raises ValueError for one that is none."""
        if "there" in message:
            there = message["there"]
            if not isinstance(there, dict):
                raise ValueError("there is no object")
            before, self.slots = self.slots, lines.count(there, "slots")
            if self.slots:
                self._there.set()
            elif before and not self._closing:
                self._log.warning(f"No worker for {self._arch} is there any more; builds wait until one comes")
            self._give_more()
        elif "ready" in message:
            self.scheduler = lines.text(message, "ready")
            self._connected.set()
        elif "error" in message:
            was_there = self._connected.is_set()
            hint = "once there is one again, the same batch goes on where it was" if was_there else _LOOK_AT_IT
            self._fail(ClientError(f"Dask: {lines.shown(lines.text(message, 'error'))}", hint=hint))
        elif "cancelled" in message:
            name = lines.text(message, "cancelled")
            cancelled = self._cancelled.pop(name, None)
            if cancelled is not None:
                cancelled.ended.set()
                self._give_more()
        else:
            self._hear_of_run(message)

    def _hear_of_run(self, message: Mapping[str, Any]) -> None:
        kinds = [kind for kind in ("result", "lost", "refused", "phase") if kind in message]
        if len(kinds) != 1:
            raise ValueError("a message of no known kind")
        kind = kinds[0]
        run = self._runs.get(lines.text(message, "run" if kind == "phase" else kind))
        if run is None:
            return  # late: of a worker that was lost, or of a build that was cancelled
        if kind == "phase":
            run.phase, run.where = (lines.shown(lines.text(message, name, 200)) for name in ("phase", "where"))
        elif kind == "lost":
            self._log.warning(f"{run.work.task.name}: {run.where or 'a worker'} is lost, so it starts elsewhere")
            self._finish(run, _failed(run, f"{run.where or 'the worker'} is lost"), lost=True)
        elif kind == "refused":
            self._finish(run, _failed(run, f"the answer is refused, unread: {lines.shown(lines.text(message, 'why'))}"))
        else:
            data = lines.text(message, "data", lines.LONGEST_LINE).encode("latin-1")
            self._pool.submit(self._safely, run, self._take, run, data)

    def _take(self, run: _Run, data: bytes) -> None:
        try:
            result = parse_result(data)
        except ValueError as error:
            self._finish(run, _failed(run, f"the answer of {run.where or 'a worker'} is refused: {error}"))
            return
        if result.run != run.run:
            raise AbuildError(f"{run.where or 'a worker'} answers to another order")
        work = run.work
        receive(result, work, self._store)
        outcome = replace(
            result.outcome,
            attempts=work.attempt,
            log=str(work.log) if result.log is not None else None,
            key=work.task.key,
            error=None if result.outcome.error is None else lines.shown(result.outcome.error),
        )
        if outcome.status == "built":
            leave_outcome(work.destination.parent, outcome)
        self._finish(run, outcome)

    def _safely(self, run: _Run, action: Callable[..., None], *arguments: object) -> None:
        """In a thread of the pool: what goes wrong is the task's failure, and never goes unsaid."""
        try:
            action(*arguments)
        except (AbuildError, OSError, ValueError) as error:
            self._finish(run, _failed(run, str(error)))
        except Exception as error:
            self._finish(run, _failed(run, repr(error)))

    def _finish(self, run: _Run, outcome: Outcome, *, lost: bool = False) -> None:
        if self._forget(run, cancelled=False):
            if lost and self.slots:
                self.slots -= 1  # until the client has counted again
            self._done.put(Done(run.work, outcome, lost))
            with contextlib.suppress(OSError):
                self._give_more()

    def _forget(self, run: _Run, *, cancelled: bool = True) -> bool:
        """Whether it was at work until now."""
        with self._lock:
            if self._runs.pop(run.run, None) is None:
                return False
            if self._by_name.get(run.work.task.name) is run:
                del self._by_name[run.work.task.name]
            if cancelled:
                self._cancelled[run.run] = run
            return True


def _failed(run: _Run, error: str) -> Outcome:
    task = run.work.task
    attempts = run.work.attempt
    return Outcome(task.name, task.version, "failed", "internal", error=error[:2000], attempts=attempts, key=task.key)
