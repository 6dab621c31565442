# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a build, for those who ask: ``ABUILDPY_TIMINGS=FILE`` gets a line ``STEP SECONDS`` for every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Timings:
    """Appends to the file that the environment names; costs next to nothing where it names none."""

    def __init__(self, environ: Mapping[str, str], tell: Callable[[str], None] | None = None) -> None:
        """``tell`` is told each step as it begins."""
        self._path = environ.get("ABUILDPY_TIMINGS", "")
        self._tell = tell

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times the block under a name. Steps may lie inside others; each line is the whole time of its block."""
        if self._tell:
            self._tell(name)
        if not self._path:
            yield
            return
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(f"{name} {seconds:.6f}\n")
