# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that are killed at random moments, and a strict look at what that leaves; for tests and ``bench/kills.py``."""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildkit import C_PROGRAM, Package, Place, child_pids, finish
from loopback import Quiet, answering

from abuildpy.errors import AbuildError
from abuildpy.records.examining import Indexes, examine
from abuildpy.records.names import SUFFIXES
from abuildpy.repository import apkfile
from abuildpy.repository.trust import Keys

SANDBOX_GRACE = 1.0
"""Seconds that the processes of a killed build have to be gone."""
STUCK = 40.0
"""Seconds after which a build of which one process was killed counts as stuck."""
VICTIMS = ("program", "shell", "bwrap", "faked")
"""What is killed: our program, a shell inside the sandbox, one of bubblewrap's two processes, fakeroot's daemon."""
_PR_SET_CHILD_SUBREAPER = 36
_SUBPACKAGES = """
build() {
	$CC $CFLAGS $LDFLAGS -o many hello.c
}

package() {
	install -Dm755 many "$pkgdir"/usr/bin/many
	mkdir -p "$pkgdir"/usr/share/man/man1 "$pkgdir"/usr/include
	echo '.TH MANY 1' > "$pkgdir"/usr/share/man/man1/many.1
	echo '/* many */' > "$pkgdir"/usr/include/many.h
	seq 20000 > "$pkgdir"/usr/share/numbers
}

data() {
	amove usr/share/numbers
}
"""
_FETCHING = 'package() {\n\tinstall -Dm644 "$srcdir"/blob "$pkgdir"/usr/share/blob\n}\n'
_SCRIPTED = """
package() {
	mkdir -p "$pkgdir"/etc
	echo config > "$pkgdir"/etc/scripted.conf
	chown 1:1 "$pkgdir"/etc/scripted.conf
}
"""
_BLOB_SIZE = 1 << 19
_PIECE = 1 << 14


# --- the place -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ground:
    """A place with three recipes that have been built once."""

    place: Place
    recipes: tuple[Path, ...]
    before: Mapping[Path, frozenset[str]]
    """What lay in each recipe's folder before anything was built."""
    tmpdir: Path
    options: tuple[str, ...]
    others: frozenset[int]
    """Processes below ours that no build of ours started."""

    @property
    def environment(self) -> dict[str, str]:
        """What every build is given."""
        return {"TMPDIR": str(self.tmpdir)}


@contextmanager
def ground(place: Place, *options: str) -> Iterator[Ground]:
    """Makes the recipes and builds each once: one with subpackages, one that downloads, one with install scripts.

    ``options`` are abuild's. While the block runs the source can be downloaded, slowly, from the loopback.
    """
    blob = random.Random(1).randbytes(_BLOB_SIZE)
    with _slow_server(blob) as address:
        many = place.recipe(
            _SUBPACKAGES,
            name="many",
            arch="all",
            files={"hello.c": C_PROGRAM},
            subpackages="many-dev many-doc many-data",
        )
        fetching = place.recipe(
            _FETCHING,
            name="fetching",
            source=f"blob::{address}/blob",
            sums=f"{hashlib.sha512(blob).hexdigest()}  blob\n",
        )
        scripted = place.recipe(
            _SCRIPTED,
            name="scripted",
            install="scripted.post-install scripted.pre-upgrade",
            extra={"scripted.post-install": "#!/bin/sh\ntrue\n", "scripted.pre-upgrade": "#!/bin/sh\ntrue\n"},
        )
        recipes = (many, fetching, scripted)
        tmpdir = place.base / "tmpdir"
        tmpdir.mkdir()
        if place.owner is not None:
            place.give_away()
        made = Ground(
            place, recipes, {folder: frozenset(os.listdir(folder)) for folder in recipes}, tmpdir, options, children()
        )
        for folder in recipes:
            place.build(folder, *options, env=made.environment)
        yield made


@contextmanager
def _slow_server(content: bytes) -> Iterator[str]:
    """Serves one file on the loopback in small pieces, and parts of it to who asks; its address."""

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            try:
                for at in range(start, len(content), _PIECE):
                    self.wfile.write(content[at : at + _PIECE])
                    time.sleep(0.005)
            except OSError:
                self.close_connection = True  # whoever asked was killed

    with answering(Handler) as address:
        yield address


