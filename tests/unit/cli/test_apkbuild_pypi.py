# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Quiet, answering
from programs import Run

from abuildpy.cli import apkbuild_pypi

PROGRAM = apkbuild_pypi
pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """An index with one project, ``thing``; its pages can be changed."""
    pages: dict[str, bytes] = {}

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(pages.get(self.path, b""))

        do_HEAD = do_GET

    monkeypatch.delenv("PYPI_URL", raising=False)
    monkeypatch.delenv("PIP_CERT", raising=False)
    _publish(pages, "1.0")
    with answering(Handler) as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple/")
        yield pages


def _publish(pages: dict[str, bytes], version: str) -> None:
    file = f"thing-{version}.tar.gz"
    info: dict[str, object] = {
        "name": "thing",
        "version": version,
        "summary": "Words",
        "license": "MIT",
        "requires_dist": ["other"],
    }
    info |= {"project_urls": {"Homepage": "https://home.example/"}, "package_url": "https://index.example/thing"}
    links = [{"packagetype": "sdist", "filename": file, "url": f"../../files/{file}"}]
    pages["/pypi/thing/json"] = json.dumps({"info": info, "urls": links}).encode()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(f"thing-{version}/setup.py"))
    pages[f"/files/{file}"] = content.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("create", "-x"),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "Usage: apkbuild-pypi" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create",), "create: of which project?"),
        (("create", ""), "create: of which project?"),
        (("create", "a", "b"), "create takes no 'b'"),
        (("recreate", "x"), "recreate takes no 'x'"),
        (("check", "x"), "check takes no 'x'"),
        (("frobnicate",), "no subcommand 'frobnicate'"),
    ],
)
def test_a_wrong_word(run: Run, arguments: tuple[str, ...], told: str) -> None:
    """It is named, and no page of usage hides that."""
    status, out, err = run(*arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 2)
    assert told in err


@pytest.mark.parametrize("verb", ["recreate", "upgrade", "check", "update"])
def test_a_recipe_is_needed(run: Run, verb: str) -> None:
    status, out, err = run(verb)
    assert (status, out) == (1, "")
    assert "Could not find APKBUILD" in err
    assert f"'apkbuild-pypi {verb}' is for the folder of a recipe\n" in err


def test_help(run: Run) -> None:
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert "Usage: apkbuild-pypi" in out


def test_from_create_to_the_next_version(run: Run, index: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run("create", "thing")
    assert status == 0, err
    assert "Wrote py3-thing/APKBUILD\n" in out
    assert "Requires: py3-other\n" in out
    recipe = Path("py3-thing/APKBUILD").resolve()
    text = recipe.read_text()
    assert "# Maintainer: Jo Doe <jo@site.example>\n" in text
    assert '/files/thing-$pkgver.tar.gz"\nbuilddir="$srcdir/$_pkgreal-$pkgver"\n' in text
    assert text.endswith('  thing-1.0.tar.gz\n"\n')
    status, _, err = run("create", "thing")
    assert status == 1
    assert "exists already" in err

    monkeypatch.chdir(recipe.parent)
    status, out, _ = run("check")
    assert (status, out) == (0, "py3-thing: Latest version: 1.0 Packaged version: 1.0\n")
    _publish(index, "1.1")
    status, out, _ = run("check")
    assert (status, out) == (1, "py3-thing: Latest version: 1.1 Packaged version: 1.0\n")

    assert run("upgrade")[0] == 0
    assert recipe.read_text() == text.replace("pkgver=1.0", "pkgver=1.1")
    status, _, err = run("update")
    assert status == 0, err
    assert recipe.read_text().endswith('  thing-1.1.tar.gz\n"\n')

    recipe.write_text(recipe.read_text().replace('depends="py3-other"', 'depends="mine"'))
    status, _, err = run("recreate")
    assert status == 0, err
    assert "\npkgrel=1\n" in recipe.read_text()
    assert '\ndepends="mine"\n' in recipe.read_text()
    status, _, err = run("recreate", "deps")
    assert status == 0, err
    assert '\ndepends="py3-other"\n' in recipe.read_text()
    assert recipe.read_text().endswith('  thing-1.1.tar.gz\n"\n')


def test_url_of_a_new_recipe(run: Run, index: dict[str, bytes]) -> None:
    assert run("create", "thing")[0] == 0
    assert 'url="https://index.example/thing"' in Path("py3-thing/APKBUILD").read_text()
    Path("py3-thing/APKBUILD").unlink()
    assert run("create", "thing", "homepage")[0] == 0
    assert 'url="https://home.example/"' in Path("py3-thing/APKBUILD").read_text()


def test_failures_are_told(run: Run, index: dict[str, bytes]) -> None:
    status, _, err = run("create", "gone")
    assert status == 1
    assert "no project 'gone'" in err
    assert list(Path().iterdir()) == []
    status, _, err = run("check")
    assert status == 1
    assert "APKBUILD" in err


def test_an_index_that_cannot_be_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "file:///srv/simple")
    monkeypatch.delenv("PYPI_URL", raising=False)
    status, _, err = run("create", "thing")
    assert status == 1
    assert "PIP_INDEX_URL" in err
