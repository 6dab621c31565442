# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches on Dask: through lost workers, with answers that lie, and with nothing left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed")
pytest.importorskip("fsspec", reason="fsspec is not installed")

from buildkit import PATIENCE, Done, Package, Place, processes_with, wait_for
from daskkit import Cluster, carry_out, cluster, may_mount, publish, task_of

from abuildpy.batch.interface import Work
from abuildpy.batch.local import OUTCOME, read_outcome
from abuildpy.batch.model import Task
from abuildpy.errors import AbuildError
from abuildpy.records.buildinfo import read_buildinfo
from abuildpy.repository import apkfile

pytest_plugins = ["buildfixtures"]

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share; echo $pkgname > "$pkgdir"/usr/share/$pkgname; }\n'
SLOW = "build() { sleep 3; }\n"
FOREVER = "build() { sleep 98765 & setsid sleep 98765 & sleep 98765; }\n"
MARK = "sleep\00098765"


def _tree(place: Place) -> tuple[list[Task], dict[str, tuple[str, str | None]]]:
    """Twenty recipes, and what is to become of each. ``bench/batch.py dask`` has three hundred."""
    tasks: list[Task] = []
    expected: dict[str, tuple[str, str | None]] = {}

    def add(
        name: str, functions: str, *needs: str, status: str = "built", reason: str | None = None, **how: str
    ) -> None:
        tasks.append(task_of(place.recipe(functions, name=name, **how), *needs))  # type: ignore[arg-type]
        expected[f"main/{name}"] = (status, reason)

    for number in range(6):
        needs = () if number % 3 == 0 else (f"main/chain{number - 1}",)
        add(f"chain{number}", PACKAGE, *needs)
    for number in range(4):
        add(f"lone{number}", PACKAGE)
    for number in range(4):
        add(f"slow{number}", SLOW + PACKAGE)
    add(
        "breaks",
        "build() { echo 'foo.c:1:2: error: no such thing'; false; }\n" + PACKAGE,
        status="failed",
        reason="compile",
    )
    add("behind", PACKAGE, "main/breaks", status="blocked")
    add("further", PACKAGE, "main/behind", status="blocked")
    add("tests", "check() { false; }\n" + PACKAGE, options="", status="failed", reason="test")
    add("nothing", "package() { false; }", status="failed", reason="package")
    add("sums", PACKAGE, source="file.txt", sums=f"{'0' * 128}  file.txt\n", status="failed", reason="checksum")
    (place.aports / "main/sums/file.txt").write_text("text")
    return tasks, expected


def test_twenty_recipes_and_two_workers_lost(place: Place) -> None:
    """Four workers, each with home, distfiles and repository of its own; two are killed while they build."""
    tasks, expected = _tree(place)
    killed: list[str] = []

    with cluster(place) as made:
        for number in range(4):
            made.add(f"w{number}")
        made.executor.wait_for_workers(60)

        def watch(running: list[Work]) -> None:
            for work in running:
                where = made.executor.where(work)
                is_slow = work.task.name.startswith("main/slow") and made.executor.phase_of(work) == "build"
                if len(killed) < 2 and is_slow and where not in killed:
                    made.machines[where].kill()
                    killed.append(where)

        outcomes, lost = carry_out(made, tasks, watch)
        found = {name: (each.status, each.reason) for name, each in outcomes.items()}
        assert found == expected, [each.error for name, each in outcomes.items() if found[name] != expected[name]]
        assert len(killed) == 2
        assert sum(name.startswith("main/slow") for name in lost) >= 2
        _assert_published(place, {name for name, (status, _) in expected.items() if status == "built"})
        if may_mount():
            for machine in made.machines.values():
                assert not (machine.own / "site" / "home" / ".abuild").exists()
        for name, machine in made.machines.items():
            if name not in killed:
                assert machine.stop() == 0
                assert os.listdir(machine.own / "site" / "jobs") == []


def _assert_published(place: Place, names: set[str]) -> None:
    """The packages of these recipes, whole, and signed by nobody but the publisher."""
    found = sorted((place.base / "staged").glob("*/*/*.apk"))
    assert {f"{path.parts[-3]}/{path.name.removesuffix('-1.0-r0.apk')}" for path in found} == names
    for path in found:
        package = Package.read(path)
        assert [each.key for each in package.apk.signatures] == [place.public.name]
        assert package.contents[f"usr/share/{package.apk.name}"] == f"{package.apk.name}\n".encode()


