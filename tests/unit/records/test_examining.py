# SPDX-License-Identifier: GPL-3.0-or-later
"""A package with all that stands beside it is good, and no byte of any of it can change unnoticed."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordkit import Build, make_build, pkginfo, signer

from abuildpy.errors import RepositoryError
from abuildpy.package.apk import write_apk
from abuildpy.package.model import Tree
from abuildpy.package.sign import Signer
from abuildpy.records.buildinfo import buildinfo_of
from abuildpy.records.dsse import IN_TOTO, encode, seal, unseal
from abuildpy.records.examining import Check, Indexes, examine
from abuildpy.records.form import dump
from abuildpy.records.making import make_records
from abuildpy.repository.apkfile import read, signatures_of
from abuildpy.repository.index import INDEX_NAME, compress_index, format_index
from abuildpy.repository.trust import Keys, load_keys

APK = "tool-1.0-r0.apk"
BUILDINFO, PROVENANCE, SPDX = "tool-1.0-r0.buildinfo.json", "tool-1.0-r0.provenance.json", "tool-1.0-r0.spdx.json"
ALL = (APK, INDEX_NAME, BUILDINFO, PROVENANCE, SPDX)


@pytest.fixture(scope="module")
def key() -> Signer:
    return signer()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, key: Signer) -> Build:
    return make_build(tmp_path_factory.mktemp("built"), key)


@pytest.fixture
def built(once: Build, tmp_path: Path) -> Build:
    shutil.copytree(once.folder, tmp_path / "copy")
    return replace(once, folder=tmp_path / "copy")


def _checks(built: Build, keys: Keys | None = None, name: str = APK) -> dict[str, Check]:
    trusted = keys or built.keys
    return {check.kind: check for check in examine(built.path(name), trusted, Indexes(trusted))}


def _answers(built: Build, keys: Keys | None = None) -> dict[str, str]:
    return {kind: check.answer for kind, check in _checks(built, keys).items()}


GOOD = dict.fromkeys(("signature", "content", "index", "provenance", "spdx", "buildinfo"), "ok")


def test_all_of_a_build_is_good(built: Build) -> None:
    assert _answers(built) == GOOD
    assert {
        c.kind: c.answer for c in examine(built.path("tool-doc-1.0-r0.apk"), built.keys, Indexes(built.keys))
    } == GOOD
    assert not any(check.unsigned for check in _checks(built).values())


@pytest.mark.parametrize(
    ("name", "kind"), [(INDEX_NAME, "index"), (PROVENANCE, "provenance"), (SPDX, "spdx"), (BUILDINFO, "buildinfo")]
)
def test_what_is_not_there_is_missing_and_no_more(built: Build, name: str, kind: str) -> None:
    built.path(name).unlink()
    assert _answers(built) == {**GOOD, kind: "missing"}


def test_without_provenance_records_that_fit_are_told_to_be_unsigned(built: Build) -> None:
    built.path(PROVENANCE).unlink()
    assert {kind for kind, check in _checks(built).items() if check.unsigned} == {"spdx", "buildinfo"}


def test_a_key_that_nobody_trusts_counts_for_nothing(built: Build) -> None:
    checks = _checks(built, Keys({}))
    assert [k for k, c in checks.items() if c.answer == "bad"] == ["signature", "index", "provenance"]
    assert all("UNTRUSTED" in c.text for c in checks.values() if c.answer == "bad")


def _is_good(folder: Path, built: Build) -> bool:
    indexes = Indexes(built.keys)
    try:
        return all(check.answer == "ok" for check in examine(folder / APK, built.keys, indexes))
    except RepositoryError:
        return False


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_byte_can_change_unnoticed(once: Build, tmp_path: Path, name: str, data: st.DataObject) -> None:
    folder = tmp_path / "tampered"
    if not folder.exists():
        shutil.copytree(once.folder, folder)
    content = bytearray(once.path(name).read_bytes())
    # Of an index what is packed around the signature is signed by nobody, and means nothing.
    start = len(content) - len(signatures_of(once.path(name))[1]) if name == INDEX_NAME else 0
    at = data.draw(st.integers(start, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    try:
        (folder / name).write_bytes(content)
        assert not _is_good(folder, once)
    finally:
        shutil.copy(once.path(name), folder / name)


@pytest.mark.parametrize("name", ALL)
def test_nothing_can_be_added_or_cut_off_unnoticed(built: Build, name: str) -> None:
    content = built.path(name).read_bytes()
    for changed in (content + b"\n", content + b" ", content[:-1]):
        built.path(name).write_bytes(changed)
        assert not _is_good(built.folder, built)


def _resign(built: Build, change: Callable[[dict[str, Any]], object]) -> None:
    """A statement of the packager's own that says something else."""
    statement = json.loads(unseal(built.path(PROVENANCE).read_bytes()).payload)
    change(statement)
    built.path(PROVENANCE).write_bytes(seal(IN_TOTO, json.dumps(statement).encode(), built.signer))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.update(subject=[]), "does not tell of this"),
        (lambda s: s.update(subject=s["subject"] * 2), "twice"),
        (lambda s: s.update(predicateType="https://example.org"), "predicateType"),
        (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), "_type"),
        (lambda s: s["predicate"].pop("runDetails"), "runDetails"),
    ],
)
def test_a_statement_has_to_be_about_this_package(
    built: Build, change: Callable[[dict[str, object]], object], said: str
) -> None:
    _resign(built, change)
    check = _checks(built)["provenance"]
    assert (check.answer, said in check.text) == ("bad", True), check.text


