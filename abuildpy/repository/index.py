# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a repository (``APKINDEX.tar.gz``): what it says of packages, its text and file, read and made."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from abuildpy.errors import RepositoryError
from abuildpy.repository import apkfile, depends
from abuildpy.repository.trust import Keys
from abuildpy.repository.version import sort_key

INDEX_NAME = "APKINDEX.tar.gz"
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


def number(text: str) -> int:
    """The number that a text begins with, of 64 bits at most; 0 where it begins with none."""
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
            values[attribute] = value if kind == "str" else number(value) if kind == "int" else tuple(value.split())
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
