# SPDX-License-Identifier: GPL-3.0-or-later
"""The builds of ``abuildpy bump``: planned and carried out as those of ``abuildpy batch``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.batch.interface import Observer
from abuildpy.batch.model import Outcome, Plan, Report, Task, Why
from abuildpy.batch.planning import Wishes
from abuildpy.batch.recipes import read_recipes
from abuildpy.batch.targets import Tree
from abuildpy.cli.batch_plan import Planner
from abuildpy.cli.batch_run import Wanted, batch_folder, carry_out, require_means
from abuildpy.errors import AbuildError
from abuildpy.maintain.bumping.model import Wish
from abuildpy.messages import Messages

if TYPE_CHECKING:
    from abuildpy.maintain.diff.model import Provided
    from abuildpy.maintain.follows import Following


class _Quiet:
    """What is asked of those who watch: no reports."""

    reports: tuple[Path, ...] = ()


class _Unended:
    """A view whose summary is left out: there is another one at the end of the whole run. CI systems need theirs."""

    def __init__(self, view: Observer) -> None:
        self._view = view

    def planned(self, plan: Plan) -> None:
        """Handed on."""
        self._view.planned(plan)

    def started(self, task: Task, attempt: int, where: str) -> None:
        """Handed on."""
        self._view.started(task, attempt, where)

    def phase(self, task: Task, phase: str) -> None:
        """Handed on."""
        self._view.phase(task, phase)

    def finished(self, task: Task, outcome: Outcome) -> None:
        """Handed on."""
        self._view.finished(task, outcome)

    def ended(self, report: Report) -> None:
        """Handed on where it is not only for the eye."""
        from abuildpy.batch.seeing.ci import CiView

        if isinstance(self._view, CiView):
            self._view.ended(report)


class _Telling:
    """Hands outcomes on."""

    def __init__(self, done: Callable[[Outcome], None]) -> None:
        self._done = done

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def started(self, task: Task, attempt: int, where: str) -> None:
        """Nothing."""

    def phase(self, task: Task, phase: str) -> None:
        """Nothing."""

    def finished(self, task: Task, outcome: Outcome) -> None:  # noqa: ARG002 -- as Observer has it
        """A recipe has its outcome."""
        self._done(outcome)

    def ended(self, report: Report) -> None:
        """Nothing."""


class BatchBuilder:
    """Builds for a run of ``abuildpy bump``."""

    def __init__(self, wanted: Wanted, planner: Planner) -> None:
        self._wanted = wanted
        self._planner = planner
        self._config = planner.config
        self._console = planner.console

    def require(self) -> None:
        """Raises AbuildError where nothing can be built here, whatever the recipe."""
        require_means(self._wanted, self._config)

    def plan(self, wishes: Sequence[Wish]) -> Plan:
        """The order of recipes as they are now, with why each is built."""
        why = {wish.name: [Why("target", wish.word or wish.name)] for wish in wishes}
        recipes = read_recipes((str(wish.folder) for wish in wishes), self._planner.evaluate)
        return self._planner.plan(recipes, Wishes(why))

    def build(self, plan: Plan, done: Callable[[Outcome, Messages], None]) -> Report:
        """Carries it out under the eyes of the user. Raises GateError, AbuildError."""
        from abuildpy.batch.seeing import watching

        with watching(_Quiet(), self._console) as (observers, messages):
            watch: list[Observer] = [_Unended(observers[0]), _Telling(lambda outcome: done(outcome, messages))]
            return carry_out(plan, self._wanted, self._config, self._console, watch, messages)

    def packages(self, outcome: Outcome) -> list[Path]:
        """The package files of a good outcome: published already, or waiting for that."""
        places = (batch_folder(self._config) / "staged", Path(self._config.repodest))
        found = (next((p for place in places if (p := place / apk).is_file()), None) for apk in outcome.apks)
        return [path for path in found if path is not None]

    def follow(self, provided: Sequence[Provided], own: Iterable[str]) -> Following | None:
        """Who has to be rebuilt, as the indexes and the tree tell."""
        from abuildpy.maintain.follows import what_follows

        planner = self._planner
        try:
            tree = Tree(planner.tree.folder, planner.evaluate)  # recipes have changed since that was read
            return what_follows(provided, planner.existing(), tree.recipes, self._config.variables, own=own)
        except AbuildError as error:
            self._console.warning(f"what has to be rebuilt cannot be told: {error.message}")
            return None
