# SPDX-License-Identifier: GPL-3.0-or-later
"""abuildpy packaged by itself: what its packages say and hold, and that the programs start from an installed root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from buildkit import PATH, TOP, Package, Place

from abuildpy import __version__
from abuildpy.repository.depends import bare_name
from abuildpy.repository.index import read_index

pytest_plugins = ["buildfixtures"]

VERSION = f"{__version__}-r0"
PROGRAMS = (
    "abuild abuild-fetch abuild-gzsplit abuild-keygen abuild-rm abuild-sign abuild-tar abump ap apkbuild-lint apkbuild-pypi "
    "apkgrel buildrepo checkapk newapkbuild"
).split()
PACKAGES = sorted(
    f"abuildpy{suffix}"
    for suffix in ("", "-pyc", "-doc", "-bash-completion", "-zsh-completion", "-fish-completion", "-abuild")
)


@dataclass(frozen=True)
class Built:
    """The packages, by name."""

    place: Place
    packages: Mapping[str, Package]

    def files(self, name: str) -> list[str]:
        """Files of one of the packages."""
        return self.packages[name].files


@pytest.fixture(scope="module")
def built(make_place: Callable[..., Place]) -> Built:
    """A copy of the project, as a checkout lies around its sample recipes, and the packages made from it."""
    if not shutil.which("scdoc", path=PATH):
        pytest.skip("scdoc is not installed, which makes the man pages")
    needed = "import setuptools, wheel, pip"
    if subprocess.run(["python3", "-c", needed], env={"PATH": PATH}, capture_output=True, check=False).returncode:
        pytest.skip("the system's python3 has no pip, setuptools or wheel")
    place = make_place()
    project = place.aports / "project"
    (project / ".git").mkdir(parents=True)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(TOP / name, project)
    for name in ("abuildpy", "completions", "docs", "aports-sample/main/abuildpy"):
        shutil.copytree(TOP / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "src", "pkg", "tmp"))
    place.build(project / "aports-sample/main/abuildpy")
    index = place.index()
    return Built(place, {name: place.package(name, index[name].version) for name in index})


def test_packages(built: Built) -> None:
    assert sorted(built.packages) == PACKAGES
    assert {package.info("arch") for package in built.packages.values()} == {("noarch",)}
    assert {package.info("pkgver") for package in built.packages.values()} == {(VERSION,)}


def test_main_package_has_all_of_the_project(built: Built) -> None:
    [site] = {name.partition("/site-packages/")[0] for name in built.files("abuildpy") if "/site-packages/" in name}
    packaged = {
        name.removeprefix(f"{site}/site-packages/")
        for name in built.files("abuildpy")
        if "/site-packages/abuildpy/" in name
    }
    here = {
        str(path.relative_to(TOP))
        for path in (TOP / "abuildpy").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packaged == here
    members = built.packages["abuildpy"].members
    for name in here:
        executable = bool((TOP / name).stat().st_mode & 0o100)
        assert bool(members[f"{site}/site-packages/{name}"].mode & 0o100) == executable, name
    assert not any(name.endswith(".pyc") for name in built.files("abuildpy"))
    modules = {name for name in here if name.endswith(".py")}
    assert sum(name.endswith(".pyc") for name in built.files("abuildpy-pyc")) == len(modules)
    assert "direct_url.json" not in " ".join(built.files("abuildpy"))


def test_abuild_package_stands_in_for_abuild(built: Built) -> None:
    package = built.packages["abuildpy-abuild"]
    assert [name.removeprefix("usr/bin/") for name in package.files if name.startswith("usr/bin/")] == PROGRAMS
    provides = package.info("provides")
    assert any(word.startswith("abuild=3.18") for word in provides)
    assert {f"cmd:{name}={VERSION}" for name in PROGRAMS} <= set(provides)
    assert package.info("replaces") == ("abuild", "apkbuild-pypi", "atools", "lua-aports")
    assert f"abuildpy={VERSION}" in package.info("depend")
    assert package.owner("var/cache/distfiles")[1] == "abuild"
    assert sorted(package.apk.scripts) == [".pre-install"]
    for name in PROGRAMS:
        assert package.contents[f"usr/bin/{name}"].startswith(b"#!/usr/bin/python3\n")
    assert [name for name in built.files("abuildpy") if name.startswith("usr/bin/")] == ["usr/bin/abuildpy"]


def test_manual_and_completions(built: Built) -> None:
    pages = {name.rpartition("/")[2] for name in built.files("abuildpy-doc") if name.startswith("usr/share/man/")}
    assert pages == {f"{path.stem}.gz" for path in (TOP / "docs/man").glob("*.scd")}
    assert {f"{name}.1.gz" for name in ("abuildpy", *PROGRAMS)} | {"APKBUILD.5.gz", "abuild.conf.5.gz"} == pages
    for shell, form in (
        ("bash", "usr/share/bash-completion/completions/{}"),
        ("zsh", "usr/share/zsh/site-functions/_{}"),
        ("fish", "usr/share/fish/vendor_completions.d/{}.fish"),
    ):
        expected = {form.format(name) for name in ("abuildpy", *PROGRAMS)}
        assert set(built.files(f"abuildpy-{shell}-completion")) == expected


@pytest.mark.needs_apk
def test_programs_start_from_an_installed_root(built: Built, tmp_path: Path) -> None:
    """The real apk installs them; the programs then run by this interpreter, with nothing of the project's own tree."""
    apk = shutil.which("apk")
    if apk is None:
        pytest.skip("apk is not installed")
    place = built.place
    entries = read_index(place.repository() / "APKINDEX.tar.gz").entries
    own = {word for entry in entries for word in (entry.name, *map(bare_name, entry.provides))}
    wanted = {
        bare_name(word): word for entry in entries for word in sorted(entry.depends) if bare_name(word) not in own
    }
    names = " ".join(f"{name}={word[len(name) :].lstrip('<>=~') or '1'}" for name, word in wanted.items())
    stand_in = place.recipe('package() { mkdir -p "$pkgdir"; }', name="everything-else", provides=names)
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
            *("abuild>=3.18", *PACKAGES),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [site] = root.glob("usr/lib/python3.*/site-packages")
    # What the dependencies are on Alpine: the libraries that this interpreter has.
    libraries = [path for path in sys.path if path and Path(path).resolve() != TOP]
    environment = {
        "PATH": f"{root}/usr/bin:{PATH}",
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(site), *libraries]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ABUILD_CONF": str(root / "etc/abuild.conf"),
        "CBUILD": "x86_64-alpine-linux-musl",
    }

    def run(*command: str) -> str:
        result = subprocess.run(
            [sys.executable, "-S", str(root / "usr/bin" / command[0]), *command[1:]],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout + result.stderr

    assert run("abuild", "-V") == f"abuild 3.18.0 (abuildpy {__version__})\n"
    assert run("abuild", "-A") == "x86_64\n"
    assert f"sharedir={site}/abuildpy/share\n" in run("abuildpy", "paths")
    for name in set(PROGRAMS) - {"abuild-gzsplit", "abuild-rm", "apkbuild-pypi"}:
        assert "usage" in run(name, "-h" if name != "abuild-tar" else "--help").lower(), name
    shared = root / "usr/share/abuild/functions.sh"
    assert shared.is_symlink() and shared.resolve() == site / "abuildpy/share/functions.sh"
