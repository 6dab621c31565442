# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two builds of a package: files, sizes, sonames. Nothing is unpacked for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.package.elf import MAGIC, Read, parse
from abuildpy.repository import apkfile
from abuildpy.repository.apkfile import ApkFile

_SPECIAL = {ord("\\"): "\\\\", 0x7F: "\\177"} | {
    code: {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}.get(code, f"\\{code:03o}")
    for code in range(32)
}


@dataclass(frozen=True, slots=True)
class Contents:
    """A package as far as it is compared: ``label`` is ``name-version``, ``size`` its installed size in bytes.

    ``names`` are all members except signatures, sorted, folders with a slash at their end, odd characters escaped as tar
    escapes them in its listings.
    """

    apk: ApkFile
    label: str
    size: int
    names: tuple[str, ...]


def read_contents(path: Path) -> Contents:
    """Reads a package file. Raises RepositoryError, naming it, if it is none or damaged."""
    apk = apkfile.read(path)
    names = [".PKGINFO", *apk.scripts]
    for member, _ in apkfile.data_members(apk):
        names.append(member.name + ("/" if member.isdir() and not member.name.endswith("/") else ""))
    size = apk.info.last("size")
    return Contents(
        apk,
        f"{apk.name}-{apk.version}",
        int(size) if size.isascii() and size.isdigit() else 0,
        tuple(sorted((shown(name) for name in names), key=_as_bytes)),
    )


def shown(name: str) -> str:
    """A member's name as ``tar -t`` lists it: control characters and backslashes escaped."""
    return name.translate(_SPECIAL)


def apk_size(size: int) -> str:
    """Bytes as apk shows them: at most four digits and a unit, rounded down."""
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 10000 and len(units) > 1:
        size //= 1024
        units.pop(0)
    return f"{size} {units[0]}"


# --- listings ----------------------------------------------------------------------------------------------------


def diff(old: Sequence[str], new: Sequence[str], labels: tuple[str, str], *, context: int = 3) -> Iterator[str]:
    """Lines of a unified diff of two sorted listings; none if they are equal."""
    merged = list(_merge(old, new))
    changes = [at for at, (sign, _) in enumerate(merged) if sign != " "]
    if not changes:
        return
    yield f"--- {labels[0]}"
    yield f"+++ {labels[1]}"
    # How many lines of either listing come before each merged one.
    before = [(0, 0)]
    for sign, _ in merged:
        before.append((before[-1][0] + (sign != "+"), before[-1][1] + (sign != "-")))
    for first, last in _groups(changes, 2 * context):
        start, end = max(0, first - context), min(len(merged), last + 1 + context)
        left = _range(before[start][0], before[end][0])
        right = _range(before[start][1], before[end][1])
        yield f"@@ -{left} +{right} @@"
        yield from (f"{sign}{name}" for sign, name in merged[start:end])


def _merge(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Both listings as one, each line with ``-`` (only in the old one), ``+`` or a blank (in both).

    Among neighbours, what went comes before what came.
    """
    added: list[str] = []
    left = right = 0
    while left < len(old) and right < len(new):
        if old[left] == new[right]:
            yield from (("+", name) for name in added)
            added.clear()
            yield " ", old[left]
            left, right = left + 1, right + 1
        elif _as_bytes(old[left]) < _as_bytes(new[right]):
            yield "-", old[left]
            left += 1
        else:
            added.append(new[right])
            right += 1
    yield from (("-", name) for name in old[left:])
    yield from (("+", name) for name in (*added, *new[right:]))


def _groups(changes: Sequence[int], gap: int) -> Iterator[tuple[int, int]]:
    """First and last of each run of changes with at most ``gap`` unchanged lines between them."""
    first = last = changes[0]
    for at in changes[1:]:
        if at - last - 1 > gap:
            yield first, last
            first = at
        last = at
    yield first, last


def _range(start: int, end: int) -> str:
    """A range of lines as diff writes it: the count is left out if it is 1, the place before is named if it is 0."""
    count = end - start
    return f"{start + 1}" if count == 1 else f"{start + (count > 0)},{count}"


def _as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


# --- sonames -----------------------------------------------------------------------------------------------------


def may_change_sonames(old: Contents | None, new: Contents) -> bool:
    """Whether a file with ``.so`` in its path came or went."""
    return any(".so" in name for _, name in _changes(old, new))


def soname_changes(old: Contents | None, new: Contents) -> Iterator[tuple[str, str, str]]:
    """``-`` or ``+``, path and soname (empty: it has none) of each ELF file with ``.so`` in its path that went or came.

    Only paths that begin with a letter or a digit count, as for abuild's checkapk, and links to other files do not.
    """
    wanted = [(sign, name) for sign, name in _changes(old, new) if ".so" in name and _is_plain(name)]
    sonames = {
        "-": _sonames(old.apk) if old and any(sign == "-" for sign, _ in wanted) else {},
        "+": _sonames(new.apk) if any(sign == "+" for sign, _ in wanted) else {},
    }
    for sign, name in wanted:
        if name in sonames[sign]:
            yield sign, name, sonames[sign][name]


def _changes(old: Contents | None, new: Contents) -> Iterator[tuple[str, str]]:
    return (line for line in _merge(old.names if old else (), new.names) if line[0] != " ")


def _is_plain(name: str) -> bool:
    return name[:1].isascii() and name[:1].isalnum()


def _sonames(apk: ApkFile) -> dict[str, str]:
    """Sonames of all ELF files of a package, by path; empty texts for those without one."""
    found: dict[str, str] = {}
    for member, content in apkfile.data_members(apk, contents=True):
        if member.islnk():
            target = shown(member.linkname)
            if target in found:
                found[shown(member.name)] = found[target]
        elif content.startswith(MAGIC):
            info = parse(_reader(content), len(content))
            if info is not None:
                found[shown(member.name)] = info.soname
    return found


def _reader(content: bytes) -> Read:
    return lambda offset, count: content[offset : offset + count]
