# SPDX-License-Identifier: GPL-3.0-or-later
"""Small recipes, the program run on them as a process, and what came out of it."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import tarfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from abuildpy.repository import apkfile
from abuildpy.repository.index import IndexEntry, read_index

TOP = Path(__file__).resolve().parents[2]
# A shell starts what runs in its background with SIGINT ignored, nohup ignores SIGHUP, and what is ignored stays so in the
# programs that we start: those tests would then wait for something that cannot happen.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

ORDINARY = 54321  # an id without an account
KEY_NAME = "tester-1.rsa"
PATIENCE = 120.0
"""Seconds after which something that should have ended counts as stuck."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

C_PROGRAM = b'#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'


@dataclass(frozen=True)
class Done:
    """A program that has ended, and all it said."""

    status: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines that announce an error, without the announcement (and the empty name before a recipe is read)."""
        return [
            line.removeprefix(">>> ERROR: ").removeprefix(": ")
            for line in self.err.splitlines()
            if line.startswith(">>> ERROR:")
        ]

    @property
    def warnings(self) -> list[str]:
        """Likewise for warnings."""
        return [line.removeprefix(">>> WARNING: ") for line in self.err.splitlines() if line.startswith(">>> WARNING:")]

    def __str__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@dataclass(frozen=True)
class Package:
    """An .apk as it lies in the repository."""

    apk: apkfile.ApkFile
    members: Mapping[str, tarfile.TarInfo]
    contents: Mapping[str, bytes]

    @classmethod
    def read(cls, path: Path) -> Package:
        """Reads all of a package and checks its content against its own hash."""
        apk = apkfile.read(path)
        apkfile.verify_data(apk)
        found = list(apkfile.data_members(apk, contents=True))
        return cls(apk, {m.name: m for m, _ in found}, {m.name: data for m, data in found if m.isreg()})

    @property
    def files(self) -> list[str]:
        """Names of everything but folders, as ordered in the archive."""
        return [name for name, member in self.members.items() if not member.isdir()]

    def info(self, key: str) -> tuple[str, ...]:
        """All values of a key of .PKGINFO."""
        return self.apk.info.all(key)

    def owner(self, name: str) -> tuple[str, str, int, int]:
        """User, group and their numbers as recorded."""
        member = self.members[name]
        return member.uname, member.gname, member.uid, member.gid


class Place:
    """An aports tree, a home with a key, and a repository: everything one test needs, below one folder."""

    def __init__(self, base: Path, key: bytes, public: bytes, owner: int | None) -> None:
        """``owner``: the id that runs the program, None for ourselves."""
        self.base = base
        self.owner = owner
        self.aports = base / "aports"
        self.home = base / "home"
        self.repodest = base / "packages"
        self.key = self.home / ".abuild" / KEY_NAME
        self.key.parent.mkdir(parents=True)
        self.key.write_bytes(key)
        self.key.chmod(0o600)
        self.public = self.key.with_name(f"{KEY_NAME}.pub")
        self.public.write_bytes(public)
        self.configure(f"PACKAGER_PRIVKEY={self.key}\nPACKAGER='A Tester <tester@example.invalid>'\n")
        self.aports.mkdir()
        self.repodest.mkdir()
        self.environment = {
            "PATH": PATH,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(TOP),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ABUILD_CONF": "/dev/null",
            "REPODEST": str(self.repodest),
            "SRCDEST": str(base / "distfiles"),
            "JOBS": "1",
        }
        (base / "distfiles").mkdir()

    def configure(self, text: str) -> None:
        """Writes the user's abuild.conf."""
        (self.home / ".abuild/abuild.conf").write_text(text)

    # --- recipes -----------------------------------------------------------------------------------------------

    def recipe(
        self,
        functions: str,
        *,
        name: str = "foo",
        repo: str = "main",
        files: Mapping[str, bytes | str] | None = None,
        extra: Mapping[str, bytes | str] | None = None,
        sums: str | None = None,
        **variables: str,
    ) -> Path:
        """Writes a recipe and returns its folder.

        ``files`` become local sources, checksums and all; ``extra`` are further files beside it. ``variables`` replace or
        add to a set that makes a valid noarch recipe without tests.
        """
        folder = self.aports / repo / name
        folder.mkdir(parents=True)
        values = {
            "pkgname": name,
            "pkgver": "1.0",
            "pkgrel": "0",
            "pkgdesc": "Something to test with",
            "url": "https://example.invalid/",
            "arch": "noarch",
            "license": "MIT",
            "options": "!check",
            "builddir": "$srcdir",
            **variables,
        }
        hashes = []
        for file, content in (files or {}).items():
            (folder / file).write_bytes(_bytes(content))
            hashes.append(f"{hashlib.sha512(_bytes(content)).hexdigest()}  {file}\n")
        for file, content in (extra or {}).items():
            (folder / file).write_bytes(_bytes(content))
        if files:
            values["source"] = " ".join([*files, *values.get("source", "").split()])
        lines = ["# Maintainer: A Tester <tester@example.invalid>\n"]
        lines += [f'{key}="{value}"\n' for key, value in values.items()]
        text = "".join(lines) + "\n" + textwrap.dedent(functions)
        text += f'\nsha512sums="\n{"".join(hashes)}{sums or ""}"\n' if hashes or sums else ""
        (folder / "APKBUILD").write_text(text)
        if self.owner is not None:
            self.give_away()
        return folder

    def c_recipe(self, functions: str = "", **more: str) -> Path:
        """A recipe that compiles and installs a program called like itself; ``functions`` come on top."""
        name = more.get("name", "foo")
        build = f"build() {{\n$CC $CFLAGS $LDFLAGS -o {name} hello.c\n}}\n"
        package = f'package() {{\ninstall -Dm755 {name} "$pkgdir"/usr/bin/{name}\n}}\n'
        return self.recipe(
            build + package + textwrap.dedent(functions),
            files={"hello.c": C_PROGRAM},
            **{"arch": "all", **more},  # type: ignore[arg-type]
        )

    def archive(self, name: str, members: Mapping[str, bytes | tarfile.TarInfo]) -> tuple[Path, str]:
        """Makes a .tar.gz in SRCDEST; returns it and its line for the checksums. Names are written as they are."""
        path = self.base / "distfiles" / name
        with tarfile.open(path, "w:gz") as tar:
            for member, content in members.items():
                if isinstance(content, tarfile.TarInfo):
                    tar.addfile(content)
                    continue
                info = tarfile.TarInfo(member)
                info.size = len(content)
                import io

                tar.addfile(info, io.BytesIO(content))
        return path, f"{hashlib.sha512(path.read_bytes()).hexdigest()}  {name}\n"

    def give_away(self) -> None:
        """Makes all of the place over to whoever runs the program."""
        assert self.owner is not None
        for folder, folders, files in os.walk(self.base):
            for entry in (folder, *(os.path.join(folder, inner) for inner in (*folders, *files))):
                os.lchown(entry, self.owner, self.owner)

    # --- running -----------------------------------------------------------------------------------------------

    def command(self, *arguments: str, module: str = "abuildpy.cli.abuild") -> list[str]:
        """The words that run one of our programs, with ``-F`` for root."""
        root = os.geteuid() == 0 and self.owner is None
        return [sys.executable, "-m", module, *(("-F",) if root and module.endswith(".abuild") else ()), *arguments]

    def start(
        self,
        folder: Path | None,
        *arguments: str,
        env: Mapping[str, str | None] | None = None,
        module: str = "abuildpy.cli.abuild",
        stdout: int = subprocess.PIPE,
        stdin: int = subprocess.DEVNULL,
        new_session: bool = True,
        closed: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """Starts ``abuild`` (or another of our programs) in a folder; a value of None takes a variable away."""
        environment = {**self.environment, **(env or {})}
        command = self.command(*arguments, module=module)
        if closed:
            redirections = " ".join(f"{fd}>&-" for fd in closed)
            command = ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *command]
        return subprocess.Popen(
            command,
            cwd=folder or self.base,
            env={name: value for name, value in environment.items() if value is not None},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=new_session,
            user=self.owner,
            group=self.owner,
            extra_groups=None if self.owner is None else [],
        )

    def run(self, folder: Path | None, *arguments: str, **how: object) -> Done:
        """Runs it to its end; see :meth:`start`."""
        return finish(self.start(folder, *arguments, **how))  # type: ignore[arg-type]

    def build(self, folder: Path, *arguments: str, **how: object) -> Done:
        """Builds a recipe that must succeed: ``abuild -d ARGUMENT…``."""
        done = self.run(folder, "-d", *arguments, **how)
        assert done.status == 0, str(done)
        assert not done.errors, str(done)
        return done

    def fails(self, folder: Path | None, *arguments: str, errors: int = 1, **how: object) -> Done:
        """Runs ``abuild -d ARGUMENT…``, which must fail as every failure has to: clearly, and without leftovers."""
        before = self.repository_bytes()
        done = self.run(folder, "-d", *arguments, **how)
        self.assert_failed_well(done, before, errors=errors)
        return done

    def assert_failed_well(self, done: Done, before: Mapping[str, bytes], *, errors: int = 1) -> None:
        """Status 1, that many errors, no traceback, the repository as it was."""
        assert done.status == 1, str(done)
        assert "Traceback" not in done.err + done.out, str(done)
        assert len(done.errors) == errors, str(done)
        assert self.repository_bytes() == before, "the repository has changed"

    # --- what came out -----------------------------------------------------------------------------------------

    @property
    def arch(self) -> str:
        """Name of the machine's architecture in the repository's folders."""
        if not hasattr(self, "_arch"):
            self._arch = self.run(None, "-A").out.strip()
        return self._arch

    def repository(self, repo: str = "main", arch: str | None = None) -> Path:
        """The folder of packages."""
        return self.repodest / repo / (arch or self.arch)

    def repository_bytes(self) -> dict[str, bytes]:
        """Every file below REPODEST with its content, hidden ones too; the lock, which carries nothing, is not asked."""
        found = {}
        for folder, _, files in os.walk(self.repodest):
            for name in files:
                path = Path(folder, name)
                if stat.S_ISREG(path.lstat().st_mode) and name != ".abuildpy.lock":
                    found[str(path.relative_to(self.repodest))] = path.read_bytes()
        return found

    def package(self, name: str = "foo", version: str = "1.0-r0", **where: str) -> Package:
        """A package from the repository, its signature verified with our public key."""
        package = Package.read(self.repository(**where) / f"{name}-{version}.apk")
        assert apkfile.is_signed_by(package.apk, {self.public.name: self.public.read_bytes()}), f"{name}: not signed"
        return package

    def index(self, repo: str = "main", arch: str | None = None) -> dict[str, IndexEntry]:
        """The index's entries by package name, its signature verified."""
        path = self.repository(repo, arch) / "APKINDEX.tar.gz"
        signatures, content = apkfile.signatures_of(path)
        public = {self.public.name: self.public.read_bytes()}
        assert any(s.key in public and apkfile.verify_signature(s, content, public[s.key]) for s in signatures), (
            "index: not signed"
        )
        return {entry.name: entry for entry in read_index(path).entries}


