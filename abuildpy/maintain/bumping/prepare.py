# SPDX-License-Identifier: GPL-3.0-or-later
"""The edit of one recipe, made in a copy beside it: version, sources and checksums, patches, secfixes."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.maintain.bumping.keeping import WORK, copy_or_link
from abuildpy.maintain.bumping.looking_after import Looked, has_patches, look_after
from abuildpy.maintain.bumping.model import Edit, Wish
from abuildpy.maintain.bumping.sources import (
    out_of_the_way,
    private_constants,
    require_new_sources,
    reused_names,
    to_download,
)
from abuildpy.maintain.bumping.versions import raised, require_version
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.phases.sources import write_source_checksums
from abuildpy.recipe.edit import add_secfix, set_through, set_variable
from abuildpy.recipe.edit.file import edit_file
from abuildpy.recipe.model import Recipe
from abuildpy.record import replace as changed
from abuildpy.repository.version import compare
from abuildpy.scratch import Scratch
from abuildpy.ui.console import Console

Release = Callable[[str], str]
"""The pkgrel for going back to a pkgver."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted of one recipe: the pkgver (None: the same, rebuilt), other variables, vulnerabilities fixed."""

    version: str | None
    downgrade: bool = False
    sets: Mapping[str, str] = field(default_factory=dict)
    fixes: tuple[str, ...] = ()
    why: str = ""


class Preparing:
    """Prepares edits. What it finds out is told through ``say``."""

    def __init__(self, config: Config, console: Console, read: ReadRecipe, say: Callable[[str], None]) -> None:
        self._config = config
        self._console = console
        self._read = read
        self._say = say

    def prepare(self, wish: Wish, recipe: Recipe, request: Request, release: Release = lambda _: "0") -> Edit:
        """The edit that would make of a recipe what is wanted; the recipe's own folder is left alone.

        Raises AbuildError (see :func:`~abuildpy.maintain.bumping.errors.reason_of`).
        """
        if request.version is not None:
            require_version(recipe, request.version, downgrade=request.downgrade)
        down = request.version is not None and compare(request.version, recipe.pkgver) < 0
        pkgver = recipe.pkgver if request.version is None else request.version
        pkgrel = raised(recipe) if request.version is None else release(pkgver) if down else "0"
        try:
            with Scratch(wish.folder.parent, hidden=True) as scratch:
                names = _copy(wish.folder, scratch)
                self._set(scratch / "APKBUILD", request, pkgver, pkgrel)
                looked = Looked()
                if request.version is not None:
                    looked = self._renew(wish, recipe, scratch)
                files = dict(_changes(names, wish.folder, scratch))
                _require_own(wish.folder, files)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise BumpError("edit", f"{where}{error.strerror or error}") from error
        return Edit(
            wish,
            recipe.version,
            f"{pkgver}-r{pkgrel}",
            files,
            looked.dropped,
            looked.refreshed,
            request.fixes,
            down,
            request.why,
        )

    def _set(self, apkbuild: Path, request: Request, pkgver: str, pkgrel: str) -> None:
        """Writes the variables and secfixes, and sees that they have the effect. Raises RecipeError, BumpError."""
        now = self._read(apkbuild)
        for name, value in request.sets.items():
            edit_file(apkbuild, lambda text, name=name, value=value: set_variable(text, name, value, check=False))  # type: ignore[misc]
        if request.sets:
            now = self._read(apkbuild)
            for name, value in request.sets.items():
                if now.variables.get(name, value) != value:
                    raise BumpError("edit", f"--set {name}={value}: the recipe still makes it '{now.variables[name]}'")
        if now.pkgver != pkgver:
            self._set_version(apkbuild, pkgver)
        if now.pkgrel != pkgrel:
            edit_file(apkbuild, lambda text: set_variable(text, "pkgrel", pkgrel, check=False))
        if request.fixes:
            edit_file(apkbuild, lambda text: add_secfix(text, f"{pkgver}-r{pkgrel}", request.fixes))
        edited = self._read(apkbuild)
        for name, found, wanted in (("pkgver", edited.pkgver, pkgver), ("pkgrel", edited.pkgrel, pkgrel)):
            if found != wanted:
                raise BumpError(
                    "edit",
                    f"{name} was set to {wanted}, but the recipe still makes it '{found}'",
                    hint="set by hand what it is computed from, commit that, then run this with --rebuild",
                )

    @staticmethod
    def _set_version(apkbuild: Path, pkgver: str) -> None:
        try:
            edit_file(apkbuild, lambda text: set_through(text, "pkgver", pkgver))
        except RecipeError as error:
            names = private_constants(apkbuild.read_bytes())
            if not names:
                raise
            hint = "set what it is computed from: " + " ".join(f"--set {name}=…" for name in names)
            raise RecipeError(error.message, hint=hint, details=error.details) from error

    def _renew(self, wish: Wish, before: Recipe, scratch: Path) -> Looked:
        """Sources, patches and checksums of a new version."""
        apkbuild = scratch / "APKBUILD"
        recipe = self._read(apkbuild)
        if not recipe.source:
            return Looked()
        require_new_sources(before, recipe, apkbuild.read_bytes())
        srcdest = self._srcdest(wish)
        config = changed(self._config, variables={**self._config.variables, "SRCDEST": str(srcdest)})
        quiet = Console(quiet=True, colors=self._console.colors)
        reused = reused_names(before, recipe)
        with out_of_the_way(reused, srcdest, before.pkgver):
            for name in to_download(recipe, srcdest):
                self._say(f"fetching {name}")
            write_source_checksums(recipe, config, quiet)
            if not has_patches(recipe):
                return Looked()
            recipe = self._read(apkbuild)  # with the checksums that unpacking verifies
            looked = look_after(recipe, apkbuild.read_bytes(), srcdest, quiet)
        self._tell(looked)
        for name, content in looked.files.items():
            path = scratch / name
            path.unlink()  # and not written into: it may be a link to the recipe's own
            if content is not None:
                path.write_bytes(content)
        if looked.files:
            write_source_checksums(self._read(apkbuild), config, quiet)
        return looked

    def _srcdest(self, wish: Wish) -> Path:
        named = self._config.get("SRCDEST")
        folder = Path(named) if named else wish.folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _tell(self, looked: Looked) -> None:
        for name in looked.dropped:
            self._say(f"{name} is upstream now: dropped")
        for name, notes in looked.refreshed.items():
            self._say(f"{name} refreshed ({notes[0]})" if len(notes) == 1 else f"{name} refreshed:")
            for note in notes if len(notes) > 1 else ():
                self._say(f"    {note}")
        for note in looked.notes:
            self._say(note)


