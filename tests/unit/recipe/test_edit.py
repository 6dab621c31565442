# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit import (
    replace_checksums,
    set_variable,
    write_checksums,
    write_variables,
    written_values,
)
from abuildpy.shell import find_ash

SUMS = [("ab" * 64, "foo-1.tar.gz"), ("cd" * 64, "fix.patch")]
BLOCK = f'sha512sums="\n{SUMS[0][0]}  foo-1.tar.gz\n{SUMS[1][0]}  fix.patch\n"\n'.encode()


def edited(text: str) -> str:
    """The text after an edit that adds nothing."""
    return replace_checksums(text.encode(), []).decode()


def test_the_block_goes_to_the_end() -> None:
    before = b"pkgname=foo\nsource=x\n\npackage() {\n\t:\n}\n\n"
    assert replace_checksums(before + b'sha512sums="\naa  x\nbb  y\n"\n', SUMS) == before + BLOCK


def test_every_form_of_assignment_goes() -> None:
    text = 'a=1\nsha256sums=\'aa  x\'\nb=2\nsha512sums="aa  x"\nsha1sums="\n\taa  x\n  "\nc=3\nsha512sums=\'\'""\n'
    assert edited(text) == "a=1\nb=2\nc=3\n"


def test_a_second_edit_changes_nothing() -> None:
    once = replace_checksums(b"a=1\n", SUMS)
    assert replace_checksums(once, SUMS) == once == b"a=1\n" + BLOCK


def test_a_missing_line_end_is_added() -> None:
    assert replace_checksums(b"a=1", SUMS) == b"a=1\n" + BLOCK
    assert replace_checksums(b"", SUMS) == BLOCK


def test_all_other_bytes_stay() -> None:
    odd = b"pkgdesc='caf\xe9 \xff'\r\n\ta=1  \n\n\n"
    assert replace_checksums(odd + b'sha512sums="\xfe"\n#end', SUMS) == odd + b"#end\n" + BLOCK


