# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy batch``: the command line of what builds many recipes, or shows in which order and why."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import Aborted, AbuildError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.batch.model import Plan
    from abuildpy.batch.selections import Selection
    from abuildpy.cli.batch_dask import Elsewhere
    from abuildpy.cli.batch_plan import Planner

EXECUTORS = ("local", "dask")
REPORTS = (".json", ".xml", ".html", ".md")

_USAGE = """\
usage: abuildpy batch [options] [TARGET...]

Builds recipes and what waits for them in the right order. A TARGET is a recipe
(its folder or APKBUILD), a folder of recipes, a repository, a tree of these, or
a name: of a repository, a recipe (main/foo, foo) or a package. With a selection
and no TARGET all of the tree around the current folder is looked at.

What is built:
  --changed-since REV     Recipes in which anything changed since this git
                          revision
  --status STATE          Recipes that are failed (the last time), outdated or
                          unbuilt (in REPODEST); several with commas
  --rebuild-of NAME       Recipes whose packages depend on it: so:libfoo.so.1,
                          pc:foo, cmd:foo, foo
  --rebuild-dependants    Also rebuild what would lose a library (with a pkgrel
                          bump)
  --publish-rest          Hold back only what takes a library away and what
                          needs that, and publish the rest
  --plan                  Only show the order, and why each is built or not
  --json                  With --plan: as JSON

How:
  -j, --jobs N            So many packages at once (default: as many as cores
                          and memory allow)
  --load N                Start nothing while the load is above this
  --exclusive NAME        Nothing else runs beside this recipe
  --priority NAME=N       Recipes with higher numbers come first, and what they
                          need
  --keep-going            Build what can be built after a failure (default)
  --fail-fast             Start nothing after a failure
  --retry N               Try again so often after failures of the network or
                          the machine
  --timeout TIME          The longest that a function of a recipe may take
  --no-output-timeout TIME
                          The longest that it may be silent
  --require-sandbox WALL  Refuse to build behind less than bwrap or landlock
  --no-deps-install       Install no dependencies: they only order the batch
  -P, --repodest DIR      Where the repositories are (default: REPODEST)

Where:
  --executor WHERE        local (default) or dask
  --scheduler ADDRESS     Of dask: HOST:PORT or tls://HOST:PORT (default: one of
                          its own, with workers on this machine)
  --store URL             Where sources and packages travel between machines:
                          file:///shared/folder, s3://bucket/path, ...
  --tls-ca FILE           Certificate of the authority that all certificates are
                          of (or ABUILDPY_TLS_CA)
  --tls-cert FILE         This machine's certificate (or ABUILDPY_TLS_CERT)
  --tls-key FILE          The key to it (or ABUILDPY_TLS_KEY)

  --report FILE           Write a report, by its ending: .json, .xml (JUnit),
                          .html or .md; several are possible
  -h, --help              Show this help

Exit status: 0 all built or reused, 1 some failed or blocked, 2 wrong command
line, 3 nothing could be planned, 130 interrupted
"""


class BatchUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


class Interrupted(Aborted):
    """The user interrupted a batch."""

    exit_status = 130


@dataclass(frozen=True, slots=True)
class Options:
    """The command line as it was typed."""

    changed_since: str = ""
    status: tuple[str, ...] = ()
    rebuild_of: tuple[str, ...] = ()
    rebuild_dependants: bool = False
    publish_rest: bool = False
    plan: bool = False
    as_json: bool = False
    jobs: str = ""
    load: str = ""
    exclusive: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    fail_fast: bool = False
    retry: str = ""
    timeout: str = ""
    no_output_timeout: str = ""
    require_sandbox: str = ""
    no_deps_install: bool = False
    repodest: str = ""
    executor: str = "local"
    scheduler: str = ""
    store: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    report: tuple[str, ...] = ()