@pytest.fixture(scope="module")
def shared(make_place: Callable[..., Place]) -> Iterator[Cluster]:
    """A cluster with one worker, for tests that leave both as they were; its place is theirs too."""
    place = make_place()
    with cluster(place) as made:
        made.add("one")
        made.executor.wait_for_workers(60)
        yield made
    shutil.rmtree(place.base, ignore_errors=True)


def test_the_same_bytes_as_a_build_here(shared: Cluster) -> None:
    """A package that was built elsewhere and signed here is the one that is built and signed here."""
    place = shared.place
    folder = place.recipe(PACKAGE, extra={"foo.post-install": "#!/bin/sh\n"}, install="foo.post-install")
    done = shared.one(replace(task_of(folder), key="of this content"))
    assert done.outcome.status == "built", done
    # A publisher that is killed now finds it again, and need not have it built once more.
    left = read_outcome(done.work.destination.parent / OUTCOME)
    assert left is not None
    assert (left["apks"], left["key"]) == (["main/x86_64/foo-1.0-r0.apk"], "of this content")
    publish(place, done)
    assert "Building main/foo" in done.work.log.read_text()
    environment = {"SOURCE_DATE_EPOCH": "1700000000", "CARCH": "x86_64"}
    assert place.run(folder, "-d", env=environment).status == 0
    here = place.repodest / "main/x86_64/foo-1.0-r0.apk"
    assert here.read_bytes() == (place.base / "staged/main/x86_64/foo-1.0-r0.apk").read_bytes()


LIES = {
    "bomb": "refused",
    "exception": "refused",
    "text": "refused",
    "name": "answers with the name 'main/other'",
    "store": "is not what its name says: it was tampered with",
}
"""What a worker does with a recipe of that name, and what is said of it."""


