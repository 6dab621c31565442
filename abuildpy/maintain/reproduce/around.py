# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stages of a build find around them when circumstances are varied: this machine, a little disguised."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from abuildpy.maintain.reproduce.order import Circumstances, Order
from abuildpy.phases.cleanroot import CleanRoot
from abuildpy.phases.ownership import Accounts
from abuildpy.phases.surroundings import Host
from abuildpy.recipe.model import Recipe
from abuildpy.sandbox.base import BuildUser, Place, Request, Running, Wall
from abuildpy.sandbox.bwrap import BwrapStage, BwrapWall
from abuildpy.sandbox.identity import Identity
from abuildpy.sandbox.process import is_inside

T = TypeVar("T")
WORK_FOLDERS = ("src", "pkg", "tmp")


_EMPTY = (Path("/home"), Path("/root"))
"""Behind the wall there is nothing in these anyway."""
_NEEDED = frozenset("/ /bin /boot /dev /etc /lib /lib64 /proc /run /sbin /sys /tmp /usr /var /var/tmp /var/lib".split())


def emptied_for(shown: Path) -> Path | None:
    """The folder that has to look empty for a folder that is not on this machine to be shown below it; None for none."""
    if os.path.isdir(shown) or any(is_inside(shown, place) for place in _EMPTY):
        return None
    return next(parent for parent in shown.parents if os.path.isdir(parent))  # which takes names of any length


def can_show(shown: Path, needed: Iterable[Path]) -> bool:
    """Whether the recipe can be shown there, though the folder may not exist, without hiding any of what is ``needed``."""
    place = emptied_for(shown)
    if not shown.is_absolute() or ".." in shown.parts:
        return False
    return place is None or (str(place) not in _NEEDED and not any(is_inside(path, place) for path in needed))


class DisguisedWall(BwrapWall):
    """bubblewrap's wall for another user; and what lies at ``source`` is to be seen at ``shown`` as well."""

    def __init__(self, wall: BwrapWall, order: Order) -> None:
        user, number = wall.user, order.circumstances.uid
        if number:
            user = replace(user, uid=number, gid=number)
            if user.drops:
                user = replace(user, host_uid=number, host_gid=number)
        super().__init__(
            wall._program, user, fresh_proc=wall._fresh_proc, drop_tool=wall._drop_tool, become=wall.become
        )
        self._source = Path(order.apkbuild).parent
        self._shown = Path(order.shown) if order.shown else None
        self._emptied = emptied_for(self._shown) if self._shown else None
        self._umask = order.circumstances.umask

    def start(self, request: Request) -> BwrapStage:
        """See :class:`abuildpy.sandbox.base.Wall`."""
        with _umask(self._umask):
            return super().start(request)

    def arguments(self, request: Request) -> list[str]:
        """bubblewrap's arguments, with the recipe's folder laid over the other one at the end of the mounts."""
        words = super().arguments(request)
        if self._shown is None:
            return words
        more: list[str] = []
        if not self._shown.is_dir():
            for parent in list(reversed(self._shown.parents))[1:]:  # bubblewrap would make them for their owner alone
                kind = "--tmpfs" if parent == self._emptied else "--dir"
                more += ["--perms", "0755", kind, os.fspath(parent)]
        more += ["--ro-bind", os.fspath(self._source), os.fspath(self._shown)]
        for name in WORK_FOLDERS:
            if self._source / name in request.writable:
                more += ["--bind", os.fspath(self._source / name), os.fspath(self._shown / name)]
        at = words.index("--chdir")
        return [*words[:at], *more, *words[at:]]


class _OtherWall:
    """Any other wall, behind which only the umask can be changed."""

    def __init__(self, wall: Wall, umask: int) -> None:
        self._wall = wall
        self._umask = umask

    @property
    def name(self) -> str:
        return self._wall.name

    @property
    def overlays(self) -> bool:
        return self._wall.overlays

    @property
    def user(self) -> BuildUser:
        return self._wall.user

    def describe(self) -> str:
        return self._wall.describe()

    def gaps(self) -> tuple[str, ...]:
        return self._wall.gaps()

    def start(self, request: Request) -> Running:
        with _umask(self._umask):
            return self._wall.start(request)


