# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipes have to be rebuilt after a change, why, in which order, and how."""

from __future__ import annotations

from collections.abc import Iterable

from batchkit import entry, existing, node

from abuildpy.batch.recipes import Node, Recipes
from abuildpy.maintain.diff.model import Provided
from abuildpy.maintain.following import commands_of, following_object, lines_of
from abuildpy.maintain.follows import Following, what_follows
from abuildpy.repository.index import IndexEntry
from abuildpy.ui.styled import as_text

VARIABLES = {"CARCH": "x86_64"}
GONE = Provided("so:libx.so.1", "1", None)
X = node("main/x", subpackages="x-dev x-libs", provides="virtual", checkdepends="x-dev")
X_LIBS = entry("x-libs", origin="x", provides="so:libx.so.1=1")


def follow(
    changes: Iterable[Provided],
    nodes: Iterable[Node],
    *entries: IndexEntry,
    own: Iterable[str] = ("x",),
    builders: bool = False,
) -> Following:
    return what_follows(changes, existing(*entries), Recipes(tuple(nodes)), VARIABLES, own=own, builders=builders)


def must(following: Following) -> dict[str, list[tuple[str, str, str]]]:
    return {each.name: [(r.kind, r.wanted, r.by) for r in each.reasons] for each in following.rebuild}


def test_what_packages_depend_on() -> None:
    nodes = [X, node("main/a"), node("main/b", subpackages="b-tools"), node("main/c")]
    found = follow(
        [GONE],
        nodes,
        X_LIBS,
        entry("x", depends="so:libx.so.1"),
        entry("a", depends="so:libx.so.1 so:libc.so"),
        entry("b-tools", origin="b", depends="so:libx.so.1"),
        entry("c", depends="so:libx.so.2"),
    )
    assert must(found) == {
        "main/a": [("lost", "so:libx.so.1", "a-1.0-r0")],
        "main/b": [("lost", "so:libx.so.1", "b-tools-1.0-r0")],
    }
    assert (found.perhaps, found.absent, found.own) == ((), (), ("main/x",))


def test_in_build_order() -> None:
    names = ["main/z", "main/y", "main/w"]
    nodes = [node(names[0]), node(names[1], makedepends="z-dev"), node(names[2], makedepends="y")]
    nodes[0] = node(names[0], subpackages="z-dev")
    entries = [entry(name, depends="so:libx.so.1") for name in "wyz"]
    assert list(must(follow([GONE], [*reversed(nodes)], X_LIBS, *entries))) == names


def test_what_another_package_has_too_is_not_lost() -> None:
    user = entry("a", depends="cmd:x")
    change = [Provided("cmd:x", "1.0-r0", None)]
    own = entry("x", provides="cmd:x=1.0-r0")
    assert must(follow(change, [node("main/a")], own, user)) != {}
    assert must(follow(change, [node("main/a")], own, entry("other", provides="cmd:x"), user)) == {}


def test_versions() -> None:
    change = [Provided("python3", "3.11.8-r0", "3.12.1-r0"), Provided("pc:x", "1", "2")]
    found = follow(
        change,
        [node(f"main/{name}") for name in "abcdefg"],
        entry("a", depends="python3~3.11"),
        entry("b", depends="python3"),
        entry("c", depends="python3>=3.8"),
        entry("d", depends="pc:x<2"),
        entry("e", depends="pc:x>=1"),
        entry("f", depends="python3~3.10"),  # broken before, and no matter of this change
        entry("g", depends="!python3"),
    )
    assert must(found) == {
        "main/a": [("lost", "python3~3.11", "a-1.0-r0")],
        "main/d": [("lost", "pc:x<2", "d-1.0-r0")],
    }
    assert found.perhaps == ()


def test_another_abi_behind_the_same_name() -> None:
    found = follow(
        [Provided("so:libx.so.1", "1", "1", abi=True)], [node("main/a")], X_LIBS, entry("a", depends="so:libx.so.1")
    )
    assert must(found) == {"main/a": [("abi", "so:libx.so.1", "a-1.0-r0")]}
    assert (
        must(follow([Provided("so:libx.so.1", "1", "2")], [node("main/a")], X_LIBS, entry("a", depends="so:libx.so.1")))
        == {}
    )


