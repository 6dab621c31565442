# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of aports for the tests, without any recipe in a file."""

from __future__ import annotations

from collections.abc import Mapping

from abuildpy.aports.database import Aport, Database


def aport(name: str, folder: str = "", **variables: str) -> Aport:
    """One aport; in a folder of its name in ``main`` unless another is given."""
    values = {"pkgname": name, "pkgver": "1.0", "pkgrel": "0", "arch": "all", **variables}
    return Aport(folder or f"/aports/main/{name}", name, values)


def database(*aports: Aport) -> Database:
    """A database of aports."""
    return Database(aports)


def wanting(**dependencies: str) -> Database:
    """A database of aports that have nothing but ``makedepends``; an underscore in a name stands for a dash."""
    return graph({name.replace("_", "-"): wanted for name, wanted in dependencies.items()})


def graph(dependencies: Mapping[str, str]) -> Database:
    """The same for any names."""
    return database(*(aport(name, makedepends=wanted) for name, wanted in dependencies.items()))


def chain(length: int) -> Database:
    """Each aport wants the next; the first is ``p0``."""
    return graph({f"p{number}": f"p{number + 1}" for number in range(length)})


def ring(length: int) -> Database:
    """A chain whose last aport wants the first."""
    return graph({f"p{number}": f"p{(number + 1) % length}" for number in range(length)})
