# SPDX-License-Identifier: GPL-3.0-or-later
"""Many recipes evaluated at once: a bad one harms only itself, whatever it does to its shell."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from poolkit import FUNCTIONS, TRACED, alone, below, differences, place_config, recipe, values, write

from abuildpy.config import Config
from abuildpy.phases import evaluating, readers
from abuildpy.phases.crew import Crew
from abuildpy.recipe.answer import Answer

ENDS: dict[str, tuple[bytes, str]] = {
    "exit": (b"exit 0\n", r":8: the recipe ends the shell with `exit 0`"),
    "exit-three": (b"if true; then exit 3; fi\n", r":8: the recipe ends the shell with `exit 3`"),
    "exec": (b"exec true\n", r".*"),
    "false": (b"false\n", r":8: `false` failed with status 1 .*"),
    "no-program": (b"\nno_such_program\n", r":9: `no_such_program` failed with status 127 .*"),
    "syntax": (b"if then\n", r":8: syntax error.*"),
    "no-end": (b'build() {\n\techo "x\n}\n', r":\d+: syntax error.*"),
    "swallowed-brace": (b"build() {\n\t: 'x\n}\npackage() {\n\t:\n}\n", r":\d+: syntax error.*"),
    "brace-missing": (b"build() {\n\tif true; then\n}\n", r":\d+: syntax error.*"),
    "exit-behind-function": (b"build() {\n\t:; }; exit 7\n\tmake\n}\n", r":9: the recipe ends the shell with `exit 7`"),
    "exit-behind-comment": (b"build() {\n# it's\n\t:; }; exit 7\n\t# '\n}\n", r":10: the recipe ends .*`exit 7`"),
    "exit-in-list": (b"build() {\n\tx=$(cat <<-'EOF' )\n\t:; }; exit 7\n\tEOF\n}\n", r":\d+: .*"),
    "unset-asked": (b"set -u\n_x=$nothing\n", r":\d+: .*"),
    "asked-for": (b'_x="${nothing:?is not there}"\n', r":\d+: .*"),
    "readonly": (b"readonly pkgver\npkgver=2\n", r":\d+: .*"),
    "kills-itself": (b"kill -9 $$\n", r":8: signal 9 ended the shell.*"),
    "kills-group": (b"kill -9 0\n", r":8: signal 9 ended the shell.*"),
    "kills-parent": (b"kill -9 $PPID\nkill -9 $$\n", r":\d+: .*"),
    "loops": (b"while :; do :; done\n", r":8: the recipe had not come to an end after .*"),
    "waits": (b"while :; do sleep 3; done\n", r":8: the recipe had not come to an end after .*"),
    "recursion": (b"_f() { _f; }\n_f\n", r":8: .*"),
    "memory": (b"_a=xxxxxxxxxxxxxxxx\nwhile :; do _a=$_a$_a; done\n", r":9: .*"),
    "memory-plain": (
        b"_a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nfor _i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do\n"
        b"_a=$_a$_a\ndone\n",
        r":1?\d: .*",
    ),
    "flood": (b"while :; do echo flooding the pipe with a line that has no end; done\n", r":8: .*"),
    "flood-of-complaints": (b"while :; do echo flooding the pipe; done >&2\n", r":8: .*"),
    "odd-sign": (b'build() {\n\techo ${x"y"}\n}\n_x="; }; _y=1; : "\n# "\n', r":\d+: .*"),
    "alias": (b"alias set=exit printf=exit\n", r":8: .*"),
    "redefined-export": (b"export() { :; }\n", r":8: .*bad function name"),
    "redefined-helper": (b"arch=noarch\nlist_has() { exit 4; }\n", r":\d+: .*"),
    "redefined-printf": (b"printf() { :; }\n", r":8: the recipe was read, but its shell could not tell.*"),
    "redefined-type": (b"type() { exit 3; }\n", r".*"),
    "redefined-set": (b"set() { :; }\n", r".*"),
    "redefined-teller": (b"_ab_tell_recipe() { echo hu; }\n", r":8: the recipe was read, but.*"),
    "no-path-and-program": (b"PATH=\nno_such_program\n", r":9: .*"),
}
"""Recipes that cannot be evaluated, and what is said behind their path."""

FINE: dict[str, tuple[bytes, dict[str, str]]] = {
    "goes-away": (b"cd /\numask 077\n", {}),
    "no-path": (b"PATH=\n", {}),
    "fields": (b"IFS=,\n", {}),
    "no-stop": (b"set +e\nfalse\n", {}),
    "set-options": (b"set -f\nset -a\n", {}),
    "trap": (b"trap 'echo gone >&2' EXIT\n", {}),
    "return": (b"return 0\npkgdesc=unread\n", {}),
    "return-in-branch": (b"if true; then\n\treturn\nfi\npkgdesc=unread\n", {}),
    # It has stopped tracing before the recipe goes on: ash writes a line of its trace word by word.
    "background": (b"_x=$( (exec sh -c 'exec >/dev/null; sleep 300; echo late >&2') & )\n", {"_x": ""}),
    "words": (b"set -- a b c\n_n=$#\n", {"_n": "3"}),
    "descriptor": (b'printf "a\\0b\\0c\\0=1 0\\0" >&8 2>/dev/null || :\n', {}),
    "rubbish": (b"head -c 300000 /dev/urandom\nhead -c 300000 /dev/urandom >&2\n", {}),
    "nuls": (b"printf '\\0\\0\\0'\nprintf '\\0=0 0\\0' >&2\n", {}),
    "nul-inside": (b'_x="a\0b"\n', {"_x": "ab"}),
    "control": (b"pkgdesc=$(printf '\\001')\n_x=$(printf '\\002')\npkgarch=\x03\n", {"pkgdesc": "\x01", "_x": "\x02"}),
    "control-plain": (
        b'pkgdesc="\x01"\nlicense="\x02"\nurl="\x03"\n',
        {"pkgdesc": "\x01", "license": "\x02", "url": "\x03"},
    ),
    "control-seven": (b'pkgdesc="\x07\x1b[31m\x7f\x81\x88"\n', {"pkgdesc": "\x07\x1b[31m\x7f\udc81\udc88"}),
    "newlines": (b'pkgdesc="\n\n\'a=\'\n"\n_z="=\n"\n', {"pkgdesc": "\n\n'a='\n", "_z": "=\n"}),
    "equals": (b'_z="a="\nzz="="\n', {"_z": "a=", "zz": "="}),
    "latin": (b'pkgdesc="caf\xe9"\n', {"pkgdesc": "caf\udce9"}),
    "windows": (b'pkgdesc="a\r\n"\r\n', {"pkgdesc": "a\r\n\r"}),
    "no-newline": (b"_last=here", {"_last": "here"}),
    "continued": (b'_x="a\\\nb"\n_y=c\\\nd\n', {"_x": "ab", "_y": "cd"}),
    "name-continued": (b'CARCHIVE=whole\n_x="$CARCH\\\nIVE"\n', {"_x": "whole"}),
    "long": (b'_x="' + b"0123456789\n" * 30000 + b'"\n', {"_x": "0123456789\n" * 30000}),
    "here": (b"_x=$(cat <<EOF\n}\nEOF\n)\n", {"_x": "}"}),
    "here-in-function": (b"build() {\n\tcat <<-EOF\n\t}\n\tEOF\n}\n_x=y\n", {"_x": "y"}),
    "here-at-the-start": (b"build() {\n\tcat <<EOF\n}\nexit 4\nEOF\n}\n_x=y\n", {"_x": "y"}),
    "quoted-brace": (b"build() {\n\techo '\n}\nexit 4\n'\n}\n_x=y\n", {"_x": "y"}),
    "commented": (b"build() {\n\techo \\ #'\n}\n_x='; }; _y=1; : '\n# '\n", {}),
    "unsets": (b"unset pkgdesc CARCH CHOST REPODEST\n", {"pkgdesc": ""}),
    "exports": (b"export pkgdesc CC=none FOO\n", {"CC": "none"}),
    "redefined-helpers": (b"list_has() { return 1; }\ndie() { :; }\n", {}),
    "redefined-default": (b"default_prepare() { exit 4; }\ndefault_dev() {\n\t:\n}\n", {}),
    "library-variables": (b"startdir=/\nbuilddir=/\nrepo=x\nsumalgo=x\nAPKBUILD=/\n", {"builddir": "/"}),
    "words-for-commands": (b"_x=1 if || :\n_x=1 fi || :\n", {}),
    "bad-number": (b'if [ "x" -eq 1 ]; then\n_x=1\nfi\n', {}),
    "builddir-empty": (b"builddir=\n", {}),
    "builddir-maybe": (b'if [ "$CARCH" = none ]; then\n\tbuilddir=/x\nfi\n', {}),
    "builddir-own": (b'builddir="$srcdir/x"\n', {}),
    "debug-package": (b'subpackages="$pkgname-dbg $pkgname-doc"\n', {}),
    "debug-package-in-pieces": (
        b'_d=db\nsubpackages="$pkgname-${_d}g"\n',
        {"subpackages": "debug-package-in-pieces-dbg"},
    ),
    "flags": (b'export CFLAGS="$CFLAGS -O3" LDFLAGS="$LDFLAGS -s"\nexport FFLAGS\nexport A B=2\n', {"A": "", "B": "2"}),
    "exported-file-names": (b"export A=*\nexport B=2 C\n", {"A": "*"}),
    "sums": (b'sha256sums="x  y"\n', {"sumalgo": "sha256"}),
    "folders": (b"srcdir=/a\npkgbasedir=/b\ntmpdir=/c\nGOCACHE=/d\n", {"GOMODCACHE": "/d"}),
    "subpackage": (b"subpkgname=other\n", {}),
    "noarch": (b'arch="noarch"\n', {"pkgarch": "noarch"}),
    "asks-for-folders": (b'_x="$startdir $srcdir $builddir $PWD"\n', {}),
    "many-functions": (b"".join(b"f%d() {\n\t:\n}\n" % n for n in range(2000)), {}),
}
"""Recipes that do something odd and are right, and some values."""

SECONDS = 2


@pytest.fixture(scope="module", name="base")
def fixture_base() -> Iterator[Path]:
    """A place that everybody gets to, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="abuildpy-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="module", name="answers")
