# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from package_trees import File, Folder, Hard, Item, Link, make_tree

from abuildpy.package.size import human_size, package_size


@pytest.mark.parametrize(
    ("items", "scripts", "size"),
    [
        ({}, False, 0),
        ({}, True, 1),
        ({"empty": File()}, False, 1),
        ({"d/e": Folder()}, False, 1),
        ({"a": File(b"x" * 30), "d/b": File(b"y" * 9)}, True, 39),
        ({f"f{n}": File(b"x") for n in range(1000)}, False, 1000),
        ({"a": File(b"12345"), "b": Hard("a"), "c": Hard("a")}, False, 5),
        ({"l": Link("nowhere/at/all")}, False, 1),
        ({"a": File(b"12345"), "l": Link("a")}, False, 5),
    ],
)
def test_sizes(tmp_path: Path, items: dict[str, Item], scripts: bool, size: int) -> None:
    assert package_size(make_tree(tmp_path / "p", items), scripts=scripts) == size


def test_sparse_file_counts_its_apparent_size(tmp_path: Path) -> None:
    tree_root = tmp_path / "p"
    tree_root.mkdir()
    with open(tree_root / "sparse", "wb") as file:
        os.truncate(file.fileno(), 65535)
    assert package_size(make_tree(tree_root, {}), scripts=False) == 65535


def test_removed_empty_folders_still_count_as_content(tmp_path: Path) -> None:
    assert package_size(make_tree(tmp_path / "p", {}), scripts=False, emptied=True) == 1


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.0 "),
        (1, "1.0 B"),
        (1023, "1023.0 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (3 << 20, "3.0 MB"),
        (5 << 30, "5.0 GB"),
        (2 << 60, "2048.0 PB"),
    ],
)
def test_human_size(size: int, text: str) -> None:
    assert human_size(size) == text
