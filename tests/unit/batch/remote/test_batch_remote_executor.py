# SPDX-License-Identifier: GPL-3.0-or-later
"""The executor, with a client that says what the test says: what it gives, what it hears, and what it does not."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("fsspec", reason="fsspec is not installed")

from abuildpy.batch.interface import Done, Work
from abuildpy.batch.local import How
from abuildpy.batch.model import Outcome, Task
from abuildpy.batch.remote.executor import Dask, Remote
from abuildpy.batch.remote.keeper import ClientError, Keeper
from abuildpy.batch.remote.messages import Result, parse_order
from abuildpy.batch.remote.store import Store
from abuildpy.errors import AbuildError
from abuildpy.ui.console import Console

PATIENCE = 60.0


class Client:
    """In the place of a Keeper: a list of what was said to it, and a queue of what it says."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._says: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.writer = self

    def send(self, message: dict[str, Any]) -> None:
        self.heard.append(message)

    def messages(self) -> Iterator[dict[str, Any]]:
        while (message := self._says.get()) is not None:
            yield message

    def close(self) -> None:
        self._says.put(None)

    def says(self, **message: Any) -> None:
        self._says.put(message)

    @property
    def given(self) -> list[str]:
        return [each["submit"] for each in self.heard if "submit" in each]


class Bench:
    """An executor, its client, and tasks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = Client()
        remote = Remote(How("none"), {}, {}, lambda _: (), lambda _: {"SOURCE_DATE_EPOCH": "1"}, None)
        store = Store(f"file://{folder}/store")
        self.executor = Dask(remote, store, cast(Keeper, self.client), Console(quiet=True), arch="x86_64")

    def work(self, name: str) -> Work:
        recipe = self.folder / "aports" / "main" / name
        recipe.mkdir(parents=True, exist_ok=True)
        (recipe / "APKBUILD").write_text(name)
        destination = self.folder / name / "packages"
        destination.mkdir(parents=True, exist_ok=True)
        task = Task(f"main/{name}", str(recipe), name, "1-r0", "x86_64")
        return Work(task, 1, 1, self.folder / "staged", destination, self.folder / name / "log")

    def next(self) -> Done:
        (done,) = self.executor.wait(PATIENCE)
        return done

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.executor.close()


def _failed(run: str, name: str = "main/a") -> str:
    return Result(run, Outcome(name, "1-r0", "failed", "compile", error="x\x1b[2Jy"), worker="w").to_bytes().decode()


def test_no_more_than_there_is_room_for(bench: Bench) -> None:
    """What waits, waits here: on a worker it could not start on another."""
    for name in "abc":
        bench.executor.start(bench.work(name))
    assert bench.executor.wait(0.05) == []
    assert bench.client.given == []
    bench.client.says(there={"slots": 2, "workers": 2, "others": 0})
    bench.until(lambda: len(bench.client.given) == 2)
    assert bench.executor.slots == 2
    first = bench.client.given[0]
    order = next(parse_order(each["order"].encode()) for each in bench.client.heard if each.get("submit") == first)
    bench.client.says(result=first, data=_failed(first, order.name))
    done = bench.next()
    assert (done.outcome.reason, done.outcome.error) == ("compile", "x?[2Jy")
    bench.until(lambda: len(bench.client.given) == 3)


def _given(bench: Bench, name: str = "a") -> tuple[Work, str]:
    work = bench.work(name)
    bench.client.says(there={"slots": 1, "workers": 1, "others": 0})
    bench.executor.start(work)
    bench.until(lambda: len(bench.client.given) == 1)
    return work, bench.client.given[0]


def test_workers_that_end_with_the_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are missed while it runs, not when it has them ended."""
    said: list[str] = []
    monkeypatch.setattr(bench.executor, "_log", SimpleNamespace(warning=said.append))
    for slots in (1, 0, 1):
        bench.client.says(there={"slots": slots, "workers": slots, "others": 0})
    bench.until(lambda: bool(said) and bench.executor.slots == 1)
    bench.executor.end_first(lambda: bench.client.says(there={"slots": 0, "workers": 0, "others": 0}))
    bench.executor.close()
    assert len(said) == 1


