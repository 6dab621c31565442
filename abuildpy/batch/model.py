# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch is made of: tasks with what they wait for, the plan that holds them, and the outcome of each.

A recipe goes by its *name* everywhere: ``main/foo``, its repository's folder and its own. Nothing here reads or runs
anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args

Status = Literal["built", "reused", "failed", "blocked", "skipped"]
"""What became of a recipe. ``reused``: sound packages of the same content were there already; ``blocked``: something that it
needs was not built; ``skipped``: it is not meant to be built here."""

Failure = Literal[
    "fetch",
    "checksum",
    "unpack",
    "patch",
    "dependencies",
    "compile",
    "test",
    "package",
    "postcheck",
    "timeout",
    "no-output",
    "memory",
    "disk",
    "cycle",
    "evaluate",
    "internal",
]
"""Why a recipe failed. ``memory``: it took more of that, or more processes, than it may."""

Absence = Literal["arch", "disabled"]
"""Why a recipe is skipped: it is for other architectures; it is for none at all, or not for this libc."""

Reason = Failure | Absence

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
FAILURES: Final[tuple[Failure, ...]] = get_args(Failure)
ABSENCES: Final[tuple[Absence, ...]] = get_args(Absence)
RETRIED: Final[frozenset[Failure]] = frozenset(("fetch", "internal"))
"""Failures that may be gone the next time: of the network and of what is around a build, never of the recipe."""

GOOD: Final[frozenset[Status]] = frozenset(("built", "reused"))
"""Statuses after which dependants may be built."""

WhyKind = Literal["target", "changed", "failed", "outdated", "unbuilt", "rebuild", "needed"]
NeedKind = Literal["makedepends", "checkdepends", "depends", "installed"]


@dataclass(frozen=True, slots=True)
class Why:
    """Why a recipe is in the plan.

    ``detail`` is, by kind: ``target`` the word on the command line, ``changed`` the revision, ``failed`` ``outdated``
    ``unbuilt`` what is known of it, ``rebuild`` what its packages depend on (``so:libfoo.so.1``), ``needed`` who needs what.
    """

    kind: WhyKind
    detail: str = ""

    def __str__(self) -> str:
        return _WHY[self.kind].format(self.detail)


_WHY: Final[Mapping[WhyKind, str]] = {
    "target": "named: {}",
    "changed": "changed since {}",
    "failed": "failed: {}",
    "outdated": "outdated: {}",
    "unbuilt": "not built: {}",
    "rebuild": "depends on {}",
    "needed": "needed by {}",
}


@dataclass(frozen=True, slots=True)
class Need:
    """One reason why a task waits for another: an edge of the graph.

    ``on`` is the name of the other recipe; ``wanted`` the dependency as the recipe spells it (``foo-dev>=1.2``);
    ``provider`` the package of the other recipe that fulfils it. ``kind`` is the variable it stands in; ``installed`` tells
    that the recipe itself does not name it, but packages that have to be installed for its build do: ``via`` are these, the
    one that the recipe asks for first. ``hidden`` tells that the other repository is not among those that the recipe's own
    repository names in ``.rootbld-repositories``.
    """

    on: str
    wanted: str
    provider: str
    kind: NeedKind
    via: tuple[str, ...] = ()
    hidden: bool = False

    def __str__(self) -> str:
        via = f" (by way of {' -> '.join(self.via)})" if self.via else ""
        other = "" if self.provider == self.wanted else f" -> {self.provider}"
        return f"{self.kind} {self.wanted}{other} of {self.on}{via}"


@dataclass(frozen=True, slots=True)
class Task:
    """One recipe to build.

    ``folder`` is absolute; ``version`` is ``pkgver-rPKGREL``; ``packages`` are the names of what it makes, the main package
    first; ``key`` tells by content whether packages made earlier are still those of this recipe: it changes with the recipe,
    the files beside it, the configuration and the keys of the tasks it needs (empty where nobody asked for keys).
    """

    name: str
    folder: str
    pkgname: str
    version: str
    arch: str
    packages: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()
    needs: tuple[Need, ...] = ()
    """What must have been built before, each other task at least once; only tasks of the same plan."""
    met: tuple[Need, ...] = ()
    """Needs on tasks of the same plan that are not waited for, because a package that is there already serves: circles are
    broken here, and a package that needs itself is built with its predecessor (``on`` is then its own name)."""
    missing: tuple[str, ...] = ()
    """Dependencies of which nobody knows who could provide them; only apk itself can tell."""
    key: str = ""
    exclusive: bool = False
    """No other task may run beside it."""
    priority: int = 0
    """Of tasks that could start, those with a higher one come first, whatever their times say."""
    seconds: float | None = None
    """How long it took the last time."""
    max_rss: int | None = None
    """Peak of its memory the last time, in bytes."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Names of the tasks that must have been built before, each once."""
        return tuple(dict.fromkeys(need.on for need in self.needs))


