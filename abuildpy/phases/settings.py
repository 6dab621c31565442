# SPDX-License-Identifier: GPL-3.0-or-later
"""How the user wants the build to be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line's wishes, as far as they concern a build.

    ``sandbox`` is ``auto``, ``bwrap`` or ``none``; ``net`` is ``recipe``, ``always`` or ``never``; ``description`` is the
    index's, None for the default; ``program`` is what messages and packages name as their maker.
    """

    force: bool = False
    force_root: bool = False
    keep: bool = False
    keep_build: bool = False
    nodeps: bool = False
    install_deps: bool = False
    quiet: bool = False
    verbose: bool = False
    description: str | None = None
    sandbox: str = "auto"
    net: str = "recipe"
    program: str = "abuild"
