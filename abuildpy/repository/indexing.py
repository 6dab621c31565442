# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexing: the entries of package files, and bringing the index of a folder of them up to date."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.messages import Messages
from abuildpy.repository import apkfile, depends
from abuildpy.repository.depends import Dependency
from abuildpy.repository.index import INDEX_NAME, IndexEntry, compress_index, format_index, number
from abuildpy.repository.lock import locked
from abuildpy.repository.trust import Keys
from abuildpy.scratch import sweep

LOCK_NAME = ".abuildpy.lock"

_NEW_NAME = f".{INDEX_NAME}.new"


def entry_of(apk: apkfile.ApkFile, *, arch: str | None = None) -> IndexEntry:
    """Make the index entry of a package file; ``arch``, if given, replaces the package's own.

    Raises RepositoryError, naming the file and the reason, for a package that apk would refuse to index: no
    name, no version, no datahash, or a dependency that it cannot understand.
    """
    info = apk.info
    for key in ("pkgname", "pkgver", "datahash"):
        if not info.last(key):
            raise RepositoryError(f"{apk.path} cannot be indexed: its .PKGINFO has no {key}")
    dependencies = []
    for word in _words(info.all("depend")):
        dependency = _indexable(word)
        if isinstance(dependency, str):
            raise RepositoryError(f"{apk.path} cannot be indexed: {dependency}")
        if not dependency.has_valid_version:
            raise RepositoryError(f"{apk.path} cannot be indexed: its dependency '{word}' names no valid version")
        dependencies.append(str(dependency))
    # What is wrong with the other two apk tolerates: a provided name that it cannot understand is left out,
    # and one bad word disables install_if altogether.
    provides = [str(p) for p in map(_indexable, _words(info.all("provides"))) if isinstance(p, Dependency)]
    install_if = [_indexable(word) for word in _words(info.all("install_if"))]
    if any(isinstance(i, str) or not i.has_valid_version for i in install_if):
        install_if = []
    return IndexEntry(
        identity=apk.identity,
        name=apk.name,
        version=apk.version,
        arch=apk.arch if arch is None else arch,
        size=apk.size,
        installed_size=number(info.last("size")),
        description=info.last("pkgdesc"),
        url=info.last("url"),
        license=info.last("license"),
        origin=info.last("origin"),
        maintainer=info.last("maintainer"),
        build_time=number(info.last("builddate")),
        commit=info.last("commit"),
        provider_priority=number(info.last("provider_priority")) & 0xFFFF,
        depends=tuple(dependencies),
        provides=tuple(provides),
        install_if=tuple(map(str, install_if)),
    )


def _words(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield from (word for word in value.split(" ") if word)


def _indexable(word: str) -> Dependency | str:
    """Parse a dependency of a package; give the reason as text where apk would not take it."""
    try:
        dependency = depends.parse(word)
    except DependencyError as error:
        return error.message
    if dependency.tag:
        return f"its dependency '{word}' names a tagged repository, which apk does not allow in packages"
    return dependency


def scan(folder: Path, *, arch: str | None, log: Messages, keys: Keys | None = None) -> list[IndexEntry]:
    """Make the entries of all apk files in a folder; what cannot be indexed is left out with a warning.

    So is, with ``keys``, what is not signed by one of them: whoever trusts an index trusts what it names, as apk does
    (apk index verifies too). Raises RepositoryError if the folder cannot be read.
    """
    try:
        names = sorted(
            (e.name for e in os.scandir(folder) if e.name.endswith(".apk") and e.name[0] != "."),
            key=os.fsencode,
        )
    except OSError as error:
        raise RepositoryError(f"cannot read the repository {folder}: {error.strerror}") from error
    entries = []
    for name in names:
        try:
            apk = apkfile.read(folder / name)
            if keys is not None:
                keys.require(apk.path, apk.signatures, apk.control)
            entries.append(entry_of(apk, arch=arch))
        except RepositoryError as error:
            if not os.path.lexists(folder / name):
                continue  # removed since we listed the folder: a newer version came, or cleanpkg
            log.warning(f"Not indexed: {error.message}")
            if error.hint:
                log.warning2(error.hint)
    return entries


def update_index(
    folder: Path,
    *,
    arch: str,
    description: str,
    sign: Callable[[bytes], bytes] | None,
    log: Messages,
    mtime: int | None = None,
    keys: Keys | None = None,
) -> None:
    """Write ``APKINDEX.tar.gz`` for the apk files that are in the folder now.

    ``arch`` is what every entry says (noarch packages included); ``sign`` takes the unsigned file's bytes and
    gives the signed file's (None: unsigned); ``mtime`` (seconds since 1970; None: now) is the time inside the
    index; ``keys`` are those whose packages are taken (None: all are).

    Nothing is taken over from the old index. Whether an old entry still belongs to a file only the file's
    control part says (name, size and time stay the same when a package is rebuilt), and once that is read the
    entry is as good as made. So the result depends on the folder alone; since it is listed under the lock,
    whoever comes last has seen all packages. What killed builds left half-made in the folder goes.

    Raises RepositoryError if the folder cannot be read or written, and what ``sign`` raises; the old index
    then stays.
    """
    title = f"{folder.parent.name}/{folder.name}"
    log.msg(f"Updating the {title} repository index...")
    sweep(folder, hidden=True)
    with locked(folder / LOCK_NAME, wait_message=lambda: log.msg2(f"waiting for another build to leave {title}")):
        entries = scan(folder, arch=arch, log=log, keys=keys)
        content = compress_index(format_index(entries, description, int(time.time()) if mtime is None else mtime))
        if sign is not None:
            log.msg("Signing the index...")
            content = sign(content)
        _replace(folder, content)


def _replace(folder: Path, content: bytes) -> None:
    # Always the same name: the lock makes it ours, and what a killed process left there is overwritten by the
    # next.
    new = folder / _NEW_NAME
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        with open(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), 0o644)
            stream.write(content)
        os.replace(new, folder / INDEX_NAME)
    except BaseException as error:
        try:
            new.unlink(missing_ok=True)
        except OSError:
            pass
        if not isinstance(error, OSError):
            raise
        hint = "free some space, then run 'abuild index'" if error.errno == errno.ENOSPC else None
        raise RepositoryError(f"cannot write the index in {folder}: {error.strerror}", hint=hint) from error
