# SPDX-License-Identifier: GPL-3.0-or-later
"""``bench/batch.py dask``: the generated tree on a cluster, through workers and batches that are killed.

A scheduler and four workers, each with home, repository and distfiles of its own in a mount namespace of its own (as root;
else only with folders of their own), that share nothing with the publisher but the store. First a batch in which two of the
workers are killed while they build. Then a batch that is killed again and again, by turns the publisher itself and its Dask
client, and resumed: no build that somebody took is made again, and none that nobody wants goes on. In the end every
outcome is the one written down beforehand, and what is published is whole and signed by the publisher alone.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from buildkit import Package, Place, child_pids
from daskkit import Machine, start_machine, start_scheduler
from treekit import BUSY, LARGEST, LIMITS, Tree, make_tree, read_events, start_batch

from abuildpy.batch.remote.security import Tls, temporary_tls

Sound = Callable[[Tree], tuple[set[str], list[str]]]
"""The recipes of which all packages are there, and damaged files."""

WORKERS = 4
_STUCK = 3600.0
_GRACE = 40.0
"""Seconds after which nothing may run any more of a batch that was killed: the scheduler has to miss it first."""
_TOO_LARGE = (64 << 20) + 1


@dataclass
class Cluster:
    """A scheduler and workers that outlive batches."""

    place: Place
    scheduler: str
    store: Path
    tls: Tls
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """Options of a batch on it."""
        files = (f"--tls-{part}={self.place.base / 'publisher' / part}" for part in ("ca", "cert", "key"))
        return ("--executor=dask", f"--scheduler={self.scheduler}", f"--store=file://{self.store}", *files)

    def builds(self) -> list[int]:
        """Processes that workers have started."""
        return [pid for each in self.machines.values() for pid in child_pids(each.process.pid)]


def acceptance(tree_place: Callable[[], object], arguments: argparse.Namespace, sound: Sound) -> list[str]:
    """Both parts; returns what is not as it should be. ``tree_place`` makes a place, as a context manager."""
    bad = []
    for part in (_lose_workers, _kill_batches):
        with tree_place() as place, _cluster(place) as cluster:  # type: ignore[attr-defined]
            tree = _tree(place, arguments.size)
            began = time.monotonic()
            found = part(tree, cluster, arguments, sound)
            print(f"{len(found)} complaints, {time.monotonic() - began:.0f} s in all", flush=True)
            bad += found
    return bad


def _tree(place: Place, size: int) -> Tree:
    length = 10
    tree = make_tree(place, chains=max(1, -(-(size - 58) // length)), length=length, leaves=20, archs=6)
    tree.expected[f"main/{BUSY}"] = ("built", None, ())  # a worker builds in a folder of its own
    tree.add("f-internal", status="failed", reason="internal")  # nothing of that size travels with a recipe
    with (place.aports / "main/f-internal/large").open("wb") as file:
        file.truncate(_TOO_LARGE)
    print(f"{len(tree.expected)} recipes, {len(set(tree.expected.values()))} different outcomes", flush=True)
    return tree


@contextmanager
def _cluster(place: Place) -> Iterator[Cluster]:
    with ExitStack() as stack:
        tls = temporary_tls()
        publisher = place.base / "publisher"
        publisher.mkdir()
        for part, text in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
            (publisher / part).touch(mode=0o600)
            (publisher / part).write_text(text)
        store = place.base / "store"
        store.mkdir()
        made = Cluster(place, start_scheduler(publisher, tls, stack), store, tls)
        try:
            for number in range(1, WORKERS + 1):
                how = (made.scheduler, store, tls, stack)
                made.machines[f"w{number}"] = start_machine(place, f"w{number}", *how, configuration=LARGEST)
            yield made
        finally:
            for machine in made.machines.values():
                if machine.process.poll() is None:
                    machine.kill()


# --- workers that are lost -------------------------------------------------------------------------------------------


def _lose_workers(tree: Tree, cluster: Cluster, arguments: argparse.Namespace, _sound: Sound) -> list[str]:
    chance = random.Random(arguments.seed)
    print(f"--- {WORKERS} workers, two of them killed while they build", flush=True)
    with _running(tree, cluster) as batch:
        for share in (0.2, 0.5):
            batch.wait_until(lambda share=share: len(batch.finished()) >= share * len(tree.expected))  # type: ignore[misc]
            name = _killed(cluster, chance, batch)
            print(f"{name} is killed after {len(batch.finished())} recipes have their outcome", flush=True)
        status = batch.end()
        lost = batch.errors().count(" is lost, so it starts elsewhere")
        bad = _wrong(tree, batch, status)
        if lost < 2:
            bad.append(f"only {lost} builds were told as lost")
        bad += _left(cluster)
        again = {name: n for name, n in Counter(batch.started()).items() if n > 1}
        bad += [f"{name} was started {n} times" for name, n in again.items() if sum(again.values()) - len(again) > lost]
        print(f"status {status}, {len(batch.started())} builds started, {lost} of them lost with their workers")
    return bad + _published(tree)


def _killed(cluster: Cluster, chance: random.Random, batch: Batch) -> str:
    """Kills a worker in the middle of a build; its name."""
    while True:
        if batch.has_ended():
            raise SystemExit("the batch ended before a worker could be killed")
        for name, machine in chance.sample(sorted(cluster.machines.items()), len(cluster.machines)):
            if child_pids(machine.process.pid):
                machine.kill()
                del cluster.machines[name]
                return name
        time.sleep(0.01)


# --- batches that are killed -----------------------------------------------------------------------------------------


def _kill_batches(tree: Tree, cluster: Cluster, arguments: argparse.Namespace, sound: Sound) -> list[str]:
    chance = random.Random(arguments.seed)
    print(f"--- {arguments.kills} kills of the batch", flush=True)
    bad: list[str] = []
    there: set[str] = set()
    for number in range(1, arguments.kills + 1):
        with _running(tree, cluster) as batch:
            batch.wait_until(lambda batch=batch: bool(batch.started()) or batch.has_ended())  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 12.0))
            victim = batch.kill(client=number % 4 == 0)
            found = [f"{name} was built again" for name in sorted(there & set(batch.started()))]
        now, broken = sound(tree)
        found += [f"{name} is damaged" for name in broken] + [f"{name} is gone" for name in sorted(there - now)]
        if chance.random() < 0.5:  # the next one comes while the old builds may still be at work
            found += _left(cluster)
        there = now
        print(f"kill {number}, {victim}: {len(there)} recipes have sound packages", flush=True)
        bad += [f"kill {number}: {line}" for line in found]
    with _running(tree, cluster) as batch:
        status = batch.end()
        bad += [f"{name} was built again" for name in sorted(there & set(batch.started()))]
        bad += _wrong(tree, batch, status)
        print(f"the last run: status {status}, {len(batch.started())} recipes built")
    bad += [f"worker {name} has ended" for name, each in cluster.machines.items() if each.process.poll() is not None]
    return bad + _left(cluster) + _published(tree)


# --- one batch -------------------------------------------------------------------------------------------------------


@dataclass
class Batch:
    """A batch at work; what it says goes to files."""

    process: subprocess.Popen[bytes]
    events: Path
    said: Path

    def started(self) -> list[str]:
        """Names of what was started, in that order."""
        return [event["name"] for event in read_events(self.events) if event["what"] == "started"]

    def finished(self) -> dict[str, tuple[str, str | None, tuple[str, ...]]]:
        """Outcomes, as ``Tree.expected`` has them."""
        done = [event["outcome"] for event in read_events(self.events) if event["what"] == "finished"]
        return {o["name"]: (o["status"], o["reason"], tuple(o["blocked_by"])) for o in done}

    def why(self, name: str) -> str:
        """What was wrong with a recipe."""
        done = [event["outcome"] for event in read_events(self.events) if event["what"] == "finished"]
        return next((f"{o['error']} ({o['log']})" for o in done if o["name"] == name), "")

    def has_ended(self) -> bool:
        """Whether it has."""
        return self.process.poll() is not None

    def errors(self) -> str:
        """What it said to standard error."""
        return self.said.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Waits, as long as that may become so."""
        deadline = time.monotonic() + _STUCK
        while not condition():
            if self.has_ended():
                raise SystemExit(f"the batch ended: {self.errors()[-3000:]}")
            if time.monotonic() > deadline:
                raise SystemExit("the batch is stuck")
            time.sleep(0.05)

    def end(self) -> int:
        """Waits for its end; returns its exit status."""
        return self.process.wait(_STUCK)

    def kill(self, *, client: bool) -> str:
        """Kills it, or its client, whereupon it ends by itself; returns which."""
        clients = [pid for pid in child_pids(self.process.pid) if _is_client(pid)]
        if client and clients:
            for pid in clients:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.end()
            return "the client"
        self.process.kill()
        self.end()
        return "the publisher"


