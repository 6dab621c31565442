# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a repository (``APKINDEX.tar.gz``): reading, writing, and bringing a folder's up to date."""

from __future__ import annotations

import errno
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.messages import Messages
from abuildpy.repository import apkfile, depends
from abuildpy.repository.depends import Dependency
from abuildpy.repository.lock import locked
from abuildpy.repository.trust import Keys
from abuildpy.repository.version import sort_key
from abuildpy.scratch import sweep

INDEX_NAME = "APKINDEX.tar.gz"
LOCK_NAME = ".abuildpy.lock"
_NEW_NAME = f".{INDEX_NAME}.new"
_MOST_TEXT = 1 << 29
"""Bytes: Alpine's largest index has less than a thirtieth."""

_ASCII_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One package of an index.

    ``identity`` is ``Q1…`` (see :attr:`apkfile.ApkFile.identity`); ``size`` the apk file's bytes,
    ``installed_size`` those of its files; ``build_time`` seconds since 1970 (0: unknown); dependencies are in
    the index's own spelling.
    """

    identity: str
    name: str
    version: str
    arch: str = ""
    size: int = 0
    installed_size: int = 0
    description: str = ""
    url: str = ""
    license: str = ""
    origin: str = ""
    maintainer: str = ""
    build_time: int = 0
    commit: str = ""
    provider_priority: int = 0
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    install_if: tuple[str, ...] = ()

    def format(self) -> str:
        """Write the entry as apk 3 does, with the empty line at its end."""
        lines: list[str] = []
        for letter, attribute, always in _LETTERS:
            value = getattr(self, attribute)
            if value or always:
                lines.append(f"{letter}:{' '.join(value) if isinstance(value, tuple) else value}\n")
        lines.append("\n")
        return "".join(lines)

    @property
    def file_name(self) -> str:
        """Name of the apk file in its repository."""
        return f"{self.name}-{self.version}.apk"


# In the order of the index; True: written even when empty.
_LETTERS: tuple[tuple[str, str, bool], ...] = (
    ("C", "identity", True),
    ("P", "name", True),
    ("V", "version", True),
    ("A", "arch", False),
    ("S", "size", True),
    ("I", "installed_size", True),
    ("T", "description", True),
    ("U", "url", True),
    ("L", "license", True),
    ("o", "origin", False),
    ("m", "maintainer", False),
    ("t", "build_time", False),
    ("c", "commit", False),
    ("k", "provider_priority", False),
    ("D", "depends", False),
    ("p", "provides", False),
    ("i", "install_if", False),
)
_ATTRIBUTES = {letter: attribute for letter, attribute, _ in _LETTERS}
_KINDS = {f.name: str(f.type) for f in fields(IndexEntry)}


@dataclass(frozen=True, slots=True)
class Index:
    """A parsed index."""

    entries: tuple[IndexEntry, ...]
    description: str = ""
    _providers: Mapping[str, tuple[tuple[IndexEntry, str], ...]] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(entries: Iterable[IndexEntry], description: str = "") -> Index:
        """Make an index whose ``providers`` works."""
        kept = tuple(entries)
        return Index(kept, description, providers_of(kept))

    def providers(self, name: str) -> tuple[tuple[IndexEntry, str], ...]:
        """Who provides a name (``foo``, ``so:libfoo.so.1``, ``pc:foo``, ``cmd:foo``), each with the version
        it provides it in.

        The version is empty where it is provided without one.
        """
        return self._providers.get(name, ())

    def satisfying(self, dependency: str) -> tuple[IndexEntry, ...]:
        """Entries that fulfil a dependency such as ``so:libfoo.so.1`` or ``foo>=1.2`` (for a conflict: those
        it excludes).

        Raises DependencyError if it cannot be parsed.
        """
        wanted = replace(depends.parse(dependency), conflict=False)
        return tuple(
            entry for entry, version in self.providers(wanted.name) if depends.satisfies(wanted, wanted.name, version)
        )


def providers_of(entries: Iterable[IndexEntry]) -> dict[str, tuple[tuple[IndexEntry, str], ...]]:
    """Map every name that is provided (the packages' own included) to its providers and the versions
    provided.
    """
    found: dict[str, list[tuple[IndexEntry, str]]] = {}
    for entry in entries:
        found.setdefault(entry.name, []).append((entry, entry.version))
        for provided in entry.provides:
            name = depends.bare_name(provided)
            version = provided[len(name) :].lstrip("<>=~")
            found.setdefault(name, []).append((entry, version))
    return {name: tuple(providers) for name, providers in found.items()}


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
        installed_size=_number(info.last("size")),
        description=info.last("pkgdesc"),
        url=info.last("url"),
        license=info.last("license"),
        origin=info.last("origin"),
        maintainer=info.last("maintainer"),
        build_time=_number(info.last("builddate")),
        commit=info.last("commit"),
        provider_priority=_number(info.last("provider_priority")) & 0xFFFF,
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


def _number(text: str) -> int:
    digits = re.match("[0-9]*", text)
    return int(digits[0] or 0) & 0xFFFF_FFFF_FFFF_FFFF if digits else 0


def format_index(entries: Iterable[IndexEntry], description: str | None, mtime: int) -> bytes:
    """Build the index's tar: identical to the byte with what apk 3.0.6 compresses.

    Sorted by name without regard to (ASCII) case, then name, then version; a package that occurs twice (equal
    identity) is written once. ``mtime`` (seconds since 1970) goes into the tar; without description there is
    no DESCRIPTION.
    """
    unique: dict[str, IndexEntry] = {}
    for entry in entries:
        unique.setdefault(entry.identity, entry)
    ordered = sorted(unique.values(), key=_place)
    text = "".join(entry.format() for entry in ordered).encode("utf-8", "surrogateescape")
    parts = []
    if description is not None:
        parts.append(_tar_member(b"DESCRIPTION", description.encode("utf-8", "surrogateescape"), mtime))
    parts.append(_tar_member(b"APKINDEX", text, mtime))
    parts.append(bytes(1024))
    return b"".join(parts)


def _place(entry: IndexEntry) -> tuple[bytes, bytes, object]:
    name = entry.name.encode("utf-8", "surrogateescape")
    return name.translate(_ASCII_LOWER), name, sort_key(entry.version)


def _tar_member(name: bytes, content: bytes, mtime: int) -> bytes:
    """Write a header in apk's way: GNU magic, owner root, size and time with 12 digits and no end mark."""
    header = bytearray(512)
    header[: len(name)] = name
    header[100:108] = b"0000644\0"
    header[108:116] = b"0000000\0"
    header[116:124] = b"0000000\0"
    header[124:136] = b"%012o" % len(content)
    header[136:148] = b"%012o" % mtime
    header[148:156] = b" " * 8
    header[156:157] = b"0"
    header[257:265] = b"ustar  \0"
    header[265:269] = header[297:301] = b"root"
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512)


