# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment in which a recipe's shell starts, for evaluation and for every stage of a build."""

from __future__ import annotations

import os

from abuildpy.config import RUNTIME_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abuildpy.config import Config

_SECRET_NAMES = frozenset(
    "SSH_AGENT_PID GPG_AGENT_INFO DBUS_SESSION_BUS_ADDRESS KUBECONFIG SSHPASS XAUTHORITY DOCKER_HOST".split()
)
_SECRET_WORDS = frozenset(
    "AUTH APIKEY CREDENTIAL CREDENTIALS CREDS PASS PASSPHRASE PASSWD PASSWORD PAT PRIVATE PWD SECRET SECRETS TOKEN".split()
)
_SECRET_PAIRS = ("API_KEY", "ACCESS_KEY", "SIGNING_KEY", "SSH_KEY")


def is_secret(name: str) -> bool:
    """Whether a variable of that name may hold something that a recipe has no business with."""
    upper = name.upper()
    if upper in ("PWD", "OLDPWD", "KERNEL_SIGNING_KEY"):
        return False
    words = upper.split("_")
    return (
        upper in _SECRET_NAMES
        or not _SECRET_WORDS.isdisjoint(words)
        or words[-1].endswith(("TOKEN", "PASSWORD", "SECRET"))
        or any(pair in upper for pair in _SECRET_PAIRS)
    )


def recipe_environment(config: Config, apkbuild: str, *, colors: bool) -> dict[str, str]:
    """Environment for a shell that sources functions.sh and then the recipe.

    It is the caller's environment (people rely on ``options=!check abuild``) without what may be a secret, plus what the
    configuration already found out, so that the shell comes to the same answers where the home is out of sight.
    """
    env = {name: value for name, value in config.environ.items() if not is_secret(name)}
    found = ("ABUILD_DEFCONF", "ABUILD_CONF", "ABUILD_USERDIR", "ABUILD_USERCONF", "APORTSDIR", "CBUILD", "REPODEST")
    env.update({name: config.variables.get(name, "") for name in found})
    env["REPODEST"] = env["REPODEST"] or os.path.join(config.home, "packages")
    if config.get("SRCDEST"):
        env["SRCDEST"] = config.get("SRCDEST")
    if config.get("CBUILDROOT"):
        env["CBUILDROOT"] = config.get("CBUILDROOT")
    if config.get("USE_CCACHE"):  # the HOME of the phases is another one
        env["CCACHE_DIR"] = config.get("CCACHE_DIR") or f"{config.home}/.ccache"
    env["ABUILD_SHAREDIR"] = config.get("sharedir")
    env["APKBUILD"] = apkbuild
    env["USE_COLORS"] = "force" if colors else ""
    env["PATH"] = _path(config)
    env.pop("ENV", None)  # ash would source that file
    env.pop("TMPDIR", None)  # inside the walls /tmp is private, and nothing else is there
    return env


def _path(config: Config) -> str:
    """The caller's PATH, ccache first where asked for, our own helpers (abuild-meson) last."""
    folders = [config.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin", os.path.join(RUNTIME_DIR, "bin")]
    if config.get("USE_CCACHE"):
        folders.insert(0, "/usr/lib/ccache/bin")
    return ":".join(folders)
