# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be reproduced: a recipe as it stands, or the recipe that a package says it was built from."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError
from abuildpy.recipe.git import ask_git, run_git
from abuildpy.recipe.history import Provenance
from abuildpy.records.buildinfo import BuildInfo, buildinfo_of, read_buildinfo
from abuildpy.records.form import shown
from abuildpy.repository.apkfile import ApkFile

_LATEST = 1 << 36
"""Seconds since 1970: more than files, archives and our own arithmetic can hold."""
_DATE = re.compile(r"[0-9]{1,10}", re.ASCII)


class SubjectError(AbuildError):
    """What is to be rebuilt cannot be found."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of the build that made a package, from its own ``.PKGINFO`` and the buildinfo beside it.

    ``variables`` are the environment that the recipe's functions had, None without buildinfo; ``installed`` are the
    dependencies' versions. ``path`` is the folder that the functions saw the recipe in; ``clean`` whether that was a clean
    root; ``debug`` that there was a -dbg package. ``dirty`` tells that the recipe was not committed as it was; ``files`` are
    what its folder held, as buildinfo tells it.
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
    files: Mapping[str, str] = field(default_factory=dict)


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
    """What a package and the buildinfo beside it tell.

    Raises RepositoryError for a damaged buildinfo, SubjectError for one that tells of what cannot be.
    """
    info = apk.info
    commit = info.last("commit")
    date = info.last("builddate")
    found = Recorded(
        commit.removesuffix("-dirty"),
        int(date) if _DATE.fullmatch(date) else 0,
        info.last("packager"),
        dirty=commit.endswith("-dirty"),
        repo=apk.path.resolve().parent.parent.name,
    )
    path = buildinfo_of(apk.path)
    if path is None:
        return found
    told = read_buildinfo(path)
    around = told.surrounding
    if told.recipe.repository and not is_plain(told.recipe.repository):
        raise SubjectError(f"{path} tells of a repository '{shown(told.recipe.repository)}', which is no name of one")
    if not 0 <= told.epoch < _LATEST:
        raise SubjectError(f"{path} tells of a time that no build can have")
    for name in told.recipe.files:
        if not _is_below(name):
            raise SubjectError(f"{path} tells of a file '{shown(name)}', which no recipe's folder can have")
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
        files=told.recipe.files,
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


_NOT_TAKEN = frozenset("PATH SOURCE_DATE_EPOCH CBUILDROOT USE_CCACHE".split())
"""Variables that builds depend on, and that lie about this machine, or open folders of it, if they are taken from another."""
_TRIPLETS = frozenset("CARCH CBUILD CBUILD_ARCH CHOST CLIBC CTARGET CTARGET_ARCH CTARGET_LIBC".split())
"""Of these paths are made."""
_VERSION = re.compile(r"[A-Za-z0-9_.~-]+", re.ASCII)
_TRIPLET = re.compile(r"[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+)*", re.ASCII)


def is_plain(name: str) -> bool:
    """Whether a name leads nowhere but into the folder that it is put into: ``main``, ``gtk+3.0``."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name, re.ASCII) is not None


def _is_below(name: str) -> bool:
    """Whether a path leads to something below a folder."""
    return bool(name) and _has_bytes(name) and not os.path.isabs(name) and ".." not in name.split("/")


def _has_bytes(text: str) -> bool:
    """Whether a text can be the name of a file or the value of a variable; JSON has others, too."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def exact_packages(recorded: Recorded) -> tuple[str, ...]:
    """The dependencies with their versions as apk takes them; without what apk would take for something else."""
    installed = sorted((recorded.installed or {}).items())
    return tuple(f"{name}={version}" for name, version in installed if is_plain(name) and _VERSION.fullmatch(version))


def exports_of(recorded: Recorded, config: Config) -> tuple[str, tuple[str, ...]]:
    """Lines of shell that give the recorded environment, as far as the configuration here says something else; and the names
    of variables that are left out.

    A buildinfo is a stranger's word: it may say what compilers are told, and not which network, folders or programs of this
    machine a build gets. Of the recipe's own variables only ``options`` is taken, without ``net``.
    """
    from abuildpy.phases.recording import MATTER

    lines, left = [], []
    for name, recorded_value in sorted((recorded.variables or {}).items()):
        value = recorded_value
        if recorded.debug and name.endswith("FLAGS"):  # abuild adds that where there is a -dbg package
            value = value.removesuffix(" -g")
        if name in _NOT_TAKEN or "$HOME" in value or (config.get(name) == value and name in config.exported):
            continue
        if name == "options":
            value = " ".join(word for word in value.split() if word != "net")
        elif not (name in MATTER or (name.startswith("LC_") and is_plain(name))) or _is_no_value(name, value):
            left.append(name)
            continue
        lines.append(f"export {name}={shlex.quote(value)}\n")
    if recorded.packager:
        lines.append(f"PACKAGER={shlex.quote(recorded.packager)}\n")
    return "".join(lines), tuple(left)


def _is_no_value(name: str, value: str) -> bool:
    return not _has_bytes(value) or (name in _TRIPLETS and bool(value) and _TRIPLET.fullmatch(value) is None)


def find_recipe(origin: str, repo: str, places: tuple[Path, ...]) -> Path | None:
    """The folder of a recipe in one of the trees of aports; None also for a name that would lead elsewhere."""
    if not is_plain(origin):
        return None
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
