# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy reproduce``: recipes that come out the same, and recipes made to depend on what they should not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from buildkit import Done, Place

pytest_plugins = ["buildfixtures"]

MODULE = "abuildpy.cli.umbrella"

# Each file depends on one thing, and the test below says which. Times without seconds change only with the clock.
LEAKS = """
build() {
	mkdir d
	touch d/zeta d/Alpha d/beta d/Gamma d/omega d/delta
	date '+%Y-%m' > when
	date '+%d %B %Y' | sed 's/^/.TH LEAKS 1 "/; s/$/"/' > leaks.1
	find d -type f > listing
	printf '%s\\n' user: "$(id -un)" > user
	echo "made by $(id -u)" > number
	uname -n > host
	echo "make -j$JOBS" > jobs
	date +%H:%M%z -d @1000000000 > zone
	echo plain > plain; gzip plain
	tar cf d.tar d
	ar rcU d.a d/beta d/zeta
	cat /proc/sys/kernel/random/uuid > id
	mktemp > temporary
	echo "$HOME/x" > home
}
package() {
	mkdir -p "$pkgdir"/usr/share/leaks "$pkgdir"/usr/share/man/man1
	cp when listing user number host jobs zone plain.gz d.tar d.a id temporary home "$pkgdir"/usr/share/leaks/
	cp leaks.1 "$pkgdir"/usr/share/man/man1/
	touch "$pkgdir"/usr/share/leaks/log-$(date +%Y%m%d)
}
"""


def reproduce(place: Place, *arguments: str, folder: Path | None = None) -> Done:
    return place.run(folder, "reproduce", "-d", *arguments, module=MODULE)


def document(done: Done) -> dict[str, Any]:
    assert "Traceback" not in done.err, str(done)
    found: dict[str, Any] = json.loads(done.out)
    return found


def files(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {Path(file["path"]).name: file for package in found["packages"] for file in package["files"]}


def causes(file: dict[str, Any]) -> list[str]:
    return [each["cause"] for each in file["causes"]]


@pytest.fixture
def compiler() -> None:
    """Skips a test where the library that varies clock and folders cannot be made."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler here")


@pytest.fixture(scope="module")
def leaking(make_place: Callable[..., Place]) -> Iterator[dict[str, Any]]:
    """What is told of the recipe that depends on everything, without a search."""
    place = make_place()
    folder = place.recipe(LEAKS, name="leaks", arch="all", subpackages="$pkgname-doc")
    done = reproduce(place, "--json", "--no-bisect", "--no-vary", "locale", str(folder))
    assert done.status == 1, str(done)
    yield document(done)
    shutil.rmtree(place.base, ignore_errors=True)


def test_reproducible(place: Place, walls: None, compiler: None) -> None:
    folder = place.c_recipe()
    before = sorted(folder.iterdir())
    done = reproduce(place, "--json", str(folder))
    assert done.status == 0, str(done)
    found = document(done)
    assert found["result"] == "reproducible"
    assert [package["identical"] for package in found["packages"]] == [True]
    assert {each["name"]: each["applied"] for each in found["variations"]} == dict.fromkeys(
        ("time", "zone", "locale", "umask", "user", "cores", "order", "host", "environment"), True
    )
    assert found["builds"] == 2
    assert sorted(folder.iterdir()) == before
    assert place.repository_bytes() == {}


def test_ordinary_user(users_place: Place, walls: None, compiler: None) -> None:
    folder = users_place.recipe(LEAKS, name="leaks", arch="all", subpackages="$pkgname-doc")
    done = reproduce(users_place, "--json", "--no-bisect", "--no-vary", "locale", str(folder))
    assert done.status == 1, str(done)
    found = files(document(done))
    assert causes(found["user"]) == ["user"]
    assert causes(found["number"]) == ["user"]
    assert causes(found["host"]) == ["host"]


@pytest.mark.parametrize(
    ("name", "cause", "form"),
    [
        ("when", "time", ""),
        ("leaks.1.gz", "time", "man page"),
        ("listing", "order", ""),
        ("user", "user", ""),
        ("number", "user", ""),
        ("home", "user", ""),
        ("host", "host", ""),
        ("jobs", "cores", ""),
        ("zone", "zone", ""),
        ("plain.gz", "time", "gzip header"),
        ("d.tar", "time", "tar member"),
        ("d.a", "time", "ar member"),
        ("id", "random", ""),
        ("temporary", "random", ""),
    ],
)
def test_cause(
    leaking: dict[str, Any],
    walls: None,
    compiler: None,
    name: str,
    cause: str,
    form: str,
) -> None:
    file = files(leaking)[name]
    assert cause in causes(file), file
    assert form in [evidence["form"] for evidence in file["evidence"]]


def test_several_causes_in_an_archive(leaking: dict[str, Any], walls: None, compiler: None) -> None:
    assert set(causes(files(leaking)["d.tar"])) == {"time", "order", "user"}


def test_time_in_a_name(leaking: dict[str, Any], walls: None, compiler: None) -> None:
    named = [file for name, file in files(leaking).items() if name.startswith("log-")]
    assert sorted(each for file in named for each in file["what"]) == ["missing", "new"]
    assert [causes(file) for file in named] == [["time"], ["time"]]


def test_search_proves_the_cause(place: Place, walls: None, compiler: None) -> None:
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/s d
            touch d/b d/a d/e d/c d/f
            find d > "$pkgdir"/usr/share/s/order
            date +%Y > "$pkgdir"/usr/share/s/year
            cat /proc/sys/kernel/random/uuid > "$pkgdir"/usr/share/s/id
            echo same > "$pkgdir"/usr/share/s/same
        }
        """
    )
    done = reproduce(place, "--json", "--vary", "time,order,host,zone", str(folder))
    found = document(done)
    assert {name: (file["varied"], file["always"]) for name, file in files(found).items()} == {
        "order": (["order"], False),
        "year": (["time"], False),
        "id": ([], True),
    }
    text = reproduce(place, "--vary", "order", "--no-bisect", str(folder))
    assert text.status == 1
    assert "usr/share/s/order" in text.out
    assert "sort the list" in text.out
    assert "foo-1.0-r0: not reproducible: 2 files in 1 of 1 package differ" in text.out


