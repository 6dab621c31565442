# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad sources, full disks, folders that are something else: each ends with status 1, one clear message, and nothing broken."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from badkit import PACKAGE, left_in, replace
from buildkit import (
    Place,
)
from loopback import Quiet, answering

pytest_plugins = ["buildfixtures"]


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_local_source_with_another_checksum(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, files={"a.txt": "right\n"})
    (folder / "a.txt").write_text("wrong\n")
    done = stocked.fails(folder)
    wrong, right = (hashlib.sha512(text).hexdigest() for text in (b"wrong\n", b"right\n"))
    assert "a.txt" in done.errors[0]
    assert wrong in done.err
    assert right in done.err
    assert "abuild checksum" in done.err
    assert (folder / "a.txt").read_text() == "wrong\n", "what the user wrote is not moved away"


def test_a_download_with_another_checksum(stocked: Place) -> None:
    path, line = stocked.archive("foo-1.0.tar.gz", {"a": b"right"})
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    path.write_bytes(b"wrong")
    done = stocked.fails(folder)
    assert path.name in done.errors[0]
    assert not path.exists()
    aside = path.with_name(f"{path.name}.{line[:8]}")
    assert aside.read_bytes() == b"wrong"
    assert aside.name in done.err + done.out


def test_a_source_that_is_not_there(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, files={"a.txt": "x"})
    (folder / "a.txt").unlink()
    assert "a.txt" in stocked.fails(folder).errors[0]


