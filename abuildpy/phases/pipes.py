# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipes between a program outside and a shell inside, and reading several of them at once."""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_MOST = 1 << 24
_SLICE = 0.5
"""Seconds that we wait at a time: what a wait takes longer than that, we were stopped."""


@dataclass(slots=True)
class Pipe:
    """Two ends; closing one twice is fine."""

    receive: int
    send: int

    def close_receive(self) -> None:
        """Closes the reading end."""
        if self.receive >= 0:
            os.close(self.receive)
            self.receive = -1

    def close_send(self) -> None:
        """Closes the writing end, after which the reader sees the end of the stream."""
        if self.send >= 0:
            os.close(self.send)
            self.send = -1


@contextmanager
def pipes(count: int) -> Iterator[tuple[Pipe, ...]]:
    """That many pipes, none of which a program inherits unless it is told to; all closed at the end."""
    made: list[Pipe] = []
    try:
        for _ in range(count):
            # Above the numbers that the shells inside know their ends by, so that moving one never hits another.
            low = os.pipe2(os.O_CLOEXEC)
            made.append(Pipe(*(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)))
            for end in low:
                os.close(end)
        yield tuple(made)
    finally:
        for pipe in made:
            pipe.close_receive()
            pipe.close_send()


def read_all(
    descriptors: Sequence[int], seconds: float, clock: Callable[[], float] = time.monotonic
) -> tuple[list[bytes], str]:
    """What comes out of each descriptor until all have ended, and why we stopped before that.

    The reason is empty, or says what was too much: time (more than ``seconds``) or output. What goes by while we are stopped
    ourselves (by ^Z, or with our control group) does not count: the other side has not had it either.
    """
    left = seconds
    chunks: dict[int, list[bytes]] = {descriptor: [] for descriptor in descriptors}
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    open_ones = set(descriptors)
    total = 0
    stopped = ""
    while open_ones and not stopped:
        began = clock()
        ready = poll.poll(max(0.0, min(left, _SLICE)) * 1000)
        left -= min(clock() - began, _SLICE)
        if not ready and left <= 0:
            stopped = f"{seconds:.0f} seconds"
        for descriptor, _ in ready:
            data = os.read(descriptor, 1 << 16)
            if data:
                chunks[descriptor].append(data)
                total += len(data)
                if total > _MOST:
                    stopped = f"{_MOST >> 20} MiB of commands and output"
            else:
                poll.unregister(descriptor)
                open_ones.discard(descriptor)
    return [b"".join(chunks[descriptor]) for descriptor in descriptors], stopped


def plumbed(ash: tuple[str, ...], argv: tuple[str, ...], descriptors: Mapping[int, int]) -> tuple[str, ...]:
    """The command with descriptors moved to the numbers it knows, whatever numbers they have with us."""
    moves = " ".join(f"{inside}>&{outside}" for inside, outside in descriptors.items())
    ends = " ".join(f"{outside}>&-" for outside in descriptors.values() if outside not in descriptors)
    return (*ash, "-c", f'exec "$@" {moves} {ends}', "ash", *argv)
