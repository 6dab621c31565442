# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before publishing: what packages would lose that they need and have now.

Looked at are the names that packages get when they are made: ``so:``, ``pc:`` and ``cmd:``, with the versions asked for. All
repositories of an architecture count together, and of each package the highest version, which is the one apk takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from abuildpy.batch.model import Loss, Refusal
from abuildpy.errors import AbuildError, DependencyError
from abuildpy.repository import depends
from abuildpy.repository.depends import Dependency
from abuildpy.repository.index import IndexEntry
from abuildpy.repository.version import compare

KINDS: Final = ("so:", "pc:", "cmd:")

Listed = tuple[str, IndexEntry]
"""A package with the name of its repository."""


class GateError(AbuildError):
    """Packages would lose what they need. Nothing was published, or nothing of ``held``, which are recipes."""

    def __init__(
        self, losses: Sequence[Loss], why: str = "", hint: str = "", kept: str = "", held: Sequence[str] = ()
    ) -> None:
        """``why`` tells why nothing more was done about it, ``kept`` where what was built waits."""
        self.losses = tuple(losses)
        self.recipes = tuple(dict.fromkeys(loss.recipe for loss in losses))
        self.held = tuple(held)
        self.kept = kept
        self._why, self._hint = why, hint
        rebuild = f"rebuild with a higher pkgrel, or let --rebuild-dependants do it: {' '.join(self.recipes)}"
        waiting = f"\nwhat was built waits in {kept}: delete that to give it up" if kept else ""
        some = (f"held back, while the rest is published: {' '.join(held)}",) if held else ()
        super().__init__(
            f"not {'all is ' if held else ''}published: {why or 'packages in the repository would lose what they need'}",
            details=(*map(str, losses), *some),
            hint=(hint or rebuild) + waiting,
        )

    def because_of(self, cause: GateError | None) -> GateError:
        """The same error, which tells why nothing more was done about it as ``cause`` does."""
        if cause is None:
            return self
        return GateError(self.losses, cause._why, cause._hint, self.kept, self.held)


def refusal_of(error: AbuildError) -> Refusal:
    """For reports: what keeps results from being published."""
    if not isinstance(error, GateError):
        return Refusal(error.message, error.hint or "")
    return Refusal(error.message, error.hint or "", error.losses, error.recipes, error.held)


def find_losses(current: Iterable[Listed], staged: Iterable[Listed]) -> tuple[Loss, ...]:
    """What would be lost if ``staged`` packages were added to ``current`` ones; all are of one architecture."""
    before = newest(current)
    after = newest((*before.values(), *staged))
    changed = [name for name, (_, entry) in before.items() if after[name][1] is not entry]
    endangered = {name for name in _provided(before[name][1] for name in changed) if name.startswith(KINDS)}
    if not endangered:
        return ()
    had = _providers(before.values(), endangered)
    has = _providers(after.values(), endangered)
    made: dict[str, str] = {}
    for repository, entry in after.values():
        name = _recipe(repository, entry)
        if name not in made or compare(entry.version, made[name]) > 0:
            made[name] = entry.version
    found = []
    for repository, entry in after.values():
        for wanted in _wanted(entry, endangered):
            now = _satisfying(wanted, had)
            if now and not _satisfying(wanted, has):
                found.append(
                    Loss(
                        full_name(repository, entry),
                        _recipe(repository, entry),
                        str(wanted),
                        tuple(dict.fromkeys(full_name(*after[each.name]) for each in now)),
                        tuple(dict.fromkeys(full_name(*before[each.name]) for each in now)),
                        compare(entry.version, made[_recipe(repository, entry)]) < 0,
                    )
                )
    return tuple(sorted(found, key=lambda loss: (loss.recipe, loss.package, loss.wanted)))


def newest(listed: Iterable[Listed]) -> dict[str, Listed]:
    """The highest version of each package; of equal ones the last."""
    found: dict[str, Listed] = {}
    for repository, entry in listed:
        known = found.get(entry.name)
        if known is None or compare(entry.version, known[1].version) >= 0:
            found[entry.name] = repository, entry
    return found


def full_name(repository: str, entry: IndexEntry) -> str:
    """``main/foo-1.0-r0``."""
    return f"{repository}/{entry.name}-{entry.version}"


def _recipe(repository: str, entry: IndexEntry) -> str:
    return f"{repository}/{entry.origin or entry.name}"


def _provided(entries: Iterable[IndexEntry]) -> set[str]:
    return {_bare(word) for entry in entries for word in entry.provides}


def _providers(listed: Iterable[Listed], names: set[str]) -> dict[str, list[tuple[IndexEntry, str]]]:
    """Who provides some names, in which version; of tens of thousands of packages few do."""
    found: dict[str, list[tuple[IndexEntry, str]]] = {}
    for _, entry in listed:
        for word in entry.provides:
            name = _bare(word)
            if name in names:
                found.setdefault(name, []).append((entry, word[len(name) :].lstrip("<>=~")))
    return found


def _bare(word: str) -> str:
    """depends.bare_name, with the pattern only where something is to be cut off that is not ``=version``."""
    name = word.partition("=")[0]
    return depends.bare_name(word) if "<" in name or ">" in name or "~" in name else name


def _wanted(entry: IndexEntry, endangered: set[str]) -> Iterator[Dependency]:
    for word in dict.fromkeys(entry.depends):
        if _bare(word) in endangered:
            try:
                yield depends.parse(word)
            except DependencyError:
                continue


def _satisfying(wanted: Dependency, providers: Mapping[str, Iterable[tuple[IndexEntry, str]]]) -> list[IndexEntry]:
    wanted = replace(wanted, conflict=False)
    return [e for e, version in providers.get(wanted.name, ()) if depends.satisfies(wanted, wanted.name, version)]
