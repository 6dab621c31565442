# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates many recipes: what is known comes from the cache, the rest is read by a crew of shells behind the walls."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from abuildpy.recipe.answer import NOTHING, Answer
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.library import PASSING
from abuildpy.recipe.shelf import Conditions, Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.phases.settings import Settings
    from abuildpy.recipe.pack import Kept, Record
    from abuildpy.ui.console import Console


class Evaluations:
    """Evaluates recipes for one configuration, as often as asked."""

    def __init__(self, config: Config, settings: Settings, console: Console) -> None:
        """``settings`` names the wall that is wanted."""
        self._config = config
        self._settings = settings
        self._console = console

    def answers(self, apkbuilds: Iterable[str]) -> Iterator[Answer]:
        """One answer for each APKBUILD (absolute paths without symbolic links), in the order given.

        An error is an answer too. Raises SandboxError, ConfigError where nothing can be evaluated at all.
        """
        paths = list(apkbuilds)
        with _no_collection():
            folders: dict[str, list[int]] = {}
            for number, path in enumerate(paths):
                folder = path.rsplit("/", 2)[0]
                if folder in folders:
                    folders[folder].append(number)
                else:
                    folders[folder] = [number]
            found = [_Found(self._shelf(folder), [paths[n] for n in numbers]) for folder, numbers in folders.items()]
            for each in found:
                cut = len(each.shelf.folder) + 1
                each.kept = each.shelf.find([path[cut:] for path in each.paths])
            answers = self._answer(found)
        by_number = dict(zip((n for numbers in folders.values() for n in numbers), answers, strict=True))
        return (by_number[number] for number in range(len(paths)))

    def below(self, folders: Iterable[str]) -> Iterator[Answer]:
        """The same for all recipes below repository folders (absolute): ``FOLDER/NAME/APKBUILD``, sorted by name."""
        with _no_collection():
            found = []
            for folder in folders:
                shelf = self._shelf(folder)
                names, kept = shelf.find_all()
                found.append(_Found(shelf, [f"{folder}/{name}" for name in names], kept))
            return iter(self._answer(found))

    def _shelf(self, folder: str) -> Shelf:
        return Shelf(folder, self._config, self._conditions)

    @cached_property
    def _conditions(self) -> Conditions:
        return Conditions(self._config)

    @cached_property
    def _before(self) -> Mapping[str, str]:
        """What answers say of variables that the recipe leaves alone."""
        config = self._config
        environment = recipe_environment(config, "", colors=False)
        del environment["APKBUILD"]
        set_by_files = {n: v for n, v in config.variables.items() if n not in config.environ or n in environment}
        values = {**set_by_files, **environment}
        return {name: value for name, value in values.items() if name not in PASSING and not name.startswith("_ab_")}

    def _answer(self, found: list[_Found]) -> list[Answer]:
        answers: list[Answer | None] = []
        before = self._before
        missing: list[tuple[int, str]] = []
        for each in found:
            for path, kept in zip(each.paths, each.kept, strict=True):
                if kept is None:
                    missing.append((len(answers), path))
                    answers.append(None)
                else:
                    answers.append(Answer(path, before, NOTHING if kept.failed else kept, (), kept.error))
        records: Mapping[str, Mapping[str, Record]] = {}
        asked: Iterable[bytes] = ()
        if missing:
            from abuildpy.phases.evaluating import Evaluating

            run = Evaluating(self._config, self._settings, self._console, before)
            for number, answer in run.evaluate(missing):
                answers[number] = answer
            records, asked = run.records, run.asked
        for each in found:
            each.shelf.save(records.get(each.shelf.folder, {}), asked)
        return [answer for answer in answers if answer is not None]


@dataclass(slots=True)
class _Found:
    """Recipes of one folder, and what is known of them."""

    shelf: Shelf
    paths: list[str]
    kept: list[Kept | None] = field(default_factory=list)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection, which would look again and again through what only grows."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
