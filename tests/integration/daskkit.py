# SPDX-License-Identifier: GPL-3.0-or-later
"""A publisher, a scheduler and workers that share nothing but a store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from buildkit import PATIENCE, Place, wait_for

from abuildpy.batch.interface import Done, Work
from abuildpy.batch.local import How
from abuildpy.batch.model import Need, Outcome, Task
from abuildpy.batch.packages import sign_package
from abuildpy.batch.remote.executor import Dask, Remote
from abuildpy.batch.remote.keeper import Keeper
from abuildpy.batch.remote.recipes import Told
from abuildpy.batch.remote.security import Tls, temporary_tls
from abuildpy.batch.remote.store import Store
from abuildpy.config import load_config
from abuildpy.package.sign import make_signer
from abuildpy.repository import apkfile
from abuildpy.repository.indexing import update_index
from abuildpy.ui.console import Console

ARCH = "x86_64"
_ENTER = """
set -e
mount --make-rprivate /
mount --bind "$BASE/store" "$HOLD/store"
mount --bind "$OWN" "$HOLD/own"
mount -t tmpfs -o mode=755 abuildpy-test "$BASE"
mkdir -p "$BASE/store" "$OWN"
mount --bind "$HOLD/store" "$BASE/store"
mount --bind "$HOLD/own" "$OWN"
umount "$HOLD/store" "$HOLD/own"
exec "$@"
"""


def may_mount() -> bool:
    """Whether a worker can have a mount namespace of its own."""
    if os.geteuid() != 0:
        return False
    words = ["unshare", "-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs x /mnt"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass
class Machine:
    """A worker's process with a home, distfiles and work folders of its own."""

    name: str
    own: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)


@dataclass
class Cluster:
    """A publisher's executor with its scheduler, and the machines that work for it."""

    place: Place
    executor: Dask
    store: Path
    tls: Tls
    stack: ExitStack
    told: Path
    """The file that a scheduler of its own is started with."""
    machines: dict[str, Machine] = field(default_factory=dict)

    def add(
        self, name: str, module: str = "abuildpy.cli.umbrella", environment: Mapping[str, str] | None = None
    ) -> Machine:
        """Starts a worker; ``module`` may be one that is up to no good."""
        cluster = self.executor.scheduler, self.store, self.tls
        machine = start_machine(self.place, name, *cluster, self.stack, module=module, environment=environment)
        self.machines[name] = machine
        return machine

    def work(self, task: Task, attempt: int = 1) -> Work:
        """An attempt at a task."""
        folder = self.place.base / "attempts" / task.name / str(time.monotonic_ns())
        destination = folder / "packages"
        destination.mkdir(parents=True)
        return Work(task, attempt, 1, self.place.base / "staged", destination, folder / "log")

    def one(self, task: Task) -> Done:
        """Builds one task, and waits for it."""
        self.executor.start(self.work(task))
        return self.next()

    def next(self) -> Done:
        """The next build that is done."""
        found: list[Done] = []
        deadline = time.monotonic() + PATIENCE
        while not found:
            assert time.monotonic() < deadline, "waited in vain for a build"
            found += self.executor.wait(1.0)
        assert len(found) == 1
        return found[0]


def start_machine(
    place: Place,
    name: str,
    scheduler: str,
    store: Path,
    tls: Tls,
    stack: ExitStack,
    *,
    module: str = "abuildpy.cli.umbrella",
    environment: Mapping[str, str] | None = None,
    configuration: str = "",
) -> Machine:
    """Starts a worker with a home of its own. Where it may mount, it sees nothing of the place but that and the store.

    ``configuration`` is its machine's abuild.conf. What is to be tidied up after its end goes to ``stack``.
    """
    own = place.base / "workers" / name
    own.mkdir(parents=True)
    for part, text in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
        (own / part).touch(mode=0o600)
        (own / part).write_text(text)
    command = [sys.executable, "-P", "-m", module, "worker"]
    command += ["--scheduler", scheduler, "--store", f"file://{store}", "--name", name]
    command += ["--slots", "1", "--jobs", "1", "--arch", ARCH, "--folder", str(own / "site")]
    for part in ("ca", "cert", "key"):
        command += [f"--tls-{part}", str(own / part)]
    publishers = ("REPODEST", "SRCDEST", "JOBS")
    env = {name: value for name, value in place.environment.items() if name not in publishers}
    env |= {"HOME": str(own), **(environment or {})}
    if configuration:
        (own / "abuild.conf").write_text(configuration)
        env["ABUILD_CONF"] = str(own / "abuild.conf")
    if may_mount():
        hold = Path(tempfile.mkdtemp(prefix="abuildpy-test-"))
        stack.callback(shutil.rmtree, hold, ignore_errors=True)
        for each in ("store", "own"):
            (hold / each).mkdir()
        env |= {"BASE": str(place.base), "HOLD": str(hold), "OWN": str(own)}
        command = ["unshare", "-m", "sh", "-c", _ENTER, "sh", *command]
    process = subprocess.Popen(command, env=env, cwd="/", stdin=subprocess.DEVNULL, start_new_session=True)
    return Machine(name, own, process)


