#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of generated trees: outcomes through kills, speed-up, and what the engine costs.

``kills``: a tree of 300 recipes with chains, virtuals, cycles, failures of each reason. Its batch is killed with SIGKILL at 20
random moments, drawn from a fixed seed, and resumed each time. After each kill nothing of it runs any more, and what is there
of packages is whole; the next run starts no recipe whose packages were all there. In the end every outcome is the one written
down beforehand. ``dask``: the same on a cluster, where workers are killed too (batch_dask.py). ``speed``: recipes that wait at
``--jobs 8`` against one by one; recipes that compile at ``--jobs 2``; packages compared byte by byte with those of ``abuild``.
``overhead``: what a batch takes longer than ``abuild`` does, per package. Times are the smallest of several. Exit status 1 if
anything is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from buildfixtures import make_key_pair
from buildkit import Place, processes_with
from treekit import (
    LIMITS,
    PACKAGE,
    Tree,
    busy,
    environment,
    make_tree,
    packages_of,
    read_events,
    run_batch,
    start_batch,
)

from abuildpy.errors import AbuildError
from abuildpy.repository import apkfile

_SEED = 20260101
_PARTS = ["kills", "speed", "overhead", "dask"]
_ALONE = "--no-deps-install"
_STATE = ".abuildpy-batch"
_GRACE = 3.0
_SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{functions}
int main(int argc, char **argv) {{ return argc > 1 ? f0(atoi(argv[1])) : 0; }}
"""
_FUNCTION = """\
int f{n}(int x) {{ char b[64]; int i, s = 0;
	for (i = 0; i < x; i++) {{ snprintf(b, sizeof b, "%d", i * {n} + x); switch ((int) strlen(b) % 5) {{
	case 0: s += i; break; case 1: s ^= x; break; case 2: s *= 3; break; default: s--; }} }} return s; }}
