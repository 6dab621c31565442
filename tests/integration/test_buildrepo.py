# SPDX-License-Identifier: GPL-3.0-or-later
"""``buildrepo``: what lua-aports' program does on its command line, on top of batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildkit import Done, Place
from treekit import PACKAGE, Tree, environment, packages_of

pytest_plugins = ["buildfixtures"]


@pytest.fixture
def tree(place: Place) -> Tree:
    """Two repositories: a chain, a failure and who needs it, one for another machine; and one that needs main's."""
    tree = Tree(place)
    tree.chain("chain", 2)
    tree.add("bad", "build() { return 1; }\n", "chain0")
    tree.add("after", "", "bad")
    tree.add("far", arch="s390x")
    tree.add("c-one", "", "chain1")
    return tree


def buildrepo(place: Place, *words: str, **more: str) -> Done:
    env = environment(place, REPODEST="", **more)
    where = () if "-d" in words else ("-d", str(place.repodest))
    options = ("-a", str(place.aports), "--no-deps-install", *where)
    return place.run(place.base, *options, *words, env=env, module="abuildpy.cli.buildrepo")


def names(place: Place) -> list[str]:
    return [name.rpartition("/")[2].removesuffix("-1.0-r0.apk") for name in packages_of(place)]


def sums(done: Done) -> dict[str, str]:
    return dict(line.split("\t") for line in done.out.splitlines() if "\t" in line)


def test_what_is_missing(tree: Tree) -> None:
    place = tree.place
    done = buildrepo(place, "-k", "main", "community")
    assert done.status == 0, str(done)
    assert sorted(names(place)) == ["c-one", "chain0", "chain0-doc", "chain1", "chain1-doc"]
    lines = done.out.splitlines()
    assert "1/4 0/4 main/chain0 1.0-r0" in lines
    assert lines.index("1/4 0/4 main/chain0 1.0-r0") < lines.index("1/1 0/1 community/c-one 1.0-r0")
    assert any(line.startswith("ERROR: bad: Failed to build") for line in done.err.splitlines())
    assert "WARNING: after: not built, it needs main/bad" in done.err.splitlines()
    assert sums(done) == {
        "main built:": "2",
        "main tried:": "3",
        "main deleted:": "0",
        "main total built:": "2",
        "main total relevant aports:": "4",
        "main total aports:": "5",
        "community built:": "1",
        "community tried:": "1",
        "community deleted:": "0",
        "community total built:": "1",
        "community total relevant aports:": "1",
        "community total aports:": "1",
    }
    again = buildrepo(place, "-k", "main")
    assert "1/2 2/4 main/bad 1.0-r0" in again.out.splitlines()
    assert sums(again)["main tried:"] == "1"


def test_the_first_failure_is_the_end(tree: Tree) -> None:
    done = buildrepo(tree.place, "main", "community")
    assert done.status == 1
    assert sums(done) == {}
    assert "c-one" not in names(tree.place)


def test_dry(tree: Tree) -> None:
    place = tree.place
    done = buildrepo(place, "-n", "main")
    assert done.status == 0, str(done)
    assert [line.split()[2] for line in done.out.splitlines() if "\t" not in line] == [
        "main/chain0",
        "main/bad",
        "main/after",
        "main/chain1",
    ]
    assert names(place) == []


def test_logs(tree: Tree) -> None:
    logs = tree.place.base / "logs"
    done = buildrepo(tree.place, "-k", "-l", str(logs), "main")
    assert "Building main/chain0" in (logs / "main/chain0/chain0-1.0-r0.log").read_text()
    assert "Building main/chain0" not in done.out
    assert (logs / "main/bad/bad-1.0-r0.log").is_file()


def test_logs_are_printed(tree: Tree) -> None:
    assert "Building main/chain0" in buildrepo(tree.place, "-k", "main").out


def test_purged(tree: Tree) -> None:
    place = tree.place
    buildrepo(place, "-k", "main")
    recipe = place.aports / "main/chain0/APKBUILD"
    recipe.write_text(recipe.read_text().replace('pkgrel="0"', 'pkgrel="1"'))
    dry = buildrepo(place, "-k", "-n", "-p", "main")
    assert "Deleting chain0-1.0-r0.apk" in dry.out.splitlines()
    assert "main/x86_64/chain0-1.0-r0.apk" in packages_of(place)
    done = buildrepo(place, "-k", "-p", "main")
    assert done.status == 0, str(done)
    assert sums(done)["main deleted:"] == "2"
    files = {name.rpartition("/")[2] for name in packages_of(place)}
    assert files == {"chain0-1.0-r1.apk", "chain0-doc-1.0-r1.apk", "chain1-1.0-r0.apk", "chain1-doc-1.0-r0.apk"}
    assert {entry.file_name for entry in place.index(arch="x86_64").values()} == files


def test_what_failed_before_is_left_out(tree: Tree) -> None:
    place = tree.place
    (place.aports / "main/bad/src").mkdir()
    done = buildrepo(place, "-s", "main")
    assert done.status == 0, str(done)
    assert [line for line in done.err.splitlines() if line.startswith("WARNING")] == [
        "WARNING: bad: Skipped due to previous build failure",
        "WARNING: after: Skipped due to missing dependencies",
    ]
    assert sums(done)["main tried:"] == "2"


def test_a_configuration(tree: Tree) -> None:
    place = tree.place
    other = place.base / "other"
    plugins = place.base / "plugins"
    plugins.mkdir()
    (plugins / "x.lua").write_text("return {}\n")
    config = place.base / "config.lua"
    config.write_text(f"-- ours\nrepodest = '{other}' -- there\npluginsdir = \"{plugins}\"\nopts.x = 1\n")
    done = place.run(
        place.base,
        *("-c", str(config), "-a", str(place.aports), "--no-deps-install", "-k", "main"),
        env=environment(place, REPODEST=""),
        module="abuildpy.cli.buildrepo",
    )
    assert done.status == 0, str(done)
    assert (other / "main/x86_64/chain0-1.0-r0.apk").is_file()
    assert f"WARNING: {config}:4 is not understood" in done.err
    assert f"WARNING: plugins, which are Lua, are not run: {plugins}" in done.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 1, "usage: buildrepo"),
        (("-h",), 0, "usage: buildrepo"),
        (("-x", "main"), 1, "usage: buildrepo"),
        (("none",), 1, "/none: Failed to open apkbuilds"),
        (("--jobs=0", "main"), 1, "--jobs takes a number from 1 on, not '0'"),
        (("-c", "/none", "main"), 1, "/none: No such file"),
    ],
)
def test_wrong_command_lines(place: Place, words: tuple[str, ...], status: int, said: str) -> None:
    done = place.run(Path("/"), "-a", str(place.aports), *words, module="abuildpy.cli.buildrepo")
    assert done.status == status
    assert said in done.out + done.err


def test_recipes_that_cannot_be_read(tree: Tree) -> None:
    tree.place.recipe("exit 3\n" + PACKAGE, name="ruin")
    done = buildrepo(tree.place, "-k", "-p", "main")
    assert done.status == 0, str(done)
    assert "ERROR: ruin: Failed to build" in done.err
    assert "nothing is purged while recipes cannot be evaluated" in done.err
