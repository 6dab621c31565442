# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates many recipes: what is known comes from the cache, the rest is read by a crew of shells behind the walls."""

from __future__ import annotations

import errno
import gc
import os
from itertools import repeat

from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import NOTHING, Answer, Variables
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.library import PASSING
from abuildpy.recipe.pack import Kept, Pack, Shared
from abuildpy.recipe.shelf import Conditions, Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from abuildpy.config import Config
    from abuildpy.phases.settings import Settings
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
        return (by_number[number] or _absent(paths[number]) for number in range(len(paths)))

    def below(self, folders: Iterable[str]) -> Iterator[Answer]:
        """The same for all recipes below repository folders (absolute): ``FOLDER/NAME/APKBUILD``, sorted by name."""
        with _NoCollection():
            found = []
            for folder in folders:
                shelf = self._shelf(folder)
                names, known = shelf.find_all()
                found.append(_Found(shelf, [f"{folder}/{name}" for name in names], known))
            answers = self._answer(found)
        return filter(None, answers)

    def _shelf(self, folder: str) -> Shelf:
        if self._conditions is None:
            self._conditions = Conditions(self._config)
            self._before = _before_recipes(self._config)
        return Shelf(folder, self._config, self._conditions)

    def _answer(self, found: list[_Found]) -> Iterator[Answer | None]:
        """Answers for all recipes, None for those that are not there."""
        missing: list[tuple[int, str]] = []
        belongs: dict[int, _Found] = {}
        number = 0
        for each in found:
            if isinstance(each.known, range):
                number += len(each.known)
                continue
            for path, at in zip(each.paths, each.known, strict=True):
                if at is None:
                    belongs[number] = each
                    each.missing += 1
                    missing.append((number, path))
                number += 1
        for each in found:
            if not each.missing:
                each.shelf.save({}, ())
        answers: dict[int, Answer | None] = {}
        if missing:
            from abuildpy.phases.evaluating import Evaluating

            run = Evaluating(self._config, self._settings, self._console, self._before)
            for number, answer in run.evaluate(missing):
                answers[number] = answer
                each = belongs[number]
                each.missing -= 1
                if not each.missing:
                    each.shelf.save(run.records.pop(each.shelf.folder, {}), run.asked, run.derived)
        return self._in_order(found, answers)

    def _in_order(self, found: list[_Found], answers: Mapping[int, Answer | None]) -> Iterator[Answer | None]:
        number = 0
        for each in found:
            pack = each.shelf.pack
            shared = Shared(pack, each.shelf.folder, self._before, self._anew) if pack else None
            failed = pack.failed if pack else ()
            if shared and not failed and isinstance(each.known, range):
                yield from map(Answer, each.paths, map(Kept, repeat(shared), each.known))
                number += len(each.paths)
                continue
            for path, at in zip(each.paths, each.known, strict=True):
                if at is None or shared is None:
                    yield answers[number]
                elif at in failed:
                    yield self._failed(path, shared.pack, at)
                else:
                    yield Answer(path, Kept(shared, at))
                number += 1

    def _failed(self, path: str, pack: Pack, at: int) -> Answer:
        try:
            return Answer(path, NOTHING, (), pack.error(at))
        except (OSError, ValueError):
            try:
                return Answer(path, self._anew(path))
            except RecipeError as error:
                return Answer(path, NOTHING, (), error)

    def _anew(self, path: str) -> Variables:
        """For the rare pack that was damaged after it was written. Raises RecipeError."""
        from abuildpy.phases.evaluating import Evaluating

        run = Evaluating(self._config, self._settings, self._console, self._before)
        answer = dict(run.evaluate([(0, path)]))[0] or _absent(path)
        if answer.error is not None:
            raise answer.error
        return answer.variables


def _absent(path: str) -> Answer:
    return Answer(path, NOTHING, error=RecipeError(f"{path} cannot be read: {os.strerror(errno.ENOENT)}"))


def _before_recipes(config: Config) -> Mapping[str, str]:
    """What answers say of variables that the recipe leaves alone."""
    environment = recipe_environment(config, "", colors=False)
    del environment["APKBUILD"]
    set_by_files = {n: v for n, v in config.variables.items() if n not in config.environ or n in environment}
    values = {**set_by_files, **environment}
    return {name: value for name, value in values.items() if name not in PASSING and not name.startswith("_ab_")}


class _Found:
    """Recipes of one folder, and what is known of them."""

    __slots__ = ("known", "missing", "paths", "shelf")

    def __init__(self, shelf: Shelf, paths: list[str], known: Sequence[int | None]) -> None:
        self.shelf = shelf
        self.paths = paths
        self.known = known
        self.missing = 0
        """How many have yet to be evaluated."""


class _NoCollection:
    """Holds up garbage collection, which would look again and again through what only grows."""

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
