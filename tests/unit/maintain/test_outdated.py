# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy outdated``, from the command line to the answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from upstream_server import Server, listing, serve, tags

import abuildpy
from abuildpy.cli import outdated

TOP = str(Path(abuildpy.__file__).parents[1])
RECIPE = """\
# Maintainer: A Tester <tester@example.invalid>
pkgname={name}
pkgver={version}
pkgrel=0
pkgdesc="Something"
url="https://site.example/{name}"
arch="noarch"
license="MIT"
source="{source}"
"""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        server.says("github.com/a/foo.git/git-upload-pack", tags("v1.2", "v1.3", "v2.0-rc1"))
        server.says("h.example/pub/", listing("bar-0.9.tar.gz"))
        yield server


@pytest.fixture
def aports(tmp_path: Path) -> Path:
    folder = tmp_path / "aports"
    _recipe(folder, "main/foo", "1.2", "$pkgname-$pkgver.tar.gz::https://github.com/a/foo/archive/v$pkgver.tar.gz")
    _recipe(folder, "main/bar", "0.9", "https://h.example/pub/bar-$pkgver.tar.gz")
    _recipe(folder, "community/meta", "1", "")
    return folder


def _recipe(aports: Path, name: str, version: str, source: str) -> None:
    folder = aports / name
    folder.mkdir(parents=True)
    (folder / "APKBUILD").write_text(RECIPE.format(name=folder.name, version=version, source=source))


@pytest.fixture
def run(server: Server, aports: Path, tmp_path: Path) -> Run:
    """Runs the command in the tree, with a home in which all hosts are those of the server."""
    config = tmp_path / "home/.config/abuildpy/upstream.toml"
    config.parent.mkdir(parents=True)
    hosts = ("github.com", "h.example", "site.example", "release-monitoring.org", "sources.debian.org")
    config.write_text("".join(f'[hosts."{host}"]\naddress = "{server.address}/{host}"\n' for host in hosts))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": TOP,
        "ABUILD_CONF": "/dev/null",
        "CBUILD": "x86_64-alpine-linux-musl",
    }

    def run(*arguments: str, folder: Path = aports, **more: str) -> Result:
        command = [sys.executable, "-m", "abuildpy.cli.umbrella", "outdated", *arguments]
        done = subprocess.run(
            command, cwd=folder, env={**environment, **more}, capture_output=True, text=True, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def test_what_is_behind(run: Run) -> None:
    result = run()
    assert result.status == 1
    assert result.out == "recipe    has  newest  upstream\nmain/foo  1.2  1.3     github a/foo\n"
    assert result.err == "1 of 3 behind\n"


def test_all(run: Run) -> None:
    result = run("--all")
    assert result.status == 1
    assert result.out.splitlines() == [
        "recipe    has  newest  upstream",
        "main/bar  0.9  0.9     listing bar",
        "main/foo  1.2  1.3     github a/foo",
        "community/meta: all of it is kept beside the recipe",
    ]


def test_targets(run: Run, aports: Path) -> None:
    assert run("foo").status == 1
    assert run("main/bar") == (0, "", "main/bar: 0.9 is current\n")
    assert run(folder=aports / "main/foo").status == 1
    assert "main/bar" not in run(folder=aports / "main").out
    assert run("community") == (0, "", "community/meta: all of it is kept beside the recipe\n")


def test_json(run: Run) -> None:
    result = run("--json", "main")
    assert result.status == 1
    bar, foo = json.loads(result.out)
    assert (bar["name"], bar["outdated"], bar["error"]) == ("main/bar", False, None)
    assert foo == {
        "name": "main/foo",
        "path": foo["path"],
        "pkgname": "foo",
        "pkgver": "1.2",
        "packaged": "1.2",
        "newest": "1.3",
        "outdated": True,
        "upstream_name": "v1.3",
        "date": None,
        "beyond": None,
        "source": {"kind": "github", "project": "a/foo", "address": "https://github.com/a/foo", "guessed": False},
        "error": None,
    }


def test_unfinished_ones(run: Run) -> None:
    assert "2.0_rc1" in run("--prereleases", "foo").out


def test_the_second_run_asks_nobody(run: Run, server: Server) -> None:
    run()
    before = len(server.asked)
    assert run().status == 1
    assert len(server.asked) == before
    run("--age", "0")
    assert len(server.asked) > before


def test_answers_are_counted_and_deleted_with_the_rest_of_the_cache(run: Run, tmp_path: Path) -> None:
    def cache(*words: str) -> str:
        command = [sys.executable, "-m", "abuildpy.cli.umbrella", "cache", *words]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "PYTHONPATH": TOP,
            "ABUILD_CONF": "/dev/null",
        }
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    run("main")
    assert json.loads(cache("--json"))["kinds"]["upstream"]["files"] == 2
    cache("prune", "--all")
    assert json.loads(cache("--json"))["kinds"]["upstream"] == {"files": 0, "bytes": 0}


def test_offline(run: Run, server: Server) -> None:
    result = run("--offline", "foo")
    assert result.status == 3
    assert "not asked before, and nothing is asked now" in result.err
    run("foo")
    before = len(server.asked)
    assert run("--offline", "--age", "0", "foo").status == 1
    assert len(server.asked) == before


def test_whom_to_ask(run: Run, server: Server) -> None:
    result = run("--sources", "main/foo", "main/bar")
    assert result.status == 0
    assert result.out.splitlines() == [
        "recipe    has  kind     form       asked",
        "main/foo  1.2  github   v{1.2}     https://github.com/a/foo",
        "main/bar  0.9  listing  bar-{1.2}  https://h.example/pub/",
    ]
    assert server.asked == []
    documents = json.loads(run("--sources", "--json", "foo").out)
    assert documents[0]["upstreams"][0]["kind"] == "github"


