# SPDX-License-Identifier: GPL-3.0-or-later
"""How the user wants the build to be run."""

from __future__ import annotations

from abuildpy.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from abuildpy.phases.cleanroot import CleanRoot
    from abuildpy.phases.surroundings import Surroundings


@record(frozen=True)
class Errand:
    """What a program that has a recipe built for purposes of its own wants of it; a build in a clean root has it too.

    ``index``: the repository gets its index; ``check``: tests run, where user and recipe want them. ``step`` and ``function``
    are told each step of the program and each function of the recipe as it begins; ``root`` changes what stages find around
    them in a clean root.
    """

    index: bool = True
    check: bool = True
    step: Callable[[str], None] | None = None
    function: Callable[[str], None] | None = None
    root: Callable[[CleanRoot], Surroundings] | None = None


@record(frozen=True)
class Settings:
    """The command line's wishes, as far as they concern a build.

    ``sandbox`` is ``auto``, ``bwrap``, ``landlock`` or ``none``; ``require_sandbox`` is the least that will do, ``bwrap`` or
    ``landlock``, and ``sockets`` is ``tests``, ``none`` or ``any``, both empty where nothing was said; ``net`` is ``recipe``,
    ``always``, ``never``, or empty where nothing was said, which is as good as ``recipe``; ``description`` is the index's,
    None for the default; ``program`` is what messages name as their maker; ``records`` is ``no``, or empty where nothing was said
    (``recording.py``). The limits are as they were written (``limits.py`` reads them), empty where nothing was said. ``errand``
    is what whoever has it built wants besides.
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
    require_sandbox: str = ""
    sockets: str = ""
    net: str = ""
    program: str = "abuild"
    records: str = ""
    errand: Errand = Errand()
    timeout: str = ""
    no_output_timeout: str = ""
    max_memory: str = ""
    max_processes: str = ""
    max_disk: str = ""
    max_unpacked: str = ""