def test_those_that_only_build_with_it() -> None:
    nodes = [
        X,
        node("main/a", makedepends="x-dev>=1"),
        node("main/b", makedepends="virtual"),
        node("main/c", checkdepends="x", options="!check"),
        node("main/d", depends="x"),
        node("main/e", makedepends="x-dev", arch="aarch64"),
        node("main/f", makedepends="x-dev"),
        node("main/g", checkdepends="x"),
        node("main/h", makedepends="other x-devel"),
    ]
    found = follow([GONE], nodes, X_LIBS, entry("f", depends="so:libx.so.1"))
    assert [(each.name, each.reasons[0].wanted, each.reasons[0].by) for each in found.perhaps] == [
        ("main/a", "x-dev>=1", "makedepends"),
        ("main/b", "virtual", "makedepends"),
        ("main/g", "x", "checkdepends"),
    ]
    assert list(must(found)) == ["main/f"]
    only_version = [Provided("x", "1-r0", "2-r0")]
    assert follow(only_version, nodes).perhaps == ()
    assert len(follow(only_version, nodes, builders=True).perhaps) == 4


def test_names_that_only_the_index_tells_of() -> None:
    built = entry("x-extra", origin="x", provides="pc:x=1 cmd:xx=1")
    nodes = [
        X,
        node("main/a", makedepends="pc:x>=1"),
        node("main/b", makedepends="x-extra"),
        node("main/c", makedepends="y"),
    ]
    assert [each.name for each in follow([GONE], nodes, X_LIBS, built).perhaps] == ["main/a", "main/b"]


def test_a_recipe_of_another_repository_stands_in() -> None:
    found = follow([GONE], [node("testing/a")], X_LIBS, entry("a", depends="so:libx.so.1"))
    assert (list(must(found)), found.absent) == (["testing/a"], ())


def test_what_is_there_by_its_name_is_nothing_to_mend() -> None:
    changed = Provided("so:libx.so.1", "1", "1", abi=True)
    found = follow([changed], [node("main/a", depends="so:libx.so.1")], X_LIBS, entry("a", depends="so:libx.so.1"))
    assert [(each.name, each.named) for each in found.rebuild] == [("main/a", ())]


def test_long_lists_are_told_shortly() -> None:
    """Of packages of one recipe, and of recipes that name what is gone themselves; and who is not here."""
    many = [node(f"main/n{number:02}", depends="cmd:x") for number in range(20)]
    entries = [entry(f"n{number:02}", depends="cmd:x") for number in range(20)]
    parts = [entry(f"a-{number}", origin="a", depends="cmd:x") for number in range(9)]
    stranger = entry("gone\x1b[2J", depends="cmd:x")
    found = follow([Provided("cmd:x", "1", None)], [*many, node("main/a")], *entries, *parts, stranger)
    text = as_text(lines_of(found), colors=False)
    named = [line for line in text.splitlines() if line.startswith("      main/n")]
    assert f"      … and {20 - len(named)} more\n" in text
    (line,) = (line for line in text.splitlines() if line.startswith("  main/a "))
    told = line.count("needs cmd:x")
    assert line.endswith(f"; and {9 - told} more of its packages")
    assert 1 < told < 9 and 1 < len(named) < 20
    assert "Not in this tree, or not for this architecture: 1 recipe\n  gone\N{REPLACEMENT CHARACTER}[2J" in text
    few = follow(
        [Provided("cmd:x", "1", None)], [*many[: len(named)], node("main/a")], *entries[: len(named)], *parts[:told]
    )
    assert " more" not in as_text(lines_of(few), colors=False)


def test_those_that_cannot_be_rebuilt_here() -> None:
    nodes = [node("main/b", arch="aarch64")]
    entries = [entry("a", depends="so:libx.so.1"), entry("b", depends="so:libx.so.1")]
    found = follow([GONE], nodes, X_LIBS, *entries)
    assert (must(found), [each.name for each in found.absent]) == ({}, ["a", "main/b"])


