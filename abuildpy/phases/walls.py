# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the stages of builds behind walls: their commands, their environment, their way to report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.config import RUNTIME_DIR, Config
from abuildpy.errors import ConfigError, SandboxError
from abuildpy.phases.key import Key
from abuildpy.phases.limits import Limits, limits_of
from abuildpy.phases.logs import Logs, kept_environment
from abuildpy.phases.output import Heard
from abuildpy.phases.ownership import Ownership
from abuildpy.phases.pipes import pipes, plumbed
from abuildpy.phases.readers import Readers
from abuildpy.phases.settings import Settings
from abuildpy.phases.stage import ANSWERS, EVENTS, CallBack, Listener, Output, StageResult
from abuildpy.phases.surroundings import Surroundings, host_of, sockets_of
from abuildpy.phases.upkeep import has_option
from abuildpy.phases.workspace import Workspace, read_inside
from abuildpy.recipe.environment import withheld
from abuildpy.recipe.history import Provenance, provenance
from abuildpy.recipe.model import Recipe
from abuildpy.sandbox.base import Request, Wall
from abuildpy.sandbox.handover import hand_over
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.watch import Clock, Watch

_FAKEROOT = "fakeroot"
_CAPABILITIES = "capabilities"
_OF_A_SESSION = ("FAKEROOTKEY", "LD_PRELOAD", "LD_LIBRARY_PATH", "FAKEROOTDONTTRYCHOWN")


def _terminal() -> AbstractContextManager[Output]:
    from abuildpy.phases.terminal import Terminal

    return Terminal()


def _what_failed(result: StageResult) -> tuple[str, int, str]:
    """The function that failed, its status, and the package it worked for."""
    if result.failures:
        return result.failures[0].function, result.failures[0].status, result.failures[0].package
    return result.running or "shell", result.status, ""


@dataclass(frozen=True, slots=True)
class ShellPlace:
    """Where a shell is opened: in place of ``function``, with ``variables`` that describe a subpackage.

    ``functions`` are the recipe's; ``logs`` is the folder of its logs, None if there is none.
    """

    function: str
    fakeroot: bool
    variables: Mapping[str, str]
    functions: tuple[str, ...]
    logs: Path | None


