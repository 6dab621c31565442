# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be reproduced: a recipe as it stands, or the recipe that a package says it was built from."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError
from abuildpy.recipe.git import ask_git, run_git
from abuildpy.recipe.history import Provenance
from abuildpy.records.buildinfo import BuildInfo, buildinfo_of, read_buildinfo
from abuildpy.repository.apkfile import ApkFile


class SubjectError(AbuildError):
    """What is to be rebuilt cannot be found."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of the build that made a package, from its own ``.PKGINFO`` and the buildinfo beside it.

    ``variables`` are the environment that the recipe's functions had, None without buildinfo; ``installed`` are the
    dependencies' versions. ``path`` is the folder that the functions saw the recipe in; ``clean`` whether that was a clean
    root; ``debug`` that there was a -dbg package. ``dirty`` tells that the recipe was not committed as it was.
    """

    commit: str
    epoch: int
    packager: str
    repo: str = ""
    dirty: bool = False
    variables: Mapping[str, str] | None = None
    installed: Mapping[str, str] | None = None
    path: str = ""
    clean: bool = False
    checked: bool = False
    debug: bool = False
    program: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """``folder`` holds the recipe as it is to be built; the functions see it as ``shown`` where that can be done.

    ``siblings`` is a folder of this machine that ``shown`` lies over, None where there is none. ``exports`` is what to put at
    the end of the configuration. ``exact`` are the packages, with versions, that a clean root is to hold.
    """

    folder: Path
    shown: Path
    siblings: Path | None
    provenance: Provenance
    repodest: str
    exports: str = ""
    exact: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def recorded_of(apk: ApkFile) -> Recorded:
    """What a package and the buildinfo beside it tell. Raises RepositoryError for a damaged buildinfo."""
    info = apk.info
    commit = info.last("commit")
    date = info.last("builddate")
    found = Recorded(
        commit.removesuffix("-dirty"),
        int(date) if date.isdigit() else 0,
        info.last("packager"),
        dirty=commit.endswith("-dirty"),
        repo=apk.path.resolve().parent.parent.name,
    )
    path = buildinfo_of(apk.path)
    if path is None:
        return found
    told = read_buildinfo(path)
    around = told.surrounding
    return replace(
        found,
        commit=told.recipe.commit or found.commit,
        dirty=told.recipe.dirty or found.dirty,
        epoch=told.epoch,
        repo=told.recipe.repository or found.repo,
        variables=around.variables,
        installed=_installed(told),
        path=around.path,
        clean=told.dependencies.root == "clean",
        checked=around.checked,
        debug=any(each.name.endswith("-dbg") for each in told.packages),
        program=told.program,
    )


def _installed(told: BuildInfo) -> Mapping[str, str] | None:
    """Versions by name; None where there was no database to tell them."""
    known = told.dependencies
    return None if known.root == "unknown" else {each.name: each.version for each in known.installed}


def installed_in(build: Path) -> Mapping[str, str] | None:
    """The dependencies' versions by name that the record of one of our builds tells; None if it left none."""
    for path in build.glob("packages/*/*/*.buildinfo.json"):
        return _installed(read_buildinfo(path))
    return None


_OURS = frozenset(
    "HOME PATH APKBUILD REPODEST SRCDEST LD_PRELOAD TERM COLUMNS LINES NO_COLOR USE_COLORS APORTSDIR ABUILD_CONF "
    "ABUILD_DEFCONF ABUILD_USERCONF ABUILD_USERDIR ABUILD_SHAREDIR ABUILD_SYSCONFDIR SOURCE_DATE_EPOCH PACKAGER_PRIVKEY "
    "PACKAGER_PUBKEY ABUILD_LAST_COMMIT PWD OLDPWD SHLVL".split()
)
"""Variables that lie about this build if they are taken from another."""


def exports_of(recorded: Recorded, config: Config) -> str:
    """Lines of shell that give the recorded environment, as far as the configuration here says something else."""
    lines = []
    for name, recorded_value in sorted((recorded.variables or {}).items()):
        value = recorded_value
        if recorded.debug and name.endswith("FLAGS"):  # abuild adds that where there is a -dbg package
            value = value.removesuffix(" -g")
        if name in _OURS or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or "$HOME" in value:
            continue
        if config.get(name) != value or name not in config.exported:
            lines.append(f"export {name}={shlex.quote(value)}\n")
    if recorded.packager:
        lines.append(f"PACKAGER={shlex.quote(recorded.packager)}\n")
    return "".join(lines)


def find_recipe(origin: str, repo: str, places: tuple[Path, ...]) -> Path | None:
    """The folder of a recipe in one of the trees of aports."""
    for tree in places:
        candidates = [tree / repo / origin, tree / origin, *sorted(tree.glob(f"*/{origin}"))]
        for folder in candidates:
            if (folder / "APKBUILD").is_file():
                return folder
    return None


def copy_recipe(folder: Path, target: Path) -> None:
    """Copies a recipe's folder, without the work folders of builds; for root the copy belongs to whom the folder does.

    Raises SubjectError where it cannot be read.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(folder, target, symlinks=True, ignore=_leave_out)
    except (OSError, shutil.Error) as error:
        raise SubjectError(f"{folder} cannot be copied: {error}") from error
    for place in (target, *target.rglob("*")):
        if not place.is_symlink():
            place.chmod(stat.S_IMODE(place.stat().st_mode) | (0o755 if place.is_dir() else 0o444))
    if os.geteuid() == 0:
        owner = folder.stat()
        for place in (target, *target.rglob("*")):
            os.chown(place, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _leave_out(folder: str, names: list[str]) -> list[str]:
    worked = {"src", "pkg", "tmp"} if "APKBUILD" in names else set()
    plain = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    return [
        name
        for name in names
        if name in worked or stat.S_IFMT(os.lstat(os.path.join(folder, name)).st_mode) not in plain
    ]


def checkout(folder: Path, commit: str, target: Path) -> bool:
    """Puts a recipe's folder as it was at a commit to ``target``; False where git does not know it.

    The repository and the work tree stay untouched.
    """
    top = ask_git(folder, "rev-parse", "--show-toplevel")
    if not top or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return False
    inside = os.path.relpath(folder.resolve(), Path(top).resolve())
    done = run_git(top, "archive", "--format=tar", commit, "--", inside)
    if done.returncode != 0:
        return False
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:  # of git: no name leads out, nothing lies below a link
        for member in tar:
            if not (member.name + "/").startswith(inside + "/"):
                continue
            place = target / member.name[len(inside) + 1 :]
            file = tar.extractfile(member) if member.isreg() else None
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                place.symlink_to(member.linkname)
            elif file is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read())
                place.chmod(member.mode | 0o644)
    return (target / "APKBUILD").is_file()


def imitate_tree(folder: Path, repository: Path) -> None:
    """Gives a folder of ours what clean roots are made by: the branch, git's settings and the list of repositories."""
    from abuildpy.recipe.history import branch, git_settings
    from abuildpy.repository.cleanroot import TEMPLATE

    template = folder.parent / TEMPLATE
    if template.is_file():
        shutil.copyfile(template, repository / TEMPLATE)
    tree = repository.parent
    ask_git(tree, "init", "-q", f"--initial-branch={branch(folder) or 'master'}")
    for key, value in git_settings(folder, "abuild").items():
        ask_git(tree, "config", f"abuild.{key}", value)