UNTOUCHED = [
    'cat <<EOF\nsha512sums="x"\nEOF\n',
    "cat <<-'E O F'\n\tsha512sums=\"x\n\tE O F\n",
    'cat <<\\EOF >out <<B "$x"\nsha512sums="x"\nEOF\nsha256sums="y"\nB\n',
    "note='\nsha512sums=\"x\"\n'\n",
    "note=\"\nsha512sums='x'\n\"\n",
    'note="\\"\nsha512sums=\'x\'\n"\n',
    'note="${x:-"\n"}\nsha512sums=\'x\'\n"\n',
    'note=$(cat <<EOF\nsha512sums="x")\nEOF\n)\n',
    "note=`\nsha512sums='x'\n`\n",
    'note=$(\nsha512sums="x"\n)\n',
    'note=$(: ; \\\ncase a in b) ;;\nesac\nsha512sums="x"\n)\n',
    'note=$(case x in\na) echo ;;\nesac\nsha512sums="x"\n)\n',
    'echo \\\nsha512sums="x"\n',
    'sha512sums=$x\nsha512sums=\nmd5sums="x"\nshasums="x"\nsha512sums_x="y"\n',
    ' sha512sums="x"\n\tsha512sums="y"\n',
    '# it\'s\n#sha512sums="x"\n',
    'build() {\nsha512sums="x"\n}\n',
    'build() {\nif {\n:\n}; then\n:\nfi\nsha512sums="x"\n}\n',
    'build() (\nsha512sums="x"\n)\n',
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert edited(text) == text


FOUND_AFTER = [
    "x=don\\'t\n",
    "# don't\n",
    "x=a#'b'\n",
    "x='#'\n",
    'x=${x#"\'"}\n',
    "x=\"${x#'}'}\"\n",
    'x="${x:-don\'t}"\n',
    'x="${x#\'"\'}"\n',
    "x=${x:-'\"'}\n",
    "x=$(case a in esac)\n",
    "x=$#\n",
    "x=${#y}\n",
    "x=$((1 + (2 << 3)))\n",
    "x=$(( $(echo '1)') ))\n",
    "case $x in\n(a|b) y='(';;\n*) z=1\nesac\n",
    "case $x in a) y=1;; b) ;; esac\n",
    'case "$CARCH" in\n\tx86*) a=1 ;;\nesac\n',
    "x=$(case a in a) echo ')' ;; esac)\n",
    "build() {\n\techo } {\n\tif true; then { :; } fi\n}\n",
    "build() { :; }\n",
    "f() (\n\t:\n)\n",
    "cat <<-EOF\n\t'it\n\tEOF\n",
    "cat <<A; cat <<'B'\n'\nA\n\"\nB\n",
    "x=$'it\\'s'\n",
    "x=`echo \\`a\\``\n",
    'x="`echo "a"`"\n',
    "for i in { a; do :; done\n",
    "a=1 \\\n b=2\n",
    "exec 3<&0 >&2 2>/dev/null\n",
    "x='\n'\n",
]


@pytest.mark.parametrize("before", FOUND_AFTER)
def test_quoting_before_it_does_not_confuse(before: str) -> None:
    after = "pkgrel='0'\n"
    assert edited(f'{before}sha512sums="\naa  x\n"\n{after}') == before + after


def test_what_follows_on_the_line_stays_and_makes_sense() -> None:
    assert edited('sha512sums="x"; a=1\n') == edited('sha512sums="x";a=1\n') == "a=1\n"
    assert edited('sha512sums="x" # why\nb=2\n') == "# why\nb=2\n"
    assert edited('sha512sums="x" ;\nb=2\n') == "b=2\n"
    assert edited('sha512sums="x"  \nb=2\n') == "b=2\n"
    assert edited('sha512sums="x"') == ""


@pytest.mark.parametrize("tail", ["&& a=1", "| cat", "|| :", "&", ">f"])
def test_an_assignment_tied_to_a_command_is_refused(tail: str) -> None:
    with pytest.raises(RecipeError, match="line 2: sha512sums"):
        replace_checksums(f'a=1\nsha512sums="x" {tail}\n'.encode(), SUMS)


def test_a_branch_is_not_left_empty() -> None:
    text = b'if [ -f x ]; then\nsha512sums="x"\n%sfi\n'
    assert replace_checksums(text % b"a=1\n", []) == b"if [ -f x ]; then\na=1\nfi\n"
    with pytest.raises(RecipeError, match="line 2: without sha512sums nothing is left there"):
        replace_checksums(text % b"", [])


def test_checksums_that_would_not_count_are_refused() -> None:
    with pytest.raises(RecipeError, match="sha512sums is changed again: "):
        replace_checksums(b"cat <<EOF\nx\n", SUMS)  # the text of it would go on to the end


def test_crlf_stays() -> None:
    before = b'a=1\r\nsha512sums="\r\nx  y\r\n"\r\nb=2\r\n'
    assert replace_checksums(before, SUMS) == b"a=1\r\nb=2\r\n" + BLOCK.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "text", ["a=1\nb='x\n", 'a=1\nb="x\n', "a=1\nb=$(x\n", "a=1\nb=${x\n", "a=1\nb=`x\n", "a=\nb=$((1\n", "\n(x"]
)
def test_an_unclosed_quote_is_reported_with_its_line(text: str) -> None:
    with pytest.raises(RecipeError, match=r"line 2: .* never closed"):
        replace_checksums(text.encode(), SUMS)


def test_names_are_quoted_for_the_shell() -> None:
    assert rb"aa  we\$\"ird\`\\" in replace_checksums(b"", [("aa", 'we$"ird`\\')])


def test_a_file_is_replaced_with_its_mode_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "APKBUILD"
    real.write_bytes(b'a=1\nsha256sums="x"\n')
    real.chmod(0o640)
    link.symlink_to("real")
    inode = real.stat().st_ino
    write_checksums(link, SUMS)
    assert real.read_bytes() == b"a=1\n" + BLOCK
    assert real.stat().st_mode & 0o7777 == 0o640
    assert real.stat().st_ino != inode
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["APKBUILD", "real"]


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot change .*APKBUILD"):
        write_checksums(tmp_path / "APKBUILD", SUMS)
    (tmp_path / "APKBUILD").write_bytes(b"a='")
    with pytest.raises(RecipeError, match=r"APKBUILD: line 1: a quote"):
        write_checksums(tmp_path / "APKBUILD", SUMS)
    assert (tmp_path / "APKBUILD").read_bytes() == b"a='"