@contextmanager
def cluster(place: Place, *, apart: bool = False) -> Iterator[Cluster]:
    """A cluster without machines. At its end all of them have ended. ``apart``: its scheduler is no part of the batch."""
    told = Told(load_config(place.environment), Console(quiet=True))
    store = place.base / "store"
    store.mkdir(mode=0o755)
    (place.base / "staged").mkdir()
    tls = temporary_tls()
    console = Console()
    remote = Remote(
        how=How("none"),
        variables={"CARCH": ARCH, "PACKAGER": "A Tester <tester@example.invalid>"},
        public_keys={place.public.name: place.public.read_text()},
        sources=told.sources,
        provenance=lambda _task: {"SOURCE_DATE_EPOCH": "1700000000"},
        distfiles=place.base / "distfiles",
        deadline=5 * PATIENCE,
    )
    settings = {"address": "", "arch": ARCH, "tls": {"ca": tls.ca, "cert": tls.cert, "key": tls.key}}
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="abuildpy-test-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        if apart:
            settings["address"] = start_scheduler(scratch, tls, stack)
        keeper = Keeper(settings, (place.home, place.key), console, scratch)
        executor = Dask(remote, Store(f"file://{store}"), keeper, console, arch=ARCH)
        stack.callback(executor.close)
        executor.wait_for_scheduler(PATIENCE)
        made = Cluster(place, executor, store, tls, stack, scratch / "told")
        try:
            yield made
        finally:
            for machine in made.machines.values():
                if machine.process.poll() is None:
                    machine.kill()


def start_scheduler(folder: Path, tls: Tls, stack: ExitStack) -> str:
    """Starts a scheduler as its manual says; returns its address."""
    for part, text in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
        (folder / part).write_text(text)
    command = [
        sys.executable,
        "-m",
        "dask",
        "scheduler",
        "--preload",
        "abuildpy.batch.remote.preload",
        "--protocol",
        "tls",
    ]
    command += ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    command += [
        "--tls-ca-file",
        str(folder / "ca"),
        "--tls-cert",
        str(folder / "cert"),
        "--tls-key",
        str(folder / "key"),
    ]
    command += ["--scheduler-file", str(folder / "told")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    wait_for(lambda: (folder / "told").exists() and (folder / "told").read_text().endswith("}"), "the scheduler")
    return str(json.loads((folder / "told").read_text())["address"])


def task_of(folder: Path, *needs: str, packages: tuple[str, ...] = ()) -> Task:
    """The task of a recipe that was made by ``Place.recipe``."""
    name = f"{folder.parent.name}/{folder.name}"
    edges = tuple(Need(on, on.rpartition("/")[2], on.rpartition("/")[2], "makedepends") for on in needs)
    return Task(name, str(folder), folder.name, "1.0-r0", ARCH, packages or (folder.name,), needs=edges)


def publish(place: Place, done: Done) -> None:
    """Signs what was built, and puts it into the staged repository."""
    signer = make_signer(str(place.key))
    for name in done.outcome.apks:
        path = done.work.destination / name
        assert not apkfile.read(path).signatures
        sign_package(path, signer, epoch=1700000000)
        target = place.base / "staged" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        update_index(target.parent, arch=ARCH, description="test", sign=signer.sign_index, log=Console(quiet=True))


def carry_out(
    made: Cluster, tasks: list[Task], watch: Callable[[list[Work]], None]
) -> tuple[dict[str, Outcome], list[str]]:
    """Builds tasks in their order through failures; returns the outcomes, and the names of those that were lost on the way."""
    outcomes: dict[str, Outcome] = {}
    lost: list[str] = []
    waiting = {task.name: task for task in tasks}
    running: dict[str, Work] = {}
    deadline = time.monotonic() + 2 * PATIENCE
    while waiting or running:
        assert time.monotonic() < deadline, f"still running: {sorted(running)}"
        for name, task in list(waiting.items()):
            bad = [on for on in task.waits_for if on in outcomes and not outcomes[on].is_good]
            if bad:
                outcomes[name] = Outcome(name, task.version, "blocked", blocked_by=tuple(bad))
                del waiting[name]
            elif len(running) < 4 and all(on in outcomes for on in task.waits_for):
                running[name] = made.work(task)
                made.executor.start(running[name])
                del waiting[name]
        watch(list(running.values()))
        for done in made.executor.wait(0.1):
            name = done.work.task.name
            del running[name]
            if done.lost:
                lost.append(name)
                waiting[name] = done.work.task
                continue
            outcomes[name] = done.outcome
            if done.outcome.status == "built":
                publish(made.place, done)
    return outcomes, lost
