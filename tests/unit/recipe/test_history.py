# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from abuildpy.recipe.history import branch, git_settings


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git tree without a commit, and no configuration of the user's."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    if subprocess.run(["git", "init", "-q", "-b", "3.21-stable", tmp_path], check=False).returncode != 0:
        pytest.skip("git is not installed")
    return tmp_path


def test_branch(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tree / "main").mkdir()
    assert branch(tree / "main") == "3.21-stable"
    (tree / ".git/HEAD").write_text("0" * 40 + "\n")
    assert branch(tree) == ""
    assert branch(tmp_path_factory.mktemp("elsewhere")) == ""


def test_settings_of_a_section(tree: Path) -> None:
    for key, value in (("abuild.mirror", "/srv/a b\nc"), ("abuild.Two", "="), ("abuilder.no", "x"), ("user.name", "n")):
        subprocess.run(["git", "-C", tree, "config", key, value], check=True)
    subprocess.run(["git", "-C", tree, "config", "--add", "abuild.two", "last"], check=True)
    assert git_settings(tree, "abuild") == {"mirror": "/srv/a b\nc", "two": "last"}
    assert git_settings(tree, "none") == {}
