# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipes changed since a revision, as git knows it: committed, staged, in the work tree, or not yet added."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess

from abuildpy.batch.targets import TargetError
from abuildpy.recipe.git import program, run_git

_WORK = frozenset(("src", "pkg", "tmp"))
"""Folders that a build leaves beside a recipe."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A recipe in which something changed: its folder (absolute), the files, relative to it, and the commit to compare with.

    ``gone`` tells that it has no APKBUILD any more.
    """

    folder: str
    files: tuple[str, ...]
    base: str
    gone: bool = False


def changed_recipes(repositories: Iterable[str], revision: str) -> list[str]:
    """The folders of recipes of some repositories (absolute) in which anything changed since the work tree and ``revision``
    went separate ways; recipes that are gone are left out.

    Raises TargetError if that is no git tree, or has no such revision.
    """
    return [changed.folder for changed in changes_since(repositories, revision) if not changed.gone]


def changes_since(repositories: Iterable[str], revision: str) -> list[Changed]:
    """The same with all there is to know, and with those that are gone."""
    found: list[Changed] = []
    for repository in repositories:
        base = _base(repository, revision)
        diff = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", base, "--", ".")
        others = ("ls-files", "-z", "--others", "--exclude-standard", "--", ".")
        paths = [*_paths(repository, diff), *(path for path in _paths(repository, others) if not _is_work(path))]
        files: dict[str, set[str]] = {}
        for path in paths:
            name, slash, rest = path.partition("/")
            if slash:
                files.setdefault(name, set()).add(rest)
        for name, changed in sorted(files.items()):
            gone = not os.path.isfile(f"{repository}/{name}/APKBUILD")
            if not gone or "APKBUILD" in changed:
                found.append(Changed(f"{repository}/{name}", tuple(sorted(changed)), base, gone))
    return found


def write_past(repository: str, commit: str, names: Iterable[str], destination: str) -> None:
    """Writes folders of a repository as they are in a commit below ``destination``; those that it has not are left out.

    Nothing that git is configured to do with files (filters, line ends) is done. Raises TargetError, OSError.
    """
    must = f"{repository}: git cannot tell what was in {commit}"
    listed = _git(repository, "ls-tree", "-r", "-z", commit, "--", *names, must=must)
    entries = []
    for line in listed.split("\0"):
        description, tab, path = line.partition("\t")
        mode, kind, blob = description.split() if tab else ("", "", "")
        if kind == "blob":
            entries.append((mode, blob, path))
    request = "".join(f"{blob}\n" for _, blob, _ in entries).encode()
    answer = memoryview(_run(repository, ("cat-file", "--batch"), request).stdout)
    at = 0
    for mode, _, path in entries:
        line_end = at + bytes(answer[at : at + 200]).index(b"\n")
        size = int(bytes(answer[at:line_end]).split()[2])
        content = bytes(answer[line_end + 1 : line_end + 1 + size])
        at = line_end + 1 + size + 1
        target = os.path.join(destination, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if mode == "120000":
            os.symlink(content, os.fsencode(target))
        else:
            with open(target, "wb") as file:
                file.write(content)


def knows(folder: str, revision: str) -> bool:
    """Whether git knows a revision there."""
    return bool(_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"))


def require_git(folder: str) -> None:
    """Raises TargetError where git knows nothing of a folder, or does not want to."""
    _git(folder, "rev-parse", "--git-dir", must=f"{folder}: git knows nothing of it")


def _base(folder: str, revision: str) -> str:
    """The commit that both the revision and the work tree come from; the revision itself where they have none."""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        require_git(folder)
        raise TargetError(
            f"git knows no revision '{revision}' in {folder}", hint="name a branch, a tag or a commit; was it fetched?"
        )
    # What others added to the branch in the meantime is no change of ours.
    base = _git(folder, "merge-base", commit, "HEAD")
    if not base and _git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise TargetError(
            f"the clone is too shallow: it does not reach back to where '{revision}' and the work tree went separate ways",
            hint="fetch more of it: git fetch --unshallow, in CI a greater depth (fetch-depth, GIT_DEPTH)",
        )
    return base or commit


def _is_work(path: str) -> bool:
    parts = path.split("/", 2)
    return len(parts) > 2 and parts[1] in _WORK


def _paths(folder: str, arguments: Iterable[str]) -> Iterator[str]:
    output = _git(folder, *arguments, must=f"{folder}: git cannot tell what changed")
    return (path for path in output.split("\0") if path)


def _git(folder: str, *arguments: str, must: str = "") -> str:
    """What git says, without the line's end; empty if it fails. Raises TargetError with ``must`` for that, if there is one."""
    done = _run(folder, arguments)
    if done.returncode != 0 and must:
        lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        # Whose tree belongs to somebody else is told what to type, further down.
        told = [line for number, line in enumerate(lines) if number < 2 or "safe.directory" in line]
        raise TargetError(must, hint="\n".join(told) or None)
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if done.returncode == 0 else ""


def _run(folder: str, arguments: Sequence[str], data: bytes = b"") -> CompletedProcess[bytes]:
    try:
        return run_git(folder, *arguments, data=data)
    except OSError as error:
        raise TargetError(f"cannot run {program()}: {error.strerror}", hint="install git") from error
