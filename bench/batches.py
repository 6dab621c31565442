#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches that are only played: observers see one as if it were built, with failures, retries and hostile logs.

    bench/batches.py [--packages 300] [--jobs 16] [--speed 60] [--seed 1] [--report FILE]... [--interrupt-after SECONDS]
                     [--refused]

shows what a terminal, a file or a CI system would show (``GITHUB_ACTIONS=true``, ``GITLAB_CI=true``); so many seconds of the
batch pass in one of ours.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.batch.interface import Observer
from abuildpy.batch.model import Failure, Loss, Need, Outcome, Plan, Refusal, Report, Task, Why, blocked_by
from abuildpy.batch.seeing import watching
from abuildpy.ui.console import Console

PHASES = ("fetch", "unpack", "prepare", "build", "check", "package")
WORDS = (
    "amber birch cedar delta ember fjord grove hazel iris juniper kelp larch maple north oak pine quartz reed slate thorn"
).split()
NASTY = """testing/a"b'<i>&amp;%41#?+`|]]>"""
HOSTILE = b"""\
make: Entering directory '/home/builder/src'
cc -o main.o main.c
<script>document.title = 'script ran'</script><img src=x onerror="document.title='image ran'">
]]> &lt; &amp; "quotes" 'single' `ticks` ```fence``` | bar | {{ 7 * 7 }} {% raw %}
\x1b[31mred\x1b[0m \x1b]0;title\x07 bell \x07 null \x00 backspace \x08 bytes \xff\xfe\xc3( end
::error file=passwd::injected
::set-output name=a::b ##[add-mask]secret ##[endgroup]
\x1b[0Ksection_end:1:abuildpy_batch_1\r\x1b[0K
right to left \xe2\x80\xae override, line \xe2\x80\xa8 separator, </script></style></pre>
src/main.c:3:10: fatal error: <zlib.h>: No such file or directory "'</script><script>document.title='error ran'</script>
    3 | #include <zlib.h>
compilation terminated.
make: *** [Makefile:12: main.o] Error 1
>>> ERROR: hostile: build failed
"""
"""A log that tries to be more than text."""
_PLAIN_LOG = "src/{0}.c:{1}:5: error: 'frobnicate_{0}' undeclared (first use in this function)\n"
_TEST_LOG = "test_{0} ... FAIL\nAssertionError: {1} != 42\n"


@dataclass(frozen=True, slots=True)
class Part:
    """What is to become of a task: how long it takes, and how it ends (None: well)."""

    seconds: float
    reason: Failure | None = None
    reused: bool = False
    retried: int = 0
    hostile: bool = False


def make_batch(count: int, folder: Path, seed: int = 1) -> tuple[Plan, dict[str, Part]]:
    """A plan of so many recipes in layers, some settled before, and what becomes of each. Recipes are not written."""
    dice = random.Random(seed)
    tasks: list[Task] = []
    parts: dict[str, Part] = {}
    for index in range(count):
        short = f"{dice.choice(WORDS)}-{dice.choice(WORDS)}{index}"
        name = f"{dice.choices(('main', 'community', 'testing'), (3, 5, 2))[0]}/{short}"
        if index % 41 == 7:
            name += "-with-a-very-long-name-as-there-are-some"
        on = (
            {dice.randrange(max(0, index - 120), index) for _ in range(dice.choice((0, 1, 1, 2, 3)))}
            if index
            else set()
        )
        seconds = dice.lognormvariate(3.2, 1.1)
        former = seconds * dice.uniform(0.8, 1.25) if dice.random() < 0.85 else None
        task = Task(
            name,
            str(folder / name),
            short,
            f"{dice.randrange(9)}.{dice.randrange(30)}.{dice.randrange(9)}-r{dice.randrange(4)}",
            "x86_64",
            (short, f"{short}-dev"),
            (Why("target", "main"),),
            tuple(
                Need(tasks[each].name, f"{tasks[each].pkgname}-dev", f"{tasks[each].pkgname}-dev", "makedepends")
                for each in sorted(on)
            ),
            seconds=former,
            max_rss=None if former is None else dice.randrange(20 << 20, 3 << 30),
        )
        tasks.append(task)
        reason: Failure | None = None
        if dice.random() < 0.025 or index == count // 10:
            reason = dice.choice(("compile", "compile", "test", "package", "timeout", "memory", "checksum"))
        parts[name] = Part(
            seconds, reason, dice.random() < 0.08, int(dice.random() < 0.03), index % 3 == count // 10 % 3
        )
    settled = (
        Outcome("testing/only-arm", "1.0-r0", "skipped", "arch", error="it is for aarch64, not for x86_64"),
        Outcome("testing/broken", "", "failed", "evaluate", error='APKBUILD: line 12: syntax error: unexpected "fi"'),
        Outcome(NASTY, "1<2", "failed", "evaluate", error="\x1b[2J</pre><script>document.title = 'name ran'</script>"),
        Outcome("testing/above-broken", "2-r1", "blocked", blocked_by=("testing/broken", NASTY)),
    )
    return Plan(tuple(tasks), settled, arch="x86_64", warnings=("main/a: nothing is known to provide <b>",)), parts


