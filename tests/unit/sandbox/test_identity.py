# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser
from abuildpy.sandbox.identity import BUILD_ID, Identity, build_user, may_read, reachable


def lines(text: str) -> dict[str, list[str]]:
    return {line.split(":")[0]: line.split(":") for line in text.splitlines()}


def test_base_accounts_have_alpines_ids() -> None:
    identity = Identity.build((), (), 1000, 1000)
    assert [identity.user_name(uid) for uid in (0, 21, 123, 65534)] == ["root", "ftp", "ntp", "nobody"]
    groups = [identity.group_name(gid) for gid in (10, 27, 82, 300, 65533)]
    assert groups == ["wheel", "video", "www-data", "abuild", "nogroup"]
    assert identity.user_name(4711) == ""


def test_every_line_is_well_formed_and_ids_are_unique() -> None:
    identity = Identity.build(("minio", "redis"), ("minio",), BUILD_ID, BUILD_ID)
    passwd, group = identity.passwd_text.splitlines(), identity.group_text.splitlines()
    assert {line.count(":") for line in passwd} == {6}
    assert {line.count(":") for line in group} == {3}
    uids = [line.split(":")[2] for line in passwd]
    assert len(uids) == len(set(uids))
    gids = {line.split(":")[2] for line in group}
    assert {line.split(":")[3] for line in passwd} <= gids


def test_package_users_get_system_ids_in_order_and_their_own_group() -> None:
    identity = Identity.build(("minio", "ftp", "redis"), ("minio", "www-data"), 1000, 1000)
    passwd, group = lines(identity.passwd_text), lines(identity.group_text)
    assert passwd["minio"][2:4] == ["100", "101"]
    assert passwd["redis"][2:4] == ["101", "65533"]
    assert group["minio"][2] == "101"
    assert passwd["ftp"][2] == "21"
    assert group["www-data"][2] == "82"


def test_package_ids_avoid_the_build_users() -> None:
    identity = Identity.build(("minio",), ("minio",), 100, 101)
    assert identity.user_name(100) == "builder"
    assert lines(identity.passwd_text)["minio"][2] == "101"
    assert lines(identity.group_text)["minio"][2] == "102"


def test_many_users_skip_ids_that_alpine_has_given() -> None:
    identity = Identity.build([f"u{n}" for n in range(40)], [f"g{n}" for n in range(40)], 1000, 1000)
    assert identity.user_name(123) == identity.group_name(123) == "ntp"
    assert len(identity.users) == 17 + 40 + 1


def test_build_user_with_a_known_id_or_a_taken_name() -> None:
    assert Identity.build((), (), 65534, 65534).user_name(65534) == "nobody"
    assert Identity.build(("builder",), (), 1000, 1000).user_name(1000) == "abuilder"


@pytest.mark.parametrize("name", ["", "a:b", "a\nroot", "-x", "a b"])
def test_names_that_would_break_the_files_are_refused(name: str) -> None:
    with pytest.raises(SandboxError):
        Identity.build((name,), (), 1000, 1000)


def test_written_files_are_readable_by_all(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        pairs = Identity.build((), (), 1000, 1000).write(tmp_path)
    finally:
        os.umask(old)
    assert [target for _, target in pairs] == [Path("/etc/passwd"), Path("/etc/group")]
    assert all(source.stat().st_mode & 0o777 == 0o644 for source, _ in pairs)
    assert pairs[0][0].read_text().startswith("root:x:0:0:")


def test_ordinary_callers_stay_themselves_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getegid", lambda: 1235)
    assert build_user(tmp_path) == BuildUser(BUILD_ID, BUILD_ID, 1234, 1235)


def test_root_builds_as_the_owner_of_the_recipe_else_as_a_reserved_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    assert build_user(tmp_path) == BuildUser(BUILD_ID, BUILD_ID, BUILD_ID, BUILD_ID, drops=True)
    os.chown(tmp_path, 54321, 0)
    assert build_user(tmp_path) == BuildUser(54321, 54321, 54321, 54321, drops=True)
    assert build_user(tmp_path, chosen=777).uid == 777
    with pytest.raises(SandboxError):
        build_user(tmp_path, chosen=0)


def test_mode_bits_decide_what_the_user_can_read(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    stranger = BuildUser(1, 1, 4242, 4242)
    owner = BuildUser(1, 1, os.getuid() or 4243, 4243)
    file.chmod(0o600)
    assert not may_read(file, stranger)
    file.chmod(0o604)
    assert may_read(file, stranger)
    file.chmod(0o404)
    assert may_read(file, owner)
    tmp_path.chmod(0o700)
    assert not reachable(file, stranger)


def test_accounts_of_a_system_are_added_to() -> None:
    base = ("root:x:0:0:r:/root:/bin/sh\nother:x:100:7:o:/:/bin/sh\n", "root:x:0:\nteam:x:101:other\nodd line\n")
    identity = Identity.build(("minio", "other"), ("minio", "team"), 1000, 1000, home="/home/user", base=base)
    passwd, group = lines(identity.passwd_text), lines(identity.group_text)
    assert list(passwd) == ["root", "other", "minio", "user"]
    assert passwd["minio"][2:4] == ["101", "102"]  # 100 and 101 are taken
    assert passwd["other"][2:4] == ["100", "7"]
    assert passwd["user"][2:6] == ["1000", "1000", "user", "/home/user"]
    assert group["team"] == ["team", "x", "101", "other"]
    assert "odd line" in identity.group_text.splitlines()
    assert (identity.user_name(101), identity.group_name(102), identity.group_name(1000)) == ("minio", "minio", "user")
    assert identity.user_name(21) == ""  # Alpine's base accounts are not there
