# SPDX-License-Identifier: GPL-3.0-or-later
"""The provenance of a build: an in-toto Statement v1 with SLSA's predicate (provenance v1), in a signed envelope.

Its subjects are the packages; the other records are named with their digests, so the one signature covers them all. It holds no
time: two builds that give the same packages in the same way get the same statement. docs/provenance.md documents the types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.records.buildinfo import BuildInfo
from abuildpy.records.dsse import IN_TOTO, Envelope, seal
from abuildpy.records.form import Fields, dump, parse
from abuildpy.records.spdx import purl

if TYPE_CHECKING:
    from abuildpy.package.sign import Signer

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:x-abuildpy:build:apk:1"
BUILDER = "urn:x-abuildpy:builder:packager"
"""The packager's own machine, which has the key that signs the statement."""
WORKER = "urn:x-abuildpy:builder:worker"
"""Another machine, which has no key: what is told of the build itself is its claim."""

Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a verifier needs of a statement: digests (SHA-256) of the packages and of the other records, by file name."""

    build_type: str
    builder: str
    packages: Mapping[str, str]
    records: Mapping[str, str]


def provenance(build: BuildInfo, records: Mapping[str, bytes], signer: Signer) -> bytes:
    """The signed statement about a build; ``records`` are its other records by file name. Raises SigningError."""
    return seal(IN_TOTO, dump(_statement(build, records)), signer)


def read_statement(envelope: Envelope) -> Statement:
    """What an envelope says. Raises ValueError for what is no statement of provenance."""
    if envelope.kind != IN_TOTO:
        raise ValueError(f"its payload is {envelope.kind[:80]!r}, not {IN_TOTO}")
    top = Fields(parse(envelope.payload), "its payload")
    for name, expected in (("_type", STATEMENT), ("predicateType", PREDICATE)):
        if top.value(name, str) != expected:
            raise ValueError(f"its {name} is {top.value(name, str)[:80]!r}, not {expected}")
    predicate = top.inner("predicate")
    details = predicate.inner("runDetails")
    return Statement(
        predicate.inner("buildDefinition").value("buildType", str),
        details.inner("builder").value("id", str),
        _digests(top, "subject"),
        _digests(details, "byproducts"),
    )


def _digests(fields: Fields, name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in fields.each(name):
        file = each.value("name", str)
        if file in found:
            raise ValueError(f"{file[:80]!r} is there twice")
        found[file] = each.inner("digest").value("sha256", str)
    return found


def _statement(build: BuildInfo, records: Mapping[str, bytes]) -> Object:
    around, recipe = build.surrounding, build.recipe
    return {
        "_type": STATEMENT,
        "subject": [{"name": each.file, "digest": {"sha256": each.sha256}} for each in build.packages],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "recipe": f"{recipe.repository}/{recipe.name}",
                    "version": recipe.version,
                    "arch": build.arch,
                    "options": list(around.options),
                },
                "internalParameters": {
                    "program": build.program,
                    "epoch": build.epoch,
                    "root": build.dependencies.root,
                    "sandbox": around.wall,
                    "network": around.network,
                    "checked": around.checked,
                    "whole": around.whole,
                    "variables": dict(around.variables),
                    "claimedBy": build.claimed_by,
                },
                "resolvedDependencies": _resolved(build),
            },
            "runDetails": {
                "builder": {
                    "id": WORKER if build.claimed_by else BUILDER,
                    "version": {"abuildpy": build.abuildpy},
                },
                "byproducts": [
                    {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
                    for name, content in sorted(records.items())
                ],
            },
        },
    }


def _resolved(build: BuildInfo) -> list[Object]:
    recipe = build.recipe
    found: list[Object] = []
    if recipe.commit:
        found.append(
            {
                "name": "aports",
                "digest": {"gitCommit": recipe.commit},
                "annotations": {"dirty": recipe.dirty, "path": f"{recipe.repository}/{recipe.name}"},
            }
        )
    for path, content in sorted(recipe.files.items()):
        kind, _, value = content.partition(":")
        if kind == "sha512":
            name = f"{recipe.repository}/{recipe.name}/{path}"
            found.append({"name": name, "digest": {"sha512": value}, "annotations": {"kind": "recipe"}})
    for source in build.sources:
        if source.remote:
            resource: Object = {"name": source.name, "uri": source.uri, "annotations": {"kind": "source"}}
            if source.checksum:
                resource["digest"] = {source.algorithm: source.checksum}
            found.append(resource)
    for kind, packages in (("build", build.dependencies.installed), ("host", build.dependencies.sysroot)):
        for each in packages:
            about: Object = {"kind": kind}
            if each.checksum:
                about["apk"] = each.checksum
            uri = purl(each.name, each.version, each.arch or build.arch)
            found.append({"name": each.name, "uri": uri, "annotations": about})
    return found
