# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild rootbld`` where something is in its way, or somebody wants more than to be built."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from buildkit import finish, wait_for
from rootkit import PACKAGE, RootPlace, rootbld_fails, rooted_recipe

pytest_plugins = ("buildfixtures", "rootfixtures")
pytestmark = pytest.mark.usefixtures("walls")


# --- whose the root is -----------------------------------------------------------------------------------------------


def test_nobody_else_can_enter_a_root(rooted: RootPlace) -> None:
    """Programs in it may be setuid root, and the way to it stands in apk's command line."""
    place = rooted.place
    done = place.run(rooted_recipe(rooted), "-K", "rootbld")
    assert done.status == 0, str(done)
    (left,) = rooted.leftovers()
    info = left.stat()
    subprocess.run(["rm", "-rf", str(left)], check=True)
    if os.geteuid() == 0 and place.owner is None:
        assert stat.S_IMODE(info.st_mode) == 0o710
        assert info.st_gid not in {0, *os.getgroups()}
    else:
        assert stat.S_IMODE(info.st_mode) == 0o700


# --- what making it leaves behind ------------------------------------------------------------------------------------


def _pid(rooted: RootPlace) -> int:
    path = Path(f"{rooted.calls}.pid")
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), "the package's script")
    return int(path.read_text())


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_what_package_scripts_leave_running_ends(rooted: RootPlace) -> None:
    rooted.rootbld(rooted_recipe(rooted, makedepends="daemon"))
    assert not _alive(_pid(rooted))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_package_scripts_end_with_us(rooted: RootPlace, number: signal.Signals) -> None:
    process = rooted.place.start(rooted_recipe(rooted, makedepends="slow"), "rootbld")
    script = _pid(rooted)
    assert _alive(script)
    process.send_signal(number)
    done = finish(process)
    if number == signal.SIGKILL:
        wait_for(lambda: not _alive(script), "the end of the package's script")
        for left in rooted.leftovers():
            subprocess.run(["rm", "-rf", str(left)], check=True)
    else:
        assert done.status == 1
        assert len(done.errors) == 1
        assert not _alive(script)
        assert rooted.leftovers() == []


# --- what packages put into it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["home", "etc", "tmp", "var", "etc/passwd", "etc/group"])
def test_links_of_packages_lead_nowhere(ours: RootPlace, path: str) -> None:
    """Out here they would lead to somebody else's files: nothing is read there and nothing made."""
    outside = Path(f"{ours.calls}.outside")
    if "/" in path:
        outside.write_text("secret:x:4711:4711::/:/bin/sh\n")
    else:
        outside.mkdir()
    before = outside.stat().st_mtime_ns
    functions = f"build() {{ cat /etc/passwd /etc/group; }}\n{PACKAGE}"
    done = rootbld_fails(ours, rooted_recipe(ours, functions, makedepends=f"link-{path}"))
    assert f"/{path}" in done.errors[0]
    assert "4711" not in done.out
    assert outside.stat().st_mtime_ns == before
    assert ours.leftovers() == []


def test_an_account_file_that_is_a_pipe(ours: RootPlace) -> None:
    """Reading it would take for ever."""
    done = rootbld_fails(ours, rooted_recipe(ours, makedepends="pipe-etc/passwd"))
    assert "/etc/passwd is not a file" in done.errors[0]


def test_a_resolver_configuration_that_is_a_link(ours: RootPlace) -> None:
    outside = Path(f"{ours.calls}.outside")
    outside.write_text("mine\n")
    folder = rooted_recipe(ours, options="!check net", makedepends="link-etc/resolv.conf")
    ours.rootbld(folder)
    assert outside.read_text() == "mine\n"


# --- places ----------------------------------------------------------------------------------------------------------


def test_a_source_folder_that_is_not_there_yet(rooted: RootPlace) -> None:
    rooted.rootbld(rooted_recipe(rooted), env={"SRCDEST": str(rooted.place.base / "not/yet")})


def test_without_a_source_folder(rooted: RootPlace) -> None:
    rooted.rootbld(rooted_recipe(rooted), env={"SRCDEST": ""})


