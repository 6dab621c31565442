# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates many recipes: what is known comes from the cache, the rest is read by a crew of shells behind the walls."""

from __future__ import annotations

import gc

from abuildpy.recipe.answer import NOTHING, Answer
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.library import PASSING
from abuildpy.recipe.shelf import Conditions, Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from abuildpy.config import Config
    from abuildpy.phases.settings import Settings
    from abuildpy.recipe.pack import Kept
    from abuildpy.recipe.packing import Record
    from abuildpy.ui.console import Console


class Evaluations:
    """Evaluates recipes for one configuration, as often as asked."""

    def __init__(self, config: Config, settings: Settings, console: Console) -> None:
        """``settings`` names the wall that is wanted."""
        self._config = config
        self._settings = settings
        self._console = console
        self._conditions: Conditions | None = None
        self._before: Mapping[str, str] = {}

    def answers(self, apkbuilds: Iterable[str]) -> Iterator[Answer]:
        """One answer for each APKBUILD (absolute paths without symbolic links), in the order given.

        An error is an answer too. Raises SandboxError, ConfigError where nothing can be evaluated at all.
        """
        paths = list(apkbuilds)
        with _NoCollection():
            folders: dict[str, list[int]] = {}
            for number, path in enumerate(paths):
                folder = path.rsplit("/", 2)[0]
                if folder in folders:
                    folders[folder].append(number)
                else:
                    folders[folder] = [number]
            found = []
            for folder, numbers in folders.items():
                shelf = self._shelf(folder)
                cut = len(shelf.folder) + 1
                here = [paths[n] for n in numbers]
                found.append(_Found(shelf, here, shelf.find([path[cut:] for path in here])))
            answers = self._answer(found)
        by_number = dict(zip((n for numbers in folders.values() for n in numbers), answers, strict=True))
        return (by_number[number] for number in range(len(paths)))

    def below(self, folders: Iterable[str]) -> Iterator[Answer]:
        """The same for all recipes below repository folders (absolute): ``FOLDER/NAME/APKBUILD``, sorted by name."""
        with _NoCollection():
            found = []
            for folder in folders:
                shelf = self._shelf(folder)
                names, kept = shelf.find_all()
                found.append(_Found(shelf, [f"{folder}/{name}" for name in names], kept))
            return iter(self._answer(found))

    def _shelf(self, folder: str) -> Shelf:
        if self._conditions is None:
            self._conditions = Conditions(self._config)
            self._before = _before_recipes(self._config)
        return Shelf(folder, self._config, self._conditions)

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


def _before_recipes(config: Config) -> Mapping[str, str]:
    """What answers say of variables that the recipe leaves alone."""
    environment = recipe_environment(config, "", colors=False)
    del environment["APKBUILD"]
    set_by_files = {n: v for n, v in config.variables.items() if n not in config.environ or n in environment}
    values = {**set_by_files, **environment}
    return {name: value for name, value in values.items() if name not in PASSING and not name.startswith("_ab_")}


class _Found:
    """Recipes of one folder, and what is known of them."""

    __slots__ = ("kept", "paths", "shelf")

    def __init__(self, shelf: Shelf, paths: list[str], kept: list[Kept | None]) -> None:
        self.shelf = shelf
        self.paths = paths
        self.kept = kept


class _NoCollection:
    """Holds up garbage collection, which would look again and again through what only grows."""

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