def test_a_worker_that_lies(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """One clear message, the task has failed, nothing of it was taken, and nothing of it ran here."""
    environment = {"PYTHONPATH": f"{place.environment['PYTHONPATH']}:{Path(__file__).parent}"}
    with cluster(place) as made:
        made.add("evil", "daskevil", environment)
        made.executor.wait_for_workers(60)
        for how, said in LIES.items():
            done = made.one(task_of(place.recipe(PACKAGE, name=how)))
            assert (done.outcome.status, done.outcome.reason, done.lost) == ("failed", "internal", False), how
            assert done.outcome.error is not None
            assert said in done.outcome.error, how
            assert "\n" not in done.outcome.error
            assert not list(done.work.destination.rglob("*.apk"))
    assert "BOMB" not in "".join(capfd.readouterr())


def test_sources_travel_through_the_store(shared: Cluster) -> None:
    """What the publisher has, no worker fetches; and what one worker has, the next need not fetch."""
    place = shared.place
    path, line = place.archive("src-1.0.tar.gz", {"src-1.0/text": b"from the source\n"})
    functions = 'package() { install -Dm644 "$srcdir"/src-1.0/text "$pkgdir"/usr/share/src; }\n'
    folder = place.recipe(functions, name="src", source="https://127.0.0.1:9/src-1.0.tar.gz", sums=line)
    done = shared.one(task_of(folder))
    assert done.outcome.status == "built", done
    publish(place, done)
    own = shared.machines["one"].own / "site" / "distfiles" / path.name
    assert own.read_bytes() == path.read_bytes()
    stored = shared.store / "sha512" / line[:2] / line.split()[0]
    assert stored.read_bytes() == path.read_bytes()
    stored.unlink()
    path.unlink()
    assert shared.one(task_of(folder)).outcome.status == "built"
    assert stored.exists()
    package = Package.read(place.base / "staged/main/x86_64/src-1.0-r0.apk")
    assert package.contents["usr/share/src"] == b"from the source\n"


def _batch(place: Place, *arguments: str) -> Done:
    return place.run(place.aports, "batch", "--no-deps-install", *arguments, module="abuildpy.cli.umbrella")


def test_a_batch_with_a_cluster_of_its_own(place: Place) -> None:
    """Workers on this machine; at the end nothing runs any more, and no secret is left."""
    place.recipe(PACKAGE, name="good")
    place.recipe(PACKAGE, name="after", makedepends="good")
    place.recipe("build() { false; }\n" + PACKAGE, name="bad")
    report = place.base / "report.json"
    done = _batch(place, "--executor", "dask", "--jobs", "2", "--report", str(report), "main")
    assert done.status == 1, str(done)
    found = {each["name"]: each["status"] for each in json.loads(report.read_text())["packages"]}
    assert found == {"main/good": "built", "main/after": "built", "main/bad": "failed"}, str(done)
    assert sorted(place.index()) == ["after", "good"]
    files = [str(place.repository() / f"{name}-1.0-r0.apk") for name in ("good", "after")]
    words = ("--keys-dir", str(place.public.parent), "--require", "all")
    verified = place.run(None, "verify", *words, *files, module="abuildpy.cli.umbrella")
    assert verified.status == 0, str(verified)
    assert verified.out.count(f"provenance by {place.public.name}, of a build on another machine") == 2, str(verified)
    assert read_buildinfo(place.repository() / "good-1.0-r0.buildinfo.json").claimed_by != ""
    keys = {place.public.name: place.public.read_bytes()}
    assert apkfile.is_signed_by(Package.read(place.repository() / "after-1.0-r0.apk").apk, keys)
    wait_for(lambda: processes_with(str(place.base)) == [], "the end of all processes")
    assert not [
        path
        for path in place.repodest.rglob("*")
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()[:40] and path.name != "worker.rsa"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_that_is_ended_leaves_nothing(place: Place, number: signal.Signals) -> None:
    """Neither builds nor workers, client or scheduler; and who is only interrupted hears of no accident."""
    place.recipe(FOREVER + PACKAGE)
    words = ("batch", "--no-deps-install", "--executor", "dask", "--jobs", "2", "main")
    process = place.start(place.aports, *words, module="abuildpy.cli.umbrella", stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(processes_with(MARK)) >= 3, "the build")
    finally:
        process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if number == signal.SIGINT else -number), err
    wait_for(lambda: processes_with(MARK) + processes_with(str(place.base)) == [], "the end of all processes")
    if number == signal.SIGINT:
        assert b"is gone" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "dask", "--scheduler", "10.0.0.1:8786", "--store", "file:///x"), "is beyond this machine"),
        (("--executor", "dask", "--scheduler", "127.0.0.1:8786"), "--scheduler needs --store"),
        (("--executor", "dask", "--scheduler", "127.0.0.1:8786", "--store", "memory://x"), "nobody else sees"),
        (("--store", "file:///x"), "--store is of no use without --executor dask"),
        (("--tls-ca", "x"), "--tls-ca is of no use without --executor dask"),
    ],
)
def test_clusters_that_will_not_do(place: Place, words: tuple[str, ...], said: str) -> None:
    place.recipe(PACKAGE)
    done = _batch(place, *words, "main")
    assert done.status == 2, str(done)
    assert said in done.err
    assert "Traceback" not in done.err


def test_workers_that_will_not_do(place: Place) -> None:
    for words, status, said in (
        (("--scheduler", "10.0.0.1:8786", "--store", "file:///x"), 2, "is beyond this machine"),
        (("--scheduler", "127.0.0.1:8786", "--store", "memory://x"), 2, "nobody else sees"),
        (("--scheduler", "127.0.0.1:8786"), 2, "usage:"),
        (("--scheduler", "127.0.0.1:8786", "--store", "file:///x", "--slots", "0"), 2, "--slots takes a number"),
    ):
        done = place.run(place.aports, "worker", *words, module="abuildpy.cli.umbrella")
        assert done.status == status, str(done)
        assert said in done.err
        assert "Traceback" not in done.err


def _begun(made: Cluster, name: str = "foo") -> Work:
    """A build at work that does not end."""
    work = made.work(task_of(made.place.recipe(FOREVER + PACKAGE, name=name)))
    made.executor.start(work)
    wait_for(lambda: len(processes_with(MARK)) >= 3, "the build")
    return work


