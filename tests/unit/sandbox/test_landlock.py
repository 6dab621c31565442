# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock's rules: which paths of a mount table are granted, and what each version of the kernel's interface is asked."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox import landlock
from abuildpy.sandbox import ports as ports_module
from abuildpy.sandbox.base import BuildUser, Request, View
from abuildpy.sandbox.landlock import Access, LandlockWall, gaps, grants
from abuildpy.sandbox.mounts import Kind, Mount, Table
from abuildpy.sandbox.seccomp import Inet

ME = BuildUser(os.getuid(), os.getgid(), os.getuid(), os.getgid())
NOBODY = BuildUser(65525, 65525, 65525, 65525, drops=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("etc/key", "etc/ssl", "home/me/aports/foo/src", "home/me/.ssh", "usr/bin", "session"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/passwd").touch()
    (tmp_path / "etc/link").symlink_to("key")
    return tmp_path


def granted(top: Path, *mounts: Mount) -> dict[str, str]:
    """What is granted below ``top``, by relative path, the machine around it left out."""
    everything = Table((Mount(Kind.READ_ONLY, Path("/"), Path("/")), *mounts), Path("/home/builder"))
    found = {}
    for path, access in grants(everything):
        if path == top or top in path.parents:
            found[str(path.relative_to(top))] = access.name
        elif path in top.parents:
            found["."] = access.name
    return found


def test_without_anything_hidden_one_rule_is_enough() -> None:
    assert grants(Table((Mount(Kind.READ_ONLY, Path("/"), Path("/")),), Path("/"))) == ((Path("/"), Access.READ),)


def test_a_hidden_folder_splits_what_contains_it(tree: Path) -> None:
    found = granted(tree, Mount(Kind.EMPTY, tree / "home", mode=0o555))
    assert found == {"etc": "READ", "usr": "READ", "session": "READ"}


def test_a_masked_file_splits_its_folder_and_links_get_no_rule(tree: Path) -> None:
    found = granted(tree, Mount(Kind.READ_ONLY, tree / "etc/passwd", Path("/dev/null")))
    assert found == {"etc/key": "READ", "etc/ssl": "READ", "home": "READ", "usr": "READ", "session": "READ"}


def test_trees_below_a_hidden_home_are_granted_and_the_home_is_not(tree: Path) -> None:
    aports = tree / "home/me/aports"
    found = granted(
        tree,
        Mount(Kind.EMPTY, tree / "home", mode=0o555),
        Mount(Kind.FOLDER, tree / "home/me", mode=0o755),
        Mount(Kind.READ_ONLY, aports, aports),
        Mount(Kind.WRITABLE, aports / "foo/src", aports / "foo/src"),
    )
    assert found["home/me/aports"] == "READ"
    assert found["home/me/aports/foo/src"] == "WRITE"
    assert not {"home", "home/me", "home/me/.ssh", "."} & found.keys()


def test_what_is_hidden_within_a_writable_folder_stays_so(tree: Path) -> None:
    found = granted(
        tree,
        Mount(Kind.WRITABLE, tree / "etc", tree / "etc"),
        Mount(Kind.EMPTY, tree / "etc/key", mode=0o555),
    )
    assert found["etc/ssl"] == "WRITE"
    assert not {"etc", "etc/key", "."} & found.keys()


def test_a_read_only_tree_within_a_writable_folder_is_not_written_to(tree: Path) -> None:
    found = granted(
        tree,
        Mount(Kind.WRITABLE, tree / "etc", tree / "etc"),
        Mount(Kind.READ_ONLY, tree / "etc/key", tree / "etc/key"),
    )
    assert (found["etc/ssl"], found["etc/key"]) == ("WRITE", "READ")
    assert "etc" not in found


def test_a_folder_shown_elsewhere_is_granted_where_it_really_is(tree: Path) -> None:
    found = granted(tree, Mount(Kind.WRITABLE, tree / "home", tree / "session"))
    assert found == {"session": "WRITE", "etc": "READ", "usr": "READ"}


def test_a_folder_that_cannot_be_listed_still_leads_to_what_is_wanted_below(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: str) -> list[str]:
        return []

    monkeypatch.setattr(landlock, "_entries", refuse)
    found = granted(
        tree,
        Mount(Kind.EMPTY, tree / "home/me/.ssh", mode=0o555),
        Mount(Kind.WRITABLE, tree / "home/me/aports", tree / "home/me/aports"),
    )
    assert found == {"home/me/aports": "WRITE"}


# --- what the kernel is asked ------------------------------------------------------------------------------------


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., Request]:
    folders = {name: tmp_path / name for name in ("src", "home", "tmp")}
    for folder in folders.values():
        folder.mkdir()

    def make(**changes: Any) -> Request:
        values = {"argv": ("true",), "env": {}, "cwd": Path("/"), "home": folders["home"], "tmp": folders["tmp"]}
        return Request(**{**values, "writable": (folders["src"],), **changes})

    return make


@pytest.mark.parametrize(
    ("version", "sizes", "highest"),
    [(1, 8, 12), (2, 8, 13), (3, 8, 14), (4, 16, 14), (5, 16, 15), (6, 24, 15), (7, 24, 15), (99, 24, 15)],
)
def test_a_kernel_is_asked_only_what_it_knows(
    request_for: Callable[..., Request], version: int, sizes: int, highest: int
) -> None:
    rules = LandlockWall(ME, version).rules(request_for())
    assert len(rules["ruleset"]) == sizes
    files, *more = struct.unpack(f"<{sizes // 8}Q", rules["ruleset"])
    assert files == (2 << highest) - 1
    assert more == [3, 3][: len(more)]
    assert all(rights & ~files == 0 for _, rights in rules["paths"])
    assert rules["output"] & ~files == 0


def test_work_folders_are_written_and_made_in_and_the_system_only_read(request_for: Callable[..., Request]) -> None:
    request = request_for()
    rights = dict(LandlockWall(ME, 7).rules(request)["paths"])
    for folder in (*request.writable, request.home, request.tmp):
        assert rights[os.fsencode(os.path.realpath(folder))] == landlock.WRITE
    assert rights[b"/usr"] == landlock.READ
    assert landlock.READ & (landlock.WRITE & ~landlock.READ) == 0
    assert landlock.WRITE & (landlock._MAKE_CHAR | landlock._MAKE_BLOCK) == 0
    assert not {b"/", b"/home", b"/root", b"/tmp", b"/run", b"/dev"} & {
        path for path, right in rights.items() if right != landlock.LIST
    }


def test_terminals_are_there_only_for_somebody_elses_stages(
    request_for: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for()
    assert b"/dev/pts" not in dict(LandlockWall(ME, 7).rules(request)["paths"])
    monkeypatch.setattr("abuildpy.sandbox.mounts.may_enter", lambda path, user: True)
    assert b"/dev/pts" in dict(LandlockWall(NOBODY, 7).rules(request)["paths"])


@pytest.mark.parametrize(
    ("version", "how", "held", "ports"),
    [
        (7, {}, True, ()),
        (7, {"sockets": "none"}, True, ()),
        (7, {"sockets": "tests"}, False, ((0, 0, 1, 1), (40001, 40010, 2, 2))),  # held by the ports' own ruleset
        (7, {"sockets": "any"}, False, ()),
        (7, {"network": True}, False, ()),
        (7, {"network": True, "sockets": "tests"}, False, ()),
    ],
)
def test_tcp_is_held_by_ports(
    request_for: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: int,
    how: dict[str, Any],
    held: bool,
    ports: tuple[ports_module.PortRange, ...],
) -> None:
    range_file = tmp_path / "range"
    range_file.write_text("40000\t40010\n")
    monkeypatch.setattr(ports_module, "_HANDED_OUT", range_file)
    rules = LandlockWall(ME, version).rules(request_for(**how))
    assert struct.unpack("<3Q", rules["ruleset"])[1] == (3 if held else 0)
    assert rules["ports"] == ports


@pytest.mark.parametrize(
    ("user", "version", "how", "expected"),
    [
        (ME, 7, {}, ("NONE", False)),
        (ME, 7, {"sockets": "tests"}, ("TCP", False)),
        (NOBODY, 7, {"sockets": "tests"}, ("TCP", True)),
        (NOBODY, 7, {"sockets": "none"}, ("NONE", False)),
        (ME, 7, {"sockets": "any"}, ("ANY", True)),
        (ME, 7, {"network": True, "sockets": "tests"}, ("ANY", False)),
        (ME, 7, {"network": True, "sockets": "any"}, ("ANY", False)),
        (NOBODY, 7, {"network": True, "sockets": "tests"}, ("ANY", True)),
        (ME, 3, {"sockets": "tests"}, ("NONE", False)),  # TCP that nobody could judge
    ],
)
def test_the_filter_holds_what_landlock_cannot(
    request_for: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
    user: BuildUser,
    version: int,
    how: dict[str, Any],
    expected: tuple[str, bool],
) -> None:
    asked = []
    monkeypatch.setattr("abuildpy.sandbox.mounts.may_enter", lambda path, user: True)

    def socket_filter(machine: str, inet: Inet, *, unix: bool) -> bytes:
        asked.append((inet.name, unix))
        return b"filter"

    monkeypatch.setattr(landlock, "socket_filter", socket_filter)
    assert LandlockWall(user, version).rules(request_for(**how))["filter"] == b"filter"
    assert asked == [expected]


def test_a_file_system_of_its_own_is_refused(request_for: Callable[..., Request]) -> None:
    request = request_for(view=View(Path("/"), (), Path("/home/x")))
    with pytest.raises(SandboxError):
        LandlockWall(ME, 7).start(request)


def test_a_place_that_roots_stage_cannot_reach_is_named(request_for: Callable[..., Request], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(SandboxError, match=r"user 65525.* cannot reach"):
        LandlockWall(NOBODY, 7).start(request_for())


def test_gaps_are_told_by_kernel_user_and_machine() -> None:
    best = gaps(7, NOBODY, "x86_64")
    assert not any("empt" in gap or "UDP" in gap or "own files" in gap for gap in best)
    assert any("emptied" in gap for gap in gaps(2, NOBODY, "x86_64"))
    assert any("own files" in gap for gap in gaps(7, ME, "x86_64"))
    assert any("UDP" in gap for gap in gaps(7, NOBODY, "riscv64"))
    assert "TCP is open" in gaps(3, NOBODY, "riscv64")
    assert any("can be ended" in gap for gap in gaps(5, ME, "x86_64"))
    assert set(best) < set(gaps(5, NOBODY, "x86_64"))
