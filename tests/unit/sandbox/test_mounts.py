# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.mounts import Kind, Mount, Table, mount_table

USER = BuildUser(65525, 65525, 1000, 1000)
DROPPING = BuildUser(65525, 65525, 65525, 65525, drops=True)


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder outside /tmp, so that the sandbox's own /tmp is not in the way."""
    with TemporaryDirectory(dir="/var/tmp" if os.geteuid() else "/srv") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        for part in ("aports/main/foo/src", "aports/main/foo/pkg", "session/home", "session/tmp", "user/.ssh"):
            (folder / part).mkdir(parents=True)
        yield folder


@pytest.fixture
def request_(base: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    if base.is_relative_to("/var/tmp"):
        pytest.skip("no place to write outside /tmp and /var/tmp")
    monkeypatch.setenv("HOME", str(base / "user"))
    startdir = base / "aports/main/foo"
    return Request(
        argv=("true",),
        env={},
        cwd=startdir,
        home=base / "session/home",
        tmp=base / "session/tmp",
        readable=(base / "aports",),
        writable=(startdir / "src", startdir / "pkg"),
    )


def at(table: Table, target: Path | str) -> Mount | None:
    found = [mount for mount in table.mounts if mount.target == Path(target)]
    assert len(found) <= 1
    return found[0] if found else None


def order(table: Table, *targets: Path | str) -> list[int]:
    targets_in_order = [mount.target for mount in table.mounts]
    return [targets_in_order.index(Path(target)) for target in targets]


def test_the_whole_root_is_read_only_and_comes_first(request_: Request) -> None:
    table = mount_table(request_, USER)
    assert table.mounts[0].arguments() == ["--ro-bind", "/", "/"]
    assert table.arguments()[:8] == ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--perms"]


def test_only_the_named_places_are_writable(request_: Request) -> None:
    startdir = request_.cwd
    writable = {m.target for m in mount_table(request_, USER).mounts if m.kind is Kind.WRITABLE}
    assert writable == {Path("/tmp"), Path("/var/tmp"), Path("/home/builder"), startdir / "src", startdir / "pkg"}


def test_private_places(request_: Request, base: Path) -> None:
    table = mount_table(request_, USER)
    assert table.home == Path("/home/builder")
    for place in ("/run", "/home", "/root", base / "user"):
        mount = at(table, place)
        assert mount is not None and mount.kind is Kind.EMPTY, place
    for place, source in (("/tmp", request_.tmp), ("/var/tmp", request_.tmp), ("/home/builder", request_.home)):
        assert at(table, place) == Mount(Kind.WRITABLE, Path(place), source)
    assert order(table, "/home", "/home/builder") == sorted(order(table, "/home", "/home/builder"))


def test_a_tree_in_the_open_needs_no_mount_but_one_in_a_hidden_home_does(request_: Request, base: Path) -> None:
    assert at(mount_table(request_, USER), base / "aports") is None
    tree = base / "user/aports"
    (tree / "src").mkdir(parents=True)
    table = mount_table(replace(request_, readable=(tree,), writable=(tree / "src",), cwd=tree), USER)
    assert at(table, tree) == Mount(Kind.READ_ONLY, tree, tree)
    in_order = order(table, base / "user", tree, tree / "src")
    assert in_order == sorted(in_order)


def test_folders_above_a_tree_in_a_hidden_place_can_be_passed_by_all(request_: Request, base: Path) -> None:
    tree = base / "user/a/b/c"
    tree.mkdir(parents=True)
    table = mount_table(replace(request_, readable=(tree,)), USER)
    assert at(table, base / "user/a/b") == Mount(Kind.FOLDER, base / "user/a/b", mode=0o755)


def test_folders_that_the_user_cannot_pass_are_replaced(request_: Request, base: Path) -> None:
    (base / "aports/main").chmod(0o700)
    tree = base / "aports/main/foo"
    request = replace(request_, readable=(tree,))
    table = mount_table(request, DROPPING)
    mount = at(table, base / "aports/main")
    assert mount is not None and mount.kind is Kind.EMPTY
    assert at(table, tree) == Mount(Kind.READ_ONLY, tree, tree)
    assert at(mount_table(request, USER), base / "aports/main") is None


def test_a_tree_that_the_user_cannot_read_is_refused(request_: Request, base: Path) -> None:
    (base / "aports").chmod(0o700)
    with pytest.raises(SandboxError, match="cannot be read"):
        mount_table(request_, DROPPING)


def test_keys_inside_visible_trees_are_masked(request_: Request, base: Path) -> None:
    key, folder = base / "aports/key.rsa", base / "aports/agents"
    key.touch()
    folder.mkdir()
    hidden = (key, folder, base / "aports/missing", base / "user/.ssh")
    table = mount_table(replace(request_, hidden=hidden), USER)
    assert at(table, key) == Mount(Kind.READ_ONLY, key, Path("/dev/null"))
    assert at(table, folder) == Mount(Kind.EMPTY, folder, mode=0o555)
    assert at(table, base / "user/.ssh") is None, "its home is hidden already"


def test_a_recipe_directly_in_the_home_shows_the_home_without_its_secrets(request_: Request, base: Path) -> None:
    home = base / "user"
    table = mount_table(replace(request_, readable=(home,), cwd=home), USER)
    assert at(table, home) is None or at(table, home) == Mount(Kind.READ_ONLY, home, home)
    assert at(table, home / ".ssh") == Mount(Kind.EMPTY, home / ".ssh", mode=0o555)


def test_home_inside_keeps_clear_of_a_tree_in_home_builder(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.access("/home", os.W_OK):
        pytest.skip("needs to write below /home")
    made = not Path("/home/builder").exists()
    with TemporaryDirectory(dir="/home", prefix="builder-") as other:
        tree = Path(other)
        monkeypatch.setattr("abuildpy.sandbox.mounts._HOME_NAMES", (tree.name, "second"))
        table = mount_table(replace(request_, readable=(tree,)), USER)
    assert table.home == Path("/home/second")
    assert made == (not Path("/home/builder").exists())


def test_links_that_led_to_a_tree_exist_inside_a_hidden_place(request_: Request, base: Path) -> None:
    link = base / "user/link"
    link.symlink_to("../aports")
    table = mount_table(replace(request_, readable=(link / "main",), cwd=link / "main/foo"), USER)
    assert at(table, link) == Mount(Kind.SYMLINK, link, Path("../aports"))


def test_a_link_planted_by_the_recipe_is_not_followed(request_: Request, base: Path) -> None:
    planted = request_.cwd / "src/cache"
    planted.symlink_to(base / "user")
    with pytest.raises(SandboxError, match="leads through the link"):
        mount_table(replace(request_, readable=(planted / ".ssh",)), USER)
    table = mount_table(replace(request_, caches=(planted,)), USER)
    assert not any(mount.source and mount.source.is_relative_to(base / "user") for mount in table.mounts)
    with pytest.raises(SandboxError, match="not a folder"):
        mount_table(replace(request_, home=planted), USER)
    (request_.cwd / "src/more").symlink_to(base)
    with pytest.raises(SandboxError, match="leads through the link"):
        mount_table(replace(request_, tmp=request_.cwd / "src/more/user"), USER)


def test_a_work_folder_that_is_a_link_is_refused(request_: Request, base: Path) -> None:
    (request_.cwd / "src").rmdir()
    (request_.cwd / "src").symlink_to(base / "user")
    with pytest.raises(SandboxError, match="not a folder"):
        mount_table(request_, USER)


def test_mount_points_below_tmp_are_made_at_its_top_only(request_: Request) -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        tree = Path(name) / "deep/tree"
        tree.mkdir(parents=True)
        (request_.tmp / Path(name).name).symlink_to("/etc")
        table = mount_table(replace(request_, readable=(tree,)), USER)
        top = at(table, name)
        assert top is not None and top.kind is Kind.EMPTY
        assert not (request_.tmp / Path(name).name).is_symlink()
        in_order = order(table, "/tmp", name, tree)
        assert in_order == sorted(in_order)


@pytest.mark.parametrize("place", ["/tmp", "/var/tmp", "/run"])
def test_trees_that_are_private_places_themselves_are_refused(request_: Request, place: str) -> None:
    with pytest.raises(SandboxError, match="itself"):
        mount_table(replace(request_, readable=(Path(place),)), USER)


def test_the_root_folder_as_a_tree_uncovers_nothing(request_: Request) -> None:
    table = mount_table(replace(request_, readable=(Path("/"),)), USER)
    assert [mount for mount in table.mounts if mount.source == Path("/")] == [table.mounts[0]]


def test_files_are_laid_over_existing_ones_only(request_: Request, base: Path) -> None:
    source = base / "passwd"
    source.touch()
    table = mount_table(replace(request_, files=((source, Path("/etc/passwd")),)), USER)
    assert at(table, "/etc/passwd") == Mount(Kind.READ_ONLY, Path("/etc/passwd"), source)
    with pytest.raises(SandboxError, match="no such file"):
        mount_table(replace(request_, files=((source, Path("/etc/no-such-file")),)), USER)


def test_caches_are_writable_and_those_inside_work_folders_need_nothing(request_: Request, base: Path) -> None:
    outside, inside = base / "user/.ccache", request_.cwd / "src/go"
    outside.mkdir()
    inside.mkdir()
    table = mount_table(replace(request_, caches=(outside, inside)), USER)
    assert at(table, outside) == Mount(Kind.WRITABLE, outside, outside)
    assert at(table, inside) is None


def test_the_lower_rung_shows_the_hosts_proc_read_only(request_: Request) -> None:
    table = mount_table(request_, USER, fresh_proc=False)
    assert at(table, "/proc") == Mount(Kind.READ_ONLY, Path("/proc"), Path("/proc"))


def test_relative_paths_and_missing_trees_are_refused(request_: Request, base: Path) -> None:
    for path in (Path("aports"), base / "missing"):
        with pytest.raises(SandboxError):
            mount_table(replace(request_, readable=(path,)), USER)