def test_language(place: Place, walls: None) -> None:
    """The second build has a language that sorts otherwise, if this machine can have one."""
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/l
            printf 'z\\nt\\nB\\na\\n' > words
            python3 - > "$pkgdir"/usr/share/l/sorted <<-E
			import locale
			locale.setlocale(locale.LC_ALL, "")
			for word in sorted(open("words"), key=locale.strxfrm): print(word, end="")
			E
        }
        """
    )
    done = reproduce(place, "--json", "--vary", "locale", str(folder))
    found = document(done)
    (told,) = found["variations"]
    if "no locale" in told["how"]:
        pytest.skip("no other language here")
    assert causes(files(found)["sorted"]) == ["locale"]
    assert files(found)["sorted"]["varied"] == ["locale"]


def test_make_is_not_upset_by_the_clock(place: Place, walls: None, compiler: None) -> None:
    """What is touched, copied with its time or made is of one time, so nothing is made twice, and nobody waits for ever."""
    folder = place.recipe(
        """
        build() {
            printf 'all: c\\nb: a\\n\\tcp -p a b; touch b\\nc: b\\n\\techo c > c\\n' > Makefile
            touch a
            make
            make > out 2>&1
            timeout 5 sleep 0.1
            ! find . -newermt "$(date -d @$(($(date +%s) + 60)) '+%Y-%m-%d %H:%M')" | grep .
        }
        package() {
            install -Dm644 out "$pkgdir"/usr/share/m/out
        }
        """
    )
    done = reproduce(place, "--json", "--vary", "time,order", str(folder))
    assert done.status == 0, str(done)


def test_path(place: Place, walls: None) -> None:
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/p
            pwd > "$pkgdir"/usr/share/p/path
            echo same > "$pkgdir"/usr/share/p/same
        }
        """
    )
    done = reproduce(place, "--json", "--vary", "path", str(folder))
    assert done.status == 0, str(done)
    (held,) = document(done)["path_dependent"]
    assert held["path"] == "usr/share/p/path"
    assert held["text"].startswith(os.fspath(folder))


