#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds recipes with another abuild and with ours, and compares all that comes out but signatures.

Each recipe is built twice from the same scratch path, in the environment and with the configuration of the caller (a key,
build dependencies; only REPODEST is set, and SOURCE_DATE_EPOCH where it is not). As root, -F is given. Compared are
.PKGINFO (but for the comments that name the program, and the hash of the compressed data), scripts, each member of both
archives with every field of its header, extended header and content, whether the uncompressed data archives are the same to
the byte, and the index. Where only contents differ, the other abuild builds the recipe again: what differs between its own two
builds as well is explained. Verdicts: identical, explained, UNEXPLAINED, and skipped where the other abuild cannot build.
The exit status is 1 if there is any UNEXPLAINED, 2 if nothing could be done.

Recipes are named, or drawn: --draw N --from TREE goes through all recipes of a tree in the order that --seed gives and
takes the first N that the other abuild builds. With --fetched it passes by those whose sources are not in SRCDEST yet.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

from apkcompare import FOLLOWS_CONTENT, Comparison, Difference, UnreadablePackage, compare_indexes, compare_packages
from draw import drawing_order, recipe_folders, recipe_name, tree_recipes, why_not_at_hand

from bench import BenchError, as_root, find_ours, find_peer

EPOCH = "1700000000"
INDEX = "APKINDEX.tar.gz"
ERROR = re.compile(r">>> ERROR: (?:\S+: )?(.*)")
COMPANIONS = frozenset("abump apkbuild-cpan apkbuild-pypi apkgrel buildrepo checkapk newapkbuild".split())
NOT_REPRODUCIBLE = "not reproducible with abuild itself"
SIZES = {(".PKGINFO", "size"), ("index", "I"), ("data", "end")}
"""Installed sizes, and how much fills tar's last record: they follow from the contents of files that are explained."""


