# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import ConfigError
from abuildpy.maintain.commands import CommandFailed, ask, run


def test_it_runs_in_the_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["sh", "-c", "pwd; echo oops >&2"], tmp_path)
    assert capfd.readouterr() == (f"{os.path.realpath(tmp_path)}\n", "oops\n")


@pytest.mark.parametrize(
    ("script", "status", "how"), [("exit 7", 7, "status 7"), ("kill -TERM $$", 143, "signal SIGTERM")]
)
def test_a_failure_keeps_its_status(tmp_path: Path, script: str, status: int, how: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", script], tmp_path)
    assert failed.value.exit_status == status
    assert failed.value.message == f"'sh -c {script}' ended with {how}"


def test_long_words_are_cut(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"^'false -m subject…' ended"):
        run(["false", "-m", "subject\n\nbody"], tmp_path)


def test_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot run 'no-such-program'"):
        run(["no-such-program"], tmp_path)
    assert ask(["no-such-program"], tmp_path) is None


def test_asking(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert ask(["sh", "-c", "printf 'a\\nb\\n\\n'; cat; echo no >&2"], tmp_path) == "a\nb\n"
    assert ask(["sh", "-c", "echo a; exit 1"], tmp_path) is None
    assert ask(["printf", "\\377"], tmp_path) == "\udcff"
    assert capfd.readouterr() == ("", "")
