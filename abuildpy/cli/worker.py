# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy worker``: a machine that builds for batches of others, by way of Dask."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import ConfigError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.batch.remote.site import Site
    from abuildpy.config import Config

_USAGE = """\
usage: abuildpy worker --scheduler ADDRESS --store URL [options]

Builds what batches on other machines give to a Dask scheduler, until it is
asked to end (SIGTERM): what it is building then is built elsewhere. It has
home, sources and work folders of its own, and no key that counts.

  --scheduler ADDRESS     HOST:PORT or tls://HOST:PORT; beyond this machine only
                          with TLS
  --store URL             Where recipes, sources and packages travel:
                          file:///shared/folder, s3://bucket/path, ...
  --tls-ca FILE           Certificate of the authority that all certificates are
                          of (or ABUILDPY_TLS_CA)
  --tls-cert FILE         This machine's certificate (or ABUILDPY_TLS_CERT)
  --tls-key FILE          The key to it (or ABUILDPY_TLS_KEY)
  --slots N               So many builds at once (default: a fourth of the
                          cores, at least 1)
  -j, --jobs N            JOBS of each build (default: the cores, shared between
                          the slots)
  --arch ARCH             What it builds for (default: CARCH)
  --name NAME             What it is called (default: the machine's name and the
                          process)
  --folder DIR            Its folders (default: worker-N below the user's cache
                          folder)
  -q, --quiet             No messages
  -h, --help              Show this help

Exit status: 0 it was asked to end, 1 the scheduler went away or was never
there, 2 wrong command line
"""


class WorkerUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Options:
    """The command line as it was typed."""

    scheduler: str = ""
    store: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    slots: str = ""
    jobs: str = ""
    arch: str = ""
    name: str = ""
    folder: str = ""
    quiet: bool = False


PROGRAM = Program(
    "abuildpy worker",
    Options,
    (
        Option("", "scheduler", {"scheduler": VALUE}),
        Option("", "store", {"store": VALUE}),
        Option("", "tls-ca", {"tls_ca": VALUE}),
        Option("", "tls-cert", {"tls_cert": VALUE}),
        Option("", "tls-key", {"tls_key": VALUE}),
        Option("", "slots", {"slots": VALUE}),
        Option("j", "jobs", {"jobs": VALUE}),
        Option("", "arch", {"arch": VALUE}),
        Option("", "name", {"name": VALUE}),
        Option("", "folder", {"folder": VALUE}),
        Option("q", "quiet", {"quiet": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda options, words: bool(options.scheduler and options.store) and not words,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)

_DEATH_TIMEOUT = 60.0


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy worker`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: Options, _words: list[str]) -> int:
    from abuildpy.batch.remote.security import load_tls, require_tls
    from abuildpy.config import load_config

    slots = number("slots", options.slots) or max(1, cores() // 4)
    jobs = number("jobs", options.jobs) or max(1, cores() // slots)
    tls = load_tls(options.tls_ca, options.tls_cert, options.tls_key, os.environ)
    scheduler = require_tls(options.scheduler, tls)
    require_distributed()
    from abuildpy.batch.remote.settings import SAID
    from abuildpy.batch.remote.site import Site
    from abuildpy.batch.remote.store import Store
    from abuildpy.batch.remote.worker import Wanted, environment, run

    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")), quiet=options.quiet)
    store = Store(options.store)
    if not store.is_shared:
        raise WorkerUsageError(f"--store {options.store}: nobody else sees this process's memory")
    name = options.name or f"{socket.gethostname()}-{os.getpid()}"
    environ = environment(os.environ)
    site = _site(options.folder, config, lambda folder: Site(folder, store, name=name, jobs=jobs, environ=environ))
    arch = options.arch or config.carch
    console.msg(f"worker {name}: {slots} slot{'s' * (slots > 1)} for {arch}, in {site.folder}; {SAID}")
    return run(Wanted(scheduler, slots, arch, tls, _DEATH_TIMEOUT), site)


def require_distributed() -> None:
    """Raises ConfigError where Dask is not installed."""
    from importlib.util import find_spec

    for name in ("distributed", "fsspec"):
        if find_spec(name) is None:
            raise ConfigError(
                f"builds on other machines need {name}, which is not installed",
                hint="install abuildpy with its extra: pip install 'abuildpy[distributed]'",
            )


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def number(option: str, text: str) -> int:
    """A number from 1 on, 0 for none. Raises WorkerUsageError."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise WorkerUsageError(f"--{option} takes a number from 1 on, not '{text}'")
    return int(text)


def _site(folder: str, config: Config, make: Callable[[Path], Site]) -> Site:
    """The worker's place: the folder that was named, or the first that no other worker uses."""
    if folder:
        return make(Path(os.path.realpath(folder)))
    base = Path(config.environ.get("XDG_CACHE_HOME") or f"{config.home}/.cache", "abuildpy")
    for count in range(1, 1000):
        try:
            return make(base / f"worker-{count}")
        except ConfigError:
            continue
    raise ConfigError(f"{base}: a thousand workers are there", hint="--folder DIR names another place")
