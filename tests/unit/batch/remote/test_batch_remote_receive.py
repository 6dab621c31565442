# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker says it built: taken if the task may produce it, without the worker's signature; else nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from stagingkit import ARCH, package, signer, task

pytest.importorskip("fsspec", reason="fsspec is not installed")

from abuildpy.batch.interface import Work
from abuildpy.batch.model import Outcome
from abuildpy.batch.remote.messages import Blob, Result
from abuildpy.batch.remote.receive import names_below, receive
from abuildpy.batch.remote.store import Store, StoreError
from abuildpy.errors import PackageError, RepositoryError

MAIN, DEV = (f"main/{ARCH}/{name}-1.0-r0.apk" for name in ("foo", "foo-dev"))
TASK = task("main/foo", "1.0-r0", "foo", "foo-dev")
OUTCOME = Outcome("main/foo", "1.0-r0", "built")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"file://{tmp_path}/store")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    (tmp_path / "built").mkdir()
    return Work(TASK, 1, 1, tmp_path / "staged", tmp_path / "built", tmp_path / "log")


def _told(store: Store, files: Mapping[str, bytes], **more: str) -> Result:
    blobs = tuple(Blob(name, *store.put_bytes(content)) for name, content in files.items())
    log = Blob("log", *store.put_bytes(b"all went well\n"))
    return Result("0" * 32, replace(OUTCOME, apks=tuple(files), **more), blobs, log, "w1")  # type: ignore[arg-type]


def test_packages_are_taken_without_the_workers_signature(store: Store, work: Work) -> None:
    made = {MAIN: package(key=signer("worker.rsa.pub")), DEV: package("foo-dev", arch="noarch")}
    receive(_told(store, made), work, store)
    (work.destination / f"main/{ARCH}/link.apk").symlink_to("foo-1.0-r0.apk")
    (work.destination / f"main/{ARCH}/folder.apk").mkdir()
    assert names_below(work.destination) == (MAIN, DEV)
    assert (work.destination / MAIN).read_bytes() == package()
    assert (work.destination / DEV).read_bytes() == made[DEV]
    assert work.log.read_bytes() == b"all went well\n"


def test_of_a_failure_there_is_the_log(store: Store, work: Work) -> None:
    receive(_told(store, {}, status="failed", reason="compile"), work, store)
    assert work.log.read_bytes() == b"all went well\n"
    assert names_below(work.destination) == ()


def _changed(content: bytes) -> bytes:
    return content[:-30] + bytes([content[-30] ^ 1]) + content[-29:]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (f"community/{ARCH}/foo-1.0-r0.apk", package(), "does not belong to main/foo"),
        ("main/armv7/foo-1.0-r0.apk", package(), "does not belong to main/foo"),
        (f"main/{ARCH}/foo-doc-1.0-r0.apk", package("foo-doc"), "foo-doc-1.0-r0, which main/foo does not make"),
        (f"main/{ARCH}/foo-2.0-r0.apk", package(version="2.0-r0"), "foo-2.0-r0, which main/foo does not make"),
        (f"main/{ARCH}/foo-1.apk", package(), "foo-1.0-r0, which main/foo does not make"),
        (MAIN, package(arch="armv7"), "of another architecture or origin"),
        (MAIN, package(origin="bar"), "of another architecture or origin"),
        (MAIN, _changed(package()), "do not match the hash"),
    ],
)
def test_what_the_task_does_not_make_is_refused(store: Store, work: Work, name: str, content: bytes, said: str) -> None:
    """And what came before it goes again."""
    with pytest.raises((PackageError, RepositoryError), match=said):
        receive(_told(store, {DEV: package("foo-dev"), name: content}), work, store)
    assert list(work.destination.rglob("*")) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "main/bar"}, "w1 answers with the name 'main/bar', not main/foo"),
        ({"version": "1.0-r1"}, "w1 answers with the version '1.0-r1', not 1.0-r0"),
    ],
)
def test_the_answer_to_another_order_is_refused(store: Store, work: Work, changes: dict[str, str], said: str) -> None:
    with pytest.raises(PackageError, match=said):
        receive(_told(store, {MAIN: package()}, **changes), work, store)
    assert not work.log.exists()
    assert list(work.destination.rglob("*")) == []


def test_built_and_nothing_there_is_refused(store: Store, work: Work) -> None:
    with pytest.raises(PackageError, match="has no packages of it"):
        receive(_told(store, {}), work, store)


def test_sizes_are_kept_to(store: Store, work: Work) -> None:
    told = _told(store, {MAIN: package()})
    for size in (1, len(package()) + 1):
        with pytest.raises(StoreError, match="not what its name says"):
            receive(replace(told, files=(replace(told.files[0], size=size),)), work, store)
    assert told.log is not None
    with pytest.raises(StoreError, match="not what its name says"):
        receive(replace(told, log=replace(told.log, size=1)), work, store)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04.", b"[" * 50_000])
def test_buildinfo_that_makes_no_sense_is_left_out(store: Store, work: Work, content: bytes) -> None:
    told = replace(_told(store, {MAIN: package()}), buildinfo=Blob("buildinfo", *store.put_bytes(content)))
    receive(told, work, store)
    receive(replace(told, buildinfo=Blob("buildinfo", "0" * 64, 5)), work, store)
    assert [path.name for path in work.destination.rglob("*") if path.is_file()] == [MAIN.rpartition("/")[2]]
