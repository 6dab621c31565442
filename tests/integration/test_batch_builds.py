# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy batch`` on generated trees: every outcome as written down beforehand, resumed after any end, nothing left."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import Package, Place, finish, processes_with, wait_for
from treekit import (
    LIMITS,
    PACKAGE,
    Ran,
    Tree,
    busy,
    environment,
    make_tree,
    packages_of,
    read_events,
    run_batch,
    start_batch,
)

from abuildpy.repository import apkfile
from abuildpy.repository.index import read_index

pytest_plugins = ["buildfixtures"]
ALONE = ("--no-deps-install",)


@pytest.fixture(scope="module")
def whole(make_place: object) -> Iterator[tuple[Tree, Ran]]:
    """The whole tree, built once."""
    tree = make_tree(make_place())  # type: ignore[operator]
    with busy(tree):
        yield tree, run_batch(tree.place, *ALONE, *LIMITS, "--jobs=6", ".")


def test_every_outcome_as_written_down(whole: tuple[Tree, Ran]) -> None:
    tree, ran = whole
    assert len(tree.expected) >= 38
    assert ran.results == tree.expected, ran.err
    assert ran.status == 1
    report = ran.events[-1]["report"]
    assert (report["complete"], report["exit_status"], report["jobs"]) == (True, 1, 6)
    assert {each["name"] for each in report["packages"]} == set(tree.expected)


def test_what_outcomes_tell(whole: tuple[Tree, Ran]) -> None:
    _, ran = whole
    for name, outcome in ran.outcomes.items():
        if outcome["attempts"]:
            assert Path(outcome["log"]).is_file(), name
            assert outcome["seconds"] > 0, name
            assert outcome["max_rss"] > 1 << 20, name
    errors = {name.partition("/")[2]: outcome["error"] or "" for name, outcome in ran.outcomes.items()}
    assert errors["f-compile"] == "x.c:3:1: error: expected expression"
    assert errors["f-test"] == "FAIL: basics"
    assert "usr/local" in errors["f-postcheck"]
    assert "it wrote nothing for 8s" in errors["f-output"]
    assert "another build is at work" in errors["busy"]
    assert "chain0-0" not in errors["egg"]
    assert "main/egg -> main/hen -> main/egg" in errors["egg"]
    assert 100 << 20 < ran.outcomes["main/big"]["max_rss"] < 150 << 20


def test_dependencies_are_built_first(whole: tuple[Tree, Ran]) -> None:
    _, ran = whole
    needs = ran.events[-1]["report"]["needs"]
    built = [event["outcome"]["name"] for event in ran.events if event["what"] == "finished"]
    for event in ran.events:
        if event["what"] == "started":
            for need in needs[event["name"]]:
                assert ran.outcomes[need]["status"] == "built"
    place = {name: number for number, name in enumerate(built)}
    assert place["main/chain0-0"] < place["main/chain0-1"] < place["main/chain0-2"]


def test_packages_are_published(whole: tuple[Tree, Ran]) -> None:
    tree, ran = whole
    built = [outcome for outcome in ran.outcomes.values() if outcome["status"] == "built"]
    names = {apk for outcome in built for apk in outcome["apks"]}
    assert set(packages_of(tree.place)) == names
    for repo in ("main", "community"):
        listed = {
            f"{repo}/x86_64/{entry.file_name}"
            for entry in read_index(tree.place.repodest / repo / "x86_64/APKINDEX.tar.gz").entries
        }
        assert listed == {name for name in names if name.startswith(repo)}
    package = Package.read(tree.place.repodest / "main/x86_64/chain0-0-1.0-r0.apk")
    assert apkfile.is_signed_by(package.apk, {tree.place.public.name: tree.place.public.read_bytes()})


