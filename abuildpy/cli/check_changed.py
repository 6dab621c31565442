# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy check-changed``: do the recipes of a merge request have the version or pkgrel that their changes call for?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.batch.bumps import Verdict
    from abuildpy.batch.changes import Changed
    from abuildpy.batch.targets import Tree
    from abuildpy.lint.model import Finding, Severity

FORMATS = ("text", "json", "github", "gitlab")

_USAGE = """\
usage: abuildpy check-changed [--since REV] [--format FORMAT | --paths]

Looks at every recipe of the tree around the current folder in which something
changed since a git revision, and tells, a line for each, where packages would
come out differently under a version that is taken already.

  --since REV      The branch that the changes are to be merged into, or any git
                   revision; what the work tree changed since the two went
                   separate ways counts (default: in CI what GitHub or GitLab
                   says, else origin/HEAD, origin/master or origin/main)
  --format FORMAT  text, json (all that changed, with the verdict), github
                   (annotations) or gitlab (Code Quality)
  --paths          Only print the APKBUILDs that changed, one a line, for other
                   programs: nothing is judged
  -h, --help       Show this help

Refused: a recipe that changed in what packages are made of while its version
stayed; a pkgver or pkgrel that goes down; a recipe that cannot be evaluated. A
pkgrel that is not 0 with a new pkgver is a warning. New recipes are fine, also
those moved here from another repository, unless their pkgver went down on the
way.

What packages are made of: the variables once the recipe is evaluated, its
functions, and the files that it names (source, install, triggers, or anywhere
in its text). Of no consequence: comments, blanks and line breaks, secfixes, the
maintainer; the order of dependencies; check() and functions that only it calls,
checkdepends, and !check in options; where a source comes from, as long as its
name and checksum stay; architectures that come or go; private variables (_name)
that no function uses; files that the recipe does not name.

Exit status: 0 nothing to refuse, 1 something was refused, 2 wrong command line,
no git tree, or no such revision
"""


class CheckUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class _Options:
    since: str = ""
    form: str = "text"
    paths: bool = False