@pytest.fixture
def server() -> Iterator[str]:
    """A web server that ends every answer half way; the address of a file."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 500)

    with answering(Handler) as address:
        yield f"{address}/foo-1.0.tar.gz"


def test_a_download_that_ends_early(stocked: Place, server: str) -> None:
    folder = stocked.recipe(PACKAGE, source=server, sums=f"{'0' * 128}  foo-1.0.tar.gz\n")
    done = stocked.fails(folder)
    assert done.errors[0].endswith("the connection ended after 500 of 1000 bytes")
    distfiles = stocked.base / "distfiles"
    assert not (distfiles / "foo-1.0.tar.gz").exists(), "half a file must not look like a whole one"


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    "members",
    [
        {"{outside}/planted": b"x"},
        {"../../../../planted": b"x"},
        {"a/../../../../../planted": b"x"},
        {"link": "symlink {outside}", "link/planted": b"x"},
        {"link": "symlink ../../../..", "link/planted": b"x"},
        {"one": "symlink two", "two": "symlink {outside}", "one/planted": b"x"},
        {"planted": "hardlink {outside}/victim", "again": b"x"},
        {"planted": "hardlink ../../../../victim"},
        {"planted": "device"},
    ],
    ids=["absolute", "dots", "inner dots", "link", "relative link", "two links", "hard link", "dots link", "device"],
)
def test_an_archive_that_reaches_out(stocked: Place, members: dict[str, bytes | str]) -> None:
    outside = stocked.base / "outside"
    outside.mkdir(mode=0o777)
    (stocked.base / "victim").write_text("as it was")
    (outside / "victim").write_text("as it was")
    before = {path: path.read_bytes() for path in stocked.base.rglob("victim")}
    content: dict[str, bytes | tarfile.TarInfo] = {}
    for template, what in members.items():
        name = template.format(outside=outside)
        if isinstance(what, bytes):
            content[name] = what
        elif what == "device":
            info = tarfile.TarInfo(name)
            info.type = tarfile.CHRTYPE
            content[name] = info
        else:
            kind, target = what.format(outside=outside).split()
            content[name] = _link(name, target, tarfile.SYMTYPE if kind == "symlink" else tarfile.LNKTYPE)
    path, line = stocked.archive("foo-1.0.tar.gz", content)
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    done = stocked.fails(folder)
    assert path.name in done.errors[0], str(done)
    assert [p for p in stocked.base.rglob("planted") if folder not in p.parents] == []
    assert {path: path.read_bytes() for path in before} == before
    assert all(path.stat().st_nlink == 1 for path in before)
    assert (folder / "src").is_dir()


def test_an_archive_that_is_cut_short(stocked: Place) -> None:
    path, _ = stocked.archive("foo-1.0.tar.gz", {"a": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:3000])
    line = f"{hashlib.sha512(path.read_bytes()).hexdigest()}  {path.name}\n"
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    assert path.name in stocked.fails(folder).errors[0]


def test_a_patch_that_does_not_apply(stocked: Place) -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n"
    folder = stocked.recipe(PACKAGE, files={"a.patch": patch})
    done = stocked.run(folder, "-d")
    assert done.status == 1
    assert "prepare failed" in done.errors[-1]
    assert "a.patch" in done.err
    assert (folder / "src").is_dir()


def test_odd_names_of_sources_and_folders(place: Place) -> None:
    """The folder of the recipe may be called anything; a source only what can be a name in a repository."""
    base = place.aports / os.fsdecode(b"odd \xff\n'\"$(x)`")
    folder = place.recipe(
        'build() { cp a.txt b.txt; }\npackage() { install -Dm644 b.txt "$pkgdir"/usr/share/b; }\n', files={"a.txt": "x"}
    )
    base.mkdir()
    moved = base / "foo"
    folder.rename(moved)
    place.build(moved)
    [package] = place.repodest.rglob("foo-1.0-r0.apk")
    assert package.parent.parent.name == base.name
    (moved / "a b.txt").write_text("x")
    replace(moved, 'source="a.txt"', 'source="a\nb.txt"')
    assert place.run(moved, "-d").status == 1


# --- disks and folders -----------------------------------------------------------------------------------------------


Lay = Callable[[Path, str], None]


def test_a_full_disk_while_a_phase_writes(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.aports, "1m")
    folder = stocked.recipe("build() { head -c 3000000 /dev/zero > big; }\n" + PACKAGE)
    done = stocked.fails(folder)
    assert done.errors == ["foo: build failed"]
    assert "No space left on device" in done.err
    assert (folder / "src/big").exists()


def test_a_full_disk_while_unpacking(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.aports, "1m")
    path, line = stocked.archive("foo-1.0.tar.gz", {"big": bytes(3000000)})
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    done = stocked.fails(folder)
    assert "No space left on device" in done.errors[0]


def test_a_full_disk_while_downloading(stocked: Place, small_disk: Lay, server: str) -> None:
    small_disk(stocked.base / "distfiles", "4k")
    (stocked.base / "distfiles/filler").write_bytes(bytes(4096))
    folder = stocked.recipe(PACKAGE, source=server, sums=f"{'0' * 128}  foo-1.0.tar.gz\n")
    done = stocked.fails(folder)
    assert "No space left on device" in done.errors[0]
    assert "SRCDEST" in done.err
    assert not (stocked.base / "distfiles/foo-1.0.tar.gz").exists()


def test_a_full_repository(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.repodest, "200k")
    small = stocked.recipe(PACKAGE, name="small")
    stocked.build(small)
    big = stocked.recipe(
        PACKAGE + 'sub() { mkdir -p "$subpkgdir"/usr; head -c 600000 /dev/urandom > "$subpkgdir"/usr/big; }\n',
        name="big",
        subpackages="big-sub",
    )
    done = stocked.fails(big)
    assert "No space left on device" in done.errors[0]
    assert "free some space" in done.err
    assert left_in(stocked.repodest) == []
    assert sorted(stocked.index()) == ["small"]
    assert (big / "pkg").is_dir(), "kept for looking"


def test_a_full_repository_when_the_index_is_written(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.repodest, "64k")
    folder = stocked.recipe(PACKAGE)
    stocked.build(folder)
    filler = stocked.repodest / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    done = stocked.fails(folder, "index")
    assert "No space left on device" in done.errors[0]
    assert left_in(stocked.repodest) == ["filler"]
    assert sorted(stocked.index()) == ["foo"]


def test_a_repository_that_cannot_be_written(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    users_place.repodest.chmod(0o555)
    done = users_place.fails(folder)
    assert str(users_place.repodest) in done.errors[0]
    assert "Permission denied" in done.errors[0]
    users_place.repodest.chmod(0o755)
    users_place.build(folder)
    users_place.repository().chmod(0o555)
    done = users_place.fails(folder, "-f")
    assert "Permission denied" in done.errors[0]
    assert left_in(users_place.repodest) == []
    users_place.repository().chmod(0o755)


@pytest.mark.parametrize("where", ["", "main", "main/ARCH"])
def test_a_repository_that_is_a_file(place: Place, where: str) -> None:
    folder = place.recipe(PACKAGE)
    path = place.repodest / where.replace("ARCH", place.arch)
    if path.exists():
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file\n")
    done = place.run(folder, "-d")
    assert done.status == 1
    assert len(done.errors) == 1, str(done)
    assert str(path) in done.errors[0]
    assert "Traceback" not in done.err
    assert path.read_text() == "a file\n"


def test_a_damaged_index_and_a_damaged_package_in_the_repository(stocked: Place) -> None:
    (stocked.repository() / "APKINDEX.tar.gz").write_bytes(b"rubbish")
    (stocked.repository() / "broken-1.0-r0.apk").write_bytes(b"rubbish")
    folder = stocked.recipe(PACKAGE)
    done = stocked.build(folder)
    assert sorted(stocked.index()) == ["foo", "stock"]
    assert any("broken-1.0-r0.apk" in line for line in done.warnings)


def test_a_recipe_folder_that_cannot_be_written(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    folder.chmod(0o555)
    done = users_place.fails(folder)
    assert str(folder) in done.errors[0]
    assert "Permission denied" in done.errors[0]
    folder.chmod(0o755)


@pytest.mark.parametrize("name", ["src", "pkg", "tmp"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_work_folders_that_are_something_else(stocked: Place, name: str, kind: str) -> None:
    """What stands in a work folder's place is removed, never followed."""
    elsewhere = stocked.base / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    folder = stocked.recipe(PACKAGE)
    if kind == "file":
        (folder / name).write_text("a file")
    else:
        (folder / name).symlink_to(elsewhere if kind == "link" else "/no/such/place")
    done = stocked.run(folder, "-d")
    assert "Traceback" not in done.err
    assert (elsewhere / "precious").read_text() == "mine"
    assert [p.name for p in elsewhere.iterdir()] == ["precious"]
    if done.status:
        stocked.assert_failed_well(done, {**stocked.repository_bytes()})
    else:
        assert "foo" in stocked.index()
    done = stocked.run(folder, "-d", "prepare")
    assert done.status == 0 or len(done.errors) == 1, str(done)


def test_a_work_folder_elsewhere_stays_unharmed_with_K(stocked: Place) -> None:
    elsewhere = stocked.base / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    owner = elsewhere.stat().st_uid
    folder = stocked.recipe(PACKAGE)
    (folder / "src").symlink_to(elsewhere)
    done = stocked.run(folder, "-d", "-K")
    assert "Traceback" not in done.err
    assert (elsewhere / "precious").read_text() == "mine"
    assert elsewhere.stat().st_uid == owner
    assert done.status == 0 or len(done.errors) == 1, str(done)


def test_an_install_script_that_cannot_be_read(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, install="foo.post-install")
    (folder / "foo.post-install").symlink_to("/no/such/file")
    assert "foo.post-install" in stocked.fails(folder).errors[0]