def make_refusal(plan: Plan) -> Refusal:
    """What a gate that is closed would say of a batch: some of its recipes are held back, others have to be rebuilt."""
    losses = []
    for number, task in enumerate(plan.tasks[5:10]):
        had, has = f"{task.name}-libs-0.9-r{number}", f"{task.name}-libs-{task.version}"
        for recipe in (f"community/user{number}", NASTY):
            losses.append(Loss(f"{recipe}-1.0-r0", recipe, f"so:lib{task.pkgname}.so.{number}", (has,), (had,)))
    recipes = tuple(dict.fromkeys(loss.recipe for loss in losses))
    return Refusal(
        "not all is published: packages in the repository would lose what they need",
        f"rebuild with a higher pkgrel, or let --rebuild-dependants do it: {' '.join(recipes)}\nwhat was built waits",
        tuple(losses),
        recipes,
        tuple(task.name for task in plan.tasks[5:40]),
    )


@dataclass
class Play:
    """Plays a batch for observers. ``now`` is its clock, in seconds since 1970."""

    plan: Plan
    parts: dict[str, Part]
    logs: Path
    now: float = 1_790_000_000.0
    refusal: Refusal | None = None
    """Why what is built is not published in the end."""

    def clock(self) -> float:
        """The time in the play."""
        return self.now

    def run(
        self,
        observers: Sequence[Observer],
        jobs: int,
        sleep: Callable[[float], None] = lambda _seconds: None,
        stop_after: float | None = None,
    ) -> Report:
        """Plays all of it, or until so many seconds of it have passed; returns the report after telling of it."""
        began = self.now
        for each in observers:
            each.planned(self.plan)
            for outcome in self.plan.settled:
                each.finished(Task(outcome.name, "", outcome.name.rpartition("/")[2], "", "x86_64"), outcome)
        outcomes: list[Outcome] = list(self.plan.settled)
        good: set[str] = set()
        bad: dict[str, tuple[str, ...]] = {}
        waiting = list(self.plan.tasks)
        free = list(range(1, jobs + 1))
        events: list[tuple[float, int, str, Task, int]] = []
        number = 0
        complete = True

        def begin(task: Task, attempt: int, place: int) -> None:
            nonlocal number
            part = self.parts[task.name]
            for each in observers:
                each.started(task, attempt, f"local-{place}")
            lasts = part.seconds / 3 if attempt <= part.retried else part.seconds
            for at, phase in enumerate(PHASES):
                number += 1
                heapq.heappush(
                    events, (self.now + lasts * (0.0, 0.03, 0.06, 0.1, 0.7, 0.9)[at], number, phase, task, place)
                )
            number += 1
            heapq.heappush(events, (self.now + lasts, number, "", task, place))

        attempts: dict[str, int] = {}
        starts: dict[str, float] = {}
        while waiting or events:
            rest = []
            for task in waiting:
                if any(name in bad for name in task.waits_for):
                    by = blocked_by(task.waits_for, bad)
                    bad[task.name] = by
                    outcome = Outcome(task.name, task.version, "blocked", blocked_by=by)
                elif not all(name in good for name in task.waits_for):
                    rest.append(task)
                    continue
                elif self.parts[task.name].reused:
                    good.add(task.name)
                    outcome = Outcome(task.name, task.version, "reused")
                elif free:
                    attempts[task.name], starts[task.name] = 1, self.now
                    begin(task, 1, free.pop(0))
                    continue
                else:
                    rest.append(task)
                    continue
                outcomes.append(outcome)
                for each in observers:
                    each.finished(task, outcome)
            waiting = rest
            if not events:
                continue
            at, _, phase, task, place = heapq.heappop(events)
            if stop_after is not None and at - began > stop_after:
                complete = False
                break
            sleep(at - self.now)
            self.now = at
            if phase:
                for each in observers:
                    each.phase(task, phase)
                continue
            part = self.parts[task.name]
            if attempts[task.name] <= part.retried:
                attempts[task.name] += 1
                begin(task, attempts[task.name], place)
                continue
            free.append(place)
            free.sort()
            outcome = Outcome(
                task.name,
                task.version,
                "failed" if part.reason else "built",
                part.reason,
                seconds=part.seconds,
                max_rss=random.Random(task.name).randrange(20 << 20, 3 << 30),
                log=str(self.log(task, part)),
                apks=() if part.reason else tuple(f"{name}-{task.version}.apk" for name in task.packages),
                error={"timeout": "build() took longer than 2h", "memory": "build() took more than 2 GiB"}.get(
                    part.reason or ""
                ),
                attempts=attempts[task.name],
                started=starts[task.name],
            )
            if part.reason:
                bad[task.name] = ()
            else:
                good.add(task.name)
            outcomes.append(outcome)
            for each in observers:
                each.finished(task, outcome)
        report = Report(tuple(outcomes), self.plan, began, self.now - began, jobs, complete, self.refusal)
        for each in observers:
            each.ended(report)
        return report

    def log(self, task: Task, part: Part) -> Path:
        """Writes the log of a build; some are hostile."""
        path = self.logs / f"{task.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"cc -O2 -c src/file{number}.c\n" for number in range(120))
        dice = random.Random(task.name)
        if part.reason is None:
            data = lines.encode()
        elif part.hostile:
            data = lines.encode() + HOSTILE
        elif part.reason == "test":
            data = (lines + _TEST_LOG.format(task.pkgname, dice.randrange(40))).encode()
        else:
            data = (
                lines + _PLAIN_LOG.format(task.pkgname, dice.randrange(900)) + "make: *** [Makefile:9: all] Error 1\n"
            ).encode()
        path.write_bytes(data)
        return path


@dataclass(frozen=True, slots=True)
class Orders:
    """What observers are chosen by."""

    reports: tuple[Path, ...]


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--speed", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, action="append", default=[])
    parser.add_argument("--interrupt-after", type=float)
    parser.add_argument("--refused", action="store_true", help="as if the gate were closed in the end")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="batches-") as folder:
        plan, parts = make_batch(arguments.packages, Path(folder) / "aports", arguments.seed)
        speed = arguments.speed
        if speed:
            tasks = (replace(task, seconds=task.seconds and task.seconds / speed) for task in plan.tasks)
            plan = replace(plan, tasks=tuple(tasks))
            parts = {name: replace(part, seconds=part.seconds / speed) for name, part in parts.items()}
        play = Play(plan, parts, Path(folder) / "logs", refusal=make_refusal(plan) if arguments.refused else None)
        with watching(Orders(tuple(arguments.report)), Console()) as (observers, _):
            report = play.run(
                observers,
                arguments.jobs,
                time.sleep if speed else lambda _seconds: None,
                arguments.interrupt_after,
            )
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main())
