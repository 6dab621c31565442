# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from package_trees import File, Folder, Hard, Item, Link, make_tree

from abuildpy.errors import PackageError
from abuildpy.package.model import Entry, Owner, Tree
from abuildpy.package.tree import TreeIndex, TreeReader, scan, show

NAMES = {33: "www-data", 1000: "builder"}


def scan_with(root: Path, owners: dict[str, Owner], mapped: frozenset[str] = frozenset()) -> dict[bytes, Entry]:
    keyed = {}
    for name, owner in owners.items():
        status = (root / name).lstat()
        keyed[status.st_dev, status.st_ino] = owner
    tree = scan(root, keyed, NAMES.__getitem__, lambda gid: NAMES.get(gid, ""), mapped, mapped, {})
    return {entry.path: entry for entry in tree.entries}


def test_lists_everything_sorted_by_bytes(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "b": File(b"12345"),
        "a/x": File(),
        "a-b": File(),
        "a.d": Folder(),
        "l": Link("some/where"),
        ".h": File(),
    }
    tree = make_tree(tmp_path / "p", items)
    assert [e.path for e in tree.entries] == [b".h", b"a", b"a-b", b"a.d", b"a/x", b"b", b"l"]
    kinds = {e.path: (e.kind, e.size, e.target) for e in tree.entries}
    assert kinds[b"b"] == ("f", 5, b"")
    assert kinds[b"a"] == ("d", 0, b"")
    assert kinds[b"l"] == ("l", 0, b"some/where")


def test_gigabytes_of_holes(tmp_path: Path) -> None:
    """Each file by itself would be fine; what has been written is no hole, however few blocks there seem to be."""
    for number in range(4):
        with (tmp_path / f"hollow{number}").open("wb") as file:
            file.seek(500 << 20)
            file.write(b"x")
            file.truncate(1 << 30)
    with (tmp_path / "half").open("wb") as file:
        file.write(bytes(1 << 20))
        file.truncate(40 << 20)
    scan_with(tmp_path, {})
    os.truncate(tmp_path / "half", 80 << 20)
    with pytest.raises(PackageError, match="nearly all holes come to more than 4 GiB"):
        scan_with(tmp_path, {})


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    names = [b"\xff\xfe", b"new\nline", "ä".encode()]
    for name in names:
        with open(root + b"/" + name, "wb"):
            pass
    assert [e.path for e in scan(tmp_path, {}, str, str, frozenset(), frozenset(), {}).entries] == sorted(names)


