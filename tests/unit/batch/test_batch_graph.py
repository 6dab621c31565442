# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom, and by which need."""

from __future__ import annotations

from random import Random

import pytest
from batchkit import VARIABLES, entry, existing, node, order, plan, repository, settled, waits

from abuildpy.batch.model import Need


def needs(found: object, name: str) -> list[str]:
    return [str(need) for task in found.tasks if task.name == f"main/{name}" for need in task.needs]  # type: ignore[attr-defined]


def test_a_chain_of_makedepends() -> None:
    found = plan(
        node("a", makedepends="b-dev"), node("b", makedepends="c", subpackages="b-dev b-doc:doc:noarch"), node("c")
    )
    assert order(found) == ["c", "b", "a"]
    assert needs(found, "a") == ["makedepends b-dev of main/b"]


def test_a_long_chain() -> None:
    nodes = [node(f"p{number}", makedepends=f"p{number + 1}") for number in range(5000)]
    assert order(plan(*nodes)) == [f"p{number}" for number in reversed(range(5000))]


def test_what_is_wanted_for_tests_and_at_run_time() -> None:
    found = plan(node("a", checkdepends="b", depends="c"), node("b"), node("c"))
    assert needs(found, "a") == ["checkdepends b of main/b", "depends c of main/c"]


@pytest.mark.parametrize("options", ["!check", "net a::!check"])
def test_without_tests_nothing_is_wanted_for_them(options: str) -> None:
    assert waits(plan(node("a", checkdepends="b", options=options), node("b")), "a") == []


def test_the_parts_of_makedepends_count_where_there_is_no_whole() -> None:
    parts = {"makedepends_build": "b", "makedepends_host": "c"}
    assert waits(plan(node("a", **parts), node("b"), node("c")), "a") == ["b", "c"]
    assert waits(plan(node("a", makedepends="c", **parts), node("b"), node("c")), "a") == ["c"]


def test_a_cross_build_wants_the_parts_alone() -> None:
    cross = {**VARIABLES, "CHOST": "aarch64-alpine-linux-musl", "CARCH": "aarch64"}
    a = node("a", makedepends="d", makedepends_build="b", makedepends_host="c", checkdepends="d", depends="d")
    assert waits(plan(a, node("b"), node("c"), node("d"), variables=cross), "a") == ["b", "c"]


def test_versions() -> None:
    a = node("a", makedepends="b>=2 c<1 d~1.4 e=1.0-r0")
    others = [node("b", pkgver="2.1"), node("c"), node("d", pkgver="1.4.7"), node("e")]
    found = plan(a, *others)
    assert waits(found, "a") == ["b", "d", "e"]
    assert found.by_name["main/a"].missing == ("c<1",)


def test_a_version_that_only_an_older_package_has() -> None:
    found = plan(
        node("a", makedepends="b<2"), node("b", pkgver="2.1"), there=existing(entry("b", "1.9-r0"), complete=True)
    )
    assert waits(found, "a") == []
    assert settled(found) == {}


def test_conflicts_are_no_needs() -> None:
    found = plan(node("a", makedepends="!b !c>=1"), node("b"))
    assert (waits(found, "a"), found.by_name["main/a"].missing) == ([], ())


def test_own_packages_are_no_needs() -> None:
    found = plan(node("a", makedepends="a-dev a", subpackages="a-dev"))
    assert (waits(found, "a"), found.tasks[0].met, found.tasks[0].missing) == ([], (), ())


def test_a_provided_name() -> None:
    found = plan(
        node("a", makedepends="virtual>=3"), node("b", provides="virtual=3.1"), node("c", provides="virtual=2")
    )
    assert waits(found, "a") == ["b"]
    assert needs(found, "a") == ["makedepends virtual>=3 -> b of main/b"]


def test_a_virtual_goes_by_priority_then_by_name() -> None:
    a = node("a", makedepends="virtual")
    low, high = node("b", provides="virtual"), node("c", provides="virtual", provider_priority="10")
    assert waits(plan(a, low, high), "a") == ["c"]
    assert waits(plan(a, node("d", provides="virtual"), low), "a") == ["b"]


def test_a_package_of_the_name_is_taken_before_a_virtual() -> None:
    found = plan(
        node("a", makedepends="virtual"), node("b", provides="virtual", provider_priority="100"), node("virtual")
    )
    assert waits(found, "a") == ["virtual"]


def test_the_highest_version_is_taken_as_apk_does() -> None:
    found = plan(node("a", makedepends="b"), node("b", pkgver="1"), node("c", provides="b=2"))
    assert waits(found, "a") == ["c"]


def test_of_equal_versions_the_priority_decides_as_apk_does() -> None:
    named, other = node("virtual"), node("z", provides="virtual=1.0-r0", provider_priority="9")
    assert waits(plan(node("a", makedepends="virtual"), named, other), "a") == ["z"]


def test_the_order_of_repositories_decides_about_equals() -> None:
    main, community = repository("main", "main"), repository("community", "main", "community")
    virtuals = (node("community/b", community, provides="virtual"), node("main/z", main, provides="virtual"))
    a = node("community/a", community, makedepends="virtual")
    assert waits(plan(a, *virtuals), "community/a") == ["z"]


def test_without_any_order_the_own_repository_is_first_then_the_one_given_first() -> None:
    virtuals = (node("community/b", provides="virtual"), node("testing/c", provides="virtual"))
    assert waits(plan(*virtuals, node("testing/a", makedepends="virtual")), "testing/a") == ["testing/c"]
    assert waits(plan(node("main/a", makedepends="virtual"), *reversed(virtuals)), "a") == ["testing/c"]


