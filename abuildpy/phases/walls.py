# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the stages of builds behind walls: what each may see and write, its environment, its way to report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy import __version__
from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR, Config
from abuildpy.errors import ConfigError, SandboxError, SigningError
from abuildpy.package.model import Owner
from abuildpy.phases.pipes import pipes, read_all
from abuildpy.phases.settings import Settings
from abuildpy.phases.stage import ANSWERS, EVENTS, CallBack, Listener, StageResult
from abuildpy.phases.upkeep import has_option, source_folder
from abuildpy.phases.workspace import Workspace, private_folder, read_inside
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

if TYPE_CHECKING:
    from abuildpy.package.sign import Signer

_EVALUATION_SECONDS = 60
_STATE = "ownership"
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
        self._loader: threading.Thread | None = None
        self._signer: Signer | None = None

    @property
    def generator(self) -> str:
        """What packages name as their maker."""
        return f"abuildpy {__version__}"

    @cached_property
    def _private(self) -> Path:
        """A folder that recipes can at most read; gone when the program ends."""
        folder = private_folder()
        for name in ("home", "tmp", "plan"):
            (folder / name).mkdir()
        return folder

    def require_key(self) -> None:
        """Raises SigningError unless there is a key; one that looks good is loaded while other work goes on."""
        if self._signer is None:
            if _looks_like_a_key(self._config.packager_privkey):
                # Loading takes longer than anything else in a small build, and nobody needs the key before its end;
                # nor the modules that make packages, while we wait for the recipe's phases anyway.
                self._loader = threading.Thread(target=self._load_signer, daemon=True)
                self._loader.start()
            else:
                self.signer()

    def _load_signer(self) -> None:
        import abuildpy.phases.packaging
        import abuildpy.phases.publish  # noqa: F401
        from abuildpy.package.sign import load_signer

        try:
            self._signer = load_signer(self._config)
        except SigningError:
            pass  # loading it again, where it is needed, tells what is wrong

    def signer(self) -> Signer:
        """The packager's key. Raises SigningError when there is none or it cannot be used."""
        if self._loader is not None:
            self._loader.join()
            self._loader = None
        if self._signer is None:
            from abuildpy.package.sign import load_signer

            self._signer = load_signer(self._config)
        return self._signer

    def provenance(self, recipe: Recipe) -> Provenance:
        """Commit and source date of a recipe, asked once."""
        if recipe.path not in self._provenances:
            try:
                self._provenances[recipe.path] = provenance(recipe.path, self._config.environ)
            except ValueError as error:
                raise ConfigError(f"SOURCE_DATE_EPOCH is not a number of seconds: {error}") from error
        return self._provenances[recipe.path]

    @property
    def plan_folder(self) -> Path:
        """Where lists for a waiting session are left: it can read there, and nothing of the recipe can write."""
        return self._private / "plan"

    # --- evaluation --------------------------------------------------------------------------------------------

    def evaluation_runner(self) -> Runner:
        """A runner for :func:`abuildpy.recipe.evaluate.evaluate`: nothing can be written, no network."""
        return self._evaluate

    def _evaluate(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        known = folder in self._walls
        wall = self._walls.get(folder) or likely(self._settings.sandbox, startdir=folder) or self._wall(folder)
        try:
            result = self._evaluate_behind(wall, argv, env, folder)
        except SandboxError:
            if known:
                raise
            return self._evaluate_behind(self._wall(folder), argv, env, folder)
        self._walls[folder] = wall
        return result

    def _evaluate_behind(self, wall: Wall, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        home, tmp = self._private / "home", self._private / "tmp"
        hand_over((home, tmp), wall.user)
        with pipes(2) as (events, complaints):
            request = Request(
                argv=self._plumbed(argv, {EVENTS: events.send}),
                env=env,
                cwd=folder,
                home=home,
                tmp=tmp,
                readable=_existing(*self._readable(folder), *self._config_files()),
                hidden=self._hidden(),
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
            task = ("fakeroot", str(workspace.session / _STATE), *task)
        return self._run(
            recipe,
            workspace,
            task,
            Listener(call_back),
            environment,
            network=network or self._network(recipe),
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
            ("fakeroot", str(workspace.session / _STATE), "package", *subpackages),
            Listener(call_back, trees),
            environment,
            network=self._network(recipe),
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
        known = self._identity(recipe, workspace) if wall.name != "none" else HostAccounts()
        folder = workspace.session.relative_to(workspace.tmp)
        state = read_inside(workspace.tmp, *folder.parts, _STATE)
        capabilities = read_inside(workspace.tmp, *folder.parts, _CAPABILITIES)
        return Ownership(
            without_builder(parse_state(state or b""), user.uid, user.gid),
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
        wall = self._wall(recipe.startdir)
        hand_over(workspace.create(), wall.user)
        driver = (*self._ash, "-e", f"{RUNTIME_DIR}/driver.sh", RUNTIME_DIR, self._flags(), *task)
        with pipes(2) as (events, answers):
            request = Request(
                argv=self._plumbed(driver, {EVENTS: events.send, ANSWERS: answers.receive}),
                env={**self._environment(recipe, environment), **self._fakeroot(task), **(more or {})},
                cwd=recipe.startdir,
                home=workspace.home,
                tmp=workspace.scratch,
                readable=_existing(
                    *self._readable(recipe.startdir), source_folder(recipe, self._config), *self._config_files()
                ),
                writable=(*workspace.writable, *writable),
                caches=self._caches(wall.user),
                hidden=self._hidden(),
                files=self._identity(recipe, workspace).write(self._private),
                network=network,
                terminal=interactive,
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

    def _network(self, recipe: Recipe) -> bool:
        return {"always": True, "never": False}.get(self._settings.net, has_option(recipe, "net"))

    def _wall(self, startdir: Path) -> Wall:
        if startdir not in self._walls:
            self._walls[startdir] = choose(self._settings.sandbox, self._console, startdir=startdir)
        return self._walls[startdir]

    def _identity(self, recipe: Recipe, workspace: Workspace) -> Identity:
        user = self._wall(workspace.startdir).user
        return Identity.build(recipe.pkgusers, recipe.pkggroups, user.uid, user.gid)

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

    def _hidden(self) -> tuple[Path, ...]:
        """Private keys, wherever they lie."""
        keys = [Path(self._config.packager_privkey).absolute()] if self._config.packager_privkey else []
        return (*keys, *self._config.userdir.glob("*.rsa"))

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


def _looks_like_a_key(path: str) -> bool:
    """Whether a file starts as an unprotected private key does; what is wrong with another one, loading it tells."""
    try:
        with open(path, "rb") as stream:
            return stream.readline(100).strip() in (b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN RSA PRIVATE KEY-----")
    except OSError:
        return False
