# SPDX-License-Identifier: GPL-3.0-or-later
"""Packaging step by step, for recipes that do some of the steps themselves.

The session's shell then runs every step as a function, in abuild's order. Those of the recipe work on files in
``.control.NAME/``; for the others it asks here, and puts the answer there. What lies there in the end goes into the packages.
It is the recipe's word throughout, so it is read as data: nothing in it names a place to write to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from abuildpy.errors import AbuildError, PackageError, RecipeError
from abuildpy.package.archcheck import check_metadata
from abuildpy.package.elf import find_elf
from abuildpy.package.model import Metadata, Traced, Tree
from abuildpy.package.pkgconfig import find_pc
from abuildpy.package.pkginfo import pkginfo
from abuildpy.package.postcheck import libtool_archives
from abuildpy.package.scanning import Scan, Traceable
from abuildpy.package.size import package_size
from abuildpy.package.strip import plan_strip
from abuildpy.package.trace import linked_packages, missing_libraries, trace
from abuildpy.package.tree import scan
from abuildpy.phases.control import read_control
from abuildpy.phases.metadata import metadata_in_shell
from abuildpy.phases.providers import providers_for
from abuildpy.phases.stage import CallBack
from abuildpy.shell import parse_variables, words

if TYPE_CHECKING:
    from abuildpy.phases.trees import Job

_DETECTED = "# automatically detected:"
_WORDS = (".needs-so", ".needs-pc")
"""Files that abuild reads word by word; it reads the others line by line."""

_NOTHING: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        *(".symlinks", ".provides-so", ".provides-pc", ".provides-command", ".provides-py"),
        *(".needs-so", ".needs-pc", ".needs-symlinks", ".needs-python3"),
    ),
    (),
)
"""The files of a package that nothing was found for."""

_ALWAYS = (".rpaths", ".provides-so", ".needs-so", ".provides-py")
"""Files that abuild makes even for nothing."""

Answer = Mapping[str, bytes]
"""Contents by file name."""


class Steps:
    """Answers a packaging session's shell; everything else it asks goes on to ``others``."""

    def __init__(self, job: Job, others: CallBack) -> None:
        self._job, self._others = job, others
        self._folder = job.stages.plan_folder
        self._providers = providers_for(job.config, job.recipe, job.root)
        self.options: dict[str, tuple[str, ...]] = {}
        """The flags that count for a package's postcheck."""
        self._finished: dict[str, Traceable] = {}
        """Trees as they are when all packages have theirs; looked at once."""

    def __call__(self, verb: str, arguments: tuple[str, ...]) -> bool:
        """Does what was asked; False, with the reason on the console, if that failed."""
        if verb != "step":
            return self._others(verb, arguments)
        try:
            if len(arguments) != 3 or arguments[1] not in self._job.recipe.package_names:
                raise RecipeError("the recipe asked for a step of packaging that does not exist")
            step, name, listing = arguments
            variables = parse_variables(listing.encode("utf-8", "surrogateescape"))
            answer = self._answer(step, name, variables)
        except AbuildError as error:
            console = self._job.about(arguments[1] if len(arguments) > 1 else self._job.recipe.pkgname)
            console.error(error.message)
            for line in (*error.details, *((error.hint,) if error.hint else ())):
                console.error2(line)
            return False
        for old in self._folder.iterdir():
            old.unlink()
        for file, content in answer.items():
            (self._folder / file).write_bytes(content)
        return True

    def _answer(self, step: str, name: str, variables: Mapping[str, str]) -> Answer:
        metadata = metadata_in_shell(self._job.recipe, name, variables, words(variables, "_ab_flags_on"))
        steps: Mapping[str, Callable[[Metadata], Answer]] = {
            "stripbin": self._strip,
            "postcheck": self._postcheck,
            "prepare_metafiles": self._metafiles,
            "prepare_trace_rpaths": self._rpaths,
            "prepare_symlinks": self._symlinks,
            "prepare_pkgconfig_provides": lambda m: self._found(m, ".provides-pc"),
            "prepare_command_provides": lambda m: self._found(m, ".provides-command"),
            "prepare_py_provides": lambda m: self._found(m, ".provides-py"),
            "scan_python3_dependency": lambda m: self._found(m, ".needs-python3"),
            "scan_pkgconfig_depends": self._modules,
            "scan_shared_objects": self._libraries,
            "scan_symlink_targets": self._link_owners,
            "missing": self._missing,
            "trace_apk_deps": self._trace,
        }
        if step not in steps:
            raise RecipeError("the recipe asked for a step of packaging that does not exist")
        return steps[step](metadata)

    # --- what is done to a tree ------------------------------------------------------------------------------------

    def _strip(self, metadata: Metadata) -> Answer:
        job, tree = self._job, self._tree(metadata.name)
        triplet, build = job.triplet_of(metadata.name), job.config.get("CBUILD")
        plan = plan_strip(tree, metadata, find_elf(tree), triplet=triplet, cbuild=build)
        if not plan.files:
            return {}
        job.about(metadata.name).msg("Stripping binaries")
        return {f"strip.{plan.program}": self._paths(metadata.name, plan.files)}

    def _postcheck(self, metadata: Metadata) -> Answer:
        self.options[metadata.name] = metadata.options
        if metadata.has_option("libtool"):
            return {}
        return {"delete": self._paths(metadata.name, libtool_archives(self._tree(metadata.name)))}

    def _paths(self, name: str, paths: tuple[bytes, ...]) -> bytes:
        root = bytes(self._job.stages.inside(self._job.workspace.pkg / name))
        return b"".join(root + b"/" + path + b"\0" for path in paths)

    # --- what a package says about itself ----------------------------------------------------------------------------

    def _metafiles(self, metadata: Metadata) -> Answer:
        job = self._job
        problems = [line for finding in check_metadata(metadata) for line in finding.lines]
        if problems:
            raise PackageError(problems[0], details=tuple(problems[1:]))
        known = job.stages.provenance(job.recipe)
        text = pkginfo(
            metadata,
            Traced(),
            generator=job.stages.generator,
            fakeroot="",
            builddate=known.epoch,
            packager=job.config.packager,
            size=package_size(self._tree(metadata.name), scripts=bool(metadata.scripts)),
            commit=known.commit,
        ).removesuffix(f"{_DETECTED}\n".encode())
        listed = "\0".join((".PKGINFO", *metadata.scripts)).encode()
        return {".PKGINFO": text, ".metafiles": listed, **metadata.scripts}

    # --- what it provides and needs ------------------------------------------------------------------------------------

    def _found(self, metadata: Metadata, key: str) -> Answer:
        work = self._scan(metadata)
        return self._told(work, {key: work.find(key)})

    def _rpaths(self, metadata: Metadata) -> Answer:
        work = self._scan(metadata)
        work.scan_rpaths()
        return self._told(work, {".rpaths": work.rpaths or ()})

    def _symlinks(self, metadata: Metadata) -> Answer:
        lines = [b"./%s %s\n" % pair for pair in self._scan(metadata).dangling()]
        return {".symlinks": b"".join(lines)} if lines else {}

    def _modules(self, metadata: Metadata) -> Answer:
        work = self._scan(metadata)
        work.provides_pc = self._lines(metadata.name).get(".provides-pc", ())
        return self._told(work, {".needs-pc": work.find(".needs-pc")})

    def _libraries(self, metadata: Metadata) -> Answer:
        work = self._scan(metadata)
        root = str(self._job.stages.inside(self._job.workspace.pkg / metadata.name))
        folders = [path for path in metadata.variables.get("_ab_paths", "").split(":") if path]
        outside = [path for path in folders if path != root and not path.startswith(f"{root}/")]
        if outside:
            raise PackageError(
                f"find_scanelf_paths names {outside[0]}, which is not in the package", hint=f"all of it lies in {root}"
            )
        self._job.about(metadata.name).msg("Scanning shared objects")
        # An empty one would be none at all, so the package's own root is written as a dot.
        work.provides_so = work.find(".provides-so", [path[len(root) :] or "." for path in folders])
        return self._told(work, {".provides-so": work.provides_so, ".needs-so": work.find(".needs-so")})

    def _link_owners(self, metadata: Metadata) -> Answer:
        if ".symlinks" not in self._lines(metadata.name):
            return {}
        return {".needs-symlinks": _joined(linked_packages(self._traceables(metadata), metadata.name))}

    def _missing(self, metadata: Metadata) -> Answer:
        if ".rpaths" not in read_control(self._job.workspace.pkg, metadata.name):
            return {}
        found = missing_libraries(self._traceables(metadata), self._providers, metadata.name)
        return {"missing": _joined((" ".join(found),))}

    def _trace(self, metadata: Metadata) -> Answer:
        job, name = self._job, metadata.name
        said = metadata.variables.get("_ab_so_files", "")
        own = {"real_so_path", "find_so_files"} & job.recipe.functions
        result = trace(
            self._traceables(metadata),
            self._providers,
            located={name: tuple(dict.fromkeys(said.split()))} if own else None,
        )
        traced, console = result.packages[name], job.about(name)
        console.msg("Tracing dependencies...")
        console.lines("stderr", tuple(f"\t{line}" for line in traced.depends))
        for line in (*traced.warnings, *result.warnings):
            console.warning(line)
        for line in traced.errors:
            console.error(line)
        if traced.errors:
            raise PackageError("the dependencies could not be traced", hint="what is missing stands above")
        provides, depends = ([f"provides = {w}" for w in traced.provides], [f"depend = {w}" for w in traced.depends])
        return {".PKGINFO": _joined((_DETECTED, *provides, *depends))}

    # --- what there is ---------------------------------------------------------------------------------------------------

    def _tree(self, name: str) -> Tree:
        root = self._job.workspace.pkg / name
        return scan(root, {}, lambda _: "", lambda _: "", frozenset(), frozenset(), {})

    def _scan(self, metadata: Metadata) -> Scan:
        return Scan(self._traceable(metadata, {}), metadata.variables)

    def _traceable(self, metadata: Metadata, lines: Mapping[str, tuple[str, ...]]) -> Traceable:
        tree = self._tree(metadata.name)
        return Traceable(metadata, tree, find_elf(tree), find_pc(tree), self._job.triplet_of(metadata.name), lines)

    def _traceables(self, metadata: Metadata) -> list[Traceable]:
        """All packages of the build, with what their steps have found so far and nothing else.

        The shell that asks is the main package's, whose options and variables count for all of them.
        """
        packages = []
        for name in self._job.recipe.package_names:
            if name not in self._finished:
                self._finished[name] = self._traceable(replace(metadata, name=name), {})
            lines = self._lines(name)
            # Without its own .rpaths a package's libraries are not looked for as files.
            options = metadata.options if ".rpaths" in lines else (*metadata.options, "!tracedeps")
            said = replace(
                metadata,
                name=name,
                arch=self._job.recipe.arch_of(name),
                options=options,
                main_options=options,
                depends=self._declared(name),
            )
            packages.append(replace(self._finished[name], metadata=said, overrides={**_NOTHING, **lines}))
        return packages

    def _declared(self, name: str) -> tuple[str, ...]:
        """What a package depends on as far as its ``.PKGINFO`` says so yet."""
        text = read_control(self._job.workspace.pkg, name).get(".PKGINFO", b"").decode("utf-8", "surrogateescape")
        return tuple(line.removeprefix("depend = ") for line in text.split("\n") if line.startswith("depend = "))

    def _lines(self, name: str) -> dict[str, tuple[str, ...]]:
        """What the steps found, by the name of their file."""
        found = {}
        for file, content in read_control(self._job.workspace.pkg, name).items():
            text = content.decode("utf-8", "surrogateescape")
            if file in _WORDS:
                found[file] = tuple(text.split())
            elif file.startswith((".provides-", ".needs-", ".symlinks", ".rpaths")):
                found[file] = tuple(line for line in text.split("\n") if line)
        return found

    def _told(self, work: Scan, lines: Mapping[str, tuple[str, ...]]) -> Answer:
        console = self._job.about(work.name)
        for line in work.warnings:
            console.warning(line)
        if work.errors:
            raise PackageError(work.errors[0], details=tuple(work.errors[1:]))
        return {file: _joined(found) for file, found in lines.items() if found or file in _ALWAYS}


def _joined(lines: tuple[str, ...]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
