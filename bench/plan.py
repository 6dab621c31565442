#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a batch of a whole tree, says how long that takes and how much memory, and checks the order in other ways.

    bench/plan.py TREE [--runs 5] [--most 3.0]

The tree is planned twice: with nothing built, where cycles cannot be broken, and with an index that has every package of every
recipe, where everything can be built. For the second plan it is checked that every task stands after all that it waits for;
that whatever lua-aports' rules call a dependency is waited for, or why not; and that the cycles are those that reachability
alone finds, and none is left once the broken needs are gone. The exit status is 1 if anything is wrong, or too slow.

CARCH, CBUILD and CHOST are as in the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abuildpy.aports.database import Aport, Database, read_database
from abuildpy.batch.targets import repositories_in
from abuildpy.config import load_config
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.repository.depends import parse, satisfies
from abuildpy.repository.index import INDEX_NAME, IndexEntry, compress_index, format_index
from abuildpy.ui.console import Console

Plan = dict[str, Any]
Edges = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class Run:
    plan: Plan
    seconds: float
    cpu: float
    mebibytes: float


def plan(tree: Path, repodest: Path, root: Path, runs: int) -> Run:
    """The quickest of some runs."""
    environment = {**os.environ, "REPODEST": str(repodest), "APK": f"apk --root {root}"}
    command = [sys.executable, "-m", "abuildpy.cli.umbrella", "batch", "--plan", "--json", str(tree)]
    found: list[Run] = []
    output = root / "plan.json"
    for _ in range(runs):
        with open(output, "wb") as stream:
            actions = [(os.POSIX_SPAWN_DUP2, stream.fileno(), 1)]
            started = time.perf_counter()
            pid = os.posix_spawn(sys.executable, command, environment, file_actions=actions)
            _, status, used = os.wait4(pid, 0)
            seconds = time.perf_counter() - started
        if status != 0:
            raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
        found.append(Run({}, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))
    best = min(found, key=lambda run: run.seconds)
    return Run(json.loads(output.read_bytes()), best.seconds, min(run.cpu for run in found), best.mebibytes)


def write_indexes(database: Database, repodest: Path, arch: str) -> None:
    """An index for each repository with all that its recipes make."""
    entries: dict[str, list[IndexEntry]] = {}
    for aport in database.aports:
        version = f"{aport.value('pkgver')}-r{aport.value('pkgrel')}"
        for package in dict.fromkeys(aport.packages):
            provides = tuple(aport.words("provides")) if package == aport.pkgname else ()
            entry = IndexEntry(
                f"Q1{aport.folder}{package}", package, version, arch, origin=aport.pkgname, provides=provides
            )
            entries.setdefault(aport.repository, []).append(entry)
    for repository, each in entries.items():
        folder = repodest / repository / arch
        folder.mkdir(parents=True)
        (folder / INDEX_NAME).write_bytes(compress_index(format_index(each, repository, 0)))


def wrong_order(found: Plan) -> list[str]:
    """Tasks that stand before something that they wait for."""
    place = {task["name"]: number for number, task in enumerate(found["tasks"])}
    return [
        f"{task['name']} stands before {need['on']}"
        for task in found["tasks"]
        for need in task["needs"]
        if place.get(need["on"], len(place)) >= place[task["name"]]
    ]


def compare(found: Plan, database: Database) -> tuple[Counter[str], list[str]]:
    """For each dependency by lua-aports' rules that others of the batch make: what became of it, and what cannot be told."""
    tasks = {task["name"]: task for task in found["tasks"]}
    known = {_name(aport): aport for aport in database.aports}
    count: Counter[str] = Counter()
    strange = []
    for name, task in tasks.items():
        waits = {need["on"] for need in task["needs"]}
        met = {need["on"] for need in task["met"]}
        words = _wanted(known[name])
        for word in words:
            others = [
                a for a in database.providers(re.split("[<>=~]", word)[0]) if _name(a) in tasks and _name(a) != name
            ]
            for provider in {_name(aport) for aport in others}:
                reason = _reason(word, provider, known, waits, met, others, set(task["packages"]))
                if not reason and name in met:
                    reason = "its predecessor serves"
                count[reason or "NOT EXPLAINED"] += 1
                if not reason:
                    strange.append(f"{name} wants {word} of {provider}")
    return count, strange


