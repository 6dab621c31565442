# SPDX-License-Identifier: GPL-3.0-or-later
"""From finished trees to published .apk files: checks, tracing, packing, signing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Self

from abuildpy.errors import PackageError, RepositoryError
from abuildpy.package.apk import Written, write_apk
from abuildpy.package.archcheck import archcheck, check_doc_size, check_metadata
from abuildpy.package.model import Traced
from abuildpy.package.pkgconfig import find_pc
from abuildpy.package.pkginfo import declared_depends, pkginfo
from abuildpy.package.postcheck import Finding, postcheck
from abuildpy.package.providers import Providers
from abuildpy.package.size import human_size, package_size
from abuildpy.package.trace import Traceable, trace
from abuildpy.phases.control import leave_pkginfo
from abuildpy.phases.description import Description
from abuildpy.phases.overrides import own_steps
from abuildpy.phases.providers import providers_for
from abuildpy.phases.recording import Recorder, recorder_of, remove_records
from abuildpy.phases.trees import Job, Package
from abuildpy.phases.upkeep import package_path
from abuildpy.sandbox.process import undisturbed
from abuildpy.scratch import Scratch
from abuildpy.ui.console import Console


def pack(job: Job, packages: tuple[Package, ...]) -> tuple[Path, ...]:
    """Checks, traces, packs and signs the packages, and puts them into the repository when all of them are made.

    Their records go with them. Returns their paths. Raises PackageError when one breaks a rule, SigningError without a usable
    key.
    """
    providers = providers_for(job.config, job.recipe, job.root)
    with job.timings.step("postcheck"):
        _check(job, packages)
    with job.timings.step("trace"):
        traced = _trace(job, packages, providers)
    recorder = recorder_of(job)
    with job.timings.step("pack"), _Staged() as staged:
        for package in packages:
            name = package.metadata.name
            final = package_path(job.recipe, job.config, name)
            final.parent.mkdir(parents=True, exist_ok=True)
            part = staged.beside(final)
            written, text = _write(job, package, traced.get(name, Traced()), part, list_files=recorder is not None)
            if recorder is not None:
                recorder.add(name, written, text)
        with job.timings.step("records"):
            records = _records(job, recorder, providers) if recorder is not None else {}
            staged.write(records)
        # An old record beside a new package would be a lie, a missing one is none: whatever this is killed at.
        remove_records(job.recipe, staged.folders)
        for package, (part, final) in zip(packages, staged.paths, strict=True):
            job.about(package.metadata.name).msg(f"Create {final.name}")
            part.replace(final)
        staged.publish(records)
    return tuple(final for _, final in staged.paths)


def _check(job: Job, packages: Iterable[Package]) -> None:
    """Prints all findings of all packages; raises PackageError if one of them is an error."""
    failed = []
    steps = own_steps(job.recipe)
    for package in packages:
        metadata = package.metadata
        console = job.about(metadata.name)
        console.msg(f"Running postcheck for {metadata.name}")
        # A recipe with packaging steps of its own has looked at its .PKGINFO and its arch in those.
        findings = [] if package.description else [*check_metadata(metadata)]
        if "postcheck" not in steps:
            findings += postcheck(
                package.tree, metadata.name, metadata.has_main_option, package.elf, emptied=package.emptied
            ).findings
        if package.description is None:
            findings += archcheck(package.tree, metadata, package.elf)
        for finding in findings:
            _speak(finding, console)
        if any(finding.is_error for finding in findings):
            failed.append(metadata.name)
    if failed:
        raise PackageError(
            f"postcheck failed for {', '.join(failed)}", hint="what is wrong stands above; no package was published"
        )


def _speak(finding: Finding, console: Console) -> None:
    first, more = (console.error, console.error2) if finding.is_error else (console.warning, console.warning2)
    for number, line in enumerate(finding.lines):
        (first if number == 0 else more)(line)
    console.lines(finding.stream, finding.listing)


def _trace(job: Job, packages: tuple[Package, ...], providers: Callable[[str], Providers]) -> Mapping[str, Traced]:
    """What the packages provide and need, told as abuild tells it; nothing where the recipe's own steps traced."""
    result = trace(
        [Traceable(p.metadata, p.tree, p.elf, find_pc(p.tree), p.triplet) for p in packages if p.description is None],
        providers,
    )
    declared = {package.metadata.name: declared_depends(package.metadata) for package in packages}
    for name, traced in result.packages.items():
        console = job.about(name)
        console.msg("Tracing dependencies...")
        console.lines("stderr", tuple(f"\t{line}" for line in (*declared[name], *traced.depends)))
        for line in traced.warnings:
            console.warning(line)
        for line in traced.errors:
            console.error(line)
    for line in result.warnings:
        job.console.warning(line)
    if result.failed:
        raise PackageError("the dependencies could not be traced", hint="what is missing stands above")
    return result.packages


