# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluations of one repository folder that are known and still right, and how new ones join them.

What is kept are only evaluations that depend on nothing but the recipe's bytes, the shell library, variables that the
recipe or the library asks for, and files that can be watched: see ``constant.py``.
"""

from __future__ import annotations

import os
import time
from zlib import crc32

from abuildpy import __version__
from abuildpy.recipe.cache import cache_folder
from abuildpy.recipe.environment import files_naming_withheld, recipe_environment, visible_variables
from abuildpy.recipe.library import PASSING, library_files
from abuildpy.recipe.pack import Pack
from abuildpy.recipe.signatures import MISSING, NEVER, signature_of, signatures, watch
from abuildpy.shell import find_ash

try:
    from _blake2 import blake2b  # what hashlib would give, without loading OpenSSL for it
except ImportError:  # another Python
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from abuildpy.config import Config
    from abuildpy.recipe.packing import Record

_DAY = 86400


def digest_of(text: bytes) -> bytes:
    """The digest that a recipe's bytes are known by."""
    return blake2b(text, digest_size=16).digest()


class Conditions:
    """What all evaluations of one run share: the values of variables, and the shell library."""

    def __init__(self, config: Config) -> None:
        environment = recipe_environment(config, "", colors=False)
        del environment["APKBUILD"]
        # The environment of the recipes' shell counts where the two differ: it has no secrets, and paths of ours.
        self._values = {
            name.encode("utf-8", "surrogateescape"): value
            for name, value in {**visible_variables(config), **environment}.items()
            if name not in PASSING and name != "PWD"  # the recipe's shell has its own
        }
        fixed = blake2b(__version__.encode() + b"\0", digest_size=32)
        functions = f"{config.get('sharedir')}/functions.sh"
        for path in (*library_files(), functions, find_ash(config.environ.get("PATH"))[0]):
            status = os.stat(path)
            fixed.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
        fixed.update(files_naming_withheld(config))
        self._fixed = fixed.digest()

    def key(self, folder: str, asked: frozenset[bytes]) -> bytes:
        """Digest of a repository folder's path, the library, and the values of all variables asked for."""
        digest = blake2b(self._fixed + folder.encode("utf-8", "surrogateescape") + b"\0", digest_size=32)
        for name in sorted(name for name in self._values if name in asked or name.startswith((b"LC_", b"LANG"))):
            digest.update(b"%b=%b\0" % (name, self._values[name].encode("utf-8", "surrogateescape")))
        return digest.digest()


