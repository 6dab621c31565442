# SPDX-License-Identifier: GPL-3.0-or-later
"""Build dependencies: which ones a recipe has, which are missing, and having apk install and remove them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.messages import Messages
from abuildpy.package.model import list_has
from abuildpy.recipe.model import Recipe
from abuildpy.repository import depends
from abuildpy.repository.installed import InstalledDatabase, apk_root, open_database

WAIT = ("--wait", "30")
"""How long apk waits for its database while another build holds it."""

_NO_APK_HINT = "install apk-tools, or use -d to build without looking at dependencies"


@dataclass(frozen=True, slots=True)
class BuildDeps:
    """What has to be installed to build a recipe: on the building machine, and (cross) in ``CBUILDROOT``."""

    builddeps: tuple[str, ...]
    hostdeps: tuple[str, ...] = ()


def wants_check(recipe: Recipe, variables: Mapping[str, str]) -> bool:
    """Whether tests will run: not while bootstrapping or cross-compiling, nor with ``options="!check"``."""
    if variables.get("ABUILD_BOOTSTRAP") or _cross_compiling(variables):
        return False
    scoped = f"{recipe.pkgname}::!check"
    return not (list_has(scoped, recipe.options) or list_has("!check", recipe.options))


def _cross_compiling(variables: Mapping[str, str]) -> bool:
    return variables.get("CBUILD", "") != variables.get("CHOST", "")


def calc_deps(recipe: Recipe, variables: Mapping[str, str]) -> BuildDeps:
    """Work out a recipe's build dependencies, in abuild's order.

    ``variables`` are the configuration's: ``CBUILD CHOST CTARGET CTARGET_ARCH BOOTSTRAP ABUILD_BOOTSTRAP
    USE_CCACHE EXTRADEPENDS_BUILD EXTRADEPENDS_HOST EXTRADEPENDS_TARGET``; a missing one counts as empty.
    """

    def words(name: str) -> list[str]:
        return variables.get(name, "").split()

    own = set(recipe.package_names)
    build: list[str] = []
    if not variables.get("BOOTSTRAP", "").startswith("no"):
        creating = variables.get("CHOST", "") != variables.get("CTARGET", "")
        cross = creating or _cross_compiling(variables)
        build.append(f"build-base-{variables.get('CTARGET_ARCH', '')}" if cross else "build-base")
    if variables.get("USE_CCACHE"):
        build.append("ccache")
    if _cross_compiling(variables) and (recipe.makedepends_build or recipe.makedepends_host):
        host: list[str] = []
        _add(build, (*words("EXTRADEPENDS_BUILD"), *recipe.makedepends_build), without=set())
        wanted = (*words("EXTRADEPENDS_HOST"), *words("EXTRADEPENDS_TARGET"), *recipe.makedepends_host)
        _add(host, wanted, without=own)
        return BuildDeps(tuple(build), tuple(host))
    makedepends = recipe.makedepends or (*recipe.makedepends_build, *recipe.makedepends_host)
    if wants_check(recipe, variables):
        makedepends = (*makedepends, *recipe.checkdepends)
    extra = (*words("EXTRADEPENDS_BUILD"), *words("EXTRADEPENDS_HOST"))
    _add(build, (*extra, *recipe.depends, *makedepends), without=own)
    return BuildDeps(tuple(build), tuple(words("EXTRADEPENDS_TARGET")))


def _add(to: list[str], wanted: Iterable[str], *, without: set[str]) -> None:
    for dependency in wanted:
        if depends.bare_name(dependency) not in without and not list_has(dependency, tuple(to)):
            to.append(dependency)


def require_names(words: Iterable[str]) -> None:
    """Raises DependencyError for a word that apk would take for an option or a file."""
    for word in words:
        if word.startswith("-") or ".apk" in word:
            raise DependencyError(f"'{word}' is no dependency", hint="look at depends, makedepends and checkdepends")


def repositories(repodest: str, repo: str, template: Path) -> tuple[str, ...]:
    """Where packages built earlier lie: ``REPODEST/repo``, and for each line of the template ``REPODEST/<its
    last element>``.

    ``template`` is the aport tree's ``.rootbld-repositories``; it need not exist.
    """
    try:
        lines = template.read_text(errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    names = [line.strip().rpartition("/")[2] for line in lines if line.strip() and line.strip()[0] != "#"]
    return tuple(f"{repodest}/{name}" for name in (repo, *names))


@dataclass(frozen=True, slots=True)
class ApkClient:
    """The apk commands of the configuration, in words: ``apk`` asks, ``sudo_apk`` changes the system.

    ``environment`` is what the commands see (None: our own).
    """

    apk: tuple[str, ...]
    sudo_apk: tuple[str, ...]
    environment: Mapping[str, str] | None = None

    @staticmethod
    def of(apk: str, sudo_apk: str, environment: Mapping[str, str] | None = None) -> ApkClient:
        """Make a client from ``APK`` and ``SUDO_APK``, which are split at blanks as the shell does (quotes
        mean nothing).
        """
        return ApkClient(tuple(apk.split()), tuple(sudo_apk.split()), environment)

    def database(self, root: str = "") -> InstalledDatabase | None:
        """Database that the command works on (``root``, if given, instead of its own); None if only apk
        itself can tell.
        """
        found = apk_root(self.apk, os.environ if self.environment is None else self.environment)
        if found is None:
            return None
        return open_database(Path(root) if root else found)

    def missing(self, dependencies: Sequence[str], *, root: str = "") -> tuple[str, ...]:
        """Which of the dependencies are not installed (under ``root``, if given), in their order.

        Raises DependencyError if something is installed that a ``!name`` among them excludes, or if there is
        neither a database of installed packages nor apk.
        """
        if not dependencies:
            return ()
        database = self.database(root)
        is_there: Callable[[str], bool] = (
            database.is_installed if database else lambda dependency: self._ask(dependency, root)
        )
        absent = []
        for dependency in dependencies:
            if dependency.startswith("!"):
                if is_there(dependency[1:]):
                    remove = " ".join((*self.sudo_apk, "del", depends.bare_name(dependency[1:])))
                    raise DependencyError(
                        f"Conflicting package installed: {dependency[1:]}", hint=f"remove it: {remove}"
                    )
            elif not is_there(dependency):
                absent.append(dependency)
        return tuple(absent)

    def _ask(self, dependency: str, root: str) -> bool:
        words = [*self.apk, "info", "--quiet", "-e", *(("--root", root) if root else ()), dependency]
        return self._run(words, quiet=True) == 0

    def is_installed(self, dependency: str) -> bool:
        """Whether one dependency is fulfilled. Raises as :meth:`missing` does."""
        return not self.missing((dependency,))

    def add_command(
        self, pkgname: str, dependencies: Sequence[str], repositories: Sequence[str], *, root: str = ""
    ) -> list[str]:
        """Words of the command that installs build dependencies as one virtual package; ``root``: for the
        host (cross).
        """
        require_names(dependencies)
        where = [word for repository in repositories for word in ("--repository", repository)]
        name = f".hostdepends-{pkgname}" if root else f".makedepends-{pkgname}"
        host = ("--no-scripts", "--root", root) if root else ()
        return [*self.sudo_apk, "add", *WAIT, "--virtual", name, *host, *dependencies, *where]

    def del_command(self, pkgname: str, *, root: str = "") -> list[str]:
        """Words of the command that removes what :meth:`add_command` installed."""
        if root:
            host = f".hostdepends-{pkgname}"
            return [*self.sudo_apk, "del", "--root", root, *WAIT, "--no-scripts", host]
        return [*self.sudo_apk, "del", *WAIT, f".makedepends-{pkgname}"]

    def install(
        self,
        pkgname: str,
        deps: BuildDeps,
        repositories: Sequence[str],
        *,
        cbuildroot: str = "",
        log: Messages,
    ) -> None:
        """Install build dependencies (``abuild deps``); those of the host too if ``cbuildroot`` is set.

        Raises DependencyError if apk fails or is not there; what apk itself has to say it has said by then.
        """
        log.msg(f"Installing for build: {' '.join(deps.builddeps)}")
        self._change(self.add_command(pkgname, deps.builddeps, repositories))
        if cbuildroot:
            log.msg(f"Installing for host: {' '.join(deps.hostdeps)}")
            self._change(self.add_command(pkgname, deps.hostdeps, repositories, root=cbuildroot))

    def _change(self, command: list[str]) -> None:
        status = self._run(command)
        if status != 0:
            raise DependencyError(
                f"the build dependencies could not be installed: '{command[0]}' ended with status {status}",
                hint="what is wrong stands above, in apk's own words",
            )

    def uninstall(self, pkgname: str, *, cbuildroot: str = "") -> bool:
        """Remove build dependencies (``abuild undeps``); False if that failed, which is no reason to fail a
        build.
        """
        try:
            done = self._run(self.del_command(pkgname)) == 0
            if cbuildroot:
                done = self._run(self.del_command(pkgname, root=cbuildroot)) == 0 and done
        except DependencyError:
            return False
        return done

    def _run(self, command: Sequence[str], *, quiet: bool = False) -> int:
        import subprocess

        if not command:
            raise DependencyError("APK or SUDO_APK is empty in the configuration", hint=_NO_APK_HINT)
        try:
            return subprocess.run(
                command,
                env=self.environment,
                check=False,
                stdin=subprocess.DEVNULL if quiet else None,
                stdout=subprocess.DEVNULL if quiet else None,
            ).returncode
        except OSError as error:
            raise DependencyError(
                f"cannot run '{command[0]}', which installs packages: {error.strerror}", hint=_NO_APK_HINT
            ) from error


def require(client: ApkClient, deps: BuildDeps, *, cbuildroot: str = "") -> None:
    """Check that all build dependencies are installed (``abuild`` without ``-r``).

    Raises DependencyError that lists the missing ones.
    """
    missing = client.missing(deps.builddeps)
    if deps.hostdeps:
        missing += client.missing(deps.hostdeps, root=cbuildroot)
    if missing:
        raise DependencyError(f"Missing dependencies (use -r to autoinstall them): {' '.join(missing)}")


def make_v3_index(client: ApkClient, folder: Path, *, arch: str, description: str, private_key: str) -> None:
    """Have apk write the version 3 index (``Packages.adb``) of a folder, for ``ABUILD_V3_INDEX``.

    The caller holds the repository's lock. Raises RepositoryError if apk fails; the old index then stays.
    """
    target, new = folder / "Packages.adb", folder / ".Packages.adb.new"
    old = ("--index", target.name) if target.exists() else ()
    spec = f"{arch}/${{name}}-${{version}}.apk"
    files = sorted(f"./{name}" for name in os.listdir(folder) if re.fullmatch(r"[^.].*\.apk", name))
    key = str(Path(private_key).absolute())
    command = [*client.apk, "mkndx", "--sign-key", key, "--quiet", *old, "--output", new.name]
    command += ["--description", description, "--pkgname-spec", spec, *files]
    import subprocess

    try:
        status = subprocess.run(command, cwd=folder, env=client.environment, check=False).returncode
        if status != 0:
            raise RepositoryError(f"Failed to create index: '{command[0]} mkndx' ended with status {status}")
        os.replace(new, target)
        # apk looks for packages below the architecture's name, which is the folder itself here.
        if not os.path.lexists(folder / arch):
            os.symlink(".", folder / arch)
    except OSError as error:
        raise RepositoryError(f"Failed to create index in {folder}: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)