def _write(job: Job, package: Package, traced: Traced, path: Path, *, list_files: bool) -> tuple[Written, bytes]:
    """Writes a package; returns what was written, and its .PKGINFO."""
    metadata, console = package.metadata, job.about(package.metadata.name)
    description = package.description or _describe(job, package, traced)
    for finding in check_doc_size(metadata, description.size):
        _speak(finding, console)
    console.msg(f"Package size: {human_size(description.size)}")
    written = write_apk(
        path,
        pkginfo=description.pkginfo,
        scripts=description.scripts,
        tree=package.tree,
        epoch=job.stages.provenance(job.recipe).epoch,
        signer=job.stages.key.signer(),
        on_step=console.msg,
        list_files=list_files,
    )
    text = f"{description.pkginfo}datahash = {written.datahash}\n".encode("utf-8", "surrogateescape")
    leave_pkginfo(job.workspace.pkg, metadata.name, text)
    return written, text


def _records(job: Job, recorder: Recorder, providers: Callable[[str], Providers]) -> Mapping[str, bytes]:
    """The records; hours of building are not lost for want of them."""
    try:
        return recorder.records(providers)
    except (RepositoryError, ValueError, OverflowError) as error:
        job.console.warning(f"No records are left beside the packages: {error}")
        return {}


def _describe(job: Job, package: Package, traced: Traced) -> Description:
    metadata = package.metadata
    provenance = job.stages.provenance(job.recipe)
    size = package_size(
        package.tree, scripts=bool(metadata.scripts), emptied=bool(package.emptied), deleted=package.deleted
    )
    text = pkginfo(
        metadata,
        traced,
        generator=job.stages.generator,
        fakeroot="",
        builddate=provenance.epoch,
        packager=job.config.packager,
        size=size,
        commit=provenance.commit,
    )
    return Description(text.decode("utf-8", "surrogateescape"), metadata.scripts, size)


class _Staged:
    """Packages that wait in hidden folders, one in each folder of the repository, until all of them are made."""

    def __init__(self) -> None:
        self.paths: list[tuple[Path, Path]] = []
        """Where each package waits, and where it goes."""
        self._folders: dict[Path, Scratch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self._folders.values():
            folder.remove()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of the repository that packages go to."""
        return tuple(self._folders)

    def write(self, records: Mapping[str, bytes]) -> None:
        """Writes records to wait there too; each stands wherever packages of the build do. Raises PackageError."""
        for folder in self._folders.values():
            for name, content in records.items():
                try:
                    with open(folder.path / name, "wb") as file:
                        file.write(content)
                    os.chmod(folder.path / name, 0o644)
                except OSError as error:
                    raise PackageError(f"{name}: cannot write the record: {error.strerror}") from error

    def publish(self, records: Mapping[str, bytes]) -> None:
        """Puts the records beside the packages."""
        for final, folder in self._folders.items():
            for name in records:
                (folder.path / name).replace(final / name)

    def beside(self, final: Path) -> Path:
        """Where to write the package that goes to ``final``."""
        if final.parent not in self._folders:
            with undisturbed():
                self._folders[final.parent] = Scratch(final.parent, hidden=True)
        part = self._folders[final.parent].path / final.name
        self.paths.append((part, final))
        return part
