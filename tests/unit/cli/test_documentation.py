# SPDX-License-Identifier: GPL-3.0-or-later
"""The usage texts, manual pages and completions name the options that the programs have: all of them and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from programs import TOP

from abuildpy.cli import (
    abuild_fetch,
    abuild_tar,
    abump,
    ap,
    apkbuild_lint,
    apkbuild_pypi,
    apkgrel,
    batch,
    buildrepo,
    bump,
    check_changed,
    checkapk,
    diff,
    follows,
    keygen,
    newapkbuild,
    options,
    outdated,
    reproduce,
    sign,
    umbrella,
    verify,
    worker,
)
from abuildpy.cli.program import Option, Program
from abuildpy.phases.actions import actions_of

_PROGRAMS: dict[str, tuple[Option, ...]] = {
    program.name: program.options
    for module in (
        abuild_fetch,
        abuild_tar,
        abump,
        ap,
        apkbuild_lint,
        apkbuild_pypi,
        apkgrel,
        buildrepo,
        checkapk,
        keygen,
        newapkbuild,
        sign,
    )
    for program in [module.PROGRAM]
    if isinstance(program, Program)
}
_SUBCOMMANDS: dict[str, Program[Any]] = {
    program.name.removeprefix("abuildpy "): program
    for program in (
        batch.PROGRAM,
        bump.PROGRAM,
        check_changed.PROGRAM,
        diff.PROGRAM,
        follows.PROGRAM,
        outdated.PROGRAM,
        reproduce.PROGRAM,
        umbrella.CACHE,
        umbrella.INFO,
        umbrella.SANDBOX,
        umbrella.SHELL,
        verify.PROGRAM,
        umbrella.WHY,
        worker.PROGRAM,
    )
}
_PROGRAMS["abuildpy"] = tuple(option for program in _SUBCOMMANDS.values() for option in program.options)
_PROGRAMS["abuild"] = (
    *(Option(letter, "", {name: value}) for letter, (name, value) in options._NAMES.items()),
    Option("", "no-records", {"records": "no"}),
    *(
        Option("", name, {name: "value"})
        for name in ("sandbox", "require-sandbox", "net", "sockets", "pass-env", *options.LIMITS)
    ),
    Option("", "clean-env", {"clean_env": True}),
    Option("", "help", {"print_help": True}, listed=False),
)
"""abuild reads its command line in a way of its own."""

_WITHOUT_TABLE: dict[str, set[str]] = {"abuild-gzsplit": set(), "abuild-rm": {"-rf"}}
"""Programs that look at no option, or at this one word."""

_ENTRY_POINTS = set(tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"])

_ABUILD_VALUES = {f"-{letter}" for letter in options._WITH_ARGUMENT} | {
    f"--{name}" for name in ("sandbox", "require-sandbox", "net", "sockets", "pass-env", *options.LIMITS)
}


def listed(program: str) -> set[str]:
    if program in _WITHOUT_TABLE:
        return _WITHOUT_TABLE[program]
    return {spelling for option in _PROGRAMS[program] if option.listed for spelling in option.spellings}


def unlisted(program: str) -> set[str]:
    return {spelling for option in _PROGRAMS.get(program, ()) if not option.listed for spelling in option.spellings}


def with_value(program: str) -> set[str]:
    """Spellings of the options that must have an argument."""
    if program == "abuild":
        return _ABUILD_VALUES
    if program in _WITHOUT_TABLE:
        return _WITHOUT_TABLE[program]
    options = [option for option in _PROGRAMS[program] if option.takes_value and option.default is None]
    return {spelling for option in options for spelling in option.spellings}


def test_every_program_is_looked_at() -> None:
    assert {*_PROGRAMS, *_WITHOUT_TABLE} == _ENTRY_POINTS


@pytest.mark.parametrize(
    "module",
    [abuild_tar, abump, ap, apkbuild_lint, apkbuild_pypi, apkgrel, buildrepo, checkapk, keygen, newapkbuild, sign],
)
def test_usage(module: object) -> None:
    assert _options_of(module._USAGE) == listed(module.PROGRAM.name)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(_SUBCOMMANDS))
def test_usage_of_subcommands(name: str) -> None:
    program = _SUBCOMMANDS[name]
    assert _options_of(program.usage()) == {spelling for option in program.options for spelling in option.spellings}


@pytest.mark.parametrize("name", sorted({*_SUBCOMMANDS, *_PROGRAMS} - {"abuild", "abuildpy"}))
def test_usage_fits_a_terminal(name: str) -> None:
    """80 columns; only abuild's own usage, whose form is known, has longer lines."""
    modules = (abuild_tar, abump, ap, apkbuild_lint, apkbuild_pypi, apkgrel, buildrepo, checkapk, newapkbuild, sign)
    usages = {module.PROGRAM.name: module._USAGE for module in modules}
    usage = _SUBCOMMANDS[name].usage() if name in _SUBCOMMANDS else usages.get(name, "")
    assert [line for line in usage.splitlines() if len(line) > 80] == []