@contextmanager
def _running(tree: Tree, cluster: Cluster) -> Iterator[Batch]:
    events, said = tree.place.base / "events", tree.place.base / "said"
    events.unlink(missing_ok=True)
    with said.open("wb") as file:
        words = ("--no-deps-install", *LIMITS, *cluster.words, ".")
        batch = Batch(start_batch(tree.place, *words, events=events, output=file), events, said)
    try:
        yield batch
    finally:
        if not batch.has_ended():
            batch.process.kill()
            batch.process.wait()


def _is_client(pid: int) -> bool:
    try:
        return b"abuildpy.batch.remote.client" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


# --- what there is to see --------------------------------------------------------------------------------------------


def _wrong(tree: Tree, batch: Batch, status: int) -> list[str]:
    """Outcomes that are not as written down."""
    found = batch.finished()
    got = {name: ("built" if s == "reused" else s, reason, by) for name, (s, reason, by) in found.items()}
    bad = [] if status == 1 else [f"status {status}: {batch.errors()[-2000:]}"]
    for name in sorted(tree.expected.keys() | got.keys()):
        if got.get(name) != tree.expected.get(name):
            bad.append(f"{name}: {got.get(name)} instead of {tree.expected.get(name)}: {batch.why(name)}")
    return bad


def _left(cluster: Cluster) -> list[str]:
    """Builds that go on though nobody wants them."""
    deadline = time.monotonic() + _GRACE
    while pids := cluster.builds():
        if time.monotonic() > deadline:
            return [f"processes are left: {pids}"]
        time.sleep(0.1)
    return []


def _published(tree: Tree) -> list[str]:
    """Packages that are not those of what was built, or not signed by the publisher alone, or not in the index."""
    place = tree.place
    bad = []
    for repo in ("main", "community"):
        listed = {f"{repo}/{entry.name}" for entry in place.index(repo, "x86_64").values()}
        there = set()
        for path in sorted(place.repository(repo, "x86_64").glob("*.apk")):
            package = Package.read(path)
            there.add(f"{repo}/{package.apk.name}")
            if [each.key for each in package.apk.signatures] != [place.public.name]:
                bad.append(f"{path} is not signed by the publisher alone")
        origins = {name.removesuffix("-doc") for name in there}
        built = {name for name, (status, *_) in tree.expected.items() if status == "built" and name.startswith(repo)}
        if origins != built or listed != there:
            bad.append(f"{repo}: published {sorted(there)}, listed {sorted(listed)}, built {sorted(built)}")
    for own in (place.base / "workers").iterdir():
        bad += [f"{path} is a key on a worker" for path in own.rglob(place.key.name)]
    return bad


if __name__ == "__main__":
    sys.exit("run bench/batch.py dask")