@dataclass(frozen=True, slots=True)
class Program:
    """An abuild, what it is called here, and the environment that it runs in."""

    label: str
    path: Path
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """What a build left: whether it succeeded, the last error it named, the folder of packages, seconds of wall clock."""

    good: bool
    error: str
    packages: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Of one recipe: the verdict with its reason, the place in the drawing order (from 1; 0 where it was named), how many
    packages, how many with uncompressed data the same to the byte, whether there is ELF in them, seconds of both builds,
    and the differences: those without explanation, and the others.
    """

    recipe: str
    verdict: str
    reason: str
    drawn: int = 0
    packages: int = 0
    same_data: int = 0
    elf: bool = False
    abuild_seconds: float = 0.0
    our_seconds: float = 0.0
    unexplained: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"drawn {self.drawn}: " if self.drawn else ""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{place}{self.recipe}: {self.verdict}{reason}"


def last_error(log: Path) -> str:
    """The first error that a build's log names, without the package's name, else the last line."""
    lines = log.read_bytes().decode(errors="replace").splitlines()
    errors = [match[1] for line in lines if (match := ERROR.search(line))]
    return next(iter(errors or lines[-1:]), "no message").strip()


def programs_only(program: Path, folder: Path) -> Path:
    """Fills a new folder with links to an abuild and its companions, and returns it.

    What else lies beside them, the Python of a virtual environment say, is no business of the recipes.
    """
    folder.mkdir()
    for path in program.parent.iterdir():
        if path.name.startswith("abuild") or path.name in COMPANIONS:
            (folder / path.name).symlink_to(path)
    return folder


class Parity:
    """One session in a work folder of its own."""

    def __init__(self, work: Path, abuild: Path, ours: Path, options: argparse.Namespace) -> None:
        self._work = work
        self._arguments = ["-d"] if options.args is None else options.args.split()
        self._timeout: float = options.timeout
        self._logs: Path | None = options.logs
        self.theirs = Program("abuild", abuild, self._environment("abuild", abuild))
        self.ours = Program("ours", ours, self._environment("ours", ours))

    def _environment(self, label: str, program: Path) -> dict[str, str]:
        env = dict(os.environ)
        env.setdefault("SOURCE_DATE_EPOCH", EPOCH)
        env.setdefault("SRCDEST", str(self._work / "distfiles"))
        env.pop("TMPDIR", None)  # says where the work folder is; walls give a build a /tmp of its own instead
        env["PATH"] = f"{programs_only(program, self._work / f'bin-{label}')}:{env['PATH']}"
        return env

    def _build(self, program: Program, recipe: Path, turn: str) -> Build:
        """Builds a fresh copy of the recipe, at the same path for everybody."""
        scratch = self._work / recipe.parent.name / recipe.name
        destination = self._work / f"packages-{turn}"
        log = self._work / f"log-{turn}"
        shutil.rmtree(destination, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
        leave_out = shutil.ignore_patterns("src", "pkg", "tmp")
        shutil.copytree(
            recipe, scratch, symlinks=True, ignore=lambda d, names: leave_out(d, names) if Path(d) == recipe else []
        )
        argv = [str(program.path), *as_root(), *self._arguments]
        start = time.perf_counter()
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv,
                cwd=scratch,
                env={**program.env, "REPODEST": str(destination)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                status = process.wait(self._timeout)
            except BaseException as error:  # an interrupt must not leave the build running
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                status = -1
        seconds = time.perf_counter() - start
        shutil.rmtree(scratch, ignore_errors=True)
        if self._logs:
            self._logs.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, self._logs / f"{recipe.parent.name}+{recipe.name}.{turn}")
        error_text = "" if status == 0 else "took too long" if status == -1 else last_error(log)
        folders = [path.parent for path in destination.rglob(INDEX)]
        return Build(status == 0, error_text, folders[0] if folders else destination, seconds)

    def check(self, recipe: Path) -> Report:
        """Builds and compares one recipe."""
        name = recipe_name(recipe)
        theirs = self._build(self.theirs, recipe, "abuild")
        if not theirs.good:
            return Report(name, "skipped", f"abuild: {theirs.error}")
        ours = self._build(self.ours, recipe, "ours")
        if not ours.good:
            return Report(name, "UNEXPLAINED", f"ours fails: {ours.error}")
        result = compare_folders(theirs.packages, ours.packages)
        unexplained, explained = list(result.differences), list[Difference]()
        if any(difference.field == "content" for difference in unexplained):
            again = self._build(self.theirs, recipe, "again")
            if again.good:
                own = compare_folders(theirs.packages, again.packages).differences
                unexplained, explained = sort_out(unexplained, own)
        kinds = Counter(f"{difference.field} of {difference.package}" for difference in unexplained)
        verdict, reason = "identical", ""
        if unexplained:
            verdict, reason = "UNEXPLAINED", ", ".join(f"{what} ×{count}" for what, count in kinds.most_common(4))
        elif explained:
            files = len({(difference.package, difference.place) for difference in explained if is_content(difference)})
            verdict, reason = "explained", f"{NOT_REPRODUCIBLE}: {files} files"
        return Report(
            recipe=name,
            verdict=verdict,
            reason=reason,
            packages=len(package_files(theirs.packages)),
            same_data=result.same_data,
            elf=result.elf,
            abuild_seconds=round(theirs.seconds, 3),
            our_seconds=round(ours.seconds, 3),
            unexplained=tuple(map(str, unexplained)),
            explained=tuple(map(str, explained)),
        )


@dataclass(frozen=True, slots=True)
class FolderComparison:
    """Of all packages of a recipe and the index: differences, how many have the same data to the byte, whether any has ELF."""

    differences: tuple[Difference, ...]
    same_data: int
    elf: bool


def package_files(folder: Path) -> set[str]:
    """Names of the packages in a folder."""
    return {path.name for path in folder.glob("*.apk")}


def compare_folders(theirs: Path, ours: Path) -> FolderComparison:
    """Compares two folders of packages and their indexes."""
    differences: list[Difference] = []
    comparisons: list[Comparison] = []
    one, other = package_files(theirs), package_files(ours)
    for name in sorted(one ^ other):
        differences.append(Difference(name, "package", "presence", f"only from {'abuild' if name in one else 'ours'}"))
    for name in (*sorted(one & other), INDEX):
        compare = compare_indexes if name == INDEX else compare_packages
        try:
            result = compare(theirs / name, ours / name)
        except (UnreadablePackage, OSError) as error:
            differences.append(Difference(name, "file", "readable", str(error)))
            continue
        differences += result.differences
        if name != INDEX:
            comparisons.append(result)
    same = sum(result.same_data for result in comparisons)
    return FolderComparison(tuple(differences), same, any(result.elf for result in comparisons))


def is_content(difference: Difference) -> bool:
    """Whether a file's content differs."""
    return difference.field == "content"


def sort_out(found: Iterable[Difference], own: Iterable[Difference]) -> tuple[list[Difference], list[Difference]]:
    """Splits what was found into (unexplained, explained), knowing what differs between two builds of the other abuild."""
    loose = {(difference.package, difference.place) for difference in own if is_content(difference)}
    packages = {package for package, _ in loose}
    unexplained: list[Difference] = []
    explained: list[Difference] = []
    for difference in found:
        of_file = (difference.package, difference.place) in loose and difference.field in FOLLOWS_CONTENT
        of_package = difference.package in packages and (difference.place, difference.field) in SIZES
        (explained if of_file or of_package else unexplained).append(difference)
    return unexplained, explained


