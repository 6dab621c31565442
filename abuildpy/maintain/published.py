# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that the configured repositories offer, asked of apk; what cannot be reached counts as not there."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_DOWNLOADING = "Downloading "


@dataclass(frozen=True, slots=True)
class Published:
    """``apk`` is the command in words, ``repositories`` a file with the repositories that count."""

    apk: tuple[str, ...]
    repositories: Path

    def newest(self, name: str) -> str:
        """``name-version`` of what apk would download for a package; empty if there is nothing."""
        try:
            done = subprocess.run(
                self._fetch("--simulate", name),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError:
            return ""
        lines = done.stdout.decode("utf-8", "surrogateescape").splitlines()
        return next((line.removeprefix(_DOWNLOADING) for line in lines if line.startswith(_DOWNLOADING)), "")

    def fetch(self, name: str, to: Path) -> bool:
        """Downloads a package into a file; whether that worked. apk's complaints go where ours do."""
        try:
            with open(to, "wb") as stream:
                done = subprocess.run(
                    self._fetch("--quiet", "--stdout", name), stdin=subprocess.DEVNULL, stdout=stream, check=False
                )
        except OSError:
            return False
        return done.returncode == 0 and to.stat().st_size > 0

    def _fetch(self, *words: str) -> list[str]:
        return [*self.apk, "fetch", "--repositories-file", str(self.repositories), *words]


def write_remote_repositories(configured: Path, to: Path) -> None:
    """Copies the lines of apk's repositories file that name an http or https server; a missing file has none."""
    try:
        lines = configured.read_bytes().splitlines(keepends=True)
    except OSError:
        lines = []
    to.write_bytes(b"".join(line for line in lines if line.startswith((b"http:", b"https:"))))
