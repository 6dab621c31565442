# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what it remembers, what torn and foreign lines count for, and that there is one writer."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from abuildpy.batch import journal as module
from abuildpy.batch.journal import NAME, Journal, Records
from abuildpy.batch.model import Outcome, Past
from abuildpy.errors import RepositoryError

BUILT = Outcome("main/foo", "1-r0", "built", seconds=7.5, max_rss=99, key="k1", started=5.0)
FAILED = Outcome("main/foo", "1-r0", "failed", "test", seconds=1.0, error="no", key="k2")
PACKAGES = {"main/x86_64/foo-1-r0.apk": "Q1abc"}


def test_what_it_remembers(tmp_path: Path) -> None:
    with Journal(tmp_path / "new/place") as journal:
        journal.start("main/foo", "k1", 1)
        journal.keep_made(BUILT, PACKAGES)
        assert journal.last("main/foo") is None
        journal.keep(BUILT, PACKAGES)
        journal.keep(FAILED, {})
        live = journal.last("main/foo")
    records = Records(tmp_path / "new/place" / NAME)
    assert records.last("main/foo") == live == Past("failed", "test", "k2", 1.0, None, "1-r0")
    assert records.cost("main/foo") == (7.5, 99)
    made = records.made("main/foo", "k1")
    assert made is not None
    assert (made.outcome, made.packages) == (BUILT, PACKAGES)
    assert records.made("main/foo", "k2") is None
    assert (records.last("main/bar"), records.cost("main/bar")) == (None, (None, None))


def test_what_was_built_is_on_the_disk_when_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    monkeypatch.setattr(os, "fdatasync", lambda _file: kept.append((tmp_path / NAME).read_bytes()))
    with Journal(tmp_path) as journal:
        journal.keep_made(BUILT, PACKAGES)
        journal.keep(BUILT, PACKAGES)
        journal.keep(FAILED, {})
    assert [data.count(b"\n") for data in kept] == [1, 2]


def test_packages_without_a_key_are_not_found(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.keep(replace(BUILT, key=""), PACKAGES)
        assert journal.made("main/foo", "") is None


def test_a_torn_line_counts_for_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.keep(BUILT, PACKAGES)
        journal.keep(replace(BUILT, name="main/bar"), PACKAGES)
    path = tmp_path / NAME
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert Records(path).last("main/bar") is None
        with Journal(tmp_path) as journal:
            assert journal.last("main/foo") is not None
            journal.keep(FAILED, {})
        lines = path.read_bytes().splitlines()
        assert len(lines) == 2
        assert Records(path).last("main/foo") == Past("failed", "test", "k2", 1.0, None, "1-r0")


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": None},
        {"outcome": {"status": "great"}},
        {"packages": None},
        {"packages": ["a"]},
        {"packages": {"a": 5}},
        {"what": "rumour"},
    ],
)
def test_a_line_that_makes_no_sense_counts_for_nothing(tmp_path: Path, change: dict[str, object]) -> None:
    with Journal(tmp_path) as journal:
        journal.keep(BUILT, PACKAGES)
    record = json.loads((tmp_path / NAME).read_bytes().partition(b" ")[2])
    lines = [json.dumps(each).encode() for each in (record | change, [record], "text")]
    (tmp_path / NAME).write_bytes(b"".join(b"%08x %s\n" % (crc32(each), each) for each in (*lines, b"{")))
    records = Records(tmp_path / NAME)
    assert (records.last("main/foo"), records.made("main/foo", "k1")) == (None, None)


def test_a_line_that_does_not_fit_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with Journal(tmp_path) as journal:
        journal.keep(BUILT, PACKAGES)
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:40]))
        with pytest.raises(OSError, match="No space left"):
            journal.keep(FAILED, {})
        monkeypatch.undo()
    with Journal(tmp_path) as journal:
        journal.keep(replace(BUILT, name="main/bar"), PACKAGES)
    records = Records(tmp_path / NAME)
    assert [past and past.status for past in map(records.last, ("main/foo", "main/bar"))] == ["built", "built"]


@pytest.mark.parametrize("place", [3, 40, 100])
def test_a_damaged_line_counts_for_nothing(tmp_path: Path, place: int) -> None:
    with Journal(tmp_path) as journal:
        journal.keep(BUILT, PACKAGES)
        journal.keep(replace(BUILT, name="main/bar"), PACKAGES)
    data = bytearray((tmp_path / NAME).read_bytes())
    data[place] ^= 1
    (tmp_path / NAME).write_bytes(data)
    records = Records(tmp_path / NAME)
    assert records.last("main/foo") is None
    assert records.last("main/bar") is not None


def test_one_writer(tmp_path: Path) -> None:
    with Journal(tmp_path / "batch"):
        with pytest.raises(RepositoryError, match="another batch is at work") as caught:
            Journal(tmp_path / "batch")
        assert f"{tmp_path} (process {os.getpid()})" in caught.value.message
        Records(tmp_path / "batch" / NAME)
    Journal(tmp_path / "batch").close()


def test_the_builds_of_a_killed_batch_are_waited_for(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        kept = os.dup(journal.lock)
    (tmp_path / "journal.lock").write_text("999999999\n")  # no such process
    import threading

    threading.Timer(0.3, os.close, (kept,)).start()
    Journal(tmp_path).close()
    assert (tmp_path / "journal.lock").read_text() == f"{os.getpid()}\n"


def test_a_long_history_is_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        for _ in range(50):
            journal.start("main/foo", "k1", 1)
            journal.keep_made(BUILT, PACKAGES)
            journal.keep(BUILT, PACKAGES)
            journal.keep(FAILED, {})
        for outcome in (BUILT, FAILED, BUILT):
            journal.keep(replace(outcome, name="main/again"), PACKAGES if outcome is BUILT else {})
        journal.keep(replace(FAILED, name="main/bad"), {})
        journal.keep_made(replace(BUILT, name="main/half"), PACKAGES)

    def knows() -> None:
        records = Records(tmp_path / NAME)
        assert records.last("main/foo") == Past("failed", "test", "k2", 1.0, None, "1-r0")
        assert records.cost("main/foo") == (7.5, 99)
        assert records.made("main/foo", "k1") is not None
        assert records.last("main/bad") is not None
        again = records.last("main/again")
        assert again is not None and again.status == "built"
        assert records.made("main/half", "k1") is not None
        assert records.last("main/half") is None

    knows()
    size = (tmp_path / NAME).stat().st_size
    Journal(tmp_path).close()
    assert (tmp_path / NAME).stat().st_size == size
    monkeypatch.setattr(module, "_ROOM", 1000)
    Journal(tmp_path).close()
    assert (tmp_path / NAME).stat().st_size < size / 20
    knows()
    with Journal(tmp_path) as journal:
        journal.keep(replace(BUILT, name="main/more"), PACKAGES)
    knows()
    assert Records(tmp_path / NAME).last("main/more") is not None


def test_one_that_cannot_be_read_is_not_held(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(RepositoryError, match="Is a directory"):
        Journal(tmp_path)
    (tmp_path / NAME).rmdir()
    Journal(tmp_path).close()


def test_nobody_may_write_there() -> None:
    with pytest.raises(RepositoryError, match="/proc/none"):
        Journal(Path("/proc/none"))


def test_a_full_disk_is_no_matter_of_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "ftruncate", full)
    with pytest.raises(RepositoryError, match="No space left on device") as error:
        Journal(tmp_path)
    assert error.value.hint == "free some space"
