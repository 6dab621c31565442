# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from apk_samples import MakeApk

from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.repository.installed import InstalledDatabase, apk_root, open_database

DATABASE = """\
C:Q1aaaa=
P:musl
V:1.2.4-r2
A:x86_64
S:1
I:2
T:libc
U:u
L:MIT
o:musl
p:so:libc.musl-x86_64.so.1=1 cmd:ldd=1.2.4-r2
F:lib
R:libc.musl-x86_64.so.1
a:0:0:777
Z:Q1bbbb=
R:ld-musl-x86_64.so.1
a:0:0:755
F:usr
F:usr/bin
R:ldd

C:Q1cccc=
P:foo
V:2.0-r0
A:x86_64
S:1
I:2
T:foo
U:u
L:MIT
D:so:libc.musl-x86_64.so.1
p:virtual so:libfoo.so.1=1.2.3
r:oldfoo
q:100
F:
R:root-file
F:usr
M:0:0:1755
F:usr/lib
R:libfoo.so.1.2.3

C:Q1dddd=
P:.makedepends-bar
V:20240101.000000
S:0
I:0
T:virtual meta package
U:
L:

"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lib/apk/db").mkdir(parents=True)
    (tmp_path / "lib/apk/db/installed").write_text(DATABASE)
    return tmp_path


@pytest.fixture
def database(root: Path) -> InstalledDatabase:
    found = open_database(root)
    assert found is not None
    return found


def test_packages(database: InstalledDatabase) -> None:
    assert [p.name for p in database.packages] == ["musl", "foo", ".makedepends-bar"]
    assert database.version_of("foo") == "2.0-r0"
    assert database.version_of("nothing") is None


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        ("foo", True),
        ("foo=2.0-r0", True),
        ("foo~2.0", True),
        ("foo>2.0-r0", False),
        ("foo@edge", True),
        ("so:libfoo.so.1", True),
        ("so:libfoo.so.1>=1.2", True),
        ("so:libfoo.so.2", False),
        ("virtual", True),
        ("virtual>1", False),
        ("cmd:ldd", True),
        ("!foo", False),
        ("!foo<2", True),
        ("!nothing", True),
        ("foo><Q1cccc=", True),
        ("foo><Q1other=", False),
        ("oldfoo", False),
    ],
)
def test_is_installed(database: InstalledDatabase, dependency: str, expected: bool) -> None:
    assert database.is_installed(dependency) is expected


def test_nonsense_is_refused(database: InstalledDatabase) -> None:
    with pytest.raises(DependencyError):
        database.is_installed("=1")


def test_provider_of(database: InstalledDatabase) -> None:
    assert database.provider_of("so:libc.musl-x86_64.so.1") == "musl"
    assert database.provider_of("virtual") == "foo"
    assert database.provider_of("so:nothing.so") is None


def test_owner_of_file(database: InstalledDatabase, root: Path) -> None:
    assert database.owner_of_file("/usr/bin/ldd") == "musl"
    assert database.owner_of_file("usr/lib/libfoo.so.1.2.3") == "foo"
    assert database.owner_of_file("/root-file") == "foo"
    assert database.owner_of_file("/usr/lib") == "foo"
    assert database.owner_of_file("/usr") == "musl"
    assert database.owner_of_file("/usr/lib/libfoo.so") is None
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/absolute.so").symlink_to("/usr/lib/libfoo.so.1.2.3")
    (root / "usr/lib/relative.so").symlink_to("libfoo.so.1.2.3")
    assert database.owner_of_file("/usr/lib/absolute.so") == "foo"
    assert database.owner_of_file("/usr/lib/relative.so") is None


def test_no_database(tmp_path: Path) -> None:
    assert open_database(tmp_path) is None
    assert open_database(tmp_path / "missing") is None


def test_merged_usr_without_the_link(root: Path) -> None:
    (root / "usr").mkdir()
    os.rename(root / "lib", root / "usr/lib")
    found = open_database(root)
    assert found is not None
    assert found.is_installed("foo")


def test_damaged_database(root: Path) -> None:
    (root / "lib/apk/db/installed").write_text("V:1\n\n")
    with pytest.raises(RepositoryError, match="installed is damaged"):
        open_database(root)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("apk", "/"),
        ("/sbin/apk.static", "/"),
        ("apk --keys-dir keys", "/"),
        ("apk --keys-dir --root /r", "/"),
        ("apk --keys-dir=--root --root /r", "/r"),
        ("apk --root /r", "/r"),
        ("apk --root=/r", "/r"),
        ("apk -p /r", "/r"),
        ("apk -p/r -X -p", "/r"),
        ("apk -- --root /r", "/"),
    ],
)
def test_root_of_a_command(command: str, expected: str, tmp_path: Path) -> None:
    environment = {"APK_CONFIG": str(tmp_path / "none")}
    assert apk_root(command.split(), environment) == Path(expected)


def test_root_of_something_else() -> None:
    assert apk_root([], {}) is None
    assert apk_root(["doas", "chroot", "x", "apk"], {}) is None


def test_root_configured(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("# root /wrong\nkeys-dir /k\n  # x\nroot   /configured  # here\nroot-tmpfs no\n")
    environment = {"APK_CONFIG": str(config)}
    assert apk_root(["apk"], environment) == Path("/configured")
    assert apk_root(["apk", "--root", "/given"], environment) == Path("/given")


@pytest.mark.needs_apk
def test_apk_agrees(apk: str, make_apk: MakeApk, tmp_path: Path) -> None:
    lib = make_apk("lib", "1.2-r0", "provides = so:lib.so.1=1.2", "provides = v", files={"usr/lib/lib.so.1": b"x"})
    app = make_apk("app", "3-r1", "depend = so:lib.so.1", files={"usr/bin/app": b"x", "root-file": b"y"})
    root = tmp_path / "root"
    common = [apk, "--root", str(root), "--arch", "x86_64", "--allow-untrusted"]
    mode = [] if os.geteuid() == 0 else ["--usermode"]
    add = [*common, "add", "--quiet", "--initdb", *mode, "--no-network", "--no-scripts", str(lib), str(app)]
    subprocess.run(add, check=True)
    database = open_database(root)
    assert database is not None
    for dependency in (
        "lib",
        "lib>1",
        "lib<1",
        "v",
        "v>1",
        "v<1",
        "!v",
        "!x",
        "x",
        "so:lib.so.1~1",
        "app=3-r1",
        "app=3",
    ):
        status = subprocess.run([*common, "info", "--quiet", "-e", dependency], check=False, capture_output=True)
        assert database.is_installed(dependency) is (status.returncode == 0), dependency
    for path in ("/usr/bin/app", "/usr/lib/lib.so.1", "/root-file", "/usr/bin", "/usr/lib", "/usr", "/none"):
        said = subprocess.run(
            [*common, "info", "--quiet", "--who-owns", path], check=False, capture_output=True, text=True
        )
        assert (database.owner_of_file(path) or "") == said.stdout.strip(), path
