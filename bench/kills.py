#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills builds with SIGKILL at random moments, drawn from a fixed seed, and looks at what that leaves.

Killed are, by turns, our program, a shell inside the sandbox, one of bubblewrap's processes, and fakeroot's daemon, at
moments spread over the time in which each is there (measured first). After each kill: no process of that build is left after
a second, the index is whole and signed; the next build of the recipe succeeds, then the index lists exactly the packages
that are there, all of them sound, and nothing temporary is left. Exit status 1 if anything else was seen.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from buildfixtures import make_key_pair
from buildkit import ORDINARY, Place
from killkit import VICTIMS, Kill, Outcome, ground, measure, orphans_come_to_us, paced, strike

SEED = 20260101
COUNT = 200
_WHOLE = 0.4
"""A build that took less than this part of the time measured had nothing to do, and tells nothing of the machine's pace."""


def main() -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", "--count", type=int, default=COUNT, help=f"how many builds to kill (default {COUNT})")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--place", type=Path, default=Path("/var"), help="where to make a folder to work in, not /tmp")
    parser.add_argument("--ordinary", action="store_true", help=f"as root: build as user {ORDINARY}")
    parser.add_argument("--victim", choices=VICTIMS, action="append", help="kill only this (may be repeated)")
    parser.add_argument("--sandbox", default="bwrap")
    arguments = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="abuildpy-kills-", dir=arguments.place))
    base.chmod(0o755)
    try:
        with orphans_come_to_us():
            return _run(base, arguments)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _run(base: Path, arguments: argparse.Namespace) -> int:
    place = Place(base, *make_key_pair(), ORDINARY if arguments.ordinary else None)
    if arguments.ordinary:
        place.give_away()
    chance = random.Random(arguments.seed)
    victims = tuple(arguments.victim or VICTIMS)
    outcomes: list[Outcome] = []
    with ground(place, f"--sandbox={arguments.sandbox}") as here:
        spans = [measure(here, recipe) for recipe in range(len(here.recipes))]
        for recipe, seen in zip(here.recipes, spans, strict=True):
            print(recipe.name, ", ".join(f"{kind} {span.first:.2f}-{span.last:.2f} s" for kind, span in seen.items()))
        number = 0
        while number < arguments.count and len(outcomes) < 3 * arguments.count:
            kill = _draw(chance, victims, len(here.recipes), number)
            outcomes.append(strike(here, kill, spans[kill.recipe], chance))
            _tell(number, here.recipes[kill.recipe].name, outcomes[-1])
            if outcomes[-1].after >= 0:
                number += 1
            if outcomes[-1].seconds > _WHOLE * spans[kill.recipe]["program"].last:
                spans[kill.recipe] = paced(spans[kill.recipe], outcomes[-1].seconds)
    return _sum_up(outcomes)


def _draw(chance: random.Random, victims: tuple[str, ...], recipes: int, number: int) -> Kill:
    return Kill(chance.randrange(recipes), victims[number % len(victims)], chance.random(), chance.random() < 0.5)


def _tell(number: int, recipe: str, outcome: Outcome) -> None:
    kill = outcome.kill
    when = f"after {outcome.after:.3f} s" if outcome.after >= 0 else "not found before the end"
    left = f"; until the next build: {', '.join(outcome.found)}" if outcome.found else ""
    print(f"{number + 1:4} {recipe}: {kill.victim} {when}, status {outcome.status}{left}", flush=True)
    for line in outcome.violations:
        print(f"     VIOLATION: {line}", flush=True)


def _sum_up(outcomes: list[Outcome]) -> int:
    for kind in VICTIMS:
        of_kind = [outcome for outcome in outcomes if outcome.kill.victim == kind]
        hit = sum(outcome.after >= 0 for outcome in of_kind)
        bad = sum(bool(outcome.violations) for outcome in of_kind)
        print(f"{kind}: {len(of_kind)} builds, {hit} killed, {bad} with violations")
    kinds = Counter(line.split(":")[0] for outcome in outcomes for line in outcome.violations)
    for what, count in kinds.most_common():
        print(f"{count:4} {what}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
