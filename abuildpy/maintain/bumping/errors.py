# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a recipe was not bumped, in one word and in the words for people."""

from __future__ import annotations

from abuildpy.errors import AbuildError, ChecksumError, FetchError, UnpackError, UsageError

_WORDS: tuple[tuple[type[AbuildError], str], ...] = (
    (FetchError, "fetch"),
    (ChecksumError, "checksum"),
    (UnpackError, "unpack"),
)


class BumpUsageError(UsageError):
    """A wrong command line, or a tree in which nothing can be bumped."""

    exit_status = 2


class BumpError(AbuildError):
    """One recipe cannot be bumped; ``reason`` is a word for programs."""

    def __init__(self, reason: str, message: str, *, hint: str | None = None, details: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.reason = reason


def reason_of(error: AbuildError) -> str:
    """The word for any failure before the build."""
    if isinstance(error, BumpError):
        return error.reason
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "edit")
