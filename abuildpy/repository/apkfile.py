# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a finished ``.apk`` (version 2): signatures, control part, data part.

An apk file is a chain of gzip members, each a tar without its end blocks except the last: any number of
signatures (``.SIGN.RSA.<key>``), the control part (``.PKGINFO`` and scripts) and the data part (the files).
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from abuildpy.errors import RepositoryError

if TYPE_CHECKING:
    import tarfile

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_FIRST_READ = 16 * 1024
_READ = 256 * 1024
_MAX_CONTROL = 64 * 1024 * 1024
"""Larger control parts are an attack or damage: the largest real scripts have some hundred kilobytes."""

_BLOCK = 512
_MAX_EXTENDED = 1024 * 1024
"""Likewise of one extended header, which has a name and a checksum."""
_LONGEST_NUMBER = 12
"""Digits and a space before a field of an extended header, which say how long it is."""


@dataclass(frozen=True, slots=True)
class Signature:
    """``kind`` is ``RSA`` (SHA-1), ``RSA256`` or ``RSA512``; ``key`` the file name of the public key;
    ``value`` the raw signature.
    """

    kind: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class PkgInfo:
    """``.PKGINFO``: every key with its values in the order written. Bytes that are not UTF-8 are kept as
    surrogates.
    """

    fields: Mapping[str, tuple[str, ...]]

    def last(self, key: str) -> str:
        """Value of a key that is meant once: as in apk the last one counts; empty if there is none."""
        values = self.fields.get(key)
        return values[-1] if values else ""

    def all(self, key: str) -> tuple[str, ...]:
        """All values of a repeated key (``depend``, ``provides``, ``replaces``)."""
        return self.fields.get(key, ())


@dataclass(frozen=True, slots=True)
class ApkFile:
    """What the front of an apk file says; the data part has not been read.

    ``scripts`` maps member names of the control part (``.post-install``, ``.trigger``) to their content.
    ``control`` is the control part as stored, compressed: signatures cover exactly these bytes.
    ``data_offset`` is where the data part begins.
    """

    path: Path
    size: int
    signatures: tuple[Signature, ...]
    info: PkgInfo
    scripts: Mapping[str, bytes] = field(repr=False)
    control: bytes = field(repr=False)
    data_offset: int

    @property
    def identity(self) -> str:
        """What the index and apk's database know the package by: ``Q1`` and the SHA-1 of the control part in
        base64.
        """
        digest = hashlib.sha1(self.control, usedforsecurity=False).digest()
        return "Q1" + base64.b64encode(digest).decode()

    @property
    def name(self) -> str:
        """The package's name (empty if ``.PKGINFO`` has none)."""
        return self.info.last("pkgname")

    @property
    def version(self) -> str:
        """``pkgver-rPKGREL``."""
        return self.info.last("pkgver")

    @property
    def arch(self) -> str:
        """Architecture as in ``.PKGINFO``: ``noarch`` stays ``noarch``."""
        return self.info.last("arch")


def read(path: Path) -> ApkFile:
    """Read signatures and control part; the data part is neither read nor checked.

    Raises RepositoryError, naming the file, if it cannot be read or is no apk file.
    """
    try:
        with open_regular(path) as stream:
            return _read_front(path, stream)
    except OSError as error:
        raise RepositoryError(f"cannot read {path}: {error.strerror or error}") from error


