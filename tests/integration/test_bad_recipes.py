# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad recipes: each ends with status 1, one clear message, and nothing broken."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from badkit import PACKAGE, is_shell, left_in, replace
from buildkit import (
    Place,
    child_pids,
    finish,
    processes_with,
    running,
    wait_for,
)

pytest_plugins = ["buildfixtures"]


def append(folder: Path, text: str) -> None:
    """Adds to a recipe."""
    with open(folder / "APKBUILD", "a", encoding="utf-8") as file:
        file.write(text)


def test_no_recipe(stocked: Place) -> None:
    done = stocked.fails(stocked.aports)
    assert done.errors == [f"Could not find ./APKBUILD (PWD={stocked.aports})"]
    assert "folder of an aport" in done.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('if true; then\n\techo "x"\n', r"APKBUILD:\d+: .*(end of file|EOF).*"),
        ("build() {\n\tfor x in; do\n}\n", r"APKBUILD:\d+: .*unexpected \"}\".*"),
        ("\nexit 0\n", r"APKBUILD:\d+: the recipe ends the shell with `exit 0`"),
        ("\nexit 7\n", r"APKBUILD:\d+: the recipe ends the shell with `exit 7`"),
        ("\nfalse\n", r"APKBUILD:\d+: `false` failed with status 1 .*"),
        ("\nno_such_command --x\n", r"APKBUILD:\d+: `no_such_command --x` failed with status 127 .*"),
        ("\n. /no/such/file\n", r"APKBUILD:\d+: .*failed with status \d+.*"),
        ("\nkill -KILL $$\n", r"APKBUILD.*signal 9.*"),
    ],
)
def test_a_recipe_that_cannot_be_read(stocked: Place, text: str, says: str) -> None:
    folder = stocked.recipe(PACKAGE)
    append(folder, text)
    line = len((folder / "APKBUILD").read_text().rstrip("\n").split("\n"))
    done = stocked.fails(folder)
    assert re.search(says, done.errors[0]), str(done)
    named = re.search(r"APKBUILD:(\d+)", done.errors[0])
    if named:
        assert abs(int(named[1]) - line) <= 1, str(done)
    assert not (folder / "src").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('pkgver="1.0"\n', "", "pkgver"),
        ('pkgver="1.0"', 'pkgver="../../1.0"', "1.0"),
        ('pkgver="1.0"', 'pkgver="1.0p1"', "version"),
        ('pkgrel="0"', 'pkgrel="x"', "pkgrel"),
        ('pkgname="foo"', 'pkgname="../evil"', "../evil"),
        ('pkgname="foo"', 'pkgname="foo\nbar"', "foo"),
        ('pkgname="foo"', 'pkgname=""', "name"),
        ('options="!check"', 'subpackages="../evil:x"', "../evil"),
        ('options="!check"', 'subpackages="foo-sub"', "sub"),
        ('options="!check"', 'subpackages="foo-doc::sparc"', "sparc"),
        ('options="!check"', 'install="foo.post-install"', "foo.post-install"),
        ('options="!check"', 'triggers="foo.trigger=/x"', "foo.trigger"),
        ("package()", "packing()", "package"),
        ('license="MIT"\n', "", "license"),
    ],
)
@pytest.mark.parametrize("verb", ["all", "rootpkg"])
def test_a_recipe_that_breaks_a_rule(stocked: Place, old: str, new: str, says: str, verb: str) -> None:
    if verb == "rootpkg" and (new in ('pkgver="1.0p1"', 'pkgrel="x"') or "license" in old):
        pytest.skip("only validate looks at that")
    folder = stocked.recipe(PACKAGE)
    replace(folder, old, new)
    outside = sorted(stocked.base.rglob("*evil*"))
    done = stocked.fails(folder, verb)
    assert says in " ".join(done.errors) + done.err, str(done)
    assert sorted(stocked.base.rglob("*evil*")) == outside


