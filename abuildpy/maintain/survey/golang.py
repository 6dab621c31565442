# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Looks at sources of Go modules."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import completions_of
from abuildpy.maintain.survey.tree import SourceTree

_ASIDE = re.compile(
    r"(?i)(?:^|/)(?:vendor|testdata|examples?|_examples|internal|test|tests|tools|hack|scripts|docs?|e2e|third_party|integration|benchmarks?|build|ci|magefiles)(?:/|$)"
)


def golang(subject: Subject) -> Plan:
    """A source with go.mod, or with Go files and none."""
    tree = subject.tree
    files = [name for name in tree.files if name.endswith(".go") and not _ASIDE.search(name)]
    mains = _mains(tree, files)
    tested = any(name.endswith("_test.go") for name in files)
    module = re.search(r"(?m)^module\s+\"?([^\s\"]+)", tree.text("go.mod"))
    path = module[1] if module is not None else ""
    vendored = tree.has("vendor/modules.txt")
    remarks: list[str] = []
    if not path:
        remarks.append("there is no go.mod: 'go mod init' has to make one in prepare()")
    if not mains:
        remarks.append("no package main was found: Alpine packages programs written in Go, not libraries")
    name = _program_name(path, subject)
    linked = _version_variable(tree, mains)
    native = tree.any_text(files, r'^import "C"')
    return Plan(
        makedepends=("go",),
        options=(*((("net", "go modules"),) if not vendored else ()), *(() if tested else (("!check", "no tests in the source"),))),
        check=("go test ./...",) if tested else (),
        facts={
            "programs": [(folder, name if folder == "." else folder.rpartition("/")[2]) for folder in mains],
            "version": linked,
            "vendored": vendored,
        },
        subpackages=tuple(["doc"] if tree.anywhere(r"[a-z][\w-]*\.[1-8]", 3) else []),
        remarks=(*remarks, *(("it is partly C: see what libraries it links to",) if native else ()), *(("package() installs programs only, the source has completions too",) if completions_of(tree) else ())),
    )  # fmt: skip


def _program_name(path: str, subject: Subject) -> str:
    last = re.sub(r"/v\d+$", "", path).rpartition("/")[2]
    return last or subject.stem


def _mains(tree: SourceTree, files: list[str]) -> list[str]:
    """Folders of programs, as go build takes them: the top, else what is below cmd, else wherever one is."""
    folders: dict[str, None] = {}
    for name in files:
        if (
            not name.endswith("_test.go")
            and re.search(r"(?m)^package main\b", tree.text(name))
            and not re.search(r"(?m)^//(?:go:build|\s*\+build)\s+(?:ignore|tools)", tree.text(name))
        ):
            folders[name.rpartition("/")[0]] = None
    if "" in folders:
        return ["."]
    below = [folder for folder in folders if folder.startswith("cmd/") or "/cmd/" in folder or folder == "cmd"]
    return [f"./{folder}" for folder in (below or sorted(folders)[:1])]


def _version_variable(tree: SourceTree, mains: list[str]) -> str:
    """The variable that a linker flag gives the version to; empty if there is none that is made for it."""
    for folder in mains:
        place = "" if folder == "." else folder.removeprefix("./")
        for name in tree.files:
            if name.rpartition("/")[0] == place and name.endswith(".go"):
                found = re.search(
                    r"(?m)^(?:var\s+|\t)([vV]ersion|VERSION|appVersion|buildVersion)\b[ \t]*+(?:string\b)?[ \t]*+(?:=[ \t]*\"[^\"\n]*\")?[ \t]*(?://.*)?$",
                    tree.text(name),
                )
                if found is not None and re.search(rf"(?m)^var\s+{found[1]}\b|^var \(", tree.text(name)):
                    return f"main.{found[1]}"
    return ""