# --- pkgver and pkgrel -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("pkgver=1.0", "pkgver=2.0_rc1"),
        ("pkgver=1.0 # why", "pkgver=2.0_rc1 # why"),
        ("pkgver=1.0\t#why", "pkgver=2.0_rc1\t#why"),
        ("pkgver=1.0; x=1", "pkgver=2.0_rc1; x=1"),
        ('pkgver="1.0"  ', 'pkgver="2.0_rc1"  '),
        ("pkgver='1.0' # it's", "pkgver='2.0_rc1' # it's"),
        ("pkgver=", "pkgver=2.0_rc1"),
        ("pkgver=$(( _a + _b )) #c", "pkgver=2.0_rc1 #c"),
        ("pkgver=${_v/-/.}", "pkgver=2.0_rc1"),
        ('pkgver="${_v:-"1 2"}"x', "pkgver=2.0_rc1"),
        ('pkgver="$(echo "1")"', 'pkgver="2.0_rc1"'),
        ('pkgver="a\\"b"', 'pkgver="2.0_rc1"'),
        ("export pkgver=1.0", "export pkgver=2.0_rc1"),
        ("\tpkgver=1.0", "\tpkgver=2.0_rc1"),
        ("pkgver=\"1\"'.0'", "pkgver=2.0_rc1"),
        ("pkgver=\\\n1.0", "pkgver=2.0_rc1"),
    ],
)
def test_a_variable_is_set_and_all_else_stays(line: str, after: str) -> None:
    frame = b"# pkgver=0 \xff\npkgname=x\n%s\n_pkgver=1\npkgver=3 cat /dev/null\nf() {\npkgver=4\n}\ncat <<A\npkgver=5\nA\n\xe9"
    old, new = frame % line.encode(), frame % after.encode()
    assert set_variable(old, "pkgver", "2.0_rc1") == new
    assert set_variable(old.replace(b"\n", b"\r\n"), "pkgver", "2.0_rc1") == new.replace(b"\n", b"\r\n")


def test_every_assignment_is_set() -> None:
    assert set_variable(b"pkgver=1\npkgver=a$pkgver", "pkgver", "2") == b"pkgver=2\npkgver=2"
    assert written_values(b"pkgver=1\nx=2\npkgver='a' # b\n", "pkgver") == ("1", "'a'")


