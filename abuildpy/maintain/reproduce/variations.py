# SPDX-License-Identifier: GPL-3.0-or-later
"""What each variation does to a build on this machine, or why it cannot be done here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abuildpy.maintain.reproduce.model import Applied
from abuildpy.maintain.reproduce.order import Circumstances
from abuildpy.maintain.reproduce.tools import Tools

AHEAD = 400 * 86400 + 6 * 3600 + 23 * 60
"""Seconds that the clock is moved by: more than a year, to another day of the week and time of the day."""
UMASK = 0o077
USER, HOST = "somebody", "elsewhere"
_ZONES = ("XYZ-13:37", "ZYX+11:11")
"""Ahead of and behind UTC by odd amounts, in the form that needs no table of zones."""
_UID_BELOW = 113
_STRANGERS = {
    "ABUILDPY_STRANGER": "nobody asked for this",
    "TERM": "dumb",
    "COLUMNS": "97",
    "LINES": "41",
    "PAGER": "cat",
}


@dataclass(frozen=True, slots=True)
class Base:
    """The circumstances of an ordinary build here.

    ``environ`` is what its environment says, ``jobs`` JOBS, ``cpus`` the usable ones, ``wall`` the wall's name and ``uid`` the
    number that its stages see as their own. ``clean_root`` tells that each is in a clean root of its own.
    """

    environ: Mapping[str, str]
    jobs: str
    cpus: tuple[int, ...]
    wall: str
    uid: int
    clean_root: bool = False

    @property
    def locale(self) -> str:
        """The locale that it has."""
        get = self.environ.get
        return get("LC_ALL") or get("LC_CTYPE") or get("LANG") or "C"


@dataclass(frozen=True, slots=True)
class Variation:
    """One variation and what it changes; ``changes`` are fields of Circumstances (``variables`` add up)."""

    told: Applied
    changes: Mapping[str, Any]


def plan(names: Iterable[str], base: Base, tools: Tools) -> tuple[Variation, ...]:
    """What can be done about each of these variations (all but ``path``)."""
    made = []
    for name in names:
        made.append(_in_root(name, base, tools) if base.clean_root else _MAKERS[name](base, tools))
    return tuple(made)


def combined(variations: Iterable[Variation]) -> Circumstances:
    """The circumstances with all that are applied."""
    result = Circumstances()
    for variation in variations:
        changes = dict(variation.changes)
        variables = {**result.variables, **changes.pop("variables", {})}
        result = replace(result, variables=variables, **changes)
    return result


def _done(name: str, how: str, **changes: object) -> Variation:
    return Variation(Applied(name, True, how), changes)


def _not(name: str, why: str) -> Variation:
    return Variation(Applied(name, False, why), {})


def _in_root(name: str, base: Base, tools: Tools) -> Variation:
    """The same in a clean root, where little is of this machine."""
    if name in ("user", "host"):
        return _not(name, "in a clean root that is the same for everybody")
    if name in ("time", "order") and not any(Path("/lib").glob("ld-musl-*")):
        return _not(
            name, "what this machine's compiler makes does not run in a clean root, which has another C library"
        )
    if name == "locale":
        language = "et_EE.UTF-8"
        how = f"LC_ALL={language}, as far as the clean root has it"
        return _done(name, how, variables={"LANG": language, "LC_ALL": language, "LANGUAGE": "et:fr"})
    return _MAKERS[name](base, tools)


def _time(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    days, rest = divmod(AHEAD, 86400)
    how = f"the clock is {days} days, {rest // 3600} hours and {rest // 60 % 60} minutes ahead"
    library = tools.preload()
    if library:
        return _done("time", how, ahead=AHEAD, preload=str(library))
    fake = tools.faketime()
    if fake:
        return _done("time", f"{how} (libfaketime)", ahead=AHEAD, faketime=str(fake))
    return _not("time", "no C compiler is there, and libfaketime is not installed")


def _zone(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    zone = next(zone for zone in _ZONES if zone != base.environ.get("TZ"))
    return _done("zone", f"TZ={zone}", variables={"TZ": zone})


def _locale(base: Base, tools: Tools) -> Variation:
    name, folder = tools.locale(base.locale)
    if name:
        variables = {"LANG": name, "LC_ALL": name, "LANGUAGE": f"{name.split('_')[0]}:fr"}
        if folder:
            variables["LOCPATH"] = str(folder)
        return _done("locale", f"LC_ALL={name}", variables=variables)
    other = "C" if "utf" in base.locale.lower() else "C.UTF-8"
    how = f"LC_ALL={other}; no locale of another language is installed, so sorting stays as it is"
    return _done("locale", how, variables={"LANG": other, "LC_ALL": other, "LANGUAGE": "fr:de"})


def _umask(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    return _done("umask", f"{UMASK:03o}; abuild sets 022 for the functions", umask=UMASK)


def _user(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    if base.wall != "bwrap":
        return _not("user", f"that takes bubblewrap, and the wall is {base.wall}")
    number = base.uid - _UID_BELOW if base.uid > 1000 + _UID_BELOW else base.uid + _UID_BELOW
    variables = {"USER": USER, "LOGNAME": USER}
    return _done("user", f"{USER}, {number}, /home/{USER}", user=USER, uid=number, variables=variables)


def _cores(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    jobs = "1" if base.jobs not in ("", "1") else "3"
    if len(base.cpus) < 2:
        return _done("cores", f"JOBS={jobs}; there is but one core", jobs=jobs)
    cpus = base.cpus[: max(1, len(base.cpus) // 2)]
    return _done(
        "cores", f"{len(cpus)} instead of {len(base.cpus)}, JOBS={jobs} instead of {base.jobs}", jobs=jobs, cpus=cpus
    )


def _order(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    library = tools.preload()
    if library is None:
        return _not("order", "no C compiler is there to make the library that does it")
    return _done("order", "folders are read backwards (not by programs that are linked statically)",
                 backwards=True, preload=str(library))  # fmt: skip


def _host(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    if base.wall != "bwrap":
        return _not("host", f"that takes bubblewrap, and the wall is {base.wall}")
    return _done("host", f"named {HOST} instead of {os.uname().nodename}", host=HOST, variables={"HOSTNAME": HOST})


def _environment(base: Base, tools: Tools) -> Variation:  # noqa: ARG001
    names = " ".join(_STRANGERS)
    return _done("environment", names, variables=_STRANGERS)


_MAKERS = {
    "time": _time,
    "zone": _zone,
    "locale": _locale,
    "umask": _umask,
    "user": _user,
    "cores": _cores,
    "order": _order,
    "host": _host,
    "environment": _environment,
}
