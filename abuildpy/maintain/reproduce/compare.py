# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares packages to the byte, signatures left aside: which files differ, and in what.

The control part and the data part must be equal as they are stored. Where they are not, it is looked for in which file.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.repository.apkfile import ApkFile, data_members, read

CONTROL = ".PKGINFO"
_LARGEST = 64 << 20
"""Of larger files only the beginning is looked at for causes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a package, without its content: ``digest`` is that of it, empty for all but regular files."""

    kind: str
    mode: int
    owner: str
    target: str
    capability: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class FilePair:
    """A file that differs: its entries (None where it is missing) and contents (empty for all but regular files).

    ``what`` is as in :class:`~abuildpy.maintain.reproduce.model.Different`.
    """

    path: str
    what: tuple[str, ...]
    first: Entry | None
    second: Entry | None
    contents: tuple[bytes, bytes] = (b"", b"")


@dataclass(frozen=True, slots=True)
class Compared:
    """Two packages: how many files, which differ, and in a note how they differ where no file does."""

    total: int
    files: tuple[FilePair, ...]
    note: str = ""


def compare(first: Path, second: Path) -> Compared:
    """Everything that differs between two packages. Raises RepositoryError for what is no package, or damaged."""
    one, other = read(first), read(second)
    before, after = _entries(one), _entries(other)
    if one.control == other.control and _rest(one) == _rest(other):
        return Compared(len(before), ())
    found = {}
    for path in sorted({*before, *after}):
        what = _what(before.get(path), after.get(path))
        if what:
            found[path] = what
    contents = [_contents(apk, set(found)) for apk in (one, other)]
    files = [
        FilePair(
            path,
            what,
            before.get(path),
            after.get(path),
            (contents[0].get(path, b""), contents[1].get(path, b"")),
        )
        for path, what in found.items()
    ]
    control = list(_control(one, other))
    return Compared(len(before), (*control, *files), "" if control or files else _wrapping(one, other))


def _wrapping(one: ApkFile, other: ApkFile) -> str:
    """How two packages differ whose files do not."""
    members = [[(member.name, member.mtime) for member, _ in data_members(apk)] for apk in (one, other)]
    if [name for name, _ in members[0]] != [name for name, _ in members[1]]:
        return "the same files, packed in another order"
    if members[0] != members[1]:
        return "the same files, packed with another time (SOURCE_DATE_EPOCH)"
    return "the same files, compressed to other bytes (by another version of the library?)"


def _rest(apk: ApkFile) -> str:
    digest = hashlib.sha256()
    with open(apk.path, "rb") as file:
        file.seek(apk.data_offset)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _entries(apk: ApkFile) -> dict[str, Entry]:
    return {member.name: _entry(member, content) for member, content in data_members(apk, contents=True)}


def _entry(member: tarfile.TarInfo, content: bytes) -> Entry:
    kind = {tarfile.LNKTYPE: "hard link", tarfile.SYMTYPE: "link", tarfile.DIRTYPE: "folder"}.get(member.type, "file")
    owner = f"{member.uname}({member.uid}):{member.gname}({member.gid})"
    capability = member.pax_headers.get("SCHILY.xattr.security.capability", "")
    digest = hashlib.sha256(content).hexdigest() if member.isreg() else ""
    return Entry(kind, member.mode, owner, member.linkname, capability, len(content), digest)


def _what(first: Entry | None, second: Entry | None) -> tuple[str, ...]:
    if first is None or second is None:
        return () if first is second else ("new",) if first is None else ("missing",)
    pairs = {
        "kind": (first.kind, second.kind),
        "content": (first.digest, second.digest),
        "target": (first.target, second.target),
        "mode": (first.mode, second.mode),
        "owner": (first.owner, second.owner),
        "capability": (first.capability, second.capability),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def _contents(apk: ApkFile, wanted: set[str]) -> Mapping[str, bytes]:
    if not wanted:
        return {}
    return {m.name: data[:_LARGEST] for m, data in data_members(apk, contents=True) if m.name in wanted and m.isreg()}


def _control(one: ApkFile, other: ApkFile) -> Iterator[FilePair]:
    """Files of the control part; what follows from the data part is no difference of its own."""
    infos = [_own_lines(apk) for apk in (one, other)]
    if infos[0] != infos[1]:
        yield FilePair(CONTROL, ("control",), None, None, (infos[0], infos[1]))
    for name in sorted({*one.scripts, *other.scripts}):
        first, second = one.scripts.get(name), other.scripts.get(name)
        if first != second:
            what = "new" if first is None else "missing" if second is None else "control"
            yield FilePair(name, (what,), None, None, (first or b"", second or b""))


_FOLLOWING = ("datahash", "size")


def _own_lines(apk: ApkFile) -> bytes:
    lines = [f"{key} = {value}" for key, values in apk.info.fields.items() if key not in _FOLLOWING for value in values]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"
