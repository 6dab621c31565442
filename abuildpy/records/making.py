# SPDX-License-Identifier: GPL-3.0-or-later
"""All records of a build, as files: made of its buildinfo, its finished packages and the packager's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from abuildpy.records.buildinfo import BuildInfo, format_buildinfo
from abuildpy.records.names import buildinfo_name, provenance_name, spdx_name
from abuildpy.records.provenance import provenance
from abuildpy.records.spdx import Finished, spdx_document

if TYPE_CHECKING:
    from abuildpy.package.sign import Signer


def make_records(build: BuildInfo, packages: Sequence[Finished], signer: Signer) -> Mapping[str, bytes]:
    """Contents by file name. Raises SigningError where the key cannot be used."""
    recipe = build.recipe
    records = {buildinfo_name(recipe.name, recipe.version): format_buildinfo(build)}
    for package in packages:
        records[spdx_name(package.result.name, recipe.version)] = spdx_document(package, build, packages)
    return {**records, provenance_name(recipe.name, recipe.version): provenance(build, records, signer)}