PROGRAM = Program(
    "abuildpy batch",
    Options,
    (
        Option("", "changed-since", {"changed_since": VALUE}),
        Option("", "status", {"status": VALUE}, several=True),
        Option("", "rebuild-of", {"rebuild_of": VALUE}, several=True),
        Option("", "rebuild-dependants", {"rebuild_dependants": True}),
        Option("", "publish-rest", {"publish_rest": True}),
        Option("", "plan", {"plan": True}),
        Option("", "json", {"as_json": True}),
        Option("j", "jobs", {"jobs": VALUE}),
        Option("", "load", {"load": VALUE}),
        Option("", "exclusive", {"exclusive": VALUE}, several=True),
        Option("", "priority", {"priority": VALUE}, several=True),
        Option("", "keep-going", {"fail_fast": False}),
        Option("", "fail-fast", {"fail_fast": True}),
        Option("", "retry", {"retry": VALUE}),
        Option("", "timeout", {"timeout": VALUE}),
        Option("", "no-output-timeout", {"no_output_timeout": VALUE}),
        Option("", "require-sandbox", {"require_sandbox": VALUE}),
        Option("", "no-deps-install", {"no_deps_install": True}),
        Option("P", "repodest", {"repodest": VALUE}),
        Option("", "executor", {"executor": VALUE}),
        Option("", "scheduler", {"scheduler": VALUE}),
        Option("", "store", {"store": VALUE}),
        Option("", "tls-ca", {"tls_ca": VALUE}),
        Option("", "tls-cert", {"tls_cert": VALUE}),
        Option("", "tls-key", {"tls_key": VALUE}),
        Option("", "report", {"report": VALUE}, several=True),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda options, words: bool(words or options.changed_since or options.status or options.rebuild_of),
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


@dataclass(frozen=True, slots=True)
class Orders:
    """The command line once it was understood. Times are as they were typed (``phases/limits.py`` reads them).

    ``jobs`` and ``load`` are None where nothing was said.
    """

    selection: Selection
    exclusive: frozenset[str]
    priorities: dict[str, int]
    jobs: int | None
    load: float | None
    retry: int
    reports: tuple[Path, ...]


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy batch`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: Options, words: list[str]) -> int:
    orders = understand(options)
    try:
        return _batch(options, orders, words)
    except KeyboardInterrupt:
        raise Interrupted("Aborted by user") from None


def understand(options: Options) -> Orders:
    """Checks all that can be checked of a command line by itself. Raises BatchUsageError."""
    from abuildpy.batch.selections import STATES, Selection
    from abuildpy.cli.options import REQUIRED
    from abuildpy.phases.limits import parse_limit

    states = [state for each in options.status for state in each.split(",")]
    for state in states:
        _choice("status", state, STATES)
    _choice("executor", options.executor, EXECUTORS)
    if options.require_sandbox:
        _choice("require-sandbox", options.require_sandbox, REQUIRED)
    for name in ("scheduler", "store", "tls_ca", "tls_cert", "tls_key"):
        if getattr(options, name) and options.executor != "dask":
            raise BatchUsageError(f"--{name.replace('_', '-')} is of no use without --executor dask")
    if options.scheduler and not options.store:
        raise BatchUsageError(
            "--scheduler needs --store",
            hint="a URL that its workers reach too: file:///shared/folder, s3://bucket/path",
        )
    for name in ("timeout", "no_output_timeout"):
        value = getattr(options, name)
        try:
            parse_limit(name, value)
        except ValueError as error:
            raise BatchUsageError(f"--{name.replace('_', '-')} takes {error}, not '{value}'") from None
    reports = tuple(Path(name) for name in options.report)
    for path in reports:
        if path.suffix not in REPORTS:
            raise BatchUsageError(f"--report takes a file that ends in {', '.join(REPORTS)}, not '{path}'")
    if options.as_json and not options.plan:
        raise BatchUsageError("--json goes with --plan", hint="--report FILE.json tells what became of a batch")
    return Orders(
        selection=Selection(
            options.changed_since,
            tuple(state for state in STATES if state in states),
            tuple(dict.fromkeys(options.rebuild_of)),
        ),
        exclusive=frozenset(options.exclusive),
        priorities=dict(_priority(text) for text in options.priority),
        jobs=_number("jobs", options.jobs, least=1),
        load=_load(options.load),
        retry=_number("retry", options.retry, least=0) or 0,
        reports=reports,
    )


def _batch(options: Options, orders: Orders, words: Sequence[str]) -> int:
    import gc

    from abuildpy.cli.batch_plan import Planner, configured, plan_of, show_plan

    if not options.plan:
        from abuildpy.batch.seeing.report import require_writable

        for path in orders.reports:  # reading all recipes takes its time
            require_writable(path)
    gc.disable()  # all that is made of ten thousand recipes is kept to the end
    config = configured(options.repodest, options.require_sandbox)
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    try:
        planner = Planner(config, console, installs=not options.no_deps_install)
        plan = plan_of(planner, orders, words, keyed=not options.plan)
    except AbuildError as error:
        if not isinstance(error, UsageError):
            error.exit_status = 3
        raise
    if options.plan:
        show_plan(plan, as_json=options.as_json)
        return 3 if plan.is_hopeless else 0
    return _build(options, orders, planner, plan)


def _build(options: Options, orders: Orders, planner: Planner, plan: Plan) -> int:
    from abuildpy.batch.seeing import watching
    from abuildpy.cli.batch_plan import dependants_to_rebuild
    from abuildpy.cli.batch_run import Wanted, carry_out

    config, console = planner.config, planner.console
    wanted = Wanted(
        orders.jobs,
        orders.load,
        install=not options.no_deps_install,
        fail_fast=options.fail_fast,
        publish_rest=options.publish_rest,
        retry=orders.retry,
        timeout=options.timeout,
        no_output_timeout=options.no_output_timeout,
        elsewhere=_elsewhere(options) if options.executor == "dask" else None,
    )
    dependants = dependants_to_rebuild(planner, orders) if options.rebuild_dependants else None
    with watching(orders, console) as (observers, messages):
        return carry_out(plan, wanted, config, console, observers, messages, dependants).exit_status


def _elsewhere(options: Options) -> Elsewhere:
    """The cluster that the command line means. Raises UsageError, ConfigError."""
    from abuildpy.cli.worker import require_distributed

    require_distributed()
    from abuildpy.batch.remote.security import load_tls, require_tls
    from abuildpy.batch.remote.store import Store
    from abuildpy.cli.batch_dask import Elsewhere

    if not options.scheduler:
        return Elsewhere("", options.store, None)
    tls = load_tls(options.tls_ca, options.tls_cert, options.tls_key, os.environ)
    scheduler = require_tls(options.scheduler, tls)
    if not Store(options.store).is_shared:
        raise BatchUsageError(f"--store {options.store}: nobody else sees this process's memory")
    return Elsewhere(scheduler, options.store, tls)


def _choice(option: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise BatchUsageError(f"--{option} takes one of {', '.join(choices)}, not '{value}'")


def _number(option: str, text: str, *, least: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise BatchUsageError(f"--{option} takes a number from {least} on, not '{text}'")
    return int(text)


def _load(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise BatchUsageError(f"--load takes a number above 0, not '{text}'")
    return value


def _priority(text: str) -> tuple[str, int]:
    name, equals, number = text.rpartition("=")
    digits = number.removeprefix("-")
    if not (name and equals and digits.isascii() and digits.isdigit()):
        raise BatchUsageError(f"--priority takes NAME=NUMBER, not '{text}'")
    return name, int(number)