@pytest.mark.parametrize("old", ["x", '"x"', "'x'"])
@pytest.mark.parametrize(
    "value", ["a b", "it's", 'say "x"', "$(rm -rf x)", "`x`", "a\\b", "#", "", "caf\xe9", "~", "a;b&c"]
)
def test_a_value_stays_what_it_is_in_the_shell(old: str, value: str) -> None:
    script = set_variable(f"x={old} # c\n".encode(), "x", value) + b'printf %s "$x"\n'
    done = subprocess.run([*find_ash(), "-e", "-c", script], check=True, stdout=subprocess.PIPE)
    assert done.stdout.decode() == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "pkgrel is not set at the start of a line"),
        ("x=1\npkgrel=1 true\n", "pkgrel is not set at the start of a line"),
        ("f() {\npkgrel=1\n}\n", r"line 2: pkgrel is set only inside f\(\)"),
        ("\nif :; then\n\tpkgrel=1\nfi\n", "line 3: pkgrel is set only inside 'if'"),
        ("x=\n[ -n x ] && pkgrel=1\n", r"line 2: pkgrel is set only behind && or \|\|"),
        ("x=$(\npkgrel=1\n)\n", "pkgrel is not set at the start of a line"),
        ("pkgrel=1\nif\n", "line 2: "),
    ],
)
def test_a_variable_that_is_not_set(text: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        set_variable(text.encode(), "pkgrel", "0")


@pytest.mark.parametrize(
    ("behind", "complaint"),
    [
        ("if [ 1 = 1 ]; then\n\tpkgrel=9\nfi\n", "line 3: pkgrel is changed again inside 'if': .* '9', not '0'"),
        (
            "case $CARCH in\nx86)\n\tpkgrel=9 ;;\nesac\n",
            "line 4: pkgrel is changed again inside 'case': .* cannot be told",
        ),
        ('[ "$CARCH" = x86 ] && pkgrel=9\n', "line 2: pkgrel is changed again behind && or"),
        ("f() { pkgrel=9; }\nx=\nf\n", "line 4: pkgrel is changed again: .* '9', not '0'"),
        (". ./more\n[ -f x ] && pkgrel=9\n", "line 3: pkgrel is changed again behind"),
        ("unset pkgrel\n", "line 2: pkgrel is changed again: .* '', not '0'"),
    ],
)
def test_an_edit_that_would_not_count(behind: str, complaint: str) -> None:
    text = f"pkgrel=5\n{behind}".encode()
    with pytest.raises(RecipeError, match=complaint):
        set_variable(text, "pkgrel", "0")
    assert set_variable(text, "pkgrel", "0", check=False) == text.replace(b"=5", b"=0", 1)


@pytest.mark.parametrize(
    "behind",
    [
        '[ -n "$_commit" ] && pkgrel=9\n',
        "if :; then\n\tx=1\nelse\n\tpkgrel=9\nfi\n",
        ". ./more\n",
        "f() {\n\tpkgrel=9\n}\n",
        "(\npkgrel=9\n)\n",
        "case $CARCH in\nx86) x=$pkgrel ;;\nesac\n",
    ],
)
def test_what_does_not_stand_in_the_way(behind: str) -> None:
    assert set_variable(f"pkgrel=5\n{behind}".encode(), "pkgrel", "0") == f"pkgrel=0\n{behind}".encode()


def test_conditional_ones_that_start_a_line_are_set_as_sed_does() -> None:
    text = b'if [ "$CARCH" = x86 ]; then\npkgver=1\nelse\npkgver=2\nfi\n'
    assert set_variable(text, "pkgver", "3") == text.replace(b"=1", b"=3").replace(b"=2", b"=3")


LINES = st.sampled_from(
    [
        "# pkgver=0",
        "a=$pkgver",
        'b="\npkgver=1\n"',
        "f() {\n\tpkgver=2\n}",
        "cat <<A\npkgver=3\n'\nA",
        "c=$(echo 'pkgver=4')",
        "_pkgver=5",
        "pkgver=6 true",
        "case x in\ny) pkgver=7 ;;\nesac",
        "d=caf\xe9 # it's",
        "",
    ]
)
OLD_VALUES = st.sampled_from(
    ["1.0", '"1.0"', "'1.0'", '""', "", "$a", '"$a-${b:-"x y"}"', "$(echo 1)", "a\\ b", "$'1'", "\"a\"'b'"]
)
TAILS = st.sampled_from(["", " # c", "; e=1", " e=$pkgver"])


@settings(deadline=None)
@given(
    st.lists(LINES),
    OLD_VALUES,
    TAILS,
    st.lists(LINES),
    st.text(st.characters(exclude_characters="\0\r", codec="utf-8")),
)
def test_any_value_anywhere(before: list[str], old: str, tail: str, after: list[str], value: str) -> None:
    head = "".join(f"{line}\n" for line in before).encode()
    rest = "\n".join([tail, *after]).encode()
    text = set_variable(head + f"pkgver={old}".encode() + rest, "pkgver", value)
    assert text.startswith(head + b"pkgver=")
    assert text.endswith(rest)
    (written,) = written_values(text, "pkgver")
    assert text == head + b"pkgver=" + written.encode("latin-1") + rest
    assert set_variable(text, "pkgver", value) == text
    if old[:1] == old[-1:] == '"' and old != "\"a\"'b'":
        assert written[:1] == written[-1:] == '"'
    script = b"pkgver=" + written.encode("latin-1") + b'\nprintf %s "$pkgver"\n'
    done = subprocess.run([*find_ash(), "-e", "-c", script], check=True, stdout=subprocess.PIPE)
    assert done.stdout.decode() == value


def test_variables_of_a_file(tmp_path: Path) -> None:
    apkbuild = tmp_path / "APKBUILD"
    apkbuild.write_bytes(b"pkgver=1\npkgrel=5 # c\n")
    apkbuild.chmod(0o604)
    write_variables(apkbuild, {"pkgver": "2", "pkgrel": "0"})
    assert apkbuild.read_bytes() == b"pkgver=2\npkgrel=0 # c\n"
    assert apkbuild.stat().st_mode & 0o7777 == 0o604
    with pytest.raises(RecipeError, match=r"APKBUILD: pkgdesc is not set"):
        write_variables(apkbuild, {"pkgver": "3", "pkgdesc": "x"})
    assert apkbuild.read_bytes() == b"pkgver=2\npkgrel=0 # c\n"
    assert os.listdir(tmp_path) == ["APKBUILD"]
