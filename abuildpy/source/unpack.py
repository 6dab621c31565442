# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking a source archive into a folder, trusting nothing in it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

from abuildpy.errors import UnpackError
from abuildpy.source import decompress
from abuildpy.source.inside import Budget, Escape, Inside, TooMuch

# abuild 3.18, default_unpack: these suffixes and no others.
_TAR_SUFFIXES = {
    ".tar": "",
    ".tar.gz": "gz",
    ".tgz": "gz",
    ".tar.bz2": "bz2",
    ".tar.lz": "lz",
    ".tar.lzma": "lzma",
    ".tar.xz": "xz",
    ".tar.zst": "zst",
}


def is_archive(name: str) -> bool:
    """Whether a file of that name would be unpacked."""
    return name.endswith((".zip", *_TAR_SUFFIXES))


USUAL_MOST, USUAL_RATIO = 1 << 30, 200
"""An archive may have a gigabyte in it, and for each of its own bytes so many more: sources have 3 to 20, tests for
compressors some with more, bombs a thousand and up."""


class TooLarge(UnpackError):
    """An archive holds more than is allowed."""


def usual_most(archive: Path) -> int:
    """How many bytes an archive may hold where nobody said anything about it."""
    try:
        return USUAL_MOST + USUAL_RATIO * archive.stat().st_size
    except OSError:
        return USUAL_MOST


def unpack(archive: Path, into: Path, most: int | None = None) -> bool:
    """Unpack ``archive`` into the existing folder ``into``; False if its suffix is none that abuild unpacks.

    ``most`` is the number of bytes that it may hold (None: any), for which every name in it counts as a small file; TooLarge
    is raised for more.

    Permissions are kept as under umask 022 without set-id bits, owners are not, times are. A tar archive replaces files
    that exist, a zip archive leaves them. Symbolic links may point anywhere, but nothing is written through one that
    leads outside. Raises UnpackError for damaged archives, for members that would escape, for devices and named pipes,
    for a full disk. What was unpacked until then stays; it lies inside ``into``.
    """
    if not is_archive(archive.name):
        return False
    current = b""

    def at_member(name: bytes) -> None:
        nonlocal current
        current = name

    try:
        with Inside(into) as inside:
            _extract(archive, inside, at_member, Budget(most))
    except TooMuch as error:
        where = f" (at member '{show(current)}')" if current else ""
        raise TooLarge(
            f"{archive.name} holds more than {error.most} bytes{where}",
            hint="if it really is that large: --max-unpacked=SIZE, or 0 for any",
        )
    except decompress.Damaged as error:
        where = f" (at member '{show(current)}')" if current else ""
        raise UnpackError(
            f"{archive.name} is damaged or not what its name says: {error}{where}",
            hint=f"Remove {archive} and fetch it again; if it is the same again, tell upstream",
        )
    except decompress.MissingProgram as error:
        raise UnpackError(f"cannot unpack {archive.name}: the program {error} is missing", hint=f"Install {error}")
    except Escape as error:
        raise UnpackError(
            f"refusing to unpack '{show(current)}' from {archive.name}: {error}",
            hint="Do not trust this archive: look at its list of members before doing anything else with it",
        )
    except MemoryError:
        raise UnpackError(f"{archive.name} needs more memory to be unpacked than there is")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        where = f" (at member '{show(current)}')" if current else ""
        raise UnpackError(
            f"cannot unpack {archive.name} into {into}: {error.strerror or error}{where}",
            hint="Free some space, and see whether the archive really should be that large" if full else None,
        )
    return True


def show(name: bytes) -> str:
    """A member's name for a message: nothing in it may confuse a terminal."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _extract(archive: Path, inside: Inside, at_member: Callable[[bytes], None], budget: Budget) -> None:
    def at_each(name: bytes) -> None:
        at_member(name)
        budget.spend_name()

    if archive.name.endswith(".zip"):
        from abuildpy.source.unzip import unzip

        unzip(archive, inside, at_each, budget.spend)
        return
    from abuildpy.source.untar import untar

    compression = next(c for suffix, c in _TAR_SUFFIXES.items() if archive.name.endswith(suffix))
    with decompress.Ahead(decompress.open_blocks(archive, compression)) as blocks:
        untar(_counted(blocks, budget), inside, at_each)


def _counted(blocks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """All of the stream counts, headers and what comes after the end too: a bomb need not be files."""
    for block in blocks:
        budget.spend(len(block))
        yield block