def test_build_that_fails_in_other_circumstances(place: Place, walls: None) -> None:
    folder = place.recipe('build() { [ "$(uname -n)" != elsewhere ]; }\npackage() { mkdir -p "$pkgdir"/usr; }')
    done = reproduce(place, "--json", "--vary", "zone,host,user", str(folder))
    assert done.status == 1
    found = document(done)
    assert found["result"] == "unbuildable"
    assert found["failed"]["varied"] == ["host"]


def test_build_that_fails(place: Place) -> None:
    folder = place.recipe("build() { echo oh dear; false; }\npackage() { :; }")
    done = reproduce(place, "--vary", "none", str(folder))
    assert done.status == 3
    assert len(done.errors) == 1
    assert "oh dear" in done.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--vary", "weather"), 2, "'weather' cannot be varied"),
        (("--sandbox=paper",), 2, "--sandbox takes one of"),
        (("no-such-recipe",), 3, "no-such-recipe"),
        (("no-such.apk",), 3, "no-such.apk"),
        (("a", "b"), 2, "usage:"),
        (("--keep", "."), 2, "already"),
    ],
)
def test_bad_input(place: Place, arguments: tuple[str, ...], status: int, said: str) -> None:
    done = reproduce(place, *arguments)
    assert done.status == status, str(done)
    assert said in done.err
    assert "Traceback" not in done.err


def test_trouble_of_the_machine_is_no_answer(place: Place) -> None:
    """Status 1 would say: not reproducible."""
    done = place.run(place.c_recipe(), "reproduce", module=MODULE, env={"TMPDIR": str(place.base / "gone")})
    assert done.status == 3, str(done)
    assert [line.partition("/gone/")[0] for line in done.errors] == [str(place.base)], str(done)


# --- packages ---------------------------------------------------------------------------------------------------------


def _git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.invalid"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)


def test_package(place: Place, walls: None) -> None:
    """A package is rebuilt from its commit, whatever the recipe is now; and the work tree stays as it is."""
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; pwd > "$pkgdir"/usr/share/a; }')
    _git(place.aports, "init", "-q")
    _git(place.aports, "add", ".")
    _git(place.aports, "commit", "-q", "-m", "main/foo: new aport")
    place.build(folder)
    shutil.rmtree(folder / "src", ignore_errors=True)
    package = place.repository() / "foo-1.0-r0.apk"
    changed = (folder / "APKBUILD").read_text().replace("pwd >", "date >")
    (folder / "APKBUILD").write_text(changed)
    done = reproduce(place, "--json", str(package), folder=place.aports)
    assert done.status == 0, str(done)
    found = document(done)
    assert found["against"] == str(package)
    assert found["builds"] == 1
    assert (folder / "APKBUILD").read_text() == changed


def test_package_that_was_built_before_its_commit(place: Place, walls: None) -> None:
    """As abuildpy bump builds: the package names the commit before, and its recipe is found by what it was."""
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; echo zero > "$pkgdir"/usr/share/a; }')
    _git(place.aports, "init", "-q")
    _git(place.aports, "add", ".")
    _git(place.aports, "commit", "-q", "-m", "main/foo: new aport")
    (folder / "APKBUILD").write_text((folder / "APKBUILD").read_text().replace("echo zero", "echo one"))
    place.build(folder)
    shutil.rmtree(folder / "src", ignore_errors=True)
    package = place.repository() / "foo-1.0-r0.apk"
    done = reproduce(place, "--json", str(package), folder=place.aports)
    assert done.status == 0, str(done)
    assert document(done)["notes"] == [
        f"the package was built from changes that were not committed: {folder} is built as it is"
    ]
    _git(place.aports, "commit", "-q", "-a", "-m", "main/foo: say one")
    (folder / "APKBUILD").write_text((folder / "APKBUILD").read_text().replace("echo one", "echo two"))
    done = reproduce(place, "--json", str(package), folder=place.aports)
    assert done.status == 0, str(done)
    (note,) = document(done)["notes"]
    assert note.startswith("the package was built before its recipe was committed: ")
    _git(place.aports, "commit", "-q", "-a", "--amend", "-m", "main/foo: say two")
    done = reproduce(place, "--json", str(package), folder=place.aports)
    assert done.status == 1, str(done)
    assert document(done)["notes"][0].endswith("is built as it is, and other files are there now: APKBUILD")