def test_a_private_folder_for_temporary_files(rooted: RootPlace) -> None:
    """Root's stages are somebody else's, who cannot enter it."""
    folder = rooted.place.home / "private tmp"
    folder.mkdir(mode=0o700)
    if rooted.place.owner is not None:
        rooted.place.give_away()
    rooted.rootbld(rooted_recipe(rooted), env={"TMPDIR": str(folder)})
    assert list(folder.iterdir()) == []


def test_a_recipe_that_only_root_can_reach(ours: RootPlace) -> None:
    """It is copied for those who run it, without what is no file."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    functions = """\
        build() { ls -A "$startdir" > list; cat "$startdir"/sub/src/kept >> list; }
        package() { install -Dm644 list "$pkgdir"/list; test -s "$srcdir"/data; }
        """
    folder = rooted_recipe(ours, functions)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    (folder / "link").symlink_to("/nowhere")
    (folder / "sub/src").mkdir(parents=True)
    (folder / "sub/src/kept").write_text("kept\n")
    ours.place.aports.chmod(0o700)
    (ours.place.base / "distfiles").chmod(0o700)
    ours.rootbld(folder)
    assert ours.place.package().contents["list"].decode().split() == ["APKBUILD", "data", "link", "sub", "kept"]


def test_places_where_nothing_can_run(ours: RootPlace) -> None:
    folder = rooted_recipe(ours)
    covered = 'mount -t tmpfs -o noexec none /var/tmp && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", covered, "sh", *ours.place.command("rootbld")],
        cwd=folder,
        env=ours.place.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mount namespace here")
    assert done.returncode == 1
    assert "/var/tmp, which is mounted noexec" in done.stderr
    assert ours.called() == []


# --- functions of the recipe's own -----------------------------------------------------------------------------------


def test_an_own_unpack(rooted: RootPlace) -> None:
    """default_unpack has the sources fetched again, out here: the links that it finds lead to where they are inside."""
    archive, line = rooted.place.archive("more.tar.gz", {"more/file": b"more\n"})
    functions = """\
        unpack() {
            default_unpack
            cp "$srcdir"/data "$srcdir"/copy
            readlink "$srcdir"/data >> "$srcdir"/copy
            readlink "$srcdir"/more.tar.gz >> "$srcdir"/copy
        }
        package() { install -Dm644 "$srcdir"/copy "$pkgdir"/copy; install -Dm644 "$srcdir"/more/file "$pkgdir"/more; }
        """
    source = f"https://example.invalid/{archive.name}"
    folder = rooted_recipe(rooted, functions, source=source, sums=line)
    rooted.rootbld(folder)
    package = rooted.place.package()
    assert package.contents["copy"] == b"data\n/home/user/aports/main/foo/data\n/tmp/distfiles/more.tar.gz\n"
    assert package.contents["more"] == b"more\n"


def test_an_own_fetch(rooted: RootPlace) -> None:
    """It runs out here, before the root is made."""
    functions = f"""\
        fetch() {{ default_fetch; echo fetched > "$SRCDEST"/mine; }}
        build() {{ cmp -s "$SRCDEST"/mine - <<-X || return 1
        fetched
        X
        }}
        {PACKAGE}"""
    distfiles = rooted.place.base / "distfiles"
    if os.geteuid() == 0 and rooted.place.owner is None:
        distfiles.chmod(0o777)  # for those who run recipes for root
    rooted.rootbld(rooted_recipe(rooted, functions))
    assert (distfiles / "mine").read_text() == "fetched\n"


def test_later_verbs_are_not_in_the_root(ours: RootPlace) -> None:
    """One that is kept is none of their business."""
    functions = """\
        mkusers() { echo here > "$srcdir"/where; }
        build() { test -e "$srcdir"/where || echo inside > "$srcdir"/where; }
        package() { install -Dm644 "$srcdir"/where "$pkgdir"/where; }
        """
    folder = rooted_recipe(ours, functions)
    done = ours.place.run(folder, "-d", "-f", "-K", "rootbld", "build_abuildrepo")
    for left in ours.leftovers():
        subprocess.run(["rm", "-rf", str(left)], check=True)
    assert done.status == 0, str(done)
    assert ours.place.package().contents["where"] == b"here\n"
