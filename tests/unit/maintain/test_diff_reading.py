# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading packages that somebody made to hang, to fill the memory, or to confuse."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from diff_builds import Item, folder, hardlink, package, symlink, tar
from elf_symbols import Layout, Sym, library

from abuildpy.errors import RepositoryError
from abuildpy.maintain.diff import compare_packages, contents, render_text
from abuildpy.maintain.diff.contents import capability_text, read_contents, read_texts
from abuildpy.repository import apkfile, datapart


def with_data(tmp_path: Path, data: bytes, *, compressed: bool = False) -> Path:
    path = package(tmp_path)
    front = path.read_bytes()[: apkfile.read(path).data_offset]
    path.write_bytes(front + (data if compressed else gzip.compress(data)))
    return path


def test_what_is_no_package(tmp_path: Path) -> None:
    bad = tmp_path / "bad.apk"
    bad.write_bytes(b"nothing")
    with pytest.raises(RepositoryError, match=r"bad\.apk"):
        read_contents(bad)


def test_damage(tmp_path: Path) -> None:
    path = package(tmp_path, files={"usr/x": b"x" * 5000})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RepositoryError, match="damaged"):
        read_contents(path)
    with pytest.raises(RepositoryError, match="damaged"):
        read_contents(with_data(tmp_path, b"no tar at all" * 100))


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datapart, "_ALWAYS", 1 << 20)
    path = package(tmp_path, files={"usr/zeros": bytes(50 << 20)})
    with pytest.raises(RepositoryError, match="unpacks to more than"):
        read_contents(path)
    monkeypatch.setattr(datapart, "_ALWAYS", 1 << 30)
    assert read_contents(path).files["usr/zeros"].size == 50 << 20


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = package(tmp_path, files={f"usr/{number}": b"" for number in range(20)})
    assert len(read_contents(path).files) == 20
    monkeypatch.setattr(datapart, "_MOST_FILES", 19)
    with pytest.raises(RepositoryError, match="more than 19 files"):
        read_contents(path)


