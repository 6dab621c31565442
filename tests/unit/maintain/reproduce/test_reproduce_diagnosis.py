# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes seeded into bytes, each of which has to be told from the others."""

from __future__ import annotations

import bz2
import difflib
import gzip
import io
import lzma
import marshal
import shutil
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from abuildpy.maintain.reproduce import formats
from abuildpy.maintain.reproduce.builder import Facts
from abuildpy.maintain.reproduce.causes import ADVICE, CAUSES, OF_VARIATION, advice
from abuildpy.maintain.reproduce.compare import CONTROL, Entry, FilePair
from abuildpy.maintain.reproduce.diagnose import diagnose
from abuildpy.maintain.reproduce.excerpt import excerpt
from abuildpy.maintain.reproduce.leaf import Sides, explain_leaf
from abuildpy.maintain.reproduce.model import VARIATIONS, Different, Evidence

THEN = datetime(2026, 11, 21, 22, 30, 15, tzinfo=UTC).timestamp()
AHEAD = 400 * 86400 + 6 * 3600
ONE = Facts(
    begun=THEN,
    ended=THEN + 3,
    zone="",
    locale="C.UTF-8",
    umask=0o022,
    user="builder",
    uid=65525,
    home="/home/builder",
    host="forge",
    jobs="8",
    cpus=8,
    paths=("/home/me/aports/main/foo",),
)
OTHER = Facts(
    begun=THEN + 10,
    ended=THEN + 13,
    ahead=AHEAD,
    zone="XYZ-13:37",
    locale="et_EE.UTF-8",
    umask=0o077,
    user="somebody",
    uid=65412,
    home="/home/somebody",
    host="elsewhere",
    jobs="1",
    cpus=4,
    paths=("/var/tmp/another/place/main/foo",),
)
LATER = int(THEN + 10 + AHEAD)


def content(first: bytes | str, second: bytes | str, path: str = "usr/share/foo/file") -> Different:
    one, other = (each.encode() if isinstance(each, str) else each for each in (first, second))
    return diagnose(FilePair(path, ("content",), None, None, (one, other)), ONE, OTHER)


def causes(different: Different) -> list[tuple[str, str, bool]]:
    return [(each.cause, each.form, each.sure) for each in different.evidence if not each.follows]


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [
        ("built 2026-11-21T22:30:16Z\n", "built 2027-12-27T04:30:26Z\n", "time"),
        ("Sat Nov 21 22:30:16 UTC 2026", "Mon Dec 27 04:30:26 UTC 2027", "time"),
        ("Sat, 21 Nov 2026 22:30:16 +0000", "Mon, 27 Dec 2027 18:07:26 +1337", "time"),
        ("on 21.11.2026", "on 27.12.2027", "time"),
        ("stamp = 1795300216;", "stamp = 1829881826;", "time"),
        ("ms 1795300216123", "ms 1829881826456", "time"),
        ("log-20261121", "log-20271227", "time"),
        ("Copyright 1999-2026 Us", "Copyright 1999-2027 Us", "time"),
        ('.TH FOO 1 "November 2026"', '.TH FOO 1 "December 2027"', "time"),
        ("by builder@x", "by somebody@x", "user"),
        ("cache in /home/builder/.cache", "cache in /home/somebody/.cache", "user"),
        ("uid=65525", "uid=65412", "user"),
        ("Linux forge 6.1", "Linux elsewhere 6.1", "host"),
        ("make -j8 all", "make -j1 all", "cores"),
        ("8 threads", "1 threads", "cores"),
        ("LANG=C.UTF-8", "LANG=et_EE.UTF-8", "locale"),
        ("07:00 +0000", "20:37 +1337", "zone"),
        ("file /home/me/aports/main/foo/src/a.c", "file /var/tmp/another/place/main/foo/src/a.c", "path"),
        ("id 95d301e9-41be-4443-b1a1-42dcd1f35f1d", "id 58040753-3299-4ba5-abbc-9992fa2499da", "random"),
        ("in /tmp/tmp.9Zw6y7GLqh", "in /tmp/tmp.daUNnMnLWO", "random"),
        ("<object at 0x7fb2addc41b0>", "<object at 0x7f9e9d96c1b0>", "address"),
        ("{'def', 'jkl', 'ghi', 'a'}", "{'a', 'ghi', 'def', 'jkl'}", "hash"),
        ("b\nc\na\nd\n", "d\na\nc\nb\n", "order"),
        ("Beta\nGamma\nalpha\n", "alpha\nBeta\nGamma\n", "locale"),
    ],
)
def test_words(first: str, second: str, cause: str) -> None:
    found = causes(content(first, second))
    assert [each[0] for each in found] == [cause]


