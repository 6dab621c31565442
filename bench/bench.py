#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs our abuild with the abuild in PATH on the same recipes, in turns (ours, theirs, ours, …).

    a   a one-file C program with three subpackages
    b   20,000 small files and one of 477 MiB, half text, half machine code
    c   abuild -A, listpkg and nothing to do, against a bare Python

The recipes, keys and packages live in a folder of their own below /var/tmp, removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workloads import make_big, make_program

DEFAULT_RUNS = {"a": 7, "b": 2, "c": 25}
TARGETS = {"a": 0.35, "b": 0.33, "b size": 1.02, "c": 4.0}


class BenchError(Exception):
    """The benchmark cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two abuilds: its path, and the environment that it runs in."""

    label: str
    path: Path
    env: Mapping[str, str]

    @property
    def repodest(self) -> Path:
        """Where its packages go."""
        return Path(self.env["REPODEST"])


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. Times are seconds of wall clock; sizes are bytes; None where nothing was measured."""

    name: str
    unit: str
    ours: list[float]
    other: list[float] | None
    other_label: str
    target: float

    @property
    def ratio(self) -> float | None:
        """Our median over the other's."""
        return statistics.median(self.ours) / statistics.median(self.other) if self.other else None


def run_timed(argv: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> float:
    """Runs a program with its output in ``log`` and returns the seconds it took."""
    with log.open("wb") as out:
        start = time.perf_counter()
        status = subprocess.call(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        seconds = time.perf_counter() - start
    if status != 0:
        end = b"\n".join(log.read_bytes().splitlines()[-15:]).decode(errors="replace")
        raise BenchError(f"{' '.join(argv)} ended with status {status}:\n{end}")
    return seconds


def bare_python(ours: Path) -> str:
    """The interpreter that our abuild runs on: the one of its virtual environment, which no shim stands before."""
    beside = ours.parent / "python"
    return str(beside) if os.access(beside, os.X_OK) else sys.executable


def as_root() -> list[str]:
    """The option that root has to give."""
    return ["-F"] if os.geteuid() == 0 else []


class Bench:
    """One session: a work folder, a key, our abuild and perhaps another one."""

    def __init__(self, work: Path, ours: Path, peer: Path | None, runs: int | None) -> None:
        self._work = work
        self._runs = runs
        self._log = work / "log"
        self._repository = work / "bench"  # the folder above a recipe names its repository
        home = work / "home"
        home.mkdir()
        env = self._environment(home)
        env["PATH"] = f"{ours.parent}:{env['PATH']}"
        keygen = [str(ours.parent / "abuild-keygen"), "-a", "-n"]
        run_timed(keygen, work, env, self._log)
        keys = next(path.parent for path in home.rglob("*.rsa.pub"))
        env["APK"] = f"{os.environ.get('APK') or 'apk'} --keys-dir {keys}"
        self.ours = Program("ours", ours, env | {"REPODEST": str(work / "ours")})
        self.peer = peer and Program("abuild", peer, self._peer_environment(env, peer))

    def _environment(self, home: Path) -> dict[str, str]:
        arch = platform.machine().replace("armv7l", "armv7")
        env = dict(os.environ)
        for name in (
            "ABUILD_SHAREDIR",
            "ABUILD_DEFCONF",
            "FAKEROOTKEY",
            "APKBUILD",
            "PACKAGER_PRIVKEY",
            "ABUILDPY_TIMINGS",
        ):
            env.pop(name, None)
        env.setdefault("CBUILD", f"{arch}-alpine-linux-musl")
        env["PATH"] += ":/usr/sbin:/sbin"
        return env | {
            "HOME": str(home),
            "ABUILD_CONF": "/dev/null",
            "ABUILD_USERDIR": str(home / ".abuild"),
            "SRCDEST": str(self._work / "distfiles"),
            "PACKAGER": "Benchmark <bench@abuildpy.example>",
            "SOURCE_DATE_EPOCH": "1767225600",
            "TAR_OPTIONS": "--warning=no-unknown-keyword",  # for tars without Alpine's patch
        }

    def _peer_environment(self, env: Mapping[str, str], peer: Path) -> dict[str, str]:
        return {**env, "PATH": f"{peer.parent}:{env['PATH']}", "REPODEST": str(self._work / "theirs")}

    def _count(self, group: str) -> int:
        return self._runs or DEFAULT_RUNS[group]

    def _abuild(self, program: Program, folder: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> float:
        argv = [str(program.path), *as_root(), *arguments]
        return run_timed(argv, folder, {**program.env, **(extra or {})}, self._log)

    def _in_turns(self, folder: Path, count: int) -> tuple[list[float], list[float] | None]:
        """Builds ``count`` times with each, ours first; returns both lists of times."""
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(count):
            ours.append(self._abuild(self.ours, folder, "-d", "-f"))
            if self.peer:
                theirs.append(self._abuild(self.peer, folder, "-d", "-f"))
        return ours, theirs if self.peer else None

    def small(self) -> list[Result]:
        """(a): the whole of `abuild -d -f`, after one unmeasured run of each."""
        folder = make_program(self._repository)
        self._in_turns(folder, 1)
        ours, theirs = self._in_turns(folder, self._count("a"))
        return [Result("a: C program, 3 subpackages", "s", ours, theirs, "abuild", TARGETS["a"])]

    def big(self, small_files: int, large_mib: int) -> list[Result]:
        """(b): time, and the size of what comes out."""
        if shutil.disk_usage(self._work).free < 5 * (large_mib + 100) << 20:
            raise BenchError(f"{self._work}: not enough room for (b); set TMPDIR to a roomier folder")
        folder = make_big(self._repository, small_files, large_mib)
        ours, theirs = self._in_turns(folder, self._count("b"))
        shutil.rmtree(folder)
        name = f"b: {small_files} files and {large_mib} MiB"
        return [
            Result(name, "s", ours, theirs, "abuild", TARGETS["b"]),
            Result(
                "b: size of the package",
                "B",
                [package_size(self.ours)],
                [package_size(self.peer)] if self.peer else None,
                "abuild",
                TARGETS["b size"],
            ),
        ]

    def startup(self) -> list[Result]:
        """(c): each command of ours, the same of theirs, and a bare Python, in turns."""
        folder = self._repository / "bench-program"
        if not folder.exists():
            make_program(self._repository)
        self._in_turns(folder, 1)
        python = [bare_python(self.ours.path), "-I", "-c", "pass"]
        results: list[Result] = []
        for label, arguments in (("-A", ["-A"]), ("listpkg", ["listpkg"]), ("nothing to do", ["-d"])):
            times: dict[str, list[float]] = {"ours": [], "python": [], "abuild": []}
            for _ in range(self._count("c") + 1):
                times["ours"].append(self._abuild(self.ours, folder, *arguments))
                times["python"].append(run_timed(python, folder, self.ours.env, self._log))
                if self.peer:
                    times["abuild"].append(self._abuild(self.peer, folder, *arguments))
            ours = times["ours"][1:]  # the first of each warms the caches
            results.append(Result(f"c: {label}", "s", ours, times["python"][1:], "python", TARGETS["c"]))
            if self.peer:
                theirs = times["abuild"][1:]
                results.append(Result(f"c: {label} (for comparison)", "s", ours, theirs, "abuild", float("inf")))
        return results

    def breakdown(self, group: str, small_files: int, large_mib: int) -> list[tuple[str, float]]:
        """Where the time of our own build goes: (part, median of its seconds), in order; the last is the rest."""
        if group == "b":
            folder = make_big(self._repository, small_files, large_mib)
        else:
            folder = self._repository / "bench-program"
            if not folder.exists():
                make_program(self._repository)
        timings = self._work / "timings"
        parts: dict[str, list[float]] = {}
        walls: list[float] = []
        rests: list[float] = []
        for _ in range(self._count(group) + 1):
            timings.unlink(missing_ok=True)
            wall = self._abuild(self.ours, folder, "-d", "-f", extra={"ABUILDPY_TIMINGS": str(timings)})
            once: dict[str, float] = {}
            for line in timings.read_text().splitlines() if timings.exists() else ():
                name, _, seconds = line.rpartition(" ")
                once[name] = once.get(name, 0.0) + float(seconds)
            for name, seconds_of_part in once.items():
                parts.setdefault(name, []).append(seconds_of_part)
            walls.append(wall)
            rests.append(wall - sum(once.values()))
        if group == "b":
            shutil.rmtree(folder)
        lines = [(name, statistics.median(times[1:] or times)) for name, times in parts.items()]
        return [
            *lines,
            ("(start, end, and what is between)", statistics.median(rests[1:])),
            ("total", statistics.median(walls[1:])),
        ]


def package_size(program: Program) -> float:
    """Bytes of the big package that a program made."""
    return float(sum(path.stat().st_size for path in program.repodest.rglob("bench-big-*.apk")))


def find_peer(ours: Path, named: Path | None) -> Path | None:
    """The other abuild: the one named, or the first in PATH that is not ours; None where there is none."""
    if named:
        if not os.access(named, os.X_OK):
            raise BenchError(f"{named}: not a program")
        return Path(os.path.abspath(named))
    for folder in os.get_exec_path():
        candidate = Path(folder, "abuild")
        if not os.access(candidate, os.X_OK) or candidate.is_dir():
            continue
        with candidate.open("rb") as file:
            if candidate.resolve() != ours.resolve() and b"abuildpy" not in file.read(4096):
                return candidate.absolute()
    return None


def find_ours(named: Path | None) -> Path:
    """Our abuild: the one named, or the one beside this Python, or that of the checkout's environment."""
    candidates = (
        [named]
        if named
        else [
            Path(sys.executable).parent / "abuild",
            Path(__file__).resolve().parent.parent / ".venv/bin/abuild",
        ]
    )
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return Path(os.path.abspath(candidate))
    raise BenchError(f"{candidates[0]}: not there; ./run setup makes it, or name another with --ours")


def shown(value: float, unit: str) -> str:
    """A time or a size for people."""
    if unit == "B":
        return f"{value / (1 << 20):.1f} MiB"
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def table(results: Sequence[Result]) -> str:
    """The results as text."""
    lines = [f"{'':40} {'ours':>12} {'other':>12} {'':8} {'ratio':>7} {'target':>7}"]
    for result in results:
        ours = shown(statistics.median(result.ours), result.unit)
        if result.other is None or result.ratio is None:
            lines.append(f"{result.name:40} {ours:>12} {'skipped: there is no other abuild':>30}")
            continue
        other = shown(statistics.median(result.other), result.unit)
        line = f"{result.name:40} {ours:>12} {other:>12} {result.other_label:8} {result.ratio:6.2f}x"
        if result.target != float("inf"):
            line += f" {result.target:6.2f}x {'met' if result.ratio <= result.target else 'MISSED'}"
        lines.append(line)
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> list[dict[str, object]]:
    """The results as plain data."""
    out: list[dict[str, object]] = []
    for result in results:
        record: dict[str, object] = asdict(result)
        record["ratio"] = result.ratio
        record["target"] = None if result.target == float("inf") else result.target
        out.append(record)
    return out


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=["a", "b", "c"], help="only this group (may be repeated)")
    parser.add_argument("--runs", type=int, help=f"runs of each (default: {DEFAULT_RUNS})")
    parser.add_argument("--abuild", type=Path, help="the abuild to compare with (default: the one in PATH)")
    parser.add_argument("--ours", type=Path, help="our abuild (default: the one beside this Python, or in .venv)")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    parser.add_argument("--breakdown", action="store_true", help="instead: which part of our own builds takes how long")
    parser.add_argument("--files", type=int, default=20_000, help="(b): number of small files")
    parser.add_argument("--mib", type=int, default=477, help="(b): size of the large file")
    return parser.parse_args()


def session(options: argparse.Namespace, work: Path) -> None:
    """Does what the options say, in the folder ``work``."""
    ours = find_ours(options.ours)
    peer = None if options.breakdown else find_peer(ours, options.abuild)
    bench = Bench(work, ours, peer, options.runs)
    groups = options.only or ["a", "b", "c"]
    if options.breakdown:
        for group in groups:
            if group != "c":
                print(f"{group}:")
                for name, seconds in bench.breakdown(group, options.files, options.mib):
                    print(f"  {name:40} {seconds * 1000:10.1f} ms")
        return
    print(f"ours: {ours}\nother: {peer or 'none found'}{', as root with -F' if as_root() else ''}")
    if peer:
        print(f"the other compresses with {'pigz' if shutil.which('pigz') else 'gzip'}")
    results: list[Result] = []
    for group in groups:
        if group == "a":
            results += bench.small()
        elif group == "b":
            results += bench.big(options.files, options.mib)
        else:
            results += bench.startup()
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(as_json(results), indent=1) + "\n")


def main() -> int:
    """The program; returns its exit status."""
    options = parse_arguments()
    root = os.environ.get("TMPDIR") or "/var/tmp"
    with tempfile.TemporaryDirectory(prefix="abuildpy-bench.", dir=root) as name:
        work = Path(name).resolve()
        work.chmod(0o755)  # a build for root runs as somebody else
        try:
            session(options, work)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
