# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the stages of builds behind walls: what each may see and write, its environment, its way to report."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from abuildpy import __version__
from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR, Config
from abuildpy.errors import ConfigError, SandboxError, WallError
from abuildpy.package.model import Owner
from abuildpy.phases.key import Key
from abuildpy.phases.pipes import pipes, read_all
from abuildpy.phases.settings import Settings
from abuildpy.phases.stage import ANSWERS, EVENTS, CallBack, Listener, StageResult
from abuildpy.phases.upkeep import has_option, source_folder
from abuildpy.phases.workspace import Workspace, private_folder, read_inside, remove_tree
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.evaluate import Runner, ShellResult
from abuildpy.recipe.history import Provenance, provenance
from abuildpy.recipe.model import Recipe
from abuildpy.sandbox.base import BuildUser, Request, Wall
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import Identity
from abuildpy.sandbox.probe import choose, likely
from abuildpy.shell import find_ash
from abuildpy.ui.console import Console

_EVALUATION_SECONDS = 60
_FAKEROOT = "fakeroot"
_CAPABILITIES = "capabilities"
_CACHES = ("GOCACHE", "GOMODCACHE", "CARGO_HOME", "HARECACHE")
_OF_A_SESSION = ("FAKEROOTKEY", "LD_PRELOAD", "LD_LIBRARY_PATH", "FAKEROOTDONTTRYCHOWN")


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what in the finished trees, as the fakeroot session recorded it, and what the ids are called."""

    owners: Mapping[tuple[int, int], Owner]
    capabilities: Mapping[bytes, bytes]
    user_name: Callable[[int], str]
    group_name: Callable[[int], str]

    def capabilities_below(self, root: Path) -> dict[bytes, bytes]:
        """Raw capabilities of the files below a folder, by their path relative to it."""
        prefix = bytes(root) + b"/"
        return {path[len(prefix) :]: raw for path, raw in self.capabilities.items() if path.startswith(prefix)}


class HostAccounts:
    """The names that this machine has for ids."""

    def user_name(self, uid: int) -> str:
        """The name of a user id; empty if it has none."""
        import pwd

        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return ""

    def group_name(self, gid: int) -> str:
        """The name of a group id; empty if it has none."""
        import grp

        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return ""


class Stages:
    """Starts stages for one configuration. A wall is chosen, and a folder that is ours alone made, on first use."""

    def __init__(self, config: Config, settings: Settings, console: Console) -> None:
        self._config = config
        self._settings = settings
        self._console = console
        self._provenances: dict[Path, Provenance] = {}
        self._walls: dict[Path, Wall] = {}
        self.key = Key(config)

    @property
    def generator(self) -> str:
        """What packages name as their maker."""
        return f"abuildpy {__version__}"

    @cached_property
    def _private(self) -> Path:
        """A folder that recipes can at most read; gone when the program ends."""
        folder = private_folder()
        (folder / "plan").mkdir()
        return folder

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

    @property
    def plan_folder(self) -> Path:
        """Where lists for a waiting session are left: it can read there, and nothing of the recipe can write."""
        return self._private / "plan"

    # --- evaluation --------------------------------------------------------------------------------------------

    def evaluation_runner(self) -> Runner:
        """A runner for :func:`abuildpy.recipe.evaluate.evaluate`: nothing that lasts can be written, no network."""
        return self._evaluate

    def _evaluate(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        known = folder in self._walls
        wall = self._walls.get(folder) or likely(self._settings.sandbox, startdir=folder) or self._wall(folder)
        try:
            result = self._evaluate_behind(wall, argv, env, folder)
        except WallError:
            if known:
                raise
            return self._evaluate_behind(self._wall(folder), argv, env, folder)
        self._walls[folder] = wall
        return result

    def _evaluate_behind(self, wall: Wall, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        home, tmp = self._private / "home", self._private / "tmp"
        for folder_of_its_own in (home, tmp):  # what one recipe leaves, the next shall not find
            remove_tree(folder_of_its_own)
            folder_of_its_own.mkdir()
        hand_over((home, tmp), wall.user)
        with pipes(2) as (events, complaints):
            request = Request(
                argv=self._plumbed(argv, {EVENTS: events.send}),
                env=env,
                cwd=folder,
                home=home,
                tmp=tmp,
                readable=_existing(*self._readable(folder), *self._config_files()),
                hidden=self.key.hidden(),
                stderr=complaints.send,
                pass_fds=(events.send,),
            )
            with wall.start(request) as running:
                events.close_send()
                complaints.close_send()
                outputs = read_all((events.receive, complaints.receive), _EVALUATION_SECONDS)
                if outputs is None:
                    return ShellResult(-signal.SIGKILL, b"", b"")
                return ShellResult(running.wait(), *outputs)

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
            task = ("fakeroot", str(workspace.session / _FAKEROOT), *task)
        return self._run(
            recipe,
            workspace,
            task,
            Listener(call_back, log=self._console.log),
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
            ("fakeroot", str(workspace.session / _FAKEROOT), "package", *subpackages),
            Listener(call_back, trees, log=self._console.log),
            environment,
            network=self.network(recipe, wanted=False),
            more={
                "ABUILDPY_OVERRIDDEN": " ".join(overridden),
                "ABUILDPY_CAPABILITIES": str(workspace.session / _CAPABILITIES),
                "ABUILDPY_STRIPPED": str(workspace.session / "stripped"),
            },
        )

    def ownership(self, recipe: Recipe, workspace: Workspace) -> Ownership:
        """What the last fakeroot session recorded. Raises SandboxError when that is missing or makes no sense."""
        from abuildpy.sandbox.fakeroot import parse_capabilities, parse_state, without_builder

        wall = self._wall(workspace.startdir)
        user = wall.user
        # Without walls it was the machine's own accounts that names in the recipe stood for.
        known = _identity(recipe, user) if wall.name != "none" else HostAccounts()
        folder = workspace.session.relative_to(workspace.tmp)
        state = read_inside(workspace.tmp, *folder.parts, _FAKEROOT, "state")
        if state is None:  # an empty record is one, a missing one would make everything root's
            raise SandboxError("fakeroot left no record of owners and modes", hint="does package() empty tmp/?")
        capabilities = read_inside(workspace.tmp, *folder.parts, _CAPABILITIES)
        return Ownership(
            without_builder(parse_state(state), user.uid, user.gid),
            parse_capabilities(capabilities or b""),
            known.user_name,
            known.group_name,
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
    ) -> StageResult:
        known = self._walls.get(recipe.startdir)
        wall = known or likely(self._settings.sandbox, startdir=recipe.startdir) or self._wall(recipe.startdir)
        everything = (recipe, workspace, task, listener, environment, network, writable, interactive, more or {})
        try:
            result = self._run_behind(wall, *everything)
        except WallError:
            if known is not None:
                raise
            return self._run_behind(self._wall(recipe.startdir), *everything)
        self._walls[recipe.startdir] = wall
        return result

    def _run_behind(
        self,
        wall: Wall,
        recipe: Recipe,
        workspace: Workspace,
        task: tuple[str, ...],
        listener: Listener,
        environment: Mapping[str, str] | None,
        network: bool,
        writable: tuple[Path, ...],
        interactive: bool,
        more: Mapping[str, str],
    ) -> StageResult:
        hand_over(workspace.create(), wall.user)
        driver = (*self._ash, "-e", f"{RUNTIME_DIR}/driver.sh", RUNTIME_DIR, self._flags(), *task)
        with pipes(2) as (events, answers):
            request = Request(
                argv=self._plumbed(driver, {EVENTS: events.send, ANSWERS: answers.receive}),
                env={**self._environment(recipe, environment), **self._fakeroot(task), **more},
                cwd=recipe.startdir,
                home=workspace.home,
                tmp=workspace.scratch,
                readable=_existing(
                    *self._readable(recipe.startdir),
                    source_folder(recipe, self._config),
                    *self._config_files(),
                    *self._sysroot(),
                ),
                writable=(*workspace.writable, *writable),
                caches=self._caches(wall.user),
                hidden=self.key.hidden(),
                files=_identity(recipe, wall.user).write(self._private),
                network=network,
                stdin=0 if interactive else None,
                pass_fds=(events.send, answers.receive),
            )
            with wall.start(request) as running:
                events.close_send()
                answers.close_receive()
                return listener.follow(events.receive, answers.send, running, had_network=network)

    # --- what a stage is given ---------------------------------------------------------------------------------

    def _environment(self, recipe: Recipe, before: Mapping[str, str] | None) -> dict[str, str]:
        colors = self._console.colors
        env = recipe_environment(self._config, str(recipe.path), colors=colors)
        if before is not None:
            env = {name: value for name, value in before.items() if name not in _OF_A_SESSION}
        known = self.provenance(recipe)
        env["SOURCE_DATE_EPOCH"] = str(known.epoch)
        env["ABUILD_LAST_COMMIT"] = known.commit
        env["ABUILDPY_ASH"] = " ".join(self._ash)
        return env

    def _fakeroot(self, task: tuple[str, ...]) -> Mapping[str, str]:
        from abuildpy.sandbox.fakeroot import find_fakeroot

        return find_fakeroot().environment if task[0] == "fakeroot" else {}

    @cached_property
    def _ash(self) -> tuple[str, ...]:
        return find_ash(self._config.environ.get("PATH"))

    def _plumbed(self, argv: tuple[str, ...], descriptors: Mapping[int, int]) -> tuple[str, ...]:
        """The command with descriptors moved to the numbers it knows, whatever numbers they have with us."""
        moves = " ".join(f"{inside}>&{outside}" for inside, outside in descriptors.items())
        ends = " ".join(f"{outside}>&-" for outside in descriptors.values() if outside not in descriptors)
        return (*self._ash, "-c", f'exec "$@" {moves} {ends}', "ash", *argv)

    def _flags(self) -> str:
        settings = self._settings
        flags = {
            "f": settings.force,
            "F": settings.force_root,
            "K": settings.keep_build,
            "c": self._console.colors,
            "q": settings.quiet,
            "v": settings.verbose,
        }
        return "".join(letter for letter, on in flags.items() if on) or "-"

    def network(self, recipe: Recipe, *, wanted: bool) -> bool:
        """Whether a stage gets the network: by ``--net``, else if it is ``wanted`` or the recipe's options have ``net``."""
        return {"always": True, "never": False}.get(self._settings.net, wanted or has_option(recipe, "net"))

    def _wall(self, startdir: Path) -> Wall:
        if startdir not in self._walls:
            self._walls[startdir] = choose(self._settings.sandbox, self._console, startdir=startdir)
        return self._walls[startdir]

    def _sysroot(self) -> tuple[Path, ...]:
        """What is built for another machine is built against."""
        root = self._config.get("CBUILDROOT")
        return (Path(root),) if root else ()

    def _config_files(self) -> tuple[Path, ...]:
        return (*self._config.files(), self._config.sharedir, Path(PACKAGE_DIR))

    def _readable(self, startdir: Path) -> tuple[Path, ...]:
        """The recipe's folder and, as recipes read their siblings, the tree around it, unless the home is in that."""
        private = Path(self._config.home).resolve()
        tree = startdir
        for parent in startdir.parents:
            if private == parent or parent in private.parents:
                break
            if parent == startdir.parent or (parent / ".git").exists():
                tree = parent
            if (parent / ".git").exists():
                break
        return (startdir, tree, self._private)

    def _caches(self, user: BuildUser) -> tuple[Path, ...]:
        names = [self._config.get(name) for name in _CACHES]
        if self._config.get("USE_CCACHE"):
            names.append(self._config.get("CCACHE_DIR") or f"{self._config.home}/.ccache")
        folders = tuple(Path(name) for name in names if name)
        for folder in folders:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                hand_over((folder,), user)
        return folders


def _existing(*paths: Path) -> tuple[Path, ...]:
    """Paths without those that are not there and without repetitions."""
    return tuple(path for path in dict.fromkeys(paths) if path.exists())


def _identity(recipe: Recipe, user: BuildUser) -> Identity:
    return Identity.build(recipe.pkgusers, recipe.pkggroups, user.uid, user.gid)