def open_regular(path: Path) -> IO[bytes]:
    """The file, to read. Raises RepositoryError if it is something else than a regular file, OSError."""
    # O_NONBLOCK: a fifo that somebody called foo.apk must not hang us.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _damaged(path, "it is a folder" if path.is_dir() else "it is not a regular file")
        return open(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def _damaged(path: Path, what: str) -> RepositoryError:
    if path.is_dir():
        hint = f"name the packages in it: {path}/*.apk"
    elif path.name.startswith("APKINDEX."):
        hint = "make it anew with 'abuild index', or fetch it again"
    elif path.suffix == ".apk":
        hint = "remove the file and build or fetch it again"
    else:  # it was named by mistake: nobody should remove it
        hint = "name a package, as in foo-1.0-r0.apk"
    return RepositoryError(f"{path} is not a usable apk file: {what}", hint=hint)


def _read_front(path: Path, stream: IO[bytes]) -> ApkFile:
    size = os.fstat(stream.fileno()).st_size
    signatures: list[Signature] = []
    buffer = stream.read(_FIRST_READ)
    offset = 0
    while True:
        content, raw, buffer = _read_member(path, stream, buffer)
        offset += len(raw)
        try:
            files = list(tar_files(content))
        except ValueError as error:
            raise _damaged(path, str(error)) from error
        if not files:
            raise _damaged(path, "a part without files comes before .PKGINFO")
        if not files[0][0].startswith(b".SIGN."):
            break
        signatures += (s for s in map(_signature, files) if s is not None)
    members = {os.fsdecode(name): data for name, data in reversed(files)}
    if ".PKGINFO" not in members:
        raise _damaged(path, "it has no .PKGINFO")
    info = parse_pkginfo(members[".PKGINFO"])
    scripts = {os.fsdecode(name): data for name, data in files if name != b".PKGINFO"}
    return ApkFile(path, size, tuple(signatures), info, scripts, raw, offset)


def _read_member(path: Path, stream: IO[bytes], buffer: bytes) -> tuple[bytes, bytes, bytes]:
    """Decompress one gzip member; give its content, its bytes as stored, and what has been read beyond it."""
    inflater = zlib.decompressobj(wbits=31)
    content: list[bytes] = []
    raw: list[bytes] = []
    length = 0
    try:
        while not inflater.eof:
            if not buffer:
                buffer = stream.read(_READ)
                if not buffer:
                    raise _damaged(path, "it ends too early" if raw else "it ends before .PKGINFO")
            if not raw and not buffer.startswith(b"\x1f"):
                raise _damaged(path, "it does not begin as one does")
            raw.append(buffer)
            content.append(inflater.decompress(buffer, _MAX_CONTROL + 1 - length))
            length += len(content[-1])
            if length > _MAX_CONTROL:
                raise _damaged(path, "its control part is absurdly large")
            buffer = inflater.unconsumed_tail
            if buffer:
                raw[-1] = raw[-1][: -len(buffer)]
    except zlib.error as error:
        raise _damaged(path, f"its compression is damaged ({error})") from error
    rest = inflater.unused_data
    if rest:
        raw[-1] = raw[-1][: -len(rest)]
    return b"".join(content), b"".join(raw), rest


def signatures_of(path: Path) -> tuple[tuple[Signature, ...], bytes]:
    """Signatures at the front of a signed file such as an index, and the bytes that they sign.

    Raises RepositoryError if the file cannot be read or is damaged.
    """
    signatures: list[Signature] = []
    try:
        with open_regular(path) as stream:
            end = 0
            buffer = b""
            while True:
                content, raw, buffer = _read_member(path, stream, buffer)
                files = list(tar_files(content))
                if not files or not files[0][0].startswith(b".SIGN."):
                    stream.seek(end)
                    return tuple(signatures), stream.read()
                end += len(raw)
                signatures += (s for s in map(_signature, files) if s is not None)
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise RepositoryError(f"cannot read {path}: {error.strerror or error}") from error


def _signature(member: tuple[bytes, bytes]) -> Signature | None:
    name, value = member
    kind, _, key = os.fsdecode(name).removeprefix(".SIGN.").partition(".")
    return Signature(kind, key, value) if key else None


def parse_pkginfo(content: bytes) -> PkgInfo:
    """Parse ``.PKGINFO``: lines ``key = value``; comments and lines of any other form mean nothing, as in
    apk.
    """
    fields: dict[str, list[str]] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        if line[:1] in ("", "#"):
            continue
        key, equals, value = line.partition(" = ")
        if equals:
            fields.setdefault(key, []).append(value)
    return PkgInfo({key: tuple(values) for key, values in fields.items()})


def tar_files(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, data) of the regular files of a small tar in memory; a missing end of archive is fine.

    A tenth of tarfile's time, which counts for an index of thousands of packages. Raises ValueError for a
    damaged tar.
    """
    at = 0
    name: bytes | None = None
    while at + _BLOCK <= len(content):
        header = content[at : at + _BLOCK]
        at += _BLOCK
        if header[0] == 0:
            continue
        if header[257:262] != b"ustar":
            raise ValueError("its tar is damaged (a header is not where it should be)")
        try:
            size = int(header[124:136].strip(b" \0") or b"0", 8)
        except ValueError:
            raise ValueError("its tar is damaged (a file's size is not a number)") from None
        data = content[at : at + size]
        if size < 0 or len(data) < size:
            raise ValueError("its tar is damaged (a file is cut short)")
        at += (size + _BLOCK - 1) // _BLOCK * _BLOCK
        kind = header[156:157]
        if kind == b"x" and size > _MAX_EXTENDED:
            raise ValueError("its tar is damaged (an extended header is absurdly large)")
        if kind == b"x":
            name = _pax_path(data) or name
        elif kind == b"L":
            name = data.rstrip(b"\0")
        elif kind not in (b"g", b"K"):
            if kind in (b"0", b"\0", b"7"):
                yield name if name is not None else _header_name(header), data
            name = None


def _header_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _pax_path(records: bytes) -> bytes | None:
    path = None
    at = 0
    while at < len(records):
        space = records.find(b" ", at, at + _LONGEST_NUMBER)
        digits = records[at:space] if space > at else b""
        end = at + int(digits) if digits.isdigit() else at
        if not at < space < end <= len(records):
            raise ValueError("its tar is damaged (an extended header makes no sense)")
        if records.startswith(b"path=", space + 1):
            path = records[space + 6 : end - 1]
        at = end
    return path


def verify_data(apk: ApkFile) -> None:
    """Read the data part and compare it with ``datahash``.

    Raises RepositoryError, naming the file, if it differs, or if the package promises no hash.
    """
    expected = apk.info.last("datahash")
    if not expected:
        raise _damaged(apk.path, "its .PKGINFO has no datahash")
    digest = hashlib.sha256()
    try:
        with open_regular(apk.path) as stream:
            stream.seek(apk.data_offset)
            while chunk := stream.read(1024 * 1024):
                digest.update(chunk)
    except OSError as error:
        raise RepositoryError(f"cannot read {apk.path}: {error.strerror or error}") from error
    if digest.hexdigest() != expected:
        raise _damaged(apk.path, "its files do not match the hash in .PKGINFO (it is cut short or was changed)")


def is_signed_by(apk: ApkFile, keys: Mapping[str, bytes]) -> bool:
    """Whether one of the package's signatures was made with one of the keys.

    ``keys`` maps names of public keys (the file's name, ``me-1234.rsa.pub``) to their PEM text. What is
    verified is the control part; the data part follows from it through :func:`verify_data`.

    Raises RepositoryError if a key that is needed is no RSA public key.
    """
    return any(s.key in keys and verify_signature(s, apk.control, keys[s.key]) for s in apk.signatures)


def verify_signature(signature: Signature, content: bytes, public_key: bytes) -> bool:
    """Whether the signature over ``content`` was made with the private half of ``public_key`` (PEM).

    Raises RepositoryError if that is no RSA public key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    if signature.kind not in _DIGESTS:
        return False
    try:
        key = _load_key(public_key)
    except ValueError as error:
        raise RepositoryError(f"the public key {signature.key} is unusable: {error}") from error
    algorithm, prefix = _DIGESTS[signature.kind]
    try:
        # What was signed, and not "is this right": hosts with a strict policy refuse SHA-1, which the format's default is.
        found = key.recover_data_from_signature(signature.value, padding.PKCS1v15(), None)
    except InvalidSignature:
        return False
    return found == prefix + hashlib.new(algorithm, content).digest()


@lru_cache(maxsize=64)
def _load_key(pem: bytes) -> RSAPublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(error) from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is not an RSA key")
    return key


# Kinds of signatures: the digest, and what PKCS #1 v1.5 (RFC 8017, 9.2) puts before it to name it.
_DIGESTS = {
    "RSA": ("sha1", bytes.fromhex("3021300906052b0e03021a05000414")),
    "RSA256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    "RSA512": ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}


def data_members(apk: ApkFile, *, contents: bool = False) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Walk the data part: one TarInfo for each file, with its content if ``contents`` is set (else empty
    bytes).

    Names that are not UTF-8 come as surrogates (``os.fsencode`` gives the bytes back).
    Raises RepositoryError, naming the file, for a part that is damaged or absurdly large.
    """
    from abuildpy.repository.datapart import reading

    with reading(apk) as members:
        for member, stream in members:
            yield member, stream.read() if contents and stream is not None else b""
