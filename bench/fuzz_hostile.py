#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds abuild mutated recipes and hostile archives from a fixed seed.

    bench/fuzz_hostile.py [--recipes 1000] [--archives 300] [--tree APORTS]... [--jobs 2] [--seed N] [--keep]

Recipes are drawn from aports-sample and the trees named, changed, and given to ``abuild validate listpkg`` and ``abuild
symlinksrc prepare build package`` (nothing is fetched). Archives are made, changed, and unpacked; one in ten by ``abuild
unpack``, with its checksum right. A fault is: a traceback, no end, an exit status that abuild(1) does not name, a file outside
that is new or changed. Faults are shown with the number that makes them again; the exit status is 1 if there is one, 2 if nothing
could be done.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import hashlib
import io
import lzma
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
SEED = 20261121
TIMEOUT = 90
STATUSES = (0, 1, 124)
LIMITS = ("--timeout=6", "--no-output-timeout=5", "--max-memory=1G", "--max-processes=100", "--max-disk=100M")
MOST = 8 << 20

NASTY = (
    *("'", '"', "`", "$(", "${", "}", "(", ")", "((", ";;", "|", "&", "<<EOF", "\\", "\0", "\x1b[2J", "\r", "\u202e"),
    *("exit 0", "exit 7", "return", "kill -9 $$", "exec true", "exec 8>&-", "exec 9<&-", "set -u", "set -f", "cd /"),
    *(
        "umask 777",
        "trap '' TERM",
        "ulimit -f 1",
        "shift 99",
        "unset PATH HOME srcdir",
        "readonly pkgname",
        "eval exit",
    ),
    *(
        "IFS=x",
        "export LD_PRELOAD=/x.so",
        "PATH=",
        "CARCH=",
        "REPODEST=OUTSIDE",
        "pkgname=../../x",
        "pkgname=",
        "pkgname=-n",
    ),
    *("pkgver=../1", "pkgver=1/2", "pkgrel=-1", "pkgrel=99999999999999999999", "arch=../..", "subpackages=../../x"),
    *("subpackages=$pkgname-dev:../f:../arch", "install=../../../etc/passwd", "srcdir=OUTSIDE", "pkgbasedir=OUTSIDE"),
    *(
        "tmpdir=..",
        "builddir=/",
        "startdir=/",
        "pkgdir=OUTSIDE",
        "options='net !check'",
        "triggers=x=/",
        "sha512sums=x",
    ),
    *("source=../../../etc/shadow", "source='a::file:///etc/shadow'", "depends=@x", "provides='so:='", "sleep 1"),
    'build() { ln -s /etc "$srcdir"/x; rm -rf "$pkgbasedir"; ln -s OUTSIDE "$pkgbasedir"; }',
    'package() { ln -s OUTSIDE "$pkgdir"; echo x >OUTSIDE/new; echo x >OUTSIDE/canary; }',
    'prepare() { rm -rf "$tmpdir"; ln -s OUTSIDE "$tmpdir"; (setsid sleep 300 &) ; }',
    *("touch OUTSIDE/top-level", "echo x >>OUTSIDE/canary", "printf '%s\\0' 9999 >&8", "head -c 9999999 /dev/zero >&8"),
    *(
        "echo ERROR >&2",
        "build() { head -c 300M /dev/zero >x; }",
        "build() { sleep 300; }",
        "package() { kill -9 $PPID; }",
    ),
)


_OURS = re.compile(r'(?m)^ *File "[^"\n]*/abuildpy/[^"\n]*\.py", line')
"""A line of a traceback that runs through our code."""


@dataclass(frozen=True)
class Fault:
    """What went wrong with one input."""

    what: str
    number: int
    said: str