@pytest.mark.parametrize(
    ("first", "second"),
    [("version 1.2", "version 1.3"), ("one", "two"), ("x 12", "x 13"), ("made in 1999", "made in 2003")],
)
def test_nothing_is_made_up(first: str, second: str) -> None:
    """What tells of neither build is no sure sign of anything."""
    assert not any(sure for _, _, sure in causes(content(first, second)))


def test_binary_time() -> None:
    head = b"\x00\x01\x02" * 7
    found = content(head + struct.pack("<I", int(THEN)), head + struct.pack("<I", LATER))
    assert causes(found) == [("time", "", True)]
    assert found.evidence[0].where == "offset 0x15"


def test_strings_in_a_binary() -> None:
    first, second = (b"\x00\x7f\x00built on " + host + b"\x00\x01\x02" for host in (b"forge", b"elsewhere"))
    assert causes(content(first, second)) == [("host", "", True)]


# --- wrapped ----------------------------------------------------------------------------------------------------------


def _gz(data: bytes, when: float) -> bytes:
    return gzip.compress(data, mtime=int(when))


def test_gzip_header() -> None:
    found = content(_gz(b"same", THEN + 1), _gz(b"same", LATER))
    assert causes(found) == [("time", "gzip header", True)]
    assert found.evidence[0].where == "offset 0x4"
    assert advice("time", "gzip header") == "compress without the time: gzip -n"


def test_what_is_in_gzip() -> None:
    found = content(_gz(b"by builder", 0), _gz(b"by somebody", 0))
    assert causes(found) == [("user", "", True)]
    assert found.evidence[0].where == "unpacked, offset 0x3"


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_what_is_in_others(pack: object) -> None:
    first, second = (pack(text) for text in (b"on forge", b"on elsewhere"))  # type: ignore[operator]
    assert causes(content(first, second)) == [("host", "", True)]


def test_compressor() -> None:
    data = bytes(range(256)) * 50
    found = content(gzip.compress(data, 1, mtime=0), gzip.compress(data, 9, mtime=0))
    assert causes(found) == [("compressor", "", True)]


def _tar(names: str, when: float, user: str = "root", mode: int = 0o644) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.mtime, info.uname, info.mode = int(when), user, mode
            tar.addfile(info)
    return file.getvalue()


def test_tar() -> None:
    assert causes(content(_tar("ab", THEN), _tar("ab", LATER))) == [("time", "tar member", True)]
    assert causes(content(_tar("acb", 0), _tar("bca", 0))) == [("order", "tar member", True)]
    assert causes(content(_tar("a", 0, "builder"), _tar("a", 0, "somebody"))) == [("user", "tar member", True)]
    assert causes(content(_tar("a", 0, mode=0o644), _tar("a", 0, mode=0o600))) == [("umask", "tar member", False)]


def _zip(names: str, when: tuple[int, int, int, int, int, int]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, when), b"x")
    return file.getvalue()


def test_zip() -> None:
    """Their times are local ones."""
    first, second = (2026, 11, 21, 22, 30, 16), (2026, 11, 22, 12, 7, 26)
    assert causes(content(_zip("ab", first), _zip("ab", second), "usr/share/java/foo.jar")) == [
        ("time", "zip member", True)
    ]
    assert causes(content(_zip("acb", first), _zip("bca", first))) == [("order", "zip member", True)]


