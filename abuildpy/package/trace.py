# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what the packages of one build provide and need into the lines below "automatically detected".

:mod:`abuildpy.package.scanning` looks at one package; this looks at all of them together and at the
installed ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from abuildpy.package.model import Traced
from abuildpy.package.pkgconfig import DIRECTORIES
from abuildpy.package.providers import NoLookup, Providers
from abuildpy.package.scanning import Scan, Traceable, provided_name

__all__ = ["TraceResult", "Traceable", "linked_packages", "missing_libraries", "trace"]

_PROVIDES = (".provides-so", ".provides-pc", ".provides-command", ".provides-py")


@dataclass(frozen=True, slots=True)
class TraceResult:
    """``packages`` by name; ``warnings`` concern the build as a whole."""

    packages: Mapping[str, Traced]
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether some package has an error."""
        return any(traced.errors for traced in self.packages.values())


def trace(
    packages: Sequence[Traceable],
    providers_for: Callable[[str], Providers],
    *,
    located: Mapping[str, Sequence[str]] | None = None,
) -> TraceResult:
    """Trace all packages of one build; the first one is the main package.

    As in abuild the main package's variables decide about libraries for all of them: somask, sonameprefix,
    ldpath (and pcprefix for needs, depends_dev). ``providers_for`` gives, for a triplet, where to look for
    what the build does not provide itself. Where there is no database of installed packages, a needed
    library stays as a ``so:`` dependency and one warning for the build names all of them. ``located`` holds, by package,
    the paths of files that the recipe found for its :func:`missing_libraries`, which then are not looked for.
    """
    if not packages:
        return TraceResult({})
    resolver = _resolver(packages, providers_for, located or {})
    traced = {work.name: resolver.resolve(work) for work in resolver.works}
    return TraceResult(traced, resolver.warnings())


def missing_libraries(
    packages: Sequence[Traceable], providers_for: Callable[[str], Providers], name: str
) -> tuple[str, ...]:
    """Libraries that the package ``name`` needs and no package is known to provide; none without a database."""
    resolver = _resolver(packages, providers_for, {})
    return tuple(soname for work in resolver.works if work.name == name for soname in resolver.missing(work))


def linked_packages(packages: Sequence[Traceable], name: str) -> tuple[str, ...]:
    """Dependencies on packages of this build that own what dangling links of the package ``name`` point to, sorted."""
    resolver = _resolver(packages, lambda _: Providers(NoLookup(), NoLookup()), {})
    return tuple(sorted({need for w in resolver.works if w.name == name for need in resolver.link_owners(w)}))


def _resolver(
    packages: Sequence[Traceable],
    providers_for: Callable[[str], Providers],
    located: Mapping[str, Sequence[str]],
) -> _Resolver:
    """All packages scanned."""
    variables = packages[0].metadata.variables
    works = [Scan(package, variables) for package in packages]
    for work in works:
        work.scan_rpaths()
    rpaths = sorted({path for work in works for path in work.rpaths or ()})
    for work in works:
        work.scan(rpaths)
    return _Resolver(works, variables, providers_for, located)


class _Resolver:
    """Turns what packages need into dependencies."""

    def __init__(
        self,
        works: Sequence[Scan],
        variables: Mapping[str, str],
        providers_for: Callable[[str], Providers],
        located: Mapping[str, Sequence[str]],
    ) -> None:
        self.works = works
        self._providers_for = providers_for
        self._located = located
        self._so_prefix = variables.get("sonameprefix", "")
        self._pc_prefix = variables.get("pcprefix", "")
        self._depends_dev = frozenset(variables.get("depends_dev", "").split())
        self._own_so = {provided_name(line) for work in works for line in work.provides_so}
        self._own_pc = {provided_name(line) for work in works for line in work.provides_pc}
        self._unknown_so: dict[str, dict[str, None]] = {}
        self._unknown_pc: dict[str, dict[str, None]] = {}
        self._unasked_roots: dict[str, None] = {}

    def resolve(self, work: Scan) -> Traced:
        providers = self._providers_for(work.package.triplet)
        declared = work.metadata.depends
        automatic: set[str] = set()
        if any(work.index.is_directory(folder) for folder in DIRECTORIES) and not any(
            word.startswith("pkgconfig") for word in declared
        ):
            automatic.add("pkgconfig")
        self._libraries(work, providers, automatic)
        self._modules(work, providers, automatic)
        links = work.package.overrides.get(".needs-symlinks")
        if links is None:
            links = tuple(self.link_owners(work))
        first = sorted({*links, *work.needs_python3})
        more = {
            line
            for key, lines in work.package.overrides.items()
            if key.startswith(".provides-") and key not in _PROVIDES
            for line in lines
        }
        provides = {*work.provides_so, *work.provides_pc, *work.provides_command, *work.provides_py, *more}
        return Traced(
            provides=tuple(sorted(provides)),
            depends=(*first, *sorted(automatic)),
            warnings=tuple(work.warnings),
            errors=tuple(work.errors),
        )

    def warnings(self) -> tuple[str, ...]:
        """What is to be said once for the whole build."""
        lines = []
        roots = [root for root in self._unasked_roots if root != "/"]
        no_database = "no database of installed packages" + (f" in {', '.join(roots)}" if roots else "")
        if self._unknown_so:
            lines.append(
                f"{no_database}, so nobody knows who provides these libraries;"
                f" the dependencies stay as they are: {_listing('so:', self._unknown_so)}"
            )
        if self._unknown_pc:
            lines.append(
                f"{no_database}, so nobody knows who provides these pkg-config modules;"
                f" no dependencies are added for them: {_listing('pc:', self._unknown_pc)}"
            )
        return tuple(lines)

    def missing(self, work: Scan) -> Iterator[str]:
        """Needed libraries for which a file has to be found on this machine."""
        providers = self._providers_for(work.package.triplet)
        for soname in work.needs_so if work.rpaths is not None and providers.known else ():
            if f"so:{self._so_prefix}{soname}" not in self._own_so and providers.of(f"so:{soname}") is None:
                yield soname

    def _libraries(self, work: Scan, providers: Providers, automatic: set[str]) -> None:
        located = self._located.get(work.name)
        for soname in work.needs_so:
            own = f"so:{self._so_prefix}{soname}"
            dependency = f"so:{soname}"
            if own in self._own_so:
                automatic.add(own)
            elif providers.of(dependency) is not None:
                automatic.add(dependency)
            elif not providers.known:
                automatic.add(dependency)
                self._unknown_so.setdefault(dependency, {})[work.name] = None
                self._unasked_roots[providers.root] = None
            elif work.rpaths is not None and located is None:
                path, owner = providers.owner_of_library(soname, ("/usr/lib", "/lib", *work.rpaths))
                if path is None:
                    work.errors.append(f"{soname}: path not found, and no package provides so:{soname}")
                else:
                    self._depend_on_owner(work, soname, path, owner, automatic)
        for path in located or ():
            self._depend_on_owner(work, path, path, providers.installed.owner_of(path), automatic)

    def _depend_on_owner(self, work: Scan, what: str, path: str, owner: str | None, automatic: set[str]) -> None:
        """Depend on the package that owns the file of a library which no package names as provided."""
        if owner is None:
            work.errors.append(f"{what}: no package provides it or owns {path}")
        elif owner in work.metadata.depends:
            work.warnings.append(f"You can remove '{owner}' from depends: {what} leads to it")
        elif owner != work.name:
            automatic.add(owner)

    def _modules(self, work: Scan, providers: Providers, automatic: set[str]) -> None:
        for need in work.needs_pc:
            name = need.split("<")[0].split(">")[0].split("=")[0].split("~")[0]
            if f"pc:{self._pc_prefix}{name}" in self._own_pc:
                automatic.add(f"pc:{self._pc_prefix}{need}")
                continue
            provider = providers.of(f"pc:{need}")
            if provider is not None:
                automatic.add(f"pc:{need}")
                if provider in self._depends_dev:
                    work.warnings.append(f"{provider} can be removed from depends_dev: pc:{need} leads to it")
            elif providers.known:
                work.warnings.append(f"no package provides pc:{need}")
            else:
                self._unknown_pc.setdefault(f"pc:{need}", {})[work.name] = None
                self._unasked_roots[providers.root] = None

    def link_owners(self, work: Scan) -> Iterable[str]:
        """The packages of this build that own what dangling links point to; with several candidates, none."""
        for target in work.links:
            owners = [other for other in self.works if target and other.index.present(target)]
            if len(owners) == 1 and owners[0] is not work:
                yield f"{owners[0].name}={owners[0].metadata.version}"


def _listing(prefix: str, unknown: Mapping[str, Mapping[str, None]]) -> str:
    names = {package for packages in unknown.values() for package in packages}
    libraries = ", ".join(sorted(dependency.removeprefix(prefix) for dependency in unknown))
    return f"{libraries} (needed by {', '.join(sorted(names))})"
