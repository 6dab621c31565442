# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold files: compressed ones, archives, compiled Python, ELF. What differs in the wrapping, then what in it."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from abuildpy.maintain.reproduce.clocks import Moment, is_of, show
from abuildpy.maintain.reproduce.leaf import Sides, explain_leaf
from abuildpy.maintain.reproduce.model import Evidence
from abuildpy.maintain.reproduce.words import order_cause, reordered

_DEEPEST = 6
_LARGEST = 256 << 20
_AR = b"!<arch>\n"


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive. ``time`` is in seconds since 1970; ``who`` is its owner, ``mode`` its permissions, as text."""

    name: str
    content: bytes
    time: int
    who: str = ""
    mode: str = ""
    offset: int = 0


def explain(sides: Sides, depth: int = 0) -> Iterator[Evidence]:
    """What two contents tell of why they differ. Damaged archives are bytes like others."""
    if sides.first == sides.second:
        return
    found: list[Evidence] = []
    if depth < _DEEPEST:
        try:
            found = list(_wrapped(sides, depth))
        except Exception:  # noqa: S110 - what parsers of strangers' bytes raise is no closed list: elftools a TypeError, tarfile inf
            pass
    yield from found or explain_leaf(sides)


def _wrapped(sides: Sides, depth: int) -> Iterator[Evidence]:
    first, second = sides.first, sides.second
    if first[:2] == second[:2] == b"\x1f\x8b":
        yield from _gzip(sides, depth)
        return
    for magic, unpack, name in _PACKED:
        if first.startswith(magic) and second.startswith(magic):
            yield from _inner(sides, unpack(first), unpack(second), depth, name)
            return
    for is_one, members, name in _ARCHIVES:
        if is_one(first) and is_one(second):
            yield from _archive(sides, list(members(first)), list(members(second)), depth, name)
            return
    if first[2:4] == second[2:4] == b"\r\n" and first[:4] == second[:4]:
        yield from _pyc(sides)
    elif first.startswith(b"\x7fELF") and second.startswith(b"\x7fELF"):
        yield from _elf(sides)


def _inner(sides: Sides, first: bytes, second: bytes, depth: int, what: str) -> Iterator[Evidence]:
    inside = ", ".join(filter(None, (sides.inside, what)))
    if first != second:
        yield from explain(replace(sides, first=first, second=second, inside=inside), depth + 1)
    else:
        yield sides.evidence("compressor", None, "packed otherwise", "the same content")


# --- compressed -------------------------------------------------------------------------------------------------------


def _gzip(sides: Sides, depth: int) -> Iterator[Evidence]:
    heads = [_gzip_head(data) for data in (sides.first, sides.second)]
    times, names = ([head[at] for head in heads] for at in (0, 1))
    if times[0] != times[1]:
        yield _stamps(sides, 4, int(times[0]), int(times[1]), "gzip header")
    if names[0] != names[1]:
        yield sides.evidence("random", 10, str(names[0]), str(names[1]), sure=False, form="gzip header")
    first, second = (_gunzip(data) for data in (sides.first, sides.second))
    if first != second or (times[0] == times[1] and names[0] == names[1]):
        yield from _inner(sides, first, second, depth, "unpacked")


def _gzip_head(data: bytes) -> tuple[int, str]:
    """Time and name (RFC 1952, 2.3)."""
    (time,) = struct.unpack_from("<I", data, 4)
    at = 10
    if data[3] & 4:
        at += 2 + struct.unpack_from("<H", data, at)[0]
    name = data[at : data.index(b"\0", at)].decode("latin-1") if data[3] & 8 else ""
    return time, name


def _gunzip(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    return inflater.decompress(data, _LARGEST)


def _unzstd(data: bytes) -> bytes:
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        command = ["zstd", "-dcq"]
        with subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None  # noqa: S101 - for mypy
            found = process.stdout.read(_LARGEST)
            if len(found) == _LARGEST:
                process.kill()
            elif process.wait():
                raise ValueError("zstd")
    return found


_PACKED: tuple[tuple[bytes, Callable[[bytes], bytes], str], ...] = (
    (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor(memlimit=_LARGEST).decompress(data, _LARGEST), "unpacked"),
    (b"BZh", lambda data: bz2.BZ2Decompressor().decompress(data, _LARGEST), "unpacked"),
    (b"\x28\xb5\x2f\xfd", _unzstd, "unpacked"),
)


# --- archives ---------------------------------------------------------------------------------------------------------


def _archive(sides: Sides, first: list[_Member], second: list[_Member], depth: int, kind: str) -> Iterator[Evidence]:
    form = f"{kind} member"
    names = [member.name for member in first], [member.name for member in second]
    if reordered(*names):
        at = next(at for at, (one, other) in enumerate(zip(*names, strict=True)) if one != other)
        cause, _ = order_cause(names[0][at:], names[1][at:])
        # What packs a folder takes its files as they come: a hash has no part in that.
        shown = [", ".join(each[at : at + 4]) for each in names]
        yield sides.evidence("locale" if cause == "locale" else "order", first[at].offset, *shown, form=form)
    after: dict[str, list[_Member]] = {}
    for member in second:
        after.setdefault(member.name, []).append(member)
    told: set[str] = set()
    for member in first:
        others = after.get(member.name)
        if not others:
            continue
        other = others.pop(0)
        for evidence in _member(sides, member, other, form, told):
            told.add(evidence.cause)
            yield evidence
        if member.content != other.content and member.name != "/":  # an index of symbols follows from the rest
            inside = ", ".join(filter(None, (sides.inside, f"member {member.name}")))
            pair = replace(sides, first=member.content, second=other.content, inside=inside)
            yield from explain(pair, depth + 1)


def _member(sides: Sides, one: _Member, other: _Member, form: str, told: set[str]) -> Iterator[Evidence]:
    inside = replace(sides, inside=", ".join(filter(None, (sides.inside, f"member {one.name}"))))
    if one.time != other.time and not told & {"time", "file-time"}:
        yield _stamps(inside, one.offset, one.time, other.time, form)
    if one.who != other.who and "user" not in told:
        yield inside.evidence("user", one.offset, one.who, other.who, form=form)
    if one.mode != other.mode and "umask" not in told:
        yield inside.evidence("umask", one.offset, one.mode, other.mode, sure=False, form=form)


def _stamps(sides: Sides, offset: int, first: int, second: int, form: str) -> Evidence:
    """Evidence for two times, which are local ones in zip archives."""
    local = form == "zip member"
    pairs = ((first, sides.one), (second, sides.other))
    sure = all(is_of(Moment("", value, value + 2, exact=not local), facts) for value, facts in pairs)
    return sides.evidence("time", offset, show(first), show(second), sure=sure, form=form)


def _ar(data: bytes) -> Iterator[_Member]:
    """Members of a static library, by its common format; the table of symbols and the long names are none."""
    at, names = len(_AR), b""
    while at + 60 <= len(data):
        head = data[at : at + 60]
        size = int(head[48:58])
        if size < 0:
            raise ValueError("it goes backwards")
        content = data[at + 60 : at + 60 + size]
        name = head[:16].rstrip()
        if name == b"//":
            names = content
        elif name.startswith(b"/") and name[1:].isdigit():
            start = int(name[1:])
            name = names[start : names.index(b"\n", start)].rstrip(b"/")
        else:
            name = name.removesuffix(b"/") if name not in (b"/", b"/SYM64/") else b"/"
        if name != b"//":
            yield _Member(
                name.decode("latin-1"),
                content,
                int(head[16:28].strip() or b"0"),
                f"{head[28:34].decode().strip()}:{head[34:40].decode().strip()}",
                head[40:48].decode().strip(),
                at,
            )
        at += 60 + size + (size & 1)


def _zip(data: bytes) -> Iterator[_Member]:
    left = _LARGEST  # for all together: a few bytes stand for many
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            content = archive.read(info) if info.file_size <= left else b""
            left -= len(content)
            try:
                time = int(datetime(*info.date_time, tzinfo=UTC).timestamp())
            except ValueError:
                time = 0
            yield _Member(info.filename, content, time, "", f"{info.external_attr >> 16:o}", info.header_offset)


def _tar(data: bytes) -> Iterator[_Member]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            who = f"{member.uname or member.uid}:{member.gname or member.gid}"
            content = file.read() if file else member.linkname.encode()
            yield _Member(member.name, content, int(member.mtime), who, f"{member.mode:o}", member.offset)


_ARCHIVES: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Iterator[_Member]], str], ...] = (
    (lambda data: data.startswith(_AR), _ar, "ar"),
    (lambda data: data.startswith(b"PK\x03\x04"), _zip, "zip"),
    (lambda data: data[257:262] == b"ustar", _tar, "tar"),
)


# --- compiled ---------------------------------------------------------------------------------------------------------


def _pyc(sides: Sides) -> Iterator[Evidence]:
    """Flags, then time and size of the source or a hash of it (PEP 552), then the code."""
    flags, first, _ = struct.unpack_from("<III", sides.first, 4)
    other_flags, second, _ = struct.unpack_from("<III", sides.second, 4)
    if flags == other_flags == 0 and first != second:
        yield _stamps(sides, 8, first, second, "pyc")
    one, other = sides.first[16:], sides.second[16:]
    if one != other:
        found = list(explain_leaf(replace(sides, first=one, second=other, form="pyc")))
        if not found and sorted(one) == sorted(other):
            at = next(at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
            found = [sides.evidence("hash", at + 16, "the same bytes", "in another order", form="pyc")]
        yield from found


_LTO = ".gnu.lto_"
_FOLLOWING = (".note.gnu.build-id", ".gnu_debuglink")
_LESS = (".symtab", ".strtab", ".shstrtab", ".dynstr", ".hash", ".gnu.hash", ".eh_frame", ".eh_frame_hdr")


def _sections(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Sections by name: where they begin, and what is in them. They may be packed, or all be the same bytes."""
    from elftools.elf.elffile import ELFFile

    found: dict[str, tuple[int, bytes]] = {}
    left = _LARGEST
    for section in ELFFile(io.BytesIO(data)).iter_sections():
        if section["sh_type"] != "SHT_NOBITS":
            left -= section.data_size
            if left < 0:
                raise ValueError("its sections hold absurdly much")
            found[section.name] = section["sh_offset"], section.data()
    return found


