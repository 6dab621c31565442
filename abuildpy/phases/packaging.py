# SPDX-License-Identifier: GPL-3.0-or-later
"""From package() to finished .apk files: the session that makes the trees, then everything that is read off them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import PackageError, PhaseError, RecipeError
from abuildpy.package.archcheck import archcheck, check_doc_size, check_metadata
from abuildpy.package.elf import ElfInfo, find_elf
from abuildpy.package.model import Metadata, Tree
from abuildpy.package.pkgconfig import find_pc
from abuildpy.package.pkginfo import pkginfo
from abuildpy.package.postcheck import Finding, postcheck, removable_directories
from abuildpy.package.size import human_size, package_size
from abuildpy.package.strip import plan_strip
from abuildpy.package.trace import Traceable, trace
from abuildpy.package.tree import scan
from abuildpy.phases.metadata import package_metadata
from abuildpy.phases.providers import providers_for
from abuildpy.phases.upkeep import package_path
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.stage import CallBack
    from abuildpy.phases.walls import Ownership, Stages

CONTROL_FILES = (
    ".rpaths",
    ".symlinks",
    ".provides-so",
    ".needs-so",
    ".provides-pc",
    ".needs-pc",
    ".provides-command",
    ".provides-py",
    ".needs-python3",
    ".needs-symlinks",
)
"""What abuild's packaging steps leave in ``.control.NAME/``; a step that the recipe does itself leaves it too."""

WRITTEN_BY = {
    "prepare_trace_rpaths": (".rpaths",),
    "prepare_symlinks": (".symlinks",),
    "prepare_pkgconfig_provides": (".provides-pc", ".needs-pc"),
    "prepare_command_provides": (".provides-command",),
    "prepare_py_provides": (".provides-py",),
    "scan_shared_objects": (".provides-so", ".needs-so"),
    "scan_symlink_targets": (".needs-symlinks",),
    "scan_pkgconfig_depends": (".needs-pc",),
    "scan_python3_dependency": (".needs-python3",),
}
"""Packaging steps that a recipe may do itself, with the files that carry what they found."""

RUN_IN_SESSION = ("stripbin", *WRITTEN_BY, "archcheck", "postcheck")
"""Steps that the session's shell runs where the recipe redefines them, in abuild's order."""

REFUSED = ("create_apks", "prepare_package", "prepare_subpackages", "prepare_metafiles", "rootpkg", "pre_split")
"""Redefining these would mean making packages in the recipe's own way."""


@dataclass(frozen=True, slots=True)
class _Package:
    """One package on its way, with what was read off its tree."""

    metadata: Metadata
    tree: Tree
    elf: Mapping[bytes, ElfInfo]
    triplet: str
    emptied: bool = False


def overridden(recipe: Recipe) -> tuple[str, ...]:
    """Packaging steps that the recipe does itself. Raises RecipeError for one that cannot be handed over."""
    refused = [name for name in REFUSED if name in recipe.functions]
    if refused:
        raise RecipeError(
            f"{recipe.path} redefines {', '.join(refused)}, which makes the packages",
            hint="let package() and split functions do what is special about it",
        )
    return tuple(name for name in RUN_IN_SESSION if name in recipe.functions)


def make_packages(
    recipe: Recipe,
    config: Config,
    stages: Stages,
    workspace: Workspace,
    environment: Mapping[str, str] | None,
    call_back: CallBack,
    console: Console,
) -> tuple[Path, ...]:
    """Runs package() and the splits, checks, traces, packs, signs and publishes. Returns the paths of the packages.

    Raises PhaseError when a function fails, PackageError when a tree breaks a rule. No package is published then.
    """
    steps = overridden(recipe)
    emptied: dict[str, bool] = {}
    console.msg("Entering fakeroot...")
    plan = _Planner(recipe, config, workspace, stages.plan_folder, steps, console, emptied)
    result = stages.package(recipe, workspace, steps, environment=environment, call_back=call_back, trees=plan.write)
    if result.failures:
        inner = result.failures[0]
        if inner.package != recipe.pkgname:
            console.about(inner.package, fakeroot=True).error(f"{inner.function} failed")
            raise PhaseError(
                f"rootpkg failed in the split function {inner.function} of {inner.package}",
                phase=inner.function,
                status=inner.status,
                hint=f"exit status {inner.status}; the trees are kept in {workspace.pkg}",
            )
        raise PhaseError(
            f"{inner.function} failed",
            phase=inner.function,
            status=inner.status,
            hint=f"exit status {inner.status}; the trees are kept in {workspace.pkg}",
        )
    if result.status != 0 or not result.finished:
        how = f"signal {-result.status}" if result.status < 0 else f"exit status {result.status}"
        raise PhaseError(
            f"{result.running or 'rootpkg'} failed",
            phase=result.running or "rootpkg",
            status=result.status,
            hint=f"the packaging session ended with {how}",
        )
    ownership = stages.ownership(recipe, workspace)
    packages = _read_trees(recipe, config, workspace, package_metadata(recipe, result.metadata), ownership, emptied)
    _check(packages, steps, console)
    return _publish(recipe, config, stages, workspace, packages, steps, console)