@dataclass(frozen=True, slots=True)
class Cycle:
    """Recipes that need each other.

    ``members`` are all of them, sorted; ``paths`` are ways around, each with the same name at both ends, and every member is
    on one of them. ``needs`` are, for each path, the needs it goes along. ``broken`` are the needs that packages which are
    there already serve, with who has them: those were taken out, so nobody waits for them. ``stopped`` are the members that
    still cannot be built: their reason is ``cycle``.
    """

    members: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    needs: tuple[tuple[Need, ...], ...] = ()
    broken: tuple[tuple[str, Need], ...] = ()
    stopped: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether all members can be built all the same."""
        return not self.stopped


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipe.

    ``reason`` is a Failure for ``failed``, an Absence for ``skipped``, else None. ``blocked_by`` names the recipes that
    failed or were skipped and that it needs, directly or over others. ``seconds`` of wall clock, ``max_rss`` in bytes;
    ``log`` a path; ``apks`` paths of the packages; ``error`` the first real error, in a line or a few.
    """

    name: str
    version: str
    status: Status
    reason: Reason | None = None
    blocked_by: tuple[str, ...] = ()
    seconds: float = 0.0
    max_rss: int | None = None
    log: str | None = None
    apks: tuple[str, ...] = ()
    error: str | None = None
    attempts: int = 1
    started: float | None = None
    """Seconds since 1970; None if it never started."""
    key: str = ""

    @property
    def is_good(self) -> bool:
        """Whether dependants may be built."""
        return self.status in GOOD


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built. Every task stands after all that it waits for.

    ``settled`` are the outcomes that are known before anything is built: skipped for their architecture, failed because
    they cannot be evaluated, are in a cycle or need what nobody provides, blocked by one of those. Their recipes are not
    among the tasks, and no task waits for them. ``warnings`` are lines for the user.
    """

    tasks: tuple[Task, ...]
    settled: tuple[Outcome, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    arch: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def is_hopeless(self) -> bool:
        """Whether there would be something to do, and none of it can be built."""
        return not self.tasks and any(outcome.status == "failed" for outcome in self.settled)

    @property
    def by_name(self) -> dict[str, Task]:
        """The tasks by their names, made anew each time it is asked for."""
        return {task.name: task for task in self.tasks}

    def followed_by(self, other: Plan) -> Plan:
        """Both in one; of recipes that are in both, what the other one says."""
        names = {*other.by_name, *(outcome.name for outcome in other.settled)}
        return Plan(
            (*(task for task in self.tasks if task.name not in names), *other.tasks),
            (*(outcome for outcome in self.settled if outcome.name not in names), *other.settled),
            (*self.cycles, *other.cycles),
            self.arch,
            (*self.warnings, *other.warnings),
        )

    @property
    def dependants(self) -> dict[str, tuple[str, ...]]:
        """For each task the tasks that wait for it, made anew each time it is asked for."""
        found: dict[str, list[str]] = {task.name: [] for task in self.tasks}
        for task in self.tasks:
            for name in task.waits_for:
                found[name].append(task.name)
        return {name: tuple(waiting) for name, waiting in found.items()}


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the last time a recipe was built: its outcome, and the key of what was built."""

    status: Status
    reason: Reason | None = None
    key: str = ""
    seconds: float | None = None
    max_rss: int | None = None
    version: str = ""


class History(Protocol):
    """Former runs: what the journal gives to planning."""

    def last(self, name: str) -> Past | None:
        """The last outcome of a recipe (``main/foo``); None if there is none."""

    def cost(self, name: str) -> tuple[float | None, int | None]:
        """Seconds and peak memory (bytes) of its last complete build, whatever came after it."""


class NoHistory:
    """Nothing was ever built."""

    def last(self, name: str) -> Past | None:  # noqa: ARG002 -- as History has it
        """Nothing."""
        return None

    def cost(self, name: str) -> tuple[float | None, int | None]:  # noqa: ARG002 -- as History has it
        """Nothing."""
        return None, None


@dataclass(frozen=True, slots=True)
class Loss:
    """What a package would lose.

    ``package`` and ``taken_by`` read ``main/foo-1.0-r0``: who needs ``wanted``, and which staged packages do not provide it
    any more; ``had_from`` are those that do now. ``recipe`` (``main/foo``) is what has to be built again; that does not help a
    package that is ``left_over``: other packages of its recipe have a higher version, so the recipe does not make it any more.
    """

    package: str
    recipe: str
    wanted: str
    taken_by: tuple[str, ...]
    had_from: tuple[str, ...]
    left_over: bool = False

    def __str__(self) -> str:
        return (
            f"{self.package} would lose {self.wanted}: {' '.join(self.had_from)} has it, "
            f"{' '.join(self.taken_by)} has not"
            + (f" ({self.recipe} does not make that package any more: delete it)" if self.left_over else "")
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why what was built is not published, or what of it.

    ``error`` tells it in a line, ``hint`` what to do. ``losses`` are what the gate saw, ``rebuild`` the recipes that have to be
    built again, and ``held`` those whose packages wait while the others were published; without any, all do.
    """

    error: str
    hint: str = ""
    losses: tuple[Loss, ...] = ()
    rebuild: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole batch: every recipe of the plan with its outcome, in the order in which they ended.

    ``started`` is in seconds since 1970; ``complete`` is False while it runs and for one that was interrupted.
    """

    outcomes: tuple[Outcome, ...]
    plan: Plan = field(default_factory=lambda: Plan(()))
    started: float = 0.0
    seconds: float = 0.0
    jobs: int = 1
    complete: bool = True
    refusal: Refusal | None = None
    """Set where the batch came to its end, and not all that was built got into the repository."""

    @property
    def exit_status(self) -> int:
        """0 all built or reused (or skipped, or nothing was to do), 1 some failed or blocked, or not published, 3 nothing could
        be planned, 130 interrupted.
        """
        if not self.complete:
            return 130
        if self.plan.is_hopeless:
            return 3
        return int(self.refusal is not None or any(each.status in ("failed", "blocked") for each in self.outcomes))


def blocked_by(task_needs: Iterable[str], bad: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Who blocks a task that waits for ``task_needs``: the roots of the trouble, each once, sorted.

    ``bad`` has, for every recipe that was not built, those that block it in turn (none for one that failed by itself).
    """
    found: set[str] = set()
    for name in task_needs:
        if name in bad:
            found.update(bad[name] or (name,))
    return tuple(sorted(found))
