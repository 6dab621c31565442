#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what our ap and that of lua-aports answer about a tree, and how long they take.

    bench/ap.py --lua LUA-APORTS TREE/main TREE/community TREE/testing

Packages are drawn by seed, subpackages and provided names among them, and asked about with every subcommand. Where lua-aports
gives the order of a hash table, lines are compared sorted, and for build-list it is checked that ours can be built in.

lua-aports reads all recipes in one shell, where a variable that one of them leaves behind is seen by all that follow, and
takes what it has when a recipe fails. Where the answers differ, it is asked again with a shell for each recipe and without
the recipes that cannot be evaluated: what then is the same counts as explained. The exit status is 1 if anything else differs.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.aports.database import Database, read_database
from abuildpy.aports.order import circles, edges_between
from abuildpy.config import load_config
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.ui.console import Console
from bench import BenchError

SORTED = ("list", "apk-list", "toplevel-aports", "build-list")
NAMED = ("revdep", "recursive-deps", "recursdeps", "recursive-revdeps", "sources", "circular-aports", "builddirs")
GROUP = 10
"""builddirs is asked for this many at once, and for all."""

CJSON = r"""
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/" }
local function text(s)
	return '"' .. s:gsub('[%c"\\/]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end
local M = {}
function M.encode(v)
	if type(v) == "number" then return ("%.14g"):format(v) end
	if type(v) == "string" then return text(v) end
	local parts, meta = {}, getmetatable(v)
	if meta and meta.__name == "array" then
		for i, each in ipairs(v) do parts[i] = M.encode(each) end
		return "[" .. table.concat(parts, ",") .. "]"
	end
	for k, each in pairs(v) do parts[#parts + 1] = text(k) .. ":" .. M.encode(each) end
	return "{" .. table.concat(parts, ",") .. "}"
end
return M
"""
"""Stands in for lua-cjson as Alpine patches it, where that is not installed."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: list[str]
    err: list[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Program:
    command: Sequence[str]
    environment: Mapping[str, str]
    folders: Sequence[str]

    def ask(self, *words: str) -> Answer:
        named = [word for folder in self.folders for word in ("-d", folder)]
        started = time.perf_counter()
        done = subprocess.run([*self.command, *named, *words], env=self.environment, capture_output=True, check=False)
        seconds = time.perf_counter() - started
        out, err = (each.decode("utf-8", "surrogateescape").splitlines() for each in (done.stdout, done.stderr))
        return Answer(done.returncode, out, err, seconds)


@dataclass(slots=True)
class Comparison:
    """Asks both, and keeps count of what came of it."""

    ours: Program
    theirs: Program
    alone: Program
    asked: int = 0
    lines: int = 0
    explained: int = 0
    unexplained: int = 0

    def compare(self, *words: str) -> Answer:
        """Our answer."""
        command = words[0]
        mine, other = self.ours.ask(*words), self.theirs.ask(*words)
        self.asked += 1
        self.lines += len(mine.out)
        shown = " ".join(words[:3]) + (f" … ({len(words) - 1} names)" if len(words) > 3 else "")
        if other.status != 0:
            raise BenchError(f"lua-aports ends with status {other.status}: {' / '.join(other.err)}")
        if _normal(command, mine) != _normal(command, other):
            other = self.alone.ask(*words)
            if _normal(command, mine) == _normal(command, other):
                self.explained += 1
                print(f"explained    {shown}")
            else:
                self.unexplained += 1
                print(f"UNEXPLAINED  {shown}")
                changes = difflib.unified_diff(
                    _normal(command, other), _normal(command, mine), "lua", "ours", "", "", 0
                )
                print("".join(f"    {line.rstrip()[:200]}\n" for line in list(changes)[:12]), end="")
        return mine


def _normal(command: str, answer: Answer) -> list[str]:
    """What is compared: the lines, sorted where their order means nothing, and the warnings."""
    warnings = [line for line in answer.err if line.startswith("WARNING: ")]
    if command == "dump-json":
        recipes = json.loads(answer.out[0])
        for recipe in recipes.values():
            recipe["arch"] = sorted(recipe["arch"])
        return [f"{name} {json.dumps(recipes[name], sort_keys=True)}" for name in sorted(recipes)] + warnings
    return (sorted(answer.out) if command in SORTED else answer.out) + warnings


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("repositories", nargs="+", type=Path, help="folders of aports, all of the same tree")
    parser.add_argument("--lua", type=Path, required=True, metavar="DIR", help="a checkout of lua-aports")
    parser.add_argument("--lua-command", default="lua5.4", help="the interpreter, with words before it if need be")
    parser.add_argument("--ours", default=f"{sys.executable} -m abuildpy.cli.ap", help="the command that is our ap")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", type=int, default=200, metavar="N", help="how many packages to draw")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="how often to take the time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ap-") as scratch:
        return run(options, Path(scratch))


def run(options: argparse.Namespace, scratch: Path) -> int:
    """All comparisons; the exit status."""
    folders = [str(folder.resolve()) for folder in options.repositories]
    environment = {"CARCH": "x86_64", "CBUILD": "x86_64-alpine-linux-musl", **os.environ}
    environment |= {"REPODEST": str(scratch / "packages"), "HOME": str(scratch)}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    config = load_config(environment)
    database = read_database(folders, Evaluations(config, Settings(quiet=True), Console()).answers)
    failed = [trouble.folder for trouble in database.troubles if trouble.error]
    print(f"{len(database.aports)} aports, {len(failed)} more that cannot be evaluated: {' '.join(failed)}")
    ours = Program(options.ours.split(), environment, folders)
    theirs = _lua(options, options.lua.resolve(), environment, folders, scratch)
    alone = _lua(options, _alone(options.lua, scratch / "alone", failed), environment, folders, scratch)
    comparison = Comparison(ours, theirs, alone)
    names = drawn(database, options.packages, options.seed)
    try:
        compare_all(comparison, names, database)
    except BenchError as error:
        print(error)
        return 1
    print(
        f"{comparison.asked} questions about {len(names)} names, {comparison.lines} lines: "
        f"{comparison.explained} answers differ for the reasons above, {comparison.unexplained} for none"
    )
    for words in (("list",), ("revdep", *names[:1]), ("builddirs", *names)):
        pairs = [(ours.ask(*words).seconds, theirs.ask(*words).seconds) for _ in range(options.runs)]
        mine, other = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"ap {words[0]}: {1000 * mine:.0f} ms, lua-aports {1000 * other:.0f} ms, ratio {mine / other:.2f}")
    return 1 if comparison.unexplained else 0


def compare_all(comparison: Comparison, names: Sequence[str], database: Database) -> None:
    """Asks everything."""
    # Some packages are there, so that build-list has something to leave out.
    packages = Path(comparison.ours.environment["REPODEST"])
    for aport in random.Random(len(names)).sample(list(database.aports), len(database.aports) // 10):
        for package in aport.packages:
            file = packages / aport.repository / comparison.ours.environment["CARCH"] / aport.apk(package)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    for command in SORTED:
        mine = comparison.compare(command)
        if command == "build-list":
            comparison.unexplained += out_of_order(mine.out, database)
    comparison.compare("dump-json")
    comparison.compare("circular-aports")
    for command in NAMED:
        comparison.compare(command, *names)
        comparison.compare(command, "no-such-package")
    for start in range(0, len(names), GROUP):
        comparison.compare("builddirs", *names[start : start + GROUP])
    for name in names[:GROUP]:
        comparison.compare("circular-aports", name)


def out_of_order(folders: Sequence[str], database: Database) -> int:
    """How many aports come before another that they want, not counting circles, in which some has to be first."""
    edges = edges_between(database)
    group = {folder: number for number, each in enumerate(circles(edges)) for folder in each}
    place = {folder: number for number, folder in enumerate(folders)}
    wrong = [
        (folder, wanted)
        for folder in folders
        for wanted in edges[folder]
        if place.get(wanted, -1) > place[folder] and group.get(wanted, -1) != group.get(folder, -2)
    ]
    for folder, wanted in wrong:
        print(f"UNEXPLAINED  {folder} comes before {wanted}")
    return len(wrong)


def drawn(database: Database, count: int, seed: int) -> list[str]:
    """Names to ask for: one in ten is what an aport provides."""
    chance = random.Random(seed)
    provided = sorted(database.by_provided)
    some = chance.sample(provided, min(len(provided), count // 10))
    return [*chance.sample(sorted(database.by_name), min(len(database.by_name), count - len(some))), *some]


def _lua(
    options: argparse.Namespace, top: Path, environment: Mapping[str, str], folders: Sequence[str], scratch: Path
) -> Program:
    (scratch / "cjson.lua").write_text(CJSON)
    environment = {**environment, "LUA_PATH": f"{top}/?.lua;;{scratch}/?.lua"}
    return Program([*options.lua_command.split(), str(top / "bin" / "ap.lua")], environment, folders)


def _alone(lua: Path, copy: Path, without: Iterable[str]) -> Path:
    """A copy of lua-aports that gives each recipe a shell of its own and leaves some out."""
    for part in ("aports", "bin"):
        shutil.copytree(lua / part, copy / part)
    path = copy / "aports" / "db.lua"
    text = path.read_text()
    skipped = "|".join(f"'{folder}/APKBUILD'" for folder in without)
    leave_out = f'case "$i" in {skipped}) continue;; esac; ' if skipped else ""
    for old, new in (("[[; do\n", f"[[; do {leave_out}(\n"), ("\t\tdone;\n", "\t\t); done;\n")):
        if text.count(old) != 1:
            raise BenchError(f"{path}: the loop over the recipes is not where it was in lua-aports 1.3")
        text = text.replace(old, new)
    path.write_text(text)
    return copy


if __name__ == "__main__":
    sys.exit(main())
