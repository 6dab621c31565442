# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit import add_to_list, remove_from_list
from abuildpy.recipe.syntax import parse
from abuildpy.shell import find_ash

LONG = " ".join(["x" * 20] * 3)
FRAME = "# makedepends=x \xff\npkgname=x\n%s\nbuild() {\n\tmakedepends=z\n}\n"


def added(line: str, word: str = "new", name: str = "makedepends") -> str:
    return _framed(line, lambda text: add_to_list(text, name, word))


def removed(line: str, word: str = "old", name: str = "makedepends") -> str:
    return _framed(line, lambda text: remove_from_list(text, name, word))


def _framed(line: str, change) -> str:  # type: ignore[no-untyped-def]
    before, after = FRAME.split("%s")
    old = (before + line + after).encode("latin-1")
    text = change(old).decode("latin-1")
    assert change(old.replace(b"\n", b"\r\n")).decode("latin-1") == text.replace("\n", "\r\n")
    assert text.startswith(before) and text.endswith(after)
    return str(text[len(before) : len(text) - len(after)])


def words_of(text: bytes, name: str) -> list[str]:
    script = text + b'\nprintf %s "$' + name.encode() + b'"\n'
    done = subprocess.run([*find_ash(), "-e", "-c", script], check=True, stdout=subprocess.PIPE)
    return done.stdout.decode("utf-8", "surrogateescape").split()


# --- adding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ('makedepends="a b"', 'makedepends="a b new"'),
        ('makedepends="a b" # why', 'makedepends="a b new" # why'),
        ("makedepends='a b'; x=1", "makedepends='a b new'; x=1"),
        ('makedepends=" a  b "', 'makedepends=" a  b new "'),
        ("makedepends=a", 'makedepends="a new"'),
        ("makedepends=$a", 'makedepends="$a new"'),
        ('makedepends="$a"', 'makedepends="$a new"'),
        ('makedepends="${a:-"b c"}"', 'makedepends="${a:-"b c"} new"'),
        ('makedepends="$a"/"$b"', 'makedepends="$a"/"$b new"'),
        ('makedepends=$a::"b"', 'makedepends=$a::"b new"'),
        ("makedepends=$a::'b'", "makedepends=$a::'b'\" new\""),
        ("makedepends=a\\ b", 'makedepends=a\\ b" new"'),
        ('export makedepends="a"', 'export makedepends="a new"'),
        ("makedepends=", 'makedepends="new"'),
        ("makedepends= # none", 'makedepends="new" # none'),
        ('makedepends=""', 'makedepends="new"'),
        ('makedepends="\n"', 'makedepends="\n\tnew\n"'),
        ('makedepends="\n\t"', 'makedepends="\n\tnew\n\t"'),
        # one word per line
        ('makedepends="\n\ta\n\tb\n\t"', 'makedepends="\n\ta\n\tb\n\tnew\n\t"'),
        ('makedepends="\n\ta\n\tb\n"', 'makedepends="\n\ta\n\tb\n\tnew\n"'),
        ('makedepends="\n    a\n    b"', 'makedepends="\n    a\n    b\n    new"'),
        ('makedepends="a\n\tb\n\tc\n\t"', 'makedepends="a\n\tb\n\tc\n\tnew\n\t"'),
        ('makedepends="a\n  "', 'makedepends="a\n  new\n  "'),
        ('makedepends="a\n"', 'makedepends="a\n\tnew\n"'),
        ("makedepends='\n\ta\n\t'", "makedepends='\n\ta\n\tnew\n\t'"),
        ('makedepends="\n\ta\n\n\tb\n\n\t"', 'makedepends="\n\ta\n\n\tb\n\tnew\n\n\t"'),
        ('makedepends="a \\\n\tb \\\n\t"', 'makedepends="a \\\n\tb \\\n\tnew \\\n\t"'),
        ('makedepends="\n\ta b\n\tc\n\td\n\t"', 'makedepends="\n\ta b\n\tc\n\td\n\tnew\n\t"'),
        # several
        ('makedepends="a b c\n\td e\n\t"', 'makedepends="a b c\n\td e new\n\t"'),
        ('makedepends="a b c\n\t"', 'makedepends="a b c new\n\t"'),
        (
            f'makedepends="a b\n\t{LONG}"',
            f'makedepends="a b\n\t{LONG} new"',
        ),
        (
            f'makedepends="a b\n\t{LONG} yyyyy\n\t"',
            f'makedepends="a b\n\t{LONG} yyyyy new\n\t"',
        ),
        (
            f'makedepends="a b\n\t{LONG} yyyyyyy\n\t"',
            f'makedepends="a b\n\t{LONG} yyyyyyy\n\tnew\n\t"',
        ),
    ],
)
def test_a_word_more_in_the_layout_of_the_list(line: str, after: str) -> None:
    assert added(line) == after