def fixture_answers(base: Path) -> Iterator[dict[str, Answer]]:
    """What came of a folder in which good recipes stand before and after each bad one."""
    for number, (name, (text, _)) in enumerate({**ENDS, **FINE}.items()):
        write(base, f"{number:02}b-{name}", recipe(name, text))
        write(base, f"{number:02}a-good", recipe(f"good{number}", FUNCTIONS))
        write(base, f"{number:02}c-traced", recipe(f"good{number}", FUNCTIONS + TRACED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluating, "Crew", partial(Crew, patience=SECONDS))
        patch.setattr(readers, "PATIENCE", SECONDS)
        yield below(base, place_config(base))


def answer_of(answers: dict[str, Answer], name: str) -> Answer:
    """The answer to a bad recipe."""
    return next(answer for folder, answer in answers.items() if folder[2:] == f"b-{name}")


@pytest.mark.parametrize("name", ENDS)
def test_a_bad_recipe_gives_an_error_that_names_it(answers: dict[str, Answer], name: str) -> None:
    answer = answer_of(answers, name)
    assert answer.error is not None
    assert answer.error.message.startswith(answer.path)
    assert re.fullmatch(ENDS[name][1], answer.error.message[len(answer.path) :], re.DOTALL), answer.error.message
    assert dict(answer.variables) == {}


@pytest.mark.parametrize("name", FINE)
def test_an_odd_recipe_has_its_own_values(base: Path, answers: dict[str, Answer], name: str) -> None:
    answer = answer_of(answers, name)
    assert answer.error is None, answer.error
    expected = {"pkgname": name, "pkgver": "1", "pkgdesc": "one of many", **FINE[name][1]}
    assert {n: answer.variables.get(n, "") for n in expected} == expected
    if name != "rubbish":
        assert not differences(values(answer), alone(Path(answer.path), place_config(base)))


@pytest.mark.parametrize(
    "variables", [{"DEFAULT_DBG": "1"}, {"DEBUG": "1"}, {"GOCACHE": "/x", "srcdir": "/y"}, {"pkgdesc": "\x02"}]
)
def test_what_the_library_makes_of_recipes_is_what_it_makes_of_one(base: Path, variables: dict[str, str]) -> None:
    config = place_config(base)
    config = Config({**config.variables, **variables}, config.exported, {**config.environ, **variables})
    for name, text in (
        ("plain", b"unset pkgdesc\n"),
        ("sub", b'subpackages="$pkgname-doc"\n'),
        ("noarch", b"arch=noarch\n"),
    ):
        write(base, f"x-{name}", recipe(name, text))
    for name, answer in below(base, config).items():
        if name.startswith("x-"):
            assert not differences(values(answer), alone(Path(answer.path), config))


def test_good_recipes_are_unharmed(base: Path, answers: dict[str, Answer]) -> None:
    config = place_config(base)
    count = len({**ENDS, **FINE})
    for kind in ("a-good", "c-traced"):
        first = alone(base / "aports" / "main" / f"00{kind}" / "APKBUILD", config)
        assert not isinstance(first, str)
        for number in range(count):
            answer = answers[f"{number:02}{kind}"]
            assert answer.error is None, answer.error
            expected = {
                name: value.replace("good0", f"good{number}").replace(f"/00{kind}", f"/{number:02}{kind}")
                for name, value in first[0].items()
            }
            assert not differences(values(answer), (expected, *first[1:]))
