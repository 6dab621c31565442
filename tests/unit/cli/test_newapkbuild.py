# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Quiet, answering, serving
from programs import Run

from abuildpy.cli import newapkbuild
from abuildpy.maintain import abuildrun, newrecipe
from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.newrecipe import Wish

PROGRAM = newapkbuild
pytestmark = pytest.mark.usefixtures("workplace")
URL = "https://site.example/foo-1.2.tar.gz"


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[Wish]:
    """What reaches the room below, which then does nothing."""
    wishes: list[Wish] = []

    def create(wish: Wish, parent: Path, _place: object) -> Path:
        wishes.append(wish)
        return parent

    monkeypatch.setattr(newrecipe, "create", create)
    return wishes


def test_help_goes_to_standard_error(run: Run) -> None:
    status, out, err = run("-h")
    assert (status, out) == (0, "")
    assert "Usage: newapkbuild" in err
    assert run("--help")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Missing argument"),
        (("foo", "bar"), "Too many arguments: bar"),
        (("foo", "-m"), "Too many arguments: -m"),
        (("-n", "x", "foo-1"), "-n goes with a SRCURL"),
        (("-s", URL), "-s goes with a NAME"),
        (("-a", "-C", "foo"), "-a and -C"),
        (("-ey", "foo"), "-e and -y"),
        (("../foo",), "not a valid package name"),
        (("-n", "a/b", URL), "not a valid package name"),
    ],
)
def test_what_makes_no_sense(run: Run, wishes: list[Wish], arguments: tuple[str, ...], complaint: str) -> None:
    if arguments == ("../foo",):
        arguments = ("..",)
    status, _, err = run(*arguments)
    assert status == 1
    assert complaint in err
    assert wishes == []


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("-a", BuildType.AUTOTOOLS),
        ("-C", BuildType.CMAKE),
        ("-m", BuildType.MESON),
        ("-p", BuildType.PERL),
        ("-e", BuildType.PYTHON),
        ("-y", BuildType.PYTHON),
        ("-r", BuildType.RUST),
        ("-f", None),
    ],
)
def test_build_types(run: Run, wishes: list[Wish], flag: str, kind: BuildType | None) -> None:
    assert run(flag, "foo")[0] == 0
    assert wishes[0].kind is kind


def test_all_texts_and_switches(run: Run, wishes: list[Wish]) -> None:
    assert run("-cfd", "A thing", "-lMIT", "-u", "https://home.example", "-n", "bar", "--", URL)[0] == 0
    wish = wishes[0]
    assert (wish.pkgdesc, wish.license, wish.url, wish.samples, wish.force) == (
        *("A thing", "MIT", "https://home.example"),
        *(True, True),
    )
    assert (wish.origin.pkgname, wish.origin.pkgver, wish.maintainer) == ("bar", "1.2", "Jo Doe <jo@site.example>")


def test_sourceforge(run: Run, wishes: list[Wish]) -> None:
    assert run("-s", "foo-1.2")[0] == 0
    assert wishes[0].origin.source.endswith("/foo/foo-$pkgver.tar.gz")


def test_strangers_among_the_options_are_named_and_ignored(run: Run, wishes: list[Wish]) -> None:
    status, _, err = run("-Zm", "foo")
    assert status == 0
    assert "-Z" in err
    assert wishes[0].kind is BuildType.MESON
    status, _, err = run("-d")
    assert status == 1
    assert "-d wants an argument" in err


def _pack(archive: Path, files: dict[str, str]) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server with two projects: ``thing-1.2.tar.gz`` has a Makefile, ``odd-1.tar.gz`` asks for a library."""
    www = tmp_path / "www"
    www.mkdir()
    _pack(www / "thing-1.2.tar.gz", {"thing-1.2/Makefile": "all:\n", "thing-1.2/src/thing.h": ""})
    _pack(www / "odd-1.tar.gz", {"odd-1/meson.build": "project('odd', 'c')\ndependency('oddity')\n"})

    with serving(www) as address:
        yield address


def test_from_address_to_recipe_with_checksums(run: Run, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRCDEST", "")
    status, _, err = run("-l", "MIT", f"{site}/thing-1.2.tar.gz")
    assert status == 0, err
    text = Path("thing/APKBUILD").read_text()
    assert f'source="{site}/thing-$pkgver.tar.gz"\noptions="!check"' in text
    assert '\tmake DESTDIR="$pkgdir" install\n}\n\nsha512sums="\n' in text or "TODO" in text
    assert text.count("sha512sums") == 1
    assert text.endswith('  thing-1.2.tar.gz\n"\n')
    assert Path("thing/src/thing-1.2/Makefile").exists()
    status, _, err = run(f"{site}/thing-1.2.tar.gz")
    assert status == 1
    assert "thing/APKBUILD already exists" in err


def test_a_preview_goes_to_standard_output(run: Run, site: str) -> None:
    status, out, err = run("--print", f"{site}/thing-1.2.tar.gz")
    assert status == 0, err
    assert out.startswith("# Maintainer: Jo Doe <jo@site.example>\npkgname=thing\npkgver=1.2\n")
    assert not Path("thing").exists()


def test_a_file_that_is_not_there(run: Run, site: str) -> None:
    status, _, err = run("-m", f"{site}/gone-1.2.tar.gz")
    assert status == 1
    assert "404" in err
    assert not Path("gone").exists()
    assert not [path for path in Path().iterdir() if path.name.startswith(".abuildpy")]


def test_a_tree_that_is_none(run: Run, site: str) -> None:
    status, _, err = run("--aports=nowhere", f"{site}/thing-1.2.tar.gz")
    assert status == 1
    assert "nowhere: no tree of aports" in err


def test_the_tree_around_tells_which_packages_there_are(run: Run, site: str) -> None:
    recipe = Path("tree/main/oddity/APKBUILD")
    recipe.parent.mkdir(parents=True)
    recipe.write_text('pkgname=oddity\npkgver=1\npkgrel=0\nsubpackages="$pkgname-dev"\n')
    status, out, err = run("--print", "--aports", "tree", f"{site}/odd-1.tar.gz")
    assert status == 0, err
    assert 'makedepends="oddity-dev meson"\n' in out


def test_abuild_is_not_led_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    folder = tmp_path / "recipe"
    (folder / "abuildpy").mkdir(parents=True)
    (folder / "APKBUILD").write_text("pkgname=foo\npkgver=1\npkgrel=0\n")
    (folder / "dataclasses.py").write_text("open('evil', 'w')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("APKBUILD", "/nonexistent/APKBUILD")
    assert abuildrun.run_abuild(folder, "-q", "checksum") == 0
    assert not (folder / "evil").exists()


def test_a_projects_page_is_asked_where_the_users_table_says(
    run: Run, wishes: list[Wish], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forge(Quiet):
        def do_GET(self) -> None:
            body = b'[{"name": "v1.3"}, {"name": "v1.2"}]' if "/api/v4/projects/own%2Fproj/" in self.path else b""
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body)

    table = tmp_path / "config/abuildpy/upstream.toml"
    table.parent.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with answering(Forge) as address:
        table.write_text(f'[hosts."code.example"]\naddress = "{address}"\nkind = "gitlab"\n')
        status, _, err = run("https://code.example/own/proj")
    assert status == 0, err
    origin = wishes[0].origin
    assert (origin.pkgname, origin.pkgver, origin.page) == ("proj", "1.3", "https://code.example/own/proj")
