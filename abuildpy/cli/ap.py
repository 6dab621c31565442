# SPDX-License-Identifier: GPL-3.0-or-later
"""``ap``: answers questions about the aports of a tree."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program

if TYPE_CHECKING:
    from abuildpy.aports.database import Database
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_PROGRAM = "ap"

_USAGE = """\
usage: ap -d <DIR> SUBCOMMAND [options]

Subcommands are:
  apk-list
  build-list
  builddirs PKG...
  circular-aports [PKG...]
  dump-json
  list
  recursive-deps PKG...
  recursive-revdeps PKG...
  revdep PKG...
  sources PKG...
  toplevel-aports

Options:
  -d, --dir DIR  The folder of a repository, e.g. ~/aports/main; may be given
                 several times (default: the current folder)
  --json         Answer with a JSON array
  -h, --help     Show this help
"""


@dataclass(frozen=True, slots=True)
class _Options:
    folders: tuple[str, ...] = ()
    as_json: bool = False


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (Option("d", "dir", {"folders": VALUE}, several=True), Option("", "json", {"as_json": True}), HELP),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) > 0,
    wrong_words=0,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_act)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: about what, for which names."""

    database: Database
    names: Sequence[str]
    config: Config


def _act(options: _Options, words: Sequence[str], config: Config, console: Console) -> int:
    import gc

    from abuildpy.aports.database import read_database
    from abuildpy.aports.tree import repository_around
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.settings import Settings

    answer = _ANSWERS.get(words[0])
    if answer is None:
        console.lines("stderr", (f"{words[0]}: invalid subcommand",))
        return 0  # as lua-aports has it
    repositories = options.folders or (repository_around(os.getcwd()),)
    gc.disable()  # all that is made of ten thousand recipes is kept to the end
    evaluations = Evaluations(config, Settings(quiet=True), console)
    database = read_database(repositories, evaluations.answers)
    text = answer(_Question(database, words[1:], config), options.as_json)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return _tell(database, console)


def _tell(database: Database, console: Console) -> int:
    """Tells of the recipes that could not be evaluated; the exit status."""
    status = 0
    for trouble in database.troubles:
        console.lines("stderr", tuple(f"{trouble.folder}: {line}" for line in trouble.said))
        if trouble.error:
            status = 1
            console.error(trouble.error.message)
            if trouble.error.hint:
                console.error2(trouble.error.hint)
    return status


def _warn(name: str) -> None:
    sys.stderr.write(f"WARNING: {name}: not provided by any known APKBUILD\n")


# --- the answers --------------------------------------------------------------------------------------------------------

_Lines = Callable[[_Question], Iterable[str]]


def _lines(ask: _Lines) -> Callable[[_Question, bool], str]:
    """An answer that is a list of texts."""

    def answer(question: _Question, as_json: bool) -> str:
        lines = list(ask(question))
        return _json(lines) if as_json else "".join(f"{line}\n" for line in lines)

    return answer


def _apk_list(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import apk_files

    return apk_files(question.database, question.config.carch)


def _build_list(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import Builds, lacking

    get = question.config.get
    return lacking(question.database, Builds(question.config.carch, get("PKGDEST"), get("REPODEST")), _warn)


def _builddirs(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import folders_in_order

    return folders_in_order(question.database, question.names, _warn)


def _list(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import all_packages

    return all_packages(question.database)


def _recursive_deps(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import all_dependencies

    return all_dependencies(question.database, question.names)


def _recursive_revdeps(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import all_dependents

    return all_dependents(question.database, question.names)


def _revdep(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import direct_dependents

    return direct_dependents(question.database, question.names)


def _toplevel(question: _Question) -> Iterable[str]:
    from abuildpy.aports.queries import unwanted

    return unwanted(question.database)


def _circular(question: _Question, as_json: bool) -> str:
    from abuildpy.aports.queries import dependency_circles

    circles = list(dependency_circles(question.database, question.names, _warn))
    if as_json:
        return _json([{"path": list(circle.path), "folders": list(circle.folders)} for circle in circles])
    return "".join(f"cycle: {' -> '.join(circle.path)}\n" for circle in circles)


def _sources(question: _Question, as_json: bool) -> str:
    from abuildpy.aports.queries import remote_sources

    uses = list(remote_sources(question.database, question.names, _warn))
    if as_json:
        return _json([{"pkgname": use.pkgname, "pkgver": use.pkgver, "source": use.source} for use in uses])
    return "".join(f"{use.pkgname}\t{use.pkgver}\t{use.general}\t{use.replaced}\n" for use in uses)


def _dump(question: _Question, _as_json: bool) -> str:
    """One object with the recipes by name, spelled as lua-cjson spells it (slashes escaped, no blanks), its keys sorted."""
    import json

    from abuildpy.aports.queries import described

    text = json.dumps(described(question.database), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("/", "\\/").replace("\x7f", "\\u007f") + "\n"


def _json(value: Sequence[object]) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


_ANSWERS: Mapping[str, Callable[[_Question, bool], str]] = {
    "apk-list": _lines(_apk_list),
    "build-list": _lines(_build_list),
    "builddirs": _lines(_builddirs),
    "circular-aports": _circular,
    "dump-json": _dump,
    "list": _lines(_list),
    "recursdeps": _lines(_recursive_deps),  # the name that recursive-deps had up to lua-aports 1.0
    "recursive-deps": _lines(_recursive_deps),
    "recursive-revdeps": _lines(_recursive_revdeps),
    "revdep": _lines(_revdep),
    "sources": _sources,
    "toplevel-aports": _lines(_toplevel),
}
"""How each subcommand is answered, as text or as JSON."""


if __name__ == "__main__":
    sys.exit(main())