def test_phases_are_told(whole: tuple[Tree, Ran]) -> None:
    _, ran = whole
    phases = [event["phase"] for event in ran.events if event["what"] == "phase" and event["name"] == "main/f-output"]
    assert phases[-1] == "build"
    told = {event["phase"] for event in ran.events if event["what"] == "phase"}
    assert told <= {"validate", "dependencies", "fetch", "unpack", "prepare", "build", "check", "package"}


def test_nothing_is_left_running(whole: tuple[Tree, Ran]) -> None:
    tree, _ = whole
    assert processes_with(str(tree.place.base)) == []
    assert list((tree.place.repodest / ".abuildpy-batch/work").glob("*/*")) == []


# --- a second time ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small(place: Place) -> Tree:
    """A chain, a leaf, a failure and who needs it."""
    tree = Tree(place)
    tree.chain("chain", 3)
    tree.add("leaf")
    tree.add("bad", "build() { return 1; }\n", "chain0", status="failed", reason="compile")
    tree.add("after", "", "bad", status="blocked", by=("bad",))
    return tree


def test_nothing_sound_is_built_twice(small: Tree) -> None:
    place = small.place
    assert run_batch(place, *ALONE, ".").results == small.expected
    again = run_batch(place, *ALONE, ".")
    assert again.started == ["main/bad"]
    assert {name: status for name, (status, _, _) in again.results.items()} == {
        **dict.fromkeys(("main/chain0", "main/chain1", "main/chain2", "main/leaf"), "reused"),
        "main/bad": "failed",
        "main/after": "blocked",
    }
    recipe = place.aports / "main/chain1/APKBUILD"
    os.utime(recipe, (1, 1))
    (place.repodest / "main/x86_64/leaf-1.0-r0.apk").write_bytes(b"no package")
    assert sorted(run_batch(place, *ALONE, ".").started) == ["main/bad", "main/leaf"]
    recipe.write_text(recipe.read_text().replace('pkgrel="0"', 'pkgrel="1"'))
    assert sorted(run_batch(place, *ALONE, ".").started) == ["main/bad", "main/chain1", "main/chain2"]


def test_what_failed_the_last_time(small: Tree) -> None:
    place = small.place
    run_batch(place, *ALONE, ".")
    recipe = place.aports / "main/bad/APKBUILD"
    recipe.write_text(recipe.read_text().replace("return 1", "return 0"))
    mended = run_batch(place, *ALONE, "--status=failed")
    assert (mended.status, mended.started) == (0, ["main/bad"])
    assert run_batch(place, *ALONE, "--status=failed").events[0]["tasks"] == []


def test_at_the_first_failure(small: Tree) -> None:
    ran = run_batch(small.place, *ALONE, "--fail-fast", "--jobs=1", "--priority=bad=1", ".")
    assert ran.started == ["main/chain0", "main/bad"]
    assert ran.status == 1
    assert {name for name, (status, _, _) in ran.results.items() if status == "blocked"} == {
        "main/after",
        "main/chain1",
        "main/chain2",
        "main/leaf",
    }


def test_only_bad_luck_is_tried_again(place: Place) -> None:
    tree = Tree(place)
    tree.add("unlucky", source="http://127.0.0.1:9/x.tar.gz", sums=f"{'0' * 128}  x.tar.gz\n")
    tree.add("wrong", "build() { return 1; }\n")
    ran = run_batch(place, *ALONE, "--retry=1", ".")
    assert sorted(ran.started) == ["main/unlucky"] * 2 + ["main/wrong"]
    assert ran.outcomes["main/unlucky"]["attempts"] == 2
    assert ran.outcomes["main/unlucky"]["log"].endswith("unlucky~2.log")


def test_one_batch_at_a_time(small: Tree) -> None:
    place = small.place
    place.recipe("build() { sleep 600; }\n" + PACKAGE, name="slow")
    events = place.base / "first"
    first = start_batch(place, *ALONE, "slow", events=events)
    try:
        wait_for(lambda: any(event["what"] == "started" for event in read_events(events)), "the first batch")
        second = run_batch(place, *ALONE, "leaf")
        assert second.status == 3
        assert f"another batch is at work on {place.repodest} (process {first.pid})" in second.err
    finally:
        first.terminate()
    assert finish(first).status == 130
    assert run_batch(place, *ALONE, "leaf").status == 0


