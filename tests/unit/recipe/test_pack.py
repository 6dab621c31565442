# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put into a pack comes out of it, and a damaged pack is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import RecipeError
from abuildpy.recipe.pack import Kept, Pack
from abuildpy.recipe.packing import Record, old_records, record, record_of_failure, write_pack

SIGNATURE = (1, 2, 3, 4)
DIGEST = b"d" * 16
CHANGES = {"pkgname": "foo", "pkgdesc": "", "url": None, "_own": "a\nb='c'", "_gone": None, "source": "\udcff"}


def made(name: str = "foo/APKBUILD", **changes: str | None) -> Record:
    kept = record(name, SIGNATURE, DIGEST, ("build", "package"), {**CHANGES, **changes}, (("/a b/c", (5, 6, 7, 8)),))
    assert kept is not None
    return kept


def opened(path: Path) -> Pack:
    return Pack(os.open(path, os.O_RDONLY))


@pytest.fixture(name="path")
def two_recipes(tmp_path: Path) -> Path:
    path = tmp_path / "packs" / "p"
    failure = record_of_failure("goo/APKBUILD", SIGNATURE, DIGEST, RecipeError("no", hint="mend"), ())
    write_pack(str(path), b"key", b"ASKED\0CARCH", [made(), failure])
    return path


def test_what_a_recipe_changed(path: Path) -> None:
    pack = opened(path)
    assert (pack.key, pack.asked, pack.names) == (b"key", b"ASKED\0CARCH", ["foo/APKBUILD", "goo/APKBUILD"])
    kept = Kept(pack, 0)
    assert kept.changes() == CHANGES
    assert {name: kept.get(name) for name in CHANGES} == {name: (True, value) for name, value in CHANGES.items()}
    assert kept.get("pkgver") == (False, None)
    assert kept.get("_other") == (False, None)
    assert kept.functions == {"build", "package"}
    assert (kept.failed, kept.error) == (False, None)
    assert pack.watched == {0: (("/a b/c", (5, 6, 7, 8)),)}
    assert list(pack.signatures) == [*SIGNATURE, *SIGNATURE]
    assert pack.digest(1) == DIGEST


def test_a_failure(path: Path) -> None:
    kept = Kept(opened(path), 1)
    assert kept.failed
    assert kept.error is not None
    assert (kept.error.message, kept.error.hint) == ("no", "mend")


def test_records_taken_over(path: Path, tmp_path: Path) -> None:
    pack = opened(path)
    write_pack(str(tmp_path / "q"), b"key", b"", old_records(pack, [1, 0], pack.signatures))
    again = opened(tmp_path / "q")
    assert again.names == ["goo/APKBUILD", "foo/APKBUILD"]
    assert Kept(again, 1).changes() == CHANGES
    assert Kept(again, 0).failed


@pytest.mark.parametrize("sign", ["\x01", "\x02", "\x03"])
def test_values_that_mean_something_else_in_a_pack_are_not_kept(sign: str) -> None:
    assert record("n", SIGNATURE, DIGEST, (), {"pkgdesc": sign}) is None
    assert record("n", SIGNATURE, DIGEST, (), {"_own": sign}) is not None


def test_whatever_is_cut_off(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    for size in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:size])
        with pytest.raises(ValueError, match="no"):
            opened(tmp_path / "cut")


def test_whatever_bit_is_another(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    for at in range(len(content)):
        (tmp_path / "other").write_bytes(content[:at] + bytes((content[at] ^ 4,)) + content[at + 1 :])
        with pytest.raises(ValueError, match="pack"):
            opened(tmp_path / "other")


def test_no_recipes(tmp_path: Path) -> None:
    write_pack(str(tmp_path / "p"), b"key", b"", [])
    pack = opened(tmp_path / "p")
    assert (pack.names, list(pack.signatures), pack.hot) == ([], [], [])
