# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of one recipe: what each verb does, and ``all`` from validate to the signed index."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.phases import upkeep
from abuildpy.phases.outcome import require_success
from abuildpy.phases.requests import CallBacks
from abuildpy.phases.settings import Settings
from abuildpy.phases.timing import Timings
from abuildpy.phases.walls import Stages
from abuildpy.phases.workspace import Workspace, building, remove_tree, workspace_of
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.outputs import Outputs, nothing_to_do
from abuildpy.ui.console import Console

_PHASES = ("prepare", "mkusers", "build", "check", "package")
"""Verbs that are functions of the recipe; neighbours on the command line share one shell, as in abuild."""

_HARMLESS = frozenset(
    "check_license check_maintainer cleanoldpkg cleanpkg index listpkg up2date update_abuildrepo_index validate".split()
)
"""Verbs that leave the work folders alone, so that a build may be going on there."""

_RECIPES_OWN_FIRST = frozenset("sanitycheck snapshot sourcecheck srcpkg symlinksrc targz".split())
"""Verbs that many recipes have a function for, which then is what is meant."""

_STEPS_OF_ROOTPKG = frozenset(
    "archcheck create_apks postcheck pre_split prepare_metafiles prepare_package prepare_subpackages stripbin".split()
)


@dataclass(slots=True)
class _State:
    """What earlier verbs of the same run leave for later ones."""

    environment: Mapping[str, str] | None = None
    uninstall: bool = False
    fetched: bool = False
    locked: bool = False