# --- ended on the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(small: Tree, how: signal.Signals) -> None:
    place = small.place
    place.recipe("build() { sleep 600.25; }\n" + PACKAGE, name="slow")
    events = place.base / "first"
    process = start_batch(place, *ALONE, "--jobs=2", ".", events=events)
    wait_for(
        lambda: (
            any(event["what"] == "phase" and event["name"] == "main/slow" for event in read_events(events))
            and any(event["what"] == "finished" for event in read_events(events))
        ),
        "the builds",
    )
    process.send_signal(how)
    done = finish(process)
    assert done.status == 130, str(done)
    report = read_events(events)[-1]["report"]
    assert not report["complete"]
    assert "main/slow" not in {each["name"] for each in report["packages"]}
    assert processes_with("600.25") == []
    log = place.repodest / ".abuildpy-batch/logs/main/slow.log"
    assert "Ended by SIGTERM" in log.read_text()  # asked to end, with time to tidy up
    (place.aports / "main/slow/APKBUILD").unlink()
    ran = run_batch(place, *ALONE, ".")
    before = {each["name"] for each in report["packages"] if each["status"] == "built"}
    assert before
    assert before.isdisjoint(ran.started)
    assert {n: s for n, (s, _, _) in ran.results.items() if s == "failed"} == {"main/bad": "failed"}


def test_what_was_staged_of_other_content_is_not_published(small: Tree) -> None:
    place = small.place
    place.recipe("build() { sleep 600.5; }\n" + PACKAGE, name="slow")
    events = place.base / "first"
    process = start_batch(place, *ALONE, "--jobs=2", "slow", "leaf", "chain0", events=events)
    wait_for(lambda: sum(event["what"] == "finished" for event in read_events(events)) >= 2, "two packages")
    process.terminate()
    assert finish(process).status == 130
    assert packages_of(place) == {}
    recipe = place.aports / "main/leaf/APKBUILD"
    recipe.write_text(recipe.read_text().replace("package() {", "package() { false;"))
    ran = run_batch(place, *ALONE, "leaf", "chain0")
    assert {name: status for name, (status, _, _) in ran.results.items()} == {
        "main/leaf": "failed",
        "main/chain0": "reused",
    }
    assert set(packages_of(place)) == {"main/x86_64/chain0-1.0-r0.apk", "main/x86_64/chain0-doc-1.0-r0.apk"}


@pytest.mark.parametrize("moment", ["started", "phase", "finished"])
def test_killed(small: Tree, moment: str) -> None:
    place, events = small.place, small.place.base / "first"
    process = start_batch(place, *ALONE, "--jobs=2", ".", events=events)
    wait_for(lambda: sum(event["what"] == moment for event in read_events(events)) >= 2, moment)
    process.kill()
    finish(process)
    wait_for(lambda: processes_with(str(place.aports)) == [], "the builds to end", seconds=3)
    sound = {
        e["outcome"]["name"]
        for e in read_events(events)
        if e["what"] == "finished" and e["outcome"]["status"] == "built"
    }
    ran = run_batch(place, *ALONE, ".")
    assert sound.isdisjoint(ran.started)
    assert {name: "built" if s == "reused" else s for name, (s, _, _) in ran.results.items()} == {
        name: status for name, (status, _, _) in small.expected.items()
    }
    assert set(packages_of(place)) == {
        f"main/x86_64/{n}-1.0-r0.apk"
        for n in ("chain0", "chain1", "chain2", "chain0-doc", "chain1-doc", "chain2-doc", "leaf")
    }


