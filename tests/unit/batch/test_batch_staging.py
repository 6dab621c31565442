# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import gzip
import hashlib
import io
import multiprocessing
import os
import shutil
import signal
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stagingkit import ARCH, Yard, indexed, package, signer, tar, task

from abuildpy.batch.gate import GateError
from abuildpy.errors import PackageError, RepositoryError
from abuildpy.repository import apkfile
from abuildpy.repository.index import read_index

NAME = "foo-1.0-r0.apk"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def files(folder: Path) -> set[str]:
    """All files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# --- accepting ---------------------------------------------------------------------------------------------------


def test_accepted_packages_are_in_a_signed_index(yard: Yard) -> None:
    made = {NAME: package(key=signer()), "foo-dev-1.0-r0.apk": package("foo-dev", arch="noarch", key=signer())}
    names = yard.staging().accept(yard.built(task("main/foo", "1.0-r0", "foo", "foo-dev"), made))
    assert names == (f"main/{ARCH}/{NAME}", f"main/{ARCH}/foo-dev-1.0-r0.apk")
    assert {entry.arch for entry in yard.staged_index().values()} == {ARCH}
    for name, content in made.items():
        assert (yard.folder / "main" / ARCH / name).read_bytes() == content
    yard.staging().accept(yard.one("community/bar"))
    assert set(yard.staged_index("community")) == {"bar-1.0-r0.apk"}
    assert set(yard.staged_index()) == set(made)


def test_what_comes_without_a_signature_is_signed(yard: Yard) -> None:
    yard.staging().accept(yard.built(task(), {NAME: package()}))
    path = yard.folder / "main" / ARCH / NAME
    assert apkfile.is_signed_by(apkfile.read(path), {signer().name: signer().public_pem})
    # As it would have been signed where it was built: dated like the package.
    assert path.read_bytes() == package(key=signer())
    apkfile.verify_data(apkfile.read(path))


def test_the_same_again_changes_nothing(yard: Yard) -> None:
    staging = yard.staging()
    done = yard.built(task(), {NAME: package()})
    first = staging.accept(done)
    before = {name: (yard.folder / name).read_bytes() for name in files(yard.folder)}
    for each in (staging, yard.staging()):
        assert each.accept(done) == first
        assert {name: (yard.folder / name).read_bytes() for name in files(yard.folder)} == before


def test_a_newer_build_of_a_recipe_takes_the_place_of_the_older(yard: Yard) -> None:
    staging = yard.staging()
    staging.accept(yard.one(version="1.0-r0"))
    staging.accept(yard.one(version="1.0-r1"))
    assert set(yard.staged_index()) == {"foo-1.0-r1.apk"}
    assert not (yard.folder / "main" / ARCH / NAME).exists()
    staging.accept(yard.one(version="1.0-r1", content=b"other\n"))
    assert set(yard.staged_index()) == {"foo-1.0-r1.apk"}
    assert yard.staging().accepted()["main/foo"].version == "1.0-r1"


def _flip(content: bytes) -> bytes:
    return content[:-30] + bytes([content[-30] ^ 1]) + content[-29:]


_DATA = gzip.compress(tar({"usr/share/foo": b"hello\n"}, cut=False, sums=True), mtime=0)
_WRONG_SUM = gzip.compress(
    tar({"usr/share/foo": b"hello\n"}, cut=False, sums=True).replace(b"hello\n", b"HELLO\n"), mtime=0
)


def _linked(promised: str, target: str) -> bytes:
    """A package with a symbolic link whose header promises the checksum of a target."""
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("usr/link")
        info.type, info.linkname = tarfile.SYMTYPE, target
        info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(promised.encode()).hexdigest()}
        archive.addfile(info)
    return package(data=gzip.compress(out.getvalue(), mtime=0))


_OUTSIDE = gzip.compress(tar({"usr/../../etc/passwd": b"x"}, cut=False, sums=True), mtime=0)


def _flood() -> bytes:
    """An archive whose header for a file's name has no end, in a few kilobytes."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 1 << 22
    return gzip.compress(header.tobuf() + bytes(1 << 22), mtime=0)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "ends before .PKGINFO"),
        (b"cos\nsystem\n(S'touch /tmp/bomb'\ntR.", "not a usable apk file"),
        (_flip(package(key=signer())), "do not match the hash"),
        (package(key=signer("stranger.rsa.pub")), "UNTRUSTED signature"),
        (signer("a").sign_index(b"", epoch=7) + package(), "UNTRUSTED signature"),
        (package(data=_DATA, datahash="0" * 64), "do not match the hash"),
        (package(data=_WRONG_SUM), "'usr/share/foo' does not match its checksum"),
        (package(data=_OUTSIDE), "leads out of the package"),
        (_linked("/bin/sh", "/tmp/sh"), "'usr/link' does not match its checksum"),
        (package(data=_flood()), "an extended header is absurdly large"),
        (package("bar"), "its pkgname is 'bar', not foo"),
        (package(version="1.0-r1"), "its pkgver is '1.0-r1', not 1.0-r0"),
        (package(arch="armv7"), "its arch is 'armv7', not x86_64 or noarch"),
        (package(origin="bar"), "its origin is 'bar', not foo"),
        (package("foo", "1.0-r0", "depend = foo<=>1"), "cannot be indexed"),
    ],
)
def test_what_is_not_sound_is_refused(yard: Yard, content: bytes, complaint: str) -> None:
    yard.staging().accept(yard.one())
    before = {name: (yard.folder / name).read_bytes() for name in files(yard.folder)}
    with pytest.raises(PackageError) as error:
        yard.staging().accept(yard.built(task(), {NAME: content}))
    assert complaint in error.value.message
    assert "main/foo" in error.value.message
    assert {name: (yard.folder / name).read_bytes() for name in files(yard.folder)} == before


