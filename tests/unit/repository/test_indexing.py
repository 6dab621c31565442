# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from apk_samples import Log, MakeApk

from abuildpy.errors import RepositoryError, SigningError
from abuildpy.repository import apkfile, index, indexing
from abuildpy.scratch import Scratch

FULL = (
    "pkgdesc = a description",
    "url = https://example.org",
    "builddate = 1700000000",
    "packager = Me <me@example.org>",
    "size = 12345",
    "origin = foo",
    "commit = abcdef-dirty",
    "maintainer = You <you@example.org>",
    "replaces_priority = 3",
    "provider_priority = 5",
    "license = MIT AND (ISC OR BSD-2-Clause)",
    "replaces = baz",
    "depend = bar~=1.2",
    "depend = !quux",
    "provides = so:libfoo.so.1=1.2.3",
    "provides = cmd:foo=1.0-r0",
    "triggers = /usr/lib",
    "install_if = docs foo=1.0-r0",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "main" / "x86_64"
    path.mkdir(parents=True)
    return path


def update(folder: Path, log: Log, **options: object) -> index.Index:
    given = {"arch": "x86_64", "description": "D", "sign": None, "mtime": 1, **options}
    indexing.update_index(folder, log=log, **given)  # type: ignore[arg-type]
    return index.read_index(folder / "APKINDEX.tar.gz")


def test_entry(make_apk: MakeApk) -> None:
    apk = apkfile.read(make_apk("foo", "1.0-r0", *FULL))
    assert indexing.entry_of(apk, arch="aarch64").format() == (
        f"C:{apk.identity}\nP:foo\nV:1.0-r0\nA:aarch64\nS:{apk.size}\nI:12345\nT:a description\n"
        "U:https://example.org\nL:MIT AND (ISC OR BSD-2-Clause)\no:foo\nm:You <you@example.org>\n"
        "t:1700000000\nc:abcdef-dirty\nk:5\nD:bar~1.2 !quux\np:so:libfoo.so.1=1.2.3 cmd:foo=1.0-r0\n"
        "i:docs foo=1.0-r0\n\n"
    )


def test_what_is_empty_is_left_out(make_apk: MakeApk) -> None:
    apk = apkfile.read(make_apk("foo", "1.0-r0", "provider_priority = 0", "builddate = 0", "commit = "))
    expected = f"C:{apk.identity}\nP:foo\nV:1.0-r0\nA:x86_64\nS:{apk.size}\nI:0\nT:\nU:\nL:\n\n"
    assert indexing.entry_of(apk).format() == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("depend = foo@edge", "tagged"),
        ("depend = foo=bar", "no valid version"),
        ("depend = foo=", "no version follows"),
        ("pkgver = ", "no pkgver"),
    ],
)
def test_refused(make_apk: MakeApk, line: str, reason: str) -> None:
    path = make_apk("foo", "1.0-r0", line)
    with pytest.raises(RepositoryError, match=rf"foo-1\.0-r0\.apk cannot be indexed: .*{reason}"):
        indexing.entry_of(apkfile.read(path))


def test_refused_without_datahash(make_apk: MakeApk) -> None:
    with pytest.raises(RepositoryError, match="datahash"):
        indexing.entry_of(apkfile.read(make_apk(datahash=False)))


def test_odd_provides_and_install_if(make_apk: MakeApk) -> None:
    lines = ("provides = a@b", "provides = c", "provides = d=bad", "install_if = x y=bad")
    entry = indexing.entry_of(apkfile.read(make_apk("foo", "1-r0", *lines)))
    assert entry.provides == ("c", "d=bad")
    assert entry.install_if == ()


def test_update_lists_what_is_there(make_apk: MakeApk, folder: Path, log: Log) -> None:
    make_apk("foo", "1.0-r0", "arch = noarch", folder=folder)
    make_apk("foo", "1.1-r0", folder=folder)
    found = update(folder, log)
    assert [(e.name, e.version, e.arch) for e in found.entries] == [
        ("foo", "1.0-r0", "x86_64"),
        ("foo", "1.1-r0", "x86_64"),
    ]
    assert found.description == "D"
    assert log.lines == [("msg", "Updating the main/x86_64 repository index...")]
    (folder / "foo-1.0-r0.apk").unlink()
    assert [e.version for e in update(folder, log).entries] == ["1.1-r0"]


