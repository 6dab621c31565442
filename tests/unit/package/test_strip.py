# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from package_trees import TRIPLET, File, Hard, Link, elf, make_tree, metadata

from abuildpy.package.elf import find_elf
from abuildpy.package.model import Metadata
from abuildpy.package.strip import StripPlan, plan_strip

CROSS = "aarch64-alpine-linux-musl"


def plan(root: Path, meta: Metadata, triplet: str = TRIPLET, debug: bool = False) -> StripPlan:
    tree = make_tree(
        root,
        {
            "usr/bin/fixed": File(elf(etype=2), 0o4755),
            "usr/bin/script": File(b"#!/bin/sh\n" + b"#" * 99),
            "usr/lib/liba.so.1": File(elf()),
            "usr/lib/liba.so": Link("liba.so.1"),
            "usr/lib/libhard.so": Hard("usr/lib/liba.so.1"),
            "usr/lib/object.o": File(elf(etype=1)),
            "usr/lib/debug/usr/lib/liba.so.1.debug": File(elf()),
            "usr/lib/debugger.so": File(elf()),
            "usr/share/firmware.elf": File(elf(etype=2, osabi=255)),
            "usr/share/gnu": File(elf(etype=2, osabi=3)),
        },
    )
    return plan_strip(tree, meta, find_elf(tree), triplet=triplet, cbuild=TRIPLET, debug=debug)


def test_programs_and_libraries_once_per_inode(tmp_path: Path) -> None:
    assert plan(tmp_path / "p", metadata()) == StripPlan(
        "strip", (b"usr/bin/fixed", b"usr/lib/debugger.so", b"usr/lib/liba.so.1", b"usr/share/gnu")
    )


def test_cross_tool(tmp_path: Path) -> None:
    assert plan(tmp_path / "p", metadata(), CROSS).program == f"{CROSS}-strip"


@pytest.mark.parametrize(
    "meta", [metadata(options=("!strip",)), metadata(options=("foo::!strip",)), metadata(arch="noarch")]
)
def test_nothing_to_strip(tmp_path: Path, meta: Metadata) -> None:
    assert plan(tmp_path / "p", meta).files == ()


def test_debug_builds_keep_symbols(tmp_path: Path) -> None:
    assert plan(tmp_path / "p", metadata(), debug=True).files == ()


def test_option_of_another_package_does_not_count(tmp_path: Path) -> None:
    assert plan(tmp_path / "p", metadata(options=("bar::!strip",))).files != ()
