# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement of a build tells what it was made of, and with what."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from recordkit import build_info, signer

from abuildpy.package.sign import Signer
from abuildpy.records.buildinfo import BuildInfo, InstalledPackage, Result, UsedSource
from abuildpy.records.dsse import unseal
from abuildpy.records.provenance import provenance, read_statement

RESULT = Result("tool-1.0-r0.apk", "tool", "x86_64", 3, "5" * 64, "6" * 64)
INFO = build_info((RESULT,))
RECIPE = {"name": "main/tool/APKBUILD", "digest": {"sha512": "0" * 128}, "annotations": {"kind": "recipe"}}
COMMIT = {
    "name": "aports",
    "digest": {"gitCommit": INFO.recipe.commit},
    "annotations": {"dirty": False, "path": "main/tool"},
}
SOURCE = {
    "name": "tool-1.0.tar.gz",
    "uri": "https://example.org/tool-1.0.tar.gz",
    "digest": {"sha512": "1" * 128},
    "annotations": {"kind": "source"},
}
BASE = {
    "name": "build-base",
    "uri": "pkg:apk/alpine/build-base@0.5-r3?arch=x86_64",
    "annotations": {"kind": "build"},
}
GCC = {
    "name": "g++",
    "uri": "pkg:apk/alpine/g%2B%2B@13.2.1_git20231014-r0?arch=x86_64",
    "annotations": {"kind": "build", "apk": "Q1abc="},
}


@pytest.fixture(scope="module")
def key() -> Signer:
    return signer()


def _statement(info: BuildInfo, key: Signer) -> Any:
    return json.loads(unseal(provenance(info, {"b.json": b"b", "a.json": b"a"}, key)).payload)


def test_all_that_is_told(key: Signer) -> None:
    found = _statement(INFO, key)
    assert found["subject"] == [{"name": "tool-1.0-r0.apk", "digest": {"sha256": "5" * 64}}]
    definition = found["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "recipe": "main/tool",
        "version": "1.0-r0",
        "arch": "x86_64",
        "options": ["-d"],
    }
    assert definition["internalParameters"] == {
        "program": "abuild 3.18",
        "epoch": 1_700_000_000,
        "root": "host",
        "sandbox": "bwrap",
        "network": False,
        "checked": True,
        "whole": True,
        "variables": {"CFLAGS": "-Os"},
        "claimedBy": "",
    }
    assert found["predicate"]["runDetails"] == {
        "builder": {"id": "urn:x-abuildpy:builder:packager", "version": {"abuildpy": "0.1.0"}},
        "byproducts": [
            {"name": f"{name}.json", "digest": {"sha256": hashlib.sha256(name.encode()).hexdigest()}} for name in "ab"
        ],
    }
    assert definition["resolvedDependencies"] == [COMMIT, RECIPE, SOURCE, BASE, GCC]


def test_what_is_not_known_is_not_told(key: Signer) -> None:
    """No commit, a link in the recipe's folder, a source that nobody checks, a package without architecture."""
    files = {"link": "link:x", "b": "sha512:bb", "APKBUILD": "sha512:" + "0" * 128}
    source = UsedSource("a.git", "https://example.org/a.git", True, "", "", -1)
    sysroot = (InstalledPackage("musl-dev", "1.2.5-r0", "", "musl", ""), InstalledPackage("a", "1", "noarch", "a", ""))
    info = replace(
        INFO,
        recipe=replace(INFO.recipe, commit="", files=files),
        sources=(source,),
        dependencies=replace(INFO.dependencies, installed=(), sysroot=sysroot),
    )
    assert _statement(info, key)["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        RECIPE,
        {"name": "main/tool/b", "digest": {"sha512": "bb"}, "annotations": {"kind": "recipe"}},
        {"name": "a.git", "uri": "https://example.org/a.git", "annotations": {"kind": "source"}},
        {
            "name": "musl-dev",
            "uri": "pkg:apk/alpine/musl-dev@1.2.5-r0?arch=x86_64",
            "annotations": {"kind": "host"},
        },
        {"name": "a", "uri": "pkg:apk/alpine/a@1?arch=noarch", "annotations": {"kind": "host"}},
    ]


def test_what_a_verifier_reads(key: Signer) -> None:
    found = read_statement(unseal(provenance(replace(INFO, claimed_by="w"), {"a.json": b"a"}, key)))
    assert (found.build_type, found.builder) == ("urn:x-abuildpy:build:apk:1", "urn:x-abuildpy:builder:worker")
    assert found.packages == {"tool-1.0-r0.apk": "5" * 64}
    assert found.records == {"a.json": hashlib.sha256(b"a").hexdigest()}
