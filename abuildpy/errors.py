# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, one class per kind of failure.

Every error a user can cause is a subclass of :class:`AbuildError`. The programs in ``cli/`` print its message and hint and
end with its ``exit_status``; nothing else in the package prints or exits. abuild ends with status 1 for every failure, so
that is the default.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


class AbuildError(Exception):
    """A failure that the user can understand and act on.

    ``message`` says what happened and where; ``hint`` says what to do next (None where the message already does);
    ``details`` are further lines to show below the message, e.g. the offending paths.
    """

    exit_status = 1

    def __init__(self, message: str, *, hint: str | None = None, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(AbuildError):
    """The command line makes no sense."""


class ConfigError(AbuildError):
    """abuild.conf, the environment or the host leave something undefined or contradictory."""


class RecipeError(AbuildError):
    """The APKBUILD is missing, cannot be evaluated or breaks a rule."""


class FetchError(AbuildError):
    """A source could not be downloaded."""


class ChecksumError(AbuildError):
    """A source is not the file that the recipe describes."""


class UnpackError(AbuildError):
    """An archive is damaged, of an unusable kind, or tries to write outside its folder."""


class SandboxError(AbuildError):
    """The sandbox could not be set up."""


class PhaseError(AbuildError):
    """A function of the recipe failed.

    ``phase`` is the function's name; ``status`` its exit status (negative: the number of the signal that ended it); ``log``
    the path of the file that holds what it wrote, None if there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        status: int,
        hint: str | None = None,
        details: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.phase = phase
        self.status = status
        self.log = log


class LimitError(PhaseError):
    """A function of the recipe was ended because it reached a limit of the user's.

    ``reason`` names the limit: timeout, no-output, memory, processes or disk. The exit status is timeout(1)'s.
    """

    exit_status = 124

    def __init__(self, message: str, *, reason: str, phase: str, status: int, details: tuple[str, ...] = ()) -> None:
        super().__init__(message, phase=phase, status=status, details=details)
        self.reason = reason


class WallError(SandboxError):
    """The wall itself could not be put up: nothing of the recipe has run."""


class DependencyError(AbuildError):
    """Build dependencies are missing or could not be installed."""


class PackageError(AbuildError):
    """A finished tree breaks a rule for packages or cannot be packed."""


class SigningError(AbuildError):
    """The private key is missing, unreadable or unusable."""


class RepositoryError(AbuildError):
    """The repository folder or its index cannot be read or written."""


class Aborted(AbuildError):
    """The user interrupted the run."""
