# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration: default.conf, /etc/abuild.conf, the user's abuild.conf and the environment, as the shell reads them."""

from __future__ import annotations

import os

from abuildpy.errors import ConfigError
from abuildpy.record import record
from abuildpy.shell import find_ash, parse_exported, parse_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGE_DIR = os.path.dirname(os.path.realpath(__file__))
"""Where abuildpy itself lies."""
SHARE_DIR = os.path.join(PACKAGE_DIR, "share")
"""Holds functions.sh, default.conf, config.sub and config.guess."""
RUNTIME_DIR = os.path.join(PACKAGE_DIR, "phases", "runtime")
"""The shell library that recipes run on."""


@record(frozen=True)
class Config:
    """What the configuration files and the environment say.

    ``variables`` holds every shell variable after functions.sh ran; ``exported`` names those in the environment of
    programs; ``environ`` is the environment this process was started with, which every stage inherits.
    """

    variables: Mapping[str, str]
    exported: frozenset[str]
    environ: Mapping[str, str]

    def get(self, name: str, default: str = "") -> str:
        """A variable's value; ``default`` where it is unset or empty."""
        return self.variables.get(name, "") or default

    @property
    def carch(self) -> str:
        """Architecture that packages are made for."""
        return self.get("CARCH")

    @property
    def repodest(self) -> Path:
        """Folder that holds the repositories."""
        return _path(self.get("REPODEST") or os.path.join(self.home, "packages"))

    @property
    def home(self) -> str:
        """The caller's home folder."""
        return self.environ.get("HOME") or "/"

    @property
    def packager(self) -> str:
        """``PACKAGER``, empty when unset."""
        return self.get("PACKAGER")

    @property
    def packager_privkey(self) -> str:
        """Path of the private key, empty when unset."""
        return self.get("PACKAGER_PRIVKEY")

    @property
    def packager_pubkey(self) -> str:
        """Path of the public key: as set, else the private one's with ``.pub`` (empty without either)."""
        private = self.packager_privkey
        return self.get("PACKAGER_PUBKEY") or (f"{private}.pub" if private else "")

    @property
    def userdir(self) -> Path:
        """The user's configuration folder (it need not exist)."""
        return _path(self.get("ABUILD_USERDIR"))

    @property
    def userconf(self) -> Path:
        """The user's abuild.conf (it need not exist)."""
        return _path(self.get("ABUILD_USERCONF"))

    @property
    def sharedir(self) -> Path:
        """Folder of functions.sh and its companions as recipes see it."""
        return _path(self.get("sharedir"))

    @property
    def source_date_epoch(self) -> str:
        """``SOURCE_DATE_EPOCH``, empty when unset."""
        return self.get("SOURCE_DATE_EPOCH")

    @property
    def apk(self) -> tuple[str, ...]:
        """The command that runs apk, split to words."""
        return tuple(self.get("APK", "apk").split())

    def files(self) -> tuple[Path, ...]:
        """The configuration files that were read."""
        names = ("ABUILD_DEFCONF", "ABUILD_CONF", "ABUILD_USERCONF")
        return tuple(path for path in (_path(self.get(n)) for n in names if self.get(n)) if path.is_file())


def _path(name: str) -> Path:
    from pathlib import Path  # not needed to answer the quickest questions, and dear

    return Path(name)


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """Reads the configuration by letting ash source functions.sh in the current folder.

    ``environ`` is the environment to start from (default: this process's). Raises ConfigError when the files cannot be
    evaluated or leave the architecture undefined.
    """
    env = dict(os.environ if environ is None else environ)
    env["ABUILD_SHAREDIR"] = env.get("ABUILD_SHAREDIR") or SHARE_DIR
    functions = os.path.join(env["ABUILD_SHAREDIR"], "functions.sh")
    if not os.path.isfile(functions):
        raise ConfigError(f"{functions}: not found", hint="unset ABUILD_SHAREDIR or let it name a folder that holds it")
    status, output, complaint = _run(
        (*find_ash(env.get("PATH")), os.path.join(RUNTIME_DIR, "config.sh"), functions), env
    )
    fields = output.split(b"\0")
    if status != 0 or len(fields) != 3:
        text = complaint.decode("utf-8", "replace").strip()
        raise ConfigError(
            text or f"the configuration ended the shell with status {status}",
            hint="look at abuild.conf: the system's in /etc (or $ABUILD_CONF), and your own (or $ABUILD_USERCONF)",
        )
    if complaint:
        os.write(2, complaint)
    return Config(parse_variables(fields[0]), frozenset(parse_exported(fields[1])), env)


def _run(argv: tuple[str, ...], env: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Runs a trusted shell script; its descriptor 8 and standard error are pipes to us. Returns (status, data, stderr)."""
    data_read, data_write = os.pipe()
    error_read, error_write = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, data_write, 8),
        (os.POSIX_SPAWN_DUP2, error_write, 2),
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    ]
    try:
        pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    finally:
        os.close(data_write)
        os.close(error_write)
    data = _drain(data_read)
    complaint = _drain(error_read)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, data, complaint


def _drain(descriptor: int) -> bytes:
    with open(descriptor, "rb") as stream:
        return stream.read()