def _require_own(folder: Path, files: Iterable[str]) -> None:
    """Raises BumpError for a file that is another's: written through a link, it could not be put back."""
    top = folder.resolve()
    for name in files:
        real = (folder / name).resolve()
        if not real.is_relative_to(top):
            hint = "bump the recipe that it belongs to, or do this one by hand"
            raise BumpError("edit", f"{name} is a link to {real}, outside of the recipe's folder", hint=hint)


def diff_of(edit: Edit) -> str:
    """What an edit changes, as a unified diff with git's names."""
    parts = []
    for name, content in edit.files.items():
        path = edit.wish.folder / name
        old = path.read_bytes() if path.exists() else None
        label = f"{edit.wish.name}/{name}"
        lines = difflib.unified_diff(
            _lines(old),
            _lines(content),
            "/dev/null" if old is None else f"a/{label}",
            "/dev/null" if content is None else f"b/{label}",
        )
        parts.append(
            "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        )
    return "".join(parts)


def unmade(error: AbuildError) -> AbuildError:
    """An error about the copy, in words about the recipe: nobody knows the copy."""
    if isinstance(error, RecipeError):
        return BumpError("edit", _plain(error.message), hint=error.hint, details=error.details)
    return error


def _plain(message: str) -> str:
    """Without the path of the copy."""
    head, colon, rest = message.partition("APKBUILD: ")
    return rest if colon and "/.abuildpy-run-" in head else message


def _copy(folder: Path, scratch: Path) -> frozenset[str]:
    """Copies a recipe's folder without what builds left in it; the names of its files."""
    for entry in os.scandir(folder):
        if entry.name in WORK:
            continue
        target = scratch / entry.name
        if entry.is_symlink():  # a relative one leads where it led: both lie in the same folder
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            shutil.copytree(entry.path, target, symlinks=True, copy_function=copy_or_link)
        elif entry.is_file():
            copy_or_link(entry.path, str(target))
    names = frozenset(_files(scratch))
    if ".gitignore" not in names:  # git status in another terminal need not show the copy
        (scratch / ".gitignore").write_text("*\n")
    return names


def _files(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        if where == str(folder):
            folders[:] = [name for name in folders if name not in WORK]
        for name in names:
            path = Path(where, name)
            if path.is_file():
                yield str(path.relative_to(folder))


def _changes(names: frozenset[str], folder: Path, scratch: Path) -> Iterator[tuple[str, bytes | None]]:
    """The recipe's files that are not as they were: content, None for those that are gone; APKBUILD first."""
    there = frozenset(_files(scratch))
    for name in sorted(names, key=lambda each: (each != "APKBUILD", each)):
        if name not in there:
            yield name, None
        elif not os.path.samefile(scratch / name, folder / name):
            content = (scratch / name).read_bytes()
            if content != (folder / name).read_bytes():
                yield name, content


def _lines(content: bytes | None) -> Sequence[str]:
    return [] if content is None else content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
