# SPDX-License-Identifier: GPL-3.0-or-later
"""One stage of a build: a shell behind the walls runs functions of the recipe and reports what became of them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from abuildpy.phases.events import FrameReader
from abuildpy.phases.limits import Breach
from abuildpy.phases.logs import Logs
from abuildpy.shell import parse_exported, parse_variables

EVENTS = 8
ANSWERS = 9
"""Descriptors on which a stage's shell reports, and reads answers."""

_LONGEST_LOG_LINE = 4096

CallBack = Callable[[str, tuple[str, ...]], bool]
"""What a recipe's function asked of the program outside: (verb, arguments) -> done or not."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A function that did not come to its end. ``status`` is the shell's; ``package`` the one it worked for."""

    function: str
    status: int
    package: str


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage's shell reported. ``status`` is negative when a signal ended it."""

    status: int
    failures: tuple[Failure, ...] = ()
    missing: str = ""
    """Name of a function that the recipe does not have; empty in a good stage."""
    environment: Mapping[str, str] | None = None
    """Exported variables at the end, where the task hands them over."""
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """All variables of the shell that made a package, by the package's name."""
    running: str = ""
    """The function that was running when the stage ended without a word; empty otherwise."""
    finished: bool = False
    """Whether the package task came to its end."""
    had_network: bool = True
    out_of_sight: tuple[str, ...] = ()
    """Folders of PATH that it could not see."""
    withheld: tuple[str, ...] = ()
    """Variables of the caller's that it did not get."""
    breach: Breach | None = None
    """The limit that it reached."""
    log: Path | None = None
    """What the function that failed wrote."""


class Running(Protocol):
    """The part of a started process that a stage needs."""

    @property
    def pid(self) -> int:
        """Process to watch."""

    def wait(self) -> int:
        """Waits for the end; returns the exit status, negative for a signal."""


class Output(Protocol):
    """Where a stage's output passes on its way to ours."""

    @property
    def outputs(self) -> Mapping[int, int]:
        """Descriptors to give the stage, by the numbers that it knows them by."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What to poll for something to pass on."""

    def started(self) -> None:
        """The stage has its descriptors."""

    def drain(self) -> None:
        """Passes on what is there."""

    def last(self) -> float:
        """When the stage last wrote, on the clock of ``time.monotonic``."""


class Listener:
    """Follows one stage: collects its events, answers its questions."""

    def __init__(
        self,
        call_back: CallBack,
        trees: Callable[[Mapping[str, Mapping[str, str]]], str] | None = None,
        *,
        log: Callable[[str], None] = lambda _: None,
        logs: Logs | None = None,
    ) -> None:
        """``trees`` is asked, when all packages have their tree, for the folder with the lists for the last steps.

        ``log`` gets the lines that the shell would hand to ABUILD_LOG_CMD; ``logs`` learns which function runs.
        """
        self._call_back = call_back
        self._log = log
        self._logs = logs
        self._trees = trees
        self._frames = FrameReader()
        self._failures: list[Failure] = []
        self._metadata: dict[str, Mapping[str, str]] = {}
        self._environment: Mapping[str, str] | None = None
        self._missing = ""
        self._running = ""
        self._finished = False

    def follow(
        self, events: int, answers: int, running: Running, *, had_network: bool, heard: Output | None = None
    ) -> StageResult:
        """Reads events until the process has ended. Both descriptors stay the caller's to close.

        ``heard`` passes on what it writes, if that is to be listened to.
        """
        watch = os.pidfd_open(running.pid)
        try:
            poll = select.poll()
            poll.register(events, select.POLLIN)
            poll.register(watch, select.POLLIN)
            outputs = heard.descriptors if heard else ()
            for output in outputs:
                poll.register(output, select.POLLIN)
            ended = False
            while not ended:
                ready = dict(poll.poll())
                data = os.read(events, 1 << 16) if events in ready else None
                if heard is not None:  # what it wrote came before what it tells
                    heard.drain()
                    for output in set(outputs) - set(heard.descriptors):
                        poll.unregister(output)
                    outputs = heard.descriptors
                # What was said before the end is taken first; a leftover process may hold the pipe open for ever.
                if data:
                    self._take(data, answers)
                    continue
                if data is not None:
                    poll.unregister(events)
                ended = watch in ready
        finally:
            os.close(watch)
        return StageResult(
            status=running.wait(),
            failures=tuple(self._failures),
            missing=self._missing,
            environment=self._environment,
            metadata=self._metadata,
            running=self._running,
            finished=self._finished,
            had_network=had_network,
        )

    def _take(self, data: bytes, answers: int) -> None:
        for frame in self._frames.feed(data):
            answer = self._event(frame[0].decode("ascii", "replace"), frame[1:])
            if answer is not None:
                try:
                    os.write(answers, os.fsencode(answer) + b"\n")
                except BrokenPipeError:
                    return  # it has ended meanwhile; its status tells

    def _event(self, kind: str, fields: tuple[bytes, ...]) -> str | None:
        """Takes note of one event; returns the answer it wants, or None."""
        texts = tuple(value.decode("utf-8", "surrogateescape") for value in fields)
        match kind, texts:
            case "start", (function, package):
                self._running = function
                if self._logs is not None:
                    self._logs.begin(function, package)
                return "ok"
            case "done", _:
                self._running = ""
            case "failed", (function, status, package):
                self._running = ""
                self._failures.append(
                    Failure(
                        function,
                        int(status) if status.isascii() and status.isdigit() and len(status) < 4 else 1,
                        package,
                    )
                )
            case "missing", (function,):
                self._missing = function
            case "environment", (_,):
                self._environment = parse_exported(fields[0])
            case "metadata", (package, _):
                self._metadata[package] = parse_variables(fields[1])
            case "call", (verb, *arguments):
                return "ok" if self._call_back(verb, tuple(arguments)) else "failed"
            case "log", (line,):
                self._log(_log_line(line))
            case "trees", () if self._trees is not None:
                return self._trees(self._metadata)
            case "finished", ():
                self._finished = True
        return None


def _log_line(text: str) -> str:
    """What a recipe's shell wants logged, as one line that no command takes for an option."""
    line = " ".join(text[:_LONGEST_LOG_LINE].splitlines())
    return f" {line}" if line.startswith("-") else line