def compress_index(tar: bytes) -> bytes:
    """Compress an index's tar to one gzip member that has no time stamp in it."""
    # Not gzip.compress: what it writes as operating system differs between Python versions.
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    return deflater.compress(tar) + deflater.flush()


def parse_index(content: bytes, *, source: str = "the index") -> Index:
    """Parse an ``APKINDEX.tar.gz``, signed or not (signatures are not checked); ``source`` is named in
    errors.

    Raises RepositoryError for damage.
    """
    text = b""
    description = ""
    try:
        for name, data in apkfile.tar_files(_decompress(content)):
            if name == b"APKINDEX":
                text = data
            elif name == b"DESCRIPTION":
                description = data.decode("utf-8", "surrogateescape")
        return Index.of(parse_entries(text.decode("utf-8", "surrogateescape")), description)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise RepositoryError(f"{source} is damaged: {error}", hint="'abuild index' writes it anew") from error


def _decompress(content: bytes) -> bytes:
    """All gzip members, one after the other. Raises ValueError for more than any index has, EOFError, zlib.error."""
    parts, left = [], _MOST_TEXT
    while content:
        inflater = zlib.decompressobj(31)
        parts.append(inflater.decompress(content, left))
        left -= len(parts[-1])
        if not inflater.eof:
            if left <= 0 or inflater.unconsumed_tail:
                raise ValueError("it is absurdly large")
            raise EOFError("it ends too early")
        content = inflater.unused_data.lstrip(b"\0")
    return b"".join(parts)


def parse_entries(text: str) -> Iterator[IndexEntry]:
    """Parse the text of an index. Fields that are not known are skipped. Raises ValueError for an entry
    without a name.
    """
    for block in text.split("\n\n"):
        values: dict[str, str | int | tuple[str, ...]] = {}
        for line in block.split("\n"):
            attribute = _ATTRIBUTES.get(line[:1])
            if attribute is None or line[1:2] != ":":
                continue
            value = line[2:]
            kind = _KINDS[attribute]
            values[attribute] = value if kind == "str" else _number(value) if kind == "int" else tuple(value.split())
        if values:
            if not {"identity", "name", "version"} <= values.keys():
                raise ValueError("an entry has no identity, name or version")
            yield IndexEntry(**values)  # type: ignore[arg-type]


def read_index(path: Path) -> Index:
    """Read an ``APKINDEX.tar.gz``. Raises RepositoryError if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RepositoryError(f"cannot read {path}: {error.strerror}") from error
    return parse_index(content, source=str(path))


def read_trusted(path: Path, keys: Keys) -> bytes:
    """The unsigned index in a file that one of the keys has signed. Raises RepositoryError."""
    signatures, content = apkfile.signatures_of(path)
    keys.require(path, signatures, content)
    return content


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