def test_a_lost_worker_and_its_late_answer(bench: Bench) -> None:
    work, run = _given(bench)
    bench.client.says(phase="build", run=run, where="w\x1b1")
    bench.until(lambda: bench.executor.phase_of(work) == "build")
    assert bench.executor.where(work) == "w?1"
    bench.client.says(lost=run, why="gone")
    done = bench.next()
    assert done.lost
    assert done.work == work
    bench.client.says(result=run, data=_failed(run))
    bench.client.says(phase="check", run=run, where="w")
    bench.client.says(there={"slots": 7, "workers": 1, "others": 0})
    bench.until(lambda: bench.executor.slots == 7)
    assert bench.executor.wait(0.05) == []
    assert bench.executor.phase_of(work) == ""


def test_cancelling_waits_for_the_end_and_hears_no_more(bench: Bench) -> None:
    work, run = _given(bench)
    honest = bench.client.send

    def send(message: dict[str, Any]) -> None:
        honest(message)
        if "cancel" in message:
            bench.client.says(result=run, data=_failed(run))
            bench.client.says(cancelled=run)

    bench.client.send = send  # type: ignore[method-assign]
    bench.executor.cancel(work)
    assert {"cancel": run} in bench.client.heard
    assert bench.executor.wait(0.05) == []
    bench.executor.cancel(work)  # nothing any more


@pytest.mark.parametrize(
    ("name", "said"), [("main/other", "the name 'main/other'"), ("main/a", None), ("../../x", "the name")]
)
def test_answers_to_something_else(bench: Bench, name: str, said: str | None) -> None:
    _, run = _given(bench)
    bench.client.says(result=run, data=_failed(run, name))
    done = bench.next()
    assert done.outcome.status == "failed"
    assert done.outcome.name == "main/a"
    if said is not None:
        assert done.outcome.reason == "internal"
        assert said in (done.outcome.error or "")


def test_the_answer_to_another_order(bench: Bench) -> None:
    """Of the same recipe, but of an attempt that is over."""
    _, run = _given(bench)
    bench.client.says(result=run, data=_failed("0" * 32))
    done = bench.next()
    assert (done.outcome.reason, done.lost) == ("internal", False)
    assert "answers to another order" in (done.outcome.error or "")


@pytest.mark.parametrize("data", ["", "{}", "[]", "\x80\x04"])
def test_answers_that_are_none(bench: Bench, data: str) -> None:
    _, run = _given(bench)
    bench.client.says(result=run, data=data)
    done = bench.next()
    assert (done.outcome.reason, done.lost) == ("internal", False)
    assert "is refused" in (done.outcome.error or "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"result": 5, "data": ""},
        {"lost": ["x"]},
        {"phase": "x"},
        {"there": 5},
        {"there": {"slots": -1}},
        {"result": "x", "lost": "x"},
    ],
)
def test_a_client_that_says_what_it_must_not(bench: Bench, message: dict[str, Any]) -> None:
    _given(bench)
    bench.client.says(**message)
    with pytest.raises(AbuildError):
        bench.executor.wait(PATIENCE)


def test_a_client_that_ends(bench: Bench) -> None:
    bench.client.close()
    with pytest.raises(ClientError, match="ended"):
        bench.executor.wait(PATIENCE)
    with pytest.raises(ClientError, match="ended"):
        bench.executor.wait_for_workers(PATIENCE)


def test_nobody_comes(bench: Bench) -> None:
    with pytest.raises(AbuildError, match="no worker for x86_64") as caught:
        bench.executor.wait_for_workers(0.01)
    assert "abuildpy worker" in (caught.value.hint or "")


def test_recipes_that_cannot_be_given(bench: Bench) -> None:
    work = bench.work("a")
    Path(work.task.folder, "APKBUILD").unlink()
    bench.client.says(there={"slots": 1, "workers": 1, "others": 0})
    bench.executor.start(work)
    done = bench.next()
    assert (done.outcome.status, done.outcome.reason) == ("failed", "internal")
    assert "APKBUILD" in (done.outcome.error or "")
