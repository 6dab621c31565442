#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the recipes of a tree without running them and compares what that claims with what BusyBox ash says.

For each architecture, ash evaluates every recipe (a subshell each, the environment empty, behind bubblewrap where there
is one) on the same library and configuration. Compared are all variables that the shell has or that are claimed, and the
functions. Reading also happens without any configuration; what it then claims has to hold on every architecture. A recipe
that ash cannot evaluate is counted and proves nothing. With --cross-check, tree-sitter-bash and bashlex read the recipes
as well: every assignment and function that tree-sitter finds has to be where ours is, and every word that bashlex reads
has to have the same text and the same parameters.

The exit status is 1 if anything could not be parsed or any claim is wrong, or if less than --least percent is claimed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.config import RUNTIME_DIR, SHARE_DIR, Config, load_config
from abuildpy.errors import RecipeError
from abuildpy.recipe.static import StaticReader, StaticValues
from abuildpy.recipe.syntax import Script, parse
from abuildpy.shell import find_ash, parse_functions, parse_variables

MEASURED = (
    "pkgname pkgver pkgrel pkgdesc url arch license depends makedepends checkdepends subpackages source options "
    "provides install pkgusers"
).split()
IGNORED = frozenset("_ _ab_names PWD OLDPWD PPID LINENO OPTIND SHLVL RANDOM IFS PS1 PS2 PS4 HISTFILE".split())
TRUTH = r"""
set +e
. "$ABUILD_SHAREDIR/functions.sh"
. "$1/helpers.sh"
while read -r APKBUILD _ab_names; do
	(
		exec 9>&1 >/dev/null 2>&1 </dev/null
		ulimit -t 20
		set -e
		. "$1/recipe.sh" 9>&-
		set +e
		{ set; printf '\0'; unset IFS; type $_ab_names; printf '\0'; } >&9 2>/dev/null
	)
	printf '%s\0end\0' "$APKBUILD"
done
"""
Claims = Mapping[Path, StaticValues]
WALL = "bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --unshare-net --unshare-pid --die-with-parent".split()


@dataclass(frozen=True, slots=True)
class Truth:
    variables: Mapping[str, str]
    functions: frozenset[str]


@dataclass(slots=True)
class Tally:
    """What came of one way of reading."""

    pairs: int = 0
    claimed: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    claims: int = 0
    wrong: list[str] = field(default_factory=list)
    given_up: list[Path] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100 * self.claimed / self.pairs if self.pairs else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tree", type=Path, help="a tree of recipes")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="read only each N-th recipe")
    parser.add_argument("--arch", action="append", help="an architecture to evaluate for (default: x86_64, aarch64)")
    parser.add_argument("--least", type=float, default=97.0, help="percentage that has to be claimed")
    parser.add_argument("--cross-check", action="store_true", help="compare with tree-sitter-bash and bashlex")
    options = parser.parse_args()
    paths = sorted(options.tree.resolve().rglob("APKBUILD"))[:: options.every]
    if not paths:
        sys.exit(f"no recipes below {options.tree}")
    scripts, failures = read_all(paths)
    print(f"{len(paths)} recipes, {failures} that could not be parsed")
    good = not failures
    blind = read_values("no configuration", scripts, None)
    truths = []
    for arch in options.arch or ["x86_64", "aarch64"]:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CARCH": arch, "ABUILD_CONF": "/dev/null"}
        claims = read_values(arch, scripts, load_config(environment))
        started = time.monotonic()
        truths.append(evaluated(scripts, environment, [claims, blind]))
        print(f"{arch}: ash evaluated {len(truths[-1])} in {time.monotonic() - started:.1f} s")
        good &= report(arch, claims, truths[-1:], options.least)
    good &= report("no configuration", blind, truths, 0.0)
    if options.cross_check:
        from crosscheck import cross_check

        good &= cross_check(scripts)
    return 0 if good else 1


