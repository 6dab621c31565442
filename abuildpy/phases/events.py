# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames in which a stage's shell reports: a count, then that many fields, each ended by a NUL."""

from __future__ import annotations

from abuildpy.errors import SandboxError

_LONGEST_COUNT = 9
_MOST_FIELDS = 10_000
_LONGEST_FRAME = 1 << 24


class FrameReader:
    """Cuts a stream of bytes into frames. What comes in is the recipe's word and is treated so."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[tuple[bytes, ...]]:
        """Takes what a read returned; gives back every frame that is now whole.

        Raises SandboxError where a count is none: then something else wrote to the stream.
        """
        self._pending += data
        frames: list[tuple[bytes, ...]] = []
        while True:
            count, found, rest = self._pending.partition(b"\0")
            if not found:
                if len(count) > _LONGEST_COUNT:
                    raise _garbled()
                return frames
            if not count.isdigit() or not 0 < int(count[: _LONGEST_COUNT + 1]) <= _MOST_FIELDS:
                raise _garbled()
            fields = rest.split(b"\0", int(count))
            if len(fields) <= int(count):
                if len(rest) > _LONGEST_FRAME:
                    raise _garbled()
                return frames
            frames.append(tuple(fields[:-1]))
            self._pending = fields[-1]


def _garbled() -> SandboxError:
    return SandboxError(
        "the recipe wrote to descriptor 8, on which its shell reports to abuild",
        hint="let its functions use another descriptor",
    )
