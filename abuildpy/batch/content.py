# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that tell by content whether a recipe's packages are still its own."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence

from abuildpy.batch.recipes import Node
from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import Variables
from abuildpy.shell import words
from abuildpy.source.uri import file_name, is_remote

_VERSION = b"abuildpy batch 1"
_OF_BUILDS = frozenset(("src", "pkg", "tmp"))
CONFIGURATION = (
    "CARCH CHOST CBUILD CTARGET CLIBC CFLAGS CXXFLAGS CPPFLAGS LDFLAGS GOFLAGS RUSTFLAGS SOURCE_DATE_EPOCH ABUILD_BOOTSTRAP "
    "BOOTSTRAP"
).split()
"""Variables of the configuration that packages come out differently with."""


class Keys:
    """Makes keys for one configuration."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """``variables`` are the configuration's: those that packages come out differently with are part of the keys."""
        self._configuration = [f"{name}={variables.get(name, '')}" for name in CONFIGURATION]

    def __call__(self, node: Node, below: Sequence[str]) -> str:
        """The key of a recipe: of its folder, of what it says once evaluated (it may have read other files), of the
        configuration, and of the keys ``below`` of the tasks that it waits for. Raises RecipeError.

        Not part of it is what a build leaves in the folder: src, pkg and tmp, downloaded sources, hidden files.
        """
        digest = hashlib.sha256(_VERSION)
        variables = node.aport.variables
        for text in (*self._configuration, *_said(node), "needs", *sorted(below)):
            _add(digest, text.encode("utf-8", "surrogateescape"))
        sources = words(variables, "source")
        fetched = {file_name(word) for word in sources if is_remote(word)}
        try:
            for path in _files(node.folder, fetched, {word for word in sources if not is_remote(word)}):
                _add(digest, os.fsencode(path))
                _add_file(digest, f"{node.folder}/{path}")
        except OSError as error:
            raise RecipeError(f"{error.filename}: {error.strerror}", hint="check the permissions") from error
        return digest.hexdigest()


def _said(node: Node) -> Iterator[str]:
    """What the recipe made of its variables, wherever its folder lies."""
    variables = node.aport.variables
    own = variables.changes() if isinstance(variables, Variables) else variables
    for name, value in sorted(own.items()):
        yield f"{name}={'unset' if value is None else value.replace(node.folder, '$startdir')}"


def _add(digest: hashlib._Hash, data: bytes) -> None:
    digest.update(b"%d:" % len(data))
    digest.update(data)


def _add_file(digest: hashlib._Hash, path: str) -> None:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        _add(digest, b"link " + os.fsencode(os.readlink(path)))
        if not os.path.isfile(path):
            return
        status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        return
    _add(digest, b"x" if status.st_mode & 0o111 else b"-")
    with open(path, "rb") as file:
        _add(digest, hashlib.file_digest(file, "sha256").digest())


def _files(folder: str, fetched: set[str], local: set[str]) -> Iterator[str]:
    """Paths of the files that belong to a recipe, relative to its folder, sorted."""
    for name in sorted(os.listdir(folder)):
        if (name[0] == "." and name not in local) or name in _OF_BUILDS or name in fetched:
            continue
        path = f"{folder}/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            for top, folders, files in os.walk(path):
                folders.sort()
                yield from (os.path.relpath(f"{top}/{each}", folder) for each in sorted(files))
        else:
            yield name