def test_an_extended_header_of_absurd_size(tmp_path: Path) -> None:
    member = tarfile.TarInfo("usr/x")
    member.pax_headers = {"comment": "x" * (2 << 20)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    with pytest.raises(RepositoryError, match="damaged"):
        read_contents(with_data(tmp_path, buffer.getvalue()))


def test_a_file_of_terabytes_that_are_not_there(tmp_path: Path) -> None:
    member = tarfile.TarInfo("usr/x")
    member.pax_headers = {"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,0", "GNU.sparse.numblocks": "1"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    with pytest.raises(RepositoryError, match="sparse"):
        read_contents(with_data(tmp_path, buffer.getvalue()))


def test_headers_that_follow_each_other_without_an_end(tmp_path: Path) -> None:
    header = tar({"x": Item(b"", xattrs={"user.a": b"b"})})[:1024]
    with pytest.raises(RepositoryError, match="damaged"):
        read_contents(with_data(tmp_path, header * 5000))


def test_names_that_would_do_something_to_a_terminal(tmp_path: Path) -> None:
    new = package(
        tmp_path / "new", files={"usr/\x1b[31mred\u202e": b"", "usr/\udcff": b""}, info=["url = \x1b]0;x\x07"]
    )
    text = render_text(compare_packages(package(tmp_path / "old"), new))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "usr/\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}" in text
    text.encode()


def test_names_of_libraries_that_would_do_something_to_a_terminal(tmp_path: Path) -> None:
    """Sonames, and files that cannot be compared."""
    evil = "lib\x1b[2J.so.1"
    files = {"usr/lib/x": library([Sym("f"), Sym("g\x1b[2J")], evil), "usr/\x1b[2J": library([Sym("f")])}
    old = package(tmp_path / "old", files=files, info=[f"provides = so:{evil}=1"])
    files = {"usr/lib/x": library([Sym("f")], evil), "usr/\x1b[2J": library([Sym("f")], layout=Layout(hashes=()))}
    found = compare_packages(old, package(tmp_path / "new", files=files, info=[f"provides = so:{evil}=1"]))
    text = render_text(found, full=True)
    shown = evil.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert f"    {shown}: 1 symbol gone\n" in text
    assert f"\n  {shown}  1 removed\n" in text
    assert "  ! usr/\N{REPLACEMENT CHARACTER}[2J: its symbols were not compared" in text
    assert "\x1b" not in text


def test_damaged_symbols_are_named_and_end_nothing(tmp_path: Path) -> None:
    good, bad = library([Sym("f")]), library([Sym("f")], layout=Layout(hashes=()))
    files = {"usr/lib/a": good, "usr/lib/c": bad}
    found = read_contents(package(tmp_path, files=files))
    assert found.libraries["usr/lib/a"].symbols is not None
    assert [line for line in found.unseen if "usr/lib/c: its symbols were not compared" in line]
    other = package(tmp_path / "new", files={"usr/lib/c": good})
    difference = compare_packages(package(tmp_path / "old", files={"usr/lib/c": files["usr/lib/c"]}), other)
    assert "Not compared" in render_text(difference)


def test_a_large_library_is_read_without_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = library([Sym(f"function_{number}") for number in range(300)])
    at = made.rindex(b"\x06\0\0\0\0\0\0\0")  # the dynamic section is at the end, as in real ones
    whole = read_contents(package(tmp_path / "a", files={"usr/lib/x": made})).libraries["usr/lib/x"]
    monkeypatch.setattr(contents, "_HEAD", 200)
    monkeypatch.setattr(contents, "_PIECE", 1000)
    path = package(tmp_path / "b", files={"usr/lib/x": made + bytes(100_000)})
    for front in (at - 48, at - 16, at + 400):
        monkeypatch.setattr(contents, "_ELF_FRONT", front)
        assert read_contents(path).libraries["usr/lib/x"].symbols == whole.symbols
    monkeypatch.setattr(contents, "_ELF_FRONT", 2000)
    found = read_contents(path)
    assert found.libraries["usr/lib/x"].symbols is None
    assert found.unseen


def test_what_is_after_the_head_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an ELF file and of any other: another last byte is another content."""
    monkeypatch.setattr(contents, "_HEAD", 100)
    monkeypatch.setattr(contents, "_PIECE", 1000)
    made = library([Sym("f")])
    files = {"usr/lib/x": made + bytes(3000), "usr/y": b"y" * 3000, "usr/lib/debug/z": made + bytes(3000)}
    found = read_contents(package(tmp_path, files=files)).files
    assert {path: found[path].digest for path in files} == {
        path: hashlib.sha256(content).hexdigest() for path, content in files.items()
    }


def test_no_more_of_a_large_library_is_kept_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_ELF_FRONT", 100)
    data = bytes(index % 251 for index in range(1000))
    for dynamic, late in (((300, 50), data[300:350]), ((0, 0), b""), ((90, 30), data[100:120])):
        monkeypatch.setattr(contents, "frame_of", lambda *_, at=dynamic: SimpleNamespace(dynamic_range=at))
        kept = contents._Kept(data[:40], len(data))
        for at in range(40, len(data), 30):
            kept.add(data[at : at + 30])
        assert (b"".join(kept._front), b"".join(kept._late)) == (data[:100], late)
        assert kept.read(0, 100) == data[:100]
        assert kept.read(dynamic[0], dynamic[1]) == data[dynamic[0] : sum(dynamic)]
        assert kept.read(120, 10) == b""


def test_texts_are_kept_up_to_a_limit(tmp_path: Path) -> None:
    files: Mapping[str, Item | bytes] = {"a": b"12345", "b": b"123456", "c": b"12345", "d": symlink("a"), "e": b"1"}
    apk = read_contents(package(tmp_path, files=files)).apk
    wanted = dict.fromkeys("abcd", 5)
    assert read_texts(apk, wanted, most=10) == {"a": b"12345", "c": b"12345"}
    assert read_texts(apk, wanted, most=9) == {"a": b"12345"}


def test_symbols_are_read_up_to_a_limit_for_all_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = library([Sym(f"function_{number}") for number in range(10)])
    path = package(tmp_path, files={"usr/lib/a": made, "usr/lib/b": made})
    for most, unseen in ((21, False), (20, True)):  # each table has one without a name
        monkeypatch.setattr(contents, "_MOST_SYMBOLS", most)
        found = read_contents(path)
        assert [each.symbols is None for each in found.libraries.values()] == [False, unseen]
        assert bool(found.unseen) == unseen


def test_all_kinds_of_members(tmp_path: Path) -> None:
    made = library([Sym("f")])
    relocatable = made[:16] + b"\1\0" + made[18:]
    kinds = {"c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "p": tarfile.FIFOTYPE}
    files: dict[str, Item | bytes] = {name: Item(kind=kind) for name, kind in kinds.items()}
    files |= {"dir": folder(), "lib": made, "again": hardlink("lib"), "lost": hardlink("nothing")}
    files |= {"object": relocatable, "broken": made[:30]}
    found = read_contents(package(tmp_path, files=files))
    assert {name: file.kind for name, file in found.files.items() if file.kind != "f"} == {
        **{name: name for name in kinds},
        "dir": "d",
    }
    assert {name: file.target for name, file in found.files.items() if file.target} == {"c": "0:0", "b": "0:0"}
    assert (found.files["again"].link, found.files["again"].digest) == ("lib", found.files["lib"].digest)
    assert (found.files["lost"].link, found.files["lost"].digest) == ("nothing", "")
    assert sorted(found.libraries) == ["again", "lib"]
    assert found.libraries["again"].path == "again"


def test_attributes_have_no_order_and_nothing_else_is_one(tmp_path: Path) -> None:
    attributes = {"user.a": b"1", "user.b": b"2"}
    for where, given in (("a", attributes), ("b", dict(reversed(attributes.items())))):
        path = package(
            tmp_path / where, files={"x" * 200: Item(xattrs=given)}
        )  # so long a name has a header of its own
        assert read_contents(path).files["x" * 200].xattrs == (("user.a", "1"), ("user.b", "2"))


def test_debugging_files_have_no_symbols_to_compare(tmp_path: Path) -> None:
    found = read_contents(package(tmp_path, files={"usr/lib/debug/usr/lib/x.debug": library([Sym("f")])}))
    assert not found.libraries


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"\1\0\0\2" + b"\0\x20\0\0" + bytes(12), "cap_net_raw+ep"),
        (b"\0\0\0\2" + b"\1\0\0\0" + b"\1\0\0\0" + bytes(8), "cap_chown+ip"),
        (b"\0\0\0\2" + bytes(8) + b"\0\1\0\0" + bytes(4), "cap_checkpoint_restore+p"),
        (b"\0\0\0\2" + bytes(12) + b"\0\0\0\x80", "cap_63+i"),
        (b"\1\0\0\3" + bytes(8) + b"\0\2\0\0" + bytes(4) + b"\xe8\3\0\0", "cap_41+ep"),
        (b"\0\0\0\2" + bytes(16), "none"),
        (bytes(21), "0x" + "00" * 21),
        (b"xyz", "0x78797a"),
    ],
)
def test_capabilities(raw: bytes, wanted: str) -> None:
    assert capability_text(raw) == wanted