def test_main_need_not_look_into_community() -> None:
    main, community = repository("main", "main"), repository("community", "main", "community")
    a = node("main/a", main, makedepends="virtual")
    seen, hidden = node("main/z", main, provides="virtual"), node("community/b", community, provides="virtual=9")
    assert waits(plan(a, seen, hidden), "a") == ["z"]
    found = plan(a, hidden)
    assert waits(found, "a") == ["community/b"]
    assert found.tasks[1].needs[0].hidden
    assert "main/.rootbld-repositories does not name community" in found.warnings[0]


def test_two_recipes_of_one_name_in_two_repositories() -> None:
    main, testing = repository("main", "main"), repository("testing", "main", "testing")
    older, newer = node("main/b", main), node("testing/b", testing, pkgver="2")
    assert waits(plan(node("testing/a", testing, makedepends="b"), older, newer), "testing/a") == ["testing/b"]
    assert waits(plan(node("main/a", main, makedepends="b"), older, newer), "a") == ["b"]


def test_self_provision() -> None:
    alone = plan(node("a", makedepends="a-bootstrap", provides="a-bootstrap=1"))
    assert (waits(alone, "a"), alone.tasks[0].missing) == ([], ("a-bootstrap",))
    assert alone.tasks[0].met == (Need("main/a", "a-bootstrap", "a", "makedepends"),)


def test_self_provision_is_served_by_the_package_that_is_there() -> None:
    there = existing(entry("a", "0.9-r0", origin="a", provides="a-bootstrap=0.9"), complete=True)
    others = node("gcc-a", provides="a-bootstrap")
    found = plan(node("a", makedepends="a-bootstrap", provides="a-bootstrap=1"), others, there=there)
    assert (waits(found, "a"), len(found.by_name["main/a"].met)) == ([], 1)


def test_self_provision_falls_to_another_provider() -> None:
    found = plan(node("a", makedepends="a-bootstrap", provides="a-bootstrap=1"), node("gcc-a", provides="a-bootstrap"))
    assert waits(found, "a") == ["gcc-a"]


def test_what_dev_packages_depend_on_has_to_be_there() -> None:
    found = plan(
        node("a", makedepends="b-dev"),
        node("b", subpackages="b-dev", depends_dev="c-dev"),
        node("c", subpackages="c-dev", depends_dev="d"),
        node("d"),
    )
    assert waits(found, "b") == []
    assert needs(found, "a") == [
        "makedepends b-dev of main/b",
        "installed c-dev of main/c (by way of b-dev)",
        "installed d of main/d (by way of b-dev -> c-dev)",
    ]


def test_what_is_asked_for_by_name_keeps_that_reason() -> None:
    nodes = (node("b", subpackages="b-dev", depends_dev="c-dev"), node("c", subpackages="c-dev"))
    found = plan(node("a", makedepends="c b-dev"), *nodes)
    assert needs(found, "a") == ["makedepends c of main/c", "makedepends b-dev of main/b"]


def test_what_the_maker_waits_for_is_not_waited_for_twice() -> None:
    found = plan(
        node("a", makedepends="b-dev"),
        node("b", makedepends="c-dev", subpackages="b-dev", depends_dev="c-dev"),
        node("c", subpackages="c-dev"),
    )
    assert waits(found, "a") == ["b"]


def test_dev_packages_may_depend_on_each_other() -> None:
    found = plan(
        node("a", makedepends="b-dev"),
        node("b", subpackages="b-dev", depends_dev="c-dev"),
        node("c", subpackages="c-dev", depends_dev="b-dev"),
    )
    assert waits(found, "a") == ["b", "c"]
    assert found.cycles == ()


def test_names_that_packages_got_when_they_were_built() -> None:
    there = existing(entry("b-libs", origin="b", provides="so:libb.so.1=1.2 cmd:b=1 pc:b=1"))
    found = plan(node("a", makedepends="so:libb.so.1 cmd:b pc:b>=1"), node("b", subpackages="b-libs"), there=there)
    assert needs(found, "a")[0] == "makedepends so:libb.so.1 -> b-libs of main/b"
    assert waits(found, "a") == ["b"]


def test_names_that_packages_got_count_not_if_another_recipe_has_them_too() -> None:
    there = existing(entry("b", origin="b", provides="cmd:x=1"), entry("z", origin="z", provides="cmd:x=1"))
    assert waits(plan(node("a", makedepends="cmd:x"), node("b"), there=there), "a") == []


def test_a_package_that_is_no_longer_made_gives_no_names() -> None:
    there = existing(entry("b-old", origin="b", provides="cmd:x=1"))
    assert waits(plan(node("a", makedepends="cmd:x"), node("b"), there=there), "a") == []


def test_words_that_are_no_dependencies() -> None:
    assert plan(node("a", makedepends="b<>=1 =2"), node("b")).by_name["main/a"].missing == ("b<>=1", "=2")


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_against_plain_reachability(seed: int) -> None:
    random = Random(seed)
    wanted = {f"p{n}": [f"p{m}" for m in range(40) if m > n and random.random() < 0.1] for n in range(40)}
    nodes = [node(name, makedepends=" ".join(others)) for name, others in wanted.items()]
    random.shuffle(nodes)
    found = plan(*nodes)
    assert len(found.tasks) == 40
    assert {name: sorted(waits(found, name)) for name in wanted} == {name: sorted(o) for name, o in wanted.items()}