@pytest.mark.parametrize(
    "line",
    [
        'makedepends="a new b"',
        "makedepends=new",
        'makedepends="a\n\tnew\n\t"',
        'depends_dev="new"\nmakedepends="$depends_dev"',
    ],
)
def test_a_word_that_is_there_changes_nothing(line: str) -> None:
    assert added(line) == line


def test_source_gets_lines() -> None:
    assert added('source="u://x"', "a.patch", "source") == 'source="u://x\n\ta.patch\n\t"'
    assert added("source=u://x", "a.patch", "source") == 'source="u://x\n\ta.patch\n\t"'
    assert added('source="u://x b"', "a.patch", "source") == 'source="u://x b a.patch"'
    crlf = b'source="u://x"\r\n'
    assert add_to_list(crlf, "source", "a.patch") == b'source="u://x\r\n\ta.patch\r\n\t"\r\n'


def test_expansions() -> None:
    assert (
        added('subpackages="$pkgname-doc"', "$pkgname-dev", "subpackages") == 'subpackages="$pkgname-doc $pkgname-dev"'
    )
    same = 'subpackages="${pkgname}-doc"'
    assert added(same, "$pkgname-doc", "subpackages") == added(same, "x-doc", "subpackages") == same
    with pytest.raises(RecipeError, match=r"line 3: subpackages is in single quotes, where '\$pkgname-dev'"):
        added("subpackages='x-doc'", "$pkgname-dev", "subpackages")
    assert added("subpackages='x-doc'", "x-dev", "subpackages") == "subpackages='x-doc x-dev'"


@pytest.mark.parametrize(
    "word", ["", "a b", "a\n", "'a'", '"', "a\\", "`x`", "$(x)", "$((1))", "\r", "${", "a${x y}", "a\xa0b"]
)
def test_what_is_no_word(word: str) -> None:
    with pytest.raises(RecipeError, match="is no word of a list"):
        added('makedepends="a"', word)
    with pytest.raises(RecipeError, match="is no word of a list"):
        removed('makedepends="a"', word)


@pytest.mark.parametrize(
    "word", ["!check", "foo>=1.2", "x::noarch", "so:lib*.so.1", "u://x?a=b&c", "a;b#c", "~x", "caf\xe9"]
)
def test_odd_words_stay_what_they_are(word: str) -> None:
    for line in ("options=a", 'options="b"', "options='c'", "options=", "x="):
        text = add_to_list(f"pkgname=x\n{line}\n".encode(), "options", word)
        assert words_of(text, "options")[-1] == word
        assert words_of(remove_from_list(text, "options", word), "options") == words_of(f"{line}\n".encode(), "options")


def test_a_list_in_several_assignments() -> None:
    later = '\n[ -n "$x" ] || makedepends="$makedepends b"\nmakedepends="$makedepends c"'
    later += '\nfor i in 1 2; do\n\tmakedepends="$makedepends $i"\ndone'
    assert added(f'makedepends="a"{later}') == f'makedepends="a new"{later}'
    assert added('makedepends="a"\nmakedepends="b"') == 'makedepends="a"\nmakedepends="b new"'
    assert added('makedepends="$makedepends a"') == 'makedepends="$makedepends a new"'


