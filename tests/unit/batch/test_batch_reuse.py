# SPDX-License-Identifier: GPL-3.0-or-later
"""What former runs have built: taken for good only if it is the same, whole and signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stagingkit import package, signer, task

from abuildpy.batch.journal import Journal
from abuildpy.batch.model import Outcome, Task
from abuildpy.batch.reuse import Places, Reuse
from abuildpy.batch.sound import identities
from abuildpy.repository.trust import Keys

NAME = "main/x86_64/foo-1.0-r0.apk"
TASK = replace(task(), key="k1")
BUILT = Outcome("main/foo", "1.0-r0", "built", seconds=3.0, apks=(NAME,), key="k1", started=1.0)


@pytest.fixture
def reuse(tmp_path: Path) -> Iterator[Reuse]:
    """One package was made, and is in the second of two repositories."""
    me = signer()
    path = tmp_path / "final" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(package(key=me))
    with Journal(tmp_path / "journal") as journal:
        journal.keep(BUILT, identities(tmp_path / "final", (NAME,)))
        yield Reuse(journal, (tmp_path / "staged", tmp_path / "final"), Keys({me.name: me.public_pem}))


def status(reuse: Reuse, wanted: Task = TASK) -> str | None:
    outcome = reuse.outcome(wanted)
    return outcome.status if outcome else None


def test_what_is_the_same_is_reused(reuse: Reuse) -> None:
    outcome = reuse.outcome(TASK)
    assert outcome == replace(BUILT, status="reused", seconds=0.0, attempts=0, started=None)


def test_other_content_is_not(reuse: Reuse) -> None:
    assert status(reuse, replace(TASK, key="k2")) is None
    assert status(reuse, replace(TASK, key="")) is None
    assert status(reuse, replace(TASK, name="main/other")) is None


def test_nothing_made_is_nothing_to_reuse(reuse: Reuse) -> None:
    assert isinstance(reuse.records, Journal)
    reuse.records.keep(BUILT, {})
    assert status(reuse) is None


def test_packages_that_are_not_what_they_were(reuse: Reuse) -> None:
    path = reuse.repositories[1] / NAME
    good = path.read_bytes()
    path.write_bytes(good[:-20])
    assert status(reuse) is None
    path.write_bytes(package(key=signer(), content=b"other\n"))  # signed, whole, and another one
    assert status(reuse) is None
    path.write_bytes(package())  # the same content, not signed
    assert status(reuse) is None
    path.write_bytes(package(key=signer("stranger.rsa.pub")))
    assert status(reuse) is None
    path.write_bytes(good)
    assert status(reuse) == "reused"
    path.unlink()
    assert status(reuse) is None
    path.mkdir()
    assert status(reuse) is None


def test_what_a_killed_run_left(reuse: Reuse, tmp_path: Path) -> None:
    places = Places(tmp_path / "work", tmp_path / "logs", tmp_path / "staged")
    folder = places.work / "main/foo"
    folder.mkdir(parents=True)
    found = {"status": "built", "apks": [NAME], "max_rss": 5, "key": "k1"}

    def leave(**changes: object) -> None:
        (folder / "outcome.json").write_text(json.dumps({**found, **changes}))

    assert reuse.left(TASK, places) is None
    leave()
    done = reuse.left(TASK, places)
    assert done is not None
    assert (done.outcome.status, done.outcome.apks, done.outcome.max_rss) == ("built", (NAME,), 5)
    assert done.work.destination == folder / "packages"
    assert reuse.left(replace(TASK, key="k2"), places) is None
    assert reuse.left(replace(TASK, key=""), places) is None
    leave(key="")
    assert reuse.left(replace(TASK, key=""), places) is None
    for changes in ({"status": "failed"}, {"apks": "x"}, {"apks": [1]}, {"max_rss": "x"}, {"key": None}):
        leave(**changes)
        assert reuse.left(TASK, places) is None
    (folder / "outcome.json").write_text("{")
    assert reuse.left(TASK, places) is None
