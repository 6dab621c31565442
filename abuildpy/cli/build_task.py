# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds one recipe for a batch, in a process of its own: reads an order, tells the steps, leaves the outcome in a file.

Started by ``batch/local.py``: ``build_task FD``. The order is one line of JSON (``taskprocess`` says how it comes). Descriptor FD
gets a line for each step.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abuildpy.cli.taskprocess import extended, leave, take_order, tell_failure
from abuildpy.config import Config, load_config
from abuildpy.errors import AbuildError
from abuildpy.phases.build import Build
from abuildpy.phases.settings import Errand, Settings
from abuildpy.record import replace
from abuildpy.ui.console import Console

_PROGRAM = "abuildpy batch"
_JOBS = """\
# JOBS of a batch are shared between the builds that run at the same time.
_abuildpy_jobs=${JOBS:-1}
export JOBS=%d
for _abuildpy_name in MAKEFLAGS SAMUFLAGS; do
	eval "_abuildpy_value=\\${$_abuildpy_name-}"
	[ "$_abuildpy_value" != "-j$_abuildpy_jobs" ] || export "$_abuildpy_name=-j$JOBS"
done
export CARGO_BUILD_JOBS=$JOBS CMAKE_BUILD_PARALLEL_LEVEL=$JOBS CTEST_PARALLEL_LEVEL=$JOBS
unset _abuildpy_jobs _abuildpy_name _abuildpy_value
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, and how.

    ``dependencies`` is ``none``, ``install`` (on this machine) or ``root`` (in a clean root); ``earlier`` are folders of
    repositories that they are taken from; ``outcome`` is the file that tells what became of it; ``log`` is the file that standard
    output and errors go to; ``private`` is a folder for what only this build needs; ``key`` is the task's.
    """

    folder: str
    destination: str
    log: str
    outcome: str
    private: str
    key: str
    jobs: int
    dependencies: str
    earlier: tuple[str, ...] = ()
    timeout: str = ""
    no_output_timeout: str = ""


@dataclass(slots=True)
class _Teller:
    """Tells the steps of a build, each as it begins; ``last`` is the one that is at work."""

    descriptor: int
    last: str = ""

    def step(self, name: str) -> None:
        """A step of the program's own begins."""
        self.last = name
        if name in _STEPS:
            self._tell(_STEPS[name])

    def function(self, name: str) -> None:
        """A function of the recipe begins; those that split packages off all belong to packaging."""
        if name not in _UNTOLD:
            self._tell(name if name in _FUNCTIONS else "package")

    def _tell(self, phase: str) -> None:
        try:
            os.write(self.descriptor, f"{phase}\n".encode())
        except OSError:
            pass


_STEPS = {
    "validate": "validate",
    "check_dependencies": "dependencies",
    "root": "dependencies",
    "fetch": "fetch",
    "unpack": "unpack",
    "package": "package",
    "postcheck": "package",
}
"""Steps that are told, by the names that the program has for them."""
_FUNCTIONS = ("validate", "fetch", "unpack", "prepare", "build", "check")
_UNTOLD = ("mkusers", "builddeps", "clean", "cleanup_srcdir", "shell")


def main() -> int:
    """Entry point; returns the exit status."""
    told = int(sys.argv[1])
    os.set_inheritable(told, False)
    for descriptor in map(int, sys.argv[2:]):
        os.set_inheritable(descriptor, False)
    document = json.loads(take_order())
    order = Order(**{**document, "earlier": tuple(document["earlier"])})
    return _build(order, _Teller(told))


def _build(order: Order, teller: _Teller) -> int:
    console = Console()
    build: Build | None = None
    config: Config | None = None
    try:
        config = _configuration(order)
        build = _opened(order, teller, config, console)
        console = build.console
        build.run(("rootbld",) if order.dependencies == "root" else ("build_abuildrepo",))
    except (AbuildError, KeyboardInterrupt, OSError, MemoryError) as error:
        status = _failed(order, error, teller.last, config, console)
        if build is not None:
            build.clean_up_after_failure()
        return status
    finally:
        from abuildpy.cli.interrupt import ignore_signals

        ignore_signals()
    _leave(order, {"status": "built", "apks": _packages(order), "max_rss": _most_memory()})
    return 0


def _configuration(order: Order) -> Config:
    from abuildpy.cli.abuild import adopt_network

    try:
        os.chdir(order.folder)
    except OSError as error:
        raise AbuildError(f"{order.folder}: {error.strerror}") from error
    environ = {**os.environ, "REPODEST": order.destination, "JOBS": str(order.jobs)}
    config = load_config(environ)
    if config.get("JOBS") != str(order.jobs):  # the packager's own configuration sets it
        config = extended(config, environ, _JOBS % order.jobs, order.private)
    changed = {"REPODEST": order.destination, "ABUILD_CLEAN_ENV": "yes"}
    if order.earlier:
        changed["ABUILDPY_REPOSITORIES"] = ":".join(order.earlier)
    adopt_network(config)
    return replace(config, variables={**config.variables, **changed})


def _opened(order: Order, teller: _Teller, config: Config, console: Console) -> Build:
    from abuildpy.recipe.evaluate import find_apkbuild

    settings = settings_of(order, config, Errand(index=False, step=teller.step, function=teller.function))
    return Build.open(find_apkbuild(os.path.join(order.folder, "APKBUILD")), config, settings, console)


def settings_of(order: Order, config: Config, errand: Errand) -> Settings:
    """How a recipe of a batch is built: behind the wall that the batch demands, if it does."""
    return Settings(
        force_root=os.getuid() == 0,
        nodeps=order.dependencies == "none",
        install_deps=order.dependencies == "install",
        net=config.get("ABUILD_NET"),
        require_sandbox=os.environ.get("ABUILDPY_REQUIRE_SANDBOX", ""),
        program=_PROGRAM,
        timeout=order.timeout,
        no_output_timeout=order.no_output_timeout,
        errand=errand,
    )


def _failed(order: Order, error: BaseException, step: str, config: Config | None, console: Console) -> int:
    """Says in the log what went wrong, and leaves it as the outcome."""
    from abuildpy.batch.reasons import cause_of
    from abuildpy.errors import Aborted

    cause = cause_of(error, step, Path(order.log))
    status = tell_failure(error, config, console)
    if not isinstance(error, Aborted | KeyboardInterrupt):
        _leave(order, {"status": "failed", "reason": cause.reason, "error": cause.error, "max_rss": _most_memory()})
    return status


def _packages(order: Order) -> list[str]:
    top = Path(order.destination)
    return sorted(str(path.relative_to(top)) for path in top.glob("*/*/*.apk"))


def _most_memory() -> int:
    """Bytes that the largest of its programs used."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _leave(order: Order, outcome: dict[str, Any]) -> None:
    leave(order.outcome, {**outcome, "key": order.key})


if __name__ == "__main__":
    sys.exit(main())
