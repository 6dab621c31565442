# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for times, sizes and foreign text."""

from __future__ import annotations

import pytest

from abuildpy.ui.words import cut, duration, printable, printable_lines, size, some


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (100_000, "1d 03h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 KiB"),
        (700 << 10, "700 KiB"),
        (1 << 20, "1.0 MiB"),
        (300 << 20, "300 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 50, "1024 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_foreign_text() -> None:
    assert printable("a\tb\n c\x1b[2J\u202e\udcff é") == "a b c�[2J�� é"
    assert printable_lines("  a\tb\r\nc\rd\0\n") == ["  a     b", "c�d�", ""]
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abc defg", 5) == "abc…"
    assert some(["a", "b", "c"], 3) == "a b c"
    assert some(["a", "b", "c"], 1) == "a … and 2 more"
