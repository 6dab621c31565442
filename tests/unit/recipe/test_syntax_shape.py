# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.recipe.syntax import parse
from abuildpy.recipe.syntax.shape import shape_of

BUILD = """build() {
\tcd "$srcdir"/x && ./configure --prefix=/usr 'a b' || return 1
\tfor i in a b; do
\t\tmake $i "$(cat list)" `echo "\\`x\\`"` > log 2>&1
\tdone
\tcat <<-END
\t\ttext $pkgver
\tEND
\tcase $x in a|b) y=$((y+1));; esac
}
"""


def shape(text: str) -> object:
    script = parse(text.encode())
    return shape_of(script, script.commands)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("build()", "# words\nbuild  ( )"),
        ("\tfor", "\n\n\t# words\n    for"),
        (" --prefix", " \\\n\t\t--prefix"),
        ("make $i", "make   $i  "),
        ("; do\n", "\n\tdo # words\n"),
        ("'a b'", '"a b"'),
        ("a|b)", "(a | b)"),
        ("|| return 1\n", "||\n\t\treturn 1\n"),
    ],
)
def test_layout_makes_no_difference(old: str, new: str) -> None:
    assert old in BUILD
    assert shape(BUILD.replace(old, new)) == shape(BUILD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("build()", "check()"),
        ("--prefix=/usr", "--prefix=/opt"),
        ("'a b'", "a b"),
        ("'a b'", "'a  b'"),
        ("&&", ";"),
        ("for i in a b", "for i in b a"),
        ("make $i", 'make "$i"'),
        ("make $i", "make ${i}x"),
        ("cat list", "cat lists"),
        ("\\`x\\`", "\\`z\\`"),
        ("> log", ">> log"),
        ("text $pkgver", "text  $pkgver"),
        ("text $pkgver", "text $pkgrel"),
        ("<<-END", "<<-'END'"),
        ("a|b)", "a)"),
        ("y+1", "y+2"),
        ("esac\n", "esac &\n"),
        ('"$srcdir"/x', "$srcdir/x"),
    ],
)
def test_what_makes_a_difference(old: str, new: str) -> None:
    assert old in BUILD
    assert shape(BUILD.replace(old, new)) != shape(BUILD)