@contextmanager
def orphans_come_to_us() -> Iterator[None]:
    """Processes whose parent was killed become our children meanwhile, so that none is overlooked."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


# --- killing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kill:
    """What to kill when: the recipe's number, a victim's kind, and the moment as a part of the time it is there."""

    recipe: int
    victim: str
    moment: float
    fresh: bool
    """Whether the caches are empty and the packages out of date, or all is forced anew."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one kill."""

    kill: Kill
    after: float
    """Seconds after the start; negative where the build ended before its victim was found."""
    status: int
    """The killed build's exit status."""
    seconds: float
    """How long the next build took."""
    found: tuple[str, ...]
    """What was lying about until the next build: allowed, and told for information."""
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """When a kind of process was there, in seconds after the build's start."""

    first: float
    last: float


def measure(here: Ground, recipe: int) -> dict[str, Span]:
    """Watches one build and says when each kind of victim was there."""
    prepare(here, Kill(recipe, "program", 0.0, True))
    process = _start(here, here.recipes[recipe], "-f")
    started = time.monotonic()
    seen: dict[str, Span] = {}
    while process.poll() is None:
        now = time.monotonic() - started
        for kind in VICTIMS:
            if victims_of(process.pid, kind):
                seen[kind] = Span(seen[kind].first if kind in seen else now, now)
        time.sleep(0.002)
    done = finish(process)
    assert done.status == 0, str(done)
    return seen


def victims_of(program: int, kind: str) -> list[int]:
    """Processes of one kind that belong to a running build."""
    if kind == "program":
        return [program]
    return [pid for pid in child_pids(program) if _kind(pid) == kind]