class World:
    """A scratch place: a tree to put recipes in, and things outside that nobody may touch."""

    def __init__(self, base: Path) -> None:
        self.base, self.outside, self.aports = base, base / "outside", base / "aports"
        base.chmod(0o755)
        for folder in (
            self.outside,
            self.aports / "main",
            base / "home/.abuild",
            base / "packages",
            base / "distfiles",
        ):
            folder.mkdir(parents=True)
        self.outside.chmod(0o777)
        (self.outside / "canary").write_text("as it was\n")
        (self.outside / "canary").chmod(0o666)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(base / "home"),
            "PYTHONPATH": str(TOP),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ABUILD_CONF": "/dev/null",
            "REPODEST": str(base / "packages"),
            "SRCDEST": str(base / "distfiles"),
            "JOBS": "1",
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        }

    def listing(self) -> dict[str, tuple[int, bytes]]:
        """All but recipes, what is unpacked, the caches of evaluations, and the logs of builds."""
        found = {}
        for place in (self.base, self.outside, self.base / "home", self.base / "home/.abuild", self.base / "packages"):
            for path in (place, *place.iterdir()):
                state = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
                if path.name not in (".cache", ".local", "aports", "distfiles") and not path.name.startswith("into-"):
                    found[str(path)] = (state.st_mode, content)
        return found

    def abuild(self, folder: Path, *arguments: str) -> tuple[int | None, str]:
        """Exit status (None: it did not end) and what was said."""
        root = ("-F",) if os.geteuid() == 0 else ()
        command = [
            sys.executable,
            "-m",
            "abuildpy.cli.abuild",
            *root,
            "-d",
            "-m",
            "--sandbox=bwrap",
            *LIMITS,
            *arguments,
        ]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            return None, said.decode(errors="replace")
        return process.returncode, said.decode(errors="replace")


def judge(number: int, status: int | None, said: str) -> Iterator[Fault]:
    """The faults of one run."""
    if status is None:
        yield Fault("no end", number, said)
    elif status not in STATUSES:
        yield Fault(f"status {status}", number, said)
    if _OURS.search(said):  # those of meson and the like are a recipe's own
        yield Fault("traceback", number, said)


# --- recipes ------------------------------------------------------------------------------------------------------


def mutated(text: str, rng: random.Random, outside: Path) -> bytes:
    """A recipe's text with one to four things changed."""
    lines = text.splitlines(keepends=True) or ["\n"]
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(lines) + 1), rng.randrange(len(lines))
        line = lines[other]
        cut = rng.randrange(len(line) + 1)
        match rng.randrange(7):
            case 0 if len(lines) > 1:
                del lines[other]
            case 1:
                lines.insert(at, line)
            case 2:
                lines[other] = line[:cut] + rng.choice(NASTY) + line[cut:]
            case 3:
                lines[other] = line[:cut]
            case 4:
                lines[other] = "".join(
                    chr(ord(c) ^ (1 << rng.randrange(7))) if rng.random() < 0.05 else c for c in line
                )
            case 5:
                lines.insert(at, "x" * rng.choice((10, 5000, 100_000)) + rng.choice(("\n", "=1\n", "() { :; }\n")))
            case _:
                lines.insert(at, rng.choice(NASTY) + "\n")
    return "".join(lines).replace("OUTSIDE", str(outside)).encode("utf-8", "replace")


def try_recipe(world: World, number: int, path: Path, seed: int) -> tuple[Counter[str], list[Fault]]:
    """Runs one mutated recipe; its statuses, and the faults."""
    rng = random.Random(f"{seed} recipe {number}")
    folder = world.aports / "main" / f"r{number}"
    folder.mkdir()
    for each in path.parent.iterdir():
        if each.is_file() and not each.is_symlink() and each.name != "APKBUILD" and each.stat().st_size < 1 << 16:
            shutil.copyfile(each, folder / each.name)
    text = path.read_text(encoding="utf-8", errors="replace")
    (folder / "APKBUILD").write_bytes(mutated(text, rng, world.outside))
    faults: list[Fault] = []
    statuses: Counter[str] = Counter()
    for verbs in (("validate", "listpkg"), ("symlinksrc", "prepare", "build", "package")):
        status, said = world.abuild(folder, *verbs)
        statuses[f"{' '.join(verbs)}: status {status}"] += 1
        faults += judge(number, status, said)
    if not faults:
        shutil.rmtree(folder, ignore_errors=True)
    return statuses, faults


# --- archives -----------------------------------------------------------------------------------------------------


def member_name(rng: random.Random, outside: Path) -> str:
    """A member's name, more or less honest."""
    parts = ["a", "b", "link", "c" * 120, "..", ".", "", "-x", "a\nline", "\x1b[31m", "ü", "deep/" * 60 + "x"]
    name = "/".join(rng.choice(parts) for _ in range(rng.randint(1, 4)))
    honest = "/".join(rng.choice("abc") for _ in range(rng.randint(1, 3)))
    odd = rng.choice((name, name, f"{outside}/new", f"../{outside.name}/new", f"link/{honest}"))
    return honest if rng.random() < 0.9 else odd


