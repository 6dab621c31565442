# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from package_trees import File, Item, Link, elf, make_tree, metadata

from abuildpy.package.archcheck import archcheck, check_doc_size, check_metadata
from abuildpy.package.elf import find_elf


def levels(root: Path, items: dict[str, Item], **meta: object) -> list[str]:
    tree = make_tree(root, items)
    return [finding.level for finding in archcheck(tree, metadata(**meta), find_elf(tree))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content", "binary"),
    [
        ("usr/bin/x", elf(), True),
        ("usr/lib/x.o", elf(etype=1), True),
        ("usr/lib/x.a", b"", True),
        ("usr/x.lua", b"\x1bLuaR", True),
        ("usr/x.luac", b"\x1bLJ\x02", True),
        ("usr/x.lua", b"\x1bL", False),
        ("usr/x.lua", b"return 1", False),
        ("usr/x.txt", b"\x1bLuaR", False),
        ("usr/bin/x", b"#!/bin/sh\n", False),
    ],
)
def test_arch_must_fit_the_files(tmp_path: Path, name: str, content: bytes, binary: bool) -> None:
    items: dict[str, Item] = {name: File(content), "usr/other": File()}
    assert levels(tmp_path / "p", items, arch="noarch") == (["error"] if binary else [])
    assert levels(tmp_path / "p", {}, arch="x86_64") == ([] if binary else ["warning"])
    assert levels(tmp_path / "p", {}, arch="noarch", options=("!archcheck",)) == []
    assert levels(tmp_path / "p", {}, arch="x86_64", options=("!archcheck",)) == []


@pytest.mark.parametrize("name", ["foo-dev", "foo-static"])
def test_development_packages_may_have_no_binaries(tmp_path: Path, name: str) -> None:
    assert levels(tmp_path / "p", {"usr/include/x.h": File()}, name=name) == []


def test_links_are_no_binaries(tmp_path: Path) -> None:
    assert levels(tmp_path / "p", {"usr/lib/x.a": Link("y.a"), "usr/x.lua": Link("y.lua")}, arch="noarch") == []


def test_listing_is_cut(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {f"usr/lib/{n:03}.a": File() for n in range(25)})
    (finding,) = archcheck(tree, metadata(arch="noarch"), {})
    assert len(finding.listing) == 21
    assert finding.listing[0] == "\t/usr/lib/000.a"
    assert finding.listing[-1] == "\t... and 5 more"


@pytest.mark.parametrize("word", ["a", "a=1.0-r1", "a>=1", "a~1", "!a", "so:x.so.1", "a>~1.2"])
def test_good_dependencies(word: str) -> None:
    assert check_metadata(metadata(depends=(word,), provides=(word,))) == ()


@pytest.mark.parametrize("word", ["a=1.0-0", "a>=", "a=~1", "a=1.0p1"])
def test_bad_dependencies(word: str) -> None:
    for key in ("depends", "provides"):
        (finding,) = check_metadata(metadata(**{key: ("fine", word)}))  # type: ignore[arg-type]
        assert finding.is_error
        assert "Invalid version" in finding.lines[0]
        assert word in finding.lines[0]


def test_priorities_are_numbers() -> None:
    assert check_metadata(metadata(provider_priority="10", replaces_priority="0")) == ()
    for key in ("provider_priority", "replaces_priority"):
        for value in ("-1", "x", "1 2", "٣"):
            (finding,) = check_metadata(metadata(**{key: value}))
            assert finding.is_error
            assert key in finding.lines[0]


def test_large_documentation() -> None:
    limit = 2097152
    (finding,) = check_doc_size(metadata("foo-doc"), limit + 1)
    assert finding.level == "warning"
    assert "-doc subpackage is unusually large" in finding.lines[0]
    assert check_doc_size(metadata("foo-doc"), limit) == ()
    assert check_doc_size(metadata("foo"), limit * 2) == ()
    assert check_doc_size(metadata("foo-doc", options=("bigdocs",)), limit * 2) == ()
    assert check_doc_size(metadata("foo-doc", options=("foo-doc::bigdocs",)), limit * 2) == ()
