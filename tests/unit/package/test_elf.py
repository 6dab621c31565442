# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from package_trees import MUSL, File, Hard, Link, elf, make_tree

from abuildpy.errors import PackageError
from abuildpy.package.elf import ElfInfo, find_elf, parse


def facts(data: bytes) -> ElfInfo | None:
    return parse(lambda offset, count: data[offset : offset + count], len(data))


def known(data: bytes) -> ElfInfo:
    info = facts(data)
    assert info is not None
    return info


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("bits", [32, 64])
def test_reads_all_facts(bits: int, little: bool) -> None:
    data = elf(
        bits=bits,
        little=little,
        machine=183,
        osabi=3,
        soname="libfoo.so.1",
        needed=("libbar.so.2", "libc.so"),
        rpath="/a:/b",
        runpath="$ORIGIN/../lib",
        textrel=True,
        interpreter=MUSL,
    )
    assert facts(data) == ElfInfo(
        etype="ET_DYN",
        machine=183,
        bits=bits,
        little_endian=little,
        osabi=3,
        soname="libfoo.so.1",
        needed=("libbar.so.2", "libc.so"),
        rpaths=("/a:/b", "$ORIGIN/../lib"),
        textrel=True,
        interpreter=MUSL,
        pie=True,
    )


def test_plain_library_has_no_further_facts() -> None:
    info = known(elf())
    assert (info.soname, info.needed, info.rpaths, info.textrel, info.interpreter, info.pie) == (
        "",
        (),
        (),
        False,
        "",
        False,
    )
    assert info.is_loadable


def test_kinds() -> None:
    assert known(elf(etype=1)).etype == "ET_REL"
    assert not known(elf(etype=1)).is_loadable
    fixed = known(elf(etype=2, interpreter=MUSL))
    assert (fixed.etype, fixed.pie, fixed.is_loadable) == ("ET_EXEC", False, True)
    assert known(elf(flags_1=0x08000000)).pie  # static-pie has no interpreter
    assert known(elf(flags=4)).textrel
    assert known(elf(etype=0xFE00)).etype == str(0xFE00)


def test_same_rpath_twice_counts_once() -> None:
    assert known(elf(rpath="/x", runpath="/x")).rpaths == ("/x",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        b"\x7fELG" + elf()[4:],
        elf()[:4] + b"\3" + elf()[5:],
        elf()[:5] + b"\3" + elf()[6:],
        b"\x7fELF" + b"." * 80,
        b"#!/bin/sh\n" * 20,
        elf()[:40],
    ],
)
def test_what_is_no_elf_file(data: bytes) -> None:
    assert facts(data) is None


def test_header_alone_is_an_elf_file_without_facts() -> None:
    assert known(elf(soname="x")[:64]).soname == ""


def test_damaged_files_never_raise() -> None:
    good = elf(soname="libfoo.so.1", needed=("a", "b"), rpath="/x", interpreter=MUSL)
    for length in range(len(good)):
        facts(good[:length])
    chance = random.Random(1)
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(16, len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        facts(bytes(data))


def test_huge_counts_and_offsets_are_bounded(tmp_path: Path) -> None:
    """Also through a real file, because pread refuses offsets that do not fit."""
    good = elf(soname="libfoo.so.1")
    huge = 0xFFFFFFFFFFFFFFF0
    items = {
        "phoff": good[:32] + struct.pack("<Q", huge) + good[40:],
        "phnum": good[:56] + struct.pack("<H", 0xFFFF) + good[58:],
        # the dynamic segment's offset and size
        "dynamic": good[:128] + struct.pack("<Q", huge) + good[136:],
        "length": good[:152] + struct.pack("<Q", huge) + good[160:],
    }
    tree = make_tree(tmp_path / "p", {name: File(data) for name, data in items.items()})
    assert set(find_elf(tree)) == {b"phoff", b"phnum", b"dynamic", b"length"}
    assert find_elf(tree)[b"length"].soname == "libfoo.so.1"


def test_dynamic_section_ends_at_its_mark() -> None:
    """The end mark in the place of the second library leaves no string table to read the first one's name from."""
    data = elf(needed=("a", "b"))
    start = len(data) - 5 * 16
    assert known(data).needed == ("a", "b")
    assert known(data[: start + 16] + bytes(8) + data[start + 24 :]).needed == ()


def test_string_without_end_is_left_out() -> None:
    data = elf(soname="libfoo.so.1")
    cut = data.replace(b"libfoo.so.1\0", b"libfoo.so.1X")
    assert known(cut).soname == ""


def test_find_elf_looks_at_regular_files_once(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "p",
        {
            "usr/lib/libfoo.so.1.0": File(elf(soname="libfoo.so.1")),
            "usr/lib/libfoo.so.1": Link("libfoo.so.1.0"),
            "usr/lib/hard.so": Hard("usr/lib/libfoo.so.1.0"),
            "usr/bin/script": File(b"#!/bin/sh\n" + b" " * 100, 0o755),
            "empty": File(),
        },
    )
    found = find_elf(tree)
    assert set(found) == {b"usr/lib/libfoo.so.1.0", b"usr/lib/hard.so"}
    assert found[b"usr/lib/hard.so"].soname == "libfoo.so.1"


def test_vanished_file_is_a_package_error(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"a": File(elf())})
    (tmp_path / "p/a").unlink()
    with pytest.raises(PackageError, match="/a: cannot be read"):
        find_elf(tree)


def test_file_exchanged_for_a_link_is_not_followed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"d/a": File(elf())})
    outside = tmp_path / "outside"
    outside.write_bytes(elf(soname="secret.so.1"))
    (tmp_path / "p/d/a").unlink()
    (tmp_path / "p/d/a").symlink_to(outside)
    with pytest.raises(PackageError):
        find_elf(tree)


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a compiler")
def test_agrees_with_pyelftools_on_real_files(tmp_path: Path) -> None:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    source = tmp_path / "x.c"
    source.write_text("int f(void) { return 1; }\nint main(void) { return f(); }\n")
    builds = {
        "lib": ["-shared", "-fPIC", "-Wl,-soname,libx.so.3"],
        "pie": ["-pie", "-fPIE", "-Wl,-rpath,/opt/x:/opt/y"],
        "fixed": ["-no-pie", "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../lib"],
        "static": ["-static"],
        "object": ["-c"],
    }
    for name, options in builds.items():
        out = tmp_path / name
        subprocess.run(["gcc", "-o", out, source, *options], check=True, capture_output=True)
        data = out.read_bytes()
        info = known(data)
        theirs = ELFFile(io.BytesIO(data))
        wanted: dict[str, list[str]] = {"DT_NEEDED": [], "DT_SONAME": [], "DT_RPATH": [], "DT_RUNPATH": []}
        for segment in theirs.iter_segments():
            if isinstance(segment, DynamicSegment):
                for tag in segment.iter_tags():
                    if tag.entry.d_tag in wanted:
                        attribute = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath"}
                        wanted[tag.entry.d_tag].append(getattr(tag, attribute.get(tag.entry.d_tag, "runpath")))
        assert info.etype == theirs["e_type"]
        assert list(info.needed) == wanted["DT_NEEDED"]
        assert info.soname == "".join(wanted["DT_SONAME"])
        assert list(info.rpaths) == wanted["DT_RPATH"] + wanted["DT_RUNPATH"]
        assert info.bits == theirs.elfclass
        assert bool(info.interpreter) == (name in ("pie", "fixed"))
        assert info.pie == (name == "pie")
