# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy sandbox``: what is printed of the ladder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from abuildpy.cli import sandbox as command
from abuildpy.errors import UsageError
from abuildpy.sandbox.base import BuildUser
from abuildpy.sandbox.bwrap import BwrapWall
from abuildpy.sandbox.delegation import WANTED, Delegation
from abuildpy.sandbox.landlock import LandlockWall
from abuildpy.sandbox.none import NoWall
from abuildpy.sandbox.probe import Rung

USER = BuildUser(1234, 1234, 1234, 1234)


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's: no bubblewrap, Landlock works."""
    rungs = (
        Rung("bwrap", None, "namespaces are forbidden: user.max_user_namespaces is 0 (Creating failed)"),
        Rung("bwrap-host-proc", None, "namespaces are forbidden"),
        Rung("landlock", LandlockWall(USER, 7)),
        Rung("none", NoWall(USER)),
    )
    monkeypatch.setattr(command, "survey", lambda folder: rungs)
    monkeypatch.setattr(command, "landlock_version", lambda: 7)


def test_as_json(ladder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.sandbox(tmp_path, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["chosen"], document["caller"]) == ("landlock", os.geteuid())
    walls = {wall.pop("name"): wall for wall in document["walls"]}
    assert list(walls) == ["bwrap", "bwrap-host-proc", "landlock", "none"]
    assert [wall["works"] for wall in walls.values()] == [False, False, True, True]
    assert [wall["runs_as"] for wall in walls.values()] == [None, None, 1234, 1234]
    assert "user.max_user_namespaces is 0" in walls["bwrap"]["reason"]
    assert walls["landlock"]["reason"] == ""
    assert walls["bwrap"]["leaves_open"] == []
    assert walls["bwrap-host-proc"]["leaves_open"] == ["processes' names and command lines can be seen"]
    assert "names, sizes and times of hidden files can be seen" in walls["landlock"]["leaves_open"]
    assert walls["none"]["leaves_open"] == ["everything"]
    assert "any network, the machine's loopback too" in walls["bwrap"]["holds"]


def test_an_old_kernels_landlock_promises_less(
    ladder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, left = [], []
    for version in (5, 6):
        monkeypatch.setattr(command, "landlock_version", lambda version=version: version)
        command.sandbox(tmp_path, as_json=True)
        walls = json.loads(capsys.readouterr().out)["walls"]
        held.append(set(walls[2]["holds"]))
        left.append([any("abstract sockets" in gap for gap in wall["leaves_open"]) for wall in walls[:2]])
    assert left == [[True, True], [False, False]]
    assert held[1] - held[0] == {"abstract sockets", "signals to processes outside"}


def test_as_a_table(ladder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.sandbox(tmp_path, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "--sandbox=auto takes: Landlock"
    words = " ".join(out.split())
    for text in ("bubblewrap", "no: namespaces", "yes, as user 1234", "everything"):
        assert text in words
    assert len(max(out.splitlines(), key=len)) <= 120


def test_the_first_that_works_is_what_auto_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = (Rung("bwrap", BwrapWall("bwrap", USER)), Rung("landlock", LandlockWall(USER, 7)))
    monkeypatch.setattr(command, "survey", lambda folder: rungs)
    command.sandbox(tmp_path, as_json=False)
    assert capsys.readouterr().out.endswith("--sandbox=auto takes: bubblewrap\n")


@pytest.mark.parametrize(
    ("groups", "limits", "lines"),
    [
        (
            Delegation(Path("/cg/ours"), WANTED, leaves=True),
            {"memory": "kernel", "processes": "kernel", "groups": "/cg/ours", "reason": ""},
            ["--max-memory: the kernel keeps it", "--max-processes: the kernel keeps it"],
        ),
        (
            Delegation(Path("/cg"), frozenset({"pids"}), reason="/cg hands on no memory"),
            {"memory": "polled", "processes": "kernel", "groups": "/cg", "reason": "/cg hands on no memory"},
            ["--max-memory: looked after five times a second", "--max-processes: the kernel keeps it"],
        ),
        (
            Delegation(None, reason="/cg is not ours to write to"),
            {"memory": "polled", "processes": "polled", "groups": None, "reason": "/cg is not ours to write to"},
            ["--max-memory: looked after five times a second", "Control groups: /cg is not ours to write to"],
        ),
    ],
    ids=["both", "one", "none"],
)
def test_who_keeps_the_limits(
    ladder: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    groups: Delegation,
    limits: dict[str, str | None],
    lines: list[str],
) -> None:
    monkeypatch.setattr(command, "find_delegation", lambda: groups)
    command.sandbox(tmp_path, as_json=True)
    assert json.loads(capsys.readouterr().out)["limits"] == limits
    command.sandbox(tmp_path, as_json=False)
    said = capsys.readouterr().out.splitlines()
    assert set(lines) < set(said)
    assert ("Control groups for phases: in /cg/ours" in said) is (limits["groups"] == "/cg/ours")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        command.sandbox(tmp_path / "missing", as_json=True)