class _Planner:
    """Looks at the finished trees while the session waits, and writes down what it shall still do to them."""

    def __init__(
        self,
        recipe: Recipe,
        config: Config,
        workspace: Workspace,
        folder: Path,
        steps: tuple[str, ...],
        console: Console,
        emptied: dict[str, bool],
    ) -> None:
        self._recipe, self._config, self._workspace, self._folder = recipe, config, workspace, folder
        self._steps, self._console, self._emptied = steps, console, emptied

    def write(self, reported: Mapping[str, Mapping[str, str]]) -> str:
        """Writes the lists for the session's last steps; returns their folder."""
        folder = self._folder
        for old in folder.iterdir():
            old.unlink()
        lists: dict[str, list[bytes]] = {"delete": [], "rmdir": [], "capabilities": []}
        for metadata in package_metadata(self._recipe, reported):
            root = self._workspace.pkg / metadata.name
            tree = _unowned(root)
            elf = find_elf(tree)
            prefix = bytes(root) + b"/"
            checked = postcheck(tree, metadata.name, metadata.has_option, elf)
            lists["delete"] += [prefix + path for path in checked.delete]
            if metadata.name == self._recipe.pkgname:
                empty = removable_directories(tree, metadata.has_option, deleted=checked.delete)
                self._emptied[metadata.name] = bool(empty)
                lists["rmdir"] += [prefix + path for path in empty]
            if "stripbin" not in self._steps:
                strip = plan_strip(
                    tree,
                    metadata,
                    elf,
                    triplet=_triplet(self._recipe, self._config, metadata.name),
                    cbuild=self._config.get("CBUILD"),
                )
                if strip.files:
                    self._console.about(metadata.name, fakeroot=True).msg("Stripping binaries")
                    lists.setdefault(f"strip.{strip.program}", []).extend(prefix + path for path in strip.files)
            lists["capabilities"] += [
                prefix + entry.path for entry in tree.entries if entry.kind == "f" and entry.mode & 0o111
            ]
        for name, paths in lists.items():
            (folder / name).write_bytes(b"".join(path + b"\0" for path in paths))
        return str(folder)


def _unowned(root: Path) -> Tree:
    return scan(root, {}, lambda _: "", lambda _: "", frozenset(), frozenset(), {})


def _triplet(recipe: Recipe, config: Config, name: str) -> str:
    for sub in recipe.subpackages:
        if sub.name == name:
            return sub.triplet
    return config.get("CHOST")


def _read_trees(
    recipe: Recipe,
    config: Config,
    workspace: Workspace,
    metadata: Iterable[Metadata],
    ownership: Ownership,
    emptied: Mapping[str, bool],
) -> tuple[_Package, ...]:
    packages = []
    for item in metadata:
        root = workspace.pkg / item.name
        tree = scan(
            root,
            ownership.owners,
            ownership.identity.user_name,
            ownership.identity.group_name,
            frozenset(recipe.pkgusers),
            frozenset(recipe.pkggroups),
            ownership.capabilities_below(root),
        )
        packages.append(
            _Package(item, tree, find_elf(tree), _triplet(recipe, config, item.name), emptied.get(item.name, False))
        )
    return tuple(packages)


