# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what one package provides and needs by looking at its files: libraries, pkg-config modules,
commands, Python modules, links that lead out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from abuildpy.package.elf import ElfInfo
from abuildpy.package.model import Metadata, Tree
from abuildpy.package.pkgconfig import PcFile, Relation, apk_version
from abuildpy.package.providers import usable_name
from abuildpy.package.tree import TreeIndex, show
from abuildpy.repository.version import compare, is_valid

_COMMAND_FOLDERS = (b"bin", b"sbin", b"usr/bin", b"usr/sbin")
_VERSIONED = re.compile(r"\.so\.[0-9]")

# Machine part of a triplet → the name in musl's loader, /lib/ld-musl-NAME.so.1; others are not compared.
_MUSL_LOADERS = {
    "x86_64": "x86_64",
    "aarch64": "aarch64",
    "armv6": "armhf",
    "armv7": "armhf",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "loongarch64": "loongarch64",
    "powerpc64le": "powerpc64le",
    "ppc64le": "powerpc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


@dataclass(frozen=True, slots=True)
class Traceable:
    """One package of a build with everything that tracing looks at.

    ``triplet`` is the one it is made for. ``overrides`` holds ready lines for steps that the recipe does
    itself, keyed by abuild's file names: ``.rpaths``, ``.symlinks`` ("./link target"), ``.provides-so``
    ("so:NAME=VERSION"), ``.needs-so`` (bare sonames), ``.provides-pc``, ``.needs-pc`` (without ``pc:``),
    ``.provides-command``, ``.provides-py``, ``.needs-python3``, ``.needs-symlinks`` (whole dependencies). A
    key that is there, even with no lines, replaces our own finding; other ``.provides-`` keys are provided besides.
    """

    metadata: Metadata
    tree: Tree
    elf: Mapping[bytes, ElfInfo]
    pc: Mapping[bytes, PcFile]
    triplet: str
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def foreign_interpreter(interpreter: str, triplet: str) -> bool:
    """Whether a program with that ELF interpreter cannot run on a system of that triplet (glibc's under a
    musl triplet).
    """
    name = interpreter.rpartition("/")[2]
    libc = triplet.rpartition("-")[2]
    if libc.startswith("musl"):
        machine = _MUSL_LOADERS.get(triplet.partition("-")[0])
        if machine is None:
            return not name.startswith("ld-musl-")
        return name != f"ld-musl-{machine}.so.1"
    if libc.startswith("gnu"):
        return name.startswith(("ld-musl-", "ld-uClibc", "ld64-uClibc"))
    return False


def normalize(target: bytes, link: bytes) -> bytes:
    """Where the symbolic link at the tree path ``link`` points, worked out on the text alone, as a tree
    path.
    """
    path = target if target.startswith(b"/") else link.rpartition(b"/")[0] + b"/" + target
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def provided_name(line: str) -> str:
    """The provided name of a line such as ``so:libfoo.so.1=1.0``."""
    return line.partition("=")[0]


class Scan:
    """What one package provides and needs, in the lines of abuild's files (see :class:`Traceable`)."""

    def __init__(self, package: Traceable, main: Mapping[str, str]) -> None:
        self.package = package
        self.metadata = package.metadata
        self.name = package.metadata.name
        self.index = TreeIndex(package.tree)
        # What a package provides is noted beside its split function, by the options that this may have set; libraries and
        # needs are looked for when all splits have run, by the main package's.
        self.wanted = not package.metadata.has_option("!tracedeps")
        self.wants_needs = not package.metadata.has_main_option("!tracedeps")
        # Libraries are traced for packages of an architecture only.
        self.wants_so = self.wants_needs and package.metadata.arch != "noarch"
        self.somask = frozenset(main.get("somask", "").split())
        self.so_prefix = main.get("sonameprefix", "")
        self.ldpath = main.get("ldpath", "")
        self.pc_prefix = package.metadata.variables.get("pcprefix", main.get("pcprefix", ""))

        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.rpaths: tuple[str, ...] | None = None
        self.links: list[bytes] = []
        """Targets, as tree paths, of links that lead nowhere in this package."""
        self.provides_so: tuple[str, ...] = ()
        self.needs_so: tuple[str, ...] = ()
        self.provides_pc: tuple[str, ...] = ()
        self.needs_pc: tuple[str, ...] = ()
        self.provides_command: tuple[str, ...] = ()
        self.provides_py: tuple[str, ...] = ()
        self.needs_python3: tuple[str, ...] = ()

    def scan_rpaths(self) -> None:
        """Fill ``rpaths``; a step of its own because providing looks into the rpaths of all packages."""
        lines = self.package.overrides.get(".rpaths")
        if lines is not None:  # the recipe's, which it may have looked through by itself
            self.rpaths = tuple(sorted(set(lines)))
            return
        if not self.wanted or self.metadata.arch == "noarch":
            return
        self.rpaths = tuple(sorted(set(self._rpaths())))
        if "/usr/lib" in self.rpaths:
            self.warnings.append("redundant /usr/lib in rpath")
        home = [path for path in self.rpaths if path.startswith("/home/")]
        if home:
            self.errors.append(f"Has /home/... in rpath: {' '.join(home)}")

    def scan(self, rpaths: Iterable[str]) -> None:
        """Fill everything else; ``rpaths`` are those of all packages."""
        self.links = self._links()
        self.provides_pc = self.find(".provides-pc")
        self.provides_command = self.find(".provides-command")
        self.provides_py = self.find(".provides-py")
        self.provides_so = self.find(".provides-so", self.library_folders(rpaths))
        self.needs_so = self.find(".needs-so")
        self.needs_pc = self.find(".needs-pc")
        self.needs_python3 = self.find(".needs-python3")
        self._check_interpreters()

    def find(self, key: str, folders: Iterable[str] = ()) -> tuple[str, ...]:
        """The lines of one of abuild's files, sorted: those in ``overrides``, else what the package's files say.

        ``folders`` is where ``.provides-so`` looks. ``.needs-so`` and ``.needs-pc`` want ``provides_so`` and ``provides_pc``
        filled before, as what a package provides itself it does not need.
        """
        finders: Mapping[str, tuple[bool, Callable[[], Iterable[str]]]] = {
            ".provides-pc": (self.wanted, self._provides_pc),
            ".provides-command": (self.wanted, self._provides_command),
            ".provides-py": (self.wanted, self._provides_py),
            ".provides-so": (self.wants_so, lambda: self._provides_so(folders)),
            ".needs-so": (self.wants_so, self._needs_so),
            ".needs-pc": (self.wants_needs, self._needs_pc),
            ".needs-python3": (self.wants_needs, self._needs_python3),
        }
        lines = self.package.overrides.get(key)
        if lines is None:
            wanted, finder = finders[key]
            lines = tuple(finder()) if wanted else ()
        return tuple(sorted({line for line in lines if line}))

    def dangling(self) -> Iterable[tuple[bytes, bytes]]:
        """(path, target) of each symbolic link that leads nowhere in this package."""
        for entry in self.package.tree.entries:
            if entry.kind == "l" and not self.index.exists(normalize(entry.target, entry.path)):
                yield entry.path, entry.target

    # --- libraries

    def _rpaths(self) -> tuple[str, ...]:
        found = set()
        for path, info in self.package.elf.items():
            if not info.rpaths:
                continue
            # $ORIGIN is replaced in the text alone: "/usr/bin/../lib" stays so.
            origin = "/" + _text(path.rpartition(b"/")[0]) if b"/" in path else ""
            for part in " ".join(info.rpaths).replace(":", " ").split():
                found.add(part.replace("$ORIGIN", origin).replace("${ORIGIN}", origin))
        return tuple(found - {""})

    def library_folders(self, rpaths: Iterable[str]) -> tuple[str, ...]:
        """Where the loader of a system with this package would look for libraries."""
        return ("lib", "usr/lib", *self.ldpath.split(":"), *rpaths)

    def _library_paths(self, folders: Iterable[str]) -> Iterable[bytes]:
        """ELF files in these folders of the package (or that these are), in that order, each once."""
        real = dict.fromkeys(self.index.real(folder.encode("utf-8", "surrogateescape")) for folder in folders if folder)
        recursive = self.metadata.has_main_option("ldpath-recursive")
        by_folder: dict[bytes, list[bytes]] = {}
        for path in sorted(self.package.elf):
            by_folder.setdefault(path.rpartition(b"/")[0], []).append(path)
        paths: dict[bytes, None] = {}
        for folder in real:
            if folder is None:
                continue
            if folder in self.package.elf:
                paths[folder] = None
            for holder, members in by_folder.items():
                if holder == folder or (recursive and (not folder or holder.startswith(folder + b"/"))):
                    paths.update(dict.fromkeys(members))
        return paths

    def _provides_so(self, folders: Iterable[str]) -> Iterable[str]:
        versions: dict[str, tuple[bytes, str]] = {}
        for path in self._library_paths(folders):
            folder, _, name = path.rpartition(b"/")
            file = _text(name)
            soname = self.package.elf[path].soname
            if not soname:
                if path.startswith(b"usr/lib/debug/") and path.endswith(b".debug"):
                    continue
                soname = file
            if not _is_library_name(soname) or soname in self.somask:
                continue
            version = "0"
            if _is_versioned(file):
                version = file.rpartition(".so.")[2]
            elif file.endswith(".so") and _is_versioned(soname) and self.metadata.has_main_option("sover-namecheck"):
                continue
            if not is_valid(version):
                self.errors.append(f"/{show(path)}: library version {show(version.encode())} is invalid")
                continue
            if not self._usable(soname, path, "library"):
                continue
            holder, known = versions.get(soname, (folder, "0"))
            # Two files of one folder: abuild takes the one that the folder happens to list first, we the one that says more.
            if known == "0" or (holder == folder and compare(version, known) > 0):
                versions[soname] = (folder, version)
        return [f"so:{self.so_prefix}{soname}={version}" for soname, (_, version) in versions.items()]

    def _needs_so(self) -> Iterable[str]:
        own = {provided_name(line) for line in self.provides_so}
        needs = set()
        for path, info in self.package.elf.items():
            if not info.is_loadable:
                continue
            for soname in info.needed:
                if soname in needs or soname in self.somask or f"so:{self.so_prefix}{soname}" in own:
                    continue
                if self._usable(soname, path, "needed library"):
                    needs.add(soname)
        return needs

    def _check_interpreters(self) -> None:
        """Name programs of another C library whatever the options say: no dependency can make them run."""
        if self.metadata.arch == "noarch":
            return
        programs: dict[str, list[str]] = {}
        for path, info in sorted(self.package.elf.items()):
            if info.interpreter and foreign_interpreter(info.interpreter, self.package.triplet):
                programs.setdefault(info.interpreter, []).append("/" + show(path))
        for interpreter, paths in programs.items():
            loader = show(interpreter.encode("utf-8", "surrogateescape"))
            self.warnings.append(
                f"the ELF interpreter {loader} is not one of {self.package.triplet},"
                f" so these will not run there: {', '.join(paths)}"
            )

    # --- pkg-config

    def _provides_pc(self) -> Iterable[str]:
        found: dict[str, str] = {}
        for path, pc in self.package.pc.items():
            if pc.missing:  # abuild asks pkg-config, which fails
                self.errors.append(f"/{show(path)}: pkg-config does not take it: it has no {', '.join(pc.missing)}")
                continue
            for name, version in ((pc.name, pc.version), *((p.name, p.version) for p in pc.provides)):
                converted = self._pc_version(version, path)
                if converted is not None and self._usable(name, path, "pkg-config module"):
                    found[f"pc:{self.pc_prefix}{name}={converted}"] = ""
        return found

    def _needs_pc(self) -> Iterable[str]:
        own = {provided_name(line) for line in self.provides_pc}
        needs = set()
        for path, pc in self.package.pc.items():
            for relation in (*pc.requires, *pc.requires_private):
                if f"pc:{self.pc_prefix}{relation.name}" in own or not self._usable(
                    relation.name, path, "pkg-config requirement"
                ):
                    continue
                converted = self._pc_need(relation, path)
                if converted is not None:
                    needs.add(converted)
        return needs

    def _pc_need(self, relation: Relation, path: bytes) -> str | None:
        if not relation.operator:
            return relation.name
        version = self._pc_version(relation.version, path)
        return None if version is None else f"{relation.name}{relation.operator}{version}"

    def _pc_version(self, version: str, path: bytes) -> str | None:
        converted = apk_version(version)
        if is_valid(converted):
            return converted
        text = show(converted.encode("utf-8", "surrogateescape"))
        message = f"/{show(path)}: pkg-config version {text} is invalid"
        if message not in self.errors:
            self.errors.append(message)
        return None

    # --- commands, Python

    def _provides_command(self) -> Iterable[str]:
        for folder in _COMMAND_FOLDERS:
            for entry in self.index.children(folder):
                name = _text(entry.path.rpartition(b"/")[2])
                # "@" would be taken for the mark of a tagged repository; abuild leaves such commands out silently.
                if "@" in name or not (entry.kind == "l" or (entry.kind == "f" and entry.mode & 0o111)):
                    continue
                if self._usable(name, entry.path, "command"):
                    yield f"cmd:{name}={self.metadata.version}"

    def _site_packages(self, prefix: bytes) -> Iterable[tuple[str, bytes]]:
        """(Python's version, path) of each site-packages folder below a folder that starts with ``prefix``."""
        for entry in self.index.children(b"usr/lib"):
            name = entry.path.rpartition(b"/")[2]
            folder = entry.path + b"/site-packages"
            if name.startswith(prefix) and self.index.is_directory(folder):
                yield _text(name.removeprefix(b"python")), folder

    def _provides_py(self) -> Iterable[str]:
        for version, folder in self._site_packages(b"python"):
            for entry in self.index.children(folder):
                module = _text(entry.path.rpartition(b"/")[2])
                if self.index.is_directory(entry.path):
                    # Without it the folder is hardly a module that can be imported.
                    if not self.index.is_file(entry.path + b"/__init__.py"):
                        continue
                elif self.index.is_file(entry.path) and module.endswith(".py"):
                    module = module.removesuffix(".py")
                else:
                    continue
                if self._usable(version + module, entry.path, "Python module"):
                    yield f"py{version}:{module}={self.metadata.version}"

    def _needs_python3(self) -> Iterable[str]:
        versions = [version for version, _ in self._site_packages(b"python3")]
        if len(versions) > 1:
            self.errors.append(
                f"package contains python3 modules for conflicting python3 versions ({', '.join(versions)})"
            )
            return
        for version in versions:
            if self.name not in ("python3", f"python{version}") and is_valid(version):
                yield f"python3~{version}"

    # --- links

    def _links(self) -> list[bytes]:
        lines = self.package.overrides.get(".symlinks")
        if lines is not None:
            pairs = [
                tuple(part.encode("utf-8", "surrogateescape") for part in line.split(maxsplit=1)) for line in lines
            ]
            return [normalize(pair[1], pair[0].removeprefix(b"./")) for pair in pairs if len(pair) == 2]
        if not self.wanted or not self.wants_needs:
            return []
        return [normalize(target, path) for path, target in self.dangling()]

    def _usable(self, name: str, path: bytes, what: str) -> bool:
        if usable_name(name):
            return True
        text = show(name.encode("utf-8", "surrogateescape"))
        message = f"/{show(path)}: {what} '{text}' is left out: apk does not accept such a name"
        if message not in self.warnings:
            self.warnings.append(message)
        return False


def _is_versioned(name: str) -> bool:
    """The shell pattern ``*.so.[0-9]*``."""
    return _VERSIONED.search(name) is not None


def _is_library_name(soname: str) -> bool:
    return not soname.endswith(".o") and (soname.endswith((".so", ".c32")) or _is_versioned(soname))
