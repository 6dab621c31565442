# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from batchkit import VARIABLES, evaluate, write_recipe
from stagingkit import ARCH, Log, Yard

from abuildpy.batch.dependants import Dependants
from abuildpy.batch.existing import Existing
from abuildpy.batch.gate import GateError
from abuildpy.batch.model import Loss, Outcome, Plan, Task, Why
from abuildpy.batch.planning import Wishes, make_plan
from abuildpy.batch.recipes import Recipes
from abuildpy.batch.targets import Tree


def planned(recipes: Recipes, why: Mapping[str, Sequence[Why]]) -> Plan:
    return make_plan(recipes, VARIABLES, Existing(), wishes=Wishes(why))


@pytest.fixture
def aports(tmp_path: Path) -> Path:
    return tmp_path / "aports"


@pytest.fixture
def dependants(aports: Path) -> Dependants:
    return Dependants(Tree(str(aports), evaluate), ARCH, planned, Log())


def loss(recipe: str, wanted: str = "so:liba.so.1") -> Loss:
    return Loss(f"{recipe}-1.0-r0", recipe, wanted, ("main/lib-2-r0",), ("main/lib-1-r0",))


def release(folder: Path) -> str:
    return next(line for line in (folder / "APKBUILD").read_text().splitlines() if line.startswith("pkgrel="))


def test_pkgrel_is_raised_and_the_order_is_right(aports: Path, dependants: Dependants) -> None:
    app = write_recipe(aports / "community/app", makedepends="zlib")
    other = write_recipe(aports / "main/zlib")
    plan = dependants(
        [loss("community/app"), loss("main/zlib"), loss("main/zlib", "pc:a")],
        {"community/app": "1.0-r0", "main/zlib": "1.0-r3"},
    )
    assert [(task.name, task.version) for task in plan.tasks] == [("main/zlib", "1.0-r4"), ("community/app", "1.0-r1")]
    assert plan.tasks[0].why == (Why("rebuild", "so:liba.so.1"), Why("rebuild", "pc:a"))
    assert (release(app), release(other)) == ("pkgrel=1", "pkgrel=4")


def test_a_version_that_nobody_has_yet_is_good_enough(aports: Path, dependants: Dependants) -> None:
    app = write_recipe(aports / "main/app", pkgver="1.1")
    assert [task.version for task in dependants([loss("main/app")], {"main/app": "1.0-r5"}).tasks] == ["1.1-r0"]
    assert release(app) == "pkgrel=0"


def test_a_folder_with_another_name(aports: Path, dependants: Dependants) -> None:
    write_recipe(aports / "main/app1", pkgname="app")
    plan = dependants([loss("main/app")], {"main/app": "1.0-r0"})
    assert [(task.name, task.version, len(task.why)) for task in plan.tasks] == [("main/app1", "1.0-r1", 1)]


@pytest.mark.parametrize(("there", "version"), [("1.0-r3", "1.0-r4"), ("1.0-r0", "1.0-r1"), ("0.9-r7", "1.0-r0")])
def test_it_is_higher_than_what_there_is(aports: Path, dependants: Dependants, there: str, version: str) -> None:
    write_recipe(aports / "main/app")
    assert [task.version for task in dependants([loss("main/app")], {"main/app": there}).tasks] == [version]


def test_what_does_not_help(aports: Path, dependants: Dependants) -> None:
    write_recipe(aports / "main/app")
    write_recipe(aports / "main/far", arch="s390x")
    write_recipe(aports / "main/old", pkgver="0.9")
    (write_recipe(aports / "main/ruin") / "APKBUILD").write_text("broken\n")
    known = {"main/old": "1.0-r0"}
    for name, words in (
        ("main/none", "main/none cannot be rebuilt"),
        ("main/far", "main/far is not built for x86_64"),
        ("main/ruin", "main/ruin cannot be read"),
        ("main/old", "main/old still has version 0.9-r1, and there is 1.0-r0"),
    ):
        with pytest.raises(GateError, match=words) as error:
            dependants([loss(name)], known)
        assert error.value.recipes == (name,)
        assert error.value.hint
    left = Loss("main/app-doc-1.0-r0", "main/app", "cmd:a", (), (), left_over=True)
    with pytest.raises(GateError, match=r"main/app does not make main/app-doc-1\.0-r0 any more") as error:
        dependants([left], {})
    assert error.value.hint == "delete main/app-doc-1.0-r0.apk from the repository, then run this again"
    with pytest.raises(GateError, match="main/app could not be rebuilt"):
        dependants([loss("main/app")], {}, failed={"main/app"})
    assert dependants([loss("main/app")], {}).tasks
    with pytest.raises(GateError, match="main/app was rebuilt and still needs what is going away"):
        dependants([loss("main/app")], {})


def test_round_after_round_until_nothing_is_lost(tmp_path: Path, aports: Path, dependants: Dependants) -> None:
    """The library takes from the app, whose rebuilt packages take from the tool."""
    yard = Yard(tmp_path)
    write_recipe(aports / "main/app", makedepends="lib")
    write_recipe(aports / "main/tool", makedepends="app")
    yard.publish(
        yard.one("main/lib", "1-r0", "provides = so:liba.so.1=1"),
        yard.one("main/app", "1.0-r0", "depend = so:liba.so.1", "provides = cmd:app=1"),
        yard.one("main/tool", "1.0-r0", "depend = cmd:app"),
    )
    staging = yard.staging()
    staging.accept(yard.one("main/lib", "2-r0", "provides = so:liba.so.2=2"))
    rounds = []
    while True:
        try:
            staging.publish()
            break
        except GateError as error:
            plan = dependants(error.losses, staging.versions(ARCH))
        rounds.append([task.name for task in plan.tasks])
        for task in plan.tasks:
            staging.accept(yard.one(task.name, task.version, "provides = cmd:new=1"))
    assert rounds == [["main/app"], ["main/tool"]]
    assert {"app-1.0-r1.apk", "tool-1.0-r1.apk", "lib-2-r0.apk"} < set(yard.final_index())


def test_a_plan_that_follows_another() -> None:
    def plan(*tasks: tuple[str, str], settled: str = "") -> Plan:
        made = tuple(Task(name, f"/{name}", name, version, ARCH) for name, version in tasks)
        return Plan(made, tuple(Outcome(name, "1", "failed", "cycle") for name in settled.split()), (), ARCH, ("w",))

    both = plan(("a", "1"), ("b", "1"), ("c", "1"), settled="d e").followed_by(
        plan(("b", "2"), ("d", "2"), settled="c")
    )
    assert [(task.name, task.version) for task in both.tasks] == [("a", "1"), ("b", "2"), ("d", "2")]
    assert [outcome.name for outcome in both.settled] == ["e", "c"]
    assert (both.arch, both.warnings) == (ARCH, ("w", "w"))
