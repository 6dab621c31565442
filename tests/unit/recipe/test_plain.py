# SPDX-License-Identifier: GPL-3.0-or-later
"""What is called plain does only what is said of it; what is not told easily is not plain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from abuildpy.recipe.plain import asked_names, outside_functions, read_plain
from abuildpy.shell import find_ash, parse_variables

BODIES = [
    "\t:\n",
    "\n\n\t:\n",
    "# a comment at the start\n\t:\n",
    "\techo 'a\n\tb' \"c\n\td\"\n",
    '\techo "$(a "b")" "${x:-"y"}" "$((1 + x))" "`a \'b\'`"\n',
    '\techo ${x#\\}} ${x:-"y z"} ${#x} $# $((1 + x)) $(a; b)\n',
    "\techo a#b # it's\n",
    "\techo a}b {a,b}\n",
    "\tcat <<-EOF\n\t}\n\tit's $x ${x}\n\tEOF\n",
    "\tcat <<-'EOF' >a \"b\"\n\t}\n\tit's `x $(\n\tEOF\n",
    "\ta || {\n\t\tb\n\t}\n",
    "\tcase $a in\n\tb) c ;;\n\t*) d ;;\n\tesac\n",
    "\tif a; then\n\t\tb\n\tfi\n",
    "\ta \\\n\t\tb \\\\ \\' \\\"\n",
]
CLOSED_EARLY = [
    "\t:; }; trap_ran=1; _f() { :\n",
    "# '\n\t:; }; trap_ran=1; _f() { :\n\t# '\n",
    "\tx=$(cat <<-'EOF' )\n\t:; }; trap_ran=1; _f() { :\n\tEOF\n",
    "\tx=$(cat <<-EOF)\n\t:; }; trap_ran=1; _f() { :\n\tEOF\n",
]
NOT_CLOSED = [  # a body, and the quote that ash is in behind it
    ("\techo \\ #'\n", "'"),
    ("\techo \\;#'\n", "'"),
    ("\techo $(x)#'\n", "'"),
    ("\techo `x`#'\n", "'"),
    ("\techo \r#'\n", "'"),
    ("\techo \x0b#'\n", "'"),
    ("\techo ${x\\'}\n", "'"),
    ('\techo ${x"y"}\n', '"'),
    ('\techo "${x"y"}"\n', '"'),
    ("\techo a\\\n#'\n", "'"),
    ("\techo '\n", "'"),
    ('\techo "\n', '"'),
]


def run(text: str) -> dict[str, str]:
    """The variables after a text was read by a shell that finds no programs."""
    done = subprocess.run(
        [*find_ash(), "-c", "trap set EXIT\n" + text],
        env={"PATH": "/nonexistent", "FOO": "foo", "FO": "fo"},
        capture_output=True,
        check=False,
    )
    return parse_variables(done.stdout)


@pytest.mark.parametrize("body", BODIES)
def test_functions(body: str) -> None:
    text = f"a=1\nbuild() {{\n{body}}}\nb=$a\n"
    found = read_plain(text.encode())
    assert found is not None
    assert found.functions == (b"build",)
    assert found.assigned == {b"a", b"b"}
    assert run(text)["b"] == "1"
    assert outside_functions(text.encode()) == b"a=1\n\nb=$a\n"


@pytest.mark.parametrize("body", CLOSED_EARLY)
def test_a_function_that_ends_before_it_seems_to(body: str) -> None:
    text = f"build() {{\n{body}}}\n"
    assert run(text).get("trap_ran") == "1"
    assert read_plain(text.encode()) is None
    assert outside_functions(text.encode()) == text.encode()


@pytest.mark.parametrize(("body", "quote"), NOT_CLOSED)
def test_a_function_that_does_not_end_where_it_seems_to(body: str, quote: str) -> None:
    texts = [
        f"build() {{\n{body}}}\n_x={quote}; {braces}; trap_ran=1; : {quote}\n# {quote}\n" for braces in ("}", "}; }")
    ]
    assert "1" in [run(text).get("trap_ran") for text in texts]
    for text in texts:
        assert read_plain(text.encode()) is None


@pytest.mark.parametrize(
    ("text", "assigned"),
    [
        ("a=1 b=2 # c\nexport c d=3;e='x\ny'", "a b c d e"),
        ('if [ "$a" = b ] && [ -z "$c" ]; then\n\ta=1\nelif [ ! "$a" ]; then b=2\nelse c=3; fi', "a b c"),
        ("case $a in\n\tb|c*) d=1 ;;\n\t'e f') g=1 ;;\nesac", "d g"),
        ("for i in a $b; do c=$i; done", "i c"),
        ('[ "$a" != b ] || c=1', "c"),
        ('a=${b%%x}${c#y}${d//./_}${e:-f}${g:+"$h i"}${j:1:2}${k: -1}', "a"),
        ('a="caf\xe9 \\" \\$ $b"\\ c*?[d]', "a"),
    ],
)
def test_assignments(text: str, assigned: str) -> None:
    found = read_plain(text.encode())
    assert found is not None
    assert found.assigned == {name.encode() for name in assigned.split()}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "echo",
            "a=1 b",
            "a=$(b)",
            "a=`b`",
            "a=$((1))",
            "a=~",
            "set -e",
            "unset a",
            "eval a=1",
            ". ./b",
            "readonly a",
        ),
        *("a=1 if || :", "a=1 fi || :", "while :; do :; done", "a=$1", "a=$@", "a=$?", "a=$$", "a=$RANDOM"),
        *("a=$HOME", "a=${HOME}", "a=${b:-$PPID}", "a=$_", "IFS=,", "PATH=x", "LC_ALL=C", "_ab_x=1", "LINENO=1"),
        *(
            "[ -e a ]",
            "[ a -nt b ]",
            '[ "a" -eq 1 ] || :',
            "[ $a = b ]",
            "a >b",
            "a=1 >b",
            "(a=1)",
            "{ a=1; }",
            "a=1 &",
        ),
        *("a=\\\nb", 'a="$FO\\\nO"', "a\0=1", "a=\r", "b\r", "a() b", "a() (\n:\n)", "esac", "a+=1", "a=(b)", "a=$'b'"),
        *(
            ": && a() {\n\t:\n}",
            "set() {\n\t:\n}",
            "printf() { :; }",
            "_ab_a() { :; }",
            "a=${b=c}",
            "a=${b:=c}",
            "a={b,c}",
        ),
        *(
            "if :; then\na() {\n\t:\n}\nfi",
            "function a {\n\t:\n}",
            "a() {\n\tb() {\n\t:\n\t}\n}",
            "a() {\nb\n}",
            "a() {\n\tb\n} >c",
        ),
    ],
)
def test_not_plain(text: str) -> None:
    assert read_plain(text.encode()) is None


def test_a_long_text_or_function_is_not_looked_at() -> None:
    assert read_plain(b"#" * (1 << 18)) is not None
    assert read_plain(b"#" * ((1 << 18) + 1)) is None
    assert read_plain(b"a() {\n\t" + b"x" * 16000 + b"\n}\n") is not None
    assert read_plain(b"a() {\n\t" + b"x" * 17000 + b"\n}\n") is None


def test_names_that_are_asked_for() -> None:
    assert asked_names(b'a=$b ${c:-$d} "${#e}" $(f "$g") \'$h\'') == {b"b", b"c", b"d", b"e", b"g", b"h"}
    assert b"FOO" in asked_names(b'a="$FO\\\nO"')
    assert run('a="$FO\\\nO"')["a"] == "foo"
    assert {b"i", b"j"} <= asked_names(b"a=$((i + $j))")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (b"a=1\nb=*\n", False),
        (b"for i in *; do b=$i; done", True),
        (b"a=*\nfor i in $a; do b=$i; done\na=", True),
        (b"c=*\na=$c\nfor i in $a; do b=$i; done\na=1\nc=", True),
        (b"a=1\nd=*\nfor i in $a; do b=$i; done\na=2", False),
    ],
)
def test_loops_tell_all_that_they_may_go_over(text: bytes, pattern: bool) -> None:
    found = read_plain(text)
    assert found is not None
    assert (b"*" in found.loops) is pattern


REPEATED = r"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from abuildpy.recipe.plain import outside_functions, read_plain
units = ["a", '"', "'", "`", "\\", "$", "${", "$(", "$((", "(", "{", "}", "#", "<<", "\n", "\t", " ", ";", "a=1 ", "a=", "[", "*"]
units += ["${x}", "${x%%a}", "${x##a}", "${x/a}", "${x//a/b}", "${x:-5}", "${x: -1}", "${x:-a}", '${x:-"a"}', "${x%${y%%a}}"]
units += ['"a"', "'a'", "`a`", '"$x"', '"${x}"', '"${x:-a}"', "$(a)", "$((1))", '"$(a)"', '"`', '"${x:-"', "if ", "a)", "|"]
units += ["for x in a; ", "export a ", "case a in ", "[ a = b ] ", "a() {\n", "a() {\n\t:\n}\n", "|| {\n", "\t}\n", "<<-EOF\n"]
size, start = int(sys.argv[1]), sys.argv[2]
for unit in units:
    for end in ("`", '"\n}\n', "\n}\n"):
        text = (start + unit * (size // len(unit)) + end).encode()
        read_plain(text)
        outside_functions(text)
print("done")
"""


@pytest.mark.parametrize("size", [2_000, 30_000])
@pytest.mark.parametrize("start", ["", 'a="', "a=", "for x in ", "a() {\n\t", 'a() {\n\t"', "a() {\n\tx <<-EOF\n"])
def test_repetitions_are_refused_in_little_time(start: str, size: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPEATED, str(size), start], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
