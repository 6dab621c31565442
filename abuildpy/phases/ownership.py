# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns what in finished trees, and what the ids are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from abuildpy.package.model import Owner


class Accounts(Protocol):
    """Names of ids."""

    def user_name(self, uid: int) -> str:
        """The name of a user id; empty if it has none."""

    def group_name(self, gid: int) -> str:
        """The name of a group id; empty if it has none."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what in the finished trees, as the fakeroot session recorded it, and what the ids are called.

    ``capabilities`` are by path as the session saw it, and ``inside`` tells that of a folder out here.
    """

    owners: Mapping[tuple[int, int], Owner]
    capabilities: Mapping[bytes, bytes]
    accounts: Accounts
    inside: Callable[[Path], Path]

    def capabilities_below(self, root: Path) -> dict[bytes, bytes]:
        """Raw capabilities of the files below a folder, by their path relative to it."""
        prefix = bytes(self.inside(root)) + b"/"
        return {path[len(prefix) :]: raw for path, raw in self.capabilities.items() if path.startswith(prefix)}


class HostAccounts:
    """The names that this machine has for ids."""

    def user_name(self, uid: int) -> str:
        """The name of a user id; empty if it has none."""
        import pwd

        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return ""

    def group_name(self, gid: int) -> str:
        """The name of a group id; empty if it has none."""
        import grp

        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return ""
