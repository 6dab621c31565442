# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage needs and what a wall offers: the vocabulary of the sandbox.

A *stage* is one process (a shell) that runs functions of a recipe. A *wall* is a way to start such a process so that it
reaches only what the :class:`Request` names. ``probe.choose`` finds the best wall that works on this machine::

    wall = choose("auto", log, startdir=startdir)
    hand_over((src, pkg, tmp, home, private_tmp), wall.user)
    with wall.start(request) as running:
        status = running.wait()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class BuildUser:
    """The account that recipe code runs under.

    ``uid`` and ``gid`` are what the stage sees as its own ids; ``host_uid`` and ``host_gid`` are the owner that its
    files have when looked at from outside. They differ where a user namespace maps one to the other. ``drops`` tells
    that the caller is root and every stage gives up root's rights.
    """

    uid: int
    gid: int
    host_uid: int
    host_gid: int
    drops: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of this machine that a stage with a file system of its own sees at another path, or a file (read-only)."""

    source: Path
    target: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A file system of its own for a stage: ``root`` becomes /, read-only, with ``places`` laid over it.

    ``home`` is where HOME is inside. Of this machine's files nothing else is to be seen, so a request with a view
    names no readable trees and nothing to hide; its paths (``argv``, ``cwd``, ``files``' destinations) are those inside.
    """

    root: Path
    places: tuple[Place, ...]
    home: Path


@dataclass(frozen=True, slots=True)
class Request:
    """What one stage needs. Every path is absolute; what is not named here is out of the stage's reach or read-only."""

    argv: tuple[str, ...]
    """Program (an absolute path, or a name looked up in ``env``'s PATH) and its arguments."""
    env: Mapping[str, str]
    """The complete environment (surrogate escapes for what is not UTF-8); the wall adds or replaces HOME only."""
    cwd: Path
    """Where the stage starts."""
    home: Path
    """Host folder that becomes HOME; keep it through all stages of one build."""
    tmp: Path
    """Host folder that becomes /tmp and /var/tmp; keep it likewise."""
    readable: tuple[Path, ...] = ()
    """Trees (or files) to see at their own paths, read-only, even below a hidden home or below /tmp."""
    writable: tuple[Path, ...] = ()
    """Folders to see and change at their own paths: real folders, never symbolic links."""
    caches: tuple[Path, ...] = ()
    """Further folders to change (compiler caches). They must exist."""
    hidden: tuple[Path, ...] = ()
    """Files and folders to mask wherever they would show (private keys, agents' folders). Missing ones are ignored."""
    files: tuple[tuple[Path, Path], ...] = ()
    """(source, destination) of single files to lay over the stage's view, read-only."""
    cleaned: tuple[tuple[Path, Path], ...] = ()
    """Files of which only a copy may show, as (copy, original); where nothing can be laid over the original, it does not show."""
    network: bool = False
    """Whether the host's network is there; without it only a loopback of its own."""
    sockets: str = "none"
    """Which sockets a stage without the network has where the wall cannot give it a loopback of its own (Landlock): ``none``;
    ``tests``, TCP on ports that the kernel hands out, and UNIX ones where none of the caller's can be reached; ``any``."""
    terminal: bool = False
    """Whether the stage stays in the caller's terminal session (for verbs that ask questions)."""
    stdin: int | None = None
    """Descriptor to use as standard input; None is /dev/null. Output goes where the caller's goes."""
    stderr: int | None = None
    """Descriptor for errors, the wall's own included; None is the caller's."""
    pass_fds: tuple[int, ...] = ()
    """Descriptors handed in under their own numbers. Pipes only: an open folder would be a hole in the wall."""
    group: Path | None = None
    """A control group to be in: the file to which a process writes 0 to join it. None leaves it in ours."""
    view: View | None = None
    """A file system of its own instead of this machine's."""
    hostname: str | None = None
    """Name of the machine inside, where the wall can say so; None keeps the host's."""
    home_name: str = ""
    """What HOME is preferably called inside, below /home; empty for the usual name. Without a view only."""
    extra_env: Mapping[str, str] = field(default_factory=dict)
    """Set after ``env``; for what the driver adds per stage."""


class Running(Protocol):
    """A started stage. Leaving the ``with`` block ends it and everything it left behind, whatever happened."""

    @property
    def pid(self) -> int:
        """Process id of the outermost process of ours."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the stage *and* of all that it started.

        Returns the exit status, or minus the number of the signal that ended it. With ``timeout`` (seconds) a stage
        that takes longer raises ``TimeoutError`` and goes on running. Raises SandboxError when the wall itself
        failed.
        """

    def kill(self) -> None:
        """End the stage and everything it started, now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Wall(Protocol):
    """A way to start stages."""

    @property
    def name(self) -> str:
        """Short name for messages: ``bwrap``, ``landlock`` or ``none``."""

    @property
    def overlays(self) -> bool:
        """Whether ``Request.files`` show, and HOME and /tmp are places of the stage's own."""

    @property
    def user(self) -> BuildUser:
        """Who the stages run as."""

    def describe(self) -> str:
        """One line for the user: what keeps the recipe's code in."""

    def gaps(self) -> tuple[str, ...]:
        """What it does not keep in, in a few words each; nothing where there is nothing to be said."""

    def start(self, request: Request) -> Running:
        """Start a stage. Raises SandboxError when the request cannot be honoured."""
