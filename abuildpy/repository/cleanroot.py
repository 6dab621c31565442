# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean roots: a system for one build, made by apk out of packages alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import ConfigError, DependencyError
from abuildpy.messages import Messages
from abuildpy.repository.apkclient import require_names
from abuildpy.sandbox.none import run_helper

DEFAULT_MIRROR = "http://dl-cdn.alpinelinux.org/alpine"
"""What ``mirror`` stands for in a template that nobody configured."""

TEMPLATE = ".rootbld-repositories"

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_BRANCH = re.compile(r"[0-9]+(?:\.[0-9]+)*(?=-)")
_MERGED = ("bin", "sbin", "lib")


def release_of(branch: str) -> str:
    """The release that a branch of aports is for, such as ``3.21`` of ``3.21-stable``; empty for all others."""
    found = _BRANCH.match(branch)
    return found[0] if found else ""


def template_variables(settings: Mapping[str, str], branch: str) -> dict[str, str]:
    """Variables that a template may use: git's settings of section ``abuild``, ``mirror`` and ``version``."""
    release = release_of(branch)
    found = {"version": f"v{release}" if release else "edge", **settings}
    found["mirror"] = found.get("mirror") or DEFAULT_MIRROR
    return found


def repository_lines(
    template: Path, variables: Mapping[str, str], environ: Mapping[str, str], *, built: Sequence[str], repo: str
) -> tuple[str, ...]:
    """The repositories of a clean root: what was built here for ``repo`` comes first, then each line of the template with
    its variables filled in, followed by what was built here for the repository of that name. ``built`` are folders of
    repositories that were built here.

    A variable that neither ``variables`` nor the environment has is empty. Raises ConfigError for a template that is missing
    or empty.
    """
    try:
        text = template.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise _no_template(template, error.strerror or "") from error
    if not text.strip():
        raise _no_template(template, "it is empty")
    lines = [f"{place}/{repo}" for place in built]
    for line in text.splitlines():
        known = _VARIABLE.sub(lambda found: _value(found[1] or found[2], variables, environ), line).strip()
        if known and not known.startswith("#"):
            name = known.rstrip("/").rpartition("/")[2]
            lines += [known, *(f"{place}/{name}" for place in built)]
    return tuple(lines)


def _value(name: str, variables: Mapping[str, str], environ: Mapping[str, str]) -> str:
    return variables[name] if name in variables else environ.get(name, "")


def _no_template(template: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"rootbld: {template} cannot be used: {reason}",
        hint="write into it, line by line, the repositories that a clean root is made from, such as $mirror/$version/main",
    )


@dataclass(frozen=True, slots=True)
class RootMaker:
    """Has apk make roots. ``command`` is apk in words, with all that it always needs; ``cache`` keeps downloads, if set."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    repositories: tuple[str, ...]
    keys: tuple[Path, ...]
    """Public keys to trust: files and folders of them. Missing ones are ignored."""
    cache: Path | None = None

    def make(self, root: Path, *, arch: str, packages: Sequence[str], merged: bool = False) -> None:
        """Makes a system of ``packages`` and all that they need in the folder ``root``.

        ``merged``: /bin, /sbin and /lib are links into /usr from the start. Raises DependencyError if apk fails.
        """
        keys = root / "etc/apk/keys"
        keys.mkdir(parents=True)
        for key in _key_files(self.keys):
            shutil.copyfile(key, keys / key.name)
        (root / "etc/apk/repositories").write_text(
            "".join(f"{line}\n" for line in self.repositories), errors="surrogateescape"
        )
        if merged:
            for name in _MERGED:
                (root / "usr" / name).mkdir(parents=True)
                (root / name).symlink_to(f"usr/{name}")
        self._add(root, arch, packages)

    def make_sysroot(self, root: Path, *, arch: str, packages: Sequence[str], base: Path) -> None:
        """Makes what is built against: only the files of ``packages``, whose scripts do not run, for another machine.

        ``base`` is the clean root, whose keys and repositories are used. Raises DependencyError if apk fails.
        """
        root.mkdir(parents=True)
        where = ("--keys-dir", f"{base}/etc/apk/keys", "--repositories-file", f"{base}/etc/apk/repositories")
        self._add(root, arch, packages, "--no-scripts", *where)

    def _add(self, root: Path, arch: str, packages: Sequence[str], *options: str) -> None:
        require_names(packages)
        cache: tuple[str, ...] = ()
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            cache = ("--cache-dir", str(self.cache))
        command = [*self.command, "add", *cache, "--initdb", "--update", "--arch", arch, "--root", str(root), *options]
        status = run_helper([*command, *packages], self.environment)
        if status != 0:
            raise DependencyError(
                f"the clean root could not be made: '{command[0]}' ended with status {status}",
                hint="what is wrong stands above",
            )


def announce(repositories: Iterable[str], log: Messages) -> None:
    """Tells which repositories are used."""
    for repository in repositories:
        log.msg(f"Using repository {repository}")


def _key_files(places: Iterable[Path]) -> list[Path]:
    """Public keys in the places; of two with one name the later wins, as they are copied in order."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(path for path in place.iterdir() if path.is_file() and os.access(path, os.R_OK))
        elif place.is_file():
            found.append(place)
    return [path for path in found if path.name.endswith(".pub")]