def read_all(paths: Sequence[Path]) -> tuple[dict[Path, Script], int]:
    """Every recipe that can be parsed, and how many cannot."""
    scripts = {}
    started = time.process_time()
    for path in paths:
        try:
            scripts[path] = parse(path.read_bytes())
        except RecipeError as error:
            print(f"{path}: {error.message}")
    took = time.process_time() - started
    print(f"parsed in {took:.1f} s, {1000 * took / len(paths):.2f} ms each")
    started = time.process_time()
    found = sum(
        len(s.assignments) + len(s.functions) + len(s.source_entries) + len(s.sections) for s in scripts.values()
    )
    took = time.process_time() - started
    print(f"{found} assignments, functions, source entries and sections in {took:.1f} s")
    return scripts, len(paths) - len(scripts)


def read_values(title: str, scripts: Mapping[Path, Script], config: Config | None) -> Claims:
    """What is certain of each recipe."""
    reader = StaticReader(config)
    started = time.process_time()
    claims = {path: reader.read(str(path), script) for path, script in scripts.items()}
    took = time.process_time() - started
    print(f"{title}: values read in {took:.1f} s, {1000 * took / len(scripts):.2f} ms each")
    return claims


def evaluated(
    scripts: Mapping[Path, Script], environment: Mapping[str, str], claims: Sequence[Claims]
) -> dict[Path, Truth]:
    """What ash says of each recipe, and of the functions written or claimed; those it cannot evaluate are left out."""
    lines = ""
    for path, script in scripts.items():
        names = {function.name for function in script.functions}
        names.update(*(claim[path].functions or () for claim in claims))
        lines += " ".join([str(path), *sorted(names)]) + "\n"
    wall = WALL if shutil.which("bwrap") else []
    answer = subprocess.run(
        [*wall, *find_ash(), "-c", TRUTH, "truth", RUNTIME_DIR],
        input=lines.encode("utf-8", "surrogateescape"),
        env={**environment, "ABUILD_SHAREDIR": SHARE_DIR},
        stdout=subprocess.PIPE,
        check=False,
    ).stdout
    return dict(_truths(answer.split(b"\0end\0")))


def _truths(records: Iterable[bytes]) -> Iterator[tuple[Path, Truth]]:
    """Records: variables and functions, if the recipe could be evaluated, then its path."""
    for record in records:
        *found, path = record.split(b"\0")
        if len(found) == 2:
            yield Path(os.fsdecode(path)), Truth(parse_variables(found[0]), parse_functions(found[1]))


def report(title: str, claims: Claims, truths: Sequence[Mapping[Path, Truth]], least: float) -> bool:
    """Prints how much is claimed and what is wrong of it; whether all is well."""
    tally = Tally()
    for path, values in claims.items():
        if not values.complete:
            tally.given_up.append(path)
        for truth in truths:
            if path in truth:
                compare(path, values, truth[path], tally)
    print(
        f"{title}: {tally.claimed} of {tally.pairs} ({tally.percent:.2f} %) of the measured pairs claimed, "
        f"{tally.claims} claims in all, {len(tally.wrong)} wrong"
    )
    print("   not known: " + ", ".join(f"{name} {count}" for name, count in tally.missed.most_common()))
    print(f"   nothing is certain of {len(tally.given_up)}: " + " ".join(str(path) for path in tally.given_up[:8]))
    for line in tally.wrong[:40]:
        print("   WRONG " + line)
    return not tally.wrong and tally.percent >= least


def compare(path: Path, values: StaticValues, truth: Truth, tally: Tally) -> None:
    for name in MEASURED:
        if truth.variables.get(name):
            tally.pairs += 1
            known = values.value(name) is not None
            tally.claimed += known
            tally.missed[name] += not known
    for name in (truth.variables.keys() | values.known.keys()) - IGNORED:
        claim = values.value(name)
        if claim is not None:
            tally.claims += 1
            if claim != truth.variables.get(name, ""):
                tally.wrong.append(f"{path} {name}: {claim!r}, not {truth.variables.get(name)!r}")
    if values.functions is not None:
        tally.claims += 1
        if values.functions != truth.functions:
            tally.wrong.append(f"{path} functions: {sorted(values.functions ^ truth.functions)}")


if __name__ == "__main__":
    sys.exit(main())