@pytest.mark.parametrize("length", [150, 100])
def test_a_link_may_have_the_checksum_of_what_fits_into_its_header(yard: Yard, length: int) -> None:
    yard.staging().accept(yard.built(task(), {NAME: _linked("x" * length, "x" * 150)}))


def test_a_signature_over_something_else_is_refused(yard: Yard) -> None:
    mine, other = package(key=signer()), package(content=b"other\n")
    forged = mine[: len(mine) - len(package())] + other
    with pytest.raises(PackageError, match="BAD signature"):
        yard.staging().accept(yard.built(task(), {NAME: forged}))


def test_one_bad_package_keeps_the_others_out(yard: Yard) -> None:
    made = {NAME: package(key=signer()), "foo-dev-1.0-r0.apk": package("foo-doc", key=signer())}
    with pytest.raises(PackageError, match=r"it holds foo-doc-1\.0-r0\.apk"):
        yard.staging().accept(yard.built(task("main/foo", "1.0-r0", "foo", "foo-dev", "foo-doc"), made))
    assert not {name for name in files(yard.folder) if name.endswith(".apk")}


def test_all_packages_have_to_be_there(yard: Yard) -> None:
    with pytest.raises(PackageError, match="gave no foo-dev"):
        yard.staging().accept(yard.built(task("main/foo", "1.0-r0", "foo", "foo-dev"), {NAME: package()}))
    for some in (task(), replace(task(), packages=())):
        with pytest.raises(PackageError, match="gave no foo"):
            yard.staging().accept(yard.built(some, {}))


@pytest.mark.parametrize(
    "name",
    [
        "foo-1.0-r0.apk",
        f"../main/{ARCH}/{NAME}",
        f"community/{ARCH}/{NAME}",
        f"main/armv7/{NAME}",
        f"main/{ARCH}/../{NAME}",
        f"main/{ARCH}/.{NAME}",
        f"main/{ARCH}/APKINDEX.tar.gz",
        f"/main/{ARCH}/{NAME}",
    ],
)
def test_names_lead_nowhere_else(yard: Yard, name: str) -> None:
    with pytest.raises(PackageError, match=r"that is no name of a package|it belongs into main/x86_64"):
        yard.staging().accept(yard.built(task(), {NAME: package()}, names=(name,)))


def test_a_package_is_named_once(yard: Yard) -> None:
    name = f"main/{ARCH}/{NAME}"
    with pytest.raises(PackageError, match="is named twice by the build of main/foo"):
        yard.staging().accept(yard.built(task(), {NAME: package()}, names=(name, name)))


