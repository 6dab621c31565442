# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that were published before, and what differs in the new ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import AbuildError
from abuildpy.repository.index import INDEX_NAME, IndexEntry, read_index
from abuildpy.repository.version import compare

if TYPE_CHECKING:
    from abuildpy.maintain.diff.model import Comparison, Provided
    from abuildpy.maintain.published import Published


@dataclass(frozen=True, slots=True)
class Compared:
    """``provided`` are names that others may depend on and that are gone, or mean something else now."""

    lines: tuple[str, ...] = ()
    provided: tuple[Provided, ...] = ()
    comparison: Comparison | None = field(default=None, repr=False)


class Before:
    """The packages that there were of each recipe, as they were when this began.

    Those in REPODEST count; of what it has not, those that apk's own repositories on other machines have.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._indexes: dict[str, dict[str, list[IndexEntry]]] = {}
        self._files: dict[str, tuple[Path, ...]] = {}
        self._stack = ExitStack()
        self._published: Published | None = None
        self._asked = False

    def __enter__(self) -> Before:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def note(self, name: str, packages: Iterable[str]) -> None:
        """Finds the packages of a recipe (``main/foo``) that makes ``packages``."""
        section, _, pkgname = name.partition("/")
        newest: dict[str, IndexEntry] = {}
        for entry in self._index(section).get(pkgname, ()):
            known = newest.get(entry.name)
            if known is None or compare(entry.version, known.version) > 0:
                newest[entry.name] = entry
        folder = self._folder(section)
        found = [folder / entry.file_name for entry in newest.values() if (folder / entry.file_name).is_file()]
        if not found:
            found = list(self._downloaded(packages))
        self._files[name] = tuple(found)

    def files(self, name: str) -> tuple[Path, ...]:
        """The packages of a recipe."""
        return self._files.get(name, ())

    def _folder(self, section: str) -> Path:
        return Path(self._config.repodest) / section / self._config.carch

    def _index(self, section: str) -> dict[str, list[IndexEntry]]:
        if section not in self._indexes:
            found: dict[str, list[IndexEntry]] = {}
            try:
                entries: Sequence[IndexEntry] = read_index(self._folder(section) / INDEX_NAME).entries
            except AbuildError:
                entries = ()
            for entry in entries:
                found.setdefault(entry.origin or entry.name, []).append(entry)
            self._indexes[section] = found
        return self._indexes[section]

    def _downloaded(self, packages: Iterable[str]) -> Iterator[Path]:
        """What apk can download; it is asked only where it is there and has repositories on other machines."""
        if not self._asked:
            self._asked = True
            self._published = self._remote()
        if self._published is None:
            return
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="abuildpy-bump-")))
        for package in packages:
            path = folder / f"{package}.apk"
            if self._published.newest(package) and self._published.fetch(package, path):
                yield path

    def _remote(self) -> Published | None:
        from abuildpy.maintain.published import Published as Known
        from abuildpy.maintain.published import write_remote_repositories
        from abuildpy.repository.installed import apk_root
        from abuildpy.shell import find_program

        config = self._config
        if not config.apk or find_program(config.apk[0], config.environ.get("PATH")) is None:
            return None
        root = apk_root(config.apk, config.environ) or Path("/")
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="abuildpy-bump-")))
        repositories = folder / "repositories"
        write_remote_repositories(root / "etc/apk/repositories", repositories)
        return Known(config.apk, repositories) if repositories.stat().st_size else None


def compare_with(old: Sequence[Path], new: Sequence[Path]) -> Compared:
    """What differs between the packages that were published and new ones; nothing if there were none.

    A package that cannot be read is told of, and no reason to stop.
    """
    if not old or not new:
        return Compared(("nothing was published before: not compared",) if new else ())
    from abuildpy.maintain.diff import compare_sets

    try:
        comparison = compare_sets(old, new)
    except AbuildError as error:
        return Compared((f"not compared: {error.message}",))
    return Compared(tuple(_lines(comparison)), tuple(comparison.provided), comparison)


def _lines(comparison: Comparison) -> Iterator[str]:
    """A few lines: packages that came or went, how much differs in the others, and names that are gone."""
    same = 0
    for each in comparison.differences:
        if each.old is None and each.new is not None:
            yield f"{each.new.label} is new"
        elif each.new is None and each.old is not None:
            yield f"{each.old.name} is gone"
        elif each.old is not None and each.new is not None:
            told = [section for section in each.sections if section.name not in ("build", "metadata")]
            parts = [f"{section.title.lower()}: {len(section.changes)}" for section in told]
            if each.old.installed_size != each.new.installed_size:
                parts.insert(0, _size(each.old.installed_size, each.new.installed_size))
            same += not parts
            if parts:
                yield f"{each.new.name}: {', '.join(parts)}"
    if same:
        yield f"{same} {'package is' if same == 1 else 'packages are'} as before but for the version"
    for provided in comparison.provided:
        if provided.new is None:
            yield f"{provided.name} is gone"
        elif provided.abi:
            yield f"{provided.name} has another ABI"


def _size(old: int, new: int) -> str:
    from abuildpy.maintain.compare import apk_size

    return f"size {apk_size(old)} -> {apk_size(new)}"