class Disguised:
    """This machine as the recipe's functions see it in an order's circumstances (a ``Surroundings``)."""

    def __init__(self, host: Host, order: Order) -> None:
        self._host = host
        self._order = order
        self._folder = Path(order.apkbuild).parent
        self._walls: dict[str, Wall] = {}

    @property
    def _circumstances(self) -> Circumstances:
        return self._order.circumstances

    @property
    def private(self) -> Path:
        """A folder that recipes can at most read."""
        return self._host.private

    @property
    def ash(self) -> tuple[str, ...]:
        """This machine's BusyBox."""
        return self._host.ash

    @property
    def fakeroot(self) -> Mapping[str, str]:
        """This machine's fakeroot."""
        return self._host.fakeroot

    def inside(self, path: Path) -> Path:
        """Where the functions find a file of the recipe's folder; all else is at its own place."""
        shown = self._order.shown
        if shown and is_inside(path, self._folder) and self._host.wall(self._folder).name == "bwrap":
            return Path(shown) / path.relative_to(self._folder)
        return path

    def wall(self, startdir: Path) -> Wall:
        """The wall that stands here, with the user changed."""
        return self._disguised(self._host.wall(startdir))

    def behind(self, startdir: Path, run: Callable[[Wall], T]) -> T:
        """Calls ``run`` with the wall; which one stands is found by trying, as paths inside depend on it."""
        return run(self.wall(startdir))

    def out_of_sight(self, startdir: Path) -> tuple[str, ...]:
        """Folders of PATH that a stage cannot see."""
        return self._host.out_of_sight(startdir)

    def environment(self, recipe: Recipe, *, colors: bool, network: bool) -> dict[str, str]:
        """The caller's, with the recipe at the place where it is shown."""
        env = self._host.environment(recipe, colors=colors, network=network)
        env["APKBUILD"] = os.fspath(self.inside(recipe.path))
        return env

    def accounts(self, recipe: Recipe, wall: Wall) -> Accounts:
        """Alpine's base accounts, the recipe's, and the build user under the varied name."""
        if not (wall.overlays and self._circumstances.user):
            return self._host.accounts(recipe, wall)
        return self._identity(recipe, wall.user)

    def furnish(self, request: Request, recipe: Recipe, user: BuildUser) -> Request:
        """The request as for any build, with all that is varied."""
        order, changed = self._order, self._circumstances
        seen_from = replace(recipe, startdir=Path(order.siblings)) if order.siblings else recipe
        request = self._host.furnish(request, seen_from, user)
        tools = filter(None, (changed.preload, changed.faketime, changed.variables.get("LOCPATH")))
        env = _environment(request, order)
        return replace(
            request,
            env=env,
            readable=(
                *request.readable,
                self._folder,
                *map(Path, tools),
                Path(order.private),
            ),
            files=self._identity(recipe, user).write(self.private) if changed.user else request.files,
            hostname=changed.host or request.hostname,
            home_name=changed.user,
        )

    def _identity(self, recipe: Recipe, user: BuildUser) -> Identity:
        home = f"/home/{self._circumstances.user}"
        return Identity.build(recipe.pkgusers, recipe.pkggroups, user.uid, user.gid, home=home)

    def _disguised(self, wall: Wall) -> Wall:
        if wall.name not in self._walls:
            umask = self._circumstances.umask
            self._walls[wall.name] = (
                DisguisedWall(wall, self._order) if isinstance(wall, BwrapWall) else _OtherWall(wall, umask)
            )
        return self._walls[wall.name]


class DisguisedRoot:
    """A clean root in an order's circumstances (a ``Surroundings``). Who builds there, and on which machine, is the same for
    everybody.
    """

    def __init__(self, root: CleanRoot, order: Order) -> None:
        self._root = root
        self._order = order
        self._wall = DisguisedWall(root.bubblewrap, replace(order, shown=""))

    @property
    def private(self) -> Path:
        """A folder that recipes can at most read."""
        return self._root.private

    @property
    def ash(self) -> tuple[str, ...]:
        """The root's BusyBox."""
        return self._root.ash

    @property
    def fakeroot(self) -> Mapping[str, str]:
        """The root's fakeroot."""
        return self._root.fakeroot

    def inside(self, path: Path) -> Path:
        """The path by which a stage knows a file of this machine."""
        return self._root.inside(path)

    def wall(self, startdir: Path) -> Wall:  # noqa: ARG002 - one root, one recipe
        """bubblewrap, with another umask."""
        return self._wall

    def behind(self, startdir: Path, run: Callable[[Wall], T]) -> T:  # noqa: ARG002
        """Calls ``run`` with the wall; there is no other."""
        return run(self._wall)

    def out_of_sight(self, startdir: Path) -> tuple[str, ...]:
        """None: PATH is the root's."""
        return self._root.out_of_sight(startdir)

    def environment(self, recipe: Recipe, *, colors: bool, network: bool) -> dict[str, str]:
        """The root's."""
        return self._root.environment(recipe, colors=colors, network=network)

    def accounts(self, recipe: Recipe, wall: Wall) -> Accounts:
        """The root's own accounts and the recipe's."""
        return self._root.accounts(recipe, wall)

    def furnish(self, request: Request, recipe: Recipe, user: BuildUser) -> Request:
        """The root, with all that is varied."""
        request = self._root.furnish(request, recipe, user)
        library = self._order.circumstances.preload
        order = replace(self._order, repodest="")
        view = request.view
        if library and view is not None:
            inside = Path("/run/abuildpy-vary.so")
            view = replace(view, places=(*view.places, Place(Path(library), inside)))
            order = replace(order, circumstances=replace(order.circumstances, preload=str(inside)))
        return replace(request, env=_environment(request, order), view=view)


def _environment(request: Request, order: Order) -> dict[str, str]:
    """The environment of a stage with what an order changes in it."""
    changed = order.circumstances
    env = {**request.env, **_variables(order)}
    preloaded = (changed.preload, changed.faketime, env.get("LD_PRELOAD", ""))
    env["LD_PRELOAD"] = ":".join(filter(None, preloaded))
    if not env["LD_PRELOAD"]:
        del env["LD_PRELOAD"]
    return env


def _variables(order: Order) -> dict[str, str]:
    changed = order.circumstances
    found = dict(changed.variables)
    if order.repodest:
        found["REPODEST"] = order.repodest
    if changed.backwards:
        found["ABUILDPY_ORDER"] = "reverse"
    if changed.ahead and changed.preload:
        found["ABUILDPY_CLOCK"] = str(changed.ahead)
    elif changed.ahead:
        # Files get the machine's time, and so does what is touched: else make would find it to be of the future.
        found |= {
            "FAKETIME": f"+{changed.ahead}",
            "NO_FAKE_STAT": "1",
            "FAKE_UTIME": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
    return found


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    """Starts what is started in the block under another umask, unless that is 0."""
    if not mask:
        yield
        return
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
