#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each wall costs: milliseconds from the start of a phase's process behind it to its end, for a process that does nothing.

./run exec python bench/walls.py [--runs N] [--json]    (as root or as a user: the walls differ)

The rungs that stand here are tried in turn, run by run, so that other work on the machine hits all alike. Printed are
median, quartiles, the least, what the median is above that of the same process started without anything, and the processor time
that went into it, ours included: on a busy machine that says more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from abuildpy.sandbox.base import Request, Wall
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.probe import survey
from abuildpy.sandbox.process import CLEAN_ENVIRONMENT, find_system_program, spawn

_TARGET = 40.0
"""Milliseconds that a wall may cost a phase."""


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with _startdir() as startdir:
        ways = dict(_ways(startdir))
        times: dict[str, list[float]] = {name: [] for name in ways}
        used: dict[str, list[float]] = {name: [] for name in ways}
        for run in range(options.runs + 2):
            for name, start in ways.items():
                before, processor = time.perf_counter(), sum(os.times()[:4])
                start()
                if run >= 2:  # the first ones warm the caches
                    times[name].append((time.perf_counter() - before) * 1000)
                    used[name].append((sum(os.times()[:4]) - processor) * 1000)
    _report(times, used, as_json=options.json)
    return 0


@contextmanager
def _startdir() -> Iterator[Path]:
    """A recipe's folder with work folders, where every build user can get to."""
    with tempfile.TemporaryDirectory(prefix="abuildpy-bench-") as base:
        startdir = Path(base, "aports/main/foo")
        for name in ("src", "pkg", "tmp/.home", "tmp/.tmp"):
            (startdir / name).mkdir(parents=True)
        Path(base).chmod(0o755)
        yield startdir


def _ways(startdir: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    true = find_system_program("true") or "/bin/true"
    request = Request(
        argv=(true,),
        env={"PATH": CLEAN_ENVIRONMENT["PATH"]},
        cwd=startdir,
        home=startdir / "tmp/.home",
        tmp=startdir / "tmp/.tmp",
        readable=(startdir, startdir.parent.parent),
        writable=tuple(startdir / name for name in ("src", "pkg", "tmp")),
    )
    yield "nothing", lambda: _bare(true)
    for rung in survey(startdir):
        if rung.wall is None:
            sys.stderr.write(f"{rung.name}: {rung.reason}\n")
        elif rung.name == "landlock":
            for sockets in ("none", "tests"):
                asked = replace(request, sockets=sockets)
                yield f"landlock, --sockets={sockets}", _behind(rung.wall, asked)
        else:
            yield rung.name, _behind(rung.wall, request)


def _bare(program: str) -> None:
    os.waitpid(spawn([program], CLEAN_ENVIRONMENT, stdin=None, keep=()), 0)


def _behind(wall: Wall, request: Request) -> Callable[[], None]:
    folders = (*request.writable, request.home, request.tmp)

    def run() -> None:
        hand_over(folders, wall.user)
        with wall.start(request) as running:
            if running.wait() != 0:
                raise SystemExit(f"{wall.describe()}: it failed")

    return run


def _report(times: dict[str, list[float]], used: dict[str, list[float]], *, as_json: bool) -> None:
    base = statistics.median(times["nothing"])
    rows = {}
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found, n=4)
        processor = statistics.mean(used[name])  # it is counted in steps of 10 ms
        rows[name] = {
            **{"least": min(found), "low": low, "median": middle, "high": high},
            **{"above": middle - base, "processor": processor},
        }
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    for name, row in rows.items():
        over = "" if row["above"] < _TARGET else f"   more than {_TARGET:.0f}"
        spread = f"{row['low']:.1f} to {row['high']:.1f}, least {row['least']:.1f}"
        cost = f"+{row['above']:.1f}   processor {row['processor']:.1f}{over}"
        sys.stdout.write(f"{name:26} {row['median']:7.1f} ms  ({spread})  {cost}\n")


if __name__ == "__main__":
    sys.exit(main())
