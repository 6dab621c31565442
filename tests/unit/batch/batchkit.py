# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes, indexes and plans for the tests, without any recipe in a file."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from abuildpy.aports.database import Aport
from abuildpy.batch.existing import Existing, Place
from abuildpy.batch.model import Outcome, Plan
from abuildpy.batch.planning import Wishes, make_plan
from abuildpy.batch.recipes import Node, Recipes, Repository, Unread
from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import NOTHING, Answer, Fresh
from abuildpy.repository.index import Index, IndexEntry

VARIABLES = {"CARCH": "x86_64", "CBUILD": "x86_64-alpine-linux-musl", "CHOST": "x86_64-alpine-linux-musl"}


def node(name: str, repository: Repository | None = None, /, **variables: str) -> Node:
    """A recipe: ``main/foo``, or ``foo`` in main. An underscore in a variable's name is one."""
    name = name if "/" in name else f"main/{name}"
    place, pkgname = name.split("/")
    values = {"pkgname": pkgname, "pkgver": "1.0", "pkgrel": "0", "arch": "all", **variables}
    folder = f"/aports/{name}"
    return Node(name, folder, repository or Repository(f"/aports/{place}"), Aport(folder, values["pkgname"], values))


def repository(name: str, *sees: str) -> Repository:
    """A repository that names others in its .rootbld-repositories (itself too, where that has a place)."""
    found = Repository(f"/aports/{name}")
    found.__dict__["sees"] = sees
    return found


def unread(name: str) -> Unread:
    """A recipe that cannot be evaluated."""
    return Unread(f"main/{name}", f"/aports/main/{name}", Repository("/aports/main"), RecipeError("no", hint="mend it"))


def entry(name: str, version: str = "1.0-r0", *, origin: str = "", provides: str = "", depends: str = "") -> IndexEntry:
    """A package of an index."""
    return IndexEntry(
        f"Q1{name}",
        name,
        version,
        "x86_64",
        origin=origin,
        provides=tuple(provides.split()),
        depends=tuple(depends.split()),
    )


def existing(*entries: IndexEntry, complete: bool = False, own: str = "main") -> Existing:
    """Packages that are there, in the destination's repository of that name."""
    found = Existing([Place(Path("/nowhere"), own)], complete=complete)
    found.__dict__["indexes"] = ((Place(Path("/nowhere"), own), Index.of(entries)),)
    return found


def write_index(path: Path, *entries: IndexEntry) -> None:
    """An unsigned APKINDEX.tar.gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(each.format() for each in entries).encode()
    with tarfile.open(fileobj=(raw := io.BytesIO()), mode="w") as tar:
        info = tarfile.TarInfo("APKINDEX")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    path.write_bytes(gzip.compress(raw.getvalue()))


def plan(
    *nodes: Node,
    there: Existing | None = None,
    broken: Iterable[Unread] = (),
    wishes: Wishes | None = None,
    variables: Mapping[str, str] = VARIABLES,
) -> Plan:
    """The plan for some recipes; checked for what every plan must be."""
    found = make_plan(Recipes(nodes, tuple(broken)), variables, there or Existing(), wishes=wishes)
    check(found, {each.name for each in nodes})
    return found


def check(found: Plan, names: set[str]) -> None:
    """Every task after what it waits for, nothing lost, nothing twice."""
    done: set[str] = set()
    for task in found.tasks:
        assert set(task.waits_for) <= done
        assert task.name not in done
        done.add(task.name)
    settled = {outcome.name for outcome in found.settled}
    assert not done & settled
    assert names <= done | settled


def order(found: Plan) -> list[str]:
    """Names of the tasks, without their repository where it is main."""
    return [short(task.name) for task in found.tasks]


def settled(found: Plan) -> dict[str, str]:
    """What is known before anything is built, as ``status reason`` or ``blocked by ...``."""
    return {short(outcome.name): _said(outcome) for outcome in found.settled}


def waits(found: Plan, name: str) -> list[str]:
    """What a task waits for."""
    task = next(task for task in found.tasks if short(task.name) == name)
    return [short(each) for each in task.waits_for]


def short(name: str) -> str:
    return name.removeprefix("main/")


def _said(outcome: Outcome) -> str:
    if outcome.status == "blocked":
        return "blocked by " + " ".join(map(short, outcome.blocked_by))
    return f"{outcome.status} {outcome.reason}"


def write_recipe(folder: Path, **variables: str) -> Path:
    """An APKBUILD that ``evaluate`` reads; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"pkgname": folder.name, "pkgver": "1.0", "pkgrel": "0", "arch": "all", **variables}
    (folder / "APKBUILD").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return folder


def evaluate(paths: Iterable[str]) -> Iterator[Answer]:
    """Reads such recipes."""
    for path in paths:
        lines = Path(path).read_text().splitlines()
        if "broken" in lines:
            yield Answer(path, NOTHING, error=RecipeError(f"{path}: broken"))
        else:
            values = dict(line.split("=", 1) for line in lines)
            yield Answer(path, Fresh({}, {**values, "APKBUILD": path}))
