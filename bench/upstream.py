#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""For what share of real recipes a source of truth is recognised, by kind, and how long that takes. Nobody is asked.

./run exec bench/upstream.py TREE...                        shares by kind, without any last resort
./run exec bench/upstream.py --draw 200 --seed 7 TREE...    mappings drawn at random, to be judged by reading
./run exec bench/upstream.py --missed TREE...               the recipes in which nothing is recognised

TREE is a folder of repositories. Recipes without a remote source have no upstream; the share is told with and without them.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.batch.recipes import recipe_folders
from abuildpy.batch.targets import repositories_in
from abuildpy.config import load_config
from abuildpy.maintain.upstream.facts import Facts, describe, facts_of
from abuildpy.maintain.upstream.model import Upstream
from abuildpy.maintain.upstream.recognise import recognise
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.ui.console import Console


@dataclass(frozen=True, slots=True)
class Mapped:
    """A recipe and what is recognised in it."""

    facts: Facts
    upstreams: tuple[Upstream, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is asked; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="TREE")
    parser.add_argument("--draw", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--missed", action="store_true")
    options = parser.parse_args(arguments)
    start = time.process_time()
    recipes = list(evaluated(options.trees))
    read = time.process_time()
    mapped = [Mapped(facts, recognise(facts)) for facts in map(_facts, recipes)]
    done = time.process_time()
    if options.draw:
        recognised = [each for each in mapped if each.upstreams]
        drawn = random.Random(options.seed).sample(recognised, options.draw)
        for number, each in enumerate(drawn, 1):
            print("\n".join(lines_of(number, each)))
        return 0
    if options.missed:
        for each in mapped:
            if each.facts.places and not each.upstreams:
                print(each.facts.pkgname, each.facts.version, each.facts.places[0].url)
        return 0
    print("\n".join(shares(mapped)))
    print(f"processor time of this process: evaluating {read - start:.2f} s, recognising {done - read:.2f} s")
    return 0


def evaluated(trees: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """The variables of all recipes of some trees that can be evaluated; of the others a line on standard error."""
    paths = [
        f"{folder}/APKBUILD"
        for tree in trees
        for repository in repositories_in(str(Path(tree).resolve()))
        for folder in recipe_folders(repository)
    ]
    for answer in Evaluations(load_config(), Settings(quiet=True), Console()).answers(paths):
        if answer.error is None:
            yield answer.variables
        else:
            sys.stderr.write(f"{answer.error.message}\n")


def _facts(variables: Mapping[str, str]) -> Facts:
    return facts_of(describe(Path(), variables))


def shares(mapped: Sequence[Mapped]) -> Iterator[str]:
    """How many recipes each kind has, and all together."""
    kinds = Counter(each.upstreams[0].kind for each in mapped if each.upstreams)
    loose = Counter(each.upstreams[0].kind for each in mapped if each.upstreams and each.upstreams[0].form.loose)
    remote = sum(bool(each.facts.places) for each in mapped)
    found = sum(kinds.values())
    yield f"{'kind':12} {'recipes':>7} {'share':>7}  form of tags not known"
    for kind, count in kinds.most_common():
        yield f"{kind:12} {count:7} {100 * count / len(mapped):6.2f}%  {loose[kind] or ''}".rstrip()
    yield f"{'recognised':12} {found:7} {100 * found / len(mapped):6.2f}%  of {len(mapped)} recipes"
    yield f"{'':12} {'':7} {100 * found / remote:6.2f}%  of the {remote} that have a remote source"


def lines_of(number: int, mapped: Mapped) -> Iterator[str]:
    """A mapping for a reader."""
    facts, first = mapped.facts, mapped.upstreams[0]
    yield f"{number:3} {facts.pkgname} {facts.version}  {facts.places[0].url}"
    yield f"      url      {facts.home.url if facts.home else '-'}"
    packaged = f"  packaged {first.current}" if first.current else ""
    yield f"      {first.kind:8} {first.project}  {first.address}  form {first.form}{packaged}"


if __name__ == "__main__":
    sys.exit(main())
