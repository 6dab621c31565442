# SPDX-License-Identifier: GPL-3.0-or-later
"""Records go through the staging repository with their packages; what a worker tells is signed as its claim, or left out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stagingkit import ARCH, Yard, package, signer, task

from abuildpy.batch.interface import Done
from abuildpy.batch.vouching import claim_of
from abuildpy.package.sign import Signer
from abuildpy.records.buildinfo import (
    BuildInfo,
    BuiltRecipe,
    Dependencies,
    Machine,
    Result,
    Surrounding,
    format_buildinfo,
    read_buildinfo,
)
from abuildpy.records.dsse import unseal
from abuildpy.records.examining import Indexes, examine
from abuildpy.records.making import make_records
from abuildpy.records.spdx import Finished
from abuildpy.repository import apkfile

BUILDINFO, PROVENANCE, SPDX = (f"foo-1.0-r0.{kind}.json" for kind in ("buildinfo", "provenance", "spdx"))


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def _info(content: bytes, folder: Path, **changes: Any) -> tuple[BuildInfo, Finished]:
    path = folder / "read.apk"
    path.write_bytes(content)
    apk = apkfile.read(path)
    digest = hashlib.sha256(content).hexdigest()
    result = Result("foo-1.0-r0.apk", "foo", ARCH, len(content), digest, apk.info.last("datahash"))
    path.unlink()
    around = Surrounding({}, (), "0022", "1", "/x", "bwrap", "caller", (), False, True, True)
    recipe = BuiltRecipe("foo", "1.0-r0", "main", "", False)
    needs = Dependencies("host", (), ())
    info = BuildInfo(recipe, ARCH, 7, "abuild", "0.1", (), needs, around, Machine("", ARCH, ""), (result,))
    return replace(info, **changes), Finished(apk.info, (), result)


def _built(yard: Yard, content: bytes, records: Mapping[str, bytes]) -> Done:
    done = yard.built(task(), {"foo-1.0-r0.apk": content})
    for name, text in records.items():
        (done.work.destination / "main" / ARCH / name).write_bytes(text)
    return done


def _of_here(yard: Yard, key: Signer | None = None) -> Done:
    content = package(key=signer())
    info, finished = _info(content, yard.base)
    return _built(yard, content, make_records(info, [finished], key or signer()))


def _of_a_worker(yard: Yard, **changes: Any) -> Done:
    """Unsigned, as it is when it was received."""
    content = package()
    info, _ = _info(content, yard.base, **changes)
    return _built(yard, content, {BUILDINFO: claim_of(format_buildinfo(info), "w-1")})


def _there(folder: Path) -> set[str]:
    return {path.name for path in (folder / "main" / ARCH).glob("*.json")}


def _answers(folder: Path, yard: Yard) -> set[str]:
    path = folder / "main" / ARCH / "foo-1.0-r0.apk"
    return {check.answer for check in examine(path, yard.keys, Indexes(yard.keys))}


@pytest.mark.parametrize("build", [_of_here, _of_a_worker])
def test_records_go_all_the_way(yard: Yard, build: Callable[[Yard], Done]) -> None:
    staging = yard.staging()
    staging.accept(build(yard))
    assert _there(yard.folder) == {BUILDINFO, PROVENANCE, SPDX}
    assert _answers(yard.folder, yard) == {"ok"}
    yard.staging().open()
    assert _there(yard.folder) == {BUILDINFO, PROVENANCE, SPDX}, "they are no left-overs"
    yard.staging().publish()
    assert _there(yard.final) == {BUILDINFO, PROVENANCE, SPDX}
    assert _answers(yard.final, yard) == {"ok"}
    assert _there(yard.folder) == set()
    assert not any("records" in line for line in yard.log.lines)


def test_what_was_built_here_is_published_as_it_is(yard: Yard) -> None:
    done = _of_here(yard)
    yard.staging().accept(done)
    for name in (BUILDINFO, PROVENANCE, SPDX):
        came = done.work.destination / "main" / ARCH / name
        assert (yard.folder / "main" / ARCH / name).read_bytes() == came.read_bytes()


def test_what_a_worker_tells_is_signed_as_its_claim(yard: Yard) -> None:
    yard.staging().accept(_of_a_worker(yard))
    folder = yard.folder / "main" / ARCH
    info = read_buildinfo(folder / BUILDINFO)
    assert info.claimed_by == "w-1"
    content = (folder / "foo-1.0-r0.apk").read_bytes()
    assert (info.packages[0].sha256, info.packages[0].size) == (hashlib.sha256(content).hexdigest(), len(content))
    statement = json.loads(unseal((folder / PROVENANCE).read_bytes()).payload)
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "urn:x-abuildpy:builder:worker"
    document = json.loads((folder / SPDX).read_bytes())
    assert document["files"][0]["fileName"] == "./usr/share/foo"
    sums = {each["algorithm"]: each["checksumValue"] for each in document["files"][0]["checksums"]}
    assert sums["SHA1"] == hashlib.sha1(b"hello\n").hexdigest()
    assert sums["SHA256"] == hashlib.sha256(b"hello\n").hexdigest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arch": "armv7"}, "another build"),
        ({"recipe": BuiltRecipe("foo", "1.0-r1", "main", "", False)}, "another build"),
        ({"recipe": BuiltRecipe("foo", "1.0-r0", "other", "", False)}, "another build"),
        ({"epoch": 8}, "another date"),
        ({"packages": ()}, "another foo-1.0-r0.apk"),
        ({"packages": (Result("foo-1.0-r0.apk", "foo", ARCH, 1, "0", "0"),)}, "another foo-1.0-r0.apk"),
        ({"recipe": BuiltRecipe("foo", "1.0-r0", "main", "", False, {"APKBUILD": "sha512:00"})}, "another 'APKBUILD'"),
        (
            {"recipe": BuiltRecipe("foo", "1.0-r0", "main", "", False, {"../../../../etc/passwd": "sha512:00"})},
            "another",
        ),
    ],
)
def test_a_claim_that_does_not_fit_is_left_out(yard: Yard, changes: dict[str, Any], said: str) -> None:
    names = yard.staging().accept(_of_a_worker(yard, **changes))
    assert names == (f"main/{ARCH}/foo-1.0-r0.apk",), "packages do without"
    assert _there(yard.folder) == set()
    assert [said in line and "main/foo" in line for line in yard.log.lines] == [True], yard.log.lines


def test_a_claim_of_more_packages_is_left_out(yard: Yard) -> None:
    info, _ = _info(package(), yard.base)
    more = (*info.packages, replace(info.packages[0], file="bar-1.0-r0.apk", name="bar"))
    yard.staging().accept(_of_a_worker(yard, packages=more))
    assert _there(yard.folder) == set()
    assert "more packages than came" in yard.log.lines[0]


@pytest.mark.parametrize(
    ("name", "fits"), [("APKBUILD", True), ("link", True), ("near", True), ("missing", False), ("out", False)]
)
def test_the_files_of_a_claim_are_those_of_the_recipe(yard: Yard, name: str, fits: bool) -> None:
    """A link of the recipe may lead to another one's file, and to nothing else on this machine."""
    folder = yard.base / "aports/main/foo"
    folder.mkdir(parents=True)
    for path in (folder / "APKBUILD", folder.parent / "shared", yard.base / "secret"):
        path.write_bytes(b"text\n")
    (folder / "near").symlink_to("../shared")
    (folder / "out").symlink_to(yard.base / "secret")
    told = "link:elsewhere" if name == "link" else f"sha512:{hashlib.sha512(b'text' + bytes([10])).hexdigest()}"
    done = _of_a_worker(yard, recipe=BuiltRecipe("foo", "1.0-r0", "main", "", False, {name: told}))
    here = replace(done.work.task, folder=str(folder))
    yard.staging().accept(replace(done, work=replace(done.work, task=here)))
    assert (_there(yard.folder) != set()) == fits
    assert any(f"another '{name}'" in line for line in yard.log.lines) != fits


