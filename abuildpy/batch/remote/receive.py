# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking what a worker says it built: from the store by digest, looked at, and without the worker's signatures.

Workers sign with keys that mean nothing. What is put into an attempt's destination is unsigned, so that whoever publishes it
verifies and signs it as one of its own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from abuildpy.atomic import replacing
from abuildpy.batch.interface import Work
from abuildpy.batch.remote.lines import shown
from abuildpy.batch.remote.messages import Blob, Result
from abuildpy.batch.remote.store import Store
from abuildpy.batch.vouching import claim_of
from abuildpy.errors import AbuildError, PackageError
from abuildpy.records.names import buildinfo_name
from abuildpy.repository import apkfile

_NEXT = "the machine that built it is not to be trusted, or the store is not: look at both"


def receive(result: Result, work: Work, store: Store) -> None:
    """Brings packages and log of a result to where ``work`` wants them.

    Raises PackageError for a result or package that is not what the task may produce, StoreError, RepositoryError; then
    none of the packages are there.
    """
    task, outcome = work.task, result.outcome
    who = shown(result.worker)
    for what, said, meant in (("name", outcome.name, task.name), ("version", outcome.version, task.version)):
        if said != meant:
            raise PackageError(f"{who} answers with the {what} {said[:80]!r}, not {meant}", hint=_NEXT)
    if result.log is not None:
        store.get(result.log.sha256, work.log, size=result.log.size)
    if outcome.status != "built":
        return
    if not result.files:
        raise PackageError(f"{who} built {task.name} and has no packages of it", hint=_NEXT)
    try:
        for each in result.files:
            _take(each, work, store)
        if result.buildinfo is not None:
            _take_buildinfo(result.buildinfo, result.worker, work, store)
    except BaseException:
        shutil.rmtree(work.destination, ignore_errors=True)
        work.destination.mkdir(parents=True, exist_ok=True)
        raise


def _take(package: Blob, work: Work, store: Store) -> None:
    task = work.task
    repository, arch, name = package.name.split("/")
    if (repository, arch) != (task.name.partition("/")[0], task.arch):
        raise PackageError(f"{package.name} does not belong to {task.name}", hint=_NEXT)
    path = work.destination / repository / arch / name
    path.parent.mkdir(parents=True, exist_ok=True)
    store.get(package.sha256, path, size=package.size)
    apk = apkfile.read(path)
    allowed = task.packages or (task.pkgname,)
    if apk.name not in allowed or apk.version != task.version or name != f"{apk.name}-{apk.version}.apk":
        raise PackageError(
            f"{package.name} holds {shown(apk.name)}-{shown(apk.version)}, which {task.name} does not make", hint=_NEXT
        )
    if apk.arch not in (task.arch, "noarch") or apk.info.last("origin") != task.pkgname:
        raise PackageError(f"{package.name} is of another architecture or origin", hint=_NEXT)
    apkfile.verify_data(apk)
    unsign(path, apk)


def _take_buildinfo(told: Blob, worker: str, work: Work, store: Store) -> None:
    """What the worker tells of the build, marked as its claim. What makes no sense is left out: packages do without."""
    task = work.task
    place = work.destination / task.name.partition("/")[0] / task.arch
    path = place / buildinfo_name(task.pkgname, task.version)
    try:
        store.get(told.sha256, path, size=told.size)
        claim = claim_of(path.read_bytes(), worker)
    except (AbuildError, ValueError):
        path.unlink(missing_ok=True)
        return
    with replacing(path, 0o644) as file:
        file.write(claim)


def unsign(path: Path, apk: apkfile.ApkFile) -> None:
    """Takes the signatures off a package."""
    start = apk.data_offset - len(apk.control)
    if start == 0:
        return
    with path.open("rb") as source, replacing(path, 0o644) as file:
        source.seek(start)
        shutil.copyfileobj(source, file, 1 << 20)


def names_below(folder: Path) -> tuple[str, ...]:
    """Packages in a folder of repositories, ``<repository>/<arch>/<file>``, sorted; regular files only."""
    found = []
    for path in folder.glob("*/*/*.apk"):
        if path.is_file() and not path.is_symlink():
            found.append(os.fspath(path.relative_to(folder)))
    return tuple(sorted(found))
