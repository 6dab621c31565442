# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading from several pipes at once, for a limited time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from abuildpy.phases import pipes
from abuildpy.phases.pipes import read_all


def test_a_time_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "_SLICE", 0.01)
    with pipes.pipes(1) as (pipe,):
        os.write(pipe.send, b"some")
        assert read_all((pipe.receive,), 0.05) == ([b"some"], "0 seconds")


def test_time_in_which_we_were_stopped_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a build that somebody stopped for a while fails with a recipe that does not end."""
    monkeypatch.setattr(pipes, "_SLICE", 0.01)
    with pipes.pipes(1) as (pipe,):

        def leaps() -> Iterator[float]:
            for number in range(10):
                yield 60.0 * number
            os.write(pipe.send, b"late")
            pipe.close_send()
            while True:
                yield 600.0

        clock = leaps()
        assert read_all((pipe.receive,), 30, lambda: next(clock)) == ([b"late"], "")
