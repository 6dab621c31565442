# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates recipes of which nothing is known: in company where that can be, else alone, and says what may be kept."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from abuildpy.config import Config
from abuildpy.errors import RecipeError
from abuildpy.phases.crew import Crew
from abuildpy.phases.readers import readers_of
from abuildpy.phases.readings import PlainReading, Reading, Task, Unread
from abuildpy.phases.settings import Settings
from abuildpy.recipe import signatures
from abuildpy.recipe.answer import NOTHING, Answer, Fresh
from abuildpy.recipe.constant import depends_on, loops_depend_on
from abuildpy.recipe.conversation import Changes, changes
from abuildpy.recipe.evaluate import candidate_names, evaluate, said_lines, trace_lines
from abuildpy.recipe.library import PASSING, library_functions, library_names
from abuildpy.recipe.pack import HOT, USUAL, Told, Watched, has_sign
from abuildpy.recipe.packing import Record, record, record_of_failure
from abuildpy.recipe.plain import asked_names, read_plain
from abuildpy.recipe.shelf import digest_of
from abuildpy.recipe.signatures import Signature, signature_of, watch
from abuildpy.regular import regular
from abuildpy.shell import parse_functions
from abuildpy.ui.console import Console

_FEW = 100
"""Recipes for which one shell is enough."""
_MOST_SHELLS = 8
_AHEAD = 200
"""Recipes that we look through while the shells start."""


