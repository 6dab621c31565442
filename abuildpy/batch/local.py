# SPDX-License-Identifier: GPL-3.0-or-later
"""Executor ``local``: every recipe is built on this machine, in a process and a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from abuildpy.atomic import replacing
from abuildpy.batch.interface import Done, Work
from abuildpy.batch.model import FAILURES, Failure, Outcome
from abuildpy.sandbox.census import families, memory_of

Dependencies = Literal["none", "install", "root"]
"""How dependencies get there: not at all; on this machine; in a clean root of each build's own."""

OUTCOME = "outcome.json"
"""What a build leaves beside its destination when it has come to its end."""

_LOOKS = 0.3
"""Seconds between two looks at the memory of builds. The kernel's own account ends at bubblewrap, which does not wait for its
child.
"""
_RARELY = 20
"""A look takes at most this part of the time: where thousands of processes run, it is not for nothing."""
_PATIENCE = 10.0
"""Seconds that a build gets to tidy up when it is to end."""
_ANY = 1 << 62


@dataclass(frozen=True, slots=True)
class How:
    """What is the same for all builds of a batch.

    ``earlier`` are folders of repositories in which dependencies lie, besides what the batch has built; the limits are as they
    were typed.
    """

    dependencies: Dependencies
    earlier: tuple[str, ...] = ()
    timeout: str = ""
    no_output_timeout: str = ""


@dataclass(slots=True)
class _Job:
    work: Work
    process: subprocess.Popen[bytes]
    told: int
    """Reads the steps it tells."""
    slot: int
    started: float
    clock: float
    phase: str = ""
    peak: int = 0
    rest: bytes = b""