def _elf(sides: Sides) -> Iterator[Evidence]:
    """Sections that differ; the build id and the debug link only follow from others."""
    sections = [_sections(data) for data in (sides.first, sides.second)]
    names = [name for name, (_, data) in sections[0].items() if data != sections[1].get(name, (0, b""))[1]]
    drawn = [
        next((name for name in mine if name.startswith(_LTO) and name not in theirs), "")
        for mine, theirs in (sections, sections[::-1])
    ]
    if all(drawn):
        yield sides.evidence("random", None, *drawn, form="lto")
        return
    found: list[Evidence] = []
    own = [name for name in names if name and name not in _FOLLOWING]
    for name in sorted(own, key=lambda name: (name in _LESS, name)):
        inside = ", ".join(filter(None, (sides.inside, f"section {name}")))
        data = sections[0][name][1], sections[1].get(name, (0, b""))[1]
        found += explain_leaf(
            replace(sides, first=data[0], second=data[1], inside=inside, form=sides.form or "compiled")
        )
    yield from found
    for name in names:
        if name in _FOLLOWING:
            ids = [each.get(name, (0, b""))[1] for each in sections]
            place = replace(sides, inside=", ".join(filter(None, (sides.inside, f"section {name}"))))
            evidence = place.evidence("derived", None, ids[0][-20:].hex(), ids[1][-20:].hex(), form="build id")
            yield replace(evidence, follows=bool(own), sure=bool(own))