class _Text(NamedTuple):
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
        self._readers = readers_of(config, settings, console)
        self._texts: dict[int, _Text] = {}
        self._library_functions = library_functions()
        self._library = frozenset(map(os.fsdecode, self._library_functions))
        # A hot variable that is there before is told of every recipe.
        self.asked: set[bytes] = {*library_names(), *map(str.encode, HOT), b"sha512sums"}
        self.records: dict[str, dict[str, Record]] = {}
        self._began = time.time_ns() - signatures.YOUNG
        self.derived = ""
        """What the usual ones of these have."""

    def evaluate(self, recipes: list[tuple[int, str]]) -> Iterator[tuple[int, Answer | None]]:
        """An answer for each recipe (number and path), in whatever order; None for one that is not there."""
        unread: list[tuple[int, Answer | None]] = []
        tasks = self._look(recipes, unread)
        looked: list[Task] = []

        def meanwhile() -> None:
            looked.extend(islice(tasks, _AHEAD - len(looked)))

        again: list[Unread] = []
        examples = _examples(path for _, path in recipes)
        if not examples:
            deque(tasks, 0)
            yield from unread
            return
        with Crew() as crew:
            # One more than processors, so that none waits for us.
            size = 1 if len(recipes) <= _FEW else min(len(os.sched_getaffinity(0)) + 1, _MOST_SHELLS)
            self._readers.begin(crew, size, examples, meanwhile)
            for each in crew.read(chain(looked, tasks)):
                if isinstance(each, PlainReading):
                    yield each.task.number, self._answer_of_plain(each)
                elif isinstance(each, Reading):
                    yield each.task.number, self._answer(each)
                elif each.said:  # it fails, which is soon told
                    yield each.task.number, self._alone(each)
                else:
                    again.append(each)
        yield from unread
        for failed in again:
            yield failed.task.number, self._alone(failed)

    def _look(self, recipes: list[tuple[int, str]], unread: list[tuple[int, Answer | None]]) -> Iterator[Task]:
        """Reads the files and sees what they are; those that cannot be read are answered at once."""
        bodies: dict[bytes, bool] = {}
        for number, path in recipes:
            try:
                file = regular(path)
                try:
                    status = os.fstat(file)
                    text = os.read(file, status.st_size + 1)
                finally:
                    os.close(file)
            except (FileNotFoundError, NotADirectoryError):
                unread.append((number, None))
                continue
            except OSError as error:
                reason = RecipeError(f"{path} cannot be read: {error.strerror}")
                unread.append((number, Answer(path, NOTHING, error=reason)))
                continue
            plain = read_plain(text, bodies)
            # One that redefines the library's functions is read alone, plain or not.
            if plain is not None and (has_sign(text) or not self._library_functions.isdisjoint(plain.functions)):
                plain = None
            asked = asked_names(text) if plain is None else plain.asked
            self._texts[number] = _Text(
                path, signature_of(status), digest_of(text), asked, text if plain is None else b""
            )
            yield Task(number, path, plain, candidate_names(text) if plain is None else ())

    def _answer_of_plain(self, reading: PlainReading) -> Answer:
        task = reading.task
        plain = task.plain
        text = self._texts.pop(task.number)
        variables = variables_of(reading, self._before)
        if reading.derived is not None:
            self.derived = reading.derived
        names: tuple[str, ...] | None = ()
        folder, name = _place(task.path)
        if plain and plain.loops:
            names = loops_depend_on(plain.loops, os.path.dirname(task.path), variables.changes(), self._before)
        if names is not None:
            watched = self._watched(names)
            kept = Record(name, text.signature, text.digest, variables.hot, variables.rest, watched)
            self.records.setdefault(folder, {})[name] = kept
            self.asked |= text.asked
        return Answer(task.path, variables)

    def _answer(self, reading: Reading) -> Answer:
        task = reading.task
        text = self._texts.pop(task.number)
        changed = changes(reading.listing, reading.base)
        functions = parse_functions(reading.functions)
        said = tuple(line.decode("utf-8", "replace") for line in said_lines(reading.said))
        own = functions | self._library
        depends = depends_on(task.path, text.text, reading.said, own, changed, self._before)
        if depends is not None and not said:
            self._keep(task.path, text, functions, changed, depends)
        return Answer(task.path, Fresh(self._before, changed, functions), said)

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
        watched = self._watched(files)
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

    def _watched(self, files: tuple[str, ...]) -> Watched:
        """The signatures of files that a recipe has looked at; of none that may have changed since then."""
        found = ((file, watch(file)) for file in files)
        return tuple((file, state if max(state[2:]) < self._began else signatures.NEVER) for file, state in found)

    def _alone(self, failed: Unread) -> Answer:
        path = failed.task.path
        text = self._texts.pop(failed.task.number)
        said: list[bytes] = []
        try:
            recipe = evaluate(Path(path), self._config, self._readers.runner(silent=True), said.extend)
        except RecipeError as error:
            if failed.said:
                trace = trace_lines(failed.said)
                candidates = frozenset(map(os.fsdecode, failed.task.candidates)) - {"exec"}
                depends = depends_on(path, text.text, trace, candidates | self._library, {}, self._before)
                if depends is not None:
                    self._keep(path, text, frozenset(), error, depends)
            return Answer(path, NOTHING, error=error)
        changed: Changes = {
            name: value
            for name, value in recipe.variables.items()
            if self._before.get(name) != value and name not in PASSING and not name.startswith("_ab_")
        }
        changed.update((name, None) for name in self._before if name not in recipe.variables)
        lines = tuple(line.decode("utf-8", "replace") for line in said)
        return Answer(path, Fresh(self._before, changed, recipe.functions), lines)


def _examples(paths: Iterable[str]) -> list[Path]:
    """One folder of a recipe that is there out of each repository."""
    found: dict[str, Path] = {}
    for path in paths:
        repository = _place(path)[0]
        if repository not in found and os.path.isfile(path):
            found[repository] = Path(path).parent
    return list(found.values())


def variables_of(reading: PlainReading, before: Mapping[str, str]) -> Told:
    """The variables and functions of a plain recipe; ``before`` are those of a shell that has read no recipe yet."""
    task = reading.task
    rest = b" ".join(task.plain.functions) if task.plain else b""
    if reading.derived is not None:
        rest += USUAL.encode()
    if reading.others:
        rest += b"\0" + reading.others
    hot = reading.hot.decode("utf-8", "surrogateescape").split("\0")
    return Told(task.path, before, hot, rest, reading.derived or "")


def _place(path: str) -> tuple[str, str]:
    """The repository folder of a recipe, and its path below that."""
    folder, name, file = path.rsplit("/", 2)
    return folder, f"{name}/{file}"
