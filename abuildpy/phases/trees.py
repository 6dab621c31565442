# SPDX-License-Identifier: GPL-3.0-or-later
"""The packaging session: package() and the splits make one tree per package, which then is read as it will be packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import PhaseError
from abuildpy.package.elf import ElfInfo, find_elf
from abuildpy.package.model import Metadata, Tree
from abuildpy.package.postcheck import libtool_archives, removable_directories
from abuildpy.package.strip import plan_strip
from abuildpy.package.tree import scan
from abuildpy.phases.description import Description, read_description
from abuildpy.phases.metadata import package_metadata
from abuildpy.phases.outcome import require_success
from abuildpy.phases.overrides import not_asked, own_steps
from abuildpy.phases.stage import CallBack
from abuildpy.phases.timing import Timings
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.recording import Beginning
    from abuildpy.phases.rootfolder import RootFolder
    from abuildpy.phases.steps import Steps
    from abuildpy.phases.walls import Stages


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that making the packages of one recipe needs."""

    recipe: Recipe
    config: Config
    stages: Stages
    workspace: Workspace
    console: Console
    timings: Timings
    kept: Path | None
    """Where to look after a failure; None if it will be gone."""
    root: RootFolder | None = None
    """The clean root that it is built in, if any."""
    began: Beginning | None = None
    """What was noted as the build began; None where only some of its steps were asked for."""

    def triplet_of(self, package: str) -> str:
        """The triplet whose tools serve a package."""
        for sub in self.recipe.subpackages:
            if sub.name == package:
                return sub.triplet
        return self.config.get("CHOST")

    def about(self, package: str) -> Console:
        """A console that speaks of one package, as from inside fakeroot."""
        return self.console.about(package, fakeroot=True)


@dataclass(frozen=True, slots=True)
class Package:
    """One package on its way, with what was read off its tree; ``emptied`` are empty folders removed from it.

    ``deleted`` are the bytes of deleted files that its size still counts, as abuild measures subpackages before that.
    """

    metadata: Metadata
    tree: Tree
    elf: Mapping[bytes, ElfInfo]
    triplet: str
    emptied: tuple[bytes, ...] = ()
    deleted: int = 0
    description: Description | None = None
    """What the recipe's own packaging steps made of it; None where we do them all."""


def make_trees(job: Job, environment: Mapping[str, str] | None, call_back: CallBack) -> tuple[Package, ...]:
    """Runs package() and the splits; returns the packages with their trees as they are to be packed, main package first.

    Raises PhaseError when a function fails.
    """
    overridden = own_steps(job.recipe)
    if alone := not_asked(job.recipe):
        job.console.warning(f"only the recipe's own functions use the {', '.join(alone)} that it defines")
    steps = None
    if overridden:
        from abuildpy.phases.steps import Steps

        steps = call_back = Steps(job, call_back)
    planner = _Planner(job, steps)
    job.console.msg("Entering fakeroot...")
    with job.timings.step("package"):
        result = job.stages.package(
            job.recipe,
            job.workspace,
            overridden,
            environment=environment,
            call_back=call_back,
            trees=planner.write,
        )
    if result.failures and result.failures[0].package != job.recipe.pkgname:
        inner = result.failures[0]
        job.about(inner.package).error(f"{inner.function} failed")
    require_success(result, job.recipe, kept=job.kept)
    if not result.finished:
        raise PhaseError("rootpkg failed", phase="rootpkg", status=result.status, hint="did package() end its shell?")
    with job.timings.step("trees"):
        return _read(job, package_metadata(job.recipe, result.metadata), planner)


class _Planner:
    """Looks at the finished trees while the session waits, and writes down what it shall still do to them."""

    def __init__(self, job: Job, steps: Steps | None) -> None:
        """``steps`` answers for a recipe that does some packaging steps itself; stripping and the like is done by then."""
        self._job, self.steps = job, steps
        self.emptied: tuple[bytes, ...] = ()
        self.deleted: dict[str, int] = {}

    def write(self, reported: Mapping[str, Mapping[str, str]]) -> str:
        """Writes the lists for the session's last steps; returns their folder."""
        job, folder = self._job, self._job.stages.plan_folder
        for old in folder.iterdir():
            old.unlink()
        lists: dict[str, list[bytes]] = {"delete": [], "rmdir": [], "capabilities": []}
        if not reported:  # a session that goes step by step begins by asking for the folder
            return str(job.stages.inside(folder))
        for metadata in package_metadata(job.recipe, reported):
            root = job.workspace.pkg / metadata.name
            tree = scan(root, {}, lambda _: "", lambda _: "", frozenset(), frozenset(), {})
            prefix = bytes(job.stages.inside(root)) + b"/"
            delete = () if self.steps or metadata.has_main_option("libtool") else libtool_archives(tree)
            lists["delete"] += [prefix + path for path in delete]
            if metadata.name != job.recipe.pkgname:
                gone = {entry.inode: entry.size for entry in tree.entries if entry.path in delete}
                self.deleted[metadata.name] = sum(gone.values())
            if metadata.name == job.recipe.pkgname:
                empty = removable_directories(tree, metadata.has_main_option, deleted=delete)
                self.emptied = empty
                lists["rmdir"] += [prefix + path for path in empty]
            if self.steps is None:
                triplet, build = job.triplet_of(metadata.name), job.config.get("CBUILD")
                strip = plan_strip(tree, metadata, find_elf(tree), triplet=triplet, cbuild=build)
                if strip.files:
                    job.about(metadata.name).msg("Stripping binaries")
                    lists.setdefault(f"strip.{strip.program}", []).extend(prefix + path for path in strip.files)
            lists["capabilities"] += [prefix + e.path for e in tree.entries if e.kind == "f" and e.mode & 0o111]
        for name, paths in lists.items():
            (folder / name).write_bytes(b"".join(path + b"\0" for path in paths))
        return str(job.stages.inside(folder))


def _read(job: Job, metadata: tuple[Metadata, ...], planner: _Planner) -> tuple[Package, ...]:
    ownership = job.stages.ownership(job.recipe, job.workspace)
    packages = []
    for item in metadata:
        root = job.workspace.pkg / item.name
        tree = scan(
            root,
            ownership.owners,
            ownership.accounts.user_name,
            ownership.accounts.group_name,
            frozenset(job.recipe.pkgusers),
            frozenset(job.recipe.pkggroups),
            ownership.capabilities_below(root),
        )
        is_main = item.name == job.recipe.pkgname
        emptied = planner.emptied if is_main else ()
        deleted = planner.deleted.get(item.name, 0)
        description = None
        said = item
        if planner.steps is not None:
            options = planner.steps.options.get(item.name, item.options)
            said = replace(item, options=options, main_options=options)
            description = read_description(job.workspace.pkg, item)
        packages.append(Package(said, tree, find_elf(tree), job.triplet_of(item.name), emptied, deleted, description))
    return tuple(packages)
