# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a tree hold secrets: git's configuration with a CI job's token, and files that withheld variables name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from abuildpy.config import Config
from abuildpy.phases.concealed import cleaned_git, named_files

PLAIN = '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://git.example.org/aports.git\n\tfetch = +a:b\n'


def cleaned(tree: Path) -> dict[str, str]:
    copies = tree.parent / "copies"
    copies.mkdir(exist_ok=True)
    return {str(original.relative_to(tree.parent)): copy.read_text() for copy, original in cleaned_git((tree,), copies)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree/.git").mkdir(parents=True)
    return tmp_path / "tree"


def test_a_configuration_without_secrets_stays(tree: Path) -> None:
    (tree / ".git/config").write_text(PLAIN)
    assert cleaned(tree) == {}
    assert cleaned(tree.parent) == {}


@pytest.mark.parametrize(
    "secret",
    [
        '[http "https://git.example.org/"]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n',
        '[http "https://git.example.org/"] ExtraHeader = AUTHORIZATION: basic c2VjcmV0\n',
        "[http]\n\textraheader = AUTHORIZATION: \\\nbasic c2VjcmV0\n",
        '[remote "fork"]\n\turl = https://job:c2VjcmV0@git.example.org/a.git\n',
        '[remote "fork"]\n\turl = "https://x-access-token-c2VjcmV0-and-more@git.example.org/a.git"\n',
        '[url "https://job:c2VjcmV0@git.example.org/"]\n\tinsteadOf = x:\n',
        "[credential]\n\thelper = !echo password=c2VjcmV0\n",
        "[a]\n\tb = ghp_c2VjcmV0\n",
        '[a]\n\tb = "ghp_c2VjcmV0"\n',
    ],
)
def test_what_may_be_a_secret_is_left_out_and_git_reads_the_rest(tree: Path, secret: str) -> None:
    (tree / ".git/config").write_text(PLAIN + secret + "[user]\n\tname = Me\n")
    (text,) = cleaned(tree).values()
    assert "c2VjcmV0" not in text
    copy = next((tree.parent / "copies").iterdir())
    for name, value in (("remote.origin.url", "https://git.example.org/aports.git"), ("user.name", "Me")):
        done = subprocess.run(("git", "config", "-f", copy, name), capture_output=True, text=True, check=False)
        assert done.stdout == f"{value}\n", (text, done.stderr)


def test_submodules_and_further_working_trees_have_theirs(tree: Path) -> None:
    secret = f"{PLAIN}[http]\n\textraheader = c2VjcmV0\n"
    for name in ("modules/a", "modules/b/c", "worktrees/w"):
        (tree / ".git" / name).mkdir(parents=True)
    for name in ("config", "modules/a/config", "modules/b/c/config", "worktrees/w/config.worktree"):
        (tree / ".git" / name).write_text(secret)
    assert set(cleaned(tree)) == {f"tree/.git/{name}" for name in ("config", "modules/a/config", "modules/b/c/config")}
    work = tree.parent / "work"
    work.mkdir()
    (work / ".git").write_text(f"gitdir: {tree}/.git/worktrees/w\n")
    (tree / ".git/worktrees/w/commondir").write_text("../..\n")
    assert set(cleaned(work)) == {"tree/.git/config", "tree/.git/worktrees/w/config.worktree"}


def test_files_that_withheld_variables_name(tmp_path: Path) -> None:
    for name in ("token", "netrc", "passed", "plain"):
        (tmp_path / name).touch()
    environ = {
        "DEPLOY_TOKEN": f"{tmp_path}/token",
        "NETRC": f"{tmp_path}/netrc",
        "MY_SECRET": f"{tmp_path}/passed",
        "PLAIN_FILE": f"{tmp_path}/plain",
        "SIGNING_KEY": str(tmp_path),
        "OTHER_TOKEN": f"{tmp_path}/missing",
        "A_TOKEN": "token",
        "GIT_ASKPASS": os.path.realpath("/bin/sh"),
    }
    config = Config({"ABUILD_PASS_ENV": "MY_*", "ABUILD_CLEAN_ENV": "1"}, frozenset(), environ)
    assert set(named_files(config)) == {tmp_path / "token", tmp_path / "netrc"}