def test_of_several_recipes_the_one_of_the_repository_follows() -> None:
    nodes = [node("testing/a"), node("main/a")]
    assert list(must(follow([GONE], nodes, X_LIBS, entry("a", depends="so:libx.so.1")))) == ["main/a"]


def test_only_the_newest_of_a_package_counts() -> None:
    old, new = entry("a", "1-r0", depends="so:libx.so.1"), entry("a", "2-r0", depends="so:libx.so.2")
    assert must(follow([GONE], [node("main/a")], X_LIBS, new, old)) == {}


def test_what_recipes_spell_out_themselves() -> None:
    change = [Provided("cmd:x", "1", None), GONE]
    nodes = [node("main/a", depends="cmd:x"), node("main/b")]
    entries = [entry("a", depends="cmd:x so:libx.so.1"), entry("b", depends="cmd:x")]
    found = follow(change, nodes, X_LIBS, *entries)
    assert {each.name: each.named for each in found.rebuild} == {"main/a": ("cmd:x",), "main/b": ()}
    assert "      main/a: cmd:x\n" in as_text(lines_of(found), colors=False)


def test_circles() -> None:
    nodes = [node("main/a", makedepends="b"), node("main/b", makedepends="a")]
    entries = [entry(name, depends="so:libx.so.1") for name in "ab"]
    found = follow([GONE], nodes, X_LIBS, *entries)
    assert sorted(must(found)) == ["main/a", "main/b"]
    assert "  ! they need each other to be built: main/" in as_text(lines_of(found), colors=False)


def test_commands() -> None:
    a = node("main/a")
    of_gone = follow([GONE], [X, a], X_LIBS, entry("a", depends="so:libx.so.1"))
    assert commands_of(of_gone) == ["abuildpy batch --rebuild-dependants main/x"]
    of_version = follow([Provided("x", "1-r0", "2-r0")], [X, a], entry("a", depends="x=1-r0"))
    assert commands_of(of_version) == ["apkgrel -a main/a", "abuildpy batch main/x main/a"]
    of_abi = follow([Provided("so:libx.so.1", "1", "1", abi=True)], [X, a], X_LIBS, entry("a", depends="so:libx.so.1"))
    assert commands_of(of_abi) == ["apkgrel -a main/a", "abuildpy batch main/x main/a"]
    unknown = follow([GONE], [a], X_LIBS, entry("a", depends="so:libx.so.1"))
    assert commands_of(unknown) == ["apkgrel -a main/a", "abuildpy batch main/a"]
    many = [node(f"main/a{number}") for number in range(30)]
    entries = [entry(f"a{number}", depends="x=1-r0") for number in range(30)]
    of_many = follow([Provided("x", "1-r0", "2-r0")], [X, *many], *entries)
    listing = "abuildpy follows --names x"
    assert commands_of(of_many) == [f"{listing} | xargs apkgrel -a", f"{listing} | xargs abuildpy batch main/x"]
    assert commands_of(follow([], [X])) == []


def test_how_it_is_told() -> None:
    found = follow(
        [GONE], [X, node("main/a"), node("main/b", makedepends="x-dev")], X_LIBS, entry("a", depends="so:libx.so.1")
    )
    assert as_text(lines_of(found), colors=False) == (
        "To be rebuilt, in this order: 1 recipe\n"
        "  main/a  a-1.0-r0 needs so:libx.so.1\n"
        "Built with it, but nothing of theirs depends on what changed: 1 recipe\n"
        "  (to be rebuilt where they link statically or use what it generates)\n"
        "  main/b  makedepends has x-dev\n"
        "This builds them:\n"
        "  abuildpy batch --rebuild-dependants main/x\n"
    )
    told = following_object(found)
    assert told["rebuild"][0]["reasons"] == [{"kind": "lost", "wanted": "so:libx.so.1", "by": "a-1.0-r0"}]
    assert told["changes"] == [{"name": "so:libx.so.1", "old": "1", "new": None, "abi_changed": False}]
    assert as_text(lines_of(follow([], [X])), colors=False) == "Nothing has to be rebuilt.\n"
