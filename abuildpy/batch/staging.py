# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging repository of a batch: what it accepts, and how that gets into the final repository.

It is an apk repository like any other, ``<repo>/<arch>`` with a signed index, which later builds of the batch take packages
from. Everything in it was verified in a copy of our own, so nobody can change a package behind the verification. Whatever the
process is killed at, the same calls made again finish the work.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from abuildpy.atomic import replacing
from abuildpy.batch.accepted import FOLDER, Accepted, Records, StagedPackage, StagedRecord
from abuildpy.batch.gate import GateError, Listed, find_losses, full_name, newest
from abuildpy.batch.holding import Needs, hold_back
from abuildpy.batch.interface import Done, Work
from abuildpy.batch.model import Loss
from abuildpy.batch.packages import require_sound, sign_package, split_name
from abuildpy.batch.vouching import Vouching, put_records, remove_stale
from abuildpy.errors import PackageError, RepositoryError
from abuildpy.messages import Messages
from abuildpy.package.sign import Signer
from abuildpy.repository.index import INDEX_NAME, compress_index, format_index, read_index
from abuildpy.repository.indexing import LOCK_NAME
from abuildpy.repository.lock import locked
from abuildpy.repository.trust import Keys
from abuildpy.repository.version import compare
from abuildpy.scratch import Scratch, sweep

if TYPE_CHECKING:
    from abuildpy.config import Config

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Final:
    """The repository that results go to: its folder, and what writes the index of one of its folders of packages.

    ``index`` gets that folder, the architecture, and the folder of one of the recipes; it sees to locking by itself.
    """

    folder: Path
    index: Callable[[Path, str, Path], None]