def _ar(when: float, owner: int, names: str = "ab", data: bytes = b"xx") -> bytes:
    found = b"!<arch>\n"
    for name in names:
        found += (
            f"{name.rstrip('/') + '/':<16}{int(when):<12}{owner:<6}{owner:<6}{'100644':<8}{len(data):<10}`\n".encode()
            + data
        )
    return found


def test_static_library() -> None:
    assert causes(content(_ar(THEN, 0), _ar(LATER, 0))) == [("time", "ar member", True)]
    assert causes(content(_ar(0, 65525), _ar(0, 65412))) == [("user", "ar member", True)]
    assert causes(content(_ar(0, 0, "acb"), _ar(0, 0, "bca"))) == [("order", "ar member", True)]
    found = content(_ar(0, 0, data=b"by builder  "), _ar(0, 0, data=b"by somebody "))
    assert causes(found) == [("user", "", True)]
    assert found.evidence[0].where == "member a, offset 0x3"


def test_the_index_of_a_static_library_follows() -> None:
    first, second = (_ar(0, 0, "/a", text) for text in (b"by builder  ", b"by somebody "))
    assert len(content(first, second).evidence) == 1
    assert "member a" in content(first, second).evidence[0].where


def _pyc(when: float, code: bytes) -> bytes:
    return b"\xa7\r\r\n" + struct.pack("<III", 0, int(when), 5) + code


def test_pyc() -> None:
    code = marshal.dumps(("one", "two"))
    assert causes(content(_pyc(THEN, code), _pyc(LATER, code))) == [("time", "pyc", True)]
    one, other = b"\xbe\x02\x00\x00\x00\xda\x01a\xda\x01b", b"\xbe\x02\x00\x00\x00\xda\x01b\xda\x01a"
    assert causes(content(_pyc(0, one), _pyc(0, other))) == [("hash", "pyc", True)]


def test_damaged_archives_are_bytes() -> None:
    for magic in (b"\x1f\x8b", b"PK\x03\x04", b"!<arch>\n", b"BZh", b"\xfd7zXZ\0", b"\x7fELF", b"\x28\xb5\x2f\xfd"):
        found = content(magic + b"\x00by builder\x00", magic + b"\x00by somebody\x00")
        assert ("user", "", True) in causes(found), magic


def _elf(sections: int, content: bytes) -> bytes:
    """Nothing but sections, all of which are the whole of what is between the header and their table."""
    names = b"\0" + b"".join(b"%d\0" % number for number in range(sections))
    body = content + names
    table = [struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, 64 + len(content), len(names), 0, 0, 1, 0)]
    for number in range(sections):
        at = names.index(b"\0%d\0" % number) + 1
        table.append(struct.pack("<IIQQQQIIQQ", at, 1, 0, 0, 64, len(content), 0, 0, 1, 0))
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, len(table), 0)
    return head + body + b"".join(table)


def test_sections_of_programs() -> None:
    found = content(_elf(2, b"by builder\0"), _elf(2, b"by somebody"))
    assert causes(found) == [("user", "compiled", True)]
    assert found.evidence[0].where == "section 0, offset 0x3"


def _bomb(kind: str, end: bytes) -> bytes:
    data = bytes(3000) + end
    if kind == "zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in "abcde":
                archive.writestr(zipfile.ZipInfo(name), data)
        return file.getvalue()
    if kind == "sparse":
        member = tarfile.TarInfo("a")
        member.pax_headers = {"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,0", "GNU.sparse.numblocks": "1"}
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(member)
        return file.getvalue() + end
    if kind == "elf":
        return _elf(5, data)
    return _PACK[kind](data)


def _zstd(data: bytes) -> bytes:
    if not shutil.which("zstd"):
        pytest.skip("no zstd here")
    return subprocess.run(["zstd", "-cq"], input=data, check=True, capture_output=True).stdout


_PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: _gz(data, 0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": _zstd,
}


@pytest.mark.parametrize("kind", ["zip", "sparse", "elf", "gzip", "bzip2", "xz", "zstd"])
def test_what_unpacks_to_absurdly_much_is_not_unpacked(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each looks at 10,000 bytes at most, of all that a file holds together."""
    seen: list[int] = []

    def noted(sides: Sides) -> Iterator[Evidence]:
        seen.append(len(sides.first))
        return explain_leaf(sides)

    monkeypatch.setattr(formats, "explain_leaf", noted)
    one, other = _bomb(kind, b"\0by builder"), _bomb(kind, b"\0by somebody")
    for most in (1 << 22, 10_000, 1000):
        seen.clear()
        monkeypatch.setattr(formats, "_LARGEST", most)
        content(one, other)
        assert sum(size for size in seen if size not in (len(one), len(other))) <= most, seen


def test_archives_in_archives_without_an_end() -> None:
    """What is deeper than anybody looks is bytes."""
    one, other = b"by builder", b"by somebody"
    for _ in range(6):
        one, other = _gz(one, 0), _gz(other, 0)
    assert causes(content(one, other)) == [("user", "", True)]
    assert causes(content(_gz(one, 0), _gz(other, 0))) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: _ar(0, 0)[:56] + b"-60       `\n" + bytes(100),  # as if the next member were the same again
        lambda user: _tar("a", 0).replace(b"00000000000\0", b"\x80" + b"\xff" * 11, 1) + user,
        lambda user: _infinite() + user,
        lambda user: _elf(1, user)[:-30],
        lambda user: _elf(1, user)[:62] + b"\xff\xff" + _elf(1, user)[64:],
    ],
)
def test_archives_that_would_mislead(damage: Callable[[bytes], bytes]) -> None:
    one, other = damage(b"\0by builder\0"), damage(b"\0by somebody\0") + b"\0"
    content(one, other)


def _infinite() -> bytes:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"mtime": "inf"}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    return file.getvalue()


def _lto(folder: Path, seed: str) -> bytes:
    source, made = folder / "a.c", folder / "a.o"
    source.write_text("int f(void) { return 1; }\n")
    command = ["gcc", "-flto", "-c", f"-frandom-seed={seed}", str(source), "-o", str(made)]
    if not shutil.which("gcc") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no GCC with LTO here")
    return made.read_bytes()


def test_sections_of_lto(tmp_path: Path) -> None:
    found = content(_lto(tmp_path, "one"), _lto(tmp_path, "two"), "usr/lib/foo.o")
    assert causes(found) == [("random", "lto", True)]
    assert found.evidence[0].first.startswith(".gnu.lto_")
    assert "-frandom-seed" in advice("random", "lto")


def test_manual_page_and_document() -> None:
    manual = content("November 21, 2026", "December 27, 2027", "usr/share/man/man1/foo.1")
    assert causes(manual) == [("time", "man page", True)]
    document = content("<p>November 21, 2026", "<p>December 27, 2027", "usr/share/doc/foo/index.html")
    assert causes(document) == [("time", "document", True)]


# --- beside the content -----------------------------------------------------------------------------------------------


def _entry(mode: int = 0o644, owner: str = "root(0):root(0)", target: str = "", kind: str = "file") -> Entry:
    return Entry(kind, mode, owner, target, "", 0, "")


def test_mode() -> None:
    pair = FilePair("usr/x", ("mode",), _entry(0o755), _entry(0o700))
    assert causes(diagnose(pair, ONE, OTHER)) == [("umask", "mode or owner", True)]
    pair = FilePair("usr/x", ("mode",), _entry(0o755), _entry(0o4755))
    assert causes(diagnose(pair, ONE, OTHER)) == [("umask", "mode or owner", False)]


def test_owner_and_target() -> None:
    pair = FilePair("usr/x", ("owner",), _entry(), _entry(owner="(65412):(65412)"))
    assert causes(diagnose(pair, ONE, OTHER)) == [("user", "mode or owner", True)]
    pair = FilePair("usr/x", ("target",), _entry(target="log-forge"), _entry(target="log-elsewhere"))
    assert causes(diagnose(pair, ONE, OTHER)) == [("host", "link", True)]


def test_names() -> None:
    pair = FilePair("var/log-20261121", ("missing",), _entry(), None)
    assert causes(diagnose(pair, ONE, OTHER, ["var/log-20271227"])) == [("time", "name", True)]
    pair = FilePair("var/x86-forge", ("missing",), _entry(), None)
    assert causes(diagnose(pair, ONE, OTHER, ["var/x86-elsewhere"])) == [("host", "name", True)]
    assert causes(diagnose(pair, ONE, OTHER)) == []


def test_pkginfo() -> None:
    first, second = b"pkgname = foo\npackager = Me\ndepend = a\n", b"pkgname = foo\npackager = You\ndepend = b\n"
    found = diagnose(FilePair(CONTROL, ("control",), None, None, (first, second)), ONE, OTHER)
    assert {(each.cause, each.where) for each in found.evidence} == {("environment", "packager")}
    assert found.excerpt == ("-packager = Me", "-depend = a", "+packager = You", "+depend = b")


def test_excerpts() -> None:
    assert excerpt(b"a\nb\n", b"a\nc\n") == ("-b", "+c")
    assert excerpt(b"\0" * 20 + b"A", b"\0" * 20 + b"B") == (
        f"-00000010  {'00 00 00 00 41':<47}  ....A",
        f"+00000010  {'00 00 00 00 42':<47}  ....B",
    )
    lines = excerpt(b"".join(b"%d\n" % n for n in range(50)), b"")
    assert len(lines) == 9
    assert lines[-1] == "…"
    assert excerpt(b"--x\na\n", b"a\n++y\n") == ("---x", "+++y"), "lines that look like a diff's own"
    assert excerpt(b"a\tb\x1b[2J\xc2\x9b\n", b"x" * 200) == ("-a\\tb\\x1b[2J\\x9b", f"+{'x' * 98}…")
    assert excerpt(b"a\n", b"a\nb\n") == ("+b",)
    assert excerpt(bytes(20), bytes(20) + b"aa")[1].startswith("+00000010  00 00 00 00 61 61 ")
    assert excerpt(b"\xff", b"\xfe") == (f"-00000000  {'ff':<47}  .", f"+00000000  {'fe':<47}  .")
    assert excerpt(b" ~\x7f\x1f\0", b"")[0].endswith("   ~..."), "what is printable, and no more"


def test_excerpts_of_large_files_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that stand there again and again are the worst for who aligns them."""
    longest: list[int] = []

    class Noted(difflib.SequenceMatcher[str]):
        def __init__(self, junk: None, one: list[str], other: list[str], autojunk: bool) -> None:
            longest.append(max(len(one), len(other)))
            super().__init__(junk, one, other, autojunk)

    monkeypatch.setattr(difflib, "SequenceMatcher", Noted)
    first, second = ("".join(f"x\n{name}{n}\n" for n in range(count)) for name, count in (("a", 9000), ("b", 8900)))
    one = "".join(f"{n}\n" for n in range(2000))
    assert excerpt(f"new\n{one}".encode(), one.encode()) == ("-new",)
    assert excerpt(first.encode(), second.encode())[:4] == ("-a0", "+b0", "-a1", "+b1")
    assert causes(content(first + "by builder", second + "by somebody")) == []
    assert causes(content("y\nby builder\n" + first, "by somebody\n" + second))[0] == ("user", "", True)
    assert max(longest) <= 500


def test_every_cause_has_advice() -> None:
    assert all((cause, "") in ADVICE for cause in CAUSES)
    assert all(cause in CAUSES for cause, _ in ADVICE)
    assert set(OF_VARIATION) == set(VARIATIONS)
    assert set(OF_VARIATION.values()) <= set(CAUSES)
