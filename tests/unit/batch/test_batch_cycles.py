# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes that need each other: all are told, broken where something is there, and else stop with their dependants alone."""

from __future__ import annotations

from random import Random

import pytest
from batchkit import entry, existing, node, order, plan, settled, waits


def test_a_cycle_stops_its_members_and_their_dependants_alone() -> None:
    found = plan(
        node("a", makedepends="b"),
        node("b", makedepends="c"),
        node("c", makedepends="a"),
        node("d", makedepends="a e"),
        node("e"),
        node("f", makedepends="d"),
    )
    assert order(found) == ["e"]
    assert settled(found) == {
        "a": "failed cycle",
        "b": "failed cycle",
        "c": "failed cycle",
        "d": "blocked by a",
        "f": "blocked by a",
    }
    (cycle,) = found.cycles
    assert cycle.paths == (("main/a", "main/b", "main/c", "main/a"),)
    assert cycle.stopped == cycle.members == ("main/a", "main/b", "main/c")
    assert [str(need) for need in cycle.needs[0]] == [f"makedepends {name} of main/{name}" for name in "bca"]
    assert "main/a -> main/b -> main/c -> main/a" in str(found.settled[0].error)


def test_several_cycles_are_all_told() -> None:
    found = plan(*(node(a, makedepends=b) for a, b in ("ab", "ba", "cd", "dc", "ec")))
    assert [cycle.members for cycle in found.cycles] == [("main/a", "main/b"), ("main/c", "main/d")]


def test_every_member_is_on_a_path() -> None:
    found = plan(
        node("a", makedepends="b c"), node("b", makedepends="a"), node("c", makedepends="d"), node("d", makedepends="a")
    )
    (cycle,) = found.cycles
    assert cycle.paths == (("main/a", "main/b", "main/a"), ("main/c", "main/d", "main/a", "main/c"))


def test_a_package_that_is_there_breaks_a_cycle() -> None:
    nodes = (node("a", makedepends="b>=0.5"), node("b", makedepends="a"))
    found = plan(*nodes, there=existing(entry("b", "0.9-r0", origin="b")))
    assert order(found) == ["a", "b"]
    (cycle,) = found.cycles
    assert (cycle.is_broken, [name for name, _ in cycle.broken]) == (True, ["main/a"])
    assert [need.wanted for need in found.by_name["main/a"].met] == ["b>=0.5"]


def test_a_package_that_is_there_but_too_old_does_not() -> None:
    nodes = (node("a", makedepends="b>=1"), node("b", makedepends="a>=1"))
    found = plan(*nodes, there=existing(entry("b", "0.9-r0"), entry("a", "0.9-r0")))
    assert settled(found) == {"a": "failed cycle", "b": "failed cycle"}


def test_all_that_goes_one_way_has_to_be_there() -> None:
    nodes = (node("a", makedepends="b b-dev"), node("b", makedepends="a", subpackages="b-dev"))
    assert order(plan(*nodes, there=existing(entry("b")))) == []
    assert order(plan(*nodes, there=existing(entry("b"), entry("b-dev")))) == ["a", "b"]


def test_tests_are_given_up_first() -> None:
    nodes = (node("a", makedepends="b"), node("b", checkdepends="c"), node("c", makedepends="a"))
    found = plan(*nodes, there=existing(entry("a"), entry("b"), entry("c")))
    assert order(found) == ["b", "a", "c"]
    assert [(name, need.on) for name, need in found.cycles[0].broken] == [("main/b", "main/c")]


def test_only_as_much_as_has_to_be_is_broken() -> None:
    nodes = (
        node("a", makedepends="b"),
        node("b", makedepends="a d"),
        node("d", makedepends="e"),
        node("e", makedepends="d"),
    )
    found = plan(*nodes, there=existing(*(entry(name) for name in "abde")))
    assert [len(cycle.broken) for cycle in found.cycles] == [1, 1]
    assert "d" in waits(found, "b")


def test_a_part_that_cannot_be_broken_stops_and_the_rest_is_built() -> None:
    nodes = (
        node("x", makedepends="y z"),
        node("y", makedepends="x"),
        node("z", makedepends="x"),
    )
    found = plan(*nodes, there=existing(entry("x", "0.1-r0")))
    assert order(found) == ["y", "z", "x"]
    found = plan(*nodes, there=existing(entry("z", "0.1-r0")))
    assert settled(found) == {"x": "failed cycle", "y": "failed cycle", "z": "blocked by x"}


def test_what_the_destination_has_need_not_be_of_the_recipe() -> None:
    nodes = (node("a", makedepends="virtual"), node("b", makedepends="a", provides="virtual"))
    assert order(plan(*nodes, there=existing(entry("other", provides="virtual")))) == ["a", "b"]


def test_a_large_ring() -> None:
    nodes = [node(f"p{number}", makedepends=f"p{(number + 1) % 3000}") for number in range(3000)]
    found = plan(*nodes)
    assert len(found.cycles[0].paths[0]) == 3001
    assert len(found.settled) == 3000


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    """Where everything is there, all is built; where nothing is, what stops are the members of cycles and what needs them."""
    random = Random(seed)
    names = [f"p{n}" for n in range(30)]
    wanted = {name: {other for other in names if other != name and random.random() < 0.05} for name in names}
    nodes = [node(name, makedepends=" ".join(sorted(others))) for name, others in wanted.items()]
    reach = {name: set(others) for name, others in wanted.items()}
    for _ in names:
        for name in names:
            reach[name] |= {far for near in reach[name] for far in reach[near]}
    in_cycle = {name for name in names if name in reach[name]}
    found = plan(*nodes)
    said = settled(found)
    assert {name for name, text in said.items() if text == "failed cycle"} == in_cycle
    assert {name for name, text in said.items() if text.startswith("blocked")} == {
        name for name in names if name not in in_cycle and reach[name] & in_cycle
    }
    assert {name for cycle in found.cycles for name in cycle.members} == {f"main/{name}" for name in in_cycle}
    whole = plan(*nodes, there=existing(*map(entry, names)))
    assert len(whole.tasks) == 30
    waited = {(task.name, on) for task in whole.tasks for on in task.waits_for}
    broken = {(name, need.on) for cycle in whole.cycles for name, need in cycle.broken}
    assert waited | broken == {(f"main/{name}", f"main/{other}") for name in names for other in wanted[name]}
