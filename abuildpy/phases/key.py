# SPDX-License-Identifier: GPL-3.0-or-later
"""The packager's key during a build: missed early, loaded beside other work, never shown to the recipe."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import SigningError

if TYPE_CHECKING:
    from abuildpy.package.sign import Signer

_PATIENCE = 5.0
_BEGINNINGS = (b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN RSA PRIVATE KEY-----")


class Key:
    """Loads the key of a configuration when it is needed, or before."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loader: threading.Thread | None = None
        self._signer: Signer | None = None

    def require(self) -> None:
        """Raises SigningError unless there is a key; one that looks good is loaded while other work goes on."""
        if self._signer is not None or self._loader is not None:
            return
        if not _looks_like_a_key(self._config.packager_privkey):
            self.signer()  # which tells what is wrong with it
            return
        # Loading takes longer than anything else in a small build, and nobody needs the key before its end; nor the
        # modules that make packages, while we wait for the recipe's phases anyway.
        self._loader = threading.Thread(target=self._load, daemon=True)
        self._loader.start()
        # Python ends its daemons wherever they are, and in the middle of loading a library that aborts the program.
        atexit.register(self._loader.join, _PATIENCE)

    def signer(self) -> Signer:
        """The key, ready to sign. Raises SigningError when there is none or it cannot be used."""
        if self._loader is not None:
            self._loader.join()
            self._loader = None
        if self._signer is None:
            from abuildpy.package.sign import load_signer

            self._signer = load_signer(self._config)
        return self._signer

    def hidden(self) -> tuple[Path, ...]:
        """Where keys lie: to be out of a recipe's sight."""
        private = self._config.packager_privkey
        return (self._config.userdir, *((Path(private).absolute(),) if private else ()))

    def _load(self) -> None:
        import abuildpy.phases.packaging
        import abuildpy.phases.publish
        import abuildpy.records.making  # noqa: F401
        from abuildpy.package.sign import load_signer

        try:
            self._signer = load_signer(self._config)
        except (SigningError, OSError):
            pass  # loading it again, where it is needed, tells what is wrong


def _looks_like_a_key(path: str) -> bool:
    """Whether a file starts as an unprotected private key does."""
    try:
        with open(path, "rb") as stream:
            return stream.readline(100).strip() in _BEGINNINGS
    except OSError:
        return False
