# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from abuildpy.config import Config
from abuildpy.phases import logs
from abuildpy.phases.logs import LastFailure, Logs, kept_environment, last_failure, logs_folder
from abuildpy.recipe.model import Recipe


@dataclass(frozen=True)
class _Recipe:
    startdir: Path
    pkgname: str = "foo"


@dataclass(frozen=True)
class _Config:
    environ: dict[str, str]

    @property
    def home(self) -> str:
        return self.environ.get("HOME", "")

    def get(self, name: str) -> str:
        return self.environ.get(name, "")


def _config(**environ: str) -> Config:
    return cast(Config, _Config(environ))


@pytest.fixture
def kept(tmp_path: Path) -> Logs:
    (tmp_path / "foo").mkdir()
    return Logs(cast(Recipe, _Recipe(tmp_path / "foo")), _config(ABUILDPY_LOGDIR=str(tmp_path / "logs")))


def _folder(tmp_path: Path) -> Path:
    (only,) = (tmp_path / "logs").iterdir()
    return only


def test_where(tmp_path: Path) -> None:
    start = tmp_path / "foo"
    home = logs_folder(start, _config(HOME="/home/me"))
    assert home is not None
    assert home.parent == Path("/home/me/.local/state/abuildpy/logs")
    assert home.name.startswith("foo-")
    assert home.name != logs_folder(tmp_path / "x/foo", _config(HOME="/home/me")).name  # type: ignore[union-attr]
    state = logs_folder(start, _config(HOME="/home/me", XDG_STATE_HOME="/state"))
    assert state is not None
    assert state.parent == Path("/state/abuildpy/logs")
    assert logs_folder(start, _config()) is None


def test_a_file_for_each_function(kept: Logs, tmp_path: Path) -> None:
    kept.keep(b"before\n")
    kept.begin("prepare", "foo")
    kept.keep(b"one\n")
    kept.keep(b"two\n")
    kept.begin("dev", "foo-dev")
    kept.keep(b"three\n")
    kept.end()
    found = {path.name: path.read_bytes() for path in _folder(tmp_path).iterdir()}
    assert found == {"shell.log": b"before\n", "prepare.log": b"one\ntwo\n", "foo-dev.dev.log": b"three\n"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in _folder(tmp_path).iterdir()} == {0o600}


def test_the_next_build_begins_anew(kept: Logs, tmp_path: Path) -> None:
    for text in (b"old\n", b"new\n"):
        kept.fresh()
        kept.begin("build", "foo")
        kept.keep(text)
        kept.end()
    assert (_folder(tmp_path) / "build.log").read_bytes() == b"new\n"


def test_one_function_twice_in_a_build(kept: Logs, tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        kept.begin("fetch", "foo")
        kept.keep(text)
    kept.end()
    assert (_folder(tmp_path) / "fetch.log").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(("size", "left_out"), [(20, 0), (21, 1), (25, 5), (30, 10), (47, 27)])
@pytest.mark.parametrize("step", [1, 7, 100])
def test_beginning_and_end_of_a_long_one(
    kept: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, left_out: int, step: int
) -> None:
    monkeypatch.setattr(logs, "_HALF", 10)
    data = bytes(range(65, 65 + size))
    kept.begin("build", "foo")
    for at in range(0, size, step):
        kept.keep(data[at : at + step])
    kept.end()
    middle = b"\n[%d bytes are left out here]\n" % left_out if left_out else b""
    assert (_folder(tmp_path) / "build.log").read_bytes() == data[:10] + middle + data[-10:]
    assert os.listdir(_folder(tmp_path)) == ["build.log"]


def test_what_failed(kept: Logs, tmp_path: Path) -> None:
    kept.begin("build", "foo")
    kept.begin("dev", "foo-dev")
    assert kept.failed("dev", -9, "foo-dev") == _folder(tmp_path) / "foo-dev.dev.log"
    failure = last_failure(_folder(tmp_path))
    assert failure == LastFailure("dev", -9, _folder(tmp_path) / "foo-dev.dev.log")
    assert failure is not None
    assert failure.package == "foo-dev"
    assert kept.failed("build", 2, "foo") == _folder(tmp_path) / "build.log"
    failure = last_failure(_folder(tmp_path))
    assert failure is not None
    assert (failure.phase, failure.status, failure.package) == ("build", 2, "")


def test_a_failure_is_forgotten_when_its_function_runs_again(kept: Logs, tmp_path: Path) -> None:
    kept.begin("build", "foo")
    kept.failed("build", 2, "foo")
    again = Logs(cast(Recipe, _Recipe(tmp_path / "foo")), _config(ABUILDPY_LOGDIR=str(tmp_path / "logs")))
    again.begin("prepare", "foo")
    assert last_failure(_folder(tmp_path)) is not None
    again.begin("build", "foo")
    assert last_failure(_folder(tmp_path)) is None


def test_names_of_functions_lead_nowhere_else(kept: Logs, tmp_path: Path) -> None:
    kept.begin("../../x", "a/b")
    kept.begin("..", "foo")
    kept.begin("y" * 5000, "foo")
    kept.end()
    assert {path.parent for path in tmp_path.rglob("*.log")} == {_folder(tmp_path)}
    assert len(list(tmp_path.rglob("*.log"))) == 3


def test_no_more_logs_than_that(kept: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MOST_LOGS", 5)
    for number in range(20):
        kept.begin(f"f{number}", "foo")
        kept.keep(b"x")
    kept.end()
    assert len(os.listdir(_folder(tmp_path))) == 5


def test_no_more_recipes_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MOST_RECIPES", 3)
    for number in range(6):
        start = tmp_path / f"r{number}"
        start.mkdir()
        one = Logs(cast(Recipe, _Recipe(start)), _config(ABUILDPY_LOGDIR=str(tmp_path / "logs")))
        one.begin("build", "foo")
        one.end()
        (folder,) = (tmp_path / "logs").glob(f"r{number}-*")
        os.utime(folder, (number, number))
    assert sorted(path.name[:2] for path in (tmp_path / "logs").iterdir()) == ["r3", "r4", "r5"]


def test_environment(kept: Logs, tmp_path: Path) -> None:
    kept.begin("build", "foo")
    kept.keep_environment({"A": "b\nc=d", "E": ""})
    assert kept_environment(_folder(tmp_path)) == {"A": "b\nc=d", "E": ""}
    kept.fresh()
    assert kept_environment(_folder(tmp_path)) is None


def test_where_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for config in (_config(), _config(ABUILDPY_LOGDIR=str(tmp_path / "file/logs"))):
        kept = Logs(cast(Recipe, _Recipe(tmp_path)), config)
        kept.fresh()
        kept.begin("build", "foo")
        kept.keep(b"x")
        kept.end()
        assert kept.failed("build", 1, "foo") is None
