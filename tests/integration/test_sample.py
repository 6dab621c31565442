# SPDX-License-Identifier: GPL-3.0-or-later
"""All sample recipes, built in the order of their dependencies into one repository, and installed by the real apk."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from buildkit import PATH, TOP, Done, Package, Place

from abuildpy.repository.depends import bare_name
from abuildpy.repository.index import read_index

pytest_plugins = ["buildfixtures"]

SAMPLE = TOP / "aports-sample"
EPOCH = "1700000000"
NOT_HERE = {"abuildpy"}
"""The recipe of the project itself: needs programs to make wheels and manuals, and the project around it."""


@dataclass(frozen=True)
class Built:
    """The repository with everything in it."""

    place: Place
    recipes: Mapping[str, Mapping[str, Any]]
    order: tuple[str, ...]
    runs: Mapping[str, Done]

    def package(self, name: str) -> Package:
        """A package by its name, whatever its version."""
        entry = self.place.index()[name]
        return self.place.package(name, entry.version)

    def index_entry(self, name: str) -> str:
        """NAME-VERSION of a package."""
        return f"{name}-{self.place.index()[name].version}"

    @property
    def packages(self) -> list[str]:
        """Names of all packages that the recipes announce."""
        return [name for recipe in self.recipes.values() for name in _packages(recipe)]


def _packages(recipe: Mapping[str, Any]) -> list[str]:
    return [recipe["pkgname"], *(sub["name"] for sub in recipe["subpackages"])]


def _in_order(recipes: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Recipes after those whose packages they name."""
    home = {package: name for name, recipe in recipes.items() for package in _packages(recipe)}
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        recipe = recipes[name]
        for word in (*recipe["makedepends"], *recipe["checkdepends"], *recipe["depends"]):
            needed = home.get(bare_name(word))
            if needed is not None and needed != name and needed not in done:
                visit(needed)
        done[name] = None

    for name in sorted(recipes, reverse=True):  # the wrong way round, to see that the order is not by chance
        if name not in done:
            visit(name)
    return tuple(done)


@pytest.fixture(scope="session")
def built(make_place: Callable[..., Place]) -> Built:
    """Builds the whole tree, once."""
    if not shutil.which("setcap", path=PATH):
        pytest.skip("setcap is not installed, which a sample needs")
    place = make_place()
    place.environment |= {"DISTFILES_MIRROR": str(SAMPLE / "distfiles"), "SOURCE_DATE_EPOCH": EPOCH}
    shutil.rmtree(place.aports)
    shutil.copytree(SAMPLE, place.aports, symlinks=True, ignore=shutil.ignore_patterns("src", "pkg", "tmp", *NOT_HERE))
    info = place.run(None, "info", "--json", *map(str, sorted((place.aports / "main").iterdir())), module=UMBRELLA)
    assert info.status == 0, str(info)
    recipes = {recipe["pkgname"]: recipe for recipe in json.loads(info.out)}
    order = _in_order(recipes)
    runs = {name: place.build(place.aports / "main" / name) for name in order}
    return Built(place, recipes, order, runs)


UMBRELLA = "abuildpy.cli.umbrella"


def test_there_are_enough_of_them(built: Built) -> None:
    assert len(built.recipes) >= 10
    assert set(built.recipes) == {path.name for path in (SAMPLE / "main").iterdir()} - NOT_HERE
    assert built.order.index("verse") < built.order.index("versify")


def test_every_package_is_there_and_in_the_index(built: Built) -> None:
    assert sorted(built.place.index()) == sorted(built.packages)
    files = {path.name for path in built.place.repository().glob("*.apk")}
    index = built.place.index()
    assert files == {entry.file_name for entry in index.values()}
    for name in built.packages:
        package = built.package(name)
        assert package.apk.identity == index[name].identity, name
        assert package.info("builddate") == (EPOCH,), name
        assert all(member.mtime == int(EPOCH) for member in package.members.values()), name
        assert list(package.members) == sorted(package.members, key=os.fsencode), name


