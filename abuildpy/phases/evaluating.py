# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates recipes of which nothing is known: in company where that can be, else alone, and says what may be kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import RecipeError
from abuildpy.phases.crew import Crew, Reading, Task, Unread
from abuildpy.phases.settings import Settings
from abuildpy.phases.walls import Stages
from abuildpy.recipe.answer import NOTHING, Answer, Fresh
from abuildpy.recipe.constant import depends_on, loops_depend_on
from abuildpy.recipe.conversation import Changes, changes, changes_of_plain
from abuildpy.recipe.evaluate import candidate_names, evaluate, said_lines, trace_lines
from abuildpy.recipe.library import PASSING, library_functions, library_names
from abuildpy.recipe.pack import Signature
from abuildpy.recipe.packing import Record, record, record_of_failure
from abuildpy.recipe.plain import asked_names, read_plain
from abuildpy.recipe.shelf import digest_of, signature_of, watch
from abuildpy.shell import parse_functions
from abuildpy.ui.console import Console

_FEW = 100
"""Recipes for which one shell is enough."""
_MOST_SHELLS = 8
_AHEAD = 1500
"""Recipes that we look through while the shells start."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A recipe that has to be evaluated, as it was when we looked."""

    path: str
    signature: Signature
    digest: bytes
    asked: frozenset[bytes]
    text: bytes
    """Empty for a plain recipe."""


class Evaluating:
    """Evaluates recipes of which nothing is known."""

    def __init__(self, config: Config, settings: Settings, console: Console, before: Mapping[str, str]) -> None:
        self._config = config
        self._before = before
        self._stages = Stages(config, settings, console)
        self._texts: dict[int, _Text] = {}
        self._library = frozenset(map(os.fsdecode, library_functions()))
        self.asked: set[bytes] = set(library_names())
        self.records: dict[str, dict[str, Record]] = {}

    def evaluate(self, recipes: list[tuple[int, str]]) -> Iterator[tuple[int, Answer]]:
        """An answer for each recipe (number and path), in whatever order."""
        unread: list[tuple[int, Answer]] = []
        tasks = self._look(recipes, unread)
        looked: list[Task] = []

        def meanwhile() -> None:
            looked.extend(islice(tasks, _AHEAD - len(looked)))

        again: list[Unread] = []
        with Crew() as crew:
            folders = {os.path.dirname(os.path.dirname(path)): path for _, path in recipes}
            examples = [Path(path).parent for path in folders.values()]
            size = 1 if len(recipes) <= _FEW else min(len(os.sched_getaffinity(0)), _MOST_SHELLS)
            self._stages.begin(crew, size, examples, meanwhile)
            for each in crew.read(chain(looked, tasks)):
                if isinstance(each, Reading):
                    yield each.task.number, self._answer(each)
                else:
                    again.append(each)
        yield from unread
        for failed in again:
            yield failed.task.number, self._alone(failed)

    def _look(self, recipes: list[tuple[int, str]], unread: list[tuple[int, Answer]]) -> Iterator[Task]:
        """Reads the files and sees what they are; those that cannot be read are answered at once."""
        for number, path in recipes:
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    status = os.fstat(file)
                    text = os.read(file, status.st_size + 1)
                finally:
                    os.close(file)
            except OSError as error:
                reason = RecipeError(f"{path} cannot be read: {error.strerror}")
                unread.append((number, Answer(path, {}, NOTHING, error=reason)))
                continue
            plain = read_plain(text)
            asked = asked_names(text) if plain is None else plain.asked
            self._texts[number] = _Text(
                path, signature_of(status), digest_of(text), asked, text if plain is None else b""
            )
            # One that redefines the library's functions is read alone, plain or not.
            in_company = plain is not None and self._library.isdisjoint(map(os.fsdecode, plain.functions))
            candidates = () if in_company else candidate_names(text)
            yield Task(number, path, plain, candidates)

    def _answer(self, reading: Reading) -> Answer:
        task = reading.task
        text = self._texts.pop(task.number)
        said: tuple[str, ...] = ()
        if task.plain is not None and reading.functions is None:
            changed = changes_of_plain(reading.listing, reading.base)
            functions = frozenset([os.fsdecode(name) for name in task.plain.functions])
            folder = os.path.dirname(task.path)
            loops = task.plain.loops
            names = loops_depend_on(loops, folder, changed, self._before) if loops else ()
            if names is not None:
                self._keep(task.path, text, functions, changed, (names, b""))
        else:
            changed = changes(reading.listing, reading.base)
            functions = parse_functions(reading.functions or b"")
            said = tuple(line.decode("utf-8", "replace") for line in said_lines(reading.said))
            own = functions | self._library
            depends = depends_on(task.path, text.text, reading.said, own, changed, self._before)
            if depends is not None and not said:
                self._keep(task.path, text, functions, changed, depends)
        return Answer(task.path, self._before, Fresh(changed, functions), said)

    def _keep(
        self,
        path: str,
        text: _Text,
        functions: frozenset[str],
        changed: Changes | RecipeError,
        depends: tuple[tuple[str, ...], bytes],
    ) -> None:
        files, sourced = depends
        folder, name = _place(path)
        watched = tuple((file, watch(file)) for file in files)
        if isinstance(changed, RecipeError):
            kept: Record | None = record_of_failure(name, text.signature, text.digest, changed, watched)
        else:
            kept = record(name, text.signature, text.digest, functions, changed, watched)
        if kept is None:
            return
        self.records.setdefault(folder, {})[name] = kept
        self.asked |= text.asked
        if sourced:
            self.asked |= asked_names(sourced)

    def _alone(self, failed: Unread) -> Answer:
        path = failed.task.path
        text = self._texts.pop(failed.task.number)
        said: list[bytes] = []
        try:
            recipe = evaluate(Path(path), self._config, self._stages.evaluation_runner(silent=True), said.extend)
        except RecipeError as error:
            if failed.said:
                trace = trace_lines(failed.said)
                candidates = frozenset(map(os.fsdecode, failed.task.candidates)) - {"exec"}
                depends = depends_on(path, text.text, trace, candidates | self._library, {}, self._before)
                if depends is not None:
                    self._keep(path, text, frozenset(), error, depends)
            return Answer(path, {}, NOTHING, error=error)
        changed: Changes = {
            name: value
            for name, value in recipe.variables.items()
            if self._before.get(name) != value and name not in PASSING and not name.startswith("_ab_")
        }
        changed.update((name, None) for name in self._before if name not in recipe.variables)
        lines = tuple(line.decode("utf-8", "replace") for line in said)
        return Answer(path, self._before, Fresh(changed, recipe.functions), lines)


def _place(path: str) -> tuple[str, str]:
    """The repository folder of a recipe, and its path below that."""
    folder = os.path.dirname(os.path.dirname(path))
    return folder, path[len(folder) + 1 :]
