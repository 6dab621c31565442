# SPDX-License-Identifier: GPL-3.0-or-later
"""What ash made of a recipe, kept under everything that it depends on, so that the same question costs no shell.

An entry holds what the evaluation sent (see evaluate.sh) and a digest over all that went into it: the recipe's bytes and
path, the names in its folder, the environment its shell starts with, every variable of the configuration, and the shell
library. Only recipes that do nothing but assign at top level are kept (``evaluate.py`` sees to that); what tests files
or runs commands is asked anew each time. There is one entry a recipe; a changed input replaces it.
"""

from __future__ import annotations

import os
from zlib import crc32

from abuildpy import __version__
from abuildpy.recipe.environment import files_naming_withheld, recipe_environment, visible_variables
from abuildpy.recipe.library import library_files

try:
    from _blake2 import blake2b  # what hashlib would give, without loading OpenSSL for it
except ImportError:  # another Python
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abuildpy.config import Config

_PASSING = frozenset({"_", "OLDPWD", "PWD", "SHLVL", "PPID", "OPTIND", "LINENO", "COLUMNS", "LINES"})
"""Variables that differ from run to run and mean nothing to a recipe."""
_WORK = frozenset({"src", "pkg", "tmp"})


def evaluation_key(apkbuild: str, text: bytes, config: Config) -> bytes:
    """Digest of everything that the evaluation of a recipe (absolute path, content) depends on."""
    digest = blake2b(digest_size=32)

    def add(*parts: str) -> None:
        for part in parts:
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
        digest.update(b"\0")

    add(__version__, apkbuild, *sorted(set(os.listdir(os.path.dirname(apkbuild))) - _WORK))
    digest.update(b"%d\0" % len(text) + text)
    for variables in (recipe_environment(config, apkbuild, colors=False), visible_variables(config)):
        add(*(f"{name}={variables[name]}" for name in sorted(variables) if name not in _PASSING))
    digest.update(files_naming_withheld(config) + b"\0")
    for path in (*library_files(), config.get("sharedir") + "/functions.sh"):
        state = os.stat(path)
        add(path, str(state.st_mtime_ns), str(state.st_size))
    return digest.digest()


def is_complete(data: bytes) -> bool:
    """Whether an evaluation came to its end: three fields, see evaluate.sh."""
    return data.count(b"\0") == 3 and data.endswith(b"\0complete\0")


def load(apkbuild: str, key: bytes, config: Config) -> bytes | None:
    """What the evaluation of that key sent; None if it is not known."""
    path = _path(apkbuild, config)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    data = content[len(key) :]
    return data if content.startswith(key) and is_complete(data) else None


def store(apkbuild: str, key: bytes, data: bytes, config: Config) -> None:
    """Keeps an evaluation. A cache that cannot be written is none."""
    path = _path(apkbuild, config)
    if path is None:
        return
    part = f"{path}.part"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if not _write_alone(part, key + data, path):
            return
        if key[0] == 0:  # one time in 256, as all entries have to be looked at
            from abuildpy.recipe.tidy import limit_of, prune

            prune(config, limit_of(config))
    except OSError:
        return


def _write_alone(part: str, content: bytes, path: str) -> bool:
    """Writes a file by way of ``part``, unless somebody else is at it: then False. Raises OSError.

    The name of the part is always the same, so that what a killed run left there is overwritten.
    """
    import fcntl

    with open(part, "ab", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            if not os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                return False
            file.truncate(0)
            file.write(content)
            file.flush()
            os.replace(part, path)
        except OSError:
            try:
                os.unlink(part)
            except OSError:
                pass
            raise
    return True


def cache_folder(config: Config) -> str | None:
    """Where everything is kept that evaluations leave: below XDG_CACHE_HOME, or ~/.cache."""
    home = config.environ.get("HOME")
    base = config.environ.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else "")
    return os.path.join(base, "abuildpy") if base else None


def _path(apkbuild: str, config: Config) -> str | None:
    """Where a recipe's entry is; None for somebody without a home, who keeps nothing."""
    base = cache_folder(config)
    if base is None:
        return None
    name = apkbuild.encode("utf-8", "surrogateescape")
    return os.path.join(base, "recipes", f"{crc32(name):08x}-{len(name)}")
