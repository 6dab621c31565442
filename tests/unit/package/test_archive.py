# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abuildpy.errors import PackageError
from abuildpy.package import paxtar
from abuildpy.package.archive import ControlFile, control_archive, signature_archive, write_data
from abuildpy.package.model import Entry, Tree

EPOCH = 1_700_000_000
KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFIFO: "p"}
LARGE = (1 << 20) + 1

# SHA-256 of what GNU tar 1.34 with abuild 3.18's options, followed by abuild-tar, made of the same files.
GOLDEN_SIZE = 1320960
GOLDEN = "a2f774bc723f9b9142c48e1d6f4db59df9b77b6c29841711c82db014e4a9deb3"
HEADER_GOLDEN = {
    "device": "ed5bbb8afdb152bc3cb37a7aa071e57e85e8ef68ec0c8b807ec05cdfd51cdecf",
    "capability, long name, large ids": "60500cb7557c7d79015c62ee8638fc58bf745f9e09ef079a6b6bc82649b09daf",
    "largest id that fits": "be26157c0ebbe7869f12f8f4a81a71668e88d00398b3e460177f37740df56126",
    "special bits": "79ceaac243dcb177cb8b78fad6a94f5dcb2750c4d70fdc7051cb8877cf15e9c4",
    "9 GiB": "686818eef3d6d8fb7bf5d90037e35eaeec8b582a401efed8b54058a5c731127b",
    "long owners": "d25a566b930c256d418046d1fff27e2d8fa30c2bdc76aff02ea6f81d1390a06d",
    "owner fills the field": "b9802229c3b3c87bf2640d9556ffe2af66d6a8b57aefb7db05ec44ec83de6326",
}
CONTROL_GOLDEN = "f1ac369620ad9406a2fbbd9135302ade83f55fdbb0320bc7f45a6df091388a3d"
SIGNATURE_GOLDEN = "a6ee2d77ec97d9a69cdb6835cf599dad5113b592af173a1aab4c43156390b25b"