@dataclass(slots=True)
class Local:
    """Builds on this machine. ``held`` are descriptors that stay open as long as any build lives."""

    slots: int
    how: How
    environ: Mapping[str, str]
    held: Sequence[int] = ()
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _poll: select.poll = field(default_factory=select.poll)
    _next_look: float = 0.0

    def where(self, work: Work) -> str:
        """``local-2``."""
        job = self._jobs.get(work.task.name)
        return f"local-{job.slot}" if job else "local"

    def start(self, work: Work) -> None:
        """Starts a build. Raises OSError if that cannot be."""
        private = work.destination.parent
        work.destination.mkdir(parents=True, exist_ok=True)
        work.log.parent.mkdir(parents=True, exist_ok=True)
        order = {
            "folder": work.task.folder,
            "destination": str(work.destination),
            "log": str(work.log),
            "outcome": str(private / OUTCOME),
            "private": str(private),
            "key": work.task.key,
            "jobs": work.jobs,
            "dependencies": self.how.dependencies,
            "earlier": [str(work.staged), *self.how.earlier],
            "timeout": self.how.timeout,
            "no_output_timeout": self.how.no_output_timeout,
        }
        receive, send = os.pipe()
        try:
            with open(work.log, "wb") as log:
                process = subprocess.Popen(
                    # A recipe's folder is no place to look for modules in.
                    [sys.executable, "-P", "-m", "abuildpy.cli.build_task", *map(str, (send, *self.held))],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=self.environ,
                    pass_fds=(send, *self.held),
                    start_new_session=True,
                )
        except BaseException:
            os.close(receive)
            raise
        finally:
            os.close(send)
        slots = {job.slot for job in self._jobs.values()}
        slot = next(number for number in range(1, len(slots) + 2) if number not in slots)
        self._jobs[work.task.name] = _Job(work, process, receive, slot, time.time(), time.monotonic())
        self._poll.register(receive, select.POLLIN)
        if process.stdin is not None:  # it stays open: that tells the build that somebody wants it
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.flush()

    def wait(self, seconds: float) -> list[Done]:
        """What is done: at once if something is, else after that time at the latest."""
        ends = time.monotonic() + seconds
        while True:
            self._look()
            left = max(0.0, ends - time.monotonic())
            ready = {descriptor for descriptor, _ in self._poll.poll(1000 * min(left, _LOOKS))}
            done = [self._done(job) for job in list(self._jobs.values()) if job.told in ready and not self._hear(job)]
            if done or time.monotonic() >= ends:
                return done

    def phase_of(self, work: Work) -> str:
        """The step that a build told last."""
        job = self._jobs.get(work.task.name)
        return job.phase if job else ""

    def cancel(self, work: Work) -> None:
        """Ends a build; nothing of it runs any more when this returns, and ``wait`` does not tell of it."""
        job = self._jobs.get(work.task.name)
        if job is not None:
            self._end([job])

    def close(self) -> None:
        """Ends all builds."""
        self._end(list(self._jobs.values()))

    def _end(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            job.process.terminate()
        deadline = time.monotonic() + _PATIENCE
        for job in jobs:
            try:
                job.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                job.process.kill()
        for job in jobs:
            self._done(job)

    def _hear(self, job: _Job) -> bool:
        """Takes what a build tells; False if it has ended."""
        try:
            data = os.read(job.told, 1 << 16)
        except OSError:
            data = b""
        *lines, job.rest = (job.rest + data).split(b"\n")
        if lines:
            job.phase = lines[-1].decode("utf-8", "replace")[:100]
        return bool(data)

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._next_look or not self._jobs:
            return
        jobs = {job.process.pid: job for job in self._jobs.values()}
        for pid, processes in families(jobs).items():
            jobs[pid].peak = max(jobs[pid].peak, memory_of(processes, _ANY))
        after = time.monotonic()
        self._next_look = after + max(_LOOKS, _RARELY * (after - now))

    def _done(self, job: _Job) -> Done:
        """Puts away what a build leaves of itself on this machine, and says what came of it."""
        del self._jobs[job.work.task.name]
        self._poll.unregister(job.told)
        os.close(job.told)
        if job.process.stdin is not None:
            with contextlib.suppress(OSError):
                job.process.stdin.close()
        peak = job.peak
        if job.process.returncode is None:
            _, status, usage = os.wait4(job.process.pid, 0)
            job.process.returncode = os.waitstatus_to_exitcode(status)
            peak = max(peak, 1024 * usage.ru_maxrss)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(job.process.pid, signal.SIGKILL)
        return Done(job.work, _outcome(job, job.process.returncode, peak))


def _outcome(job: _Job, status: int, peak: int) -> Outcome:
    task, work = job.work.task, job.work
    found = read_outcome(work.destination.parent / OUTCOME)
    reason: Failure | None = None
    error = None
    apks: tuple[str, ...] = ()
    if found is None:
        reason, error = "internal", _how_it_ended(status, work.log)
    elif found["status"] == "failed":
        reason, error = found["reason"], found["error"]
    else:
        apks = tuple(found["apks"])
    return Outcome(
        task.name,
        task.version,
        "failed" if reason else "built",
        reason,
        seconds=time.monotonic() - job.clock,
        max_rss=max(peak, found["max_rss"] if found else 0) or None,
        log=str(work.log),
        apks=apks,
        error=error,
        attempts=work.attempt,
        started=job.started,
        key=task.key,
    )


def leave_outcome(folder: Path, outcome: Outcome) -> None:
    """Writes beside a destination that good packages lie there, as a build on this machine does: whoever is killed before they
    are taken finds them again. Raises OSError.
    """
    told = {"status": "built", "apks": outcome.apks, "max_rss": outcome.max_rss or 0, "key": outcome.key}
    with replacing(folder / OUTCOME, 0o600) as file:
        file.write(json.dumps({**told, "seconds": outcome.seconds}).encode())


def read_outcome(path: Path) -> dict[str, Any] | None:
    """What a build left of itself: ``status`` with ``apks``, or with ``reason`` and ``error``; None if there is no such thing."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("max_rss"), int):
        return None
    if found.get("status") == "built" and isinstance(found.get("apks"), list):
        return found if all(isinstance(each, str) for each in found["apks"]) else None
    if found.get("status") == "failed" and found.get("reason") in FAILURES and isinstance(found.get("error"), str):
        return found
    return None


def _how_it_ended(status: int, log: Path) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"the process that built it was ended by {signal.Signals(-status).name}"
    last = next(_last_lines(log), "")
    return f"the process that built it ended with status {status}" + (f": {last}" if last else "")


def _last_lines(log: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        lines = file.read().decode("utf-8", "replace").splitlines()
        yield from (line.strip()[:300] for line in reversed(lines) if line.strip())
