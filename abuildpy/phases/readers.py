# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads recipes behind the walls that builds have: one alone, or many by a crew of shells."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.phases.key import Key
from abuildpy.phases.pipes import Pipe, pipes, plumbed, read_all
from abuildpy.phases.settings import Settings
from abuildpy.phases.stage import EVENTS
from abuildpy.phases.surroundings import Host, host_of, sockets_of
from abuildpy.phases.workspace import remove_tree
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.evaluate import Runner, ShellResult
from abuildpy.sandbox.base import Request, Running, Wall
from abuildpy.sandbox.handover import hand_over
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.crew import Crew

PATIENCE = 30
"""Seconds in which a recipe that is read alone has to end."""


def readers_of(config: Config, settings: Settings, console: Console) -> Readers:
    """Readers for those who only read. Raises ConfigError for what the configuration misspells."""
    sockets_of(config, settings)  # who misspells it hears of it as early as of the wall
    return Readers(config, host_of(config, settings, console, Key(config)))


class Readers:
    """Starts what reads recipes on this machine: it can write nothing that lasts, and has no network."""

    def __init__(self, config: Config, host: Host) -> None:
        self._config = config
        self._host = host

    def runner(self, silent: bool = False) -> Runner:
        """A runner for :func:`abuildpy.recipe.evaluate.evaluate`: nothing that lasts can be written, no network.

        What a recipe writes to standard output goes to ours, or with ``silent`` to its complaints.
        """
        return lambda argv, env, folder: self._host.behind(
            folder, lambda wall: self._evaluate_behind(wall, argv, env, folder, silent)
        )

    def _evaluate_behind(
        self, wall: Wall, argv: tuple[str, ...], env: Mapping[str, str], folder: Path, silent: bool
    ) -> ShellResult:
        home, tmp = self._host.private / "home", self._host.private / "tmp"
        for folder_of_its_own in (home, tmp):  # what one recipe leaves, the next shall not find
            remove_tree(folder_of_its_own)
            folder_of_its_own.mkdir()
        hand_over((home, tmp), wall.user)
        if silent:
            argv = (*self._host.ash, "-c", 'exec "$@" >&2', "ash", *argv)
        with pipes(2) as (events, complaints):
            request = Request(
                argv=plumbed(self._host.ash, argv, {EVENTS: events.send}),
                env=env,
                cwd=folder,
                home=home,
                tmp=tmp,
                stderr=complaints.send,
                pass_fds=(events.send,),
            )
            with wall.start(self._host.furnish_evaluation(request, folder)) as running:
                events.close_send()
                complaints.close_send()
                (data, complaint), stopped = read_all((events.receive, complaints.receive), PATIENCE)
                if stopped:
                    return ShellResult(-signal.SIGKILL, data, complaint, stopped)
                return ShellResult(running.wait(), data, complaint)

    def begin(self, crew: Crew, size: int, examples: Sequence[Path], meanwhile: Callable[[], None]) -> None:
        """Starts a crew of shells that read recipes, behind the same walls.

        ``examples`` are folders of recipes, one of each repository; ``meanwhile`` is called while the shells start.
        Raises SandboxError.
        """

        def begin_behind(wall: Wall) -> None:
            crew.begin(lambda made, number: self._shell_behind(wall, made, number, examples), size, meanwhile)

        self._host.behind(examples[0], begin_behind)

    def _shell_behind(self, wall: Wall, made: tuple[Pipe, ...], number: int, examples: Sequence[Path]) -> Running:
        answers, complaints, orders = made
        folder = self._host.private / f"shell-{number}"
        home, tmp = folder / "home", folder / "tmp"
        folder.mkdir(exist_ok=True)
        for place in (home, tmp):  # nobody may write there: what one recipe leaves, the next would find
            place.mkdir(mode=0o555, exist_ok=True)
        env = recipe_environment(self._config, "", colors=False)
        del env["APKBUILD"]
        request = Request(
            argv=plumbed(self._host.ash, (*self._host.ash, "-s"), {EVENTS: answers.send}),
            env=env,
            cwd=examples[0],
            home=home,
            tmp=tmp,
            stdin=orders.receive,
            stderr=complaints.send,
            pass_fds=(answers.send,),
        )
        return wall.start(self._host.furnish_evaluation(request, *examples))