def test_another_type_of_payload_is_no_statement(built: Build) -> None:
    payload = unseal(built.path(PROVENANCE).read_bytes()).payload
    built.path(PROVENANCE).write_bytes(seal("text/plain", payload, built.signer))
    assert _answers(built)["provenance"] == "bad"


def test_records_of_another_build_do_not_pass(built: Build, tmp_path: Path) -> None:
    """The same recipe built by somebody else who is trusted: each record is good, and not of this package."""
    other = make_build(tmp_path / "other", signer("other.rsa.pub"))
    keys = Keys({s.name: s.public_pem for s in (built.signer, other.signer)})
    for name in (BUILDINFO, PROVENANCE, SPDX):
        shutil.copy(other.path(name), built.path(name))
    assert _answers(built, keys=keys) == {**GOOD, "provenance": "bad", "spdx": "bad", "buildinfo": "bad"}


def test_an_index_with_another_package_of_that_name_is_wrong(built: Build, tmp_path: Path) -> None:
    other = make_build(tmp_path / "other", built.signer, license_="ISC")
    shutil.copy(other.path(INDEX_NAME), built.path(INDEX_NAME))
    assert _answers(built) == {**GOOD, "index": "bad"}


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (SPDX, {"spdxVersion": "SPDX-3.0"}, "no document of SPDX 2"),
        (SPDX, {"packages": []}, "does not describe one package"),
        (SPDX, {"packages.0.name": "other"}, "does not tell of this"),
        (SPDX, {"packages.0.versionInfo": "1.0-r1"}, "does not tell of this"),
        (SPDX, {"packages.0.checksums.0.checksumValue": "0" * 64}, "does not tell of this"),
        (BUILDINFO, {"recipe.name": "other"}, "does not tell of this"),
        (BUILDINFO, {"recipe.version": "1.0-r1"}, "does not tell of this"),
        (BUILDINFO, {"packages.0.size": 1}, "does not tell of this"),
        (BUILDINFO, {"packages.0.sha256": "0" * 64}, "does not tell of this"),
        (BUILDINFO, {"packages.0.datahash": "0" * 64}, "does not tell of this"),
        (BUILDINFO, {"packages": []}, "does not tell of this"),
    ],
)
def test_what_nobody_signed_has_to_fit_in_all_it_says(
    built: Build, name: str, changes: dict[str, object], said: str
) -> None:
    built.path(PROVENANCE).unlink()
    document = json.loads(built.path(name).read_bytes())
    if name == SPDX:  # of several packages in it one is this
        document["packages"].sort(key=lambda each: each["SPDXID"] != "SPDXRef-Package")
    built.path(name).write_text(json.dumps(document))
    kind = "spdx" if name == SPDX else "buildinfo"
    assert (_checks(built)[kind].answer, _checks(built)[kind].unsigned) == ("ok", True)
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        at = document
        for step in steps:
            at = at[step]
        at[last] = value
    built.path(name).write_text(json.dumps(document))
    check = _checks(built)[kind]
    assert (check.answer, said in check.text, bool(check.hint)) == ("bad", True, True), check.text


