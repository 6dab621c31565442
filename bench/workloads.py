# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes that are measured, and the data in them: made from a fixed seed, in a folder of the caller's."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

SEED = 20260101
MIB = 1 << 20

_C_PROGRAM = """\
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
"""

_C_RECIPE = """\
# Maintainer: abuildpy benchmark <bench@abuildpy.example>
pkgname=bench-program
pkgver=1.0
pkgrel=0
pkgdesc="One C file and three subpackages"
url="https://example.invalid/bench"
arch="all"
license="MIT"
options="!check"
subpackages="$pkgname-doc $pkgname-dev $pkgname-bash-completion"
source="hello.c hello.h hello.1 hello.bash"
builddir="$srcdir"

build() {
	$CC $CFLAGS $LDFLAGS -fPIE -pie -o hello hello.c
}

package() {
	install -Dm755 hello "$pkgdir"/usr/bin/hello
	install -Dm644 hello.h "$pkgdir"/usr/include/hello.h
	install -Dm644 hello.1 "$pkgdir"/usr/share/man/man1/hello.1
	install -Dm644 hello.bash "$pkgdir"/usr/share/bash-completion/completions/hello
}
"""

_BIG_RECIPE = """\
# Maintainer: abuildpy benchmark <bench@abuildpy.example>
pkgname=bench-big
pkgver=1.0
pkgrel=0
pkgdesc="Many small files and a large one"
url="https://example.invalid/bench"
arch="all"
license="MIT"
options="!check !archcheck !strip"

package() {
	mkdir -p "$pkgdir"/usr/share
	cp -r "$startdir"/data "$pkgdir"/usr/share/bench-big
}
"""


def _sums(files: dict[str, str]) -> str:
    lines = (f"{hashlib.sha512(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
    return '\nsha512sums="\n' + "".join(lines) + '"\n'


def make_program(repository: Path) -> Path:
    """Writes the recipe of a one-file C program with three subpackages; returns its folder."""
    files = {
        "hello.c": _C_PROGRAM,
        "hello.h": "/* A header, so that there is something for -dev. */\n",
        "hello.1": ".TH HELLO 1\n.SH NAME\nhello \\- say hello\n",
        "hello.bash": 'complete -W "" hello\n',
    }
    folder = repository / "bench-program"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "APKBUILD").write_text(_C_RECIPE + _sums(files))
    return folder


def make_big(repository: Path, small_files: int, large_mib: int) -> Path:
    """Writes a recipe that packs ``small_files`` files of up to 4 KiB and one of ``large_mib`` MiB; returns its folder.

    The large file alternates between a MiB of text and a MiB of machine code, both found on this machine and put in
    an order that the seed decides: compressors behave otherwise on text that a program made up.
    """
    folder = repository / "bench-big"
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "APKBUILD").write_text(_BIG_RECIPE)
    chance = random.Random(SEED)
    text = _endless(_find(("/usr/lib", "/usr/share", "/usr/include"), _is_text), random.Random(SEED + 1))
    code = _endless(_find(("/usr/lib",), _is_code), random.Random(SEED + 2))

    pool = text.take(4 * MIB)
    for number in range(small_files):
        group = data / f"group-{number % 200:03d}"
        if number < 200:
            group.mkdir()
        start, size = chance.randrange(len(pool) - 4096), chance.randrange(4096)
        (group / f"file-{number:05d}.txt").write_bytes(pool[start : start + size])
    with (data / "large").open("wb") as out:
        for number in range(large_mib):
            out.write((code if number % 2 else text).take(MIB))
    return folder


def _is_text(name: str) -> bool:
    return name.endswith((".py", ".h", ".txt", ".pl", ".pm", ".html", ".xml", ".sh"))


def _is_code(name: str) -> bool:
    return name.endswith(".so") or ".so." in name


def _find(folders: tuple[str, ...], wanted: Callable[[str], bool]) -> list[str]:
    """Regular files of the folders with a wanted name, sorted."""
    found: list[str] = []
    for top in folders:
        for folder, _, names in os.walk(top):
            found += [f"{folder}/{name}" for name in names if wanted(name)]
    return sorted(path for path in found if os.path.isfile(path) and not os.path.islink(path))


class _Endless:
    """Bytes without end: the files in random order, then again."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def take(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            if not self._left:
                self._left = next(self._pieces)
            parts.append(self._left[:size])
            self._left = self._left[size:]
            size -= len(parts[-1])
        return b"".join(parts)


def _endless(paths: list[str], chance: random.Random) -> _Endless:
    def pieces() -> Iterator[bytes]:
        readable = True
        while paths and readable:
            readable = False
            chance.shuffle(paths)
            for path in paths:
                try:
                    content = Path(path).read_bytes()
                except OSError:
                    continue
                if content:
                    readable = True
                    yield content
        while True:  # a machine without such files: noise, so that at least the sizes are right
            yield chance.randbytes(MIB)

    return _Endless(pieces())
