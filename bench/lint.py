#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lints all recipes of trees: how long that takes, what is found, and whether mending leaves what recipes say as it is.

./run exec bench/lint.py TREE...                       seconds for 1,000 recipes in one process, findings by tag, crashes
./run exec bench/lint.py --draw 10 --seed 7 TREE...    of each rule, ten findings drawn at random, to be judged by reading
./run exec bench/lint.py --fix-in FOLDER TREE          mends a copy of the tree made in FOLDER and evaluates both

FOLDER must be as deep as the folder of TREE, and below one that the sandbox shows: recipes see their own paths. For --fix-in
every variable and function is compared, with the tree's path in them exchanged; an empty variable counts as one that is
not set. The exit status is 1 if a rule crashed, if mending changed what a recipe says, or if it was not done with it at once.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.lint.fix import fix_file
from abuildpy.lint.model import Finding
from abuildpy.lint.rules import RULES
from abuildpy.lint.run import Linter, apkbuilds
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.ui.console import Console

_ENVIRONMENT = {"APKBUILD_STYLE": "leo"}
_CHANGING = frozenset("_ HOME LINENO OLDPWD OPTIND PATH PPID PS4 PWD RANDOM SECONDS SHLVL".split())
"""The shell's own, which differ with the way a recipe is evaluated, as do those that begin with _ab_."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is asked; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="TREE")
    parser.add_argument("--draw", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="TAGS")
    parser.add_argument("--fix-in", default="", metavar="FOLDER")
    options = parser.parse_args(arguments)
    linter = Linter(_ENVIRONMENT, only=options.only.replace(",", " ").split())
    paths = list(apkbuilds(options.trees))
    if options.fix_in:
        return _fixing(linter, Path(options.trees[0]).resolve(), Path(options.fix_in).resolve())
    findings, crashes, seconds = lint_all(linter, paths)
    if options.draw:
        for line in drawn(findings, options.draw, options.seed):
            print(line)
        return 0
    counts = Counter(finding.rule.tag for finding in findings)
    for rule in RULES:
        print(f"{rule.tag:5} {rule.grade} {counts[rule.tag]:6} {rule.label}")
    print(f"{len(paths)} recipes, {len(findings)} findings, {crashes} crashes")
    print(f"{1000 * seconds / max(len(paths), 1):.2f} s of processor time for 1,000 recipes")
    return 1 if crashes else 0


def lint_all(linter: Linter, paths: Sequence[str]) -> tuple[list[Finding], int, float]:
    """All findings, how many recipes made a rule crash, and the processor's seconds."""
    findings: list[Finding] = []
    crashes = 0
    begun = time.process_time()
    for path in paths:
        try:
            findings += linter.lint(path)
        except Exception:
            crashes += 1
            print(f"{path}:", file=sys.stderr)
            traceback.print_exc()
    return findings, crashes, time.process_time() - begun


def drawn(findings: Sequence[Finding], number: int, seed: int) -> list[str]:
    """Of each rule some findings, with the lines that they are about."""
    lines: list[str] = []
    for rule in RULES:
        own = [finding for finding in findings if finding.rule == rule]
        if not own:
            continue
        lines.append(f"== {rule.tag} {rule.label}: {len(own)}")
        for finding in random.Random(f"{seed} {rule.tag}").sample(own, min(number, len(own))):
            lines.append(f"{finding.path}:{finding.place.line}:{finding.place.column}: {finding.message}")
            text = Path(finding.path).read_text(errors="replace").split("\n")
            lines += [f"    {line}" for line in text[finding.place.line - 1 : finding.place.end_line][:4]]
    return lines


def _fixing(linter: Linter, tree: Path, copy: Path) -> int:
    if len(copy.parts) != len(tree.parent.parts):
        raise SystemExit(f"{copy} is not as deep as {tree.parent}")
    mended_tree = copy / tree.name
    shutil.rmtree(mended_tree, ignore_errors=True)
    shutil.copytree(tree, mended_tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    pairs: list[tuple[str, str]] = []
    tags: Counter[str] = Counter()
    unstable = 0
    recipes = 0
    for path in apkbuilds([str(tree)]):
        recipes += 1
        mended = str(mended_tree / Path(path).relative_to(tree))
        before = Counter(finding.rule.tag for finding in linter.lint(mended) if finding.edits)
        if not fix_file(linter, mended):
            continue
        tags += before - Counter(finding.rule.tag for finding in linter.lint(mended) if finding.edits)
        pairs.append((path, mended))
        if fix_file(linter, mended):
            unstable += 1
            print(f"{mended}: not done at once")
    print(f"{recipes} recipes, {len(pairs)} mended: {dict(tags.most_common())}")
    different = _different(pairs, str(tree), str(mended_tree))
    print(f"{different} say something else now, {unstable} were not done at once")
    return 1 if different or unstable else 0


def _different(pairs: Sequence[tuple[str, str]], tree: str, mended_tree: str) -> int:
    evaluations = Evaluations(load_config(), Settings(quiet=True), Console(quiet=True))
    paths = [path for pair in pairs for path in pair]
    answers = {answer.path: answer for answer in evaluations.answers(paths)}
    different = failed = 0
    for path, mended in pairs:
        old, new = answers[os.path.realpath(path)], answers[os.path.realpath(mended)]
        failed += bool(old.error)
        if old.error and new.error:
            continue
        if old.error or new.error or old.functions != new.functions:
            different += 1
            print(f"{mended}: {new.error or 'other functions'}")
            continue
        first = _comparable(old.variables, tree, mended_tree)
        second = _comparable(new.variables, tree, mended_tree)
        names = sorted(name for name in first.keys() | second.keys() if first.get(name, "") != second.get(name, ""))
        if names:
            different += 1
            print(f"{mended}: {names}")
    print(f"evaluated {len(answers)} recipes; {failed} of the originals cannot be evaluated")
    return different


def _comparable(variables: Mapping[str, str], tree: str, mended_tree: str) -> dict[str, str]:
    return {
        name: value.replace(mended_tree, tree)
        for name, value in variables.items()
        if name not in _CHANGING and not name.startswith("_ab_")
    }


if __name__ == "__main__":
    sys.exit(main())