class Staging:
    """A Publisher whose staging repository is the folder ``folder``, which is made where it is missing.

    It is made for one batch at a time; processes and threads that share it wait for each other. ``signer`` signs indexes, and
    packages that come without a signature; ``keys`` are those whose signatures count. ``with_records`` tells whether buildinfo,
    SPDX documents and provenance go with the packages.
    """

    def __init__(
        self, folder: Path, final: Final, *, signer: Signer, keys: Keys, log: Messages, with_records: bool = True
    ) -> None:
        self.folder = folder
        self._final = final
        self._signer = signer
        self._keys = keys
        self._log = log
        self._records = Records(folder)
        self._with_records = with_records

    # --- accepting -------------------------------------------------------------------------------------------------

    def accept(self, done: Done) -> tuple[str, ...]:
        """Verifies the packages of a build, and puts all of them into the staging repository, or none.

        Returns their names (``main/x86_64/foo-1.0-r0.apk``). Older packages of the same recipe leave the staging repository.
        Raises PackageError where packages are not what the task may produce, or one that it should have made is not there;
        RepositoryError and SigningError where the repository cannot be written.
        """
        work = done.work
        with self._locked():
            records = self._records.read()
            with Scratch(self.folder, hidden=True) as scratch:
                taken = [self._take(work, name, scratch) for name in done.outcome.apks]
                accepted = Accepted.of(work.task, tuple(taken), self._take_records(work, taken, scratch))
                self._require_all(work, accepted)
                self._require_nobodys(accepted, records)
                old = records.get(accepted.name)
                if old is not None and old != accepted:
                    self._records.forget(old.name)  # or it would vouch for files that are another's from here on
                folder = self.folder.joinpath(*accepted.place)
                folder.mkdir(parents=True, exist_ok=True)
                for name in accepted.files:
                    os.replace(scratch / os.path.basename(name), self.folder / name)
            if accepted != old:
                self._records.write(accepted)
            self._write_index(accepted.place, {**records, accepted.name: accepted})
            if old is not None:
                self._remove(set(old.files) - set(accepted.files))
        return accepted.names

    def accepted(self) -> Mapping[str, Accepted]:
        """What was accepted and not published yet, by the recipe's name. Raises RepositoryError."""
        with self._locked():
            return self._records.read()

    def open(self, places: Iterable[tuple[str, str]] = ()) -> None:
        """Makes the staging repository ready for builds: left-overs of killed processes go, and every folder that has
        packages, and each of ``places`` (repository and architecture), gets its index. Raises RepositoryError.
        """
        with self._locked():
            self._tidy(places)

    def _take(self, work: Work, name: str, scratch: Path) -> StagedPackage:
        """Copies a package, and verifies the copy."""
        parts = split_name(name, work.task)
        path = scratch / parts[-1]
        if path.exists():
            raise PackageError(f"{name} is named twice by the build of {work.task.name}")
        try:
            with _reading(work.destination, parts) as source, replacing(path, 0o644) as file:
                shutil.copyfileobj(source, file, _CHUNK)
        except OSError as error:
            raise PackageError(
                f"{name}, from the build of {work.task.name}, cannot be read: {error.strerror or error}"
            ) from error
        entry, is_signed = require_sound(path, name, work.task, self._keys)
        if not is_signed:
            sign_package(path, self._signer, epoch=entry.build_time)
            entry, _ = require_sound(path, name, work.task, self._keys)
        return StagedPackage(parts[-1], _sha256(path), entry)

    def _take_records(self, work: Work, taken: list[StagedPackage], scratch: Path) -> tuple[StagedRecord, ...]:
        """Copies what stands beside the packages, as far as it is what it should be."""
        if not self._with_records:
            return ()
        place = (work.task.name.partition("/")[0], work.task.arch)
        vouching = Vouching(self._signer, self._keys, self._log)
        return vouching.take(work.task, taken, scratch, lambda name: _reading(work.destination, (*place, name)))

    @staticmethod
    def _require_all(work: Work, accepted: Accepted) -> None:
        missing = sorted({*work.task.packages} - {package.entry.name for package in accepted.packages})
        if missing or not accepted.packages:
            names = " ".join(missing) or work.task.pkgname
            raise PackageError(f"the build of {accepted.name} gave no {names}", hint="build it again")

    @staticmethod
    def _require_nobodys(accepted: Accepted, records: Mapping[str, Accepted]) -> None:
        files = {package.file for package in accepted.packages}
        for other in records.values():
            if other.name != accepted.name and other.place == accepted.place:
                for package in other.packages:
                    if package.file in files:
                        raise PackageError(f"{package.file} is made by {other.name} and by {accepted.name}")

    def _write_index(self, place: tuple[str, str], records: Mapping[str, Accepted]) -> None:
        """Writes the index of what the records say is in a folder, where it does not stand there already."""
        packages = [p for accepted in records.values() if accepted.place == place for p in accepted.packages]
        tar = format_index([package.entry for package in packages], "/".join(place), 0)
        content = self._signer.sign_index(compress_index(tar), epoch=0)
        path = self.folder.joinpath(*place, INDEX_NAME)
        try:
            if path.read_bytes() == content:
                return
        except OSError:
            pass
        with replacing(path, 0o644) as file:
            file.write(content)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    # --- the gate --------------------------------------------------------------------------------------------------

    def losses(self) -> tuple[Loss, ...]:
        """What packages would lose if what is staged were published now. Raises RepositoryError for a damaged index."""
        with self._locked():
            return self._losses(self._records.read())

    def versions(self, arch: str) -> dict[str, str]:
        """The highest version that is published or staged of what each recipe (``main/foo``) makes. Raises RepositoryError."""
        with self._locked():
            records = self._records.read().values()
        staged = ((a.repository, package.entry) for a in records if a.arch == arch for package in a.packages)
        found: dict[str, str] = {}
        for repository, entry in (*self._current(arch), *staged):
            name = f"{repository}/{entry.origin or entry.name}"
            if name not in found or compare(entry.version, found[name]) > 0:
                found[name] = entry.version
        return found

    def _losses(self, records: Mapping[str, Accepted]) -> tuple[Loss, ...]:
        found: list[Loss] = []
        for arch, by_recipe in _by_arch(records).items():
            staged = [package for packages in by_recipe.values() for package in packages]
            counts = self._counting(arch, staged)
            found += (loss for loss in find_losses(self._current(arch), staged) if counts(loss))
        return tuple(dict.fromkeys(found))

    def _held(self, records: Mapping[str, Accepted], needs: Needs) -> frozenset[str]:
        """The recipes that cannot be published, while the others can."""
        found: set[str] = set()
        for arch, by_recipe in _by_arch(records).items():
            counts = self._counting(arch, [package for packages in by_recipe.values() for package in packages])
            found |= hold_back(tuple(self._current(arch)), by_recipe, needs, counts)
        return frozenset(found)

    def _counting(self, arch: str, staged: Iterable[Listed]) -> Callable[[Loss], bool]:
        """Tells which losses matter: what was deleted is in the index until that is written again, which publishing does."""
        names = {full_name(*each) for each in staged}

        def counts(loss: Loss) -> bool:
            repository, _, name = loss.package.partition("/")
            return loss.package in names or (self._final.folder / repository / arch / f"{name}.apk").exists()

        return counts

    def _current(self, arch: str) -> Iterator[Listed]:
        for path in sorted(self._final.folder.glob(f"*/{arch}/{INDEX_NAME}")):
            for entry in read_index(path).entries:
                yield path.parts[-3], entry

    # --- publishing ------------------------------------------------------------------------------------------------

    def publish(self, needs: Needs | None = None) -> None:
        """Moves all that was accepted to the final repository: each package at once, then the indexes, then what is staged
        goes. Packages of other versions stay; the index names them too, as ``abuild index`` does.

        Raises GateError, and then nothing was published; with ``needs`` (the recipes that each recipe was built with), all was
        that could be, but for what the error names. Raises RepositoryError where a package is not what was accepted, or the
        repository cannot be written.
        """
        with self._locked():
            records = self._records.read()
            losses = self._losses(records)
            held = frozenset(records) if losses else frozenset()
            if losses and needs is not None:
                held = self._held(records, needs)
            self._publish({name: accepted for name, accepted in records.items() if name not in held})
            if losses:
                some = sorted(held) if held != records.keys() else ()
                raise GateError(losses, kept=str(self.folder), held=some)

    def _publish(self, records: Mapping[str, Accepted]) -> None:
        places: dict[tuple[str, str], list[Accepted]] = {}
        for accepted in records.values():
            places.setdefault(accepted.place, []).append(accepted)
        # All is there before the first index tells of any: an index of one repository counts on the other's packages.
        for place, group in places.items():
            self._put(place, group)
        for (repository, arch), group in places.items():
            self._final.index(self._final.folder / repository / arch, arch, Path(group[0].folder))
        for name in records:
            self._records.forget(name)
        self._tidy()

    def _put(self, place: tuple[str, str], group: Sequence[Accepted]) -> None:
        """Puts packages into a folder of the final repository, those that replace a file of the same name last: until the
        new index is there, the old one has another checksum for them.
        """
        folder = self._final.folder.joinpath(*place)
        packages = [package for accepted in group for package in accepted.packages]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            title = "/".join(place)
            waiting = f"waiting for another build to leave {title}"
            with (
                locked(folder / LOCK_NAME, wait_message=lambda: self._log.msg2(waiting)),
                Scratch(folder, hidden=True) as scratch,
            ):
                self._warn_of_older(place, packages)
                for accepted in group:
                    remove_stale(accepted, folder)
                for package in sorted(packages, key=lambda each: (folder / each.file).exists()):
                    self._put_one(self.folder.joinpath(*place, package.file), package, folder, scratch)
                for accepted in group:
                    put_records(accepted, self.folder.joinpath(*place), folder, scratch)
        except OSError as error:
            raise RepositoryError(f"cannot publish to {folder}: {error.strerror or error}") from error

    @staticmethod
    def _put_one(staged: Path, package: StagedPackage, folder: Path, scratch: Path) -> None:
        target = folder / package.file
        if target.is_file() and _sha256(target) == package.sha256:
            return  # a killed run got as far as this
        part = scratch / package.file
        try:
            os.link(staged, part, follow_symlinks=False)
        except FileNotFoundError:
            raise RepositoryError(f"{staged} is not there any more", hint="build it again") from None
        except OSError:  # another file system, or one without links
            with staged.open("rb") as source, replacing(part, 0o644) as file:
                shutil.copyfileobj(source, file, _CHUNK)
        if _sha256(part) != package.sha256:
            raise RepositoryError(f"{staged} is not what was accepted", hint="somebody changed it: build it again")
        os.replace(part, target)

    def _warn_of_older(self, place: tuple[str, str], packages: Iterable[StagedPackage]) -> None:
        path = self._final.folder.joinpath(*place, INDEX_NAME)
        there = newest((place[0], entry) for entry in read_index(path).entries) if path.is_file() else {}
        for package in packages:
            known = there.get(package.entry.name)
            if known is not None and compare(known[1].version, package.entry.version) > 0:
                self._log.warning(f"{package.file} is older than {known[1].file_name}, which apk goes on to take")

    # --- what all have in common -----------------------------------------------------------------------------------

    def _tidy(self, places: Iterable[tuple[str, str]] = ()) -> None:
        """What killed processes left half-made goes; every folder, and each of ``places``, gets its index; then files that
        nobody tells of go.
        """
        sweep(self.folder, hidden=True)
        for part in (*self.folder.glob("*/*/.*.part"), *self.folder.glob(f"{FOLDER}/.*.part")):
            part.unlink(missing_ok=True)
        records = self._records.read()
        folders = [path for path in self.folder.glob("[!.]*/[!.]*") if path.is_dir()]
        for place in dict.fromkeys([*((path.parent.name, path.name) for path in folders), *places]):
            self.folder.joinpath(*place).mkdir(parents=True, exist_ok=True)
            self._write_index(place, records)
        known = {name for accepted in records.values() for name in accepted.files}
        there = (*self.folder.glob("*/*/*.apk"), *self.folder.glob("*/*/*.json"))
        self._remove({str(path.relative_to(self.folder)) for path in there} - known)

    def _locked(self) -> AbstractContextManager[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting for another batch to leave {self.folder}"
        return locked(self.folder / LOCK_NAME, wait_message=lambda: self._log.msg2(waiting))


def open_staging(folder: Path, config: Config, log: Messages) -> Staging:
    """The staging repository ``folder`` before REPODEST, with the packager's key. Raises SigningError."""
    from abuildpy.package.sign import load_signer
    from abuildpy.phases.publish import write_index
    from abuildpy.phases.recording import wanted
    from abuildpy.phases.settings import Settings
    from abuildpy.recipe.history import describe
    from abuildpy.repository.trust import trusted_keys

    signer = load_signer(config)

    def index(place: Path, arch: str, recipe: Path) -> None:
        text = config.get("DESCRIPTION") or f"{place.parent.name} {describe(recipe)}"
        write_index(place, arch, config, signer, text, log)

    keys = trusted_keys(config, {signer.name: signer.public_pem})
    final = Final(config.repodest, index)
    return Staging(folder, final, signer=signer, keys=keys, log=log, with_records=wanted(config, Settings()))


def _by_arch(records: Mapping[str, Accepted]) -> dict[str, dict[str, list[Listed]]]:
    """For each architecture the recipes with their packages."""
    found: dict[str, dict[str, list[Listed]]] = {}
    for name, accepted in records.items():
        packages = [(accepted.repository, package.entry) for package in accepted.packages]
        found.setdefault(accepted.arch, {})[name] = packages
    return found


@contextmanager
def _reading(folder: Path, parts: Iterable[str]) -> Iterator[BinaryIO]:
    """A regular file below a folder, opened without following any symbolic link on the way. Raises OSError."""
    *folders, name = parts
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for each in folders:
            inner = os.open(each, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    with open(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(0, "it is not a regular file")
        yield file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
