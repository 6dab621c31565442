# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan holds beside its order: who is skipped or cannot be built and why, who is added, priorities and keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from batchkit import VARIABLES, entry, existing, node, order, plan, repository, settled, unread, waits, write_recipe

from abuildpy.batch.existing import Existing
from abuildpy.batch.model import Past, Why
from abuildpy.batch.planning import Wishes, make_plan
from abuildpy.batch.recipes import Recipes, read_recipes
from abuildpy.recipe.answer import Answer, Fresh


def test_other_architectures_are_skipped() -> None:
    found = plan(
        node("a", arch="aarch64 armv7"), node("b", arch="all !x86_64"), node("c", arch="noarch"), node("d", arch="")
    )
    assert settled(found) == {"a": "skipped arch", "b": "skipped arch", "d": "skipped disabled"}
    assert found.settled[0].error == "it is for aarch64 armv7, not for x86_64"
    assert order(found) == ["c"]


def test_who_needs_what_is_skipped_is_tried_unless_it_is_known_to_be_nowhere() -> None:
    nodes = (node("a", makedepends="b"), node("b", arch="aarch64"))
    assert order(plan(*nodes)) == ["a"]
    found = plan(*nodes, there=existing(complete=True))
    assert settled(found)["a"] == "failed dependencies"


def test_a_recipe_that_cannot_be_evaluated_blocks_its_dependants() -> None:
    found = plan(node("a", makedepends="b"), node("c", makedepends="a"), node("d"), broken=[unread("b")])
    assert settled(found) == {"b": "failed evaluate", "a": "blocked by b", "c": "blocked by b"}
    assert found.settled[-1].error == "no (mend it)"


def test_its_subpackages_are_known_from_earlier_builds() -> None:
    there = existing(entry("b-dev", "0.1-r0", origin="b"))
    found = plan(node("a", makedepends="b-dev>=1"), broken=[unread("b")], there=there)
    assert settled(found)["a"] == "blocked by b"


def test_what_nobody_provides() -> None:
    nodes = (node("a", makedepends="nothing b>=2"), node("b"), node("c", makedepends="a"))
    assert plan(*nodes).by_name["main/a"].missing == ("nothing", "b>=2")
    found = plan(*nodes, there=existing(complete=True))
    assert settled(found) == {"a": "failed dependencies", "c": "blocked by a"}
    assert found.settled[0].error == "nothing provides nothing, b>=2 (main/b has 1.0-r0)"


def test_what_only_a_build_can_tell_is_tried() -> None:
    found = plan(node("a", makedepends="cmd:b so:libb.so.2"), node("b"), there=existing(complete=True))
    assert found.by_name["main/a"].missing == ("cmd:b", "so:libb.so.2")


def test_the_roots_of_several_troubles() -> None:
    found = plan(
        node("a", makedepends="b c"),
        node("b", makedepends="x"),
        node("c", makedepends="d"),
        node("d", makedepends="c"),
        broken=[unread("x")],
    )
    assert settled(found)["a"] == "blocked by c x"


def test_what_is_needed_and_nowhere_to_be_had_is_built_too() -> None:
    around = Recipes(
        (node("a"), node("b", makedepends="c", subpackages="b-dev"), node("c"), node("d"), node("e", arch="aarch64"))
    )
    wishes = Wishes(around=lambda: around)
    found = plan(node("a", makedepends="b-dev d"), wishes=wishes, there=existing(entry("d"), complete=True))
    assert order(found) == ["c", "b", "a"]
    assert found.by_name["main/b"].why == (Why("needed", "main/a: b-dev"),)
    assert found.by_name["main/c"].why == (Why("needed", "main/b: c"),)
    assert order(plan(node("a", makedepends="b-dev"), wishes=wishes)) == ["a"]  # it may be in what we do not know


def test_what_split_functions_provide(tmp_path: Path) -> None:
    maker = write_recipe(tmp_path / "main/maker16", pkgver="16.2", subpackages="maker16-dev maker16-jdk:_jdk maker16-x")
    with (maker / "APKBUILD").open("a") as file:
        file.write(SPLITS)
    write_recipe(tmp_path / "main/a", makedepends="maker-dev other-dev jdk>=16 only-x cmd:made-up")
    write_recipe(tmp_path / "main/broken", makedepends="nothing").joinpath("APKBUILD").open("a").write(" provides=(\n")
    folders = [str(tmp_path / "main" / name) for name in ("a", "broken", "maker16")]
    recipes = read_recipes(folders, evaluate_shell_like)
    found = make_plan(recipes, VARIABLES, Existing())
    assert [str(need) for need in found.by_name["main/a"].needs] == [
        "makedepends maker-dev -> maker16-dev of main/maker16",
        "makedepends other-dev -> maker16-dev of main/maker16",
        "makedepends jdk>=16 -> maker16-jdk of main/maker16",
    ]
    assert found.by_name["main/a"].missing == ("only-x", "cmd:made-up")


SPLITS = """
dev() {
	_common
	provides="$provides $_more-dev"
}
_jdk() {
	if [ "$whatever" ]; then
		provides="jdk=$pkgver"
	fi
	local name=$(date); provides="cmd:$name"
}
_common() {
	_more=other
	provides="maker${subpkgname#$pkgname}"
}
unused() {
	provides="only-x"
}
"""


def evaluate_shell_like(paths: Iterable[str]) -> Iterator[Answer]:
    """Reads the variables at the top of a recipe."""
    for path in paths:
        lines = Path(path).read_text().partition("\n\n")[0].splitlines()
        values = dict(line.split("=", 1) for line in lines if line[:1].isalpha())
        yield Answer(path, Fresh({}, values))


def test_nothing_around_is_looked_at_where_nothing_is_missing() -> None:
    def around() -> Recipes:
        raise AssertionError

    assert order(plan(node("a"), wishes=Wishes(around=around), there=existing(complete=True))) == ["a"]


def test_where_nothing_decides_the_order_is_as_given() -> None:
    assert order(plan(*(node(name) for name in "zbya"))) == list("zbya")


def test_priorities_hold_for_what_is_needed_too() -> None:
    nodes = (node("a"), node("b", makedepends="c"), node("c"), node("d"))
    found = plan(*nodes, wishes=Wishes(priorities={"main/b": 5, "d": 3}, exclusive=frozenset({"a", "main/d"})))
    assert order(found) == ["c", "b", "d", "a"]
    assert [task.priority for task in found.tasks] == [5, 5, 3, 0]
    assert [task.exclusive for task in found.tasks] == [False, False, True, True]


class Yesterday:
    def last(self, name: str) -> Past | None:
        return Past("built") if name == "main/a" else None

    def cost(self, name: str) -> tuple[float | None, int | None]:
        return (12.5, 1 << 20) if name == "main/a" else (None, None)


def test_former_runs_and_keys() -> None:
    nodes = (node("a", makedepends="b c"), node("b", makedepends="c"), node("c"))

    def keys(each: object, below: object) -> str:
        return f"{each.pkgname}{below}"  # type: ignore[attr-defined]

    found = make_plan(Recipes(nodes), VARIABLES, Existing(), history=Yesterday(), keys=keys)
    task = found.by_name["main/a"]
    assert (task.seconds, task.max_rss) == (12.5, 1 << 20)
    assert [each.key for each in found.tasks] == ["c[]", "b['c[]']", "a[\"b['c[]']\", 'c[]']"]


def test_a_plan_without_any_task() -> None:
    assert plan(broken=[unread("a")]).is_hopeless
    assert not plan(node("a", arch="aarch64")).is_hopeless
    assert waits(plan(node("main/a", repository("main", "main"))), "a") == []
