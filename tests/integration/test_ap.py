# SPDX-License-Identifier: GPL-3.0-or-later
"""``ap`` as a process, on a small tree: what it prints, what it warns of, how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from buildkit import Done, Place

pytest_plugins = ["buildfixtures"]

RECIPES = {
    # A library with subpackages and language packs; its test tool is not wanted, as there is no check.
    "main/brook": """
pkgname=brook
pkgver=2.1
pkgrel=3
pkgdesc="Flows  along"
makedepends_host="stone-dev>=1"
makedepends_build="cmd:chisel"
checkdepends="mill"
options="!check"
subpackages="$pkgname-dev $pkgname-doc:docs:noarch"
linguas="de fr"
source="https://example.invalid/brook-$pkgver/brook-$pkgver.tgz fix.patch"
""",
    # Sorted as its path is, this one comes before brook.
    "main/brook-extra": "depends='brook brook>2'\n",
    "main/stone": "subpackages='stone-dev'\nmakedepends='chisel~1'\n",
    "main/tools": "pkgname=hand-tools\nprovides='cmd:chisel=1 chisel'\n",
    "main/mill": "makedepends='brook-dev wheel'\n",
    "main/wheel": "checkdepends='mill'\narch='s390x'\n",
    "community/hut": "depends='brook-lang-de so:libstone.so.1 !mill'\n",
    "community/path": 'for word in brook stone; do makedepends="$makedepends $word-dev"; done\n',
}
BROKEN = {
    "exits": "exit 3\n",
    "fails": "false\n",
    "syntax": "if then\n",
    "nameless": "pkgname=\n",
}
HEAD = "pkgname={name}\npkgver=1\npkgrel=0\narch=all\nurl=https://example.invalid/\nlicense=MIT\n"


def write(place: Place, path: str, text: str) -> None:
    folder = place.aports / path
    folder.mkdir(parents=True)
    (folder / "APKBUILD").write_text(f"# Maintainer: Jo Doe <jo@site.example>\n{HEAD.format(name=folder.name)}{text}")


@pytest.fixture(scope="module")
def tree(make_place: Callable[..., Place]) -> Place:
    """A place with the recipes above; nobody changes it."""
    place = make_place()
    for path, text in RECIPES.items():
        write(place, path, text)
    return place


@pytest.fixture
def broken(make_place: Callable[..., Place]) -> Place:
    """The same with recipes that cannot be evaluated among them."""
    place = make_place()
    for path, text in {**RECIPES, **{f"main/{name}": text for name, text in BROKEN.items()}}.items():
        write(place, path, text)
    return place


def ap(place: Place, *words: str, folder: Path | None = None, **more: str) -> Done:
    """Runs the program without a shell's help."""
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.ap", *words],
        cwd=folder or place.base,
        env={**place.environment, "CBUILD": "x86_64-alpine-linux-musl", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def main_of(place: Place) -> tuple[str, ...]:
    return ("-d", f"{place.aports}/main")


def both(place: Place) -> tuple[str, ...]:
    return (*main_of(place), "-d", f"{place.aports}/community")


def lines(done: Done) -> list[str]:
    """What a run that went well printed."""
    assert (done.status, done.err) == (0, "")
    return done.out.splitlines()


def test_list(tree: Place) -> None:
    expected = "brook brook-dev brook-doc brook-extra brook-lang-de brook-lang-fr hand-tools mill stone stone-dev wheel"
    assert lines(ap(tree, *main_of(tree), "list")) == expected.split()
    assert lines(ap(tree, *both(tree), "list")) == sorted([*expected.split(), "hut", "path"])


def test_apk_list(tree: Place) -> None:
    expected = (
        "brook-2.1-r3 brook-dev-2.1-r3 brook-doc-2.1-r3 brook-extra-1-r0 brook-lang-de-2.1-r3 brook-lang-fr-2.1-r3 "
        "hand-tools-1-r0 mill-1-r0 stone-1-r0 stone-dev-1-r0"
    )
    assert lines(ap(tree, "apk-list", *main_of(tree))) == [f"{name}.apk" for name in expected.split()]


def test_apk_list_for_another_architecture(tree: Place) -> None:
    assert "wheel-1-r0.apk" in lines(ap(tree, "apk-list", *main_of(tree), CARCH="s390x"))


def test_revdep(tree: Place) -> None:
    assert lines(ap(tree, *both(tree), "revdep", "brook", "stone-dev", "mill", "none")) == [
        *("brook-extra", "brook-extra"),
        *("brook", "path"),
        *("wheel",),
    ]


def test_dependencies_lead_through_provided_names(tree: Place) -> None:
    expected = ["chisel", "stone-dev", "cmd:chisel", "brook", "brook-extra"]
    for name in ("recursive-deps", "recursdeps"):
        assert lines(ap(tree, *main_of(tree), name, "brook-extra", "none")) == expected


def test_dependents(tree: Place) -> None:
    expected = "brook-lang-fr brook-extra brook wheel mill brook-doc path brook-dev hut brook-lang-de stone-dev".split()
    found = lines(ap(tree, *both(tree), "recursive-revdeps", "stone-dev", "none"))
    assert sorted(found) == sorted(expected)
    assert found[-1] == "stone-dev"
    for later, earlier in (("brook-dev", "mill"), ("brook", "brook-extra"), ("brook-lang-de", "hut")):
        assert found.index(earlier) < found.index(later)


def test_builddirs(tree: Place) -> None:
    done = ap(tree, *main_of(tree), "builddirs", "mill", "brook-extra", "hand-tools", "nothing", "brook", "stone")
    assert done.err == "WARNING: nothing: not provided by any known APKBUILD\n"
    assert done.status == 0
    assert done.out.splitlines() == [
        f"{tree.aports}/main/{name}" for name in "tools stone brook mill brook-extra".split()
    ]


def test_circular(tree: Place) -> None:
    assert lines(ap(tree, *both(tree), "circular-aports")) == ["cycle: mill -> wheel -> mill"]
    assert lines(ap(tree, *both(tree), "circular-aports", "brook-dev")) == []
    (found,) = json.loads(ap(tree, *both(tree), "--json", "circular-aports", "wheel").out)
    assert found == {
        "path": ["mill", "wheel", "mill"],
        "folders": [f"{tree.aports}/main/{n}" for n in ("mill", "wheel")],
    }


def test_sources(tree: Place) -> None:
    source = "https://example.invalid/brook-2.1/brook-2.1.tgz"
    general = source.replace("2.1", "$VERSION")
    done = ap(tree, *main_of(tree), "sources", "brook-doc", "mill", "none")
    assert (done.status, done.out) == (0, f"brook\t2.1\t{general}\t2\n")
    assert done.err == "WARNING: none: not provided by any known APKBUILD\n"
    assert json.loads(ap(tree, *main_of(tree), "sources", "brook", "--json").out) == [
        {"pkgname": "brook", "pkgver": "2.1", "source": source}
    ]


def test_toplevel(tree: Place) -> None:
    assert lines(ap(tree, *both(tree), "toplevel-aports")) == "brook-extra hand-tools hut path stone".split()


def test_build_list(tree: Place) -> None:
    assert lines(ap(tree, *main_of(tree), "build-list", REPODEST="/nowhere")) == [
        f"{tree.aports}/main/{name}" for name in "tools stone brook brook-extra mill".split()
    ]


def test_build_list_leaves_out_what_is_there(make_place: Callable[..., Place]) -> None:
    place = make_place()
    for name in ("one", "two", "three"):
        write(place, f"main/{name}", "subpackages=$pkgname-doc\n")
    folder = place.repodest / "main/x86_64"
    folder.mkdir(parents=True)
    for name in ("one", "one-doc", "two"):
        (folder / f"{name}-1-r0.apk").touch()
    assert lines(ap(place, *main_of(place), "build-list")) == [
        f"{place.aports}/main/{name}" for name in ("three", "two")
    ]


def test_dump(tree: Place) -> None:
    (text,) = lines(ap(tree, *main_of(tree), "dump-json"))
    assert list(json.loads(text)) == "brook brook-extra hand-tools mill stone wheel".split()
    assert text.startswith(
        '{"brook":{"arch":["all"],"checkdepends":["mill"],"depends":[],"license":"MIT",'
        '"maintainer":"Jo Doe <jo@site.example>","makedepends":["stone-dev","cmd:chisel"],"pkgdesc":"Flows along",'
        '"pkgname":"brook","pkgrel":3,"pkgver":"2.1","source":["https:\\/\\/example.invalid\\/brook-2.1\\/brook-2.1.tgz",'
        '"fix.patch"],"subpackages":["brook-dev","brook-doc","brook-lang-de","brook-lang-fr"],'
        '"url":"https:\\/\\/example.invalid\\/"},"brook-extra":{'
    )


def test_json(tree: Place) -> None:
    assert json.loads("".join(lines(ap(tree, *main_of(tree), "--json", "revdep", "brook")))) == ["brook-extra"] * 2


def test_current_folder_is_a_repository_or_an_aport(tree: Place) -> None:
    expected = [f"{tree.aports.resolve()}/main/stone"]
    for folder in ("main", "main/wheel"):
        assert lines(ap(tree, "builddirs", "stone", folder=tree.aports / folder)) == expected


def test_folders_are_spelled_as_given(tree: Place) -> None:
    for given in ("aports/main", "./aports/main"):
        assert lines(ap(tree, "-d", given, "builddirs", "stone", "hand-tools")) == [f"{given}/tools", f"{given}/stone"]


@pytest.mark.parametrize("words", [(), ("-h",), ("list", "--help"), ("-d", "/nowhere")])
def test_usage(tree: Place, words: tuple[str, ...]) -> None:
    text = "\n".join(lines(ap(tree, *words)))
    assert text.startswith("usage: ap -d <DIR> SUBCOMMAND [options]\n\nSubcommands are:\n  apk-list\n")
    assert "recursdeps" not in text


def test_unknown_subcommand(tree: Place) -> None:
    done = ap(tree, "lost", "-d", "/nowhere")
    assert (done.status, done.out, done.err) == (0, "", "lost: invalid subcommand\n")


def test_unknown_option(tree: Place) -> None:
    done = ap(tree, "--lost", "list")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("ap: option --lost not recognized\nusage: ")


def test_no_recipes(tree: Place) -> None:
    done = ap(tree, "-d", str(tree.aports), "list")
    assert (done.status, done.out) == (1, "")
    assert done.errors == [f"{tree.aports}: no recipes in it"]
    assert f"-d {tree.aports}/community -d {tree.aports}/main" in done.err
    done = ap(tree, *main_of(tree), "-d", "/nowhere", "list")
    assert (done.status, done.out, done.errors) == (1, "", ["/nowhere: No such file or directory"])


def test_broken_recipes_are_named_and_the_others_answered_for(broken: Place, tree: Place) -> None:
    for _ in range(2):  # the second time much of it is known
        done = ap(broken, *main_of(broken), "list")
        assert done.status == 1
        assert done.out == ap(tree, *main_of(tree), "list").out
        assert len(done.errors) == len(BROKEN)
        for name in BROKEN:
            assert sum(f"{broken.aports}/main/{name}/APKBUILD" in error for error in done.errors) == 1, done.err


def test_what_recipes_say_is_told_beside_the_answer(make_place: Callable[..., Place]) -> None:
    place = make_place()
    write(place, "main/loud", "echo hello >&2\n")
    done = ap(place, *main_of(place), "list")
    assert (done.status, done.out) == (0, "loud\n")
    assert "hello" in done.err


def test_recipes_do_not_see_each_others_variables(make_place: Callable[..., Place]) -> None:
    place = make_place()
    write(place, "main/a", "_flavor=virt\nrepo_depends=x\n")
    write(place, "main/b", 'depends="$_flavor"\n')
    assert lines(ap(place, *main_of(place), "revdep", "virt")) == []


def test_stray_bytes_pass(make_place: Callable[..., Place]) -> None:
    place = make_place()
    write(place, "main/odd", "")
    with (place.aports / "main/odd/APKBUILD").open("ab") as stream:
        stream.write(b"subpackages=odd-\xff\n")
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.ap", *main_of(place), "list"],
        env={**place.environment, "CBUILD": "x86_64-alpine-linux-musl"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"odd\nodd-\xff\n", b"")


def test_recipes_are_read_again_when_they_change(make_place: Callable[..., Place]) -> None:
    place = make_place()
    write(place, "main/one", "")
    assert lines(ap(place, *main_of(place), "list")) == ["one"]
    shutil.rmtree(place.aports / "main/one")
    write(place, "main/one", "subpackages=one-doc\n")
    write(place, "main/two", "")
    assert lines(ap(place, *main_of(place), "list")) == ["one", "one-doc", "two"]


def test_reader_that_goes_away(tree: Place) -> None:
    command = [sys.executable, "-m", "abuildpy.cli.ap", *main_of(tree), "list"]
    environment = {**tree.environment, "CBUILD": "x86_64-alpine-linux-musl"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