def test_usage_of_all_subcommands() -> None:
    """Every one is there, and every one that there is."""
    assert [line for line in umbrella._USAGE.splitlines() if len(line) > 80] == []
    told = re.findall(r"^  (\S+)", umbrella._USAGE, re.MULTILINE)
    assert sorted(told) == sorted({*_SUBCOMMANDS, *umbrella.MODULES, "help", "paths", "version"})


def _options_of(usage: str) -> set[str]:
    found: set[str] = set()
    for line in re.findall(r"^ +(-.*?)(?:  |$)", usage, re.MULTILINE):
        found |= set(re.findall(r"(?:^|, )(--?[\w-]+)", line))
    return found


@pytest.mark.parametrize("program", sorted(_PROGRAMS))
def test_manual_page(program: str) -> None:
    page = (TOP / f"docs/man/{program}.1.scd").read_text().partition("\n# OPTIONS\n")[2].partition("\n# ")[0]
    found: dict[str, bool] = {}
    for line in re.findall(r"^\*-.*$", page, re.MULTILINE):
        spellings = re.findall(r"\*(--?[\w-]+)\*", line)
        has_value = bool(re.search(r" _[A-Z]|\*=", line))
        found |= dict.fromkeys(spellings, has_value)
    assert set(found) == listed(program)
    assert {spelling for spelling, has_value in found.items() if has_value} == with_value(program)


def test_manual_page_has_the_options_of_each_subcommand() -> None:
    """A section for each, in alphabetical order; -h stands before them."""
    page = (TOP / "docs/man/abuildpy.1.scd").read_text().partition("\n# OPTIONS\n")[2].partition("\n# ")[0]
    common, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    found = {
        section.partition("\n")[0]: {
            spelling
            for line in re.findall(r"^\*-.*$", section, re.MULTILINE)
            for spelling in re.findall(r"\*(--?[\w-]+)\*", line)
        }
        for section in sections
    }
    assert "*-h*, *--help*" in common
    assert list(found) == sorted(_SUBCOMMANDS)
    for name, program in _SUBCOMMANDS.items():
        assert found[name] == {s for option in program.options for s in option.spellings} - {"-h", "--help"}, name


def test_completions_of_every_program() -> None:
    for shell, name in (("bash", "{}"), ("zsh", "_{}"), ("fish", "{}.fish")):
        found = {path.name for path in (TOP / "completions" / shell).iterdir()}
        assert found == {name.format(program) for program in _ENTRY_POINTS}