@pytest.mark.parametrize("which", ["file", "folder"])
def test_links_are_not_followed(yard: Yard, which: str) -> None:
    done = yard.built(task(), {NAME: package()})
    path = done.work.destination / "main" / ARCH
    path = path / NAME if which == "file" else path
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")
    with pytest.raises(PackageError, match="cannot be read"):
        yard.staging().accept(done)


def test_a_fifo_does_not_hold_us_up(yard: Yard) -> None:
    done = yard.built(task(), {NAME: b""})
    path = done.work.destination / "main" / ARCH / NAME
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(PackageError, match="not a regular file"):
        yard.staging().accept(done)


def test_two_recipes_do_not_share_a_package(yard: Yard) -> None:
    yard.staging().accept(yard.one())
    made = package("foo", origin="bar", key=signer())
    with pytest.raises(PackageError, match="made by main/foo and by main/bar"):
        yard.staging().accept(yard.built(task("main/bar", "1.0-r0", "foo"), {NAME: made}))
    yard.staging().accept(yard.one("community/foo"))
    assert set(yard.staged_index("community")) == {NAME}


def test_what_others_accept_meanwhile_is_seen(yard: Yard) -> None:
    staging = yard.staging()
    for version in ("1.0-r0", "1.0-r1"):
        yard.staging().accept(yard.one(version=version))
        assert staging.accepted()["main/foo"].version == version


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_record_is_told(yard: Yard, content: bytes) -> None:
    yard.staging().accept(yard.one())
    (yard.folder / ".accepted/main,foo.json").write_bytes(content)
    with pytest.raises(RepositoryError, match=r"main,foo\.json is damaged"):
        yard.staging().accepted()


def test_versions_of_recipes(yard: Yard) -> None:
    """The highest, whether published or staged, of one architecture."""
    yard.publish(yard.one("main/foo", "1.0-r9"), yard.one("main/old", "2.0-r0"))
    for name, version in (("main/foo", "1.0-r10"), ("main/old", "1.0-r0"), ("main/new", "1.0-r0")):
        yard.staging().accept(yard.one(name, version))
    assert yard.staging().versions(ARCH) == {"main/foo": "1.0-r10", "main/old": "2.0-r0", "main/new": "1.0-r0"}
    assert yard.staging().versions("armv7") == {}


def test_an_empty_place_gets_an_index(yard: Yard) -> None:
    yard.staging().open([("main", ARCH)])
    assert yard.staged_index() == {}


# --- publishing --------------------------------------------------------------------------------------------------


def test_publishing_leaves_nothing_behind(yard: Yard) -> None:
    yard.publish(yard.one("main/foo"), yard.one("community/bar"))
    assert set(yard.final_index()) == {NAME}
    assert set(yard.final_index("community")) == {"bar-1.0-r0.apk"}
    assert yard.staged_index() == yard.staged_index("community") == {}
    assert {name for name in files(yard.base) if ".part" in name or "abuildpy-run" in name} == set()
    assert {name for name in files(yard.folder) if not name.endswith("APKINDEX.tar.gz")} == set()
    assert (yard.final / "main" / ARCH / NAME).stat().st_mode & 0o777 == 0o644


def test_other_versions_stay_for_those_who_know_the_old_index(yard: Yard) -> None:
    yard.publish(yard.one(version="1.0-r0"))
    yard.publish(yard.one(version="1.0-r1"))
    assert set(yard.final_index()) == {NAME, "foo-1.0-r1.apk"}


def test_publishing_nothing(yard: Yard) -> None:
    yard.staging().publish()
    assert not yard.final.exists()


def test_an_older_version_is_told(yard: Yard) -> None:
    yard.publish(yard.one(version="2.0-r0"))
    yard.publish(yard.one(version="1.0-r0"))
    assert "foo-1.0-r0.apk is older than foo-2.0-r0.apk, which apk goes on to take" in yard.log.lines


def test_the_same_version_made_anew_is_replaced(yard: Yard) -> None:
    yard.publish(yard.one())
    yard.publish(yard.one(content=b"other\n"))
    assert set(yard.final_index()) == {NAME}
    assert not any("is older than" in line for line in yard.log.lines)


