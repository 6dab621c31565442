# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated trees of recipes with what shall become of each, and batches of them: for tests and ``bench/batch.py``."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from buildkit import TOP, Place

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share/$pkgname; echo $pkgname > "$pkgdir"/usr/share/$pkgname/name; }\n'
HOG = "build() { python3 -c 'import time; x = bytearray(b\"x\") * (400 << 20); time.sleep(600)'; }\n"
PATCH = "--- a/nowhere\n+++ b/nowhere\n@@ -1 +1 @@\n-old\n+new\n"
LIMITS = ("--timeout=15s", "--no-output-timeout=8s")
LARGEST = "ABUILD_MAX_MEMORY=200M\nABUILD_MAX_DISK=50M\nABUILD_MAX_PROCESSES=80\n"
"""Limits in the configuration of whatever machine builds."""
BUSY = "busy"
"""The recipe that somebody else builds meanwhile: its batch cannot."""


@dataclass
class Tree:
    """A tree of recipes. ``expected`` has for each recipe status, reason and who blocks it, as written down beforehand."""

    place: Place
    expected: dict[str, tuple[str, str | None, tuple[str, ...]]] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(
        self,
        name: str,
        functions: str = "",
        *needs: str,
        status: str = "built",
        reason: str | None = None,
        by: tuple[str, ...] = (),
        **how: Any,
    ) -> None:
        """One more recipe; ``needs`` are recipes by their makedepends, which may be names that they provide."""
        repo = "community" if name.startswith("c-") else "main"
        if needs:
            how["makedepends"] = " ".join(needs)
        if "package()" not in functions:
            functions += PACKAGE
        self.place.recipe(functions, name=name, repo=repo, **how)
        blocking = tuple(sorted(f"main/{each}" for each in by))
        self.expected[f"{repo}/{name}"] = (status, reason, blocking)

    def chain(self, name: str, length: int) -> None:
        """Recipes that each need a subpackage of the one before."""
        for number in range(length):
            needs = [f"{name}{number - 1}-doc"] if number else []
            self.add(f"{name}{number}", DOC, *needs, subpackages="$pkgname-doc")


DOC = """\
package() {
	mkdir -p "$pkgdir"/usr/share/$pkgname "$pkgdir"/usr/share/doc/$pkgname
	echo $pkgname > "$pkgdir"/usr/share/$pkgname/name
	echo $pkgname > "$pkgdir"/usr/share/doc/$pkgname/doc
}
"""


def make_tree(place: Place, *, chains: int = 3, length: int = 3, leaves: int = 4, archs: int = 1) -> Tree:
    """A tree in which there is everything: at least 38 recipes with the defaults."""
    tree = Tree(place)
    for number in range(chains):
        tree.chain(f"chain{number}-", length)
    tree.add("c-user", "", "chain0-0")
    tree.add("provider", "", provides="virtual=1")
    tree.add("virtual-user", "", "virtual")
    tree.add("other-user", "", "virtual>=1", "chain0-0-doc")
    tree.add("big", "build() { python3 -c 'import time; x = bytearray(b\"x\") * (100 << 20); time.sleep(1.5)'; }\n")
    for number in range(leaves):
        tree.add(f"leaf{number}")
    _cycles(tree)
    _failures(tree)
    for number in range(archs):
        tree.add(
            f"elsewhere{number}", status="skipped", reason="arch", arch="s390x" if number % 2 else "noarch !x86_64"
        )
    tree.add("nowhere", status="skipped", reason="disabled", arch="")
    (place.home / ".abuild/abuild.conf").open("a").write(LARGEST)
    return tree


def _cycles(tree: Tree) -> None:
    cycle = {"status": "failed", "reason": "cycle"}
    tree.add("egg", "", "hen", **cycle)  # type: ignore[arg-type]
    tree.add("hen", "", "egg", **cycle)  # type: ignore[arg-type]
    tree.add("rock", "", "paper", **cycle)  # type: ignore[arg-type]
    tree.add("paper", "", "scissors", **cycle)  # type: ignore[arg-type]
    tree.add("scissors", "", "rock", "chain0-0", **cycle)  # type: ignore[arg-type]
    tree.add("omelette", "", "egg", status="blocked", by=("egg",))


