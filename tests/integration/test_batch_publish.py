# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing at the end of ``abuildpy batch``: what the gate stops, and what ``--rebuild-dependants`` does about it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from buildkit import Done, Place

pytest_plugins = ["buildfixtures"]

TOOL = 'package() { mkdir -p "$pkgdir"/usr/bin; echo "#!/bin/sh" > "$pkgdir"/usr/bin/$_name; chmod 755 "$pkgdir"/usr/bin/*; }\n'
USER = 'package() { mkdir -p "$pkgdir"/usr/share/$pkgname; echo > "$pkgdir"/usr/share/$pkgname/x; }\n'
FOLLOWS = "cmd:$(cat name)"


@pytest.fixture
def tree(place: Place) -> Place:
    """A tool whose command has the name that a file says, and somebody who uses it once it is built with it; both published."""
    place.recipe(TOOL, name="tool", extra={"name": "saw\n"}, _name="$(cat name)")
    place.recipe(USER, name="user", repo="community", extra={"name": "saw\n"}, depends=FOLLOWS)
    assert batch(place, ".").status == 0
    assert published(place) == {"main/tool-1.0-r0", "community/user-1.0-r0"}
    return place


def batch(place: Place, *words: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.umbrella", "batch", "--no-deps-install", "-j", "1", *words],
        cwd=place.aports,
        env={**place.environment, "CARCH": "x86_64"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def published(place: Place) -> set[str]:
    """All that the signed indexes list, as ``main/foo-1.0-r0``."""
    return {
        f"{repo}/{entry.name}-{entry.version}"
        for repo in ("main", "community")
        for entry in place.index(repo, "x86_64").values()
    }


def edit(place: Place, path: str, old: str, new: str) -> Path:
    apkbuild = place.aports / path
    text = apkbuild.read_text()
    assert old in text
    apkbuild.write_text(text.replace(old, new))
    return apkbuild


def rename_the_command(place: Place) -> None:
    for path in place.aports.glob("*/*/name"):
        path.write_text("axe\n")
    edit(place, "main/tool/APKBUILD", 'pkgver="1.0"', 'pkgver="2.0"')


def test_records_are_published_with_packages(tree: Place) -> None:
    for repository, name in (("main", "tool"), ("community", "user")):
        folder = tree.repository(repository, "x86_64")
        assert {path.name for path in folder.glob("*.json")} == {
            f"{name}-1.0-r0.{kind}.json" for kind in ("buildinfo", "provenance", "spdx")
        }
        words = ("--keys-dir", str(tree.public.parent), "--require", "all", str(folder / f"{name}-1.0-r0.apk"))
        done = tree.run(None, "verify", *words, module="abuildpy.cli.umbrella")
        assert done.status == 0, str(done)


def test_a_batch_without_records(place: Place) -> None:
    place.recipe(USER, name="user")
    place.environment["ABUILD_RECORDS"] = "no"
    assert batch(place, ".").status == 0
    assert list(place.index("main", "x86_64")) == ["user"]
    assert not list(place.repodest.rglob("*.provenance.json"))


def test_nothing_is_published_while_somebody_would_lose_a_command(tree: Place) -> None:
    before = tree.package(arch="x86_64", name="tool").apk.identity
    rename_the_command(tree)
    done = batch(tree, "main/tool")
    assert done.status == 1
    (error,) = done.errors
    assert error == "not published: packages in the repository would lose what they need"
    lost = "community/user-1.0-r0 would lose cmd:saw: main/tool-1.0-r0 has it, main/tool-2.0-r0 has not"
    assert lost in done.err
    assert "let --rebuild-dependants do it: community/user" in done.err
    assert published(tree) == {"main/tool-1.0-r0", "community/user-1.0-r0"}
    assert tree.package(arch="x86_64", name="tool").apk.identity == before
    assert not (tree.repository(arch="x86_64") / "tool-2.0-r0.apk").exists()


def test_the_rest_is_published_if_that_is_wanted(tree: Place) -> None:
    """All but the tool, what was built with it and what needs it; the reports tell so."""
    rename_the_command(tree)
    tree.recipe(USER, name="builtwith", makedepends="tool")
    tree.recipe(USER, name="needs", depends="cmd:axe")
    tree.recipe(USER, name="free")
    there = {"main/tool-1.0-r0", "community/user-1.0-r0"}
    words = ("main/tool", "main/builtwith", "main/needs", "main/free")
    assert batch(tree, *words).status == 1
    assert published(tree) == there
    report = tree.base / "report.json"
    done = batch(tree, "--publish-rest", "--report", str(report), *words)
    assert done.status == 1
    assert done.errors == ["not all is published: packages in the repository would lose what they need"]
    assert "held back, while the rest is published: main/builtwith main/needs main/tool" in done.err
    assert published(tree) == {*there, "main/free-1.0-r0"}
    document = json.loads(report.read_text())
    assert document["exit_status"] == 1
    assert document["not_published"]["held"] == ["main/builtwith", "main/needs", "main/tool"]
    assert [each["package"] for each in document["not_published"]["losses"]] == ["community/user-1.0-r0"]
    done = batch(tree, "--rebuild-dependants", *words)
    assert done.status == 0, str(done)
    assert "main/needs-1.0-r0" in published(tree)
    assert "started" not in done.err.replace("community/user 1.0-r1: started", "")


def test_dependants_are_rebuilt_with_a_higher_pkgrel(tree: Place) -> None:
    rename_the_command(tree)
    assert batch(tree, "main/tool").status == 1
    done = batch(tree, "--rebuild-dependants", "main/tool")
    assert done.status == 0, str(done)
    assert 'pkgrel="1"' in (tree.aports / "community/user/APKBUILD").read_text()
    assert "community/user: pkgrel 0 -> 1, to be rebuilt for cmd:saw" in done.err
    assert any("main/tool" in line and "reused" in line for line in (done.out + done.err).splitlines())
    user = tree.package("user", "1.0-r1", repo="community", arch="x86_64")
    assert user.info("depend") == ("cmd:axe",)
    assert {"main/tool-2.0-r0", "community/user-1.0-r1"} <= published(tree)
    # All of that is done now.
    again = batch(tree, "--rebuild-dependants", ".")
    assert again.status == 0, str(again)
    assert 'pkgrel="1"' in (tree.aports / "community/user/APKBUILD").read_text()


def test_what_was_rebuilt_may_take_something_away_itself(tree: Place) -> None:
    provides = f'provides="{FOLLOWS.replace("cmd:", "pc:")}=1"\n'
    edit(tree, "community/user/APKBUILD", 'depends="', provides + 'depends="')
    edit(tree, "community/user/APKBUILD", 'pkgrel="0"', 'pkgrel="1"')
    tree.recipe(USER, name="third", extra={"name": "saw\n"}, depends=FOLLOWS.replace("cmd:", "pc:"))
    assert batch(tree, ".").status == 0
    rename_the_command(tree)
    done = batch(tree, "--rebuild-dependants", "main/tool")
    assert done.status == 0, str(done)
    assert tree.package("third", "1.0-r1", arch="x86_64").info("depend") == ("pc:axe",)
    assert tree.package("user", "1.0-r2", repo="community", arch="x86_64").info("provides") == ("pc:axe=1",)


def test_rebuilding_does_not_always_help(tree: Place) -> None:
    rename_the_command(tree)
    apkbuild = edit(tree, "community/user/APKBUILD", "$(cat name)", "saw")
    done = batch(tree, "--rebuild-dependants", "main/tool")
    assert done.status == 1
    assert done.errors == ["not published: community/user was rebuilt and still needs what is going away"]
    assert published(tree) == {"main/tool-1.0-r0", "community/user-1.0-r0"}
    apkbuild.write_text(apkbuild.read_text() + "build() { false; }\n")
    done = batch(tree, "--rebuild-dependants", "main/tool")
    assert done.status == 1
    assert done.errors[-1] == "not published: community/user could not be rebuilt"