def test_completions_are_fresh() -> None:
    """Those that are made from tables are what would be made now; if not: ``./run exec completions/generate.py``."""
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    command = [sys.executable, "-B", str(TOP / "completions/generate.py"), "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


_ALIASES = set(
    "build_abuildrepo check_fakeroot check_license check_maintainer installdeps sanitycheck uninstalldeps "
    "update_abuildrepo_index".split()
)
"""Verbs that are steps of others or old names, which nobody is told of."""


def _verbs_of_the_manual() -> set[str]:
    verbs = (TOP / "docs/man/abuild.1.scd").read_text().partition("\n# VERBS\n")[2].partition("\n# ")[0]
    return {verb for line in re.findall(r"^\*.*$", verbs, re.MULTILINE) for verb in re.findall(r"\w+", line)}


def test_manual_page_has_every_verb() -> None:
    own = set(actions_of(MagicMock())) - _ALIASES
    assert _verbs_of_the_manual() == own | {"build", "check", "package", "prepare"}


def test_usage_has_only_verbs_of_the_manual() -> None:
    usage = re.findall(r"^  (\w+) +[A-Z]", options.USAGE.partition("Verbs")[2], re.MULTILINE)
    assert len(usage) > 15
    assert set(usage) <= _verbs_of_the_manual()


def test_completions_have_every_verb() -> None:
    folder = TOP / "completions"
    bash = re.search(r'names="([^"$]+)"', (folder / "bash/abuild").read_text())
    assert bash is not None
    assert set(bash[1].split()) == _verbs_of_the_manual()
    assert set(re.findall(r"^\t'(\w+):", (folder / "zsh/_abuild").read_text(), re.MULTILINE)) == _verbs_of_the_manual()
    fish = re.findall(r"^complete -c abuild -a (\w+) -d", (folder / "fish/abuild.fish").read_text(), re.MULTILINE)
    assert set(fish) == _verbs_of_the_manual()


def _completions(shell: str) -> list[Path]:
    paths = sorted((TOP / "completions" / shell).iterdir())
    assert paths
    return paths


@pytest.mark.parametrize("path", _completions("bash"), ids=lambda path: path.name)
def test_bash_completion(path: Path) -> None:
    found: set[str] = set()
    for _, words in re.findall(r"""compgen -W \$?(["'])(.*?)\1""", path.read_text(), re.DOTALL):
        found |= {word.rstrip("=") for word in re.split(r"\s|\\n", words) if word.startswith("-")}
    assert listed(path.name) <= found <= listed(path.name) | unlisted(path.name)


@pytest.mark.parametrize("path", _completions("zsh"), ids=lambda path: path.name)
def test_zsh_completion(path: Path) -> None:
    program = path.name.removeprefix("_")
    found: dict[str, bool] = {}
    specifications = r"""(?:'(?:\([^)]*\))?\*?|\})?\{?((?:--?[\w-]+[+=]?,?)+)-?\}?'?\[[^]]*\](:?:?)"""
    for names, colons in re.findall(specifications, path.read_text()):
        found |= dict.fromkeys((name.rstrip("=+") for name in names.split(",")), colons == ":")
    assert listed(program) <= set(found) <= listed(program) | unlisted(program)
    assert {spelling for spelling, has_value in found.items() if has_value} == with_value(program)


@pytest.mark.parametrize("path", _completions("fish"), ids=lambda path: path.stem)
def test_fish_completion(path: Path) -> None:
    program = path.stem
    found: dict[str, bool] = {}
    text = path.read_text().replace("\\\n", " ")
    for line in re.findall(rf"^complete -c {program} .*$", text, re.MULTILINE):
        options_only = re.sub(r"'(?:[^'\\]|\\.)*'", "", line)
        names = [f"-{name}" for name in re.findall(r" -[so] (\w+)\b", options_only)]
        names += [f"--{name}" for name in re.findall(r" -l ([\w-]+)", options_only)]
        found |= dict.fromkeys(names, " -x" in options_only)
    assert listed(program) <= set(found) <= listed(program) | unlisted(program)
    assert {spelling for spelling, has_value in found.items() if has_value} == with_value(program)
