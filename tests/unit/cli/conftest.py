# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

import pytest
from aports_tree import Aports, make_aports
from programs import Result, Run


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the program of the module that the test module calls ``PROGRAM``."""
    module = request.module.PROGRAM

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", [module.__name__.rpartition(".")[2], *arguments])
        capfd.readouterr()
        status = module.main()
        return Result(status, *capfd.readouterr())

    return run


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No configuration but a test's own, and a home; returns the home."""
    home = tmp_path / "home"
    home.mkdir()
    for name in (
        *("CHOST", "CTARGET", "CARCH", "APORTSDIR", "APKBUILD", "APK", "REPODEST", "USE_COLORS", "DEFAULT_DBG"),
        *("ABUILD_SHAREDIR", "ABUILD_USERCONF", "ABUILD_DEFCONF", "http_proxy", "HTTP_PROXY"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("ABUILD_CONF", "/dev/null")
    monkeypatch.setenv("ABUILD_USERDIR", str(home / ".abuild"))
    monkeypatch.setenv("CBUILD", "x86_64-alpine-linux-musl")
    return home


@pytest.fixture
def workplace(tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a maintainer and a place for downloads set."""
    monkeypatch.setenv("SRCDEST", str(tmp_path / "dist"))
    monkeypatch.setenv("MAINTAINER", "Jo Doe <jo@site.example>")
    folder = tmp_path / "aports"
    for each in (tmp_path / "dist", folder):
        each.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def empty_aports(tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Aports:
    """A tree of recipes in git, to work in, with nothing in it."""
    made = make_aports(tmp_path, settings, monkeypatch)
    monkeypatch.chdir(made.top)
    return made