def summary(reports: Sequence[Report]) -> dict[str, int]:
    """The numbers of a session."""
    verdicts = Counter(report.verdict for report in reports)
    compared = [report for report in reports if report.packages]
    why_skipped = [report.reason for report in reports if report.verdict == "skipped"]
    return {
        "recipes": len(reports),
        "drawn and compared": sum(report.drawn > 0 for report in compared),
        **{verdict: verdicts[verdict] for verdict in ("identical", "explained", "UNEXPLAINED", "skipped")},
        "recipes with ELF": sum(report.elf for report in compared),
        "packages": sum(report.packages for report in compared),
        "packages with data identical to the byte": sum(report.same_data for report in compared),
        "recipes with all data identical to the byte": sum(report.same_data == report.packages for report in compared),
        **{f"skipped: {reason}": count for reason, count in Counter(why_skipped).most_common()},
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", type=Path, help="folders of recipes, or files that list such folders")
    parser.add_argument("--abuild", type=Path, help="the abuild to compare with (default: the one in PATH)")
    parser.add_argument("--ours", type=Path, help="our abuild (default: the one beside this Python, or in .venv)")
    parser.add_argument("--args", help="arguments for both (default: -d)")
    parser.add_argument("--draw", type=int, default=0, help="so many recipes more, drawn from the trees")
    parser.add_argument("--from", type=Path, action="append", default=[], dest="trees", help="a tree to draw from")
    parser.add_argument("--seed", type=int, default=1, help="the seed for --draw (default: 1)")
    parser.add_argument("--fetched", action="store_true", help="draw only recipes whose sources are in SRCDEST")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one build (default: 3600)")
    parser.add_argument("--max", type=int, default=10, help="lines shown for each recipe that differs (default: 10)")
    parser.add_argument("--logs", type=Path, help="keep the builds' logs in this folder")
    parser.add_argument("--json", type=Path, help="write the reports to this file as well")
    options = parser.parse_args()
    if bool(options.draw) != bool(options.trees):
        parser.error("--draw and --from go together")
    return options


def drawn(parity: Parity, options: argparse.Namespace) -> Iterator[Report]:
    """Goes through the trees in the seed's order until enough recipes are compared; yields those passed by, too."""
    wanted: int = options.draw
    held = Path(parity.theirs.env["SRCDEST"])
    for place, folder in enumerate(drawing_order(tree_recipes(options.trees), options.seed), start=1):
        reason = why_not_at_hand(folder, held, parity.ours.path) if options.fetched else ""
        report = Report(recipe_name(folder), "skipped", reason) if reason else parity.check(folder)
        wanted -= report.verdict != "skipped"
        yield replace(report, drawn=place)
        if wanted == 0:
            return


def session(options: argparse.Namespace, work: Path) -> list[Report]:
    """Checks the recipes that the options name, and prints what comes out."""
    ours = find_ours(options.ours)
    abuild = find_peer(ours, options.abuild)
    if abuild is None:
        raise BenchError("there is no other abuild in PATH; name one with --abuild")
    named = recipe_folders(options.recipes)
    parity = Parity(work, abuild, ours, options)
    print(f"ours: {ours}\nother: {abuild}{', as root with -F' if as_root() else ''}", flush=True)
    reports: list[Report] = []
    for report in chain(map(parity.check, named), drawn(parity, options) if options.draw else ()):
        reports.append(report)
        print(report, flush=True)
        for line in report.unexplained[: options.max]:
            print(f"    {line[:500]}")
        if len(report.unexplained) > options.max:
            print(f"    … {len(report.unexplained) - options.max} more")
    numbers = summary(reports)
    print(*(f"{what}: {number}" for what, number in numbers.items()), sep="\n")
    if options.json:
        document = {"summary": numbers, "recipes": [asdict(report) for report in reports]}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return reports


def main() -> int:
    """The program; returns its exit status."""
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the build ends and the work folder goes
    root = os.environ.get("TMPDIR") or "/var/tmp"
    with tempfile.TemporaryDirectory(prefix="abuildpy-parity.", dir=root) as name:
        work = Path(name).resolve()
        work.chmod(0o755)  # a build for root runs as somebody else
        try:
            reports = session(options, work)
        except BenchError as error:
            print(f"parity: {error}", file=sys.stderr)
            return 2
    return 1 if any(report.verdict == "UNEXPLAINED" for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