def test_nothing_is_left_behind(built: Built) -> None:
    for name in built.recipes:
        before = {path.name for path in (SAMPLE / "main" / name).iterdir()} - {"src", "pkg", "tmp"}
        assert {path.name for path in (built.place.aports / "main" / name).iterdir()} == before


def test_the_umbrella_verifies_them(built: Built) -> None:
    repository = built.place.repository()
    files = sorted(map(str, repository.glob("*.apk")))
    done = built.place.run(
        None,
        "verify",
        "--keys-dir",
        str(built.place.public.parent),
        *files,
        str(repository / "APKINDEX.tar.gz"),
        module=UMBRELLA,
    )
    assert done.status == 0, str(done)
    assert done.out.count(": OK\n") == len(files) + 1


def test_each_package_has_all_its_records(built: Built) -> None:
    repository = built.place.repository()
    files = sorted(map(str, repository.glob("*.apk")))
    keys = ("--keys-dir", str(built.place.public.parent))
    done = built.place.run(None, "verify", *keys, "--require", "all", "--json", *files, module=UMBRELLA)
    assert done.status == 0, str(done)
    found = json.loads(done.out)
    assert len(found) == len(files)
    assert {check["answer"] for each in found for check in each["checks"]} == {"ok"}
    assert len(list(repository.glob("*.provenance.json"))) == len(built.recipes)


def test_their_spdx_documents_are_valid(built: Built) -> None:
    try:
        parser: Any = importlib.import_module("spdx_tools.spdx.parser.parse_anything")
        validator: Any = importlib.import_module("spdx_tools.spdx.validation.document_validator")
    except ImportError:
        pytest.skip("spdx-tools is not installed")
    for name in built.packages:
        path = built.place.repository() / f"{built.index_entry(name)}.spdx.json"
        found = validator.validate_full_spdx_document(parser.parse_file(str(path)))
        assert not found, (name, [each.validation_message for each in found])


def test_what_each_was_made_for(built: Built) -> None:
    def facts(name: str, key: str) -> tuple[str, ...]:
        return built.package(name).info(key)

    # a library, its companions, and a program of another recipe that uses it
    assert "so:libverse.so.1=1.2.0" in facts("verse-libs", "provides"), facts("verse-libs", "provides")
    assert any(word.startswith("pc:verse=") for word in facts("verse-dev", "provides"))
    assert "usr/lib/libverse.a" in built.package("verse-static").members
    assert any(name.startswith("usr/lib/debug/") for name in built.package("verse-dbg").members)
    assert "so:libverse.so.1" in facts("versify", "depend")
    assert built.package("versify-lang").files
    for shell in ("bash", "zsh", "fish"):
        assert built.package(f"versify-{shell}-completion").info("install_if")

    # a service
    assert sorted(built.package("tallyd").apk.scripts) == sorted(
        f".{when}-{what}" for when in ("pre", "post") for what in ("install", "upgrade", "deinstall")
    )
    assert built.package("tallyd").owner("var/lib/tallyd") == ("tallyd", "tallyd", 0, 0)
    assert built.package("tallyd").members["var/spool/tallyd"].mode == 0o2770
    assert built.package("tallyd-openrc").members["etc/init.d/tallyd"].mode & 0o111

    # trigger, metadata, architectures
    assert facts("bookshelf", "triggers") == ("/usr/share/bookshelf /usr/share/bookshelf/*",)
    assert facts("bookshelf-lookup", "arch") == (built.place.arch,)
    assert "!bookshelf-classic" in facts("bookshelf", "depend")
    assert {facts(name, "arch") for name in built.packages} == {("noarch",), (built.place.arch,)}
    assert facts("verse-suite", "arch") == ("noarch",)
    assert built.package("verse-suite").members == {}

    # rights
    modes = [
        m.mode for name in built.packages if name.startswith("portguard") for m in built.package(name).members.values()
    ]
    assert any(mode & stat.S_ISUID for mode in modes)
    capable = [
        name
        for name in built.packages
        for member in built.package(name).members.values()
        if "SCHILY.xattr.security.capability" in member.pax_headers
    ]
    assert capable == ["portguard-bind"]

    # Python, and a recipe that replaces how that is traced
    assert any(word.startswith("py3.") for word in facts("py3-syllab", "provides"))
    assert facts("inkpot", "provides") == ()
    assert facts("inkpot", "depend") == ("python3",)
    assert any("__pycache__" in name for name in built.package("py3-syllab-pyc").members)
    assert not any("__pycache__" in name for name in built.package("py3-syllab").members)

    # odd things
    assert "usr/share/oddments/a name with spaces" in built.package("oddments-common").members
    assert "usr/share/empty" in built.package("oddments").members, "keepdirs"
    assert {"runpack-virtual", "runpack=23.01-r0"} <= set(facts("sevenfold", "provides"))
    assert facts("oddments-plugins", "provides") == ("so:oddments:libanswer.so.2=2.1",)