def make_tar(rng: random.Random, outside: Path) -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    form = rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
    plain = (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE)
    odd = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, b"V", b"Z", b"S", b"K", b"M")
    targets = (str(outside), str(outside / "canary"), "../" * 9 + "etc", "link", "a", "..", ".", "x" * 5000, "/")
    with tarfile.open(fileobj=stream, mode="w", format=form, errors="surrogateescape") as tar:
        for _ in range(rng.randint(1, 10)):
            info = tarfile.TarInfo(member_name(rng, outside))
            info.type = rng.choice(plain if rng.random() < 0.95 else odd)
            info.mode = rng.choice((0o644, 0o755, 0o6755, 0o1777, 0, 0o7777))
            info.mtime = rng.choice((0, 1, 1 << 33, 1 << 40))
            info.linkname = rng.choice(targets)
            content = rng.randbytes(rng.choice((0, 10, 600, 70_000)))
            if rng.random() < 0.03:
                content = bytes(MOST * 2)
            info.size = len(content) if info.isreg() else 0
            if rng.random() < 0.05:
                info.pax_headers = {"path": member_name(rng, outside), "size": rng.choice(("-1", "99999999999", "x"))}
            elif rng.random() < 0.05:
                times = ("1e999999", "1e99999999999", "nan", "inf", "9" * 5000, "-1", "1.5", "")
                info.pax_headers = {"mtime": rng.choice(times), "comment": "1" * rng.choice((1, 300, 100_000))}
            try:
                tar.addfile(info, io.BytesIO(content) if info.size else None)
            except (ValueError, UnicodeError, OSError):
                continue
    return stream.getvalue()


def make_zip(rng: random.Random, outside: Path) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(stream, "w", rng.choice(methods)) as zipped:
        for number in range(rng.randint(1, 10)):
            info = zipfile.ZipInfo(f"{member_name(rng, outside)}{number}")
            info.create_system = rng.choice((0, 3, 3))
            link = rng.random() < 0.3
            info.external_attr = (0o120777 if link else rng.choice((0o100644, 0o104755, 0o020644, 0o40755))) << 16
            size = MOST * 2 if rng.random() < 0.03 else rng.choice((0, 100, 70_000))
            zipped.writestr(info, str(outside) if link else bytes(size))
    return stream.getvalue()