def put(root: Path, name: bytes, content: bytes = b"x") -> None:
    path = os.path.join(os.fsencode(root), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def entry_of(root: Path, path: bytes) -> Entry:
    full = os.path.join(os.fsencode(root), path)
    status = os.lstat(full)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    return Entry(
        path=path,
        kind=kind,
        mode={"d": 0o755, "l": 0o777}.get(kind, 0o644),
        uid=0,
        gid=0,
        user="root",
        group="root",
        size=status.st_size if kind == "f" else 0,
        target=os.readlink(full) if kind == "l" else b"",
        inode=(status.st_dev, status.st_ino),
        nlink=status.st_nlink,
    )


def tree_of(root: Path) -> Tree:
    paths: list[bytes] = []
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        paths += [os.path.relpath(os.path.join(folder, name), top) for name in folders + files]
    return Tree(root, tuple(entry_of(root, path) for path in sorted(paths)))


def pack(tree: Tree, epoch: int = EPOCH) -> bytes:
    out = io.BytesIO()
    write_data(tree, out.write, epoch=epoch)
    return out.getvalue()


def members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        return {member.name: member for member in file}


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def odd_tree(root: Path) -> Tree:
    """Names of every length around the limits, odd bytes, links of all sorts."""
    for name in (b"a/f1", b"a-b/z", b"a.b", b"ab/c", b".hidden", b".hd/x", b"a/.hid/.x", b"sp ace/new\nline"):
        put(root, name)
    put(root, b"a/f2", b"2" * 512)
    put(root, b"a/f3", b"3" * 513)
    put(root, b"a/empty", b"")
    put(root, b"large", b"0123456789abcdef" * 70_000)
    put(root, b"na\xff\xfe/\xe9\x80bin")
    put(root, "ünï/ço".encode())
    put(root, b"ctl\x01\x7f")
    for length in (97, 98, 99, 100, 101, 155, 156, 200, 255):
        put(root, b"q/" + b"n" * (length - 2))
        os.makedirs(os.path.join(os.fsencode(root), b"d", b"m" * (length - 2)))
        os.symlink(b"t" * length, os.path.join(os.fsencode(root), b"s%d" % length))
    put(root, b"/".join([b"deep"] * 60) + b"/leaf")
    os.chdir(root)
    os.symlink(b"\xff" * 50, b"snon")
    os.symlink("é".encode() * 60, b"snon2")
    os.symlink(b"x", b"\xe9sym" + b"y" * 120)
    os.link(b"a/f1", b"zz1")
    os.link(b"a/f1", b"\xe9hl")
    os.link(b"snon", b"zsnonlink", follow_symlinks=False)
    os.link(b"q/" + b"n" * 198, b"zlinklong")
    os.link(b"q/" + b"n" * 198, b"\xff" + b"l" * 150)
    os.link(b".hidden", b"visible1")
    os.link(b".hidden", b"visible2")
    os.mkfifo(b"fifo")
    os.link(b"fifo", b"fifo2")
    return tree_of(root)


def test_identical_with_gnu_tar_and_abuild_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    archive = pack(odd_tree(tmp_path / "root"))
    assert len(archive) == GOLDEN_SIZE
    assert hashlib.sha256(archive).hexdigest() == GOLDEN


HEADERS = {
    "device": paxtar.Member(b"chr2", b"3", 0o644, EPOCH, user=b"root", group=b"root", device=(4095, 1048575)),
    "capability, long name, large ids": paxtar.Member(
        b"\xe9" + b"c" * 140,
        b"0",
        0o644,
        EPOCH,
        size=1,
        uid=3_000_000,
        gid=4_000_000,
        capability=bytes.fromhex("0000000200200a0a0000000a00000000ff000000"),
        checksum=sha1(b"x"),
    ),
    "largest id that fits": paxtar.Member(b"fifo", b"6", 0o644, EPOCH, uid=2_097_151, gid=2_097_152),
    "special bits": paxtar.Member(
        b"suid", b"0", 0o6755, EPOCH, size=1, user=b"root", group=b"root", checksum=sha1(b"x")
    ),
    "9 GiB": paxtar.Member(b"usr/zbig", b"0", 0o644, EPOCH, size=9 << 30, user=b"root", group=b"root"),
    "long owners": paxtar.Member(b"f", b"0", 0o644, EPOCH, size=3, uid=9_000_000, user=b"u" * 33, group="é".encode()),
    "owner fills the field": paxtar.Member(b"f", b"0", 0o644, EPOCH, size=3, user=b"u" * 32, group=b"u" * 31),
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_is_gnu_tars(name: str) -> None:
    assert hashlib.sha256(paxtar.header(HEADERS[name])).hexdigest() == HEADER_GOLDEN[name]


def test_empty_package_is_one_record_of_zeros(tmp_path: Path) -> None:
    assert pack(tree_of(tmp_path)) == bytes(10240)


def test_hidden_entries_at_the_top_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, b".hidden/file")
    put(tmp_path, b".file")
    put(tmp_path, b"usr/.kept")
    assert list(members(pack(tree_of(tmp_path)))) == ["usr", "usr/.kept"]


def test_checksums(tmp_path: Path) -> None:
    put(tmp_path, b"file", b"content")
    put(tmp_path, b"large", b"z" * LARGE)
    os.symlink("t" * 150, tmp_path / "long")
    os.link(tmp_path / "file", tmp_path / "other")
    (tmp_path / "folder").mkdir()
    found = {
        name: member.pax_headers.get("APK-TOOLS.checksum.SHA1")
        for name, member in members(pack(tree_of(tmp_path))).items()
    }
    assert found == {
        "file": sha1(b"content"),
        "large": sha1(b"z" * LARGE),
        # As in abuild only what fits into the header is hashed.
        "long": sha1(b"t" * 100),
        "other": None,
        "folder": None,
    }


def test_hard_link_names_the_first_packed_file(tmp_path: Path) -> None:
    put(tmp_path, b".first")
    os.link(tmp_path / ".first", tmp_path / "b")
    os.link(tmp_path / ".first", tmp_path / "c")
    found = members(pack(tree_of(tmp_path)))
    assert found["b"].isreg()
    assert found["c"].islnk() and found["c"].linkname == "b" and found["c"].size == 0


def test_hard_link_does_not_repeat_the_capability(tmp_path: Path) -> None:
    put(tmp_path, b"a")
    os.link(tmp_path / "a", tmp_path / "b")
    tree = tree_of(tmp_path)
    tree = replace(tree, entries=tuple(replace(entry, capability=b"cap") for entry in tree.entries))
    found = members(pack(tree))
    assert found["a"].pax_headers["SCHILY.xattr.security.capability"] == "cap"
    assert "SCHILY.xattr.security.capability" not in found["b"].pax_headers


def test_ownership_and_mode_come_from_the_entry(tmp_path: Path) -> None:
    put(tmp_path, b"a")
    tree = tree_of(tmp_path)
    entry = replace(tree.entries[0], uid=5, gid=6, user="games", group="disk", mode=0o4711)
    member = members(pack(replace(tree, entries=(entry,))))["a"]
    assert (member.uid, member.gid, member.uname, member.gname, member.mode) == (5, 6, "games", "disk", 0o4711)
    assert member.mtime == EPOCH


def test_contents_are_whole(tmp_path: Path) -> None:
    contents = {f"f{size}": os.urandom(size) for size in (0, 1, 511, 512, 513, LARGE - 1, LARGE, 3 << 20)}
    for name, content in contents.items():
        put(tmp_path, name.encode(), content)
    archive = pack(tree_of(tmp_path))
    assert len(archive) % 10240 == 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        for name, content in contents.items():
            stream = file.extractfile(name)
            assert stream is not None and stream.read() == content


def test_both_ends_are_zero_blocks_even_when_the_record_is_full(tmp_path: Path) -> None:
    # Six members of three blocks each and two zero blocks fill a record; a seventh needs another.
    for number in range(6):
        (tmp_path / str(number)).mkdir()
    assert len(pack(tree_of(tmp_path))) == 10240
    (tmp_path / "6").mkdir()
    assert len(pack(tree_of(tmp_path))) == 20480


def replace_by_symlink(root: Path) -> None:
    # To a file of the same size, so that nothing but the link gives it away.
    (root / "usr" / "file").rename(root / "secret")
    (root / "usr" / "file").symlink_to(root / "secret")


def replace_folder_by_symlink(root: Path) -> None:
    (root / "usr").rename(root / "moved")
    (root / "usr").symlink_to("moved")


def replace_by_fifo(root: Path) -> None:
    (root / "usr" / "file").unlink()
    os.mkfifo(root / "usr" / "file")


def grow(root: Path) -> None:
    with (root / "usr" / "file").open("ab") as file:
        file.write(b"more")


def shrink(root: Path) -> None:
    os.truncate(root / "usr" / "file", 1)


def remove(root: Path) -> None:
    (root / "usr" / "file").unlink()


@pytest.mark.parametrize("size", [7, LARGE])
@pytest.mark.parametrize(
    "change", [replace_by_symlink, replace_folder_by_symlink, replace_by_fifo, grow, shrink, remove]
)
def test_a_file_that_changed_is_an_error(tmp_path: Path, size: int, change: Callable[[Path], None]) -> None:
    put(tmp_path, b"usr/file", b"x" * size)
    tree = tree_of(tmp_path)
    change(tmp_path)
    with pytest.raises(PackageError, match="usr/file: the file changed"):
        pack(tree)


def test_a_large_file_that_changes_while_it_is_packed_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, b"file", b"x" * (4 << 20))
    tree = tree_of(tmp_path)

    def meddle(data: bytes | memoryview) -> None:
        if len(data) > 1000:
            with (tmp_path / "file").open("r+b") as file:
                file.write(b"y")

    with pytest.raises(PackageError, match="file: the file changed"):
        write_data(tree, meddle, epoch=EPOCH)


