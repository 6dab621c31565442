# SPDX-License-Identifier: GPL-3.0-or-later
"""The git tree that recipes lie in: what is uncommitted, and commits of some files that leave everything else alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import AbuildError, ConfigError

_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}


class GitError(AbuildError):
    """git refused; the details are what it said."""


@dataclass(frozen=True, slots=True)
class GitTree:
    """A work tree: its top folder, absolute."""

    top: Path

    @classmethod
    def around(cls, folder: Path) -> GitTree | None:
        """The one that a folder lies in; None if there is none, or no git."""
        found = _ask(folder, "rev-parse", "--show-toplevel")
        return cls(Path(found)) if found else None

    @property
    def branch(self) -> str:
        """The branch that commits go to; empty where HEAD is detached."""
        return _ask(self.top, "symbolic-ref", "--quiet", "--short", "HEAD")

    @property
    def unfinished(self) -> str:
        """What the user is in the middle of, such as ``a rebase``; empty for nothing."""
        return next((what for name, what in _UNFINISHED.items() if self.private(name).exists()), "")

    def private(self, name: str) -> Path:
        """A path below git's own folder of this work tree."""
        return self.top / _ask(self.top, "rev-parse", "--git-path", name)

    def has_branch(self, name: str) -> bool:
        """Whether there is a branch of that name."""
        return bool(_ask(self.top, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}"))

    def may_be_branch(self, name: str) -> bool:
        """Whether a branch can have that name."""
        return bool(_ask(self.top, "check-ref-format", "--branch", name)) and not name.startswith("-")

    @property
    def has_commits(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(_ask(self.top, "rev-parse", "--verify", "--quiet", "HEAD"))

    def identity(self) -> None:
        """Raises GitError where git does not know who commits."""
        _git(self.top, "var", "GIT_COMMITTER_IDENT", what="git does not know who you are")

    def changed(self, folders: Iterable[Path]) -> dict[Path, list[str]]:
        """The files below some folders that are not as in the last commit, by folder; untracked ones count if they are an
        APKBUILD. Raises GitError.
        """
        places = list(folders)
        names = [os.path.relpath(folder, self.top) for folder in places]
        found: dict[Path, list[str]] = {}
        if not names:
            return found
        what = "git cannot tell what is uncommitted"
        told = _git(
            self.top, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *names, what=what
        )
        by_name = dict(zip(names, places, strict=True))
        for entry in told.split("\0"):
            state, path = entry[:2], entry[3:]
            folder = next((f for f in _parents(path) if f in by_name), "")
            if folder and (state != "??" or path == f"{folder}/APKBUILD"):
                found.setdefault(by_name[folder], []).append(path)
        return found

    def is_tracked(self, path: Path) -> bool:
        """Whether git knows the file."""
        return bool(_ask(self.top, "ls-files", "--", os.path.relpath(path, self.top)))

    def commit(self, paths: Sequence[Path], message: str) -> str:
        """Commits some files as they are in the work tree, whatever else is staged, and returns the commit's short name.

        Raises GitError; then what is staged is as it was.
        """
        # What was deleted and never known to git is nothing that it could commit.
        names = [os.path.relpath(path, self.top) for path in paths if path.exists() or self.is_tracked(path)]
        before = _ask(self.top, "rev-parse", "HEAD")
        _git(self.top, "add", "--all", "--force", "--", *names, what="git add refused")
        try:
            what = "git commit refused"
            _git(self.top, "commit", "--quiet", "--only", "-F", "-", "--", *names, what=what, text=message)
        except BaseException:
            if _ask(self.top, "rev-parse", "HEAD") == before:
                _ask(self.top, "reset", "--quiet", "--", *names)
                raise
        return _ask(self.top, "rev-parse", "--short", "HEAD")

    def start_branch(self, name: str) -> None:
        """Goes to a new branch from HEAD; nothing else changes. Raises GitError."""
        _git(self.top, "checkout", "--quiet", "-b", name, what=f"git cannot make the branch {name}")

    def push(self, remote: str, branch: str) -> None:
        """Pushes a branch. Raises GitError."""
        _git(self.top, "push", "--quiet", remote, branch, what=f"git push {remote} {branch} failed")

    def remotes(self) -> list[str]:
        """Names of the remotes."""
        return _ask(self.top, "remote").split()

    def past_releases(self, apkbuild: Path, most: int = 200) -> Iterable[bytes]:
        """The former contents of a file, the newest first."""
        name = os.path.relpath(apkbuild, self.top)
        for commit in _ask(self.top, "log", f"-{most}", "--format=%H", "--", name).split():
            try:
                done = subprocess.run(
                    _command("show", f"{commit}:{name}"), cwd=self.top, capture_output=True, check=False
                )
            except OSError:
                return
            if done.returncode == 0:
                yield done.stdout


def _parents(path: str) -> Iterable[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _command(*words: str) -> list[str]:
    # Names are names and no patterns; nothing that a tree brings along is run to look at it.
    # Without the optional lock, looking writes no index, after which a hook would run.
    return [
        "git",
        "--no-optional-locks",
        "--literal-pathspecs",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.quotePath=false",
        *words,
    ]


def _git(folder: Path, *words: str, what: str, text: str = "") -> str:
    try:
        done = subprocess.run(_command(*words), cwd=folder, input=os.fsencode(text), capture_output=True, check=False)
    except OSError as error:
        raise ConfigError(f"cannot run git: {error.strerror}", hint="install git") from error
    if done.returncode != 0:
        said = [line for line in os.fsdecode(done.stderr + done.stdout).splitlines() if line.strip()]
        raise GitError(what + (f": {said[0]}" if said else ""), details=tuple(said[1:6]))
    return os.fsdecode(done.stdout)


def _ask(folder: Path, *words: str) -> str:
    """What git says, without the line's end; empty if it fails."""
    try:
        done = subprocess.run(_command(*words), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return ""
    return os.fsdecode(done.stdout).removesuffix("\n") if done.returncode == 0 else ""
