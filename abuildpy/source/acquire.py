# SPDX-License-Identifier: GPL-3.0-or-later
"""From a recipe's ``source`` to verified files in ``src/``: what abuild's fetch, unpack and checksum verbs do."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.errors import ChecksumError, FetchError, RecipeError, UnpackError
from abuildpy.messages import Messages
from abuildpy.recipe.model import Recipe
from abuildpy.source import checksum
from abuildpy.source.fetch import Expected, FetchOptions, fetch

_DEFAULT = FetchOptions()


def source_paths(recipe: Recipe, srcdest: Path) -> tuple[Path, ...]:
    """Where each source lies once it is there: downloads in ``srcdest``, other files beside the recipe."""
    return tuple(srcdest / s.name if s.remote else recipe.startdir / s.entry for s in recipe.source)


def acquire(
    recipe: Recipe,
    *,
    srcdest: Path,
    srcdir: Path,
    log: Messages,
    mirror: str | None = None,
    options: FetchOptions = _DEFAULT,
    shown: Callable[[Path], Path] = Path,
) -> tuple[Path, ...]:
    """Fetch what is remote, verify everything, link everything into ``srcdir`` (made if need be; ``shown``: as for ``link``).

    Returns the files' paths in the order of ``source``. Checksums belong to sources by position, whatever names stand
    beside them (abuild 3.18). Raises FetchError or ChecksumError.
    """
    _make_folder(srcdir)
    paths = _download(recipe, srcdest, log, mirror, options, expected=True)
    if paths:
        verify(recipe, srcdest=srcdest, log=log)
    _link([shown(path) for path in paths], srcdir, log)
    return paths


def verify(recipe: Recipe, *, srcdest: Path, log: Messages) -> None:
    """Compare every source with its checksum; ChecksumError after all were looked at."""
    paths = source_paths(recipe, srcdest)
    log.msg(f"Checking {recipe.sum_algorithm}sums...")
    hashes = [hash_ for hash_, _name in recipe.checksums]
    if len(hashes) < len(paths):
        raise ChecksumError(
            f"{len(paths)} sources but only {len(hashes)} checksums",
            hint="Use 'abuild checksum' to generate/update the checksum(s)",
        )
    wanted = [
        checksum.Wanted(path, hash_, source.remote)
        for source, path, hash_ in zip(recipe.source, paths, hashes, strict=False)
    ]
    checksum.verify(wanted, recipe.sum_algorithm, log=log)


def unpack_all(
    recipe: Recipe, *, srcdest: Path, srcdir: Path, log: Messages, most: Callable[[Path], int | None] = lambda _: None
) -> None:
    """Unpack every source that is an archive into ``srcdir``, in order; UnpackError.

    ``most`` tells how many bytes each may hold (None: any).
    """
    from abuildpy.source.unpack import is_archive, unpack

    _make_folder(srcdir)
    for path in source_paths(recipe, srcdest):
        if is_archive(path.name):
            log.msg(f"Unpacking {path}...")
            unpack(path, srcdir, most(path))


def link(recipe: Recipe, *, srcdest: Path, srcdir: Path, log: Messages, shown: Callable[[Path], Path]) -> None:
    """Link every source into ``srcdir`` (made if need be), there or not: the ``symlinksrc`` verb. FetchError, UnpackError.

    ``shown`` gives the path that a link shall lead to, where whoever follows it has another view of the machine.
    """
    _make_folder(srcdir)
    _link([shown(path) for path in source_paths(recipe, srcdest)], srcdir, log)


def compute_checksums(
    recipe: Recipe,
    *,
    srcdest: Path,
    log: Messages,
    mirror: str | None = None,
    options: FetchOptions = _DEFAULT,
    algorithm: str = "sha512",
) -> tuple[tuple[str, str], ...]:
    """Fetch without verifying and return (hash, name) for every source: the ``checksum`` verb.

    Raises RecipeError if two sources have the same file name, FetchError, ChecksumError if a file cannot be read.
    """
    names = [source.name for source in recipe.source]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                f"{name}: duplicate found among the sources",
                hint="Rename one of them: every source needs a file name of its own (name::address for downloads)",
            )
    paths = _download(recipe, srcdest, log, mirror, options, expected=False)
    sums: list[tuple[str, str]] = []
    for path, name, result in zip(paths, names, checksum.hash_files(paths, algorithm), strict=True):
        if isinstance(result, OSError):
            raise ChecksumError(f"cannot read {path}: {result.strerror or result}")
        sums.append((result, name))
    return tuple(sums)


def _download(
    recipe: Recipe, srcdest: Path, log: Messages, mirror: str | None, options: FetchOptions, *, expected: bool
) -> tuple[Path, ...]:
    paths = source_paths(recipe, srcdest)
    for index, (source, path) in enumerate(zip(recipe.source, paths, strict=True)):
        if source.remote:
            promise = None
            if expected and index < len(recipe.checksums):
                promise = Expected(recipe.sum_algorithm, recipe.checksums[index][0])
            fetch(source.entry, srcdest, log=log, mirror=mirror, options=options, expected=promise)
        elif not path.exists():
            raise FetchError(
                f"source {source.entry} is missing: there is no {path}",
                hint="Add the file beside the APKBUILD, or remove it from source=",
            )
    return paths


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnpackError(f"cannot make the folder {folder}: {error.strerror or error}")


def _link(paths: Sequence[Path], srcdir: Path, log: Messages) -> None:
    """``ln -sf`` of every file into ``srcdir``; a folder of that name stays and is pointed out."""
    fd = os.open(srcdir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in paths:
            _replace_link(path, fd, log)
    except OSError as error:
        raise FetchError(f"cannot link the sources into {srcdir}: {error.strerror or error}")
    finally:
        os.close(fd)


def _replace_link(path: Path, folder: int, log: Messages) -> None:
    try:
        os.symlink(path, path.name, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
        if stat.S_ISDIR(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            log.warning(f"{path.name} is not linked into src: a folder of that name is there")
            return
        os.unlink(path.name, dir_fd=folder)
        os.symlink(path, path.name, dir_fd=folder)
