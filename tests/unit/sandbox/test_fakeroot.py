# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.errors import SandboxError
from abuildpy.package.model import Owner
from abuildpy.sandbox.fakeroot import (
    find_fakeroot,
    pack_capabilities,
    parse_capabilities,
    parse_state,
    without_builder,
)

STATE = (
    b"dev=fe00,ino=2156902,mode=100644,uid=5,gid=6,nlink=1,rdev=0\n"
    b"dev=fe00,ino=2156907,mode=20644,uid=0,gid=0,nlink=1,rdev=259\n"
)


def test_state_gives_owner_and_whole_mode_by_inode() -> None:
    assert parse_state(STATE) == {
        (0xFE00, 2156902): Owner(5, 6, 0o100644),
        (0xFE00, 2156907): Owner(0, 0, 0o20644, (1, 3)),
    }
    assert parse_state(b"") == {}


@pytest.mark.parametrize(
    "state",
    [
        STATE[:-1],
        b"garbage\n",
        b"\n",
        STATE + b"dev=fe00,ino=1,mode=1\n",
        STATE.replace(b"uid=5", b"uid=-5"),
        STATE.replace(b"uid=5", b"uid=99999999999"),
        b"\0" * 10,
    ],
)
def test_damaged_state_is_refused(state: bytes) -> None:
    with pytest.raises(SandboxError):
        parse_state(state)


def test_the_build_users_own_ids_mean_root() -> None:
    owners = {(1, 1): Owner(65525, 65525, 0o100755), (1, 2): Owner(100, 65525, 0o60644, (7, 0))}
    assert without_builder(owners, 65525, 65525) == {
        (1, 1): Owner(0, 0, 0o100755),
        (1, 2): Owner(100, 0, 0o60644, (7, 0)),
    }


# Values in the kernel's format, worked out by hand: magic, permitted, inheritable (low words), then the high ones.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cap_net_raw=ep", "0100000200200000000000000000000000000000"),
        ("cap_net_raw+ep", "0100000200200000000000000000000000000000"),
        ("cap_net_bind_service=p", "0000000200040000000000000000000000000000"),
        ("cap_chown=i", "0000000200000000010000000000000000000000"),
        ("cap_sys_admin,cap_bpf=eip", "0100000200002000000020008000000080000000"),
        ("cap_chown=ep cap_chown-e", "0000000201000000000000000000000000000000"),
        ("=ep cap_chown-p", "01000002feffffff00000000ff01000000000000"),
    ],
)
def test_capabilities_are_packed_as_the_kernel_stores_them(text: str, value: str) -> None:
    assert pack_capabilities(text).hex() == value


def test_listing_holds_text_of_getcap_and_raw_values() -> None:
    raw = b"0100000200200000000000000000000000000000"
    listing = b"a b\n\0 cap_net_raw=ep\0old\0 = cap_net_raw+ep\0raw\0" + b"0x" + raw + b"\0"
    value = bytes.fromhex(raw.decode())
    assert parse_capabilities(listing) == {b"a b\n": value, b"old": value, b"raw": value}
    assert parse_capabilities(b"") == {}


def test_the_namespaces_root_is_dropped_from_revision_3() -> None:
    listing = b"f\0000x010000030020000000000000000000000000000" + b"0e8030000\0"
    assert parse_capabilities(listing)[b"f"].hex() == "0100000200200000000000000000000000000000"


@pytest.mark.parametrize(
    "listing", [b"f\0", b"f\0cap_nonsense=ep\0", b"f\0=x\0", b"f\0000x01\0", b"f\0\xff=p\0", b"f\0a=p"]
)
def test_nonsense_is_refused(listing: bytes) -> None:
    with pytest.raises(SandboxError):
        parse_capabilities(listing)


@pytest.mark.parametrize(
    "library", ["usr/lib/libfakeroot-0.so", "usr/lib/x86_64-linux-gnu/libfakeroot/libfakeroot-sysv.so"]
)
def test_fakeroot_of_another_root(tmp_path: Path, library: str) -> None:
    with pytest.raises(SandboxError, match="not installed"):
        find_fakeroot(str(tmp_path))
    (tmp_path / library).parent.mkdir(parents=True)
    (tmp_path / library).touch()
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/faked").symlink_to(
        "/usr/bin/faked-sysv-of-the-root"
    )  # followed, it would lead out of the root
    found = find_fakeroot(str(tmp_path))
    assert (found.faked, found.library) == ("/usr/bin/faked", f"/{library}")