"""


def main() -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", default=_PARTS[:3], help=f"{', '.join(_PARTS)} (default: all but dask)")
    parser.add_argument("--place", type=Path, default=Path("/var"), help="where to make folders to work in, not /tmp")
    parser.add_argument("--size", type=int, default=300, help="recipes of the tree")
    parser.add_argument("-n", "--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=4, help="of the batches that are killed")
    parser.add_argument("--seed", type=int, default=_SEED)
    parser.add_argument("--times", type=int, default=3, help="how often each time is taken")
    arguments = parser.parse_args()
    if unknown := set(arguments.what) - {*_PARTS}:
        parser.error(f"there is no {' or '.join(sorted(unknown))}")
    bad: list[str] = []
    if "kills" in arguments.what:
        bad += _kills(arguments)
    if "dask" in arguments.what:
        from batch_dask import acceptance  # which needs distributed

        bad += acceptance(lambda: _place(arguments.place), arguments, _sound)
    if "speed" in arguments.what:
        bad += _speed(arguments)
    if "overhead" in arguments.what:
        bad += _overhead(arguments)
    for line in bad:
        print(f"BAD: {line}")
    return int(bool(bad))


@contextmanager
def _place(parent: Path) -> Iterator[Place]:
    base = Path(tempfile.mkdtemp(prefix="abuildpy-batch-", dir=parent))
    base.chmod(0o755)
    try:
        yield Place(base, *make_key_pair(), None)
    finally:
        shutil.rmtree(base, ignore_errors=True)


# --- kills -----------------------------------------------------------------------------------------------------------


def _kills(arguments: argparse.Namespace) -> list[str]:
    chance = random.Random(arguments.seed)
    with _place(arguments.place) as place:
        length = 10
        chains = max(1, -(-(arguments.size - 57) // length))
        tree = make_tree(place, chains=chains, length=length, leaves=20, archs=6)
        print(f"{len(tree.expected)} recipes, {len(set(tree.expected.values()))} different outcomes", flush=True)
        bad = []
        with busy(tree):
            sound: set[str] = set()
            for number in range(arguments.kills):
                found, sound = _strike(tree, chance, sound, arguments.jobs)
                bad += [f"kill {number + 1}: {line}" for line in found]
                print(f"kill {number + 1}: {len(sound)} recipes have sound packages", flush=True)
            began = time.monotonic()
            ran = run_batch(place, _ALONE, *LIMITS, f"--jobs={arguments.jobs}", ".")
        print(f"the last run: {time.monotonic() - began:.0f} s, {len(ran.started)} recipes built")
        bad += [f"{name} was built again" for name in sorted(sound & set(ran.started))]
        got = {n: ("built" if s == "reused" else s, reason, by) for n, (s, reason, by) in ran.results.items()}
        for name in sorted(tree.expected.keys() | got.keys()):
            if got.get(name) != tree.expected.get(name):
                bad.append(f"{name}: {got.get(name)} instead of {tree.expected.get(name)}")
        if ran.status != 1:
            bad.append(f"the last run's status is {ran.status}: {ran.err[-500:]}")
        return bad


def _strike(tree: Tree, chance: random.Random, sound: set[str], jobs: int) -> tuple[list[str], set[str]]:
    """One run, killed at a random moment; what is wrong with what that left, and which recipes have sound packages."""
    place, events = tree.place, tree.place.base / "events"
    events.unlink(missing_ok=True)
    process = start_batch(place, _ALONE, *LIMITS, f"--jobs={jobs}", ".", events=events)
    deadline = time.monotonic() + 120
    while not any(event["what"] == "started" for event in read_events(events)) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(chance.uniform(0.0, 8.0))
    process.kill()
    process.communicate()
    bad = []
    ends = time.monotonic() + _GRACE
    while (left := processes_with(str(place.aports))) and time.monotonic() < ends:
        time.sleep(0.05)
    if left:
        bad.append(f"processes are left: {left}")
    again = {event["name"] for event in read_events(events) if event["what"] == "started"} & sound
    bad += [f"{name} was built again" for name in sorted(again)]
    now, broken = _sound(tree)
    bad += [f"{name} is damaged" for name in broken]
    bad += [f"{name} is gone" for name in sorted(sound - now)]
    return bad, now


def _sound(tree: Tree) -> tuple[set[str], list[str]]:
    """The recipes that all packages are there of, in the repositories or where their build left them; and damaged files."""
    state = tree.place.repodest / _STATE
    found: set[str] = set()
    broken = []
    there: set[str] = set()
    for top in (tree.place.repodest, state / "staged"):
        for path in top.glob("[!.]*/[!.]*/*.apk"):
            try:
                apkfile.verify_data(apkfile.read(path))
                there.add(str(path.relative_to(top)))
            except AbuildError:
                broken.append(str(path))
    for name in tree.expected:
        repo, recipe = name.split("/")
        packages = {f"{repo}/x86_64/{recipe}-1.0-r0.apk"}
        if "-doc" in (tree.place.aports / name / "APKBUILD").read_text().partition("subpackages")[2][:30]:
            packages.add(f"{repo}/x86_64/{recipe}-doc-1.0-r0.apk")
        left = state / "work" / name / "outcome.json"
        if packages <= there or (left.is_file() and json.loads(left.read_bytes())["status"] == "built"):
            found.add(name)
    return found, broken


# --- speed -----------------------------------------------------------------------------------------------------------


def _speed(arguments: argparse.Namespace) -> list[str]:
    bad = []
    with _place(arguments.place) as place:
        for number in range(24):
            place.recipe("build() { sleep 3; }\n" + PACKAGE, name=f"wait{number}")
        slow, fast = _both(place, 8, arguments.times)
        bad += _tell("24 waiting recipes, --jobs 8", slow, fast, 6.0)
    with _place(arguments.place) as place:
        for number in range(24):
            place.c_recipe(name=f"c{number}")
            source = _SOURCE.format(functions="".join(_FUNCTION.format(n=n) for n in range(400 - 1, -1, -1)))
            _replace_source(place, f"c{number}", source)
        slow, fast = _both(place, 2, arguments.times)
        bad += _tell("24 compiling recipes, --jobs 2", slow, fast, 1.5)
        batched = packages_of(place)
        alone = place.base / "alone"
        for number in range(24):
            _abuild(place, f"c{number}", alone)
        same = packages_of(place, alone) == batched
        print(f"{len(batched)} packages of --jobs 2, {'identical with' if same else 'OTHER than'} those of abuild")
        bad += [] if same else ["packages differ"]
    return bad


def _overhead(arguments: argparse.Namespace) -> list[str]:
    """What the engine costs: a batch of tiny recipes against its planning and their builds one by one."""
    with _place(arguments.place) as place:
        names = [f"tiny{number}" for number in range(40)]
        for name in names:
            place.recipe(PACKAGE, name=name)
        batch, planning, single = _least(
            arguments.times,
            lambda: _timed_batch(place, 1),
            lambda: _timed(lambda: run_batch(place, _ALONE, "--plan", ".")),
            lambda: _timed_abuild(place, names),
        )
        over = 1000 * (batch - planning - single) / len(names)
        print(
            f"40 tiny recipes: batch {batch:.2f} s, of which planning {planning:.2f} s; abuild one by one {single:.2f} s; "
            f"{over:.0f} ms more for each"
        )
        return [] if over < 60 else [f"overhead {over:.0f} ms"]


def _replace_source(place: Place, name: str, source: str) -> None:
    import hashlib

    folder = place.aports / "main" / name
    old = hashlib.sha512((folder / "hello.c").read_bytes()).hexdigest()
    (folder / "hello.c").write_text(source)
    recipe = folder / "APKBUILD"
    recipe.write_text(recipe.read_text().replace(old, hashlib.sha512(source.encode()).hexdigest()))


def _both(place: Place, jobs: int, times: int) -> tuple[float, float]:
    slow, fast = _least(times, lambda: _timed_batch(place, 1), lambda: _timed_batch(place, jobs))
    return slow, fast


def _timed_batch(place: Place, jobs: int) -> float:
    shutil.rmtree(place.repodest)
    place.repodest.mkdir()

    def run() -> None:
        ran = run_batch(place, _ALONE, f"--jobs={jobs}", ".", SOURCE_DATE_EPOCH="1700000000")
        if ran.status != 0:
            raise SystemExit(f"a batch failed: {ran.err}\n{ran.results}")

    return _timed(run)


def _abuild(place: Place, name: str, repodest: Path) -> None:
    shutil.rmtree(repodest / "main/x86_64" / f"{name}-1.0-r0.apk", ignore_errors=True)
    subprocess.run(
        place.command("-d", "-f"),
        cwd=place.aports / "main" / name,
        env=environment(place, REPODEST=str(repodest), SOURCE_DATE_EPOCH="1700000000"),
        check=True,
        capture_output=True,
    )


def _timed_abuild(place: Place, names: Sequence[str]) -> float:
    began = time.monotonic()
    for name in names:
        _abuild(place, name, place.base / "alone")
    return time.monotonic() - began


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _least(times: int, *measures: Callable[[], float]) -> list[float]:
    """The smallest of each, taken by turns: what else the machine does meanwhile then slows down all of them."""
    rounds = [[measure() for measure in measures] for _ in range(times)]
    return [min(found) for found in zip(*rounds, strict=True)]


def _tell(what: str, slow: float, fast: float, least: float) -> list[str]:
    print(f"{what}: {fast:.2f} s, one by one {slow:.2f} s: {slow / fast:.2f} times as fast", flush=True)
    return [] if slow / fast >= least else [f"{what}: only {slow / fast:.2f} times as fast"]


if __name__ == "__main__":
    sys.exit(main())