def test_lists_that_a_condition_replaces() -> None:
    text = 'options="a"\ncase "$CARCH" in\nx) options="b" ;;\ny) options="$options c" ;;\nz) options="" ;;\nesac'
    after = (
        'options="a new"\ncase "$CARCH" in\nx) options="b new" ;;\ny) options="$options c" ;;\nz) options="" ;;\nesac'
    )
    assert added(text, name="options") == after
    assert removed(after, "new", "options") == text
    earlier = '[ x ] && options="b"\noptions="a'
    assert added(f'{earlier}"', name="options") == f'{earlier} new"'


def test_a_list_that_would_not_have_it() -> None:
    with pytest.raises(RecipeError, match="line 4: options is changed again: it would be '', not ' new'"):
        added('options="a"\nunset options', name="options")


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        ('license="MIT"\nsubpackages="y"', 'license="MIT"\nmakedepends="new"\nsubpackages="y"'),
        ('depends="\n\ta\n\t" # c\nsource="y"', 'depends="\n\ta\n\t" # c\nmakedepends="new"\nsource="y"'),
        ('source="y"\nlicense=MIT', 'source="y"\nlicense=MIT\nmakedepends="new"'),
        ("arch=all; x='\n'\ny=1", "arch=all; x='\n'\nmakedepends=\"new\"\ny=1"),
        ("arch=all; cat <<A\nx\nA\ny=1", 'arch=all; cat <<A\nx\nA\nmakedepends="new"\ny=1'),
        (
            'for i in a b; do\n\tmakedepends="$makedepends $i"\ndone\narch=all',
            'makedepends="new"\nfor i in a b; do\n\tmakedepends="$makedepends $i"\ndone\narch=all',
        ),
    ],
)
def test_a_list_is_made_where_it_belongs(lines: str, after: str) -> None:
    assert added(lines) == after


def test_what_another_file_puts_into_a_list_stays() -> None:
    assert added(". ../y/APKBUILD\narch=all") == '. ../y/APKBUILD\narch=all\nmakedepends="$makedepends new"'


def test_a_list_is_made_in_odd_files() -> None:
    assert add_to_list(b"pkgname=x", "options", "a") == b'pkgname=x\noptions="a"'
    assert add_to_list(b"pkgname=x\r\narch=all\r\n", "options", "a") == b'pkgname=x\r\narch=all\r\noptions="a"\r\n'
    assert add_to_list(b"", "options", "a") == b'options="a"\n'
    assert add_to_list(b"f() {\n\tpkgname=x\n}\n", "own", "a") == b'own="a"\nf() {\n\tpkgname=x\n}\n'


