# SPDX-License-Identifier: GPL-3.0-or-later
"""The spelling of one word of ``source``: ``[name::]location``."""

from __future__ import annotations

_SCHEMES = ("http://", "https://", "ftp://")


def remote_uri(entry: str) -> str:
    """The word without its leading ``name::`` (abuild 3.18: the first ``::`` separates)."""
    name, separator, rest = entry.partition("::")
    return rest if separator else name


def is_remote(entry: str) -> bool:
    """Whether the word names a download; anything but http, https and ftp is a file beside the recipe."""
    return remote_uri(entry).startswith(_SCHEMES)


def file_name(entry: str) -> str:
    """Name under which the source is stored: the last path component of what stands before the first ``::``.

    A query string stays part of the name, as with abuild; the result is empty for a location that ends in ``/``.
    """
    return entry.partition("::")[0].rpartition("/")[2]