@pytest.mark.parametrize("size", [7, LARGE])
@pytest.mark.parametrize("change", [grow, shrink])
def test_a_file_that_changes_after_it_was_opened_is_an_error(
    tmp_path: Path, size: int, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, b"usr/file", b"x" * size)
    tree = tree_of(tmp_path)
    fstat = os.fstat

    def fstat_then_change(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            change(tmp_path)
        return status

    monkeypatch.setattr("abuildpy.package.archive.os.fstat", fstat_then_change)
    out: list[bytes | memoryview] = []
    with pytest.raises(PackageError, match="usr/file: the file changed"):
        write_data(tree, out.append, epoch=EPOCH)
    assert not any(b"usr/file" in piece for piece in map(bytes, out))


def test_a_root_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    put(tmp_path, b"real/file")
    (tmp_path / "link").symlink_to("real")
    tree = replace(tree_of(tmp_path / "real"), root=tmp_path / "link")
    with pytest.raises(PackageError, match="cannot read the package's files"):
        pack(tree)


def test_failures_of_the_receiver_are_passed_on(tmp_path: Path) -> None:
    put(tmp_path, b"file")

    def full(data: bytes | memoryview) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_data(tree_of(tmp_path), full, epoch=EPOCH)


def test_sockets_and_bad_times_are_refused(tmp_path: Path) -> None:
    put(tmp_path, b"file")
    tree = tree_of(tmp_path)
    with pytest.raises(PackageError, match="kind of file"):
        pack(replace(tree, entries=(replace(tree.entries[0], kind="s"),)))
    with pytest.raises(PackageError, match="time stamp -1"):
        pack(tree, epoch=-1)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    put(tmp_path, b"a/b/c/d")
    put(tmp_path, b"a/e")
    tree = tree_of(tmp_path)
    before = os.listdir("/proc/self/fd")
    pack(tree)
    (tmp_path / "a" / "e").unlink()
    with pytest.raises(PackageError):
        pack(tree)
    assert os.listdir("/proc/self/fd") == before


def test_control_archive() -> None:
    files = [ControlFile(".PKGINFO", b"pkgname = a\n"), ControlFile(".post-install", b"#!/bin/sh\n", 0o755)]
    archive = control_archive(files, epoch=EPOCH)
    assert hashlib.sha256(archive).hexdigest() == CONTROL_GOLDEN
    found = members(archive + bytes(1024))
    assert [(m.name, m.mode, m.uname, m.gname) for m in found.values()] == [
        (".PKGINFO", 0o644, "root", "root"),
        (".post-install", 0o755, "root", "root"),
    ]


def test_signature_archive() -> None:
    archive = signature_archive(".SIGN.RSA.key.rsa.pub", b"signature", epoch=EPOCH)
    assert hashlib.sha256(archive).hexdigest() == SIGNATURE_GOLDEN
    (member,) = members(archive + bytes(1024)).values()
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
