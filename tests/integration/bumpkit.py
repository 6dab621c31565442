# SPDX-License-Identifier: GPL-3.0-or-later
"""Git trees of recipes whose upstream is a folder served on loopback: for tests of ``abuildpy bump``."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from buildkit import Done, Place, finish
from loopback import answering
from treekit import environment

PACKAGE = """\
package() {
	install -Dm644 greeting.txt "$pkgdir"/usr/share/$pkgname/greeting.txt
}
"""
GREETING = b"".join(b"line %d\n" % number for number in range(1, 41))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serves a folder on loopback; gives its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(f"{self.command} {self.path}")

    with answering(functools.partial(Handler, directory=str(folder))) as address:
        yield address, asked


def archive(path: Path, members: Mapping[str, bytes]) -> str:
    """Writes a .tar.gz, the same for the same members; returns its SHA-512."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return hashlib.sha512(path.read_bytes()).hexdigest()


@dataclass
class Aports:
    """A git tree of recipes, and the releases of their upstreams."""

    place: Place
    releases: Path
    address: str
    asked: list[str]
    before: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def release(self, name: str, version: str, files: Mapping[str, bytes] | None = None) -> str:
        """A new version upstream; its SHA-512."""
        members = {
            f"{name}-{version}/{path}": content for path, content in (files or {"greeting.txt": GREETING}).items()
        }
        return archive(self.releases / f"{name}-{version}.tar.gz", members)

    def recipe(
        self,
        name: str,
        version: str = "1.0",
        functions: str = "",
        *,
        patches: Mapping[str, bytes] | None = None,
        files: Mapping[str, bytes] | None = None,
        **variables: str,
    ) -> Path:
        """A recipe of a version that is released with it."""
        digest = self.release(name, version, files)
        source = f"{self.address}/{name}-$pkgver.tar.gz"
        lines = [f"{digest}  {name}-{version}.tar.gz\n"]
        for patch, content in (patches or {}).items():
            source += f"\n\t{patch}"
            lines.append(f"{hashlib.sha512(content).hexdigest()}  {patch}\n")
        body = functions if "package()" in functions else functions + PACKAGE
        variables = {"pkgver": version, "source": source, "builddir": "$srcdir/$pkgname-$pkgver", **variables}
        extra = dict(patches or {})
        return self.place.recipe(body, name=name, sums="".join(lines), extra=extra, **variables)  # type: ignore[arg-type]

    def commit_all(self, message: str = "recipes") -> None:
        """Commits everything there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def git(self, *words: str, check: bool = True) -> str:
        """What git says."""
        done = subprocess.run(
            ["git", *words], cwd=self.place.aports, env=self.environment, capture_output=True, check=check, text=True
        )
        return done.stdout.removesuffix("\n")

    @property
    def environment(self) -> dict[str, str]:
        """For git and the programs."""
        return environment(
            self.place,
            GIT_CONFIG_GLOBAL=str(self.place.base / "gitconfig"),
            GIT_CONFIG_SYSTEM="/dev/null",
            USE_COLORS="",
        )

    def subjects(self, since: str) -> list[str]:
        """The titles of the commits since a revision, the oldest first."""
        return self.git("log", "--reverse", "--format=%s", f"{since}..HEAD").splitlines()

    def start(self, *words: str, command: str = "bump") -> subprocess.Popen[bytes]:
        """Starts ``abuildpy bump``."""
        arguments = (command, "--no-deps-install", *words)
        return self.place.start(self.place.aports, *arguments, module="abuildpy.cli.umbrella", env=self.environment)

    def bump(self, *words: str) -> Done:
        """Runs it to its end."""
        return finish(self.start(*words))

    def run(self, command: str, *words: str) -> Done:
        """Runs another subcommand that builds."""
        return finish(self.start(*words, command=command))

    def files(self, name: str) -> dict[str, bytes]:
        """All of a recipe's folder, to the byte; folders end in a slash."""
        top = self.place.aports / "main" / name
        return {
            str(path.relative_to(top)) + "/" * path.is_dir(): path.read_bytes() if path.is_file() else b""
            for path in sorted(top.rglob("*"))
        }

    def interrupt(self, process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> Done:
        """Sends a signal to all of its processes, as a terminal does, and waits for its end."""
        os.killpg(process.pid, number)
        return finish(process)


@contextmanager
def aports_tree(place: Place) -> Iterator[Aports]:
    """An empty tree with its upstream."""
    releases = place.base / "releases"
    releases.mkdir()
    (place.base / "gitconfig").write_text(
        "[user]\n\tname = A Tester\n\temail = tester@example.invalid\n[init]\n\tdefaultBranch = master\n"
    )
    with serving(releases) as (address, asked):
        tree = Aports(place, releases, address, asked)
        tree.git("init", "--quiet")
        (place.aports / ".gitignore").write_text("src/\npkg/\ntmp/\n")
        yield tree
