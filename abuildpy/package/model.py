# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finished package is made of, before it becomes bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a file inside the package, as the fakeroot session recorded it; ``mode`` holds all of st_mode.

    ``rdev`` is (major, minor) of a device node, which exists in that record alone: on disk it is an empty file.
    """

    uid: int
    gid: int
    mode: int
    rdev: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file system object of a package tree. ``path`` is relative to the package's root, without ``./`` or a final slash."""

    path: bytes
    kind: str
    """``f`` regular, ``d`` directory, ``l`` symbolic link, ``c``/``b`` device, ``p`` fifo."""
    mode: int
    """Permission bits (``0o7777``)."""
    uid: int
    gid: int
    user: str
    group: str
    """Owner as it will be stored in the archive (pkgusers and pkggroups keep their name and get id 0)."""
    size: int
    target: bytes
    """Where a symbolic link points; empty for everything else."""
    inode: tuple[int, int]
    """(st_dev, st_ino): equal for hard links to one file."""
    nlink: int
    rdev: tuple[int, int] = (0, 0)
    """(major, minor) of a device."""
    capability: bytes = b""
    """Raw value of the ``security.capability`` attribute; empty without one."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A package's files. ``entries`` is sorted by the bytes of the path, the root itself is not among them."""

    root: Path
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the shell said about one package after ``package()`` or its split function had run (raw values split to words).

    ``version`` is ``pkgver-rPKGREL``; ``arch`` may be ``noarch``; ``scripts`` maps member names such as ``.post-install`` or
    ``.trigger`` to the script's content; ``variables`` holds the raw variables (somask, ldpath, sonameprefix, pcprefix, …).
    """

    name: str
    version: str
    origin: str
    pkgdesc: str
    url: str
    arch: str
    license: str
    maintainer: str = ""
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    install_if: tuple[str, ...] = ()
    provider_priority: str = ""
    replaces_priority: str = ""
    trigger_dirs: tuple[str, ...] = ()
    scripts: Mapping[str, bytes] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    main_options: tuple[str, ...] | None = None
    """The main package's ``options``, which decide about what abuild does after all split functions ran (None: the same)."""
    variables: Mapping[str, str] = field(default_factory=dict)

    def has_option(self, flag: str) -> bool:
        """Whether ``options`` holds the flag for this package (``NAME::flag`` or ``flag``).

        As in abuild the list is walked left to right: for a negative flag such as ``!strip`` an earlier ``strip`` wins.
        """
        return _has(self.name, flag, self.options)

    def has_main_option(self, flag: str) -> bool:
        """The same question for postcheck and the resolving of dependencies, where the main package's options count."""
        return _has(self.name, flag, self.options if self.main_options is None else self.main_options)


def _has(name: str, flag: str, options: tuple[str, ...]) -> bool:
    return list_has(f"{name}::{flag}", options) or list_has(flag, options)


def list_has(needle: str, words: tuple[str, ...]) -> bool:
    """abuild's list membership: first match decides; a word W decides against the needle ``!W``."""
    for word in words:
        if word == needle:
            return True
        if needle == f"!{word}":
            return False
    return False


@dataclass(frozen=True, slots=True)
class Traced:
    """What tracing found for one package: lines that follow ``# automatically detected:`` and what to tell the user."""

    provides: tuple[str, ...] = ()
    """e.g. ``so:libfoo.so.1=1.0.0``, sorted and unique."""
    depends: tuple[str, ...] = ()
    """e.g. ``so:libc.musl-x86_64.so.1``, in .PKGINFO order."""
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