def _kind(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = os.path.basename(words[0])
    if name == b"bwrap":
        return "bwrap"
    if name.startswith(b"faked"):
        return "faked"
    scripts = (b"driver.sh", b"evaluate.sh")
    return "shell" if any(word.endswith(scripts) for word in words) else ""


def paced(spans: Mapping[str, Span], seconds: float) -> dict[str, Span]:
    """The same spans for a build that takes so many seconds in all: the machine may be busier, or less so, than it was."""
    factor = seconds / spans["program"].last
    return {kind: Span(span.first * factor, span.last * factor) for kind, span in spans.items()}


def prepare(here: Ground, kill: Kill) -> None:
    """Makes sure that the next build has everything to do that it can have."""
    folder = here.recipes[kill.recipe]
    if kill.fresh:
        shutil.rmtree(here.place.home / ".cache", ignore_errors=True)
        os.utime(folder / "APKBUILD")
    (here.place.base / "distfiles/blob").unlink(missing_ok=True)


def strike(here: Ground, kill: Kill, spans: Mapping[str, Span], chance: random.Random) -> Outcome:
    """Starts a build, kills its victim, looks at what is left, builds again and looks again."""
    prepare(here, kill)
    folder = here.recipes[kill.recipe]
    span = spans.get(kill.victim, spans["program"])
    moment = span.first + kill.moment * (span.last - span.first)
    options = () if kill.fresh else ("-f",)
    process = _start(here, folder, *options)
    started = time.monotonic()
    time.sleep(moment)
    hit = -1.0
    while hit < 0 and process.poll() is None:
        for pid in _drawn(victims_of(process.pid, kill.victim), chance):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            hit = time.monotonic() - started
            break
    violations: list[str] = []
    try:
        done = finish(process, STUCK)
        status = done.status
        if "Traceback" in done.err:
            violations.append(f"a traceback: {done.err[-2000:]}")
    except AssertionError as error:
        status = -signal.SIGKILL
        violations.append(f"the killed build: {error}")
    violations += _left_processes(here.others)
    violations += [f"right after: {problem}" for problem in _index_problems(here, exact=False)]
    found = _left_files(here, folder)
    again = time.monotonic()
    violations += _next_build(here, folder, *options)
    seconds = time.monotonic() - again
    violations += [f"after the next build: {problem}" for problem in _index_problems(here, exact=True)]
    violations += [f"left after the next build: {name}" for name in _left_files(here, folder)]
    return Outcome(kill, hit, status, seconds, found, tuple(violations))


def _drawn(pids: list[int], chance: random.Random) -> list[int]:
    return chance.sample(pids, len(pids))


def _start(here: Ground, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    return here.place.start(folder, "-d", *here.options, *more, env=here.environment)


def _next_build(here: Ground, folder: Path, *options: str) -> list[str]:
    try:
        done = finish(_start(here, folder, *options), STUCK)
    except AssertionError as error:
        return [f"the next build: {error}"]
    return [] if done.status == 0 and not done.errors else [f"the next build failed: {done}"]


# --- what is left ----------------------------------------------------------------------------------------------------


def _left_processes(others: frozenset[int]) -> list[str]:
    """Processes that outlived their build by more than the grace; they are ended."""
    deadline = time.monotonic() + SANDBOX_GRACE
    left = alive(others)
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = alive(others)
    problems = []
    for pid in left:
        problems.append(f"left running: {_title(pid)}")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while alive(others):
        time.sleep(0.02)
    return problems


def children() -> frozenset[int]:
    """All our descendants."""
    return frozenset(child_pids(os.getpid()))


def alive(others: frozenset[int]) -> list[int]:
    """All our descendants but the ``others`` and those that have ended, which are waited for."""
    found = []
    for pid in children() - others:
        if _state(pid) not in "ZX":
            found.append(pid)
            continue
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # not ours to wait for
            pass
    return found


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _title(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
        wait = Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return str(pid)
    return f"{pid} ({_state(pid)}, {wait}): {line}"


def _index_problems(here: Ground, *, exact: bool) -> list[str]:
    """What is wrong with the index; ``exact``: it must list what is in the repository, neither more nor less."""
    try:
        index = here.place.index()
    except (AbuildError, AssertionError, OSError) as error:
        return [f"the index: {error}"]
    problems = []
    sound = {}
    keys = {here.place.public.name: here.place.public.read_bytes()}
    for path in here.place.repository().glob("*.apk"):
        try:
            package = Package.read(path)
            if not apkfile.is_signed_by(package.apk, keys):
                problems.append(f"{path.name} is not signed")
            sound[package.apk.name] = package.apk.identity
            problems += _record_problems(path, Keys(keys))
        except AbuildError as error:
            problems.append(f"{path.name}: {error}")
    listed = {name: entry.identity for name, entry in index.items()}
    if exact and listed != sound:
        problems.append(f"the index lists {sorted(listed.items())}, there are {sorted(sound.items())}")
    if not exact and set(sound) != set(listed):
        problems.append(f"the index lists {sorted(listed)}, there are {sorted(sound)}")
    return problems


def _record_problems(path: Path, keys: Keys) -> list[str]:
    """Records may be missing beside a package; none may tell of another."""
    kinds = ("provenance", "spdx", "buildinfo")
    checks = [check for check in examine(path, keys, Indexes(keys)) if check.kind in kinds]
    return [f"{path.name}: {check.text}" for check in checks if check.answer == "bad"]


def _left_files(here: Ground, folder: Path) -> tuple[str, ...]:
    """Files and folders that are not there for good: in the repository, beside the recipe, in distfiles, cache and TMPDIR."""
    place = here.place
    left: list[str] = []
    left += _names(place.repodest, lambda name: not name.endswith((".apk", *SUFFIXES)) and name != "APKINDEX.tar.gz")
    left += [f"{folder.name}/{name}" for name in sorted(set(os.listdir(folder)) - here.before[folder])]
    left += _names(place.base / "distfiles", lambda name: name != "blob")
    left += _names(place.home / ".cache", lambda name: "." in name)
    left += _names(here.tmpdir, lambda _: True)
    return tuple(left)


def _names(top: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Paths below a folder of files, and of empty folders, with a name that is not as it should be."""
    found = []
    for folder, folders, files in os.walk(top):
        inner = files if files or folders or Path(folder) == top else [""]
        found += [os.path.relpath(os.path.join(folder, name), top.parent) for name in inner if wanted(name)]
    return sorted(found)