def test_nothing_learnt(run: Run, server: Server) -> None:
    server.says("h.example/pub/", "", 404)
    result = run("--no-guess", "main/bar")
    assert result.status == 3
    assert result.err == "main/bar: https://h.example/pub/: the server has nothing there\n".replace(
        "https://h.example", f"{server.address}/h.example"
    )
    assert run("--no-guess", "main").err.endswith("1 of 2 behind; of 1 nothing could be learnt (--all tells why)\n")


def test_a_recipe_that_cannot_be_read(run: Run, aports: Path) -> None:
    (aports / "main/bad").mkdir()
    (aports / "main/bad/APKBUILD").write_text("pkgname=bad\nfalse\n")
    result = run("main/bad", "main/bar")
    assert (result.status, result.out) == (3, "")
    assert "main/bad/APKBUILD:2: `false` failed with status 1" in result.err
    assert [sorted(each) for each in json.loads(run("--json", "main/bad").out)] == [["error", "path"]]


def test_a_folder_without_recipes(run: Run, tmp_path: Path) -> None:
    result = run(folder=tmp_path / "home")
    assert result.status == 2
    assert "there is no recipe here" in result.err
    assert run("nonesuch").status == 2


def test_wrong_options(run: Run) -> None:
    for words in (("--age", "soon"), ("--age", "h"), ("--jobs", "0"), ("--jobs", "many"), ("--nonesuch",)):
        result = run(*words)
        assert result.status == 2, words
        assert "Traceback" not in result.err


def test_a_table_of_hosts_that_makes_no_sense(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "home/.config/abuildpy/upstream.toml"
    for text, said in (
        ("[hosts", "upstream.toml: "),
        ("[host]", "there is no table 'host'"),
        ('[hosts."x"]\nadress = "y"', "hosts.x knows no 'adress'"),
        ('[hosts."x"]\naddress = "y"', "hosts.x: 'y' is no address"),
        ('[hosts."x"]\nkind = "y"', "hosts.x: there is no kind 'y'"),
        ("[hosts]\nx = 1", "hosts.x is not a table of texts"),
        ("hosts = 1", "hosts is not a table"),
        ("[recipes]\nfoo = 1", "recipes.foo is not a text"),
    ):
        config.write_text(text)
        result = run("foo")
        assert result.status == 1
        assert said in result.err
        assert "Traceback" not in result.err


def test_tokens_are_never_shown(run: Run, server: Server) -> None:
    server.says("github.com/a/foo.git/git-upload-pack", "", 500)
    result = run("--all", "--no-guess", GITHUB_TOKEN="s3cret", GITLAB_TOKEN="s3cret")
    assert "s3cret" not in result.out + result.err
    assert all("s3cret" not in str(asked.headers) for asked in server.asked)


def test_help(run: Run) -> None:
    result = run("--help")
    assert (result.status, result.err) == (0, "")
    assert all(len(line) <= 130 for line in result.out.splitlines())


def test_nothing_that_a_server_says_commands_the_terminal(run: Run, server: Server) -> None:
    said = b"ERR \x1b]0;title\x07 \xe2\x80\xae\xc2\x9b31m\n"
    server.says("github.com/a/foo.git/git-upload-pack", b"%04x%s" % (len(said) + 4, said), 200)
    server.says("github.com/a/foo.git/info/refs?service=git-upload-pack", b"%04x%s" % (len(said) + 4, said))
    server.says("h.example/pub/", listing("bar-1.0.tar.gz", "bar-2.0\x1b[31m.tar.gz", "bar-$(id).tar.gz"))
    for words in (("--all", "--no-guess"), ("--no-guess", "main/foo"), ("--json", "--no-guess")):
        result = run(*words)
        assert all(sign.isprintable() or sign == "\n" for sign in result.out + result.err), words
    assert json.loads(run("--json", "--no-guess", "main/bar").out)[0]["newest"] == "1.0"


@pytest.mark.parametrize("version", ["9" * 5000, "1" + ".1" * 5000, "1_rc" + "1" * 5000])
def test_endless_versions_spoil_nothing(run: Run, server: Server, version: str) -> None:
    server.says("github.com/a/foo.git/git-upload-pack", tags("v1.3", f"v{version}"))
    result = run("--no-guess", "main/foo")
    assert (result.status, "Traceback" in result.err) == (1, False)
    assert " 1.3 " in result.out


def test_tables_fit_the_terminal() -> None:
    """The last column goes below where it would be cut to nothing, and is cut only where a few characters are missing."""
    rows = [("recipe", "has", "asked"), ("community/name", "1.2", "https://h.example/a/long/address/of/a/project/")]
    wide = [["recipe          has  asked"], ["community/name  1.2  https://h.example/a/long/address/of/a/project/"]]
    assert list(outdated._fitted(rows, 0)) == wide
    assert list(outdated._fitted(rows, 80)) == wide
    assert list(outdated._fitted(rows, 60))[1] == ["community/name  1.2  https://h.example/a/long/address/of/a/…"]
    assert list(outdated._fitted(rows, 50)) == [
        ["recipe          has", "    asked"],
        ["community/name  1.2", "    https://h.example/a/long/address/of/a/project/"],
    ]
    assert list(outdated._fitted([("a", ""), ("b", "")], 2)) == [["a"], ["b"]]
