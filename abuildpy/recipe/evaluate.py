# SPDX-License-Identifier: GPL-3.0-or-later
"""APKBUILD in, :class:`Recipe` out: BusyBox ash sources the recipe and tells what it made of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR, Config
from abuildpy.errors import RecipeError
from abuildpy.recipe.cache import evaluation_key, is_complete, load, store
from abuildpy.recipe.constant import depends_on
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.model import Recipe, Source, Subpackage
from abuildpy.recipe.subpackages import parse_subpackage
from abuildpy.shell import find_ash, parse_functions, parse_variables, words
from abuildpy.source.uri import file_name, is_remote, remote_uri

_SCRIPT = f"{PACKAGE_DIR}/recipe/evaluate.sh"

HOOKS = (
    "fetch verify unpack prepare build check package validate cleanup_srcdir snapshot sourcecheck srcpkg "
    "stripbin postcheck archcheck prepare_metafiles prepare_trace_rpaths prepare_symlinks prepare_pkgconfig_provides "
    "prepare_command_provides prepare_py_provides scan_shared_objects scan_symlink_targets scan_pkgconfig_depends "
    "scan_python3_dependency trace_apk_deps create_apks real_so_path prepare_package prepare_subpackages rootpkg "
    "prepare_language_packs pre_split find_scanelf_paths"
).split()
"""Functions of abuild that a recipe may bring its own version of."""

_HOOK_NAMES = tuple(name.encode() for name in HOOKS)
_DEFINITION = re.compile(rb"^[ \t]*([^\s\"'`$#(){};|&<>=-][^\s\"'`$#(){};|&<>=]*)[ \t]*\([ \t]*\)", re.MULTILINE)
# The last one may be cut off anywhere: what a recipe left running is ended while it writes.
_TRACE_ENTRY = re.compile(
    rb"^\++ABUILDPY:[0-9]+: (?:'[^']*'|\"[^\"]*\"|[^'\"\n])*(?:\n|['\"][^'\"]*\Z|\Z)", re.MULTILINE
)
_TRACE = re.compile(rb"^\++ABUILDPY:(\d+): (.*)$", re.MULTILINE)
_LINE = re.compile(rb"(?:^|: )(?:line (\d+)|(\d+)): (.*)$", re.DOTALL)
_SHELL_PREFIX = re.compile(rb"^[^\n]*evaluate\.sh: (?=line \d+: |\d+: )(?:line \d+: (?!syntax error))?", re.MULTILINE)
_NEEDED = frozenset(b"printf type set".split())
_PART = 1 << 16
_LONG = 80
_MAINTAINER = re.compile(rb"^.*# *Maintainer.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ShellResult:
    """How a shell ended: its exit status (negative: a signal), what it sent, what it complained."""

    status: int
    data: bytes
    complaint: bytes
    stopped: str = ""
    """What was too much, if the shell was stopped from outside: ``30 seconds``."""


class Runner(Protocol):
    """Runs a shell behind whatever walls there are, with descriptor 8 as the way back, for a limited time."""

    def __call__(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> ShellResult:
        """``folder`` is the recipe's; the shell may read it and nothing of it may be written."""


def find_apkbuild(path: str | Path) -> Path:
    """The APKBUILD that ``path`` (a recipe or its folder) means, absolute. Raises RecipeError if there is none."""
    candidate = os.path.join(path, "APKBUILD") if os.path.isdir(path) else path
    if not os.path.isfile(candidate):
        raise RecipeError(
            f"Could not find {candidate} (PWD={os.getcwd()})",
            hint="run this in the folder of an aport, or name one with -C",
        )
    return Path(candidate).resolve()


def _to_stderr(lines: list[bytes]) -> None:
    os.write(2, b"\n".join(lines) + b"\n")


def evaluate(apkbuild: Path, config: Config, run: Runner, say: Callable[[list[bytes]], None] = _to_stderr) -> Recipe:
    """Evaluates one recipe (absolute path of its APKBUILD); ``say`` gets the lines that it wrote to standard error, if any.

    Raises RecipeError, with the line where it can be known, when the recipe has a syntax error, ends the shell, does not
    end at all, or asks for an architecture that cannot be.
    """
    try:
        text = apkbuild.read_bytes()
    except OSError as error:
        raise RecipeError(f"{apkbuild} cannot be read: {error.strerror}") from error
    known = evaluation_key(str(apkbuild), text, config)
    data = load(str(apkbuild), known, config)
    if data is None:
        candidates = map(os.fsdecode, candidate_names(text))
        argv = (*find_ash(config.environ.get("PATH")), "-e", _SCRIPT, RUNTIME_DIR, *candidates)
        env = recipe_environment(config, str(apkbuild), colors=False)
        result = run(argv, env, apkbuild.parent)
        data = result.data
        if result.status != 0 or not is_complete(data):
            raise _explain(apkbuild, text, result)
        variables, functions = _read(data)
        said = said_lines(result.complaint)
        if said:
            say(said)
        else:
            depends = depends_on(str(apkbuild), text, result.complaint, functions, variables, {})
            if depends is not None and not depends[0]:  # the key holds all variables, but no files
                store(str(apkbuild), known, data, config)
    else:
        variables, functions = _read(data)
    return build_recipe(apkbuild, text, variables, functions)


def _read(data: bytes) -> tuple[dict[str, str], frozenset[str]]:
    variables, functions, _, _ = data.split(b"\0")
    return parse_variables(variables), parse_functions(functions)