def test_a_buildinfo_that_nobody_claims_is_none(yard: Yard) -> None:
    content = package()
    info, _ = _info(content, yard.base)
    yard.staging().accept(_built(yard, content, {BUILDINFO: format_buildinfo(info)}))
    assert _there(yard.folder) == set()


def test_a_statement_by_somebody_else_is_left_out(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard, signer("stranger.rsa.pub")))
    assert _there(yard.folder) == set()
    assert "nobody who is trusted" in yard.log.lines[0]


def test_a_statement_about_other_packages_is_left_out(yard: Yard) -> None:
    done = _of_here(yard)
    path = done.work.destination / "main" / ARCH / "foo-1.0-r0.apk"
    path.write_bytes(package(key=signer(), content=b"other\n"))
    yard.staging().accept(done)
    assert _there(yard.folder) == set()
    assert "tells of other packages" in yard.log.lines[0]


def test_a_record_that_the_statement_does_not_name_is_left_out(yard: Yard) -> None:
    done = _of_here(yard)
    (done.work.destination / "main" / ARCH / SPDX).write_bytes(b"{}\n")
    yard.staging().accept(done)
    assert _there(yard.folder) == {BUILDINFO, PROVENANCE}


def test_links_and_fifos_are_no_records(yard: Yard, tmp_path: Path) -> None:
    done = _of_here(yard)
    path = done.work.destination / "main" / ARCH / PROVENANCE
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    yard.staging().accept(done)
    assert _there(yard.folder) == set()


def test_records_of_the_build_before_go(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard))
    yard.staging().accept(_built(yard, package(key=signer(), content=b"other\n"), {}))
    assert _there(yard.folder) == set()


def test_stale_records_go_as_new_packages_come(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard))
    yard.staging().publish()
    yard.staging().accept(_built(yard, package(key=signer(), content=b"other\n"), {}))
    yard.staging().publish()
    assert _there(yard.final) == set()


def test_what_changed_in_the_staging_repository_is_not_published(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard))
    (yard.folder / "main" / ARCH / SPDX).write_bytes(b"{}\n")
    yard.staging().publish()
    assert _there(yard.final) == {BUILDINFO, PROVENANCE}


def test_what_is_missing_in_the_staging_repository_is_left_out(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard))
    (yard.folder / "main" / ARCH / SPDX).unlink()
    before = os.umask(0o077)
    try:
        yard.staging().publish()
    finally:
        os.umask(before)
    assert _there(yard.final) == {BUILDINFO, PROVENANCE}
    assert {path.stat().st_mode & 0o777 for path in (yard.final / "main" / ARCH).glob("foo*")} == {0o644}


def test_a_name_of_a_worker_is_harmless(tmp_path: Path) -> None:
    info, _ = _info(package(), tmp_path)
    claimed = json.loads(claim_of(format_buildinfo(info), "\x1b[2J" + "x" * 999))["claimed_by"]
    assert claimed.isprintable() and len(claimed) == 200
    assert json.loads(claim_of(format_buildinfo(info), ""))["claimed_by"] == "unknown"
    with pytest.raises(ValueError, match="format"):
        claim_of(b"{}", "w")


def test_records_that_are_accepted_survive_a_restart(yard: Yard) -> None:
    yard.staging().accept(_of_here(yard))
    (accepted,) = yard.staging().accepted().values()
    assert {record.file for record in accepted.records} == {BUILDINFO, PROVENANCE, SPDX}
