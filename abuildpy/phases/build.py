# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of one recipe: what each verb does, and ``all`` from validate to the signed index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.phases import upkeep
from abuildpy.phases.outcome import require_success
from abuildpy.phases.settings import Settings
from abuildpy.phases.timing import Timings
from abuildpy.phases.walls import Stages
from abuildpy.phases.workspace import Workspace, building, remove_tree, workspace_of
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.outputs import Outputs, nothing_to_do
from abuildpy.ui.console import Console

_IN_SHELL = ("prepare", "mkusers", "build", "check", "package")
"""Verbs that are functions of the recipe; neighbours on the command line share one shell, as in abuild."""


@dataclass(slots=True)
class _State:
    """What earlier verbs of the same run leave for later ones."""

    environment: Mapping[str, str] | None = None
    uninstall: bool = False
    fetched: bool = False


class Build:
    """One recipe with everything needed to build it."""

    def __init__(self, recipe: Recipe, config: Config, settings: Settings, console: Console, stages: Stages) -> None:
        self.recipe = recipe
        self.config = config
        self.settings = settings
        self.console = console
        self.workspace: Workspace = workspace_of(recipe)
        self._stages = stages
        self._state = _State()
        self._timings = Timings(config.environ)

    @classmethod
    def open(cls, apkbuild: Path, config: Config, settings: Settings, console: Console) -> Build:
        """Evaluates the recipe behind the walls it will be built behind. Raises RecipeError, SandboxError."""
        stages = Stages(config, settings, console)
        recipe = evaluate(apkbuild, config, stages.evaluation_runner())
        return cls(recipe, config, settings, console.about(recipe.pkgname), stages)

    def run(self, verbs: Iterable[str]) -> None:
        """Runs verbs in order. Raises the AbuildError of the first that fails, after cleaning up as configured."""
        try:
            for in_shell, group in groupby(verbs, key=self._runs_in_shell):
                if in_shell:
                    self._shell_verbs(tuple(group))
                    continue
                for verb in group:
                    self._verb(verb)
        except BaseException:
            self._clean_up(self.config.get("ERROR_CLEANUP").split())
            raise

    # --- verbs -------------------------------------------------------------------------------------------------

    @property
    def _outputs(self) -> Outputs:
        return upkeep.outputs_of(self.recipe, self.config)

    def _runs_in_shell(self, verb: str) -> bool:
        if verb in _IN_SHELL:
            return True
        return verb in self.recipe.functions and (verb in upkeep.OVERRIDABLE or verb not in self._verbs())

    def _verbs(self) -> dict[str, Callable[[], None]]:
        return {
            "all": self.all,
            "build_abuildrepo": self.build_repository,
            "builddeps": self.check_dependencies,
            "checksum": self.checksum,
            "clean": self.clean,
            "cleancache": self._upkeep(upkeep.clean_cache),
            "cleanoldpkg": self._upkeep(upkeep.clean_old_packages, then=self.index),
            "cleanpkg": self._upkeep(upkeep.clean_packages, then=self.index),
            "deps": self.install_dependencies,
            "fetch": self.fetch,
            "index": self.index,
            "installdeps": self.install_dependencies,
            "listpkg": self._upkeep(upkeep.list_packages),
            "rootpkg": self.root_package,
            "sourcecheck": self._upkeep(upkeep.check_sources),
            "undeps": self.remove_dependencies,
            "uninstalldeps": self.remove_dependencies,
            "unpack": self.unpack,
            "up2date": self.require_up_to_date,
            "update_abuildrepo_index": self.index,
            "validate": self.validate,
            "verify": self.fetch,
        }

    def _upkeep(
        self,
        action: Callable[[Recipe, Config, Console], None],
        then: Callable[[], None] | None = None,
    ) -> Callable[[], None]:
        def run() -> None:
            action(self.recipe, self.config, self.console)
            if then is not None:
                then()

        return run

    def _verb(self, verb: str) -> None:
        action = self._verbs().get(verb)
        if action is None:
            raise RecipeError(f"No such function {verb}", hint="`abuild -h` lists the verbs")
        action()

    def all(self) -> None:
        """Builds what is not up to date (with ``-f``: in any case)."""
        idle = None if self.settings.force else nothing_to_do(self._outputs, self.config, keep=self.settings.keep)
        if idle is None:
            self.build_repository()
        else:
            self.console.msg(idle)

    def build_repository(self) -> None:
        """Every phase in order, then the index."""
        require_safe_names(self.recipe)
        if self.settings.force or not self._outputs.packages_up_to_date(keep=self.settings.keep):
            with building(self.recipe.startdir) as free:
                if not free:
                    raise AbuildError(
                        f"another build is at work in {self.recipe.startdir}", hint="wait for it, or end it"
                    )
                self._build_packages()
        self.index()

    def _build_packages(self) -> None:
        started = time.time()
        recipe, console = self.recipe, self.console
        with self._timings.step("key"):
            self._stages.require_key()  # without a key nothing else is worth starting
        console.msg(
            f"Building {recipe.repo}/{recipe.pkgname} {recipe.version} (using {self.settings.program}) "
            f"started {_date(started)}"
        )
        for step in (self.validate, self.check_dependencies, self.clean, self.fetch, self.unpack):
            with self._timings.step(step.__name__):
                step()
        check = self._check_verb()
        with self._timings.step("build"):
            self._shell_verbs(("prepare", "mkusers", "build", *(("check",) if check == "check" else ())))
            if check == "checkroot":
                self._shell_verbs(("check",), fakeroot=True)
        self.root_package()
        seconds = int(time.time() - started)
        console.msg(
            f"Build complete at {_date(time.time())} elapsed time "
            f"{seconds // 3600}h {seconds // 60 % 60}m {seconds % 60}s"
        )
        self._clean_up(self.config.get("CLEANUP").split())

    def _check_verb(self) -> str:
        """``check``, ``checkroot`` (in fakeroot) or empty, by the recipe's options and the environment."""
        from abuildpy.repository.apkclient import wants_check

        if not wants_check(self.recipe, self.config.variables):
            return ""
        return "checkroot" if upkeep.has_option(self.recipe, "checkroot") else "check"

    def validate(self) -> None:
        """Checks the recipe. Raises RecipeError when it breaks a rule."""
        from abuildpy.phases.rules import apply_rules

        apply_rules(self.recipe, self.config, self.console)

    def fetch(self) -> None:
        """Downloads, verifies and links the sources."""
        if "fetch" in self.recipe.functions:
            self._shell_verbs(("fetch",), network=True, writable=self._sources_folder())
        else:
            self._default_fetch()
        self._state.fetched = True

    def unpack(self) -> None:
        """Extracts the sources; verifies them first unless this run already did."""
        if not self._state.fetched:
            self.fetch()
        if "unpack" in self.recipe.functions:
            self._shell_verbs(("unpack",))
            return
        from abuildpy.phases.sources import unpack_sources

        unpack_sources(self.recipe, self.config, self.workspace, self.console)

    def checksum(self) -> None:
        """Writes the checksums of the sources into the APKBUILD and goes on with the changed recipe."""
        from abuildpy.phases.sources import write_source_checksums

        write_source_checksums(self.recipe, self.config, self.console)
        self.recipe = evaluate(self.recipe.path, self.config, self._stages.evaluation_runner())

    def clean(self) -> None:
        """Removes src, pkg and tmp (not with ``-K``)."""
        self._state.fetched = False
        self._clean_up(("srcdir", "pkgdir", "tmpdir"))

    def check_dependencies(self) -> None:
        """Makes sure that the build dependencies are there; installs them with ``-r``, does nothing with ``-d``."""
        if self.settings.nodeps:
            return
        from abuildpy.phases import dependencies

        self.console.msg("Analyzing dependencies...")
        if self.settings.install_deps:
            self.install_dependencies()
            self._state.uninstall = True
            return
        dependencies.require(self.recipe, self.config)

    def install_dependencies(self) -> None:
        """Installs the build dependencies as a virtual package."""
        from abuildpy.phases import dependencies

        dependencies.install(self.recipe, self.config, self.console)

    def remove_dependencies(self) -> None:
        """Removes that virtual package."""
        from abuildpy.phases import dependencies

        dependencies.uninstall(self.recipe, self.config, self.console)

    def root_package(self) -> None:
        """package() and the splits in fakeroot, then finished packages in the repository."""
        from abuildpy.phases.packaging import pack
        from abuildpy.phases.trees import Job, make_trees

        require_safe_names(self.recipe)
        remove_tree(self.workspace.pkg / self.recipe.pkgname)
        job = Job(self.recipe, self.config, self._stages, self.workspace, self.console, self._timings)
        pack(job, make_trees(job, self._state.environment, self._call_back))

    def index(self) -> None:
        """Updates and signs the indexes of the architectures that this recipe makes packages for."""
        from abuildpy.phases.publish import update_indexes

        with self._timings.step("index"):
            update_indexes(self.recipe, self.config, self._stages.signer(), self.settings.description, self.console)

    def require_up_to_date(self) -> None:
        """Raises AbuildError unless nothing is to be done."""
        if nothing_to_do(self._outputs, self.config, keep=self.settings.keep) is None:
            raise AbuildError("up2date failed", hint="some package is missing or older than what it is made of")

    # --- the recipe's own functions ----------------------------------------------------------------------------

    def _shell_verbs(
        self,
        verbs: tuple[str, ...],
        *,
        fakeroot: bool = False,
        network: bool = False,
        writable: tuple[Path, ...] = (),
    ) -> None:
        own = [verb for verb in verbs if verb not in _IN_SHELL and verb not in upkeep.OVERRIDABLE]
        if own:
            self.console.msg(f"{', '.join(own)}: a function of the recipe; it may write its folder and use the network")
            network, writable = True, (self.recipe.startdir, *self._sources_folder())
        result = self._stages.verbs(
            self.recipe,
            self.workspace,
            verbs,
            environment=self._state.environment,
            call_back=self._call_back,
            fakeroot=fakeroot,
            network=network,
            writable=writable,
            interactive=bool(own),
        )
        self._state.environment = result.environment or self._state.environment
        require_success(result, self.recipe, kept=self.workspace.src)

    def _sources_folder(self) -> tuple[Path, ...]:
        folder = self.config.get("SRCDEST")
        return (Path(folder),) if folder else (self.recipe.startdir,)

    def _call_back(self, verb: str, arguments: tuple[str, ...]) -> bool:
        """A function of the recipe called one of abuild's own that runs outside. Failing there fails the function."""
        actions: Mapping[str, Callable[[], None]] = {
            "builddeps": self.check_dependencies,
            "checksum": self.checksum,
            "clean": self.clean,
            "cleanup": lambda: self._clean_up(arguments, asked_by_recipe=True),
            "deps": lambda: self._install_for(arguments),
            "fetch": self._default_fetch,
            "undeps": self.remove_dependencies,
            "uri_fetch": lambda: self._fetch_one(arguments),
            "validate": self.validate,
        }
        action = actions.get(verb)
        try:
            if action is None:
                raise RecipeError(f"the recipe asked for '{verb}', which cannot be done from inside a function")
            action()
        except AbuildError as error:
            self.console.error(error.message)
            for line in (*error.details, *((error.hint,) if error.hint else ())):
                self.console.error2(line)
            return False
        return True

    def _install_for(self, arguments: tuple[str, ...]) -> None:
        """Installs what the variables say now, which a function may have changed (as many ``snapshot`` do)."""
        from abuildpy.phases import dependencies

        names = ("depends", "makedepends", "checkdepends")
        changed = {name: tuple(value.split()) for name, value in zip(names, arguments, strict=False)}
        dependencies.install(replace(self.recipe, **changed), self.config, self.console)  # type: ignore[arg-type]

    def _fetch_one(self, arguments: tuple[str, ...]) -> None:
        from abuildpy.phases.sources import fetch_entry

        for entry in arguments:
            fetch_entry(entry, self.recipe, self.config, self.console)

    def _default_fetch(self) -> None:
        from abuildpy.phases.sources import fetch_sources

        fetch_sources(self.recipe, self.config, self.workspace, self.console)

    def _clean_up(self, words: Iterable[str], *, asked_by_recipe: bool = False) -> None:
        if self.settings.keep_build:
            return
        for word in words:
            folder = {"srcdir": self.workspace.src, "pkgdir": self.workspace.pkg, "tmpdir": self.workspace.tmp}.get(
                word
            )
            if folder is not None:
                if not asked_by_recipe:
                    self.console.msg(f"Cleaning up {word}")
                if word == "srcdir" and "cleanup_srcdir" in self.recipe.functions and not asked_by_recipe:
                    self._shell_verbs(("cleanup_srcdir",))
                else:
                    remove_tree(folder)
            elif word == "deps" and self._state.uninstall:
                self.console.msg("Uninstalling dependencies...")
                self._state.uninstall = False
                self.remove_dependencies()


def _date(seconds: float) -> str:
    """A time as RFC 2822 writes it, in the local zone."""
    return time.strftime("%a, %d %b %Y %H:%M:%S %z", time.localtime(seconds))


def require_safe_names(recipe: Recipe) -> None:
    """Refuses names and versions that would lead out of the folders they are used in, before any is used."""
    for what in (*recipe.package_names, recipe.version):
        if "/" in what or what.startswith((".", "-")) or not what or any(c.isspace() for c in what):
            raise RecipeError(
                f"{recipe.path}: '{what}' is not a valid package name or version",
                hint="use letters, digits and . _ + - only",
            )