def candidate_names(text: bytes) -> tuple[bytes, ...]:
    """Names that may be functions after a recipe with that text was read."""
    return (*_HOOK_NAMES, *sorted({match[1] for match in _DEFINITION.finditer(text)}))


def said_lines(complaint: bytes) -> list[bytes]:
    """Lines that the recipe itself (or ash about it) wrote to standard error, without the trace."""
    return [line for line in _TRACE_ENTRY.sub(b"", complaint).split(b"\n") if line]


def trace_lines(complaint: bytes) -> bytes:
    """The trace alone, without what the recipe itself wrote to standard error."""
    return b"".join(_TRACE_ENTRY.findall(complaint))


def build_recipe(apkbuild: Path, text: bytes, variables: Mapping[str, str], functions: frozenset[str]) -> Recipe:
    """The recipe out of what its shell told (an :class:`Answer`); ``text`` is read for the maintainer only."""

    def listed(name: str) -> tuple[str, ...]:
        return words(variables, name)

    value = variables.get
    algorithm = value("sumalgo", "sha512")
    sums = listed(f"{algorithm}sums")
    return Recipe(
        path=apkbuild,
        startdir=apkbuild.parent,
        repo=value("repo", ""),
        pkgname=value("pkgname", ""),
        pkgver=value("pkgver", ""),
        pkgrel=value("pkgrel", ""),
        pkgdesc=value("pkgdesc", ""),
        url=value("url", ""),
        license=value("license", ""),
        maintainer=value("maintainer", "") or maintainer_comment(text),
        pkgarch=value("pkgarch", ""),
        builddir=value("builddir", ""),
        arch=listed("arch"),
        depends=listed("depends"),
        makedepends=listed("makedepends"),
        makedepends_build=listed("makedepends_build"),
        makedepends_host=listed("makedepends_host"),
        checkdepends=listed("checkdepends"),
        provides=listed("provides"),
        replaces=listed("replaces"),
        install_if=listed("install_if"),
        install=listed("install"),
        triggers=listed("triggers"),
        options=listed("options"),
        pkgusers=listed("pkgusers"),
        pkggroups=listed("pkggroups"),
        subpackages=tuple(Subpackage(*parse_subpackage(word, variables)) for word in listed("subpackages")),
        source=tuple(Source(w, file_name(w), remote_uri(w), is_remote(w)) for w in listed("source")),
        checksums=tuple(zip(sums[::2], sums[1::2], strict=False)),
        sum_algorithm=algorithm,
        functions=functions,
        variables=variables,
    )


def maintainer_comment(text: bytes) -> str:
    """The maintainer named in a comment, as abuild reads it: the text between the first ``: `` and the next one."""
    match = _MAINTAINER.search(text)
    parts = match[0].split(b": ") if match else []
    return parts[1].decode("utf-8", "surrogateescape") if len(parts) > 1 else ""


def _explain(apkbuild: Path, text: bytes, result: ShellResult) -> RecipeError:
    """Says why a recipe could not be evaluated, and where: ash tells the line of a syntax error, the trace any other."""
    complaint = result.complaint
    if result.status < 0 and len(complaint) > 2 * _PART:  # it may be floods
        complaint = b"%s\n%s" % (complaint[:_PART], complaint[-_PART:])
    steps = list(_TRACE.finditer(complaint))
    del steps[:1]  # the reading of the recipe itself
    where = f"{apkbuild}:{steps[-1][1].decode()}" if steps else str(apkbuild)
    command = _text(steps[-1][2]) if steps else "a command"
    if result.stopped:
        return RecipeError(
            f"{where}: the recipe had not come to an end after {result.stopped} (at `{_short(command)}`)",
            hint="does it loop, or wait for something?",
        )
    if result.status < 0:
        return RecipeError(
            f"{where}: signal {-result.status} ended the shell that read the recipe (at `{_short(command)}`)",
            hint="does a function call itself without end?",
        )
    complaint = complaint.replace(os.fsencode(apkbuild) + b": ", b"")
    said = said_lines(complaint)
    line = _LINE.search(said[-1]) if said else None
    if line and b"syntax error" in said[-1]:
        number = (line[1] or line[2]).decode()
        return RecipeError(
            f"{apkbuild}:{number}: {_text(line[3])}", hint="mend the recipe; `busybox ash -n APKBUILD` checks it"
        )
    if command.split()[:1] == ["exit"]:
        return RecipeError(
            f"{where}: the recipe ends the shell with `{command}`", hint="a recipe must not call exit at top level"
        )
    if result.status == 0:  # all of it was read, and then nothing was told
        taken = next((m for m in _DEFINITION.finditer(text) if m[1] in _NEEDED or m[1].startswith(b"_ab_")), None)
        if taken:
            line_number = 1 + text.count(b"\n", 0, taken.start(1))
            where = f"{apkbuild}:{line_number}"
        return RecipeError(
            f"{where}: the recipe was read, but its shell could not tell what it holds",
            hint=f"give the function {_text(taken[1])} another name" if taken else "does the recipe end the shell?",
        )
    return RecipeError(
        f"{where}: `{_short(command)}` failed with status {result.status} while the recipe was read",
        hint=_text(_SHELL_PREFIX.sub(b"", said[-1]))
        if said
        else "abuild reads recipes with `ash -e`: a command that fails at top level ends them",
    )


def _short(command: str) -> str:
    return command if len(command) <= _LONG else f"{command[:_LONG]}…"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()