class Stages:
    """Starts stages for one configuration; recipes are evaluated on this machine, wherever their stages run."""

    def __init__(
        self,
        config: Config,
        settings: Settings,
        console: Console,
        around: Surroundings | None = None,
        known: Mapping[Path, Provenance] | None = None,
    ) -> None:
        """``around`` is what stages find around them, None for this machine; ``known`` says where recipes come from."""
        self._config = config
        self._settings = settings
        self._console = console
        self._provenances = {} if known is None else dict(known)
        self.key = Key(config)
        host = host_of(config, settings, console, self.key)
        self._sockets = sockets_of(config, settings)
        self._around = around or host
        self.readers = Readers(config, host)
        self._clock: Clock | None = None
        self._logs: dict[Path, Logs] = {}

    def limits(self) -> Limits:
        """What the recipe's functions may use up. Raises ConfigError where the configuration's make no sense."""
        return limits_of(self._settings, self._config)

    def logs(self, recipe: Recipe) -> Logs:
        """Where what the functions of a recipe write is kept."""
        if recipe.startdir not in self._logs:
            self._logs[recipe.startdir] = Logs(recipe, self._config, self._settings.errand.function)
        return self._logs[recipe.startdir]

    @property
    def settings(self) -> Settings:
        """How the user wants it."""
        return self._settings

    @property
    def generator(self) -> str:
        """What packages name as their maker."""
        return f"abuildpy {__version__}"

    def inside(self, path: Path) -> Path:
        """The path by which stages know a file or folder of this machine."""
        return self._around.inside(path)

    def provenance(self, recipe: Recipe) -> Provenance:
        """Commit and source date of a recipe, asked once."""
        if recipe.path not in self._provenances:
            try:
                self._provenances[recipe.path] = provenance(recipe.path, self._config.variables)
            except ValueError as error:
                raise ConfigError(
                    f"SOURCE_DATE_EPOCH is no usable number of seconds: {error}",
                    hint="set it to seconds since 1970, or unset it",
                ) from error
        return self._provenances[recipe.path]

    def wall(self, recipe: Recipe) -> Wall:
        """The wall that stages of a recipe are behind. Raises SandboxError."""
        return self._around.wall(recipe.startdir)

    def out_of_sight(self, recipe: Recipe) -> tuple[str, ...]:
        """Folders of PATH that stages of a recipe cannot see."""
        return self._around.out_of_sight(recipe.startdir)

    def first_environment(self, recipe: Recipe) -> dict[str, str]:
        """The environment that the first function of a recipe gets."""
        return self._environment(recipe, None, self.network(recipe, wanted=False))

    @property
    def plan_folder(self) -> Path:
        """Where lists for a waiting session are left: it can read there, and nothing of the recipe can write."""
        folder = self._around.private / "plan"
        folder.mkdir(exist_ok=True)
        return folder

    # --- stages ------------------------------------------------------------------------------------------------

    def verbs(
        self,
        recipe: Recipe,
        workspace: Workspace,
        verbs: tuple[str, ...],
        *,
        environment: Mapping[str, str] | None,
        call_back: CallBack,
        fakeroot: bool = False,
        network: bool = False,
        writable: tuple[Path, ...] = (),
        interactive: bool = False,
    ) -> StageResult:
        """Runs functions of the recipe in one shell, with ``fakeroot`` in a session of that.

        ``environment`` is what the stage before exported (None: this is the first); ``writable`` are folders to be
        written besides the work folders; ``interactive`` leaves the terminal to the functions.
        """
        task = ("verbs", *verbs)
        if fakeroot:
            task = ("fakeroot", self._inside(workspace.session / _FAKEROOT), *task)
        return self._run(
            recipe,
            workspace,
            task,
            Listener(call_back, log=self._console.log, logs=self.logs(recipe)),
            environment,
            network=network,
            writable=writable,
            interactive=interactive,
        )

    def package(
        self,
        recipe: Recipe,
        workspace: Workspace,
        overridden: tuple[str, ...],
        *,
        environment: Mapping[str, str] | None,
        call_back: CallBack,
        trees: Callable[[Mapping[str, Mapping[str, str]]], str],
    ) -> StageResult:
        """Runs package() and the split functions in a fakeroot session.

        ``overridden`` names packaging steps that the recipe does itself; ``trees`` is called when all trees are there,
        with every shell's variables by package, and returns the folder with the lists for the session's last steps.
        """
        subpackages = [f"{s.name}:{s.split}:{s.arch}:{s.triplet}" for s in recipe.subpackages]
        return self._run(
            recipe,
            workspace,
            ("fakeroot", self._inside(workspace.session / _FAKEROOT), "package", *subpackages),
            Listener(call_back, trees, log=self._console.log, logs=self.logs(recipe)),
            environment,
            network=self.network(recipe, wanted=False),
            more={
                "ABUILDPY_OVERRIDDEN": " ".join(overridden),
                "ABUILDPY_CAPABILITIES": self._inside(workspace.session / _CAPABILITIES),
                "ABUILDPY_STRIPPED": self._inside(workspace.session / "stripped"),
            },
        )

    def shell(
        self,
        recipe: Recipe,
        workspace: Workspace,
        place: ShellPlace,
        command: str | None,
        *,
        call_back: CallBack,
    ) -> int:
        """Opens a shell where a function of the recipe runs; returns its exit status (negative for a signal).

        It reads ``command``, or what is typed where there is a terminal, else standard input.
        """
        terminal = command is None and os.isatty(0) and os.isatty(1)
        how = "terminal" if terminal else "script" if command is None else "command"
        task: tuple[str, ...] = ("shell", how, place.function)
        if place.fakeroot:
            task = ("fakeroot", self._inside(workspace.session / "shell"), *task)
        more = {
            **place.variables,
            "ABUILDPY_FUNCTIONS": " ".join(place.functions),
            "ABUILDPY_COMMAND": command or "",
        }
        before = kept_environment(place.logs) if place.fakeroot and place.logs else None
        result = self._run(
            recipe,
            workspace,
            task,
            Listener(call_back, log=self._console.log),
            before,
            network=self.network(recipe, wanted=False),
            interactive=True,
            more=more,
            passing=_terminal if terminal else None,
        )
        return result.status

    def ownership(self, recipe: Recipe, workspace: Workspace) -> Ownership:
        """What the last fakeroot session recorded. Raises SandboxError when that is missing or makes no sense."""
        from abuildpy.sandbox.fakeroot import parse_capabilities, parse_state, without_builder

        wall = self._around.wall(workspace.startdir)
        folder = workspace.session.relative_to(workspace.tmp)
        state = read_inside(workspace.tmp, *folder.parts, _FAKEROOT, "state")
        if state is None:  # an empty record is one, a missing one would make everything root's
            raise SandboxError("fakeroot left no record of owners and modes", hint="does package() empty tmp/?")
        capabilities = read_inside(workspace.tmp, *folder.parts, _CAPABILITIES)
        return Ownership(
            without_builder(parse_state(state), wall.user.uid, wall.user.gid),
            parse_capabilities(capabilities or b""),
            self._around.accounts(recipe, wall),
            self._around.inside,
        )

    def _run(
        self,
        recipe: Recipe,
        workspace: Workspace,
        task: tuple[str, ...],
        listener: Listener,
        environment: Mapping[str, str] | None,
        *,
        network: bool,
        writable: tuple[Path, ...] = (),
        interactive: bool = False,
        more: Mapping[str, str] | None = None,
        passing: Callable[[], AbstractContextManager[Output | None]] | None = None,
    ) -> StageResult:
        """``passing`` makes what its output passes through; None keeps a log of it, unless it is ``interactive``."""
        logs = self.logs(recipe)
        through: Callable[[], AbstractContextManager[Output | None]]
        through = passing or (nullcontext if interactive else lambda: Heard(logs.keep))
        runtime = self._inside(Path(RUNTIME_DIR))
        driver = (*self._around.ash, "-e", f"{runtime}/driver.sh", runtime, self._flags(), *task)
        fakeroot = self._around.fakeroot if task[0] == "fakeroot" else {}

        def run(wall: Wall) -> StageResult:
            hand_over(workspace.create(), wall.user)
            enclosed = wall.name == "bwrap"
            with (
                pipes(2) as (events, answers),
                through() as heard,
                self._watching(workspace, None if interactive else heard) as watch,
            ):
                ends = {EVENTS: events.send, ANSWERS: answers.receive, **(heard.outputs if heard else {})}
                request = Request(
                    argv=plumbed(self._around.ash, driver, ends),
                    env={**self._environment(recipe, environment, network), **fakeroot, **(more or {})},
                    cwd=self._around.inside(recipe.startdir),
                    home=workspace.home,
                    tmp=workspace.scratch,
                    writable=(*workspace.writable, *writable),
                    network=network,
                    sockets=self._sockets,
                    stdin=0 if interactive else None,
                    pass_fds=tuple(dict.fromkeys(ends.values())),
                    group=watch.door(enclosed=enclosed) if watch else None,
                )
                with wall.start(self._around.furnish(request, recipe, wall.user)) as running:
                    events.close_send()
                    answers.close_receive()
                    if heard:
                        heard.started()
                    if watch:
                        watch.begin(running.pid, user=wall.user.host_uid, enclosed=enclosed)
                    result = listener.follow(events.receive, answers.send, running, had_network=network, heard=heard)
                return replace(result, breach=watch.breach) if watch else result

        try:
            result = self._around.behind(recipe.startdir, run)
        finally:
            logs.end()
        if result.status == 0:
            if result.environment is not None and not interactive:
                logs.keep_environment(result.environment)
            return result
        return replace(
            result,
            out_of_sight=self._around.out_of_sight(recipe.startdir),
            withheld=tuple(withheld(self._config)),
            log=None if interactive else logs.failed(*_what_failed(result)),
        )

    def _watching(self, workspace: Workspace, heard: Output | None) -> AbstractContextManager[Watch | None]:
        """The watch over the next stage, None without limits; it may be silent where nobody hears it."""
        limits = self.limits()
        if not limits:
            return nullcontext()
        from abuildpy.phases.watch import Clock, watching

        self._clock = self._clock or Clock()
        return watching(limits, self._clock, workspace, heard.last if heard else None)

    # --- what a stage is given ---------------------------------------------------------------------------------

    def _inside(self, path: Path) -> str:
        return str(self._around.inside(path))

    def _environment(self, recipe: Recipe, before: Mapping[str, str] | None, network: bool) -> dict[str, str]:
        if before is None:
            env = self._around.environment(recipe, colors=self._console.colors, network=network)
        else:
            env = {name: value for name, value in before.items() if name not in _OF_A_SESSION}
        known = self.provenance(recipe)
        env["SOURCE_DATE_EPOCH"] = str(known.epoch)
        env["ABUILD_LAST_COMMIT"] = known.commit
        env["ABUILDPY_ASH"] = " ".join(self._around.ash)
        return env

    def _flags(self) -> str:
        settings = self._settings
        flags = {
            "f": settings.force,
            "F": settings.force_root,
            "d": settings.nodeps,
            "k": settings.keep,
            "K": settings.keep_build,
            "c": self._console.colors,
            "q": settings.quiet,
            "r": settings.install_deps,
            "v": settings.verbose,
        }
        return "".join(letter for letter, on in flags.items() if on) or "-"

    def network(self, recipe: Recipe, *, wanted: bool) -> bool:
        """Whether a stage gets the network: by ``--net``, else if it is ``wanted`` or the recipe's options have ``net``."""
        return {"always": True, "never": False}.get(self._settings.net, wanted or has_option(recipe, "net"))