def test_a_recipe_that_never_ends(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    append(folder, "while :; do :; done\n")
    process = stocked.start(folder, "-d")
    wait_for(lambda: any(is_shell(pid, "evaluate.sh") for pid in child_pids(process.pid)), "the shell")
    process.send_signal(signal.SIGINT)
    done = finish(process, 20)
    assert (done.status, done.errors) == (1, ["Aborted by user"])


def test_a_recipe_that_meddles_with_our_descriptors(stocked: Place) -> None:
    folder = stocked.recipe(
        """
        { echo garbage >&8; } 2>/dev/null || :
        { echo garbage >&9; } 2>/dev/null || :
        """
        + PACKAGE
    )
    stocked.build(folder)
    append(folder, "build() { echo garbage >&8; }\n")
    done = stocked.fails(folder, "-f")
    assert "descriptor 8" in done.errors[0]
    replace(folder, "build() { echo garbage >&8; }", "build() { echo garbage >&9 || :; read -r x <&9; }")
    # Waiting there is waiting for ever; the user can end it.
    replace(folder, "echo garbage >&9 || :;", 'touch "$srcdir"/mark;')
    with running(stocked, folder, "-f", mark=folder / "src/mark") as process:
        process.send_signal(signal.SIGINT)
        assert finish(process).errors == ["foo: Aborted by user"]


def test_forged_reports_change_nothing(stocked: Place) -> None:
    """What a function writes to the reporting descriptor counts no more than what it could say anyway."""
    folder = stocked.recipe(
        r"""
        build() {
            printf '2\0environment\0export PATH='"'"/nowhere"'"'\nexport X='"'"forged"'"'\n\0' >&8
            printf '4\0failed\0bui\033ld\0notanumber\0../../x\0' >&8
        }
        """
        + PACKAGE
    )
    done = stocked.fails(folder)
    assert "failed" in done.errors[0]


def test_huge_output_and_binary_output_pass_through(place: Place) -> None:
    folder = place.recipe(
        r"""
        build() { head -c 3000000 /dev/zero | tr '\0' x; printf '\377\376\0\033[31m'; head -c 300000 /dev/zero >&2; }
        """
        + PACKAGE
    )
    done = place.build(folder)
    assert done.out.count("x") >= 3000000


def test_a_huge_recipe_environment(place: Place) -> None:
    folder = place.recipe('build() { export BIG="$(head -c 100000 /dev/zero | tr "\\0" y)"; }\n' + PACKAGE)
    place.build(folder)


def test_something_left_behind_that_holds_the_output_open(place: Place, sandbox: str) -> None:
    mark = f"7.{int.from_bytes(os.urandom(4))}"
    folder = place.recipe(f"build() {{ (trap '' HUP TERM; sleep 6000{mark}) & }}\n" + PACKAGE)
    place.build(folder, sandbox)
    wait_for(lambda: not processes_with(f"6000{mark}"), "its end", 10)


@pytest.mark.parametrize(
    ("functions", "more", "says"),
    [
        ("package() { :; }", {}, "Missing pkgdir for foo foo: rootpkg failed"),
        (
            "package() { mkdir -p $pkgdir; }\nsub() { :; }",
            {"subpackages": "foo-sub"},
            "Missing subpkgdir for foo-sub foo: rootpkg failed",
        ),
        ("package() { mkdir -p $pkgdir; exit 0; }", {}, "package failed"),
        ("package() { mkdir -p $pkgdir; false; }", {}, "package failed"),
        ("package() { mkdir -p $pkgdir; ln -s / $pkgdir/../foo-sub; }\nsub() { :; }", {"subpackages": "foo-sub"}, ""),
        ("package() { rm -rf $pkgdir; ln -s /etc $pkgdir; }", {}, ""),
        ("package() { mkdir -p $pkgdir/usr/local/bin; touch $pkgdir/usr/local/bin/x; }", {}, "/usr/local"),
        ("package() { mkdir -p $pkgdir; kill -KILL $$; }", {}, "package"),
        ("package() { mkdir -p $pkgdir; echo broken > $pkgdir/$(printf 'a\\nb'); }", {}, "newline"),
        ("package() { mkdir -p $pkgdir; depends='foo=bar=1.0-0'; }", {}, "foo=bar"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_packaging_that_goes_wrong(stocked: Place, functions: str, more: dict[str, str], says: str) -> None:
    folder = stocked.recipe(functions + "\n", **more)  # type: ignore[arg-type]
    before = stocked.repository_bytes()
    done = stocked.run(folder, "-d")
    assert 1 <= len(done.errors) <= 2, str(done)
    stocked.assert_failed_well(done, before, errors=len(done.errors))
    assert says in " ".join(done.errors), str(done)
    assert left_in(stocked.repodest) == []
    assert (folder / "src").is_dir()