def test_builds_end_with_a_batch_that_is_killed(place: Place) -> None:
    place.recipe("build() { sleep 600.125; }\n" + PACKAGE, name="slow")
    process = start_batch(place, *ALONE, ".", events=place.base / "events")
    try:
        wait_for(lambda: processes_with("sleep\x00600.125") != [], "the build")
    finally:
        process.kill()
    finish(process)
    wait_for(lambda: processes_with("600.125") + processes_with(str(place.aports)) == [], "its end", seconds=3)


def test_a_result_that_nobody_took(small: Tree) -> None:
    """Killed between the end of a build and its taking over: the packages are taken, not built again."""
    place = small.place
    run_batch(place, *ALONE, "leaf")
    folder = place.repodest / ".abuildpy-batch"
    (line,) = [
        json.loads(each[9:]) for each in (folder / "journal").read_text().splitlines() if '"outcome","name"' in each
    ]
    (folder / "journal").unlink()
    left = folder / "work/main/leaf"
    (left / "packages/main/x86_64").mkdir(parents=True)
    (place.repodest / "main/x86_64/leaf-1.0-r0.apk").rename(left / "packages/main/x86_64/leaf-1.0-r0.apk")
    outcome = {"status": "built", "apks": ["main/x86_64/leaf-1.0-r0.apk"], "max_rss": 1, "key": line["key"]}
    (left / "outcome.json").write_text(json.dumps(outcome))
    ran = run_batch(place, *ALONE, "leaf")
    assert (ran.started, ran.results["main/leaf"][0]) == ([], "reused")
    assert place.package("leaf", arch="x86_64")


# --- as one by one ---------------------------------------------------------------------------------------------------


def test_packages_are_those_of_abuild(small: Tree) -> None:
    place = small.place
    run_batch(place, *ALONE, "--jobs=4", "chain0", "chain1", "chain2", "leaf", SOURCE_DATE_EPOCH="1700000000")
    batched = packages_of(place)
    alone = place.base / "alone"
    for name in ("chain0", "chain1", "chain2", "leaf"):
        place.build(
            place.aports / "main" / name, env=environment(place, REPODEST=str(alone), SOURCE_DATE_EPOCH="1700000000")
        )
    assert packages_of(place, alone) == batched
    assert len(batched) == 7


def test_without_apk(small: Tree) -> None:
    ran = run_batch(small.place, "leaf")
    assert ran.status == 3
    assert "--no-deps-install" in ran.err


def test_an_ordinary_user(users_place: Place) -> None:
    tree = Tree(users_place)
    tree.chain("chain", 2)
    process = users_place.start(
        users_place.aports, "batch", *ALONE, ".", env=environment(users_place), module="abuildpy.cli.umbrella"
    )
    done = finish(process)
    assert done.status == 0, str(done)
    assert "main/chain1 1.0-r0: built in" in done.err


def test_nothing_to_build(place: Place) -> None:
    tree = Tree(place)
    tree.add("far", arch="s390x", status="skipped", reason="arch")
    (place.home / ".abuild/abuild.conf").write_text("")  # and no key
    ran = run_batch(place, "far", APK="no-such-apk")
    assert (ran.status, ran.results) == (0, tree.expected)
    assert list(place.repodest.iterdir()) == []
    tree.add("ruin", "exit 3\n", status="failed", reason="evaluate")
    ran = run_batch(place, ".")
    assert (ran.status, ran.results) == (3, tree.expected)


def test_without_a_key(place: Place) -> None:
    Tree(place).add("lone")
    (place.home / ".abuild/abuild.conf").write_text("")
    ran = run_batch(place, *ALONE, ".")
    assert (ran.status, ran.started) == (3, [])
    assert "abuild-keygen" in ran.err


# --- how builds are run ----------------------------------------------------------------------------------------------


