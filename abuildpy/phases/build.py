# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of one recipe: each of its parts, and all of them from validate to the signed index."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import AbuildError
from abuildpy.phases import upkeep
from abuildpy.phases.actions import actions_of
from abuildpy.phases.functions import Functions
from abuildpy.phases.leftovers import Leftovers
from abuildpy.phases.overrides import in_place
from abuildpy.phases.settings import Settings
from abuildpy.phases.timing import Timings
from abuildpy.phases.verbs import HARMLESS, kind_of
from abuildpy.phases.walls import Stages
from abuildpy.phases.workspace import Workspace, building, remove_tree, workspace_of
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.outputs import Outputs, nothing_to_do
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.recording import Beginning
    from abuildpy.phases.rootfolder import RootFolder


@dataclass(slots=True)
class _State:
    """What earlier verbs of the same run leave for later ones."""

    fetched: bool = False
    locked: bool = False
    root: RootFolder | None = None
    """The clean root that this is built in."""
    began: Beginning | None = None
    """What was noted of the recipe as a build of all of it began, for its records."""


class Build:
    """One recipe with everything needed to build it."""

    def __init__(
        self,
        recipe: Recipe,
        config: Config,
        settings: Settings,
        console: Console,
        stages: Stages,
        workspace: Workspace | None = None,
    ) -> None:
        """``workspace`` is where to work, None for the folders that the configuration names."""
        self.recipe = recipe
        self.config = config
        self.settings = settings
        self.console = console
        self.workspace = workspace or workspace_of(recipe, config)
        self._stages = stages
        self._functions = Functions(config, settings, self.workspace, console, stages)
        self._leftovers = Leftovers(
            self.workspace,
            config,
            settings,
            console,
            end_sources=self._end_sources,
            uninstall=self.remove_dependencies,
        )
        self._state = _State()
        self._timings = Timings(config.environ, settings.errand.step)

    @classmethod
    def open(cls, apkbuild: Path, config: Config, settings: Settings, console: Console) -> Build:
        """Evaluates the recipe behind the walls it will be built behind. Raises RecipeError, SandboxError."""
        stages = Stages(config, settings, console)
        recipe = evaluate(apkbuild, config, stages.readers.runner())
        return cls(recipe, config, settings, console.about(recipe.pkgname), stages)

    def run(self, verbs: Iterable[str]) -> None:
        """Runs verbs in order. Raises the AbuildError of the first that fails; ``clean_up_after_failure`` is the caller's."""
        verbs = tuple(verbs)
        with ExitStack() as stack:
            if not HARMLESS.issuperset(verbs):
                if not stack.enter_context(building(self.recipe.startdir)):
                    raise AbuildError(
                        f"another build is at work in {self.recipe.startdir}", hint="wait for it, or end it"
                    )
                self._state.locked = True
            actions = actions_of(self)
            for kind, group in groupby(verbs, key=lambda verb: kind_of(verb, self.recipe, actions)):
                if kind == "verb":
                    for verb in group:
                        actions[verb]()
                else:
                    own = kind == "own"
                    self._functions.run(
                        self.recipe, tuple(group), kept=self._kept(self.workspace.src, "srcdir"), by_hand=own
                    )

    def clean_up_after_failure(self) -> None:
        """Removes what ERROR_CLEANUP names, unless the work folders belong to another build."""
        if self._state.locked:
            self._leftovers.clear(self.config.get("ERROR_CLEANUP").split())

    # --- verbs -------------------------------------------------------------------------------------------------

    @property
    def _outputs(self) -> Outputs:
        return upkeep.outputs_of(self.recipe, self.config)

    def all(self) -> None:
        """Builds what is not up to date (with ``-f``: in any case)."""
        idle = None if self.settings.force else nothing_to_do(self._outputs, self.config, keep=self.settings.keep)
        if idle is None:
            self.build_repository()
        else:
            self.console.msg(idle)

    def build_repository(self) -> None:
        """Every phase in order, then the index."""
        if self.settings.force or not self._outputs.packages_up_to_date(keep=self.settings.keep):
            self._build_packages()
        self.index()

    def _build_packages(self) -> None:
        from abuildpy.phases.overrides import own_steps

        started = time.time()
        recipe, console = self.recipe, self.console
        self._stages.logs(recipe).fresh()
        own_steps(recipe)  # what cannot be done is said before hours of building
        self._stages.limits()  # so is what makes no sense
        with self._timings.step("key"):
            self._stages.key.require()  # without a key nothing else is worth starting
        console.log(f"building {recipe.repo}/{recipe.pkgname}-{recipe.version}")
        console.msg(
            f"Building {recipe.repo}/{recipe.pkgname} {recipe.version} (using {self.settings.program}) "
            f"started {_date(started)}"
        )
        with self._timings.step("git"):
            self._stages.provenance(recipe)  # before fetched sources, linked into src, look like changes to git
        self._begin_records()
        for step in (self.validate, self.check_dependencies, self.clean, self.fetch, self.unpack):
            with self._timings.step(step.__name__):
                step()
        with self._timings.step("build"):
            self._build_functions()
        self.root_package()
        seconds = int(time.time() - started)
        console.msg(
            f"Build complete at {_date(time.time())} elapsed time "
            f"{seconds // 3600}h {seconds // 60 % 60}m {seconds % 60}s"
        )
        self._state.began = None
        self._leftovers.clear(self.config.get("CLEANUP").split())

    def _begin_records(self) -> None:
        from abuildpy.phases.recording import begin, wanted

        if wanted(self.config, self.settings):
            self._state.began = begin(self.recipe, self.config, self.workspace)

    def root_build(self) -> None:
        """``rootbld``: everything in a root made of nothing but packages, unless there is nothing to do."""
        recipe, console = self.recipe, self.console
        if not self.settings.force and not self._outputs.for_this_arch:
            console.msg(f"Package not available for the target architecture ({self.config.carch}). Skipping.")
            return
        if not self.settings.force and self._outputs.packages_up_to_date(keep=self.settings.keep):
            console.msg("Package is up to date")
            return
        from abuildpy.phases.rootbld import CleanRoots

        self._stages.logs(recipe).fresh()
        roots = CleanRoots(recipe, self.config, self.settings, console)
        self._stages.key.require()
        console.log(f"chroot building building {recipe.repo}/{recipe.pkgname}-{recipe.version}")
        known = self._stages.provenance(recipe)
        self._begin_records()
        for step in (self.validate, self.clean, self.fetch):
            with self._timings.step(step.__name__):
                step()
        console.msg("Preparing build chroot...")
        root = self._leftovers.root = roots.make_folder()
        with self._timings.step("root"):
            roots.make(root, network=self._stages.network(recipe, wanted=False))
        recipe, stages = roots.enter(root, known)
        inside = Build(recipe, self.config, self.settings, console, stages, root.workspace(recipe.startdir))
        inside._state.root, inside._state.fetched, inside._state.began = root, True, self._state.began
        for step in (inside.link_sources, inside.unpack, inside._build_functions, inside.root_package):
            with self._timings.step(step.__name__):
                step()
        self.index()
        self._leftovers.clear(self.config.get("CLEANUP").split())

    def _build_functions(self) -> None:
        check = self._check_verb()
        mkusers = () if self._state.root else ("mkusers",)  # a clean root has its accounts from the start
        self._run_functions(("prepare", *mkusers, "build", *(("check",) if check == "check" else ())))
        if check == "checkroot":
            self.check_in_fakeroot()

    def _check_verb(self) -> str:
        """``check``, ``checkroot`` (in fakeroot) or empty, by the recipe's options and the environment."""
        from abuildpy.repository.apkclient import wants_check

        if not self.settings.errand.check or not wants_check(self.recipe, self.config.variables):
            return ""
        return "checkroot" if upkeep.has_option(self.recipe, "checkroot") else "check"

    def check_in_fakeroot(self) -> None:
        """Runs check() in fakeroot."""
        self._run_functions(("check",), fakeroot=True)

    def validate(self) -> None:
        """Checks the recipe. Raises RecipeError when it breaks a rule."""
        if in_place(self.recipe, "validate"):
            self._run_functions(("validate",))
            return
        from abuildpy.phases.rules import apply_rules

        apply_rules(self.recipe, self.config, self.console)

    def fetch(self) -> None:
        """Downloads, verifies and links the sources."""
        if in_place(self.recipe, "fetch"):
            self._run_functions(("fetch",), network=True, writable=(upkeep.source_folder(self.recipe, self.config),))
        else:
            from abuildpy.phases.sources import fetch_sources

            fetch_sources(self.recipe, self.config, self.workspace, self.console)
        self._state.fetched = True

    def unpack(self) -> None:
        """Extracts the sources; verifies them first unless this run already did."""
        if not self._state.fetched:
            self.fetch()
        if in_place(self.recipe, "unpack"):
            self._run_functions(("unpack",))
            return
        from abuildpy.phases.sources import unpack_sources

        unpack_sources(self.recipe, self.config, self.workspace, self.console, self._stages.limits())

    def checksum(self) -> None:
        """Writes the checksums of the sources into the APKBUILD and goes on with the changed recipe."""
        from abuildpy.phases.sources import write_source_checksums

        write_source_checksums(self.recipe, self.config, self.console)
        self.recipe = evaluate(self.recipe.path, self.config, self._stages.readers.runner())

    def link_sources(self) -> None:
        """Links the sources into src without fetching or verifying them."""
        from abuildpy.phases.sources import link_sources

        link_sources(self.recipe, self.config, self.workspace, self.console, shown=self._stages.inside)

    def snapshot(self) -> None:
        """Archives upstream's newest state; what was uploaded becomes the recipe's source."""
        from abuildpy.phases.snapshot import make_snapshot
        from abuildpy.recipe.edit import write_variables

        version = make_snapshot(self.recipe, self.config, self.workspace, self.console, clean=self.clean)
        if version:
            write_variables(self.recipe.path, {"pkgver": version})
            self.recipe = evaluate(self.recipe.path, self.config, self._stages.readers.runner())
            self.checksum()

    def pack_recipe(self) -> None:
        """Packs the recipe with its sources."""
        from abuildpy.phases.sourcepkg import pack_recipe

        self._outputs.require_safe()
        self.fetch()
        pack_recipe(self.recipe, self.config, self.console)

    def pack_tree(self) -> None:
        """Packs the tree that package() left, as it is."""
        from abuildpy.phases.sourcepkg import pack_tree

        self._outputs.require_safe()
        pack_tree(self.recipe, self.config, self.workspace)

    def clean(self) -> None:
        """Removes src, pkg and tmp (not with ``-K``)."""
        self._state.fetched = False
        if in_place(self.recipe, "clean"):
            self._run_functions(("clean",))
        else:
            self._leftovers.clear(("srcdir", "pkgdir", "tmpdir"))

    def check_dependencies(self) -> None:
        """Makes sure that the build dependencies are there; installs them with ``-r``, does nothing with ``-d``."""
        if in_place(self.recipe, "builddeps"):
            self._run_functions(("builddeps",))
            return
        if self.settings.nodeps:
            return
        from abuildpy.phases import dependencies

        self.console.msg("Analyzing dependencies...")
        if self.settings.install_deps:
            self._leftovers.installed = True  # also of a half that was installed before the other failed
            self.install_dependencies()
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

        self._outputs.require_safe()
        remove_tree(self.workspace.pkg / self.recipe.pkgname)
        kept, root = self._kept(self.workspace.pkg, "pkgdir"), self._state.root
        began = self._state.began
        job = Job(
            self.recipe, self.config, self._stages, self.workspace, self.console, self._timings, kept, root, began
        )
        pack(job, make_trees(job, self._functions.environment, self._functions.call_backs(self.recipe)))

    def index(self) -> None:
        """Updates and signs the indexes of the architectures that this recipe makes packages for."""
        from abuildpy.phases.publish import update_indexes

        if not self.settings.errand.index:
            return
        self._outputs.require_safe()
        with self._timings.step("index"):
            update_indexes(self.recipe, self.config, self._stages.key.signer(), self.settings.description, self.console)

    def require_up_to_date(self) -> None:
        """Raises AbuildError unless nothing is to be done."""
        if nothing_to_do(self._outputs, self.config, keep=self.settings.keep) is None:
            raise AbuildError("up2date failed", hint="some package is missing or older than what it is made of")

    # --- shared ------------------------------------------------------------------------------------------------

    def _run_functions(
        self,
        functions: tuple[str, ...],
        *,
        fakeroot: bool = False,
        network: bool = False,
        writable: tuple[Path, ...] = (),
    ) -> None:
        """Runs functions of the recipe in one shell, as a part of a build."""
        if fakeroot:
            self.console.msg("Entering fakeroot...")
        self._functions.run(
            self.recipe,
            functions,
            kept=self._kept(self.workspace.src, "srcdir"),
            fakeroot=fakeroot,
            network=network,
            writable=writable,
        )

    def _kept(self, folder: Path, word: str) -> Path | None:
        """A work folder, if the tree of a failed build stays there for looking; ``word`` is what ERROR_CLEANUP calls it."""
        return self._leftovers.after_failure(folder, "bldroot" if self._state.root else word)

    def _end_sources(self) -> None:
        if in_place(self.recipe, "cleanup_srcdir"):
            self._run_functions(("cleanup_srcdir",))


def _date(seconds: float) -> str:
    """A time as RFC 2822 writes it, in the local zone."""
    return time.strftime("%a, %d %b %Y %H:%M:%S %z", time.localtime(seconds))