def test_the_same_again_to_the_byte(built: Built) -> None:
    """In another folder, in another order of time: equal packages."""
    for name in ("oddments", "tallyd"):
        elsewhere = built.place.base / "again"
        built.place.build(built.place.aports / "main" / name, "-P", str(elsewhere))
        for package in _packages(built.recipes[name]):
            file = built.place.index()[package].file_name
            [again] = elsewhere.rglob(file)
            assert again.read_bytes() == (built.place.repository() / file).read_bytes(), file


# --- the real apk ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def apk() -> str:
    """The real apk."""
    program = shutil.which("apk")
    if program is None:
        pytest.skip("apk is not installed")
    return program


@pytest.mark.needs_apk
def test_apk_verifies_them(built: Built, apk: str) -> None:
    keys = ["--keys-dir", str(built.place.public.parent)]
    files = sorted(built.place.repository().glob("*.apk"))
    done = subprocess.run([apk, *keys, "verify", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": OK\n") == len(files)


@pytest.mark.needs_apk
def test_apk_installs_them_from_the_index(built: Built, apk: str, tmp_path: Path) -> None:
    """With a package that stands for everything the samples need from elsewhere."""
    place = built.place
    index = read_index(place.repository() / "APKINDEX.tar.gz")
    wanted = {word for entry in index.entries for word in entry.depends if not word.startswith("!")}
    missing = {
        bare_name(word): word[len(bare_name(word)) :].lstrip("<>=~") or "1"
        for word in sorted(wanted)  # the more precise of two comes later
        if not index.satisfying(word)
    }
    stand_in = place.recipe(
        'package() { mkdir -p "$pkgdir"; }',
        name="everything-else",
        provides=" ".join(f"{word}={version}" for word, version in missing.items()),
    )
    other = place.base / "other"
    place.build(stand_in, "-P", str(other))
    root = tmp_path / "root"
    repositories = tmp_path / "repositories"
    repositories.write_text(f"{place.repodest}/main\n{other}/main\n")
    done = subprocess.run(
        [
            *(apk, "--root", str(root), "--arch", place.arch, "--keys-dir", str(place.public.parent)),
            *("--repositories-file", str(repositories), "--no-network", "--no-cache"),
            *("add", "--initdb", *([] if os.geteuid() == 0 else ["--usermode"]), "--no-scripts"),
            *sorted(built.packages),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in built.packages:
        package = built.package(name)
        for file, content in package.contents.items():
            installed = root / file
            assert installed.read_bytes() == content, f"{name}: {file}"
            if os.geteuid() == 0:
                assert stat.S_IMODE(installed.stat().st_mode) == package.members[file].mode, f"{name}: {file}"
    database = (
        (root / "usr/lib/apk/db/installed") if (root / "usr/lib/apk/db").exists() else root / "lib/apk/db/installed"
    )
    assert {line[2:] for line in database.read_text().splitlines() if line.startswith("P:")} >= set(built.packages)