def _reason(
    word: str,
    provider: str,
    known: Mapping[str, Aport],
    waits: set[str],
    met: set[str],
    others: Sequence[Aport],
    own: set[str],
) -> str:
    wanted = parse(word)
    if provider in waits:
        return "waited for"
    if provider in met:
        return "a cycle is broken there"
    if wanted.name in own:
        return "it makes that itself"
    if {_name(aport) for aport in others} & (waits | met):
        return "another one that provides it is waited for"
    if not any(satisfies(wanted, wanted.name, version) for version in _versions(known[provider], wanted.name)):
        return "it has another version"
    return ""


def _versions(aport: Aport, name: str) -> list[str]:
    found = [f"{aport.value('pkgver')}-r{aport.value('pkgrel')}"] if name in aport.packages else []
    return found + [p.version for p in map(parse, aport.words("provides")) if p.name == name]


def _wanted(aport: Aport) -> list[str]:
    names = ["depends", "makedepends", "makedepends_host", "makedepends_build"]
    if "!check" not in aport.words("options"):
        names.append("checkdepends")
    return [word for name in names for word in aport.words(name) if not word.startswith("!")]


def _name(aport: Aport) -> str:
    return f"{aport.repository}/{os.path.basename(aport.folder)}"


def groups(edges: Edges) -> list[list[str]]:
    """What can be reached from each other (Kosaraju's way; the plan is made by Tarjan's)."""
    back: dict[str, set[str]] = {name: set() for name in edges}
    for name, others in edges.items():
        for other in others:
            back[other].add(name)
    ended: list[str] = []
    _visit(edges, edges, ended.append, set())
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in reversed(ended):
        group: list[str] = []
        _visit([name], back, group.append, seen)
        if len(group) > 1:
            found.append(sorted(group))
    return sorted(found)


def _visit(starts: Iterable[str], edges: Edges, end: Any, seen: set[str]) -> None:
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(sorted(edges[start])))]
        while path:
            rest = path[-1][1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                end(path.pop()[0])
            else:
                seen.add(following)
                path.append((following, iter(sorted(edges[following]))))


def edges_of(found: Plan, *kinds: str) -> dict[str, set[str]]:
    return {task["name"]: {n["on"] for kind in kinds for n in task[kind]} - {task["name"]} for task in found["tasks"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=float, default=3.0, help="seconds that planning may take, warm")
    arguments = parser.parse_args()
    config = load_config()
    console = Console()
    evaluations = Evaluations(config, Settings(quiet=True), console)
    database = read_database(repositories_in(str(arguments.tree.resolve())), evaluations.answers)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bare = plan(arguments.tree, root / "none", root, arguments.runs)
        write_indexes(database, root / "packages", config.carch)
        whole = plan(arguments.tree, root / "packages", root, arguments.runs)
    for label, run in (("nothing built", bare), ("all built before", whole)):
        print(
            f"{label}: {run.seconds:.2f} s ({run.cpu:.2f} s of CPU), {run.mebibytes:.0f} MiB; {len(run.plan['tasks'])} tasks, "
            f"{len(run.plan['cycles'])} cycles, {dict(Counter(o['reason'] or o['status'] for o in run.plan['settled']))}"
        )
        if run.seconds > arguments.most:
            wrong.append(f"{label}: slower than {arguments.most} s")
        wrong += wrong_order(run.plan)
    asked = len(database.aports) + sum(trouble.error is not None for trouble in database.troubles)
    for run in (bare, whole):
        told = [each["name"] for part in ("tasks", "settled") for each in run.plan[part]]
        if len(told) != asked or len(set(told)) != asked:
            wrong.append(f"{asked} recipes, but {len(told)} in the plan")
    count, strange = compare(whole.plan, database)
    print(
        "dependencies by lua-aports' rules: "
        + ", ".join(f"{number} {reason}" for reason, number in count.most_common())
    )
    wrong += strange
    cycles = [sorted(cycle["members"]) for cycle in whole.plan["cycles"]]
    found = groups(edges_of(whole.plan, "needs", "met"))
    print(f"cycles: {len(cycles)} told, {len(found)} by reachability; members {' '.join(str(len(c)) for c in found)}")
    if found != sorted(cycles) or [sorted(c["members"]) for c in bare.plan["cycles"]] != cycles:
        wrong.append(f"the cycles are {found}, but told are {cycles}")
    if groups(edges_of(whole.plan, "needs")):
        wrong.append("there are cycles left")
    for line in wrong[:20]:
        print(f"WRONG: {line}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
