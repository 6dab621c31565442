# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe's functions may use up: limits as people write them, and what is said when one is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.errors import ConfigError

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.phases.settings import Settings

NAMES = ("timeout", "no_output_timeout", "max_memory", "max_processes", "max_disk", "max_unpacked")
"""Fields of Settings and of Limits. ``--max-disk`` on the command line is ``ABUILD_MAX_DISK`` in abuild.conf."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"(?i:(?:[0-9]+[smhd]?)+)"
_PART = r"(?i:([0-9]+)([smhd]?))"
_SIZE = r"(?i:([0-9]+(?:\.[0-9]+)?)([KMGT]?)(?:i?B)?)"
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, bytes and numbers; None where there is no limit."""

    timeout: float | None = None
    no_output_timeout: float | None = None
    max_memory: int | None = None
    max_processes: int | None = None
    max_disk: int | None = None
    max_unpacked: int | None = None
    """What one archive may hold; 0 is anything, None what is usual. No function is watched for it."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in NAMES if name != "max_unpacked")


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was reached. ``reason`` is its name, for programs; ``text`` says it to people."""

    reason: str
    text: str


def parse_limit(name: str, text: str) -> float | int | None:
    """The value of a limit (a name of ``NAMES``); None for ``0`` and nothing at all, which are no limit.

    Times are seconds, or numbers with s, m, h, d (``1h30m``); sizes are bytes or numbers with K, M, G, T, which are powers of
    1024. Raises ValueError with what would have been right.
    """
    text = text.strip()
    if not text:
        return None
    value: float
    if name.endswith("timeout"):
        if not re.fullmatch(_DURATION, text):
            raise ValueError("a time such as 90, 30m or 1h30m")
        value = sum(int(n) * _SECONDS[unit.lower()] for n, unit in re.findall(_PART, text))
    elif name == "max_processes":
        if not (text.isascii() and text.isdigit()):
            raise ValueError("a number")
        value = int(text)
    else:
        match = re.fullmatch(_SIZE, text)
        if match is None:
            raise ValueError("a size such as 500M or 4G")
        value = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    if value > _LARGEST:
        raise ValueError("something smaller")
    return value or None


def limits_of(settings: Settings, config: Config) -> Limits:
    """The limits: of the command line (which was looked at before), else of the configuration. Raises ConfigError."""
    found = {}
    for name in NAMES:
        variable = f"ABUILD_{name.upper()}"
        text = getattr(settings, name) or config.get(variable)
        try:
            found[name] = parse_limit(name, text)
            if name == "max_unpacked" and text.strip() and found[name] is None:
                found[name] = 0
        except ValueError as error:
            raise ConfigError(
                f"{variable} takes {error}, not '{text}'", hint="mend it in abuild.conf or the environment"
            )
    return Limits(**found)  # type: ignore[arg-type]


def option(name: str) -> str:
    """How the limit is called on the command line."""
    return f"--{name.replace('_', '-')}"


def show_seconds(seconds: float) -> str:
    """``1h30m``, ``90s``."""
    whole = int(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size and whole % size == 0:
            return f"{whole // size}{unit}"
    if whole > 3600 and whole % 60 == 0:
        return f"{whole // 3600}h{whole % 3600 // 60}m"
    return f"{whole}s"


def show_size(size: int) -> str:
    """``1.5 GiB``."""
    value, unit = float(size), 0
    while value >= 1024 and unit < 4:
        value, unit = value / 1024, unit + 1
    return f"{value:.{1 if unit else 0}f} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[unit]}".replace(".0 ", " ")
