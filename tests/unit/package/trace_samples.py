# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of tracing share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from package_trees import File, Item, traceable

from abuildpy.package.model import Metadata, Traced
from abuildpy.package.providers import NoLookup, ProviderLookup, Providers
from abuildpy.package.trace import Traceable, TraceResult, trace


@dataclass
class Database:
    """A database of installed packages, or an index."""

    provided: Mapping[str, str] = field(default_factory=dict)
    owned: Mapping[str, str] = field(default_factory=dict)
    available: bool = True

    def provides(self, dependency: str) -> str | None:
        return self.provided.get(dependency)

    def owner_of(self, path: str) -> str | None:
        return self.owned.get(path)


def run(
    *packages: Traceable, installed: ProviderLookup | None = None, index: ProviderLookup | None = None, root: str = "/"
) -> TraceResult:
    return trace(packages, lambda triplet: Providers(installed or NoLookup(), index or NoLookup(), root))


def one(
    tmp_path: Path,
    items: Mapping[str, Item],
    meta: Metadata | None = None,
    overrides: Mapping[str, tuple[str, ...]] | None = None,
    installed: ProviderLookup | None = None,
    index: ProviderLookup | None = None,
) -> Traced:
    package = traceable(tmp_path / "p", items, meta, overrides)
    return run(package, installed=installed, index=index).packages[package.metadata.name]


PC = b"Name: x\nDescription: x\nVersion: %s\n%s"


def pc(version: str, more: str = "") -> File:
    return File(PC % (version.encode(), more.encode()))
