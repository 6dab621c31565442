# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put into a pack comes out of it, and a damaged pack is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import Fresh, Variables
from abuildpy.recipe.pack import HOT, USUAL, Kept, Pack, Shared, Told
from abuildpy.recipe.packing import Record, old_records, record, record_of_failure, write_pack

SIGNATURE = (1, 2, 3, 4)
DIGEST = b"d" * 16
CHANGES = {"pkgname": "foo", "pkgdesc": "", "url": None, "_own": "a\nb='c'", "_gone": None, "source": "\udcff"}

BEFORE = {"pkgver": "1", "_mine": "2", "url": "https://example.org"}


def nothing_anew(path: str) -> Variables:
    """Nothing is damaged."""
    raise AssertionError(path)


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
    kept = Kept(Shared(pack, "/r/main", BEFORE, nothing_anew), 0)
    assert kept.changes() == CHANGES
    assert {name: kept.get(name, "?") for name in CHANGES} == {
        name: "?" if value is None else value for name, value in CHANGES.items()
    }
    assert (kept.get("pkgver"), kept["pkgver"], kept.get("_other", "?"), kept["_mine"]) == ("1", "1", "?", "2")
    assert ("url" in kept, "_gone" in kept, "pkgver" in kept) == (False, False, True)
    assert kept.functions == {"build", "package"}
    assert pack.failed == {1}
    assert pack.watched == {0: (("/a b/c", (5, 6, 7, 8)),)}
    assert list(pack.signatures) == [*SIGNATURE, *SIGNATURE]
    assert pack.digest(1) == DIGEST


def test_a_failure(path: Path) -> None:
    pack = opened(path)
    assert pack.failed == {1}
    assert (pack.error(1).message, pack.error(1).hint) == ("no", "mend")


def test_records_taken_over(path: Path, tmp_path: Path) -> None:
    pack = opened(path)
    write_pack(str(tmp_path / "q"), b"key", b"", old_records(pack, [1, 0], pack.signatures))
    again = opened(tmp_path / "q")
    assert again.names == ["goo/APKBUILD", "foo/APKBUILD"]
    assert dict(Kept(Shared(again, "/r", BEFORE, nothing_anew), 1)) == dict(
        Kept(Shared(pack, "/r", BEFORE, nothing_anew), 0)
    )
    assert again.failed == {0}


@pytest.mark.parametrize("sign", ["\x01", "\x02", "\x03"])
def test_values_that_mean_something_else_in_a_pack_are_not_kept(sign: str) -> None:
    assert record("n", SIGNATURE, DIGEST, (), {"pkgdesc": sign}) is None
    assert record("n", SIGNATURE, DIGEST, (), {"pkgdesc": f"a{sign}b"}) is None
    assert record("n", SIGNATURE, DIGEST, (), {"_own": sign}) is not None


def test_whatever_is_cut_off(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    for size in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:size])
        with pytest.raises(ValueError, match="no"):
            opened(tmp_path / "cut")


def test_whatever_bit_is_another(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    told = dict(Kept(Shared(opened(path), "/r", BEFORE, nothing_anew), 0))
    parts = sum(len(pack_part(path, at)) for at in range(2))
    anew: list[str] = []

    def evaluate(name: str) -> Variables:
        anew.append(name)
        return Fresh(BEFORE, CHANGES, frozenset({"build", "package"}))

    for at in range(len(content)):
        (tmp_path / "other").write_bytes(content[:at] + bytes((content[at] ^ 4,)) + content[at + 1 :])
        if at < len(content) - parts:
            with pytest.raises(ValueError, match="pack"):
                opened(tmp_path / "other")
            continue
        pack = opened(tmp_path / "other")
        kept = Kept(Shared(pack, "/r", BEFORE, evaluate), 0)
        assert (dict(kept), set(kept.functions)) == (told, {"build", "package"})
        if at < len(content) - len(pack_part(path, 1)):
            assert anew.pop() == "/r/foo/APKBUILD"
            assert [each.name for each in old_records(pack, [0, 1], pack.signatures)] == ["goo/APKBUILD"]
        else:
            with pytest.raises(ValueError, match="damaged"):
                pack.error(1)
    assert not anew


def pack_part(path: Path, at: int) -> bytes:
    """What a recipe has at the end of a pack."""
    return opened(path).rest(at)


def test_no_recipes(tmp_path: Path) -> None:
    write_pack(str(tmp_path / "p"), b"key", b"", [])
    pack = opened(tmp_path / "p")
    assert (pack.names, list(pack.signatures), {name: pack.column(name) for name in HOT}) == (
        [],
        [],
        {name: [] for name in HOT},
    )


def test_what_the_library_makes_of_a_usual_recipe(tmp_path: Path) -> None:
    derived = "builddir=\x02d/src/\x02n-\x02v\0allpackages=\x02n \x02s\0GOCACHE=\x02d/tmp/go"
    hot = {"pkgname": "foo", "pkgver": "2", "subpackages": "foo-doc"}
    rows = [hot.get(name, "\x01") for name in HOT]
    records = [
        Record(f"{name}/APKBUILD", SIGNATURE, DIGEST, rows, f"build{USUAL}{own}".encode())
        for name, own in (("foo", ""), ("goo", "\0builddir=/elsewhere\0_own=1"), ("hoo", "\0builddir="))
    ]
    write_pack(str(tmp_path / "p"), b"key", b"", records, derived)
    shared = Shared(opened(tmp_path / "p"), "/r/main", {}, nothing_anew)
    for at, folder, builddir in (
        (0, "foo", "/r/main/foo/src/foo-2"),
        (1, "goo", "/elsewhere"),
        (2, "hoo", "/r/main/hoo/src/foo-2"),
    ):
        told = Told(f"/r/main/{folder}/APKBUILD", {}, rows, records[at].rest, derived)
        for variables in (Kept(shared, at), told):
            assert variables["builddir"] == builddir.format(folder)
            assert (variables["allpackages"], variables["GOCACHE"]) == ("foo foo-doc", f"/r/main/{folder}/tmp/go")
            assert variables.get("_own", "?") == ("1" if at == 1 else "?")
            assert set(variables.functions) == {"build"}