def _failures(tree: Tree) -> None:
    place = tree.place

    def fails(name: str, reason: str, functions: str = "", *needs: str, **how: Any) -> None:
        tree.add(name, functions, *needs, status="failed", reason=reason, **how)

    gone = "http://127.0.0.1:9/gone.tar.gz"
    fails("f-fetch", "fetch", source=gone, sums=f"{'0' * 128}  gone.tar.gz\n")
    fails("f-checksum", "checksum", source="local", extra={"local": "what it is\n"}, sums=f"{'0' * 128}  local\n")
    broken = _cut_archive()
    (place.base / "distfiles/broken-1.tar.gz").write_bytes(broken)
    fails(
        "f-unpack",
        "unpack",
        source="https://example.invalid/broken-1.tar.gz",
        sums=f"{hashlib.sha512(broken).hexdigest()}  broken-1.tar.gz\n",
    )
    fails("f-patch", "patch", files={"no.patch": PATCH})
    fails("f-dependencies", "dependencies", "builddeps() { echo there are none; return 1; }\n")
    fails("f-compile", "compile", "build() { echo 'x.c:3:1: error: expected expression' >&2; return 1; }\n", "chain1-0")
    fails("f-test", "test", "check() { echo 'FAIL: basics'; return 1; }\n", options="")
    fails("f-package", "package", "package() { return 1; }\n")
    local = 'package() { mkdir -p "$pkgdir"/usr/local/x; echo > "$pkgdir"/usr/local/x/y; }\n'
    fails("f-postcheck", "postcheck", local)
    fails("f-timeout", "timeout", "build() { while :; do echo again; sleep 1; done; }\n")
    fails("f-output", "no-output", "build() { sleep 600; }\n")
    fails("f-memory", "memory", HOG)
    many = "build() { for i in $(seq 200); do sleep 600 & done; wait; }\n"
    fails("f-processes", "memory", many)
    fails("f-disk", "disk", "build() { head -c 100000000 /dev/zero > big; sleep 600; }\n")
    fails("f-evaluate", "evaluate", "exit 3\n")
    fails(BUSY, "internal")
    tree.add("after-one", "", "f-compile", "chain0-0", status="blocked", by=("f-compile",))
    tree.add("after-two", "", "after-one", "f-test", status="blocked", by=("f-compile", "f-test"))
    tree.add("c-after", "", "f-evaluate", status="blocked", by=("f-evaluate",))


def _cut_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("broken-1/file")
        content = os.urandom(1 << 16)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()[: 1 << 15]


@contextmanager
def busy(tree: Tree) -> Iterator[None]:
    """Somebody else builds the recipe ``busy`` meanwhile."""
    descriptor = os.open(tree.place.aports / "main" / BUSY, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def environment(place: Place, **more: str) -> dict[str, str]:
    """For batches: this machine, whatever it is, counts as x86_64."""
    return {
        **place.environment,
        "CARCH": "x86_64",
        "CBUILD": "x86_64-alpine-linux-musl",
        "CHOST": "x86_64-alpine-linux-musl",
        "APK": f"apk --root {place.base}/root",  # and not what this machine is configured for
        **more,
    }


def start_batch(
    place: Place, *words: str, events: Path, output: IO[bytes] | int = subprocess.PIPE, **more: str
) -> subprocess.Popen[bytes]:
    """Starts a batch that writes what happens into a file, a line of JSON each: see ``batchrun.py``."""
    program = str(TOP / "tests/integration/batchrun.py")
    return subprocess.Popen(
        [sys.executable, program, str(events), *words],
        cwd=place.aports,
        env=environment(place, **more),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


@dataclass(frozen=True)
class Ran:
    """A batch that has ended: its exit status, what it said, and what happened."""

    status: int
    err: str
    events: list[dict[str, Any]]

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """Outcomes by name."""
        return {event["outcome"]["name"]: event["outcome"] for event in self.events if event["what"] == "finished"}

    @property
    def results(self) -> dict[str, tuple[str, str | None, tuple[str, ...]]]:
        """As ``Tree.expected`` has them."""
        return {n: (o["status"], o["reason"], tuple(o["blocked_by"])) for n, o in self.outcomes.items()}

    @property
    def started(self) -> list[str]:
        """Names of what was started, in that order."""
        return [event["name"] for event in self.events if event["what"] == "started"]


def run_batch(place: Place, *words: str, **more: str) -> Ran:
    """Runs a batch to its end."""
    events = place.base / "events"
    events.unlink(missing_ok=True)
    process = start_batch(place, *words, events=events, output=subprocess.PIPE, **more)
    _, err = process.communicate(timeout=600)
    return Ran(process.returncode, err.decode(), read_events(events))


def read_events(path: Path) -> list[dict[str, Any]]:
    """What a batch has written so far; a line that is not whole yet does not count."""
    if not path.exists():
        return []
    data = path.read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def packages_of(place: Place, folder: Path | None = None) -> Mapping[str, bytes]:
    """All packages below REPODEST/*/*, or below another folder, with their bytes."""
    top = folder or place.repodest
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.glob("[!.]*/[!.]*/*.apk"))}
