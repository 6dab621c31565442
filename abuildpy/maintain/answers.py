# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers answer, read with care: bodies of bounded size, JSON of any form, failures in words without secrets."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    import requests

_MOST = 64 << 20


class LargeAnswerError(OSError):
    """An answer is larger than any that is of use."""


def body_of(response: requests.Response) -> bytes:
    """The content of an answer that is still to be received. Raises LargeAnswerError, and what requests raises."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(1 << 16):
        size += len(part)
        if size > _MOST:
            raise LargeAnswerError(errno.EFBIG, f"the answer is larger than {_MOST >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def cause_of(error: BaseException) -> BaseException:
    """The innermost cause of an exception."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def reason_of(error: BaseException) -> str:
    """Why a request failed. requests quotes addresses with any password, so only the innermost cause is told."""
    cause = cause_of(error)
    return str(getattr(cause, "strerror", "") or "") or type(cause).__name__


def without_password(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def dicts(value: object) -> list[Mapping[str, Any]]:
    """The objects of a JSON array; of anything else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON string without blanks around it; of anything else an empty one."""
    return value.strip() if isinstance(value, str) else ""
