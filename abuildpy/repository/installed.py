# SPDX-License-Identifier: GPL-3.0-or-later
"""What apk has installed under a root, read from its database without running apk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from abuildpy.errors import RepositoryError
from abuildpy.repository import depends
from abuildpy.repository.index import IndexEntry, parse_entries, providers_of

_DATABASES = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
"""apk 3.0 uses the first; with merged /usr both are one file, unless a bare root lacks the link from lib to
usr/lib.
"""

_CONFIG_FILES = ("/etc/apk/config", "/lib/apk/config")

# apk's global options that take a value; needed to step over them when looking for --root.
_VALUE_OPTIONS = frozenset(
    [
        "arch",
        "cache-dir",
        "cache-max-age",
        "keys-dir",
        "preupgrade-depends",
        "progress-fd",
        "repositories-file",
        "repository",
        "repository-config",
        "root",
        "timeout",
        "uvol-manager",
        "wait",
    ]
)


@dataclass(frozen=True, slots=True)
class InstalledDatabase:
    """The packages of one root.

    ``text`` is the database as it is; who owns which file is worked out only when somebody asks.
    """

    root: Path
    packages: tuple[IndexEntry, ...]
    text: str = field(repr=False)
    _providers: Mapping[str, tuple[tuple[IndexEntry, str], ...]] = field(repr=False)
    _owners: dict[str, str] = field(default_factory=dict, repr=False)

    def is_installed(self, dependency: str) -> bool:
        """Whether something installed fulfils the dependency (``foo``, ``foo>=1``, ``so:libfoo.so.1``), as
        ``apk info -e``.

        A conflict (``!foo``) is fulfilled if nothing that it excludes is installed.

        Raises DependencyError if the text is no dependency.
        """
        wanted = depends.parse(dependency)
        found = self.provider_of(str(replace(wanted, conflict=False)))
        return (found is not None) != wanted.conflict

    def provider_of(self, dependency: str) -> str | None:
        """Name of an installed package that fulfils the dependency; None if there is none.

        Raises DependencyError if the text is no dependency.
        """
        wanted = depends.parse(dependency)
        for entry, version in self._providers.get(wanted.name, ()):
            if wanted.operator == "><":
                if entry.identity == wanted.version:
                    return entry.name
            elif depends.satisfies(wanted, wanted.name, version):
                return entry.name
        return None

    def version_of(self, name: str) -> str | None:
        """Version of the installed package of that name; None if it is not installed."""
        return next((e.version for e in self.packages if e.name == name), None)

    def owner_of_file(self, path: str) -> str | None:
        """Name of the package that owns a file or directory (path from the root, ``/usr/lib/libfoo.so.1``);
        None if none does.

        As apk does it, a symbolic link that nobody owns belongs to the owner of what it points to, if it
        points to an absolute path. Names that are not UTF-8 are passed as ``os.fsdecode`` gives them.
        """
        if not self._owners:
            self._owners.update(_owners(self.text))
        found = self._owners.get(path.strip("/"))
        if found is None:
            try:
                target = os.readlink(self.root / path.strip("/"))
            except (OSError, ValueError):
                return None
            if target.startswith("/"):
                found = self._owners.get(target.strip("/"))
        return found


def _owners(text: str) -> dict[str, str]:
    """Map paths to packages. Files come as ``R:`` lines below their folder's ``F:`` line; a folder belongs to
    its first owner.
    """
    owners: dict[str, str] = {}
    package = folder = ""
    for line in text.split("\n"):
        key = line[:2]
        if key == "P:":
            package, folder = line[2:], ""
        elif key == "F:":
            folder = line[2:]
            if folder:
                owners.setdefault(folder, package)
        elif key == "R:":
            owners[f"{folder}/{line[2:]}" if folder else line[2:]] = package
    return owners


def open_database(root: Path = Path("/")) -> InstalledDatabase | None:
    """Read apk's database under a root; None if there is none (apk was never used there).

    Raises RepositoryError if it is there and cannot be read or is damaged.
    """
    for name in _DATABASES:
        path = root / name
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise RepositoryError(f"cannot read apk's database {path}: {error.strerror}") from error
        try:
            packages = tuple(parse_entries(text))
        except ValueError as error:
            raise RepositoryError(f"apk's database {path} is damaged: {error}") from error
        return InstalledDatabase(root, packages, text, providers_of(packages))
    return None


def apk_root(apk: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """Find the root that an apk command works on; None if the command is not plainly apk and only running it
    can tell.

    ``apk`` is the command in words, such as ``["apk", "--keys-dir", "k", "--root", "/tmp/r"]``. Without
    ``--root`` the configuration file decides: the one that ``environment`` names in ``APK_CONFIG``, else
    ``/etc/apk/config``, else ``/lib/apk/config``; else it is ``/``.
    """
    if not apk or os.path.basename(apk[0]) not in ("apk", "apk.static"):
        return None
    root = _root_option(apk[1:])
    if root is None:
        root = _root_configured(environment)
    return Path(root or "/")


def _root_option(words: Sequence[str]) -> str | None:
    root = None
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            if key in _VALUE_OPTIONS and not equals:
                value = next(rest, "")
            if key == "root":
                root = value
        elif word.startswith("-p"):
            root = word[2:] or next(rest, "")
        elif word == "-X":
            next(rest, None)
    return root


def _root_configured(environment: Mapping[str, str]) -> str | None:
    named = environment.get("APK_CONFIG")
    for name in (named,) if named is not None else _CONFIG_FILES:
        try:
            lines = Path(name).read_text(errors="surrogateescape").split("\n")
        except OSError:
            continue
        root = None
        for line in lines:
            key, space, value = line.partition("#")[0].strip(" ").partition(" ")
            if key == "root" and space:
                root = value.strip(" ")
        return root
    return None
