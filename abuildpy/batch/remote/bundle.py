# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe's folder as one archive, and back: what a worker needs to build it, and nothing that a build left there.

The archive is a plain tar below ``<repository>/``. With the folder go ``.rootbld-repositories`` of its repository and
those neighbours that the APKBUILD names (``../gcc/…``).
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

from abuildpy.errors import RecipeError

_OF_BUILDS = frozenset(("src", "pkg", "tmp"))
_NEIGHBOUR = re.compile(r"\.\./([A-Za-z0-9_][A-Za-z0-9+._-]*)/")
_LARGEST_FILE = 64 << 20


def pack(folder: Path, left_out: Collection[str] = ()) -> bytes:
    """The archive of a recipe's folder, the same for the same content. ``left_out`` are names of downloaded sources.

    Raises RecipeError for a file that cannot be read or is too large to be part of a recipe.
    """
    repository = folder.parent
    out = io.BytesIO()
    try:
        text = (folder / "APKBUILD").read_text("utf-8", "surrogateescape")
        neighbours = {name for name in _NEIGHBOUR.findall(text) if (repository / name / "APKBUILD").is_file()}
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            named = repository / ".rootbld-repositories"
            if named.is_file():
                _add(tar, named, f"{repository.name}/{named.name}")
            for each in sorted({folder.name, *neighbours}):
                for path in _files(repository / each, left_out):
                    _add(tar, repository / path, f"{repository.name}/{path}")
    except OSError as error:
        raise RecipeError(f"{error.filename}: {error.strerror}", hint="check the permissions") from error
    return out.getvalue()


def unpack(data: bytes, target: Path) -> None:
    """Writes an archive of :func:`pack` below ``target``. Raises ValueError for one that has anything else in it."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                _put(tar, member, target)
    except tarfile.TarError as error:
        raise ValueError(f"the recipe's archive is damaged ({error})") from None


def _files(folder: Path, left_out: Collection[str]) -> Iterator[str]:
    """Paths of a recipe's files, relative to its repository, sorted."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if name in left_out or name in _OF_BUILDS or (name.startswith(".") and path.is_dir()):
            continue
        if path.is_dir() and not path.is_symlink():
            for top, folders, files in os.walk(path):
                folders.sort()
                yield from (os.path.relpath(f"{top}/{each}", folder.parent) for each in sorted(files))
        else:
            yield f"{folder.name}/{name}"


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Adds a file by its content: links may lead to where the worker has nothing."""
    if not path.is_file():
        return  # a link that leads nowhere, a pipe
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    if info.size > _LARGEST_FILE:
        raise RecipeError(
            f"{path} is too large to be part of a recipe", hint="make it a source, or move it out of the folder"
        )
    info.mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
    content = path.read_bytes()
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    parts = member.name.split("/")
    if not member.isreg() or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{member.name[:80]!r} has no place in a recipe's archive")
    path = target.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    path.write_bytes(b"" if content is None else content.read())
    path.chmod(0o755 if member.mode & 0o111 else 0o644)