def test_unrecorded_files_belong_to_root(tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": File(b"", 0o4751)})
    entry = scan_with(tmp_path, {})[b"x"]
    assert (entry.uid, entry.gid, entry.user, entry.group, entry.mode) == (0, 0, "root", "root", 0o4751)


def test_recorded_owner_and_mode_win(tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": File(b"", 0o644), "d": Folder(0o755)})
    entries = scan_with(
        tmp_path, {"x": Owner(33, 1000, stat.S_IFREG | 0o4711), "d": Owner(0, 4711, stat.S_IFDIR | 0o0)}
    )
    x = entries[b"x"]
    assert (x.uid, x.user, x.gid, x.group, x.mode) == (33, "www-data", 1000, "builder", 0o4711)
    d = entries[b"d"]
    assert (d.uid, d.user, d.gid, d.group, d.mode) == (0, "root", 4711, "", 0)


def test_pkgusers_keep_the_name_and_get_id_0(tmp_path: Path) -> None:
    make_tree(tmp_path, {"x": File(), "y": File()})
    owner = Owner(33, 33, stat.S_IFREG | 0o600)
    entries = scan_with(tmp_path, {"x": owner, "y": Owner(1000, 99, owner.mode)}, frozenset({"www-data", ""}))
    assert (entries[b"x"].uid, entries[b"x"].user, entries[b"x"].gid, entries[b"x"].group) == (
        0,
        "www-data",
        0,
        "www-data",
    )
    assert (entries[b"y"].uid, entries[b"y"].user) == (1000, "builder")
    assert (entries[b"y"].gid, entries[b"y"].group) == (99, "")  # a nameless one is nobody's mapped group


def test_stale_record_of_another_kind_is_ignored(tmp_path: Path) -> None:
    """A freed inode goes to the next file, which must not inherit the owner of what was there."""
    make_tree(tmp_path, {"d": Folder(0o700)})
    d = scan_with(tmp_path, {"d": Owner(33, 33, stat.S_IFREG | 0o4755)})[b"d"]
    assert (d.uid, d.gid, d.mode, d.kind) == (0, 0, 0o700, "d")
    d = scan_with(tmp_path, {"d": Owner(33, 33, stat.S_IFCHR | 0o4755)})[b"d"]
    assert (d.uid, d.kind) == (0, "d")


def test_faked_fifo_is_a_fifo(tmp_path: Path) -> None:
    make_tree(tmp_path, {"p": File()})
    assert scan_with(tmp_path, {"p": Owner(0, 0, stat.S_IFIFO | 0o622)})[b"p"].kind == "p"


def test_faked_devices_have_their_recorded_numbers(tmp_path: Path) -> None:
    make_tree(tmp_path, {"null": File(), "loop": File()})
    owners = {"null": Owner(0, 5, stat.S_IFCHR | 0o666, (1, 3)), "loop": Owner(0, 0, stat.S_IFBLK | 0o660, (7, 300))}
    entries = scan_with(tmp_path, owners)
    null, loop = entries[b"null"], entries[b"loop"]
    assert (null.kind, null.rdev, null.mode, null.gid, null.size) == ("c", (1, 3), 0o666, 5, 0)
    assert (loop.kind, loop.rdev) == ("b", (7, 300))


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(PackageError, match="/run/s: a socket"):
            scan(tmp_path, {}, str, str, frozenset(), frozenset(), {})


def test_missing_or_linked_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for name in ("none", "link"):
        with pytest.raises(PackageError, match=name):
            scan(tmp_path / name, {}, str, str, frozenset(), frozenset(), {})


def test_too_deep_tree_is_refused_cleanly(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(350):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    with pytest.raises(PackageError, match="nested"):
        scan(tmp_path, {}, str, str, frozenset(), frozenset(), {})


def test_capabilities_and_hard_links(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"a": File(b"x"), "b": Hard("a")}, {b"a": b"\1\2"})
    a, b = tree.entries
    assert a.inode == b.inode
    assert a.nlink == 2
    assert (a.capability, b.capability) == (b"\1\2", b"")


@pytest.fixture
def linked(tmp_path: Path) -> Tree:
    return make_tree(
        tmp_path / "p",
        {
            "usr/lib/libx.so.1.2": File(b"data"),
            "usr/lib/libx.so.1": Link("libx.so.1.2"),
            "usr/lib/libx.so": Link("/usr/lib/libx.so.1"),
            "lib": Link("usr/lib"),
            "usr/lib/.hidden": File(),
            "etc/passwd": Link("/../../etc/passwd"),
            "loop": Link("pool"),
            "pool": Link("loop"),
            "usr/up": Link(".."),
            "dangling": Link("/nowhere"),
        },
    )


def test_links_resolve_inside_the_tree(linked: Tree) -> None:
    index = TreeIndex(linked)
    assert index.real(b"lib/libx.so") == b"usr/lib/libx.so.1.2"
    assert index.real(b"/usr/up/lib/../lib/./libx.so.1") == b"usr/lib/libx.so.1.2"
    assert index.real(b"usr/up") == b""
    assert index.real(b"etc/passwd") is None  # nothing of the host
    assert index.real(b"loop") is None
    assert index.real(b"usr/lib/libx.so.1/below") is None
    assert index.real(b"usr/lib/libx.so.1.2/../libx.so.1.2") is None
    assert index.is_directory(b"lib")
    assert not index.is_directory(b"lib/libx.so")
    assert index.is_file(b"lib/libx.so")
    assert not index.is_file(b"usr/up")


def test_present_counts_dangling_links_exists_does_not(linked: Tree) -> None:
    index = TreeIndex(linked)
    assert index.present(b"dangling")
    assert not index.exists(b"dangling")
    assert index.present(b"/lib/libx.so")
    assert not index.present(b"lib/none")
    assert not index.present(b"dangling/x")


def test_children_leave_out_hidden_names_like_a_glob(linked: Tree) -> None:
    index = TreeIndex(linked)
    assert [e.path for e in index.children(b"lib")] == [
        b"usr/lib/libx.so",
        b"usr/lib/libx.so.1",
        b"usr/lib/libx.so.1.2",
    ]
    assert b"usr/lib/.hidden" in [e.path for e in index.children(b"usr/lib", hidden=True)]
    assert index.children(b"none") == ()
    assert [e.path for e in index.children(b"")][:2] == [b"dangling", b"etc"]


def test_reader_follows_no_link(linked: Tree) -> None:
    with TreeReader(linked.root) as reader:
        assert reader.read(b"usr/lib/libx.so.1.2", 3) == b"dat"
        assert reader.read(b"usr/lib/libx.so.1.2", 99) == b"data"
        for path in (b"lib/libx.so.1.2", b"usr/lib/libx.so.1", b"etc/passwd"):
            with pytest.raises(PackageError, match="cannot be read"):
                reader.read(path, 1)
        assert reader.read(b"usr/lib/.hidden", 1) == b""


def test_reader_tells_folders_apart(tmp_path: Path) -> None:
    paths = ["a/x", "a/b/x", "b/x", "b/a/x", "x"]
    tree = make_tree(tmp_path / "p", {path: File(path.encode()) for path in paths})
    with TreeReader(tree.root) as reader:
        for path in [*paths, *reversed(paths), "a/b/x", "b/a/x"]:
            assert reader.read(path.encode(), 9) == path.encode()


def test_reader_closes_what_it_opens(linked: Tree) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with TreeReader(linked.root) as reader:
        for path in (b"usr/lib/libx.so.1.2", b"usr/lib/.hidden"):
            reader.read(path, 1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_paths_are_shown_harmlessly() -> None:
    assert show("é".encode()) == "é"
    assert show(b"a\nb\x1b[31m\xff") == "a\\nb\\x1b[31m\\xff"
