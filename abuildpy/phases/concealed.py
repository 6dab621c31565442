# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in files that lie in what a phase sees: git's configuration of the tree, and files that withheld variables name.

A checkout made by a CI job has the job's token in ``.git/config`` (an Authorization header, or a password in the address), and
such a job's secrets may be files beside the checkout, each named by a variable. The first is shown without what may be
a secret where a wall can lay something over it, so that git goes on working, and not at all elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from abuildpy.config import Config
from abuildpy.recipe.environment import withheld
from abuildpy.recipe.secrets import looks_secret, why_secret
from abuildpy.sandbox.process import is_inside

_PROGRAMS = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/dev", "/proc", "/sys")))
_SETTING = re.compile(
    r"\s*(?:\[[^\]]*\]\s*)?(?:extraheader|helper|password|token|cookiefile|sshcommand|askpass)\s*=", re.IGNORECASE
)
_CONFIGS = ("config", "config.worktree")
_LARGEST = 1 << 20


def named_files(config: Config) -> tuple[Path, ...]:
    """Files outside the system's folders that variables name which recipes do not get."""
    values = ((name, config.environ[name]) for name in withheld(config))
    paths = (Path(value) for name, value in values if value.startswith("/") and why_secret(name, value))
    return tuple(
        path for path in paths if os.path.isfile(path) and not any(is_inside(path.resolve(), top) for top in _PROGRAMS)
    )


def cleaned_git(trees: Iterable[Path], folder: Path) -> tuple[tuple[Path, Path], ...]:
    """git's configurations in the trees that may hold a secret, each as (copy without it, original). Copies go to ``folder``."""
    from hashlib import sha256

    found: dict[Path, Path] = {}
    for tree in dict.fromkeys(trees):
        for original in _configurations(tree):
            try:
                with open(original, encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read(_LARGEST)
            except OSError:
                continue
            clean = "".join(line for line in _lines(text) if not _is_secret(line))
            if clean != text and original not in found:
                copy = folder / f"git-config-{sha256(os.fsencode(original)).hexdigest()[:16]}"
                with open(copy, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(clean)
                copy.chmod(0o644)
                found[original] = copy
    return tuple((copy, original) for original, copy in found.items())


def _configurations(tree: Path) -> Iterator[Path]:
    """Where git would look for settings of a working tree and of the submodules in it."""
    git = tree / ".git"
    folders = [git, *git.glob("modules/*"), *git.glob("modules/*/*")]
    if git.is_file():  # a further working tree, or a submodule
        named = _first_line(git).removeprefix("gitdir:").strip()
        own = tree / (named or ".git")
        folders = [own, own / (_first_line(own / "commondir") or ".")]
    for folder in folders:
        for name in _CONFIGS:
            path = Path(os.path.realpath(folder / name))
            if path.is_file():
                yield path


def _lines(text: str) -> list[str]:
    """Lines as git reads them: a backslash at the end of one goes on with the next."""
    lines = [""]
    for line in text.splitlines(keepends=True):
        if lines[-1].endswith("\\\n"):
            lines[-1] += line
        else:
            lines.append(line)
    return lines


def _is_secret(line: str) -> bool:
    _, equals, value = line.partition("=")
    return bool(_SETTING.match(line)) or looks_secret(line) or (bool(equals) and looks_secret(value.strip(' \t"')))


def _first_line(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline(4096).strip()
    except OSError:
        return ""