def _check(packages: Iterable[_Package], steps: tuple[str, ...], console: Console) -> None:
    """Prints all findings of all packages; raises PackageError if one of them is an error."""
    failed = []
    for package in packages:
        metadata = package.metadata
        about = console.about(metadata.name, fakeroot=True)
        about.msg(f"Running postcheck for {metadata.name}")
        findings = list(check_metadata(metadata))
        if "postcheck" not in steps:
            findings += postcheck(package.tree, metadata.name, metadata.has_option, package.elf).findings
        if "archcheck" not in steps:
            findings += archcheck(package.tree, metadata, package.elf)
        for finding in findings:
            speak(finding, about)
        if any(finding.is_error for finding in findings):
            failed.append(metadata.name)
    if failed:
        raise PackageError(
            f"postcheck failed for {', '.join(failed)}", hint="what is wrong stands above; no package was published"
        )


def speak(finding: Finding, console: Console) -> None:
    """Prints one finding with its list."""
    first, more = (console.error, console.error2) if finding.is_error else (console.warning, console.warning2)
    for number, line in enumerate(finding.lines):
        (first if number == 0 else more)(line)
    console.lines(finding.stream, finding.listing)


def _publish(
    recipe: Recipe,
    config: Config,
    stages: Stages,
    workspace: Workspace,
    packages: tuple[_Package, ...],
    steps: tuple[str, ...],
    console: Console,
) -> tuple[Path, ...]:
    """Traces, packs and signs every package; publishes all or, when one cannot be made, none."""
    from abuildpy.package.apk import write_apk

    traced = trace(
        [
            Traceable(
                package.metadata,
                package.tree,
                package.elf,
                find_pc(package.tree),
                package.triplet,
                _own_findings(workspace, package.metadata.name, steps),
            )
            for package in packages
        ],
        providers_for(config, recipe),
    )
    for package in packages:
        about = console.about(package.metadata.name, fakeroot=True)
        result = traced.packages[package.metadata.name]
        about.msg("Tracing dependencies...")
        for line in result.depends:
            console.lines("stderr", (f"\t{line}",))
        for line in result.warnings:
            about.warning(line)
        for line in result.errors:
            about.error(line)
    for line in traced.warnings:
        console.warning(line)
    if traced.failed:
        raise PackageError("the dependencies could not be traced", hint="what is missing stands above")
    provenance = stages.provenance(recipe)
    with _staged() as staged:
        for package in packages:
            metadata = package.metadata
            about = console.about(metadata.name, fakeroot=True)
            size = package_size(package.tree, scripts=bool(metadata.scripts), emptied=package.emptied)
            for finding in check_doc_size(metadata, size):
                speak(finding, about)
            about.msg(f"Package size: {human_size(size)}")
            text = pkginfo(
                metadata,
                traced.packages[metadata.name],
                generator=stages.generator,
                fakeroot="",
                builddate=provenance.epoch,
                packager=config.packager,
                size=size,
                commit=provenance.commit,
            )
            final = package_path(recipe, config, metadata.name)
            final.parent.mkdir(parents=True, exist_ok=True)
            part = final.with_name(f".{final.name}.part")
            staged.append((part, final))
            write_apk(
                part,
                pkginfo=text.decode("utf-8", "surrogateescape"),
                scripts=metadata.scripts,
                tree=package.tree,
                epoch=provenance.epoch,
                signer=stages.signer(),
                on_step=about.msg,
            )
        for part, final in staged:
            console.about(_name_of(final), fakeroot=True).msg(f"Create {final.name}")
            part.replace(final)
    return tuple(final for _, final in staged)


def _name_of(path: Path) -> str:
    return path.name.rsplit("-", 2)[0]


@contextmanager
def _staged() -> Iterator[list[tuple[Path, Path]]]:
    """A list of (part, final) paths; the parts are deleted if the block does not come to its end."""
    paths: list[tuple[Path, Path]] = []
    try:
        yield paths
    except BaseException:
        for part, _ in paths:
            part.unlink(missing_ok=True)
        raise


def _own_findings(workspace: Workspace, name: str, steps: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Lines that the recipe's own packaging steps left for a package, by file name."""
    found: dict[str, tuple[str, ...]] = {}
    for step in steps:
        for file in WRITTEN_BY.get(step, ()):
            path = workspace.pkg / f".control.{name}" / file
            try:
                text = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            except OSError as error:
                raise PackageError(f"{path} cannot be read: {error.strerror}") from error
            found[file] = tuple(line for line in text.decode("utf-8", "surrogateescape").split("\n") if line)
    return found
