# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders and circles, of small graphs with known answers, of long ones, and of many that are drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from aportkit import aport, chain, database, graph, ring, wanting

from abuildpy.aports.database import Database
from abuildpy.aports.order import (
    build_order,
    circles,
    edges_between,
    recursive_dependencies,
    recursive_dependents,
    shortest_circle,
    wanted_aports,
)

LONG = 20_000
"""More than Python lets functions call each other."""


def ordered(known: Database, *names: str) -> list[str]:
    return [each.pkgname for each in build_order(known, names)]


def groups(known: Database) -> list[list[str]]:
    return [[folder.rpartition("/")[2] for folder in group] for group in circles(edges_between(known))]


# --- dependencies -------------------------------------------------------------------------------------------------------


def test_each_dependency_comes_after_its_own() -> None:
    known = wanting(app="lib tool", lib="base", tool="base lib", base="", other="app")
    assert list(recursive_dependencies(known, "app")) == ["base", "lib", "tool", "app"]


def test_names_of_nothing_are_left_out() -> None:
    known = wanting(app="missing lib", lib="")
    assert list(recursive_dependencies(known, "app")) == ["lib", "app"]
    assert list(recursive_dependencies(known, "missing")) == []


def test_dependencies_of_a_subpackage_are_those_of_its_aport() -> None:
    known = database(
        aport("app", depends="lib-dev"), aport("lib", subpackages="lib-dev", depends="base"), aport("base")
    )
    assert list(recursive_dependencies(known, "app")) == ["base", "lib-dev", "app"]


def test_every_provider_counts_after_those_of_the_name() -> None:
    known = database(
        aport("app", depends="virtual"),
        aport("one", provides="virtual", depends="two"),
        aport("two"),
        aport("virtual", depends="three"),
        aport("three"),
    )
    assert list(recursive_dependencies(known, "app")) == ["three", "two", "virtual", "app"]


def test_circle_of_dependencies_ends() -> None:
    known = wanting(a="b", b="c", c="a")
    assert list(recursive_dependencies(known, "b")) == ["a", "c", "b"]


def test_long_chain_of_dependencies() -> None:
    assert list(recursive_dependencies(chain(LONG), "p0")) == [f"p{number}" for number in reversed(range(LONG))]


# --- dependents ---------------------------------------------------------------------------------------------------------


def test_dependents_bring_all_their_packages() -> None:
    known = database(
        aport("lib"),
        aport("app", subpackages="app-doc app-dev", depends="lib"),
        aport("end", depends="app-dev"),
    )
    assert list(recursive_dependents(known, "lib")) == ["app-doc", "end", "app-dev", "app", "lib"]


def test_dependents_of_what_no_aport_makes() -> None:
    known = database(aport("one", provides="virtual"), aport("two", depends="virtual missing"))
    assert list(recursive_dependents(known, "virtual")) == []
    assert list(recursive_dependents(known, "missing")) == []


def test_long_chain_of_dependents() -> None:
    assert next(recursive_dependents(chain(LONG), f"p{LONG - 1}")) == "p0"


# --- build order --------------------------------------------------------------------------------------------------------


def test_build_order_leaves_out_what_was_not_asked_for() -> None:
    known = wanting(app="lib", lib="base", base="")
    assert ordered(known, "app", "base") == ["base", "app"]


def test_build_order_is_that_of_the_names_where_nothing_decides() -> None:
    known = wanting(a="", b="", c="b")
    assert ordered(known, "c", "a", "b") == ["b", "c", "a"]
    assert ordered(known, "a", "c", "b") == ["a", "b", "c"]


def test_build_order_names_an_aport_once() -> None:
    known = database(aport("lib", subpackages="lib-dev"), aport("app", depends="lib-dev lib"))
    assert ordered(known, "lib-dev", "app", "lib", "app") == ["lib", "app"]


def test_provider_is_built_before_what_wants_its_name() -> None:
    known = database(aport("app", depends="cmd:tool"), aport("tool", provides="cmd:tool"))
    assert ordered(known, "app", "tool") == ["tool", "app"]


def test_aports_with_the_same_name_are_both_built() -> None:
    known = database(aport("app", depends="lib"), aport("lib"), aport("lib", "/aports/testing/lib"))
    assert [each.folder for each in build_order(known, ["app", "lib"])] == [
        *("/aports/main/lib", "/aports/testing/lib", "/aports/main/app"),
    ]


