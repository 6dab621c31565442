# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
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

    def create(wish: Wish, parent: Path, **_more: object) -> Path:
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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server with ``thing-1.2.tar.gz``, a project with a Makefile."""
    www = tmp_path / "www"
    www.mkdir()
    with tarfile.open(www / "thing-1.2.tar.gz", "w:gz") as archive:
        for name in ("Makefile", "src/thing.h"):
            member = tarfile.TarInfo(f"thing-1.2/{name}")
            member.size = 5
            archive.addfile(member, io.BytesIO(b"all:\n"))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(www)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_from_address_to_recipe_with_checksums(run: Run, site: str) -> None:
    status, _, err = run("-l", "MIT", f"{site}/thing-1.2.tar.gz")
    assert status == 0, err
    text = Path("thing/APKBUILD").read_text()
    assert f'source="{site}/thing-$pkgver.tar.gz"\nbuilddir="$srcdir/thing-$pkgver"\n' in text
    assert 'depends_dev=""\nmakedepends="$depends_dev"\n' in text
    assert '\tmake DESTDIR="$pkgdir" install\n}\n\nsha512sums="\n' in text
    assert text.count("sha512sums") == 1
    assert text.endswith('  thing-1.2.tar.gz\n"\n')
    assert Path("thing/src/thing-1.2/Makefile").exists()
    status, _, err = run(f"{site}/thing-1.2.tar.gz")
    assert status == 1
    assert "thing/APKBUILD already exists" in err


def test_a_file_that_is_not_there(run: Run, site: str) -> None:
    status, _, err = run("-m", f"{site}/gone-1.2.tar.gz")
    assert status == 1
    assert "could not be fetched" in err
    assert "abuild-meson" in Path("gone/APKBUILD").read_text()


def test_abuild_is_not_led_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    folder = tmp_path / "recipe"
    (folder / "abuildpy").mkdir(parents=True)
    (folder / "APKBUILD").write_text("pkgname=foo\npkgver=1\npkgrel=0\n")
    (folder / "dataclasses.py").write_text("open('evil', 'w')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("APKBUILD", "/nonexistent/APKBUILD")
    assert abuildrun.run_abuild(folder, "-q", "checksum") == 0
    assert not (folder / "evil").exists()