# --- removing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ('makedepends="a old b"', 'makedepends="a b"'),
        ('makedepends="old b" # c', 'makedepends="b" # c'),
        ('makedepends="a old"', 'makedepends="a"'),
        ('makedepends="a  old  b"', 'makedepends="a  b"'),
        ('makedepends="old a old old b old"', 'makedepends="a b"'),
        ('makedepends="\n\ta\n\told\n\tb\n\t"', 'makedepends="\n\ta\n\tb\n\t"'),
        ('makedepends="\n\told\n\tb\n\t"', 'makedepends="\n\tb\n\t"'),
        ('makedepends="\n\ta\n\told\n\t"', 'makedepends="\n\ta\n\t"'),
        ('makedepends="a b\n\told c\n\td"', 'makedepends="a b\n\tc\n\td"'),
        ('makedepends="a b\n\tc old\n\td"', 'makedepends="a b\n\tc\n\td"'),
        ('makedepends="a b\n\told\n\td"', 'makedepends="a b\n\td"'),
        ("makedepends='a old'", "makedepends='a'"),
        ('makedepends="older old-x xold"', 'makedepends="older old-x xold"'),
        ('x=1\nmakedepends="$makedepends old"', "x=1"),
        ('makedepends="$makedepends old" # c', 'makedepends="$makedepends" # c'),
        ('x=ol\nmakedepends="a ${x}d"', 'x=ol\nmakedepends="a"'),
        ('x=y\nmakedepends="a $x"', 'x=y\nmakedepends="a $x"'),
        ('makedepends="old"\nmakedepends="$makedepends b"', 'makedepends="$makedepends b"'),
        ('makedepends=$a::"b old"', 'makedepends=$a::"b"'),
        ('makedepends="old" # c', 'makedepends="" # c'),
        ("makedepends=old; x=1", 'makedepends=""; x=1'),
        (':; makedepends="old"', ':; makedepends=""'),
        ("x=1\nmakedepends='\n\told\n\t'", "x=1"),
        ('x=1\nmakedepends="old"  ', "x=1"),
        ('if :; then\nmakedepends="old"\nfi', 'if :; then\nmakedepends=""\nfi'),
        ('[ x ] && makedepends="$makedepends old"', '[ x ] && makedepends="$makedepends"'),
    ],
)
def test_a_word_less(line: str, after: str) -> None:
    assert removed(line) == after


def test_a_word_that_comes_from_elsewhere() -> None:
    for value in ("old", "a old"):
        with pytest.raises(RecipeError, match="line 4: makedepends has 'old' from another variable"):
            removed(f'depends_dev="{value}"\nmakedepends="$depends_dev b"')


def test_the_last_line_without_an_end() -> None:
    assert remove_from_list(b"x=1\nmakedepends=old", "makedepends", "old") == b"x=1\n"


def test_a_word_in_several_quotes() -> None:
    with pytest.raises(RecipeError, match="line 3: makedepends is written in several quotes"):
        removed("""makedepends="a "'old b'""")


def test_what_is_no_script() -> None:
    for change in (add_to_list, remove_from_list):
        with pytest.raises(RecipeError, match="line 2: a quote is opened here"):
            change(b"a=1\nmakedepends='\n", "makedepends", "x")


# --- any list -------------------------------------------------------------------------------------------------------

SEPARATORS = st.sampled_from([" ", "  ", "\n\t", "\n", "\n    ", " \\\n\t", "\n\n\t"])
WORDS = st.lists(st.sampled_from(["a", "b", "$x", "${y}-z", "!q", "a>=1", "x::y"]), max_size=6)


@settings(deadline=None)
@given(WORDS, st.data(), st.sampled_from(['"', ""]), st.sampled_from(["\n", " # c\n", "; z=1\n", ""]))
def test_any_list(words: list[str], data: st.DataObject, quote: str, tail: str) -> None:
    if quote:
        inner = data.draw(st.sampled_from(["", " ", "\n\t"]))
        for word in words:
            inner += word + data.draw(SEPARATORS)
    else:
        inner = words[0] if words else ""
        inner = inner if ">" not in inner else "a"
    head = "pkgname=p\nx=1\ny=2\n"
    text = f"{head}makedepends={quote}{inner}{quote}{tail}".encode()
    after = add_to_list(text, "makedepends", "new")
    assert words_of(after, "makedepends") == [*words_of(text, "makedepends"), "new"]
    assert after.startswith(head.encode() + b"makedepends=") and after.endswith(tail.encode())
    assert add_to_list(after, "makedepends", "new") == after
    (assignment,) = (a for a in parse(after).assignments if a.name == "makedepends")
    assert b"new" in assignment.raw
    if quote:
        kept = inner.rstrip(" \n\t\\")
        assert f'"{kept}'.encode() in after
    back = remove_from_list(after, "makedepends", "new")
    if quote and words:
        assert back == text
    else:
        assert words_of(back, "makedepends") == words_of(text, "makedepends")