def test_package_that_was_changed(place: Place, walls: None) -> None:
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; echo one > "$pkgdir"/usr/share/a; }')
    place.build(folder)
    (folder / "APKBUILD").write_text((folder / "APKBUILD").read_text().replace("echo one", "echo two"))
    done = reproduce(place, "--json", str(place.repository() / "foo-1.0-r0.apk"), folder=place.aports)
    assert done.status == 1, str(done)
    found = document(done)
    assert list(files(found)) == ["a"]
    assert files(found)["a"]["excerpt"] == ["-one", "+two"]
    assert any("names no commit" in note for note in found["notes"])


def test_package_of_another_version(place: Place) -> None:
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; }')
    place.build(folder)
    (folder / "APKBUILD").write_text((folder / "APKBUILD").read_text().replace('pkgrel="0"', 'pkgrel="1"'))
    done = reproduce(place, str(place.repository() / "foo-1.0-r0.apk"), folder=place.aports)
    assert done.status == 3
    assert "1.0-r1" in done.err


def test_package_of_a_tree_that_was_moved(place: Place, walls: None) -> None:
    """Its functions see the recipe where it was when the package was built, though nothing is there any more."""
    place.aports = place.base / "trees" / "aports"
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; pwd > "$pkgdir"/usr/share/a; }')
    place.build(folder)
    shutil.rmtree(folder / "src", ignore_errors=True)
    (place.base / "trees").rename(place.base / "elsewhere")
    (place.base / "trees").mkdir()
    done = reproduce(place, str(place.repository() / "foo-1.0-r0.apk"), folder=place.base / "elsewhere/aports")
    assert done.status == 0, str(done)
    assert "cannot be had here" not in done.out


def test_a_strangers_buildinfo_opens_nothing(place: Place, walls: None) -> None:
    """Neither the network nor folders of ours, whatever environment and path it tells of; and it leads nowhere."""
    secret = place.base / "secret"
    secret.mkdir()
    (secret / "key").write_text("s3cret")
    folder = place.recipe(
        'package() { mkdir -p "$pkgdir"/usr/share; cat "$SECRET"/key > "$pkgdir"/usr/share/a 2>/dev/null || :;'
        ' echo "$CARGO_HOME $LD_LIBRARY_PATH" > "$pkgdir"/usr/share/b; touch "$SECRET"/planted 2>/dev/null || :; }'
    )
    place.build(folder)
    shutil.rmtree(folder / "src", ignore_errors=True)
    apkbuild = folder / "APKBUILD"
    apkbuild.write_text(apkbuild.read_text().replace("$SECRET", str(secret)))
    (path,) = place.repository().glob("*.buildinfo.json")
    honest = json.loads(path.read_bytes())
    told = json.loads(path.read_bytes())
    told["surrounding"]["path"] = str(secret)
    told["surrounding"]["variables"] |= {
        "CARGO_HOME": str(secret),
        "GOCACHE": str(secret),
        "ABUILD_NET": "always",
        "LD_LIBRARY_PATH": "/x",
        "CARCH": "../../../../escaped",
    }
    path.write_text(json.dumps(told))
    done = reproduce(place, "--json", str(place.repository() / "foo-1.0-r0.apk"), folder=place.aports)
    assert done.status == 1, str(done)
    assert any("not taken from a buildinfo: ABUILD_NET CARCH CARGO_HOME" in note for note in document(done)["notes"])
    assert "s3cret" not in done.out
    assert "+/x" not in done.out
    assert sorted(each.name for each in secret.iterdir()) == ["key"]
    honest["recipe"]["repository"] = "../../../../escaped"
    path.write_text(json.dumps(honest))
    done = reproduce(place, str(place.repository() / "foo-1.0-r0.apk"), folder=place.aports)
    assert done.status == 3, str(done)
    assert "no name of one" in done.err
    assert not list(place.base.rglob("escaped"))