def test_provided_names_put_others_in_order_without_being_built() -> None:
    known = database(aport("one"), aport("two"), aport("three", provides="virtual", depends="two"))
    assert ordered(known, "virtual", "one", "two") == ["two", "one"]


def test_long_chain_is_built_from_its_end() -> None:
    names = [f"p{number}" for number in range(LONG)]
    assert ordered(chain(LONG), *names) == names[::-1]


@pytest.mark.parametrize("seed", range(60))
def test_drawn_build_orders(seed: int) -> None:
    """Nothing comes before what it wants unless that wants it too, and looking again for each name changes nothing."""
    chance = random.Random(seed)
    names = [f"p{number}" for number in range(chance.randint(2, 25))]
    known = graph({name: " ".join(chance.choices(names, k=chance.randint(0, 2))) for name in names})
    asked = chance.sample(names, chance.randint(1, len(names)))
    found = ordered(known, *asked)
    assert sorted(found) == sorted(asked)
    for name in found:
        for later in found[found.index(name) + 1 :]:
            assert later not in known.by_name[name][0].dependencies or name in reached(known, later)
    afresh = [each for name in asked for each in recursive_dependencies(known, name) if each in asked]
    assert found == list(dict.fromkeys(afresh))


def reached(known: Database, name: str) -> set[str]:
    """What an aport wants, over any number of others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(known.by_name[waiting.pop()][0].dependencies) - found
        found |= new
        waiting += new
    return found


# --- circles ------------------------------------------------------------------------------------------------------------


def test_wanted_aports_are_others_and_each_once() -> None:
    one = aport("one", subpackages="one-dev", depends="two-dev one-dev two missing virtual")
    known = database(one, aport("two", subpackages="two-dev", provides="virtual"), aport("six", provides="virtual"))
    assert wanted_aports(known, one) == ["/aports/main/two", "/aports/main/six"]


def test_circles_are_sorted() -> None:
    known = wanting(d="c", c="d", z="a", b="a", a="b", alone="alone a")
    assert groups(known) == [["a", "b"], ["c", "d"]]


def test_circle_through_subpackage_and_provided_name() -> None:
    known = database(
        aport("a", subpackages="a-dev", depends="cmd:b"), aport("b", provides="cmd:b", makedepends="a-dev")
    )
    assert groups(known) == [["a", "b"]]


def test_circles_that_roots_lead_to() -> None:
    known = wanting(a="b", b="a", c="d", d="c", root="x", x="a")
    assert list(edges_between(known, known.by_name["root"])) == [
        f"/aports/main/{name}" for name in ("root", "x", "a", "b")
    ]


def test_long_circle() -> None:
    (group,) = groups(ring(LONG))
    assert len(group) == LONG


@pytest.mark.parametrize("seed", range(60))
def test_drawn_circles(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"p{number:02}" for number in range(chance.randint(2, 20))]
    known = graph({name: " ".join(chance.choices(names, k=chance.randint(0, 2))) for name in names})
    together = {
        name: sorted(n for n in names if n in reached(known, name) and name in reached(known, n)) for name in names
    }
    assert groups(known) == sorted(
        list(group) for group in {tuple(each) for each in together.values() if len(each) > 1}
    )


def way_around(edges: dict[str, list[str]]) -> Sequence[str]:
    (group,) = circles(edges)
    return shortest_circle(edges, group)


def test_shortest_circle() -> None:
    edges = {"a": ["b", "c"], "b": ["c"], "c": ["d", "a"], "d": ["e"], "e": ["f"], "f": ["a"]}
    assert way_around(edges) == ["a", "c", "a"]


def test_of_ways_as_short_the_first_is_taken() -> None:
    edges = {"a": ["c", "b"], "b": ["a"], "c": ["a"]}
    assert way_around(edges) == ["a", "c", "a"]


def test_way_stays_inside_the_group() -> None:
    edges = {"a": ["out", "b"], "b": ["c"], "c": ["a"], "out": []}
    assert way_around(edges) == ["a", "b", "c", "a"]


def test_no_circle() -> None:
    with pytest.raises(ValueError, match="no circle among a, b"):
        shortest_circle({"a": ["b"], "b": []}, ["a", "b"])
