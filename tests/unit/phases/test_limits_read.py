# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.config import Config
from abuildpy.errors import ConfigError
from abuildpy.phases.limits import Limits, limits_of, parse_limit, show_seconds, show_size
from abuildpy.phases.settings import Settings
from abuildpy.phases.watch import Clock, Watch
from abuildpy.phases.workspace import Workspace


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("timeout", "90", 90),
        ("timeout", "30m", 1800),
        ("timeout", "1H30m", 5400),
        ("no_output_timeout", "2d", 172800),
        ("timeout", "0", None),
        ("timeout", " ", None),
        ("max_memory", "1048576", 1 << 20),
        ("max_memory", "500M", 500 << 20),
        ("max_disk", "1.5GiB", 3 << 29),
        ("max_disk", "2tb", 2 << 40),
        ("max_disk", "0", None),
        ("max_processes", "200", 200),
    ],
)
def test_values(name: str, text: str, value: float | None) -> None:
    assert parse_limit(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("timeout", "m"),
        ("timeout", "1.5h"),
        ("timeout", "-1"),
        ("timeout", "9" * 30),
        ("max_memory", "G"),
        ("max_memory", "1e9"),
        ("max_disk", "4 GB of it"),
        ("max_processes", "10k"),
        ("max_processes", "٣"),
    ],
)
def test_nonsense(name: str, text: str) -> None:
    with pytest.raises(ValueError):
        parse_limit(name, text)


def test_the_command_line_wins() -> None:
    config = Config({"ABUILD_TIMEOUT": "1h", "ABUILD_MAX_DISK": "1G"}, frozenset(), {})
    found = limits_of(Settings(timeout="2h", max_disk="0", max_processes="9"), config)
    assert found == Limits(timeout=7200, max_processes=9)
    assert found and not limits_of(Settings(), Config({}, frozenset(), {}))
    with pytest.raises(ConfigError, match="ABUILD_MAX_MEMORY takes a size"):
        limits_of(Settings(), Config({"ABUILD_MAX_MEMORY": "x"}, frozenset(), {}))


def test_shown() -> None:
    assert [show_seconds(n) for n in (1, 90, 1800, 5400, 7200, 172800)] == ["1s", "90s", "30m", "90m", "2h", "2d"]
    assert [show_size(n) for n in (5, 2048, 3 << 29, 1 << 50)] == ["5 bytes", "2 KiB", "1.5 GiB", "1024 TiB"]


def test_without_limits_nothing_is_watched(tmp_path: Path) -> None:
    watch = Watch(Limits(), Clock(), Workspace(tmp_path, tmp_path, tmp_path, tmp_path), None)
    watch.begin(1, user=0, enclosed=True)
    assert watch._thread is None
    watch.end()
