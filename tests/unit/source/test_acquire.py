# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from source_servers import Log, Web

from abuildpy.errors import ChecksumError, FetchError, RecipeError, UnpackError
from abuildpy.recipe.model import Recipe, Source
from abuildpy.source.acquire import acquire, compute_checksums, source_paths, unpack_all
from abuildpy.source.uri import file_name, is_remote, remote_uri


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


def tarball(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


class Place:
    """A recipe's folder with SRCDEST beside it."""

    def __init__(self, root: Path) -> None:
        self.start, self.dest, self.src = root / "aport", root / "dist", root / "aport" / "src"
        self.start.mkdir()

    def recipe(self, *entries: str, sums: tuple[tuple[str, str], ...] = ()) -> Recipe:
        sources = tuple(Source(e, file_name(e), remote_uri(e), is_remote(e)) for e in entries)
        lists: dict[str, Any] = dict.fromkeys(
            "arch depends makedepends makedepends_build makedepends_host checkdepends provides replaces install_if"
            " install triggers options pkgusers pkggroups subpackages".split(),
            (),
        )
        texts: dict[str, Any] = dict.fromkeys(
            "repo pkgname pkgver pkgrel pkgdesc url license maintainer pkgarch builddir".split(), ""
        )
        return Recipe(
            path=self.start / "APKBUILD",
            startdir=self.start,
            source=sources,
            checksums=sums,
            sum_algorithm="sha512",
            functions=frozenset(),
            variables={},
            **lists,
            **texts,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_fetch_verify_link_unpack(place: Place, web: Web, log: Log) -> None:
    data = tarball("foo-1/README", b"hello")
    web.files["/v1"] = data
    (place.start / "sub").mkdir()
    (place.start / "sub" / "fix.patch").write_bytes(b"patch")
    remote = f"foo-1.tar.gz::{web.url}/v1"
    # Pairing is by position: the names beside the sums say something else.
    recipe = place.recipe(remote, "sub/fix.patch", sums=((sha512(data), "x"), (sha512(b"patch"), "y")))

    paths = acquire(recipe, srcdest=place.dest, srcdir=place.src, log=log)
    unpack_all(recipe, srcdest=place.dest, srcdir=place.src, log=log)

    archive, patch = place.dest / "foo-1.tar.gz", place.start / "sub/fix.patch"
    assert paths == source_paths(recipe, place.dest) == (archive, patch)
    assert os.readlink(place.src / "foo-1.tar.gz") == str(archive)
    assert os.readlink(place.src / "fix.patch") == str(patch)
    assert (place.src / "foo-1/README").read_bytes() == b"hello"
    assert log.lines == [
        f"msg: Fetching {remote}",
        "msg: Checking sha512sums...",
        f"plain: {archive}: OK",
        f"plain: {patch}: OK",
        f"msg: Unpacking {archive}...",
    ]


def test_old_links_are_replaced_and_folders_stay(place: Place, log: Log) -> None:
    for name in ("a", "b"):
        (place.start / name).write_bytes(b"x")
    place.src.mkdir()
    (place.src / "a").symlink_to("/nowhere")
    (place.src / "b").mkdir()
    recipe = place.recipe("a", "b", sums=((sha512(b"x"), "a"), (sha512(b"x"), "b")))
    acquire(recipe, srcdest=place.dest, srcdir=place.src, log=log)
    assert (place.src / "a").read_bytes() == b"x"
    assert (place.src / "b").is_dir()
    assert list((place.src / "b").iterdir()) == []
    assert len(log.of("warning")) == 1


def test_nothing_is_linked_before_all_is_verified(place: Place, web: Web, log: Log) -> None:
    web.files = {"/good": b"good", "/bad": b"bad"}
    recipe = place.recipe(f"{web.url}/good", f"{web.url}/bad", sums=((sha512(b"good"), ""), ("12345678" * 16, "")))
    with pytest.raises(ChecksumError, match="bad"):
        acquire(recipe, srcdest=place.dest, srcdir=place.src, log=log)
    assert list(place.src.iterdir()) == []
    assert sorted(p.name for p in place.dest.iterdir()) == ["bad.12345678", "good"]


def test_a_wrong_file_of_the_mirror_costs_nothing(place: Place, web: Web, log: Log) -> None:
    web.files = {"/mirror/a": b"stale", "/a": b"fresh"}
    recipe = place.recipe(f"{web.url}/a", sums=((sha512(b"fresh"), "a"),))
    acquire(recipe, srcdest=place.dest, srcdir=place.src, log=log, mirror=f"{web.url}/mirror")
    assert (place.src / "a").read_bytes() == b"fresh"


def test_too_few_sums_and_missing_files(place: Place, log: Log) -> None:
    (place.start / "a").write_bytes(b"a")
    with pytest.raises(ChecksumError, match="1 sources but only 0 checksums"):
        acquire(place.recipe("a"), srcdest=place.dest, srcdir=place.src, log=log)
    with pytest.raises(FetchError, match=r"source gone\.patch is missing"):
        acquire(place.recipe("gone.patch"), srcdest=place.dest, srcdir=place.src, log=log)


def test_no_sources_at_all(place: Place, log: Log) -> None:
    assert acquire(place.recipe(), srcdest=place.dest, srcdir=place.src, log=log) == ()
    assert place.src.is_dir()
    assert log.lines == []


def test_a_hostile_archive_ends_in_one_error(place: Place, log: Log) -> None:
    (place.start / "a.tar.gz").write_bytes(tarball("../../evil", b"x"))
    with pytest.raises(UnpackError, match=r"a\.tar\.gz"):
        unpack_all(place.recipe("a.tar.gz"), srcdest=place.dest, srcdir=place.src, log=log)
    assert not (place.start.parent / "evil").exists()


def test_checksums_of_whatever_is_there(place: Place, web: Web, log: Log) -> None:
    web.files["/new"] = b"new"
    (place.start / "fix.patch").write_bytes(b"patch")
    recipe = place.recipe(f"n::{web.url}/new", "fix.patch", sums=(("00", "n"), ("11", "fix.patch")))
    sums = compute_checksums(recipe, srcdest=place.dest, log=log)
    assert sums == ((sha512(b"new"), "n"), (sha512(b"patch"), "fix.patch"))
    assert (place.dest / "n").exists()


def test_two_sources_of_one_name(place: Place, log: Log) -> None:
    with pytest.raises(RecipeError, match="duplicate found"):
        compute_checksums(place.recipe("one/a", "two/a"), srcdest=place.dest, log=log)


def test_a_source_that_cannot_be_read(place: Place, log: Log) -> None:
    (place.start / "folder").mkdir()
    with pytest.raises(ChecksumError, match=r"cannot read .*folder: Is a directory"):
        compute_checksums(place.recipe("folder"), srcdest=place.dest, log=log)


def test_a_changed_local_file_keeps_its_name(place: Place, log: Log) -> None:
    (place.start / "fix.patch").write_bytes(b"changed")
    with pytest.raises(ChecksumError, match=r"fix\.patch"):
        acquire(place.recipe("fix.patch", sums=(("00" * 64, ""),)), srcdest=place.dest, srcdir=place.src, log=log)
    assert (place.start / "fix.patch").read_bytes() == b"changed"
