# SPDX-License-Identifier: GPL-3.0-or-later
"""What the records beside a package are called.

A build has one buildinfo and one statement of provenance, named after the recipe that all its packages come from
(``ORIGIN-VERSION.buildinfo.json``); each package has an SPDX document of its own (``PKG-VERSION.spdx.json``).
"""

from __future__ import annotations

import os

BUILDINFO = ".buildinfo.json"
PROVENANCE = ".provenance.json"
SPDX = ".spdx.json"
OF_A_BUILD = (BUILDINFO, PROVENANCE)
SUFFIXES = (*OF_A_BUILD, SPDX)


def buildinfo_name(origin: str, version: str) -> str:
    """File name of the buildinfo of a build."""
    return f"{origin}-{version}{BUILDINFO}"


def provenance_name(origin: str, version: str) -> str:
    """File name of the provenance of a build."""
    return f"{origin}-{version}{PROVENANCE}"


def spdx_name(package: str, version: str) -> str:
    """File name of the SPDX document of one package."""
    return f"{package}-{version}{SPDX}"


def record_names(origin: str, version: str, packages: tuple[str, ...]) -> tuple[str, ...]:
    """Every record that a build of these packages may leave."""
    return (
        buildinfo_name(origin, version),
        provenance_name(origin, version),
        *(spdx_name(package, version) for package in packages),
    )


def orphaned_by(file: str, origin: str, package: str) -> tuple[str, ...]:
    """Records that mean nothing once the file of a package is gone: its own, and with the main package those of its build."""
    version = file.removeprefix(f"{package}-").removesuffix(".apk")
    return record_names(origin, version, (package,)) if package == origin else (spdx_name(package, version),)


def remove_orphans(folder: str | os.PathLike[str]) -> None:
    """Removes the records in a folder that no longer stand beside the package that they are named after."""
    names = set(os.listdir(folder))
    for name in names:
        for suffix in SUFFIXES:
            if name.endswith(suffix) and f"{name.removesuffix(suffix)}.apk" not in names:
                os.unlink(os.path.join(folder, name))
