# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache of evaluations stays below its limit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.config import Config
from abuildpy.recipe.tidy import entries, limit_of, prune


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Four files of 100 bytes, the second kind's used last, and one that was never finished."""
    folder = tmp_path / "abuildpy"
    for age, name in enumerate(("packs/d", "packs/c", "recipes/b", "recipes/a", "packs/.e.part")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
        when = 1_700_000_000 - age * 100_000
        os.utime(path, (when, when))
    return folder


def _config(cache: Path, **variables: str) -> Config:
    return Config(variables, frozenset(), {"XDG_CACHE_HOME": str(cache.parent)})


def _names(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*") if path.is_file()}


def test_what_was_not_used_for_longest_goes_first(cache: Path) -> None:
    assert prune(_config(cache), 250) == (3, 300)
    assert _names(cache) == {"c", "d"}


def test_below_the_limit_only_what_nobody_finishes_goes(cache: Path) -> None:
    assert prune(_config(cache), 1000) == (1, 100)
    assert _names(cache) == {"a", "b", "c", "d"}


def test_a_file_that_may_still_be_written_stays(cache: Path) -> None:
    os.utime(cache / "packs/.e.part")
    assert prune(_config(cache), 1000) == (0, 0)


def test_all_of_it(cache: Path) -> None:
    assert prune(_config(cache), 0) == (5, 500)
    assert _names(cache) == set()


def test_nothing_to_look_at(tmp_path: Path) -> None:
    assert list(entries(_config(tmp_path / "abuildpy"))) == []
    assert list(entries(Config({}, frozenset(), {}))) == []


@pytest.mark.parametrize(
    ("value", "limit"), [("10", 10 << 20), ("", 256 << 20), ("lots", 256 << 20), ("-1", 256 << 20)]
)
def test_limit(cache: Path, value: str, limit: int) -> None:
    assert limit_of(_config(cache, ABUILDPY_CACHE_SIZE=value)) == limit