class Shelf:
    """Known evaluations of the recipes below one folder."""

    def __init__(self, folder: str, config: Config, conditions: Conditions) -> None:
        """``folder`` is a repository's: recipes are ``folder/NAME/APKBUILD``."""
        self.folder = folder
        self._config = config
        self._conditions = conditions
        self._path = pack_path(folder, config)
        self.pack = self._open()
        """What is known; None if nothing is."""
        self._good: list[int] = []
        self._newer = False

    def _open(self) -> Pack | None:
        if self._path is None:
            return None
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            pack = Pack(file)
        except (OSError, ValueError):
            return None
        if pack.key != self._conditions.key(self.folder, frozenset(pack.asked.split(b"\0"))):
            return None
        return pack

    def find(self, names: Sequence[str]) -> Sequence[int | None]:
        """The records of the pack of recipes (paths below the folder), None for those that have to be evaluated."""
        if self.pack is None:
            return [None] * len(names)
        return self._find(names, signatures(self.folder, names))

    def find_all(self) -> tuple[list[str], Sequence[int | None]]:
        """The same for all recipes below the folder (``NAME/APKBUILD``, sorted), which are returned too. Raises OSError.

        Where nothing is known, some of them may not be there.
        """
        pack = self.pack
        state = watch(self.folder)
        if pack is not None and pack.folder == state != NEVER:
            names = sorted((*pack.names, *pack.others)) if pack.others else pack.names
        else:
            names = _recipes(self.folder)
            self._newer = pack is not None and state != NEVER
        if pack is None:
            return names, [None] * len(names)
        here = signatures(self.folder, names)
        if MISSING[0] in here[::4]:
            names = [name for name, size in zip(names, here[::4], strict=True) if size != MISSING[0]]
            here = [n for at in range(0, len(here), 4) if here[at] != MISSING[0] for n in here[at : at + 4]]
        return names, self._find(names, here)

    def _find(self, names: Sequence[str], signatures: list[int]) -> Sequence[int | None]:
        pack = self.pack
        if pack is None:
            return [None] * len(names)
        known = pack.signatures
        bad = {
            at for at, files in pack.watched.items() if any(was == NEVER or watch(path) != was for path, was in files)
        }
        if not bad and signatures == known and list(names) == pack.names:
            self._good = signatures
            return range(len(names))
        numbers = {name: at for at, name in enumerate(pack.names)}
        self._good = list(known)
        found: list[int | None] = []
        for place, name in enumerate(names):
            at = numbers.get(name)
            if at is None or at in bad:
                found.append(None)
                continue
            as_known = signatures[4 * place : 4 * place + 4] == known[4 * at : 4 * at + 4]
            found.append(at if as_known or self._same_bytes(pack, at) else None)
        return found

    def _same_bytes(self, pack: Pack, at: int) -> bool:
        """Whether the file has the bytes that were evaluated, although it was touched; then it is known by its new state."""
        try:
            with open(f"{self.folder}/{pack.names[at]}", "rb") as file:
                status = os.fstat(file.fileno())
                text = file.read()
        except OSError:
            return False
        if digest_of(text) != pack.digest(at):
            return False
        signature = signature_of(status)
        if signature != NEVER:
            self._newer = True
            self._good[4 * at : 4 * at + 4] = signature
        return True

    def save(self, new: Mapping[str, Record], asked: Iterable[bytes], derived: str = "") -> None:
        """Adds evaluations and writes the pack anew, if there is anything to write.

        ``asked`` are the names of variables that the new ones (and the library) ask for, ``derived`` is what the usual among
        them have (it is the same for all in a pack). A pack that cannot be written is none.
        """
        if self._path is None:
            return
        if not (new or self._newer):
            self._touch(self._path)
            return
        from abuildpy.recipe.packing import old_records, write_pack  # not needed where all is known, and dear

        old: list[Record] = []
        names = frozenset(asked)
        try:
            state = watch(self.folder)
            here = frozenset(_recipes(self.folder))
            if self.pack is not None:
                stay = [at for at, name in enumerate(self.pack.names) if name not in new and name in here]
                old = old_records(self.pack, stay, self._good or self.pack.signatures)
                names |= frozenset(self.pack.asked.split(b"\0"))
                derived = derived or self.pack.derived
            records = sorted((*old, *new.values()))
            others = sorted(here.difference(each.name for each in records))
            key = self._conditions.key(self.folder, names)
            write_pack(self._path, key, b"\0".join(sorted(names)), records, derived, state, others)
        except OSError:
            return
        if new:
            from abuildpy.recipe.tidy import limit_of, prune

            prune(self._config, limit_of(self._config))

    def _touch(self, path: str) -> None:
        """Notes that the pack is in use: what was not for long is the first to go."""
        try:
            if time.time() - os.stat(path).st_mtime > _DAY:
                os.utime(path)
        except OSError:
            return


def _recipes(folder: str) -> list[str]:
    names = [f"{name}/APKBUILD" for name in os.listdir(folder)]
    names.sort()  # as a shell sorts them: lib-extra/ comes before lib/
    return names


def pack_path(folder: str, config: Config) -> str | None:
    """Where the evaluations of a repository folder are kept; None for somebody without a home, who keeps nothing."""
    base = cache_folder(config)
    if base is None:
        return None
    name = folder.encode("utf-8", "surrogateescape")
    return os.path.join(base, "packs", f"{crc32(name):08x}-{len(name)}-{config.carch}")