def test_a_cancelled_build_leaves_no_process(shared: Cluster) -> None:
    """All it started is gone when cancel returns, and the worker has room for the next."""
    work = _begun(shared, "cancelled")
    shared.executor.cancel(work)
    assert processes_with(MARK) == []
    assert shared.executor.wait(0) == []
    assert shared.one(task_of(shared.place.recipe(PACKAGE, name="next"))).outcome.status == "built"


def test_a_deadline_ends_a_build(shared: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker keeps it by itself."""
    monkeypatch.setattr(shared.executor, "_remote", replace(shared.executor._remote, deadline=2))
    _begun(shared, "late")
    done = shared.next()
    assert (done.outcome.status, done.outcome.reason) == ("failed", "timeout")
    assert processes_with(MARK) == []


def test_a_worker_that_is_asked_to_end_gives_its_build_back(place: Place) -> None:
    """Nothing of it runs any more, and another worker builds it."""
    with cluster(place) as made:
        first = made.add("first")
        made.executor.wait_for_workers(60)
        work = _begun(made)
        assert first.stop() == 0
        assert processes_with(MARK) == []
        (Path(work.task.folder) / "APKBUILD").write_text("")  # the order that was given counts
        made.add("second")
        wait_for(lambda: bool(processes_with(MARK)) or bool(made.executor.wait(0)), "the second worker")


def test_a_killed_worker_leaves_no_process(place: Place) -> None:
    """What it was building ends, and is told as lost."""
    with cluster(place) as made:
        machine = made.add("one")
        made.executor.wait_for_workers(60)
        work = _begun(made)
        machine.kill()
        wait_for(lambda: processes_with(MARK) == [], "the end of the build")
        done = made.next()
        assert done.lost
        assert done.work == work


def test_a_batch_that_is_killed_leaves_no_build(place: Place) -> None:
    """Nobody can cancel it any more; the worker finds that out by itself, and is ready for the next batch."""
    others = {*processes_with("abuildpy.batch.remote.client")}
    with cluster(place, apart=True) as made:
        made.add("one")
        made.executor.wait_for_workers(60)
        _begun(made)
        for pid in {*processes_with("abuildpy.batch.remote.client")} - others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: processes_with(MARK) == [], "the end of the build")
        assert made.machines["one"].process.poll() is None
        with pytest.raises(AbuildError, match="client ended"):
            made.next()


def test_a_worker_that_comes_later_builds_too(place: Place) -> None:
    """Where nobody says how many packages at once."""
    with cluster(place, apart=True) as made:
        made.add("one")
        made.executor.wait_for_workers(60)
        for name in ("a", "b"):
            place.recipe(FOREVER + PACKAGE, name=name)
        folder = made.told.parent
        (folder / "key").chmod(0o600)
        words = ["--executor", "dask", "--scheduler", made.executor.scheduler, "--store", f"file://{made.store}"]
        words += [f"--tls-{part}={folder / part}" for part in ("ca", "cert", "key")]
        command = ("batch", "--no-deps-install", *words, "main")
        process = place.start(place.aports, *command, module="abuildpy.cli.umbrella", stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: len(processes_with(MARK)) >= 3, "the first build")
            made.add("two")
            wait_for(lambda: len(processes_with(MARK)) >= 6, "the second build")
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert processes_with(MARK) == []


def test_the_scheduler_goes_away(place: Place) -> None:
    """That is told for the whole batch: no build has failed, or been refused, because of it."""
    with cluster(place, apart=True) as made:
        machine = made.add("one")
        made.executor.wait_for_workers(60)
        _begun(made)
        for pid in processes_with(str(made.told)):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(AbuildError, match="the scheduler is gone"):
            made.next()
        wait_for(lambda: processes_with(MARK) == [], "the end of the build")
        assert machine.process.wait(PATIENCE) == 1


def test_the_client_is_without_the_key(shared: Cluster) -> None:
    """The process that speaks Dask sees neither the key nor its folder."""
    client, key = processes_with("abuildpy.batch.remote.client"), shared.place.key
    if "bubblewrap" not in shared.executor._keeper.wall:
        pytest.skip(f"the wall here is {shared.executor._keeper.wall}")
    assert client
    inside = [pid for pid in client if os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")]
    assert inside
    for pid in inside:
        assert not Path(f"/proc/{pid}/root{key}").exists()
        assert str(key).encode() not in Path(f"/proc/{pid}/environ").read_bytes()
