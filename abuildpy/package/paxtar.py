# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of tar members, to the byte as abuild 3.18 gets them from GNU tar in posix format and from ``abuild-tar``.

abuild 3.18, packages: tar runs with ``--format=posix``, extended headers are named ``%d/PaxHeaders/%f`` and every
member has one, because ctime and atime are forced to 0; ``abuild-tar --hash`` appends one more record at its end. Which
field spills over into a record, and in which order the records stand, was found by comparing with GNU tar 1.34.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from abuildpy.errors import PackageError

BLOCK: Final = 512
RECORD: Final = 20 * BLOCK
"""GNU tar fills an archive with zeros to a multiple of this."""

REGULAR: Final = b"0"
HARDLINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER_DEVICE: Final = b"3"
BLOCK_DEVICE: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"
EXTENDED: Final = b"x"

_TIMES: Final = b"11 ctime=0\n11 atime=0\n"
_NAME_FIELD: Final = 100
_OWNER_FIELD: Final = 32
_MAX_OCTAL7: Final = 8**7 - 1
_MAX_OCTAL11: Final = 8**11 - 1


@dataclass(slots=True, frozen=True)
class Member:
    """What the header of one member says.

    ``name`` ends with a slash for a directory; ``link`` is the target of a hard or symbolic link; ``mode`` holds
    permission bits only; ``size`` is the number of content bytes that follow; ``checksum`` is the SHA-1 in hexadecimal
    that apk checks, empty for kinds that have none.
    """

    name: bytes
    kind: bytes
    mode: int
    mtime: int
    size: int = 0
    link: bytes = b""
    uid: int = 0
    gid: int = 0
    user: bytes = b""
    group: bytes = b""
    device: tuple[int, int] = (0, 0)
    capability: bytes = b""
    checksum: str = ""


def header(member: Member) -> bytes:
    """Return the blocks that precede a member's content: extended header, its records, and the header proper.

    Raises PackageError for what the format cannot hold.
    """
    if not 0 <= member.mtime <= _MAX_OCTAL11:
        raise PackageError(
            f"the time stamp {member.mtime} cannot be stored in a package",
            hint="set SOURCE_DATE_EPOCH to seconds since 1970",
        )
    uid = member.uid if member.uid <= _MAX_OCTAL7 else 0
    gid = member.gid if member.gid <= _MAX_OCTAL7 else 0
    size = member.size if member.size <= _MAX_OCTAL11 else 0
    major, minor = member.device
    return b"".join(
        (
            extended_header(member.name, _records(member), member.mtime),
            _block(
                member.name,
                b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (member.mode, uid, gid, size, member.mtime),
                member.kind,
                member.link,
                _owner(member.user) + _owner(member.group) + b"%07o\0%07o\0" % (major, minor),
            ),
        )
    )


def extended_header(name: bytes, records: bytes, mtime: int) -> bytes:
    """Return the blocks that tell ``records`` (a chain of :func:`record`) about the member ``name`` that follows."""
    parent, _, base = name.rstrip(b"/").rpartition(b"/")
    # Its own owner and device fields: ids 0, everything else empty.
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (0o644, 0, 0, len(records), mtime)
    return _block((parent or b".") + b"/PaxHeaders/" + base, numbers, EXTENDED, b"", b"") + pad(records)


def pad(content: bytes) -> bytes:
    """Return ``content`` filled with zeros to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def _records(member: Member) -> bytes:
    """The records of the extended header, in GNU tar's order."""
    records = b""
    if len(member.link) > _NAME_FIELD:
        records += record(b"linkpath", member.link)
    if len(member.name) > _NAME_FIELD or not member.name.isascii():
        records += record(b"path", member.name)
    if member.uid > _MAX_OCTAL7:
        records += record(b"uid", b"%d" % member.uid)
    if member.gid > _MAX_OCTAL7:
        records += record(b"gid", b"%d" % member.gid)
    if member.size > _MAX_OCTAL11:
        records += record(b"size", b"%d" % member.size)
    if _spills(member.user):
        records += record(b"uname", member.user)
    if _spills(member.group):
        records += record(b"gname", member.group)
    if member.capability:
        records += record(b"SCHILY.xattr.security.capability", member.capability)
    records += _TIMES
    if member.checksum:
        records += b"68 APK-TOOLS.checksum.SHA1=%s\n" % member.checksum.encode()
    return records


def record(key: bytes, value: bytes) -> bytes:
    """One record ``LENGTH KEY=VALUE`` and a newline, where the length counts its own digits too."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _spills(owner: bytes) -> bool:
    return len(owner) > _OWNER_FIELD or not owner.isascii()


def _owner(name: bytes) -> bytes:
    # Unlike the name and link fields this one is always closed by a NUL.
    return name[: _OWNER_FIELD - 1].ljust(_OWNER_FIELD, b"\0")


def _block(name: bytes, numbers: bytes, kind: bytes, link: bytes, tail: bytes) -> bytes:
    """One header block; ``numbers`` runs from the mode to the time, ``tail`` from the user's name to the device."""
    before = name[:_NAME_FIELD].ljust(_NAME_FIELD, b"\0") + numbers
    after = (kind + link[:_NAME_FIELD].ljust(_NAME_FIELD, b"\0") + b"ustar\x0000" + tail).ljust(356, b"\0")
    # The checksum field counts as eight spaces.
    return b"%s%06o\0 %s" % (before, sum(before) + sum(after) + 256, after)
