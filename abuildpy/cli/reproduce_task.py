# SPDX-License-Identifier: GPL-3.0-or-later
"""One build of ``abuildpy reproduce``, in a process of its own: reads an order, leaves the outcome in a file.

``taskprocess`` says how the order comes, one line of JSON, and when this ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from abuildpy.cli.taskprocess import extended, leave, take_order, tell_failure
from abuildpy.config import Config, load_config
from abuildpy.errors import AbuildError
from abuildpy.maintain.reproduce.around import Disguised, DisguisedRoot
from abuildpy.maintain.reproduce.order import Order
from abuildpy.phases.build import Build
from abuildpy.phases.settings import Errand, Settings
from abuildpy.phases.surroundings import Host
from abuildpy.phases.walls import Stages
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.history import Provenance
from abuildpy.record import replace
from abuildpy.ui.console import Console

PROGRAM = "abuildpy reproduce"


def main() -> int:
    """Entry point; returns the exit status."""
    return _run(Order.parse(take_order()))


def _run(order: Order) -> int:
    console = Console()
    config: Config | None = None
    try:
        if order.circumstances.cpus:
            os.sched_setaffinity(0, order.circumstances.cpus)
        config = _configuration(order)
        build, stages = _opened(order, config, console)
        console = build.console
        build.run(("rootbld",) if order.clean_root else ("build_abuildrepo",))
    except (AbuildError, KeyboardInterrupt, OSError, MemoryError) as error:
        leave(order.outcome, {"status": "failed", "error": str(error) or type(error).__name__})
        return tell_failure(error, config, console)
    finally:
        from abuildpy.cli.interrupt import ignore_signals

        ignore_signals()
    path = str(stages.inside(build.recipe.startdir))
    leave(order.outcome, {"status": "built", "path": path, "jobs": config.get("JOBS")})
    return 0


def _configuration(order: Order) -> Config:
    os.chdir(Path(order.apkbuild).parent)
    environ = {**os.environ, "REPODEST": order.destination}
    environ.pop("ABUILD_LOG_CMD", None)
    if order.circumstances.jobs:
        environ["JOBS"] = order.circumstances.jobs
    config = load_config(environ)
    exports = order.exports
    if order.circumstances.jobs and config.get("JOBS") != order.circumstances.jobs:  # a configuration file sets it
        exports += _JOBS.format(order.circumstances.jobs)
    if exports:
        config = extended(config, environ, exports, order.private)
    changed = {
        "REPODEST": order.destination,
        "PACKAGER_PRIVKEY": order.key,
        "PACKAGER_PUBKEY": f"{order.key}.pub",
        "CLEANUP": "deps bldroot",
        "ERROR_CLEANUP": "deps bldroot",
        "ABUILDPY_ROOT_PACKAGES": " ".join(order.exact),
        "ABUILDPY_REPOSITORIES": order.repodest,
        "ABUILDPY_LOGDIR": os.path.join(order.private, "logs"),
    }
    return replace(config, variables={**config.variables, **changed})


_JOBS = "export JOBS={0} MAKEFLAGS=-j{0} SAMUFLAGS=-j{0} CARGO_BUILD_JOBS={0} CMAKE_BUILD_PARALLEL_LEVEL={0}\n"


def _opened(order: Order, config: Config, console: Console) -> tuple[Build, Stages]:
    settings = Settings(
        force=True,
        force_root=os.getuid() == 0,
        nodeps=order.nodeps,
        install_deps=order.install_deps,
        sandbox=order.sandbox,
        net=order.net or config.get("ABUILD_NET"),
        program=PROGRAM,
        errand=Errand(index=False, check=order.check, root=lambda root: DisguisedRoot(root, order)),
    )
    plain = Stages(config, settings, console)
    recipe = evaluate(Path(order.apkbuild), config, plain.readers.runner())
    console = console.about(recipe.pkgname)
    host = Host(config, settings.sandbox, console, plain.key)
    known = {recipe.path: Provenance(order.commit, order.epoch)}
    around = None if order.clean_root else Disguised(host, order)
    stages = Stages(config, settings, console, around, known)
    return Build(recipe, config, settings, console, stages), stages


if __name__ == "__main__":
    sys.exit(main())
