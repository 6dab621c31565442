# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's own place: home, distfiles and work folders, what is being built there, and building one order."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from abuildpy.batch.model import Outcome
from abuildpy.batch.remote import bundle
from abuildpy.batch.remote.build import Job, build
from abuildpy.batch.remote.messages import (
    LARGEST_BUILDINFO,
    LARGEST_LOG,
    Blob,
    Order,
    Result,
    parse_blobs,
    parse_order,
)
from abuildpy.batch.remote.receive import names_below
from abuildpy.batch.remote.store import Store, StoreError
from abuildpy.errors import AbuildError, ConfigError
from abuildpy.phases.workspace import remove_tree
from abuildpy.records.names import buildinfo_name

_OURS = ("home", "distfiles", "objects", "jobs")
KEY = "worker.rsa"
_MOST_OBJECTS = 20 << 30
"""Bytes."""


@dataclass(slots=True)
class Active:
    """A build at work: ``stop`` is set when it is to end, ``ended`` once it has and nothing of it runs.

    ``place`` is the number of its folder: paths get into packages, so they are the same again and again.
    """

    place: int
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Site:
    """One worker's place. Several builds run in it at once, each in its own folder."""

    def __init__(self, folder: Path, store: Store, *, name: str, jobs: int, environ: Mapping[str, str]) -> None:
        """``jobs`` is JOBS of each build, 0: as the batch says. Raises ConfigError where another worker uses the folder."""
        self.folder = folder
        self.name = name
        self.store = store
        self._jobs = jobs
        self._environ = environ
        self._active: dict[str, Active] = {}
        self._refused: set[str] = set()
        self._is_open = True
        self._lock = threading.Lock()
        self.tell: Callable[[str, str], None] = lambda _run, _phase: None
        for each in _OURS:
            (folder / each).mkdir(parents=True, exist_ok=True)
        self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"another worker uses {folder}", hint="give this one a folder of its own: --folder DIR"
            ) from None
        for left in (folder / "jobs").iterdir():  # of a worker that was killed
            remove_tree(left)
        self._make_key()

    # --- what is at work ---------------------------------------------------------------------------------------

    def runs(self) -> tuple[str, ...]:
        """What is being built."""
        with self._lock:
            return tuple(self._active)

    def cancel(self, run: str) -> threading.Event | None:
        """Ends a build, or sees to it that it never begins. The event is set once nothing of it runs; None: nothing did."""
        with self._lock:
            active = self._active.get(run)
            self._refused.add(run)
        if active is None:
            return None
        active.stop.set()
        return active.ended

    def close(self) -> None:
        """Ends all builds, and takes no more. Returns once nothing of them runs."""
        with self._lock:
            self._is_open = False
            active = list(self._active.values())
        for each in active:
            each.stop.set()
        for each in active:
            each.ended.wait()

    def perform(self, data: bytes) -> bytes:
        """Builds what an order asks for; returns the result's bytes. Never raises."""
        try:
            order = parse_order(data)
        except ValueError as error:
            return Result("0" * 32, Outcome("?", "?", "failed", "internal", error=f"the order: {error}")).to_bytes()
        started, begun = time.time(), time.monotonic()
        try:
            with self._at_work(order.run) as active:
                result = self._build(order, active)
                self._prune()
        except (AbuildError, OSError, ValueError) as error:
            text = f"{self.name}: {error}"
            result = Result(order.run, self._failed(order, text), worker=self.name)
        except Exception as error:  # what a task of Dask's raises would be pickled
            result = Result(order.run, self._failed(order, f"{self.name}: {error!r}"), worker=self.name)
        seconds = time.monotonic() - begun
        return replace(result, outcome=replace(result.outcome, seconds=seconds, started=started)).to_bytes()

    @contextmanager
    def _at_work(self, run: str) -> Iterator[Active]:
        with self._lock:
            if not self._is_open or run in self._refused:
                raise AbuildError("not wanted any more")
            taken = {each.place for each in self._active.values()}
            active = Active(next(number for number in range(1, len(taken) + 2) if number not in taken))
            self._active[run] = active
        try:
            yield active
        finally:
            with self._lock:
                del self._active[run]
            active.ended.set()

    # --- one order ---------------------------------------------------------------------------------------------

    def _build(self, order: Order, active: Active) -> Result:
        deadline = time.monotonic() + order.deadline
        folder = self.folder / "jobs" / str(active.place)
        folder.mkdir()
        try:
            self.tell(order.run, "fetch")
            job = self._prepare(order, folder)
            outcome = build(job, active.stop, deadline, lambda phase: self.tell(order.run, phase))
            self._offer_sources(order)
            log = self._log(job.log)
            files: tuple[Blob, ...] = ()
            if outcome.status == "built":
                files = tuple(self._offer(job.destination, name) for name in names_below(job.destination))
            outcome = replace(outcome, apks=tuple(each.name for each in files), attempts=order.attempt, log=None)
            told = self._buildinfo(order, job.destination) if files else None
            return Result(order.run, outcome, files, log, self.name, told)
        finally:
            remove_tree(folder)

    def _prepare(self, order: Order, folder: Path) -> Job:
        """Everything that the build needs, in its folder."""
        archive = folder / "recipe.tar"
        self.store.get(order.recipe.sha256, archive, size=order.recipe.size)
        bundle.unpack(archive.read_bytes(), folder / "aports")
        archive.unlink()
        for name, sha512 in order.sources:
            self._fetch_source(name, sha512)
        staged = folder / "staged"
        staged.mkdir()
        if order.staged is not None:
            self._fetch_staged(order.staged, staged)
        conf = folder / "conf"
        conf.mkdir(mode=0o700)
        for name, pem in order.public_keys.items():
            (conf / os.path.basename(name)).write_text(pem, "ascii")
        variables = {**order.variables, "PACKAGER_PRIVKEY": str(self.folder / KEY)}
        for name in list(order.public_keys)[:1]:  # by which a clean root trusts what the batch has built
            variables["PACKAGER_PUBKEY"] = str(conf / os.path.basename(name))
        settings = "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items() if name.isidentifier())
        (conf / "abuild.conf").write_text(settings, "utf-8", "surrogateescape")
        destination = folder / "attempt" / "packages"  # what the local executor leaves lies beside it
        for each in (destination, folder / "tmp"):
            each.mkdir(parents=True)
        environ = {
            **self._environ,
            "HOME": str(self.folder / "home"),
            "SRCDEST": str(self.folder / "distfiles"),
            "APORTSDIR": str(folder / "aports"),
            "ABUILD_USERDIR": str(conf),
            "TMPDIR": str(folder / "tmp"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        return Job(
            order=order,
            recipe=folder / "aports" / order.name,
            destination=destination,
            staged=staged,
            log=folder / "log",
            jobs=self._jobs or max(1, order.jobs),
            environ=environ,
        )

    def _fetch_source(self, name: str, sha512: str) -> None:
        """Takes a source from the store where it has it; else the build fetches it from where the recipe says."""
        path = self.folder / "distfiles" / name
        if not path.exists() and self.store.has("sha512", sha512):
            try:
                self.store.get(sha512, path, kind="sha512")
            except StoreError:
                pass  # the build says what is wrong if it cannot be had elsewhere

    def _offer_sources(self, order: Order) -> None:
        """Brings sources into the store that this build fetched, for the others."""
        for name, sha512 in order.sources:
            path = self.folder / "distfiles" / name
            try:
                if path.is_file() and not self.store.has("sha512", sha512) and _sha512(path) == sha512:
                    self.store.put(path, "sha512")
            except (StoreError, OSError):
                pass  # the build is what counts

    def _fetch_staged(self, listed: Blob, folder: Path) -> None:
        """The staged repository as it was when the order was given; files that earlier builds needed are here already."""
        lists = self.folder / "objects" / listed.sha256
        self._have(listed)
        for blob in parse_blobs(lists.read_bytes()):
            path = folder / blob.name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._have(blob)
            os.link(self.folder / "objects" / blob.sha256, path)

    def _have(self, blob: Blob) -> None:
        path = self.folder / "objects" / blob.sha256
        if not path.exists():
            self.store.get(blob.sha256, path, size=blob.size)
        else:
            os.utime(path)

    def _prune(self) -> None:
        """Packages of staged repositories that were not needed for longest go, until the rest is below the limit."""
        with self._lock:
            if len(self._active) > 1:
                return  # another build may be about to link them
            files = sorted(
                (path.stat().st_mtime, path.stat().st_size, path) for path in (self.folder / "objects").iterdir()
            )
            total = sum(size for _, size, _ in files)
            for _, size, path in files:
                if total <= _MOST_OBJECTS:
                    return
                path.unlink()
                total -= size

    def _buildinfo(self, order: Order, top: Path) -> Blob | None:
        """How it was built, for whoever signs it: other records are made there."""
        name = f"{order.name.split('/')[-2]}/{order.arch}/{buildinfo_name(order.pkgname, order.version)}"
        if not (top / name).is_file() or (top / name).stat().st_size > LARGEST_BUILDINFO:
            return None
        return self._offer(top, name)

    def _offer(self, top: Path, name: str) -> Blob:
        digest, size = self.store.put(top / name)
        return Blob(name, digest, size)

    def _log(self, path: Path) -> Blob | None:
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST_LOG:
            os.truncate(path, LARGEST_LOG)
        digest, size = self.store.put(path)
        return Blob("log", digest, size)

    @staticmethod
    def _failed(order: Order, error: str) -> Outcome:
        return Outcome(order.name, order.version, "failed", "internal", attempts=order.attempt, error=error[:2000])

    def _make_key(self) -> None:
        """A key that means nothing: packages cannot be made without, and the publisher takes its signatures off."""
        path = self.folder / KEY
        if path.exists():
            return
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        from abuildpy.atomic import replacing

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        plain = serialization.NoEncryption()
        with replacing(path, 0o600) as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


def _sha512(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
