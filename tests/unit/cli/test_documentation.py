# SPDX-License-Identifier: GPL-3.0-or-later
"""The usage texts, manual pages and completions name the options that the programs have: all of them and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from programs import TOP

from abuildpy.cli import (
    abuild_fetch,
    abuild_tar,
    abump,
    apkbuild_pypi,
    apkgrel,
    checkapk,
    keygen,
    newapkbuild,
    options,
    sign,
    umbrella,
)
from abuildpy.cli.program import Option, Program

_PROGRAMS: dict[str, tuple[Option, ...]] = {
    program.name: program.options
    for module in (abuild_fetch, abuild_tar, abump, apkbuild_pypi, apkgrel, checkapk, keygen, newapkbuild, sign)
    for program in [module.PROGRAM]
    if isinstance(program, Program)
}
_PROGRAMS["abuildpy"] = (*umbrella.INFO.options, *umbrella.VERIFY.options)
_PROGRAMS["abuild"] = (
    *(Option(letter, "", {name: value}) for letter, (name, value) in options._NAMES.items()),
    *(Option("", name, {name: "value"}) for name in ("sandbox", "net")),
    Option("", "help", {"print_help": True}, listed=False),
)
"""abuild reads its command line in a way of its own."""

_ABUILD_VALUES = {f"-{letter}" for letter in options._WITH_ARGUMENT} | {"--sandbox", "--net"}


def listed(program: str) -> set[str]:
    return {spelling for option in _PROGRAMS[program] if option.listed for spelling in option.spellings}


def unlisted(program: str) -> set[str]:
    return {spelling for option in _PROGRAMS[program] if not option.listed for spelling in option.spellings}


def with_value(program: str) -> set[str]:
    """Spellings of the options that must have an argument."""
    if program == "abuild":
        return _ABUILD_VALUES
    options = [option for option in _PROGRAMS[program] if option.takes_value and option.default is None]
    return {spelling for option in options for spelling in option.spellings}


def test_every_program_is_looked_at() -> None:
    entry_points = set(re.findall(r'^([\w-]+) = "abuildpy\.cli', (TOP / "pyproject.toml").read_text(), re.MULTILINE))
    assert set(_PROGRAMS) == entry_points - {"abuild-gzsplit", "abuild-rm"}  # these have none


@pytest.mark.parametrize("module", [abuild_tar, abump, apkbuild_pypi, apkgrel, checkapk, keygen, newapkbuild, sign])
def test_usage(module: object) -> None:
    program = module.PROGRAM  # type: ignore[attr-defined]
    found: set[str] = set()
    for line in re.findall(r"^ +(-.*?)(?:  |$)", module._USAGE, re.MULTILINE):  # type: ignore[attr-defined]
        found |= set(re.findall(r"(?:^|, )(--?[\w-]+)", line))
    assert found == listed(program.name)


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
    specifications = r"""(?:'(?:\([^)]*\))?\*?|\})?\{?((?:--?[\w-]+,?)+)=?\}?'?\[[^]]*\](:?)"""
    for names, colon in re.findall(specifications, path.read_text()):
        found |= dict.fromkeys(names.split(","), bool(colon))
    assert listed(program) <= set(found) <= listed(program) | unlisted(program)
    assert {spelling for spelling, has_value in found.items() if has_value} == with_value(program)


@pytest.mark.parametrize("path", _completions("fish"), ids=lambda path: path.stem)
def test_fish_completion(path: Path) -> None:
    program = path.stem
    found: dict[str, bool] = {}
    text = path.read_text().replace("\\\n", " ")
    for line in re.findall(rf"^complete -c {program} .*$", text, re.MULTILINE):
        names = [f"-{name}" for name in re.findall(r" -s (\w)\b", line)]
        names += [f"--{name}" for name in re.findall(r" -l ([\w-]+)", line)]
        found |= dict.fromkeys(names, " -x" in line)
    assert listed(program) <= set(found) <= listed(program) | unlisted(program)
    assert {spelling for spelling, has_value in found.items() if has_value} == with_value(program)
