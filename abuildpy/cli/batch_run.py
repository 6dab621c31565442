# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the plan of ``abuildpy batch``: puts together who builds, who takes the packages and who watches."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.batch.dependants import Dependants
from abuildpy.batch.engine import Engine, Rules
from abuildpy.batch.interface import Executor, Observer
from abuildpy.batch.journal import FOLDER, Journal
from abuildpy.batch.local import Dependencies, How, Local
from abuildpy.batch.model import Plan, Report, Task
from abuildpy.batch.reuse import Places, Reuse
from abuildpy.batch.scheduler import Means, cores, free_memory
from abuildpy.batch.staging import Staging, open_staging
from abuildpy.config import Config
from abuildpy.errors import AbuildError, DependencyError, SandboxError
from abuildpy.messages import Messages
from abuildpy.repository.cleanroot import TEMPLATE
from abuildpy.repository.trust import trusted_keys
from abuildpy.shell import find_program
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.cli.batch_dask import Elsewhere


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to carry out a plan. ``jobs`` and ``load`` are None where nothing was said; the limits are as they were typed."""

    jobs: int | None = None
    load: float | None = None
    install: bool = True
    roots: bool | None = None
    """Whether each build has a clean root; None: where several may run at once."""
    fail_fast: bool = False
    publish_rest: bool = False
    """Whether what the gate has nothing against is published though it is closed."""
    retry: int = 0
    timeout: str = ""
    no_output_timeout: str = ""
    elsewhere: Elsewhere | None = None
    """The cluster to build on; None for this machine."""


def batch_folder(config: Config) -> Path:
    """Where the batches that build for a REPODEST keep their journal, logs, and what is not published yet."""
    return config.repodest / FOLDER


def carry_out(
    plan: Plan,
    wanted: Wanted,
    config: Config,
    console: Console,
    observers: Sequence[Observer],
    messages: Messages | None = None,
    dependants: Dependants | None = None,
) -> Report:
    """Builds what is planned; with ``dependants``, also what would lose what it needs by publishing that.

    ``messages`` are for the time while observers watch; the console, if None.

    Raises AbuildError where nothing could be started (exit status 3), or a result was not published.
    """
    folder = batch_folder(config)
    slots = wanted.jobs or cores()
    if not plan.tasks:  # nobody needs a key for that, or apk, or a place to build for
        return _tell_what_is_settled(plan, slots, observers)
    try:
        dependencies = _dependencies(plan, wanted, slots, config, console)
        journal = Journal(folder)
    except AbuildError as error:
        error.exit_status = 3
        raise
    with journal, _ending() as asked_to_end, ExitStack() as stack:
        places = Places(folder / "work", folder / "logs", folder / "staged")
        _forget_other_content(plan, places.staged)
        try:
            publisher = _publisher(plan, places, config, messages or console)
            how = How(dependencies, (str(config.repodest),), wanted.timeout, wanted.no_output_timeout)
            executor, means = _executor(wanted, how, slots, config, console, messages or console, journal, stack)
        except AbuildError as error:
            error.exit_status = 3
            raise
        engine = Engine(
            plan,
            executor,
            publisher,
            journal,
            observers=observers,
            means=means,
            places=places,
            rules=Rules(wanted.fail_fast, wanted.publish_rest, wanted.retry),
            reuse=Reuse(journal, (places.staged, config.repodest), trusted_keys(config)),
            asked_to_end=asked_to_end,
            more=lambda failed: _to_rebuild(publisher, dependants, config.carch, failed),
        )
        return engine.run()


def _to_rebuild(staging: Staging, dependants: Dependants | None, arch: str, failed: Collection[str]) -> Plan | None:
    losses = staging.losses() if dependants is not None else ()
    if dependants is None or not losses:
        return None
    plan = dependants(losses, staging.versions(arch), failed)
    staging.open(dict.fromkeys((task.name.partition("/")[0], task.arch) for task in plan.tasks))
    return plan


def _executor(
    wanted: Wanted,
    how: How,
    slots: int,
    config: Config,
    console: Console,
    messages: Messages,
    journal: Journal,
    stack: ExitStack,
) -> tuple[Executor, Means]:
    """Who builds, and with what. Raises AbuildError."""
    if wanted.elsewhere is None:
        local = Local(slots, how, config.environ, (journal.lock,))
        return local, Means(slots, _jobs(config), free_memory(), wanted.load)
    from abuildpy.cli.batch_dask import dask

    jobs = max(1, _jobs(config) // slots)
    executor = stack.enter_context(
        dask(wanted.elsewhere, how, slots, jobs, config, console, messages, batch_folder(config))
    )
    room = wanted.jobs or executor.slots
    means = Means(room, room * jobs, None, wanted.load)  # workers look after their own memory
    return executor, means if wanted.jobs else replace(means, room=lambda: executor.slots)


def _publisher(plan: Plan, places: Places, config: Config, messages: Messages) -> Staging:
    staging = open_staging(places.staged, config, messages)
    staging.open(dict.fromkeys((task.name.partition("/")[0], task.arch) for task in plan.tasks))
    return staging


def _forget_other_content(plan: Plan, staged: Path) -> None:
    """What an interrupted batch has staged of recipes that have changed since is not published, whatever becomes of them."""
    from abuildpy.batch.accepted import Records as Staged

    records = Staged(staged)
    there = records.read()
    for task in plan.tasks:
        if task.name in there and there[task.name].key != task.key:
            records.forget(task.name)


def _tell_what_is_settled(plan: Plan, slots: int, observers: Sequence[Observer]) -> Report:
    report = Report(plan.settled, plan, time.time(), 0.0, slots)
    for observer in observers:
        observer.planned(plan)
        for outcome in plan.settled:
            short = outcome.name.rpartition("/")[2]
            observer.finished(Task(outcome.name, "", short, outcome.version, plan.arch), outcome)
        observer.ended(report)
    return report


def _jobs(config: Config) -> int:
    text = config.get("JOBS")
    return int(text) if text.isascii() and text.isdigit() and int(text) else cores()


def _dependencies(plan: Plan, wanted: Wanted, slots: int, config: Config, console: Console) -> Dependencies:
    """How dependencies get there. Raises AbuildError where that cannot be, before anything is built."""
    if not wanted.install or not plan.tasks:
        return "none"
    if wanted.elsewhere is not None:  # what is installed on workers is theirs to look after
        _require_templates(plan)
        return "root"
    if not _require_apk(wanted, slots, config):
        return "install"
    _require_templates(plan)
    from abuildpy.phases.rootbld import require_walls

    try:
        require_walls(Path(plan.tasks[0].folder), console)
    except SandboxError as error:
        raise SandboxError(
            f"several packages at once are built in clean roots, and there can be none: {error.message}",
            hint="build one at a time with --jobs 1, or take --no-deps-install"
            + (f"; {error.hint}" if error.hint else ""),
        ) from error
    return "root"


def require_means(wanted: Wanted, config: Config) -> None:
    """Raises AbuildError where nothing can be built whatever it is: there is no key to sign with, or no apk to install with."""
    from abuildpy.package.sign import load_signer

    load_signer(config)
    if wanted.install and wanted.elsewhere is None:
        _require_apk(wanted, wanted.jobs or cores(), config)


def _require_apk(wanted: Wanted, slots: int, config: Config) -> bool:
    """Whether dependencies are installed into clean roots, by an apk that is there. Raises DependencyError."""
    root = slots > 1 if wanted.roots is None else wanted.roots
    command = (config.get("ROOTBLD_APK").split() if root else []) or list(config.apk)
    if find_program(command[0] if command else "apk", config.environ.get("PATH")) is None:
        raise DependencyError(
            f"{' '.join(command) or 'apk'}: not found, so dependencies cannot be installed",
            hint="with --no-deps-install they only order the batch",
        )
    return root


def _require_templates(plan: Plan) -> None:
    """Raises DependencyError where nobody says what clean roots are made from."""
    for repository in sorted({str(Path(task.folder).parent) for task in plan.tasks}):
        template = Path(repository, TEMPLATE)
        if not template.is_file():
            raise DependencyError(
                f"{template} is missing: it tells what the clean roots are made from in which several packages are built at once",
                hint="write it, or build one at a time with --jobs 1, or take --no-deps-install",
            )


class _Wish:
    """Whether somebody wants the batch to end."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> bool:
        return bool(self.number)

    def take(self, number: int, _frame: object) -> None:
        """A signal came."""
        self.number = number


@contextmanager
def _ending() -> Iterator[_Wish]:
    """Signals that ask us to end are taken as a wish: the journal and the repositories are never left in the middle."""
    wish = _Wish()
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, wish.take)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
