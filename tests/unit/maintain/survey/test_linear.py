# SPDX-License-Identifier: GPL-3.0-or-later
"""No file that a stranger made for it keeps the patterns busy that newapkbuild searches sources with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from linear import slow_parts

import abuildpy.maintain.survey
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.needs import needs_of
from abuildpy.maintain.survey.tree import SourceTree

FOLDER = Path(abuildpy.maintain.survey.__file__).parent
_ONE_START = frozenset(("match", "fullmatch"))
_METHODS = _ONE_START | {"search", "findall", "finditer", "sub", "split"}
_OF_BOUNDED_LENGTH = frozenset(("name", "n", "path", "low", "bare"))
"""What variables are called that hold the name of a file or of something needed, and nothing longer."""


class _Module:
    """The patterns of a module's calls: ``re.search(PATTERN, text)`` and the like, ``any_text``, ``behind``."""

    def __init__(self, file: Path) -> None:
        self.name = file.name
        self.tree = ast.parse(file.read_text())
        self.compiled: dict[str, ast.expr] = {}
        self.texts: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "re.compile":
                    self.compiled[node.targets[0].id] = node.value.args[0]
                self.texts.setdefault(node.targets[0].id, []).append(node.value)

    def patterns(self) -> Iterator[tuple[int, str, bool]]:
        """Line, pattern with its flags, and whether it is tried at one place only; those for short texts left out."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            function, named = ast.unparse(node.func), [word.value for word in node.keywords]
            base, _, method = function.rpartition(".")
            if base in self.compiled and method in _METHODS:
                written, rest = self.compiled[base], node.args
            elif base == "re" and method in _METHODS:
                written, rest = node.args[0], node.args[1:]
            elif method in ("any_text", "behind"):
                written, rest = node.args[1], node.args[2:]
            else:
                continue
            if any(ast.unparse(each).partition(".")[0] in _OF_BOUNDED_LENGTH for each in rest):
                continue
            flags = " ".join(ast.unparse(each) for each in (*rest, *named))
            if method == "any_text" and len(node.args) < 3:
                flags += "re.MULTILINE"
            letters = "".join(letter for letter, word in (("m", "MULTILINE"), ("s", "DOTALL")) if f"re.{word}" in flags)
            for text in self._written(written):
                yield node.lineno, _with_flags(text, letters), method in _ONE_START

    def _written(self, node: ast.expr) -> list[str]:
        """A pattern's text, with a word where another text is put into it."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return ["".join(str(each.value) if isinstance(each, ast.Constant) else "word" for each in values)]
            case ast.Name(id=name) if name in self.texts:
                return [text for each in self.texts[name] for text in self._written(each)]
        return []


def _with_flags(pattern: str, letters: str) -> str:
    if not letters:
        return pattern
    if pattern.startswith("(?") and pattern[2].isalpha():
        return f"(?{letters}{pattern[2:]}"
    return f"(?{letters}){pattern}"


MODULES = [_Module(file) for file in sorted(FOLDER.glob("*.py"))]


def test_searching_a_source_takes_time_in_proportion_to_it() -> None:
    found = [
        (module.name, line, pattern, one_start) for module in MODULES for line, pattern, one_start in module.patterns()
    ]
    slow = [
        f"{name}:{line}: {pattern}: {'; '.join(parts)}"
        for name, line, pattern, one_start in found
        if (parts := slow_parts(pattern, one_start=one_start))
    ]
    assert slow == []
    assert len(found) > 150  # else they are not found any more


@pytest.mark.parametrize(
    ("pattern", "slow"),
    [
        (r"foo[^)]*bar", True),  # foo foo foo ...
        (r"foo\([^)]*bar", True),
        (r"foo\([^()]*bar", False),
        (r"foo[^)]{0,400}bar", False),
        (r"foo[^)]*", False),
        (r"(?m)^\s*foo", True),  # many empty lines
        (r"(?m)^[ \t]*foo", False),
        (r"\s*x?\s*y", True),
        (r"z\s*x?\s*y", True),
        (r"z\s*+x?\s*y", False),
        (r"z\s*x\s*y", False),
        (r"(?s)<!--.*?-->", True),
        (r"\w+(?=;)", True),
        (r"\b\w+;", False),
        (r"\w*;", True),
        (r"(?:\w+\s*)+;", True),
        (r"\A\w*;", False),
        (r"'(a|b)*'", False),
        (r"'[^']*'", False),
    ],
)
def test_what_makes_a_search_slow_is_seen(pattern: str, slow: bool) -> None:
    assert bool(slow_parts(pattern)) is slow


def test_one_attempt_may_be_slow_too() -> None:
    assert slow_parts(r"\w*\d*;", one_start=True)
    assert not slow_parts(r"\w*;", one_start=True)


def test_long_paths_are_no_files_of_a_source(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 100) / ("b" * 100)
    folder.mkdir(parents=True)
    for name in ("c" * 98, "c" * 99):
        (folder / name).touch()
    assert [len(name) for name in SourceTree(tmp_path).files] == [300]


def test_nothing_with_an_endless_name_is_looked_for(tmp_path: Path) -> None:
    asked: list[str] = []

    def in_tree(name: str) -> bool:
        asked.append(name)
        return False

    known = KnownPackages(in_tree=in_tree)
    endless = "1" * 101
    assert known.module(endless) is None
    assert known.cmake(endless) is None
    (tmp_path / "meson.build").write_text(f"dependency('{endless}')\n")
    assert needs_of(SourceTree(tmp_path), "meson", known).unknown == ()
    assert asked == []
    known.module("1" * 100)
    assert asked


def test_of_macros_so_many_are_read_and_so_much_of_each(tmp_path: Path) -> None:
    macros = [f"PKG_CHECK_MODULES([M{number}], [module{number}])\n" for number in range(600)]
    (tmp_path / "configure.ac").write_text("".join(macros))
    assert len(needs_of(SourceTree(tmp_path), "autotools", KnownPackages()).unknown) == 500
    (tmp_path / "configure.ac").write_text(f"PKG_CHECK_MODULES([M], [near {' ' * 3000} far])\n")
    assert needs_of(SourceTree(tmp_path), "autotools", KnownPackages()).unknown == ("pc:near",)