class Build:
    """One recipe with everything needed to build it."""

    def __init__(self, recipe: Recipe, config: Config, settings: Settings, console: Console, stages: Stages) -> None:
        self.recipe = recipe
        self.config = config
        self.settings = settings
        self.console = console
        self.workspace: Workspace = workspace_of(recipe, config)
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
        """Runs verbs in order. Raises the AbuildError of the first that fails; ``clean_up_after_failure`` is the caller's."""
        verbs = tuple(verbs)
        with ExitStack() as stack:
            if not _HARMLESS.issuperset(verbs):
                if not stack.enter_context(building(self.recipe.startdir)):
                    raise AbuildError(
                        f"another build is at work in {self.recipe.startdir}", hint="wait for it, or end it"
                    )
                self._state.locked = True
            for kind, group in groupby(verbs, key=self._kind):
                if kind == "verb":
                    for verb in group:
                        self._verbs()[verb]()
                else:
                    self._run_functions(tuple(group), by_hand=kind == "own")

    def clean_up_after_failure(self) -> None:
        """Removes what ERROR_CLEANUP names, unless the work folders belong to another build."""
        if self._state.locked:
            self._clean_up(self.config.get("ERROR_CLEANUP").split())

    # --- verbs -------------------------------------------------------------------------------------------------

    @property
    def _outputs(self) -> Outputs:
        return upkeep.outputs_of(self.recipe, self.config)

    def _kind(self, verb: str) -> str:
        """``phase``, ``verb`` (done by us) or ``own``: any other function of the recipe, named by hand."""
        if verb in _PHASES:
            return "phase"
        own = verb in self.recipe.functions
        if verb in self._verbs() and not (own and verb in _RECIPES_OWN_FIRST):
            return "verb"
        if own or verb.startswith("default_"):
            return "own"
        if verb in _STEPS_OF_ROOTPKG:
            raise RecipeError(f"{verb} is a step of rootpkg and makes no sense alone", hint="run `abuild rootpkg`")
        raise RecipeError(f"No such function {verb}", hint="`abuild -h` lists the verbs")

    def _verbs(self) -> dict[str, Callable[[], None]]:
        from abuildpy.phases.rules import license_rule, maintainer_rule

        return {
            "all": self.all,
            "build_abuildrepo": self.build_repository,
            "builddeps": self.check_dependencies,
            "check_fakeroot": lambda: self._run_functions(("check",), fakeroot=True),
            "check_license": self._upkeep(license_rule),
            "check_maintainer": self._upkeep(maintainer_rule),
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
            "sanitycheck": self._upkeep(upkeep.old_name_of_validate),
            "snapshot": self.snapshot,
            "sourcecheck": self._upkeep(upkeep.check_sources),
            "srcpkg": self.pack_recipe,
            "symlinksrc": self.link_sources,
            "targz": self.pack_tree,
            "undeps": self.remove_dependencies,
            "uninstalldeps": self.remove_dependencies,
            "unpack": self.unpack,
            "up2date": self.require_up_to_date,
            "update_abuildrepo_index": self.index,
            "validate": self.validate,
            "verify": self.fetch,
        }

    def _upkeep(
        self, action: Callable[[Recipe, Config, Console], None], then: Callable[[], None] | None = None
    ) -> Callable[[], None]:
        def run() -> None:
            action(self.recipe, self.config, self.console)
            if then is not None:
                then()

        return run

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
        own_steps(recipe)  # what cannot be done is said before hours of building
        with self._timings.step("key"):
            self._stages.key.require()  # without a key nothing else is worth starting
        console.log(f"building {recipe.repo}/{recipe.pkgname}-{recipe.version}")
        console.msg(
            f"Building {recipe.repo}/{recipe.pkgname} {recipe.version} (using {self.settings.program}) "
            f"started {_date(started)}"
        )
        for step in (self.validate, self.check_dependencies, self.clean, self.fetch, self.unpack):
            with self._timings.step(step.__name__):
                step()
        check = self._check_verb()
        with self._timings.step("build"):
            self._run_functions(("prepare", "mkusers", "build", *(("check",) if check == "check" else ())))
            if check == "checkroot":
                self._run_functions(("check",), fakeroot=True)
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
        if "validate" in self.recipe.functions:
            self._run_functions(("validate",))
            return
        from abuildpy.phases.rules import apply_rules

        apply_rules(self.recipe, self.config, self.console)

    def fetch(self) -> None:
        """Downloads, verifies and links the sources."""
        if "fetch" in self.recipe.functions:
            self._run_functions(("fetch",), network=True, writable=self._sources_folder())
        else:
            from abuildpy.phases.sources import fetch_sources

            fetch_sources(self.recipe, self.config, self.workspace, self.console)
        self._state.fetched = True

    def unpack(self) -> None:
        """Extracts the sources; verifies them first unless this run already did."""
        if not self._state.fetched:
            self.fetch()
        if "unpack" in self.recipe.functions:
            self._run_functions(("unpack",))
            return
        from abuildpy.phases.sources import unpack_sources

        unpack_sources(self.recipe, self.config, self.workspace, self.console)

    def checksum(self) -> None:
        """Writes the checksums of the sources into the APKBUILD and goes on with the changed recipe."""
        from abuildpy.phases.sources import write_source_checksums

        write_source_checksums(self.recipe, self.config, self.console)
        self.recipe = evaluate(self.recipe.path, self.config, self._stages.evaluation_runner())

    def link_sources(self) -> None:
        """Links the sources into src without fetching or verifying them."""
        from abuildpy.phases.sources import link_sources

        link_sources(self.recipe, self.config, self.workspace, self.console)

    def snapshot(self) -> None:
        """Archives upstream's newest state; what was uploaded becomes the recipe's source."""
        from abuildpy.phases.snapshot import make_snapshot
        from abuildpy.recipe.edit import write_variables

        version = make_snapshot(self.recipe, self.config, self.workspace, self.console, clean=self.clean)
        if version:
            write_variables(self.recipe.path, {"pkgver": version})
            self.recipe = evaluate(self.recipe.path, self.config, self._stages.evaluation_runner())
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

        self._outputs.require_safe()
        remove_tree(self.workspace.pkg / self.recipe.pkgname)
        job = Job(self.recipe, self.config, self._stages, self.workspace, self.console, self._timings)
        pack(job, make_trees(job, self._state.environment, self._call_backs(by_hand=False, network=False)))

    def index(self) -> None:
        """Updates and signs the indexes of the architectures that this recipe makes packages for."""
        from abuildpy.phases.publish import update_indexes

        self._outputs.require_safe()
        with self._timings.step("index"):
            update_indexes(self.recipe, self.config, self._stages.key.signer(), self.settings.description, self.console)

    def require_up_to_date(self) -> None:
        """Raises AbuildError unless nothing is to be done."""
        if nothing_to_do(self._outputs, self.config, keep=self.settings.keep) is None:
            raise AbuildError("up2date failed", hint="some package is missing or older than what it is made of")

    # --- the recipe's own functions ----------------------------------------------------------------------------

    def _run_functions(
        self,
        functions: tuple[str, ...],
        *,
        by_hand: bool = False,
        fakeroot: bool = False,
        network: bool = False,
        writable: tuple[Path, ...] = (),
    ) -> None:
        """Runs functions of the recipe in one shell. ``by_hand`` ones may write the recipe's folder and use the network."""
        if by_hand:
            startdir = self.recipe.startdir
            may_write = os.getuid() != 0 or startdir.stat().st_uid != 0
            writable = (startdir, *self._sources_folder()) if may_write else ()
            network = True
            where = (
                "it may write its folder and" if may_write else "its folder belongs to root and stays as it is; it may"
            )
            self.console.msg(f"{', '.join(functions)}: a function of the recipe; {where} use the network")
        network = self._stages.network(self.recipe, wanted=network)
        result = self._stages.verbs(
            self.recipe,
            self.workspace,
            functions,
            environment=self._state.environment,
            call_back=self._call_backs(by_hand=by_hand, network=network),
            fakeroot=fakeroot,
            network=network,
            writable=writable,
            interactive=by_hand,
        )
        self._state.environment = result.environment or self._state.environment
        cleaned = not self.settings.keep_build and "srcdir" in self.config.get("ERROR_CLEANUP").split()
        require_success(result, self.recipe, kept=None if cleaned else self.workspace.src)

    def _call_backs(self, *, by_hand: bool, network: bool) -> CallBacks:
        return CallBacks(self.recipe, self.config, self.settings, self.workspace, self.console, by_hand, network)

    def _sources_folder(self) -> tuple[Path, ...]:
        return (upkeep.source_folder(self.recipe, self.config),)

    def _clean_up(self, words: Iterable[str]) -> None:
        if self.settings.keep_build:
            return
        folders = {"srcdir": self.workspace.src, "pkgdir": self.workspace.pkg, "tmpdir": self.workspace.tmp}
        for word in words:
            if word in folders:
                self.console.msg(f"Cleaning up {word}")
                if word == "srcdir" and "cleanup_srcdir" in self.recipe.functions and folders[word].is_dir():
                    self._run_functions(("cleanup_srcdir",))
                remove_tree(folders[word])
            elif word == "deps" and self._state.uninstall:
                self.console.msg("Uninstalling dependencies...")
                self._state.uninstall = False
                self.remove_dependencies()


def _date(seconds: float) -> str:
    """A time as RFC 2822 writes it, in the local zone."""
    return time.strftime("%a, %d %b %Y %H:%M:%S %z", time.localtime(seconds))