def finish(process: subprocess.Popen[bytes], seconds: float = PATIENCE) -> Done:
    """Waits for a program's end; one that does not come to it is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        ended = process.poll() is not None
        process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        what = "it ended, but something it started holds its output open" if ended else "it did not end"
        raise AssertionError(what) from None
    return Done(process.returncode, (out or b"").decode(errors="surrogateescape"), err.decode(errors="surrogateescape"))


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def processes_with(mark: str) -> list[int]:
    """Ids of living processes whose command line contains a text."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            line = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line:
            found.append(int(name))
    return found


def session_pids(session: int) -> list[int]:
    """Ids of living processes of a session (its leader's number), ended ones that nobody has waited for aside."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(name))
    return found


def child_pids(pid: int) -> list[int]:
    """All descendants of a process."""
    found: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        for thread in glob(f"/proc/{parent}/task/*/children"):  # each has those that it started; a dead one has none
            try:
                words = Path(thread).read_text().split()
            except OSError:
                continue
            found += map(int, words)
            todo += map(int, words)
    return found


@contextmanager
def running(
    place: Place, folder: Path, *arguments: str, mark: Path, **how: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A build that has got as far as making the file ``mark``; whatever is left of it at the end is killed."""
    process = place.start(folder, "-d", *arguments, **how)  # type: ignore[arg-type]
    try:
        wait_for(lambda: mark.exists() or process.poll() is not None, f"{mark}")
        if not mark.exists():
            raise AssertionError(str(finish(process)))
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


def sha512(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha512(path.read_bytes()).hexdigest()


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else textwrap.dedent(content).encode()