def test_update_sees_a_rebuild_of_equal_size_and_time(make_apk: MakeApk, folder: Path, log: Log) -> None:
    path = make_apk("foo", "1.0-r0", "depend = aaa", folder=folder)
    before = path.stat()
    (old,) = update(folder, log).entries
    path = make_apk("foo", "1.0-r0", "depend = bbb", folder=folder)
    os.truncate(path, before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (new,) = update(folder, log).entries
    assert (old.size, old.depends) == (new.size, ("aaa",))
    assert new.depends == ("bbb",)
    assert new.identity != old.identity


def test_update_leaves_out_what_it_cannot_index(make_apk: MakeApk, folder: Path, log: Log) -> None:
    make_apk("good", folder=folder)
    make_apk("tagged", "1-r0", "depend = foo@edge", folder=folder)
    (folder / "partial-1-r0.apk").write_bytes(make_apk("partial").read_bytes()[:100])
    (folder / ".hidden.apk").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    assert [e.name for e in update(folder, log).entries] == ["good"]
    warnings = log.of("warning")
    assert len(warnings) == 2
    assert "partial-1-r0.apk" in warnings[0]
    assert "tagged-1-r0.apk" in warnings[1]
    assert "foo@edge" in warnings[1]


def test_update_of_an_empty_folder(folder: Path, log: Log) -> None:
    assert update(folder, log).entries == ()


def test_update_signs_and_replaces_at_once(make_apk: MakeApk, folder: Path, log: Log) -> None:
    make_apk("foo", folder=folder)
    target = folder / "APKINDEX.tar.gz"
    target.write_bytes(b"old")
    old_umask = os.umask(0o077)
    try:

        def sign(content: bytes) -> bytes:
            assert target.read_bytes() == b"old"
            return index.compress_index(index._tar_member(b".SIGN.RSA.k", b"s", 0)) + content

        assert [e.name for e in update(folder, log, sign=sign).entries] == ["foo"]
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert sorted(os.listdir(folder)) == ["APKINDEX.tar.gz", "foo-1.0-r0.apk"]
    assert log.of("msg")[-1] == "Signing the index..."


def test_a_failed_signature_leaves_the_old_index(make_apk: MakeApk, folder: Path, log: Log) -> None:
    make_apk("foo", folder=folder)
    before = update(folder, log)
    make_apk("bar", folder=folder)

    def fail(_: bytes) -> bytes:
        raise SigningError("no key")

    with pytest.raises(SigningError):
        update(folder, log, sign=fail)
    assert index.read_index(folder / "APKINDEX.tar.gz").entries == before.entries
    assert sorted(os.listdir(folder)) == ["APKINDEX.tar.gz", "bar-1.0-r0.apk", "foo-1.0-r0.apk"]


def test_packages_that_a_killed_build_had_not_published_go(make_apk: MakeApk, folder: Path, log: Log) -> None:
    with Scratch(folder, hidden=True) as living:
        left = folder / ".abuildpy-run-1-0123456789ab"
        left.mkdir()
        (left / "foo-1-r0.apk").write_bytes(b"half")
        update(folder, log)
        assert living.is_dir()
        assert not left.exists()


def test_what_a_killed_process_left_is_taken_over(make_apk: MakeApk, folder: Path, log: Log, tmp_path: Path) -> None:
    make_apk("foo", folder=folder)
    (tmp_path / "victim").write_bytes(b"keep")
    (folder / ".APKINDEX.tar.gz.new").symlink_to(tmp_path / "victim")
    (folder / indexing.LOCK_NAME).write_bytes(b"")
    assert [e.name for e in update(folder, log).entries] == ["foo"]
    assert (tmp_path / "victim").read_bytes() == b"keep"
    assert sorted(os.listdir(folder)) == ["APKINDEX.tar.gz", "foo-1.0-r0.apk"]


def test_no_such_folder(tmp_path: Path, log: Log) -> None:
    with pytest.raises(RepositoryError, match="missing"):
        update(tmp_path / "missing", log)


CONCURRENT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from apk_samples import Log
from abuildpy.repository.indexing import update_index
folder, name = Path(sys.argv[1]), sys.argv[2]
for n in range(4):
    os.rename(folder / f"{name}-{n}", folder / f"{name}-{n}-r0.apk")
    update_index(folder, arch="x86_64", description="D", sign=None, log=Log())
"""


def test_concurrent_builds_lose_nothing(make_apk: MakeApk, folder: Path, log: Log) -> None:
    names = [f"pkg{n}" for n in range(4)]
    for name in names:
        for n in range(4):
            make_apk(name, f"{n}-r0", folder=folder, file_name=f"{name}-{n}")
    here = str(Path(__file__).parent)
    processes = [subprocess.Popen([sys.executable, "-c", CONCURRENT, str(folder), name, here]) for name in names]
    assert [p.wait() for p in processes] == [0] * 4
    found = index.read_index(folder / "APKINDEX.tar.gz").entries
    assert sorted((e.name, e.version) for e in found) == sorted((m, f"{n}-r0") for m in names for n in range(4))
    assert not [n for n in os.listdir(folder) if n.startswith(".")]


@pytest.mark.needs_apk
def test_apk_writes_the_same_bytes(apk: str, make_apk: MakeApk, folder: Path, log: Log) -> None:
    make_apk("foo", "1.0-r0", *FULL, folder=folder, scripts={".trigger": b"#!/bin/sh\n"})
    make_apk("Foo", "1.0-r0", "arch = noarch", "install_if = a b=x", folder=folder)
    for version in ("1.10-r0", "1.9-r0", "1.9_rc1-r2", "1.9a-r0"):
        make_apk("zoo", version, "depend = so:a.so.1", "depend = b=>1", "provides = pc:z=1", folder=folder)
    make_apk("bar", "2-r0", "pkgdesc = twice", "pkgdesc = Größe", "provider_priority = 70000", folder=folder)
    files = sorted(str(p) for p in folder.glob("*.apk"))
    theirs = folder.parent / "theirs.tar.gz"
    subprocess.run(
        [
            *(apk, "--allow-untrusted", "index", "--no-warnings", "--quiet", "--output", str(theirs)),
            *("--description", "main v1", "--rewrite-arch", "x86_64", *files),
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
        check=True,
    )
    update(folder, log, description="main v1", mtime=1_700_000_000)
    ours = gzip.decompress((folder / "APKINDEX.tar.gz").read_bytes())
    assert ours == gzip.decompress(theirs.read_bytes())