def test_what_replaces_a_file_comes_last(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the index is new, the old one has another checksum for it."""
    yard.publish(yard.one("main/aa"))
    staging = yard.staging()
    staging.accept(yard.one("main/aa", content=b"other\n"))
    staging.accept(yard.one("main/bb"))
    put: list[str] = []
    real = os.replace

    def watched(source: Path, target: Path) -> None:
        put.append(Path(target).name)
        real(source, target)

    monkeypatch.setattr(os, "replace", watched)
    staging.publish()
    assert put[:2] == ["bb-1.0-r0.apk", "aa-1.0-r0.apk"]


def test_what_changed_in_the_staging_repository_is_not_published(yard: Yard) -> None:
    staging = yard.staging()
    staging.accept(yard.one())
    (yard.folder / "main" / ARCH / NAME).write_bytes(package("foo", "1.0-r0", content=b"evil\n"))
    with pytest.raises(RepositoryError, match="is not what was accepted"):
        staging.publish()
    assert files(yard.final) == set()
    (yard.folder / "main" / ARCH / NAME).unlink()
    with pytest.raises(RepositoryError, match="is not there any more"):
        staging.publish()


def test_publishing_across_file_systems(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "no link")

    monkeypatch.setattr(os, "link", link)
    yard.publish(yard.one())
    assert set(yard.final_index()) == {NAME}


def test_the_gate_is_closed(yard: Yard) -> None:
    yard.publish(
        yard.one("main/lib", "1-r0", "provides = so:liba.so.1=1"),
        yard.one("community/app", "3-r1", "depend = so:liba.so.1"),
    )
    staging = yard.staging()
    staging.accept(yard.one("main/lib", "2-r0", "provides = so:liba.so.2=2"))
    with pytest.raises(GateError) as error:
        staging.publish()
    assert error.value.recipes == ("community/app",)
    assert error.value.details == (
        "community/app-3-r1 would lose so:liba.so.1: main/lib-1-r0 has it, main/lib-2-r0 has not",
    )
    assert set(yard.final_index()) == {"lib-1-r0.apk"}
    assert "main/lib" in staging.accepted()
    staging.accept(yard.one("community/app", "3-r2", "depend = so:liba.so.2"))
    staging.publish()
    assert set(yard.final_index("community")) == {"app-3-r1.apk", "app-3-r2.apk"}


def test_what_is_not_concerned_can_be_published(yard: Yard) -> None:
    yard.publish(
        yard.one("main/lib", "1-r0", "provides = so:liba.so.1=1"),
        yard.one("community/app", "3-r1", "depend = so:liba.so.1"),
    )
    staging = yard.staging()
    staging.accept(yard.one("main/lib", "2-r0", "provides = so:liba.so.2=2"))
    staging.accept(yard.one("main/user", "1-r0", "depend = so:liba.so.2"))
    staging.accept(yard.one("main/made", "1-r0"))
    staging.accept(yard.one("main/free", "1-r0"))
    for _ in range(2):  # the second time there is nothing left that could be
        with pytest.raises(GateError) as error:
            staging.publish({"main/made": ["main/lib"]})
        assert set(yard.final_index()) == {"lib-1-r0.apk", "free-1-r0.apk"}
        assert set(staging.accepted()) == {"main/lib", "main/user", "main/made"}
        assert set(yard.staged_index()) == {"lib-2-r0.apk", "user-1-r0.apk", "made-1-r0.apk"}
    assert error.value.held == ()
    assert error.value.message.startswith("not published")
    staging.accept(yard.one("main/more", "1-r0"))
    with pytest.raises(GateError) as error:
        staging.publish({"main/made": ["main/lib"]})
    assert error.value.held == ("main/lib", "main/made", "main/user")
    assert error.value.message.startswith("not all is published")
    assert error.value.details[-1] == "held back, while the rest is published: main/lib main/made main/user"
    staging.accept(yard.one("community/app", "3-r2", "depend = so:liba.so.2"))
    staging.publish({})
    assert staging.accepted() == {}
    assert {"lib-2-r0.apk", "user-1-r0.apk", "made-1-r0.apk"} <= set(yard.final_index())


def test_a_left_over_can_be_deleted(yard: Yard) -> None:
    yard.publish(
        yard.one("main/lib", "1-r0", "provides = so:liba.so.1=1"),
        yard.one("community/app", "3-r1", "depend = so:liba.so.1"),
    )
    staging = yard.staging()
    staging.accept(yard.one("main/lib", "2-r0", "provides = so:liba.so.2=2"))
    assert [loss.package for loss in staging.losses()] == ["community/app-3-r1"]
    (yard.final / "community" / ARCH / "app-3-r1.apk").unlink()
    assert staging.losses() == ()
    staging.publish()


# --- kills -------------------------------------------------------------------------------------------------------

_STEPS = ("rename", "replace", "link", "unlink", "mkdir")


def _killed_at(step: int, action: Callable[[], object]) -> bool:
    """Runs something in a process of its own that is killed before its n-th change of the file system; whether it was."""

    def run() -> None:
        left = step

        def counting(real: Callable[..., object]) -> Callable[..., object]:
            def counted(*arguments: object, **options: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **options)

            return counted

        for name in _STEPS:
            setattr(os, name, counting(getattr(os, name)))
        action()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_publishing_killed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    start = Yard(tmp_path / "start")
    start.base.mkdir()
    start.publish(start.one("main/foo", "1.0-r0"), start.one("main/same"))
    staging = start.staging()
    for done in (
        start.one("main/foo", "1.0-r1"),
        start.one("main/same", content=b"new\n"),
        start.one("community/bar"),
    ):
        staging.accept(done)
    wanted = {"foo-1.0-r0.apk", "foo-1.0-r1.apk", "same-1.0-r0.apk"}
    step, killed = 0, True
    while killed:
        yard = Yard(tmp_path / f"run-{step}")
        shutil.copytree(start.base, yard.base)
        killed = _killed_at(step, yard.staging().publish)
        for repository in ("main", "community"):
            index = yard.final / repository / ARCH / "APKINDEX.tar.gz"
            if index.exists():
                there = {path.name for path in index.parent.iterdir()}
                assert {entry.file_name for entry in read_index(index).entries} <= there
        yard.staging().publish()
        assert set(yard.final_index()) == wanted
        assert set(yard.final_index("community")) == {"bar-1.0-r0.apk"}
        staged = {name for name in files(yard.folder) if not name.endswith("APKINDEX.tar.gz")}
        assert staged - {".abuildpy.lock"} == set(), step
        assert not {name for name in files(yard.base) if ".part" in name or "abuildpy-run" in name}, step
        shutil.rmtree(yard.base)
        step += 1
    assert step > 15


@pytest.mark.parametrize("version", ["1.0-r1", "1.0-r0"])
def test_accepting_killed_anywhere_is_finished_by_the_next(tmp_path: Path, version: str) -> None:
    start = Yard(tmp_path / "start")
    start.base.mkdir()
    start.staging().accept(start.one("main/foo", "1.0-r0"))
    names = ("foo", "foo-dev")
    made = {f"{name}-{version}.apk": package(name, version, key=signer(), content=b"new\n") for name in names}
    done = start.built(task("main/foo", version, *names), made)
    step, killed = 0, True
    while killed:
        yard = Yard(tmp_path / f"run-{step}")
        shutil.copytree(start.base, yard.base)
        staging = yard.staging()
        killed = _killed_at(step, lambda staging=staging: staging.accept(done))  # type: ignore[misc]
        accepted = yard.staging().accepted().get("main/foo")
        if accepted is not None:
            assert (accepted.version, len(accepted.packages)) in ((version, 2), ("1.0-r0", 1))
            for name, known in zip(accepted.names, accepted.packages, strict=True):
                assert hashlib.sha256((yard.folder / name).read_bytes()).hexdigest() == known.sha256
        yard.staging().open()
        kept = set(accepted.names if accepted else ())
        assert {name for name in files(yard.folder) if name.endswith(".apk")} == kept
        assert {f"main/{ARCH}/{name}" for name in indexed(yard.folder / "main" / ARCH)} == kept
        yard.staging().accept(done)
        assert set(yard.staged_index()) == set(made)
        shutil.rmtree(yard.base)
        step += 1
    assert step > 6
