#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts which of abuild's own functions the recipes below some trees define, and tells what becomes of each here.

Every APKBUILD below the trees is evaluated as a build would evaluate it (`abuildpy info --json`), so what counts is what the
shell knows as a function. The result is a Markdown table: the function, how many recipes of each tree define it, one of
them, what happens with it. Recipes that cannot be evaluated are listed on stderr and make the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from abuildpy.phases.overrides import FATES, Fate  # noqa: E402 - from this checkout, installed or not

_AT_ONCE = 200


@dataclass(slots=True)
class Survey:
    """What the recipes of one tree define."""

    tree: Path
    recipes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def take(self, document: dict[str, object]) -> None:
        """Counts one recipe, as `abuildpy info --json` describes it."""
        path = Path(str(document["path"]))
        if "error" in document:
            self.errors.append(f"{path}: {document['error']}")
            return
        self.recipes += 1
        functions = document["functions"]
        for name in functions if isinstance(functions, list) else ():
            if name in FATES:
                self.counts[name] += 1
                self.examples.setdefault(name, "/".join(path.parts[-3:-1]))


def survey(tree: Path) -> Survey:
    """Evaluates all recipes below a tree, hidden folders aside."""
    found = Survey(tree)
    paths = sorted(_recipes(tree))
    for start in range(0, len(paths), _AT_ONCE):
        for document in _evaluated(paths[start : start + _AT_ONCE]):
            found.take(document)
        print(f"{tree}: {min(start + _AT_ONCE, len(paths))} of {len(paths)}", file=sys.stderr)
    return found


def _recipes(tree: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(tree):
        if "APKBUILD" in files:
            folders.clear()
            yield folder
        else:
            folders[:] = [name for name in folders if not name.startswith(".")]


def _evaluated(paths: Sequence[str]) -> list[dict[str, object]]:
    code = "import sys; from abuildpy.cli.umbrella import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "info", "--json", *paths],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"abuildpy info ended with status {done.returncode}")
    documents: list[dict[str, object]] = json.loads(done.stdout)
    return documents


def table(surveys: Sequence[Survey]) -> Iterator[str]:
    """The lines of the Markdown table: most used first, within what happens with them."""
    titles = [f"{s.tree.name} ({s.recipes})" for s in surveys]
    yield f"| function | {' | '.join(titles)} | for example | what happens here |"
    yield f"|---|{'---:|' * len(surveys)}---|---|"
    used = {name for s in surveys for name in s.counts}
    for fate in Fate:
        names = [name for name in used if FATES[name] is fate]
        for name in sorted(names, key=lambda name: (-sum(s.counts[name] for s in surveys), name)):
            counts = " | ".join(f"{s.counts[name]:,}" if s.counts[name] else "" for s in surveys)
            example = next(s.examples[name] for s in surveys if name in s.examples)
            yield f"| `{name}` | {counts} | {example} | {fate.value} |"


def main() -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trees", metavar="TREE", nargs="+", type=Path, help="a folder with recipes below it")
    surveys = [survey(tree.resolve()) for tree in parser.parse_args().trees]
    for line in table(surveys):
        print(line)
    errors = [error for s in surveys for error in s.errors]
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
