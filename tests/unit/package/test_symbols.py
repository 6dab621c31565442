# SPDX-License-Identifier: GPL-3.0-or-later
"""The dynamic symbol table: made by hand in every layout, made by a compiler as readelf sees it, and damaged."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from elf_symbols import Layout, Sym, library

from abuildpy.package.symbols import Symbol, SymbolError, read_symbols


def read(data: bytes, *, most: int = 1000) -> tuple[Symbol, ...]:
    return read_symbols(lambda offset, count: data[offset : offset + count], len(data), most=most)


SYMBOLS = (
    Sym("wanted", section=0),
    Sym("plain", size=7),
    Sym("data", "OBJECT", 40),
    Sym("local", binding="LOCAL"),
    Sym("hidden", other=2),
    Sym("protected", other=3),
    Sym("soft", binding="WEAK"),
    Sym("one", "OBJECT", 8, binding="UNIQUE"),
    Sym("thread", "TLS", 4),
    Sym("resolver", "IFUNC"),
    Sym("number", "NOTYPE", section=0xFFF1),
)
LAYOUTS = [
    Layout(bits, order, machine, hashes)
    for bits in (32, 64)
    for order in "<>"
    for machine, hashes in ((62, ("gnu",)), (62, ("sysv",)), (62, ("sysv", "gnu")), (22, ("sysv",)))
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_what_is_exported(layout: Layout) -> None:
    assert read(library(SYMBOLS, layout=layout)) == (
        Symbol("plain", "", True, "FUNC", "GLOBAL", 7),
        Symbol("data", "", True, "OBJECT", "GLOBAL", 40),
        Symbol("protected", "", True, "FUNC", "GLOBAL", 0),
        Symbol("soft", "", True, "FUNC", "WEAK", 0),
        Symbol("one", "", True, "OBJECT", "UNIQUE", 8),
        Symbol("thread", "", True, "TLS", "GLOBAL", 4),
        Symbol("resolver", "", True, "IFUNC", "GLOBAL", 0),
        Symbol("number", "", True, "NOTYPE", "GLOBAL", 0, absolute=True),
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_versions(layout: Layout) -> None:
    made = library([Sym("f", version="@V1"), Sym("f", version="V2"), Sym("g", version="V1"), Sym("h")], layout=layout)
    assert [str(symbol) for symbol in read(made)] == ["f@V1", "f@@V2", "g@@V1", "h"]


def test_nothing_is_exported() -> None:
    assert read(library([Sym("wanted", section=0)])) == ()
    assert read(library([])) == ()
    assert read(b"#!/bin/sh\n") == ()


def test_too_many() -> None:
    made = library([Sym(f"f{number}") for number in range(50)])
    assert len(read(made, most=51)) == 50  # the first of the table is none
    with pytest.raises(SymbolError, match="more than 50"):
        read(made, most=50)


def test_no_hash_table() -> None:
    with pytest.raises(SymbolError, match="hash table"):
        read(library([Sym("f")], layout=Layout(hashes=())))


@pytest.mark.parametrize("layout", [Layout(64, "<"), Layout(32, ">", hashes=("sysv",))], ids=str)
def test_damage_never_hangs_nor_crashes(layout: Layout) -> None:
    good = library([Sym("f", version="@V1"), Sym("f", version="V2"), Sym("g"), Sym("d", "OBJECT", 8)], layout=layout)
    dice = random.Random(7)
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(16, len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        try:
            read(bytes(data))
        except SymbolError:
            continue
    for length in range(0, len(good), 7):
        try:
            read(good[:length])
        except SymbolError:
            continue


_LINE = re.compile(r"\s*\d+: [0-9a-f]+\s+(\S+) (\S+)\s+(\S+)\s+(\S+)\s+(\S+) (\S+)")
_SOURCE = """
int data[10] = {1};
__thread int thread = 2;
__attribute__((weak)) int soft(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden(void) { return 1; }
extern int wanted(void);
int old_f(void) { return 1; }
int new_f(void) { return wanted() + hidden(); }
__asm__(".symver old_f,f@V1");
__asm__(".symver new_f,f@@V2");
int g(void) { return soft(); }
"""


@pytest.mark.skipif(not (shutil.which("cc") and shutil.which("readelf")), reason="needs a compiler and binutils")
@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("versioned", [True, False])
def test_as_readelf_sees_it(tmp_path: Path, style: str, versioned: bool) -> None:
    source, script, made = tmp_path / "x.c", tmp_path / "x.map", tmp_path / "libx.so"
    lines = _SOURCE.splitlines() if versioned else [line for line in _SOURCE.splitlines() if "symver" not in line]
    source.write_text("\n".join(lines) + "\n")
    script.write_text("V1 { global: g; data; thread; soft; };\nV2 { global: f; } V1;\n")
    flags = [f"-Wl,--version-script={script}"] if versioned else []
    command = ["cc", "-shared", "-fPIC", f"-Wl,--hash-style={style}", "-Wl,-soname,libx.so.1", *flags]
    subprocess.run([*command, "-o", str(made), str(source)], check=True, capture_output=True)
    listed = subprocess.run(["readelf", "--dyn-syms", "-W", str(made)], check=True, capture_output=True, text=True)
    theirs = Counter(
        (name, kind, binding, int(size, 0))
        for size, kind, binding, visibility, section, name in (
            match.groups() for match in map(_LINE.match, listed.stdout.splitlines()) if match
        )
        if section != "UND" and binding != "LOCAL" and visibility in ("DEFAULT", "PROTECTED")
    )
    mine = Counter(
        (each.name if each.absolute and each.name == each.version else str(each), each.kind, each.binding, each.size)
        for each in read(made.read_bytes())
    )
    assert mine == theirs
    assert len(mine) > 4