def test_jobs_are_shared_also_where_the_configuration_sets_them(place: Place) -> None:
    told = 'package() { mkdir -p "$pkgdir"/usr/share/x; echo $JOBS $MAKEFLAGS $SAMUFLAGS > "$pkgdir"/usr/share/x/$pkgname; }\n'
    for name in ("one", "two"):
        place.recipe("build() { sleep 1; }\n" + told, name=name)
    config = place.home / ".abuild/abuild.conf"
    config.write_text(config.read_text() + 'export JOBS=7\nexport MAKEFLAGS="-j$JOBS"\nexport SAMUFLAGS="-l3"\n')
    assert run_batch(place, *ALONE, "--jobs=2", ".").status == 0
    for name in ("one", "two"):
        content = place.package(name, arch="x86_64").contents[f"usr/share/x/{name}"]
        assert content.split()[0] in (b"3", b"4")
        assert content.split()[1:] == [b"-j" + content.split()[0], b"-l3"]


def test_a_build_whose_process_is_killed(place: Place) -> None:
    place.recipe("build() { sleep 600.75; }\n" + PACKAGE, name="slow")
    place.recipe(PACKAGE, name="fast")
    events = place.base / "events"
    process = start_batch(place, *ALONE, "--jobs=2", ".", events=events)
    try:
        wait_for(lambda: bool(processes_with("sleep\x00600.75")), "the build")
        folder = place.aports / "main/slow"
        builds = processes_with("abuildpy.cli.build_task")
        (builder,) = [pid for pid in builds if Path(f"/proc/{pid}/cwd").readlink() == folder]
        os.kill(builder, signal.SIGKILL)
    except BaseException:
        process.terminate()
        raise
    assert finish(process).status == 1
    outcomes = {e["name"]: e["outcome"] for e in read_events(events) if e["what"] == "finished"}
    assert outcomes["main/fast"]["status"] == "built"
    assert outcomes["main/slow"]["reason"] == "internal"
    assert outcomes["main/slow"]["error"] == "the process that built it was ended by SIGKILL"
    wait_for(lambda: processes_with("600.75") == [], "the end of what it started", seconds=3)


def test_modules_in_the_folder_of_a_recipe_are_not_loaded(place: Place) -> None:
    trap = "open('/var/tmp/abuildpy-trapped', 'w')\n"
    modules = {"json.py": trap, "abuildpy.py": trap, "sitecustomize.py": trap}
    folder = place.recipe(PACKAGE, name="trap", extra=modules)
    for name, text in modules.items():
        (place.aports / name).write_text(text)
    done = run_batch(place, *ALONE, str(folder))
    assert done.results["main/trap"][0] == "built"
    assert not Path("/var/tmp/abuildpy-trapped").exists()


def test_a_recipe_is_never_run_as_root(place: Place) -> None:
    whoami = 'package() { mkdir -p "$pkgdir"/usr/share/x; cp "$srcdir"/id "$pkgdir"/usr/share/x/; }\n'
    place.recipe('build() { id -u > "$srcdir"/id; }\n' + whoami, name="who")
    assert run_batch(place, *ALONE, ".").status == 0
    assert int(place.package("who", arch="x86_64").contents["usr/share/x/id"]) != 0


def test_recipes_of_a_batch_get_a_clean_environment(small: Tree) -> None:
    place = small.place
    place.recipe('package() { [ -z "$OF_THE_CALLER" ] && mkdir -p "$pkgdir"/usr; }', name="clean", options="!check")
    ran = run_batch(place, *ALONE, "main/clean", OF_THE_CALLER="yes")
    assert ran.outcomes["main/clean"]["status"] == "built", ran.err


def test_the_least_wall_that_a_batch_demands(small: Tree) -> None:
    small.place.recipe('package() { mkdir -p "$pkgdir"/usr; }', name="walled", options="!check")
    ran = run_batch(small.place, *ALONE, "--require-sandbox=landlock", "main/walled")
    assert ran.outcomes["main/walled"]["status"] == "built", ran.err
