# SPDX-License-Identifier: GPL-3.0-or-later
"""What a traced evaluation depends on: nothing else, some files, or more than can be watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.recipe.constant import depends_on, loops_depend_on

MORE = None


def judged(folder: Path, text: str, *trace: str, **variables: str) -> tuple[tuple[str, ...], bytes] | None:
    lines = "".join(f"+ABUILDPY:{number}: {line}\n" for number, line in enumerate((". /r/APKBUILD", *trace), 1))
    return depends_on(str(folder / "APKBUILD"), text.encode(), lines.encode(), ("helper",), dict(variables), {})


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        ("a=1\n", ["a=1"]),
        ('a="$(echo x | tr x y)"\n', ["echo x", "tr x y", "a=y"]),
        ("[ x = y ] || b=1\n", ["'[' x '=' y ']'", "b=1"]),
        ("case x in [ab]*) a=1 ;; esac\n", ["a=1"]),
        ("helper() {\n\tcat /etc/passwd\n}\n", []),
        ("a=$(echo $b | sed 's/x/y/g')\n", ["echo 1", "sed s/x/y/g", "a=1"]),
    ],
)
def test_nothing_else(tmp_path: Path, text: str, trace: list[str]) -> None:
    assert judged(tmp_path, text, *trace) == ((), b"")


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        ("a=$(cat x)\n", ["cat x", "a=1"]),
        ("a=$(date)\n", ["date", "a=1"]),
        ("a=$$\n", ["a=12"]),
        ("a=$RANDOM\n", ["a=12"]),
        ("a=$(ls)\n", ["ls", "a=1"]),
        ("a=$(head -n1 x)\n", ["head -n1 x", "a=1"]),
        ("a=$(sed -n 1p <x)\n", ["sed -n 1p", "a=1"]),
        ("a=$(echo *)\n", ["echo a b", "a='a b'"]),
        ("[ x -nt y ] && a=1\n", ["'[' x -nt y ']'"]),
        ("[ -r x ] && a=1\n", ["'[' -r x ']'"]),
        ("[ -e /proc/1 ] && a=1\n", ["'[' -e /proc/1 ']'"]),
        ("a=~\n", ["a=/root"]),
        ("a=$(set)\n", ["set", "a=1"]),
        ("set +x\na=$(date)\n", ["set +x"]),
        ("if : <x; then a=1; fi\n", [":", "a=1"]),
        ("exec 2>/dev/null\na=$(date)\n", ["exec"]),
        ("a=1\n", ["a=1", "something\nwithout a mark"]),
    ],
)
def test_more_than_can_be_watched(tmp_path: Path, text: str, trace: list[str]) -> None:
    assert judged(tmp_path, text, *trace) is MORE


def test_files_that_are_sourced_or_looked_for(tmp_path: Path) -> None:
    (tmp_path / "common").write_text("b=$ASKED\n")
    found = judged(tmp_path, ". ./common\n[ -e other ] && c=1\n", ". ./common", "b=2", "'[' -e other ']'", "c=1")
    assert found == ((str(tmp_path / "common"), str(tmp_path / "other")), b"b=$ASKED\n")
    assert judged(tmp_path, ". ./gone\n", ". ./gone") is MORE


def test_what_eval_made_of_it(tmp_path: Path) -> None:
    found = judged(tmp_path, 'n=KED\neval "a=\\$AS$n"\n', "n=KED", "eval 'a=$ASKED'", "a=1")
    assert found == ((), b"a=$ASKED")
    assert judged(tmp_path, "eval x\n", "eval 'a=$RANDOM'") is MORE


def test_a_trace_that_does_not_begin_as_ours_does(tmp_path: Path) -> None:
    assert depends_on(str(tmp_path / "APKBUILD"), b"", b"+ABUILDPY:1: a=1\n", (), {}, {}) is MORE


@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        (b" a b ", {}, ()),
        (b" *.patch ", {}, ("/r",)),
        (b" ../x/*.c sub/?.h ", {}, ("/r/sub", "/x")),
        (b" $_all ", {"_all": "one two"}, ()),
        (b" $_all ", {"_all": "p/* q"}, ("/r/p",)),
        (b" */x.c ", {}, MORE),
        (b" $_a/*.c ", {"_a": "x"}, MORE),
        (b" $(ls) ", {}, MORE),
    ],
)
def test_loops(words: bytes, variables: dict[str, str], expected: tuple[str, ...] | None) -> None:
    found = loops_depend_on(words, "/r", variables, {})
    assert (found if found is None else tuple(sorted(found))) == expected


def test_loops_over_values_that_a_variable_had_meanwhile() -> None:
    assert loops_depend_on(b" $_d ", "/r", {"_d": ""}, {}, {"_d": {"*.p"}}) == ("/r",)