PROGRAM = Program(
    "abuildpy check-changed",
    _Options,
    (
        Option("", "since", {"since": VALUE}),
        Option("", "format", {"form": VALUE}),
        Option("", "paths", {"paths": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: not words,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy check-changed`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, _words: list[str]) -> int:
    from abuildpy.batch.changes import changed_recipes
    from abuildpy.batch.targets import TargetError, tree_around
    from abuildpy.batch.targets import Tree as Around
    from abuildpy.config import load_config
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.settings import Settings

    if options.form not in FORMATS:
        raise CheckUsageError(f"--format takes one of {', '.join(FORMATS)}, not '{options.form}'")
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    tree = Around(tree_around(".", config.get("APORTSDIR")), Evaluations(config, Settings(quiet=True), console).answers)
    if not tree.repositories:
        raise TargetError("there is no tree of aports around this folder", hint="go into one, or set APORTSDIR")
    revision = options.since or default_revision(tree.folder)
    if options.paths:
        paths = [os.path.relpath(f"{folder}/APKBUILD") for folder in changed_recipes(tree.repositories, revision)]
        _write("".join(f"{path}\n" for path in paths))
        return 0
    verdicts = check(tree, revision)
    _write(_formatted(verdicts, tree, options.form))
    return int(any(verdict.level == "error" for verdict in verdicts))


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def default_revision(folder: str) -> str:
    """What a merge request is compared with: what the CI says, else the usual branches.

    Raises CheckUsageError, TargetError.
    """
    from abuildpy.batch.changes import knows, require_git

    get = os.environ.get
    github, gitlab = get("GITHUB_BASE_REF", ""), get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
    candidates = [f"origin/{github}"] if github else []
    candidates += [f"origin/{gitlab}"] if gitlab else []
    candidates += [get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""), "origin/HEAD", "origin/master", "origin/main"]
    found = next((name for name in candidates if name and knows(folder, name)), "")
    if not found:
        require_git(folder)
        raise CheckUsageError(
            "no branch is known that the changes are to be merged into",
            hint="name it: --since REV; in CI the clone may be too shallow",
        )
    return found


def check(tree: Tree, revision: str) -> list[Verdict]:
    """The verdicts on all recipes of a tree that changed since a revision, by name.

    Raises TargetError where git does not know that, OSError where there is no room for the old recipes.
    """
    import tempfile

    from abuildpy.batch.bumps import Side, judge, judge_moved
    from abuildpy.batch.changes import changes_since
    from abuildpy.batch.recipes import name_of

    changes = changes_since(tree.repositories, revision)
    gone = {os.path.basename(each.folder): each for each in changes if each.gone}
    there = [each for each in changes if not each.gone]
    moved = {each.folder: gone[base] for each in there if (base := os.path.basename(each.folder)) in gone}
    with tempfile.TemporaryDirectory(prefix="abuildpy-past-") as past:
        os.chmod(past, 0o755)  # noqa: S103 - recipes are read by somebody with fewer rights
        os.mkdir(f"{past}/.git")  # the mark of a tree's top: recipes see what is below it
        _write_past(tree, [*there, *moved.values()], past)
        folders = [f"{past}/{name_of(each.folder)}" for each in (*there, *moved.values())]
        known = [folder for folder in folders if os.path.isfile(f"{folder}/APKBUILD")]
        now = [each.folder for each in there]
        answers = tree.evaluate([f"{folder}/APKBUILD" for folder in (*known, *now)])
        sides = {}
        for folder, answer in zip((*known, *now), answers, strict=True):
            with open(f"{folder}/APKBUILD", "rb") as file:
                sides[folder] = Side(folder, file.read(), answer)
        verdicts = []
        for each in there:
            name = name_of(each.folder)
            old = sides.get(f"{past}/{name}")
            if old is None and each.folder in moved:
                old = sides.get(f"{past}/{name_of(moved[each.folder].folder)}")
                if old is not None:
                    verdicts.append(judge_moved(name, old, sides[each.folder]))
                    continue
            verdicts.append(judge(name, old, sides[each.folder], each.files))
    return sorted(verdicts, key=lambda verdict: verdict.name)


def _write_past(tree: Tree, changes: Sequence[Changed], past: str) -> None:
    """Writes recipes as they were below ``past``: those that changed, or all where one of these looks around in the tree."""
    from abuildpy.batch.changes import write_past

    looks_around = any(b"../" in _text(f"{each.folder}/APKBUILD") for each in changes)
    bases = {os.path.dirname(each.folder): each.base for each in changes}
    for repository in tree.repositories:
        base = bases.get(repository) or (next(iter(bases.values()), "") if looks_around else "")
        if base:
            names = [os.path.basename(each.folder) for each in changes if os.path.dirname(each.folder) == repository]
            destination = f"{past}/{os.path.basename(repository)}"
            os.makedirs(destination, exist_ok=True)
            write_past(repository, base, () if looks_around else names, destination)


def _text(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


# --- what is told ------------------------------------------------------------------------------------------------


def _formatted(verdicts: Sequence[Verdict], tree: Tree, form: str) -> str:
    if form == "json":
        import json

        return json.dumps([_object(verdict, tree) for verdict in verdicts], indent=2) + "\n"
    told = [verdict for verdict in verdicts if verdict.level != "ok"]
    if form == "text":
        return "".join(f"{_path(each, tree)}:{_line(each, tree)}: {each.level}: {_sentence(each)}\n" for each in told)
    from abuildpy.lint.formats import FORMATS as writers

    return writers[form]([_finding(verdict, tree) for verdict in told])


def _sentence(verdict: Verdict) -> str:
    text = f"{verdict.message} ({verdict.mend})" if verdict.mend else verdict.message
    return text.replace("\n", " ")


def _object(verdict: Verdict, tree: Tree) -> dict[str, object]:
    return {
        "name": verdict.name,
        "path": _path(verdict, tree),
        "line": _line(verdict, tree),
        "verdict": verdict.kind,
        "level": verdict.level,
        "before": verdict.before or None,
        "after": verdict.after or None,
        "what": list(verdict.what),
        "message": verdict.message or None,
        "mend": verdict.mend or None,
    }


def _finding(verdict: Verdict, tree: Tree) -> Finding:
    from abuildpy.lint.model import Finding as Found
    from abuildpy.lint.model import Place, Rule

    severity: Severity = "S" if verdict.level == "error" else "M"
    tag = f"check-changed/{verdict.kind}"
    rule = Rule(tag, verdict.kind, severity, "C", "abuildpy", "", "", "", lambda _subject: iter(()))
    line = _line(verdict, tree)
    return Found(_path(verdict, tree), Place(line, 1, line, 1), rule, _sentence(verdict))


def _path(verdict: Verdict, tree: Tree) -> str:
    return os.path.relpath(f"{tree.folder}/{verdict.name}/APKBUILD")


def _line(verdict: Verdict, tree: Tree) -> int:
    """Where pkgrel stands, or what is to blame."""
    wanted = b"pkgver=" if verdict.what == ("pkgver",) else b"pkgrel="
    lines = _text(f"{tree.folder}/{verdict.name}/APKBUILD").split(b"\n")
    return next((number for number, line in enumerate(lines, 1) if line.startswith(wanted)), 1)
