# SPDX-License-Identifier: GPL-3.0-or-later
"""SPDX documents: what they say, and that the spdx-tools library finds nothing wrong with them."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recordkit import Build, build_info, make_build, pkginfo, signer

from abuildpy.package.archive import Digests
from abuildpy.records import spdx
from abuildpy.records.buildinfo import Result
from abuildpy.records.spdx import Finished, purl, spdx_document, verification_code
from abuildpy.repository.apkfile import parse_pkginfo

SUM = "3" * 64


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return make_build(tmp_path_factory.mktemp("built"), signer())


@pytest.fixture(scope="module")
def document(built: Build) -> Any:
    return json.loads(built.path("tool-1.0-r0.spdx.json").read_bytes())


def _made(
    *lines: str, files: tuple[Digests, ...] = (), name: str = "tool", version: str = "1.0-r0"
) -> tuple[Finished, Any]:
    text = pkginfo(name, *lines).replace("1.0-r0", version)
    result = Result(f"{name}-{version}.apk", name, "x86_64", 1, SUM, SUM)
    package = Finished(parse_pkginfo(text.encode("utf-8", "surrogateescape")), files, result)
    return package, json.loads(spdx_document(package, build_info((result,)), (package,)))


def _element(document: Any, name: str) -> Any:
    return next(each for each in document["packages"] if each["SPDXID"] == name)


def _relations(document: Any, kind: str) -> set[tuple[str, str]]:
    return {
        (each["spdxElementId"], each["relatedSpdxElement"])
        for each in document["relationships"]
        if each["relationshipType"] == kind
    }


def _complaints(path: Path) -> list[str]:
    try:
        parser: Any = importlib.import_module("spdx_tools.spdx.parser.parse_anything")
        validator: Any = importlib.import_module("spdx_tools.spdx.validation.document_validator")
    except ImportError:
        pytest.skip("spdx-tools is not installed")
    found = validator.validate_full_spdx_document(parser.parse_file(str(path)))
    return [message.validation_message for message in found]


@pytest.mark.parametrize(
    "license_",
    [
        "MIT",
        "custom",
        "MIT AND custom:x OR (GPL-2.0-only WITH OpenSSL-Exception)",
        "GPL PerlArtistic",
        "mit or isc",
        "LicenseRef-A",
    ],
)
def test_the_library_finds_nothing_wrong(tmp_path: Path, license_: str) -> None:
    built = make_build(tmp_path, signer(), license_=license_)
    for name in ("tool", "tool-doc"):
        assert _complaints(built.path(f"{name}-1.0-r0.spdx.json")) == []


def test_the_package_is_named_with_its_checksum_and_address(built: Build, document: Any) -> None:
    package = _element(document, "SPDXRef-Package")
    digest = hashlib.sha256(built.path("tool-1.0-r0.apk").read_bytes()).hexdigest()
    assert package["checksums"] == [{"algorithm": "SHA256", "checksumValue": digest}]
    assert document["documentNamespace"].endswith(digest)
    assert package["externalRefs"][0]["referenceLocator"] == "pkg:apk/alpine/tool@1.0-r0?arch=x86_64"
    assert package["licenseDeclared"] == "MIT"
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    assert _relations(document, "DESCRIBES") == {("SPDXRef-DOCUMENT", "SPDXRef-Package")}


def test_files_have_their_checksums_and_links_are_none(document: Any) -> None:
    content = b"tool\n"
    assert document["files"] == [
        {
            "SPDXID": "SPDXRef-File-1",
            "fileName": "./usr/bin/tool",
            "checksums": [
                {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()},
            ],
        }
    ]
    assert _relations(document, "CONTAINS") == {("SPDXRef-Package", "SPDXRef-File-1")}


def test_the_verification_code_is_that_of_the_specification() -> None:
    files = [Digests(b"b", "b" * 40, SUM), Digests(b"a", "a" * 40, SUM)]
    assert verification_code(files) == hashlib.sha1(("a" * 40 + "b" * 40).encode()).hexdigest()


def test_what_it_was_made_of_is_told(document: Any) -> None:
    assert _relations(document, "GENERATED_FROM") >= {
        ("SPDXRef-Package", "SPDXRef-Recipe"),
        ("SPDXRef-Package", "SPDXRef-Source-1"),
        ("SPDXRef-Package", "SPDXRef-Source-2"),
        ("SPDXRef-Sibling-1", "SPDXRef-Recipe"),
    }
    remote, local = _element(document, "SPDXRef-Source-1"), _element(document, "SPDXRef-Source-2")
    assert remote["downloadLocation"] == "https://example.org/tool-1.0.tar.gz"
    assert remote["checksums"] == [{"algorithm": "SHA512", "checksumValue": "1" * 128}]
    assert local["downloadLocation"] == "NOASSERTION"
    assert ("comment" in remote, local["comment"]) == (False, "A file of the recipe's folder.")


def test_the_recipe_is_told_by_its_checksum_and_commit(built: Build, document: Any) -> None:
    recipe = _element(document, "SPDXRef-Recipe")
    assert (recipe["name"], recipe["versionInfo"]) == ("main/tool", "1.0-r0")
    assert recipe["checksums"] == [{"algorithm": "SHA512", "checksumValue": "0" * 128}]
    assert (recipe["packageFileName"], recipe["primaryPackagePurpose"]) == ("APKBUILD", "SOURCE")
    assert recipe["sourceInfo"] == f"git commit {built.info.recipe.commit}"
    (package, _) = built.packages
    sources = tuple(replace(source, algorithm="", checksum="") for source in built.info.sources)
    for changes, told in ({"dirty": True}, ", with changes that were not committed"), ({"commit": ""}, None):
        info = replace(built.info, recipe=replace(built.info.recipe, files={}, **changes), sources=sources)
        other = json.loads(spdx_document(package, info, built.packages))
        recipe = _element(other, "SPDXRef-Recipe")
        assert recipe.get("sourceInfo") == (told and f"git commit {built.info.recipe.commit}{told}")
        assert not {"checksums", "packageFileName"} & recipe.keys()
        assert "checksums" not in _element(other, "SPDXRef-Source-1")


def test_of_very_many_files_only_the_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(Digests(b"%d" % number, "a" * 40, SUM) for number in range(4))
    for most, listed in ((4, True), (3, False)):
        monkeypatch.setattr(spdx, "_MOST_FILES", most)
        _, document = _made(files=files)
        element = _element(document, "SPDXRef-Package")
        assert (element["filesAnalyzed"], "files" in document) == (listed, listed)
        assert element.get("comment") == (None if listed else "Its 4 files are not listed.")


def test_only_direct_build_dependencies_are_listed(document: Any) -> None:
    assert _relations(document, "BUILD_DEPENDENCY_OF") == {("SPDXRef-Build-1", "SPDXRef-Package")}
    element = _element(document, "SPDXRef-Build-1")
    assert element["name"] == "build-base"
    assert element["externalRefs"][0]["referenceLocator"] == "pkg:apk/alpine/build-base@0.5-r3?arch=x86_64"


def test_dependencies_lead_to_packages_of_the_same_build_or_to_names(built: Build, document: Any) -> None:
    (sibling, other) = sorted(name for _, name in _relations(document, "DEPENDS_ON"))[::-1]
    assert _element(document, sibling)["name"] == "tool-doc"
    assert _element(document, other)["name"] == "so:libc.musl-x86_64.so.1"
    doc = json.loads(built.path("tool-doc-1.0-r0.spdx.json").read_bytes())
    assert _relations(doc, "DEPENDS_ON") == {("SPDXRef-Package", "SPDXRef-Sibling-1")}


def test_conflicts_and_what_it_provides_itself_are_no_dependencies() -> None:
    _, document = _made(
        "provides = cmd:own=1", "depend = cmd:own", "depend = !other", "depend = so:a>1", "depend = so:a"
    )
    assert [_element(document, name)["name"] for _, name in _relations(document, "DEPENDS_ON")] == ["so:a"]


def test_a_package_without_files_says_that_none_were_looked_at() -> None:
    _, document = _made()
    element = _element(document, "SPDXRef-Package")
    assert element["filesAnalyzed"] is False and "packageVerificationCode" not in element and "files" not in document


def test_names_of_files_may_be_any_bytes(tmp_path: Path) -> None:
    files = tuple(Digests(name, "a" * 40, SUM) for name in (b"usr/\xff\xfe", "usr/ü".encode(), b'usr/"\\\n'))
    _, document = _made(files=files)
    assert sorted(each["fileName"] for each in document["files"]) == ['./usr/"\\\n', "./usr/\\xff\\xfe", "./usr/ü"]


def test_what_is_no_utf8_or_no_address_or_no_person_is_left_out(tmp_path: Path) -> None:
    package, _ = _made()
    text = pkginfo("tool").replace("a tool", "a\udcfftool").replace("https://example.org/tool", "none of your business")
    text = text.replace("Me <me@example.org>", "nobody")
    info = parse_pkginfo(text.encode("utf-8", "surrogateescape"))
    document = json.loads(spdx_document(replace(package, info=info), build_info((package.result,)), (package,)))
    element = _element(document, "SPDXRef-Package")
    assert element["summary"] == "a\ufffdtool"
    assert not {"homepage", "supplier"} & element.keys()
    path = tmp_path / "x.spdx.json"
    path.write_text(json.dumps(document))
    assert _complaints(path) == []


def test_no_byte_of_a_package_or_source_makes_a_document_that_is_no_text(built: Build) -> None:
    odd = "odd\udcff"
    text = pkginfo("tool", f"depend = {odd}").replace("MIT", odd).replace("Me <me", f"{odd} <me")
    info = parse_pkginfo(text.encode("utf-8", "surrogateescape"))
    sources = (replace(built.info.sources[0], name=odd, uri=f"https://example.org/{odd}"),)
    package = replace(built.packages[0], info=info)
    content = spdx_document(package, replace(built.info, sources=sources), (package,))
    assert b"\\udcff" not in content
    assert b"odd\\ufffd" in content


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("g++", "13.2.1_git20231014-r0", "pkg:apk/alpine/g%2B%2B@13.2.1_git20231014-r0?arch=x86_64"),
        ("WiringPi", "1.0~beta-r0", "pkg:apk/alpine/wiringpi@1.0~beta-r0?arch=x86_64"),
    ],
)
def test_package_urls_are_quoted(name: str, version: str, expected: str) -> None:
    assert purl(name, version, "x86_64") == expected
    assert re.fullmatch(r"pkg:apk/alpine/[a-z0-9.%_+A-F-]+@[^@?]+\?arch=\w+", expected)