def make_archive(rng: random.Random, outside: Path) -> tuple[str, bytes]:
    """A suffix and a content that often belong together."""
    if rng.random() < 0.25:
        suffix, content = ".zip", make_zip(rng, outside)
    else:
        plain = make_tar(rng, outside)
        if rng.random() < 0.3:
            plain = damaged(plain, rng)
        suffix = rng.choice((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.lzma"))
        match suffix.rpartition(".")[2]:
            case "gz" | "tgz":
                content = gzip.compress(plain)
            case "bz2":
                content = bz2.compress(plain)
            case "xz":
                content = lzma.compress(plain)
            case "lzma":
                content = lzma.compress(plain, lzma.FORMAT_ALONE)
            case _:
                content = plain
    if rng.random() < 0.3:
        content = damaged(content, rng)
    if rng.random() < 0.05:
        suffix = rng.choice((".tar.gz", ".zip", ".tar.lz", ".tar.zst"))
    return suffix, content


def damaged(content: bytes, rng: random.Random) -> bytes:
    """With bytes changed, taken away or doubled."""
    data = bytearray(content)
    at = rng.randrange(len(data) + 1)
    match rng.randrange(4):
        case 0:
            return bytes(data[:at])
        case 1:
            return bytes(data[:at] + data[at // 2 :])
        case _:
            for _ in range(rng.randint(1, 20)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            return bytes(data)


_UNPACK = f"""\
import sys
from pathlib import Path
from abuildpy.errors import UnpackError
from abuildpy.source.unpack import unpack
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]), {MOST})
except UnpackError:
    sys.exit(1)
"""


def try_archive(world: World, number: int, seed: int) -> tuple[str, list[Fault]]:
    """Unpacks one archive; what became of it, and the faults."""
    rng = random.Random(f"{seed} archive {number}")
    suffix, content = make_archive(rng, world.outside)
    path = world.base / "distfiles" / f"hostile-{number}{suffix}"
    path.write_bytes(content)
    work = world.base / f"into-{number}"
    status: int | None
    if number % 10 == 0:
        folder = world.aports / "main" / f"a{number}"
        folder.mkdir()
        work = folder / "src"
        (folder / "APKBUILD").write_text(
            f"pkgname=a{number}\npkgver=1\npkgrel=0\npkgdesc=x\nurl=x\narch=noarch\nlicense=MIT\n"
            f'source="https://example.invalid/{path.name}"\npackage() {{ :; }}\n'
            f'sha512sums="{hashlib.sha512(content).hexdigest()}  {path.name}"\n'
        )
        status, said = world.abuild(folder, f"--max-unpacked={MOST}", "unpack")
        who = "abuild unpack"
    else:
        work.mkdir()
        command = [sys.executable, "-c", _UNPACK, str(path), str(work)]
        try:
            done = subprocess.run(command, env=world.environment, capture_output=True, timeout=TIMEOUT, check=False)
            status, said = done.returncode, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            status, said = None, ""
        who = "unpack"
    faults = [*judge(number, status, said)]
    faults += [Fault("dangerous file", number, str(bad)) for bad in dangerous(work)]
    size = sum(each.lstat().st_blocks * 512 for each in work.rglob("*")) if work.is_dir() else 0
    if size > MOST * 2:
        faults.append(Fault("more than allowed", number, str(size)))
    if not faults:
        path.unlink(missing_ok=True)
        shutil.rmtree(work.parent if work.name == "src" else work, ignore_errors=True)
    return f"{who}: status {status}", faults


def dangerous(folder: Path) -> Iterator[Path]:
    """Devices, pipes, and files with set-id bits."""
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        known = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        if not stat.S_ISLNK(mode) and (not known or mode & 0o6000):
            yield path


def run(world: World, chosen: list[Path], options: argparse.Namespace) -> tuple[Counter[str], list[Fault]]:
    """All inputs; what became of them, and the faults."""
    outcomes: Counter[str] = Counter()
    faults: list[Fault] = []
    before = world.listing()
    with ThreadPoolExecutor(options.jobs) as pool:
        tried = pool.map(lambda job: try_recipe(world, job[0], job[1], options.seed), enumerate(chosen))
        for number, (statuses, found) in enumerate(tried, 1):
            outcomes += statuses
            faults += found
            if number % 50 == 0:
                print(f"{number} recipes, {len(faults)} faults", flush=True)
        for outcome, found in pool.map(lambda n: try_archive(world, n, options.seed), range(options.archives)):
            outcomes[outcome] += 1
            faults += found
    after = world.listing()
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return outcomes, [*faults, *(Fault("changed outside", -1, name) for name in changed)]


def main() -> int:
    """Runs it all and reports."""
    parser = argparse.ArgumentParser(description="mutated recipes and hostile archives", allow_abbrev=False)
    parser.add_argument("--recipes", type=int, default=1000)
    parser.add_argument("--archives", type=int, default=300)
    parser.add_argument("--tree", type=Path, action="append", default=[], help="aports, besides aports-sample")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder")
    options = parser.parse_args()
    own = sorted((TOP / "aports-sample").glob("*/*/APKBUILD"))
    others = sorted(path for tree in options.tree for path in tree.glob("*/*/APKBUILD"))
    if not own:
        sys.stderr.write("no recipes found\n")
        return 2
    rng = random.Random(options.seed)
    chosen = [rng.choice(own if not others or rng.random() < 0.3 else others) for _ in range(options.recipes)]
    base = Path(tempfile.mkdtemp(prefix="abuildpy-hostile-"))
    outcomes, faults = run(World(base), chosen, options)
    print(f"{options.recipes} recipes, {options.archives} archives: {len(faults)} faults")
    for what, count in sorted(outcomes.items()):
        print(f"  {what}: {count}")
    for fault in faults:
        print(f"\n--- {fault.what}, number {fault.number}\n{fault.said[-3000:]}")
    if faults or options.keep:
        print(f"\nkept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
