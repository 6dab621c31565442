# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build of ours is told: which recipe, where, and in what circumstances. It travels as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a build should not depend on. Empty and 0 leave things as they are.

    ``ahead`` is how many seconds the clock is ahead; ``faketime`` the library that does it, ``preload`` ours, which does that
    as well and reads folders backwards with ``backwards``. ``variables`` are set in the environment of the recipe's functions.
    ``cpus`` are those that may be used; ``jobs`` is JOBS. ``user`` is the name, ``uid`` the number that they run under.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    ahead: int = 0
    faketime: str = ""
    preload: str = ""
    backwards: bool = False
    umask: int = 0
    user: str = ""
    uid: int = 0
    host: str = ""
    cpus: tuple[int, ...] = ()
    jobs: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One build.

    ``apkbuild`` is the copy of the recipe that is built; ``shown`` the folder that the recipe's functions see it in, where
    that can be done, else empty: there, on this machine, is what ``siblings`` names or nothing. ``destination`` is REPODEST,
    ``repodest`` what the functions see as that. ``commit`` and ``epoch`` say where the recipe comes from. ``exports`` are lines
    of shell to put at the end of the configuration. ``exact`` are packages (``name=version``) that a clean root has to hold
    besides what the recipe needs. ``private`` is a folder for what this build needs; ``key`` signs.
    """

    apkbuild: str
    destination: str
    outcome: str
    private: str
    key: str
    repodest: str = ""
    shown: str = ""
    siblings: str = ""
    commit: str = ""
    epoch: int = 0
    exports: str = ""
    exact: tuple[str, ...] = ()
    check: bool = False
    clean_root: bool = False
    nodeps: bool = False
    install_deps: bool = False
    sandbox: str = "auto"
    net: str = ""
    circumstances: Circumstances = field(default_factory=Circumstances)

    def dump(self) -> bytes:
        """The line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Order:
        """The order in a line that :meth:`dump` made."""
        document: dict[str, Any] = json.loads(line)
        inner = document.pop("circumstances")
        inner["cpus"] = tuple(inner["cpus"])
        document["exact"] = tuple(document["exact"])
        return cls(**document, circumstances=Circumstances(**inner))