def test_other_content_than_was_signed_is_bad_by_itself(built: Build) -> None:
    """Also where nothing stands beside the package: its data is another one's, and what is signed its own."""
    mine, other = read(built.path(APK)), read(built.path("tool-doc-1.0-r0.apk"))
    content, data = built.path(APK).read_bytes(), other.path.read_bytes()[other.data_offset :]
    built.path(APK).write_bytes(content[: mine.data_offset] + data)
    for name in ALL[1:]:
        built.path(name).unlink()
    found = _checks(built)
    assert (found["signature"].answer, found["content"].answer) == ("ok", "bad")


def test_an_index_that_does_not_have_it(built: Build, tmp_path: Path) -> None:
    """The one that is given counts, not that beside the package."""
    other = tmp_path / "other.tar.gz"
    content = compress_index(format_index([], "main", 0))
    other.write_bytes(built.signer.sign_index(content, epoch=0))
    (check,) = (c for c in examine(built.path(APK), built.keys, Indexes(built.keys, other)) if c.kind == "index")
    assert (check.answer, check.text) == ("missing", f"{other} does not have it")


def test_an_index_is_looked_at_by_itself(built: Build) -> None:
    path = built.path(INDEX_NAME)
    (check,) = examine(path, built.keys, Indexes(built.keys))
    assert (check.kind, check.answer, check.text) == ("signature", "ok", "by me-1.rsa.pub")
    (check,) = examine(path, Keys({}), Indexes(Keys({})))
    assert (check.answer, "UNTRUSTED" in check.text, bool(check.hint)) == ("bad", True, True)


def test_a_package_without_an_origin_is_its_own(built: Build, tmp_path: Path) -> None:
    text = pkginfo("tool").replace("origin = tool\n", "")
    path = tmp_path / APK
    write_apk(path, pkginfo=text, scripts={}, tree=Tree(tmp_path, ()), epoch=0, signer=built.signer, on_step=print)
    found = {check.kind: check for check in examine(path, built.keys, Indexes(built.keys))}
    assert found["provenance"].text == f"there is no {PROVENANCE}"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"payload": "!", "payloadType": "", "signatures": []}'])
def test_what_is_no_provenance_is_bad_and_no_more(built: Build, content: bytes) -> None:
    built.path(PROVENANCE).write_bytes(content)
    (check,) = examine(built.path(PROVENANCE), built.keys, Indexes(built.keys))
    assert (check.answer, "no usable provenance" in check.text) == ("bad", True), check.text


def test_a_signature_that_does_not_hold_is_told_from_one_of_a_stranger(built: Build) -> None:
    envelope = json.loads(built.path(PROVENANCE).read_bytes())
    envelope["payload"] = base64.b64encode(base64.b64decode(envelope["payload"]) + b" ").decode()
    built.path(PROVENANCE).write_bytes(dump(envelope))
    assert "BAD signature by me-1.rsa.pub" in _checks(built)["provenance"].text
    assert "UNTRUSTED signature by me-1.rsa.pub" in _checks(built, Keys({}))["provenance"].text


def test_an_unknown_kind_of_build_is_told(built: Build) -> None:
    _resign(built, lambda s: s["predicate"]["buildDefinition"].update(buildType="urn:\x1b[2J"))
    check = _checks(built)["provenance"]
    assert (check.answer, "of an unknown kind of build ('urn:\\x1b[2J')" in check.text) == ("ok", True), check.text


def test_the_provenance_is_looked_at_by_itself(built: Build) -> None:
    (check,) = examine(built.path(PROVENANCE), built.keys, Indexes(built.keys))
    assert (check.answer, check.text) == ("ok", "by me-1.rsa.pub")
    built.path(BUILDINFO).write_bytes(b"{}\n")
    (check,) = examine(built.path(PROVENANCE), built.keys, Indexes(built.keys))
    assert (check.answer, BUILDINFO in check.text) == ("bad", True)
    built.path(BUILDINFO).unlink()
    (check,) = examine(built.path(PROVENANCE), built.keys, Indexes(built.keys))
    assert (check.answer, f"not beside it: {BUILDINFO}" in check.text) == ("ok", True)


