# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration, variables and git, as people and scripts that know abuild expect them to count."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from buildkit import Place
from dropkit import PACKAGE, append

from abuildpy.repository.index import read_index

pytest_plugins = ["buildfixtures"]


# --- configuration ---------------------------------------------------------------------------------------------------


def test_who_decides(place: Place) -> None:
    folder = place.recipe('build() { echo "CFLAGS=$CFLAGS; GOFLAGS=$GOFLAGS; PACKAGER=$PACKAGER"; }\n' + PACKAGE)
    system = place.base / "system.conf"
    system.write_text("CFLAGS=-Osystem GOFLAGS=-system PACKAGER='System <s@example.invalid>'\nexport GOFLAGS\n")
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nCFLAGS=-Ouser\nGOFLAGS=-user\n")
    env = {"ABUILD_CONF": str(system), "PACKAGER_PRIVKEY": "/no/such/key"}
    done = place.build(folder, env=env)
    assert "CFLAGS=-Ouser; GOFLAGS=-user; PACKAGER=System <s@example.invalid>\n" in done.out
    done = place.build(
        folder, "-f", env={**env, "CFLAGS": "-Oenv", "GOFLAGS": "-env", "PACKAGER": "E <e@example.invalid>"}
    )
    assert "CFLAGS=-Oenv; GOFLAGS=-user; PACKAGER=E <e@example.invalid>\n" in done.out
    assert place.package().info("packager") == ("E <e@example.invalid>",)


def test_where_the_users_configuration_is(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    xdg = place.home / ".config/abuild"
    place.build(folder)
    xdg.mkdir(parents=True)
    done = place.run(folder, "-d", "-f")
    assert done.status == 1, "the newer place counts once it is there"
    shutil.copy(place.home / ".abuild/abuild.conf", xdg / "abuild.conf")
    place.build(folder, "-f")
    (xdg / "abuild.conf").unlink()
    place.build(folder, "-f", env={"ABUILD_USERDIR": str(place.home / ".abuild")})


def test_where_packages_go(place: Place) -> None:
    folder = place.recipe(PACKAGE, repo="community")
    env = {"REPODEST": None}
    (place.home / "packages").mkdir()
    place.build(folder, env=env)
    assert (place.home / "packages/community" / place.arch / "foo-1.0-r0.apk").exists()
    shutil.rmtree(place.home / "packages")
    place.build(folder, env=env)
    assert (place.home / ".local/share/abuild/community" / place.arch / "foo-1.0-r0.apk").exists()


def test_packages_have_to_go_somewhere(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    env = {"REPODEST": ""}
    done = place.build(folder, env=env)
    assert done.err.startswith(f">>> WARNING: foo: REPODEST is not set; packages go to {place.home}/packages\n")
    assert (place.home / "packages/main" / place.arch / "foo-1.0-r0.apk").exists()
    done = place.run(folder, "-d", env=env)
    assert "Package is up to date" in done.err
    assert [line[:26] for line in done.warnings] == ["foo: REPODEST is not set; "]
    assert len(place.run(folder, "listpkg", env=env).warnings) == 1, "said even where the answer is known already"
    append(folder, "PKGDEST=/elsewhere\n")
    done = place.run(folder, "listpkg", env=env)
    assert (done.status, done.out, done.errors) == (1, "", ["foo: PKGDEST is not supported"])


def test_work_folders_by_variable(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    place.build(folder, "-K", env={"pkgbasedir": str(folder / "other-pkg")})
    assert (folder / "other-pkg/foo/usr/share/foo/a").exists()
    assert not (folder / "pkg").exists()


def test_what_a_recipe_may_count_on(place: Place) -> None:
    folder = place.recipe(
        """
        build() {
            echo "<$startdir|$srcdir|$pkgdir|$builddir|$repo|$CARCH|$PWD>"
            echo "<$GOCACHE|$GOTMPDIR|$CARGO_HOME|$JOBS|$MAKEFLAGS>"
        }
        """
        + PACKAGE,
        builddir="$srcdir",
    )
    done = place.build(folder)
    assert f"<{folder}|{folder}/src|{folder}/pkg/foo|{folder}/src|main|{place.arch}|{folder}/src>" in done.out
    assert f"<{folder}/tmp/go|{folder}/tmp|{folder}/tmp/cargo|1|-j1>" in done.out


def test_the_callers_tmpdir(place: Place) -> None:
    """It need not exist where the recipe runs."""
    own = place.base / "own"
    own.mkdir()
    folder = place.c_recipe("check() { mktemp; mktemp -d; }\n", options="")
    place.build(folder, env={"TMPDIR": str(own)})
    assert list(own.iterdir()) == []


def test_sources_are_links_and_can_be_read(place: Place) -> None:
    folder = place.recipe("build() { cat local.txt; }\n" + PACKAGE, files={"local.txt": "said by a source\n"})
    done = place.build(folder, "-K")
    assert "said by a source" in done.out
    assert (folder / "src/local.txt").is_symlink()


# --- git -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_commit_and_date(place: Place) -> None:
    folder = place.recipe(PACKAGE)

    def git(*words: str) -> str:
        date = "2020-02-02T02:02:02Z"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(place.home),
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.invalid", *words]
        return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()

    os.utime(folder / "APKBUILD", (1_600_000_000, 1_600_000_000))
    place.build(folder)
    assert (place.package().info("commit"), place.package().info("builddate")) == (("",), ("1600000000",))
    git("init", "-q", str(place.aports))
    git("add", "APKBUILD")
    git("commit", "-q", "-m", "foo")
    head = git("rev-parse", "HEAD")
    place.build(folder, "-f")
    assert (place.package().info("commit"), place.package().info("builddate")) == ((head,), ("1580608922",))
    (folder / "new.patch").touch()
    place.build(folder, "-f")
    assert (place.package().info("commit"), place.package().info("builddate")) == (
        (f"{head}-dirty",),
        (str(int((folder / "APKBUILD").stat().st_mtime)),),
    )
    git("tag", "-a", "-m", "x", "v7")
    place.build(folder, "-f")
    assert read_index(place.repository() / "APKINDEX.tar.gz").description == "main v7"
