# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are none, and surroundings that nobody expects: one clear message, and nothing broken."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from badkit import PACKAGE
from buildkit import (
    Done,
    Place,
    finish,
)

pytest_plugins = ["buildfixtures"]


# --- keys ------------------------------------------------------------------------------------------------------------


def test_no_key(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE + "build() { echo built; }\n")
    stocked.configure("")
    done = stocked.fails(folder)
    assert "private key" in done.errors[0].lower()
    assert "abuild-keygen" in done.err
    assert not (folder / "src").exists(), "nothing is done in vain"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"", "key"),
        (b"no key at all\n", "key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key"),
    ],
)
def test_an_unusable_key(stocked: Place, content: bytes | None, says: str) -> None:
    folder = stocked.recipe(PACKAGE)
    if content is None:
        stocked.key.unlink()
    else:
        stocked.key.write_bytes(content)
    done = stocked.fails(folder)
    assert says in done.errors[0]
    assert str(stocked.key) in done.errors[0]


SPECIAL = {"a pipe": os.mkfifo, "a device without end": lambda path: path.symlink_to("/dev/zero")}


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(
    ("name", "variables", "says"),
    [
        ("foo.post-install", {"install": "foo.post-install"}, "foo.post-install"),
        ("foo.trigger", {"triggers": "foo.trigger=/usr"}, "foo.trigger"),
        ("fix.patch", {"source": "fix.patch", "sums": f"{'0' * 128}  fix.patch"}, "fix.patch"),
        ("foo.initd", {"source": "foo.initd", "sums": f"{'0' * 128}  foo.initd"}, "foo.initd"),
        ("foo.zip", {"source": "foo.zip", "sums": f"{'0' * 128}  foo.zip"}, "foo.zip"),
        ("APKBUILD", {}, "APKBUILD"),
    ],
    ids=["install", "trigger", "source", "initd", "archive", "recipe"],
)
def test_files_that_are_none(stocked: Place, special: str, name: str, variables: dict[str, str], says: str) -> None:
    """Nobody waits for what a pipe may say, nor reads a device to its end."""
    folder = stocked.recipe('package() { mkdir -p "$pkgdir"/usr; echo > "$pkgdir"/usr/x; }', **variables)  # type: ignore[arg-type]
    (folder / name).unlink(missing_ok=True)
    SPECIAL[special](folder / name)
    done = stocked.fails(folder)
    assert any(says in error for error in done.errors), str(done)
    assert stocked.run(folder, "listpkg").status == (1 if name == "APKBUILD" else 0)


def test_an_unreadable_key(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    users_place.key.chmod(0)
    if os.access(users_place.key, os.R_OK) and users_place.owner is None:
        pytest.skip("we can read everything")
    done = users_place.fails(folder)
    assert f"{users_place.key}: cannot read the private key: Permission denied" in done.errors[0]


def test_a_key_that_is_a_folder(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    stocked.key.unlink()
    stocked.key.mkdir()
    assert str(stocked.key) in stocked.fails(folder).errors[0]


# --- surroundings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["yesterday", "-5", "1.5", "99999999999999999999", " "])
def test_an_impossible_source_date(stocked: Place, value: str) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.fails(folder, env={"SOURCE_DATE_EPOCH": value})
    assert "SOURCE_DATE_EPOCH" in done.errors[0]


def test_an_architecture_nobody_knows(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.run(folder, "-d", env={"CARCH": "abacus"})
    assert "Traceback" not in done.err
    if done.status == 0:
        assert sorted(stocked.index(arch="abacus")) == ["foo"]
    else:
        assert "abacus" in done.errors[0], str(done)


def test_no_busybox(stocked: Place, tmp_path: Path) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.fails(folder, env={"PATH": str(tmp_path)})
    assert "BusyBox" in done.errors[0]
    assert "install busybox" in done.err


def test_no_home(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.run(folder, "-d", env={"HOME": None})
    assert "Traceback" not in done.err
    assert done.status == 1, "there is no key without a home"
    assert len(done.errors) == 1
    config = str(stocked.home / ".abuild/abuild.conf")
    done = stocked.run(folder, "-d", env={"HOME": None, "ABUILD_USERCONF": config})
    assert done.status == 0, str(done)


def test_a_folder_that_is_gone(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    gone = stocked.base / "gone"
    gone.mkdir()
    command = stocked.command("-d")
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *command],
        cwd=gone,
        env=stocked.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count(">>> ERROR") == 1
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *stocked.command("-d", "-C", str(folder))],
        cwd=_made(gone),
        env=stocked.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1)])
def test_closed_streams(place: Place, closed: tuple[int, ...]) -> None:
    folder = place.recipe("build() { :; }\n" + PACKAGE)
    process = place.start(folder, "-d", closed=closed)
    done = finish(process)
    assert "Traceback" not in done.err
    assert done.status == 0, str(done)
    assert "foo" in place.index()


def test_everything_closed(place: Place) -> None:
    folder = place.recipe("build() { :; }\n" + PACKAGE)
    done = finish(place.start(folder, "-d", closed=(0, 1, 2)))
    assert (done.status, done.out, done.err) == (0, "", "")
    assert "foo" in place.index()


def test_nobody_reads_the_output(place: Place) -> None:
    """As in ``abuild listpkg | head -1``."""
    folder = place.recipe(PACKAGE, subpackages=" ".join(f"foo-s{n}:package" for n in range(50)))
    read, write = os.pipe()
    os.close(read)
    process = place.start(folder, "listpkg", stdout=write)
    os.close(write)
    assert finish(process).err == ""


@pytest.mark.parametrize("option", ["-h", "-V", "-A"])
def test_nobody_reads_the_answer(place: Place, option: str) -> None:
    read, write = os.pipe()
    os.close(read)
    process = place.start(None, option, stdout=write)
    os.close(write)
    assert finish(process).err == ""
    done = finish(place.start(None, option, closed=(0, 1)))
    assert (done.status, done.err) == (0, "")


def test_poor_locale_with_rich_names(place: Place) -> None:
    folder = place.recipe(
        'build() { echo grün; }\npackage() { mkdir -p "$pkgdir"/usr/share/grün; touch "$pkgdir"/usr/share/grün/straße; }\n',
        pkgdesc="Größe äöü",
    )
    done = place.build(folder, env={"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert "grün" in done.out
    assert "usr/share/grün/straße" in place.package().members
    assert place.package().info("pkgdesc") == ("Größe äöü",)


def test_options_nobody_knows(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    for words in (["-@"], ["--no-such-option"], ["--sandbox=jail"], ["--net"], ["no_such_verb"], ["-C", "/no/such"]):
        done = stocked.run(folder, *words)
        assert done.status == 1, words
        assert len(done.errors) == 1, str(done)
        assert "Traceback" not in done.err


def test_broken_configuration(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    for text in ("if true; then\n", "exit 3\n", "no_such_command\nfalse\nexit 1\n"):
        stocked.configure(text)
        done = stocked.run(folder, "-d", "listpkg")
        assert "Traceback" not in done.err
        assert done.status == 1, str(done)
        assert len(done.errors) == 1, str(done)
        assert "abuild.conf" in done.err, str(done)


def test_root_is_refused_without_F(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = place.recipe(PACKAGE)
    done = Done(*_plain(place, folder))
    assert done.status == 1
    assert done.errors == ["Do not run abuild as root"]


def _plain(place: Place, folder: Path) -> tuple[int, str, str]:
    command = [word for word in place.command("-d") if word != "-F"]
    done = subprocess.run(command, cwd=folder, env=place.environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