def test_a_name_in_a_statement_leads_nowhere_else(built: Build) -> None:
    (built.folder.parent / "secret").write_text("x")
    _resign(built, lambda s: s.update(subject=[{"name": "../secret", "digest": {"sha256": "0"}}]))
    (check,) = examine(built.path(PROVENANCE), built.keys, Indexes(built.keys))
    assert (check.answer, "not beside it: ../secret" in check.text) == ("ok", True)


def test_records_by_themselves_are_refused_with_what_to_do(built: Build) -> None:
    with pytest.raises(RepositoryError) as caught:
        list(examine(built.path(SPDX), built.keys, Indexes(built.keys)))
    assert "the package" in (caught.value.hint or "")


def test_the_same_build_leaves_the_same_records(built: Build, key: Signer) -> None:
    records = make_records(built.info, built.packages, key)
    assert {name: built.path(name).read_bytes() for name in records} == records


def test_what_a_worker_says_is_told_to_be_a_claim(built: Build, key: Signer) -> None:
    records = make_records(replace(built.info, claimed_by="worker-7"), built.packages, key)
    for name, content in records.items():
        built.path(name).write_bytes(content)
    assert _answers(built) == GOOD
    assert "on another machine" in _checks(built)["provenance"].text
    statement = json.loads(base64.b64decode(json.loads(records[PROVENANCE])["payload"]))
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "urn:x-abuildpy:builder:worker"
    assert statement["predicate"]["buildDefinition"]["internalParameters"]["claimedBy"] == "worker-7"


def test_what_is_signed_is_what_dsse_says() -> None:
    """The example of the specification (DSSE v1, protocol.md)."""
    assert (
        encode("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_names_that_no_file_can_have_are_missing(tmp_path: Path, key: Signer) -> None:
    (tmp_path / "a").mkdir()
    for suffix in ("buildinfo", "provenance", "spdx"):
        (tmp_path / f"a/b-1-r0.{suffix}.json").write_text("{}")  # what a name leads to elsewhere is not looked at
    for name in ("x" * 5000, "a/b"):
        path = tmp_path / "odd.apk"
        write_apk(
            path,
            pkginfo=f"pkgname = {name}\npkgver = 1-r0\norigin = {name}\n",
            scripts={},
            tree=Tree(tmp_path, ()),
            epoch=0,
            signer=key,
            on_step=lambda _: None,
        )
        keys = Keys({key.name: key.public_pem})
        found = {check.kind: check.answer for check in examine(path, keys, Indexes(keys))}
        assert found == {**GOOD, **dict.fromkeys(("index", "provenance", "spdx", "buildinfo"), "missing")}
        assert buildinfo_of(path) is None


def test_what_a_stranger_wrote_commands_no_terminal(built: Build) -> None:
    stranger = signer("\x1b[2J.rsa.pub")
    payload = unseal(built.path(PROVENANCE).read_bytes()).payload
    built.path(PROVENANCE).write_bytes(seal(IN_TOTO, payload, stranger))
    check = _checks(built)["provenance"]
    assert (check.answer, check.text.isprintable()) == ("bad", True)


def test_a_folder_of_keys_with_a_fifo_in_it(built: Build, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    os.mkfifo(folder / "a.rsa.pub")
    (folder / "link.rsa.pub").symlink_to("/dev/zero")
    (folder / built.signer.name).write_bytes(built.signer.public_pem)
    assert list(load_keys([folder])) == [built.signer.name]


def test_a_million_signatures_are_not_tried(built: Build) -> None:
    envelope = json.loads(built.path(PROVENANCE).read_bytes())
    envelope["signatures"] *= 65
    built.path(PROVENANCE).write_bytes(dump(envelope))
    check = _checks(built)["provenance"]
    assert (check.answer, "more signatures" in check.text) == ("bad", True)


def test_a_package_that_goes_by_the_name_of_another_is_told(built: Build) -> None:
    shutil.copy(built.path(APK), built.path("curl-9.0-r0.apk"))
    assert _checks(built)["signature"].text == "by me-1.rsa.pub"
    assert _checks(built, name="curl-9.0-r0.apk")["signature"].text == "by me-1.rsa.pub (of tool-1.0-r0.apk)"
