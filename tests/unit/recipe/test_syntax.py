# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything in a recipe is, however the shell in it is written."""

from __future__ import annotations

import pytest

from abuildpy.recipe.syntax import Assignment, Script, parse


def assigned(text: str | bytes) -> dict[str, list[bytes]]:
    """Top-level assignments: the values as written, by name."""
    script = parse(text if isinstance(text, bytes) else text.encode())
    found: dict[str, list[bytes]] = {}
    for assignment in script.assignments:
        check(script, assignment)
        if assignment.top_level:
            found.setdefault(assignment.name, []).append(assignment.raw)
    return found


def check(script: Script, assignment: Assignment) -> None:
    """The spans of an assignment are where its name and its value stand."""
    operator = b"+=" if assignment.append else b"="
    assert script.text(assignment.span) == assignment.name.encode() + operator + assignment.raw
    assert script.text(assignment.value_span) == assignment.raw
    lines = script.data[: assignment.span.start].split(b"\n")
    assert (assignment.span.line, assignment.span.column) == (len(lines), len(lines[-1]) + 1)


def only(text: str, name: str) -> Assignment:
    (assignment,) = [a for a in parse(text.encode()).assignments if a.name == name]
    return assignment


RECIPE = b"""\
# Contributor: Somebody
# Maintainer: Somebody Else <s@example.org>

pkgname=foo
pkgver=1.0  # a comment
source="https://example.org/$pkgname-$pkgver.tar.gz
\tfix.patch renamed::https://example.org/a%20b
\t"

# about building
build() {
\tlocal x=1
\tmake CC=gcc
}

package() (
\tmake install
)

if [ "$CARCH" = x86 ]; then
\tsource="$source $(echo a b) x86.patch"
fi

sha512sums="
aa  foo-1.0.tar.gz
"
"""


def test_assignments() -> None:
    assert assigned(RECIPE) == {
        "pkgname": [b"foo"],
        "pkgver": [b"1.0"],
        "source": [
            b'"https://example.org/$pkgname-$pkgver.tar.gz\n\tfix.patch renamed::https://example.org/a%20b\n\t"'
        ],
        "sha512sums": [b'"\naa  foo-1.0.tar.gz\n"'],
    }
    script = parse(RECIPE)
    places = [(a.name, a.function, a.inside, a.declared) for a in script.assignments if not a.top_level]
    assert places == [("x", "build", (), "local"), ("source", None, ("if",), "")]
    assert [a.span.line for a in script.assigned("source")] == [6]


def test_functions() -> None:
    script = parse(RECIPE)
    assert [(f.name, f.span.line) for f in script.functions] == [("build", 11), ("package", 16)]
    build, package = script.functions
    assert script.text(build.name_span) == b"build"
    assert script.text(build.body_span) == b"{\n\tlocal x=1\n\tmake CC=gcc\n}"
    assert script.text(package.span) == b"package() (\n\tmake install\n)"


def test_source_entries() -> None:
    script = parse(RECIPE)
    assert [(e.text, e.span.line) for e in script.source_entries] == [
        (b"https://example.org/$pkgname-$pkgver.tar.gz", 6),
        (b"fix.patch", 7),
        (b"renamed::https://example.org/a%20b", 7),
        (b"$source", 21),
        (b"$(echo a b)", 21),
        (b"x86.patch", 21),
    ]
    for entry in script.source_entries:
        assert script.text(entry.span) == entry.text
    assert script.source_entries[5].assignment.inside == ("if",)


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        ("'a\tb'", [b"a", b"b"]),
        ("a", [b"a"]),
        ('""', []),
        ('"  "', []),
        (r'a\ b"c d"', [rb'a\ b"c', b"d"]),
        ('"a\\\nb c"', [b"a\\\nb", b"c"]),
        ('"$a$b.patch ${c:-x y} z"', [b"$a$b.patch", b"${c:-x y}", b"z"]),
        ('"$(ls "a b") `x y`z"', [b'$(ls "a b")', b"`x y`z"]),
        ('"a\r\nb"', [b"a\r", b"b"]),
    ],
)
def test_what_separates_source_entries(value: str, entries: list[bytes]) -> None:
    assert [e.text for e in parse(f"source={value}\n".encode()).source_entries] == entries


def test_comments() -> None:
    script = parse(RECIPE + b"true #last")
    assert [(c.text, c.span.line, c.trailing) for c in script.comments] == [
        (b"# Contributor: Somebody", 1, False),
        (b"# Maintainer: Somebody Else <s@example.org>", 2, False),
        (b"# a comment", 5, True),
        (b"# about building", 10, False),
        (b"#last", 27, True),
    ]
    commented = {a.name: a.comment.text for a in script.assignments if a.comment}
    assert commented == {"pkgver": b"# a comment"}


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("a=1 # x\n", b"# x"),
        ("a=1; # x\n", b"# x"),
        ('a="1\n2" # x', b"# x"),
        ("a=1 b=2 # x\n", None),
        ("a=1 # x\n# y\n", b"# x"),
        ("a=1\n# y\n", None),
        ("a=1#x\n", None),
        ("a=1 \\\n # x\n", None),
        ("{ a=1; } # x", None),
    ],
)
def test_the_comment_of_an_assignment(text: str, comment: bytes | None) -> None:
    found = only(text, "a").comment
    assert (found.text if found else None) == comment


def test_sections() -> None:
    assert [(s.kind, s.span.line) for s in parse(RECIPE).sections] == [
        ("header", 1),
        ("variables", 4),
        ("functions", 11),
        ("commands", 20),
        ("checksums", 24),
    ]
    script = parse(RECIPE)
    assert script.text(script.sections[0].span) == RECIPE[: RECIPE.index(b"\n\npkgname")]
    assert script.text(script.sections[2].span).endswith(b"make install\n)")
    assert parse(b"").sections == ()


def test_here_documents_hold_no_assignments() -> None:
    text = "a=1\ncat <<EOF; b=2\na=3\n$(a=4)\nEOF2\n EOF\nEOF\nc=5\ncat <<-'E F'\n\ta=6 $(\n\tE F\nd=7\n"
    assert assigned(text) == {"a": [b"1"], "b": [b"2"], "c": [b"5"], "d": [b"7"]}


@pytest.mark.parametrize(
    "text",
    [
        "cat <<A <<B\na=1\nA\nb=1\nB\nx=2\n",
        "f() {\n\tcat <<-EOF\n\ta=1\n\tEOF\n}\nx=2\n",
        "cat <<EOF &&\na=1\nEOF\ntrue\nx=2\n",
        'cat <<"EOF" | sed "\ns/a/b/"\na=1 "\nEOF\nx=2\n',
        "cat <<EOF\na \\\nEOF\na=1\nEOF\nx=2\n",
        "y=$(cat <<EOF\n)a=1\nEOF\n)\nx=2\n",
        "cat <<$E\na=1\n$E\nx=2\n",
        "x=2\ncat <<EOF\na=1",
    ],
)
def test_where_here_documents_end(text: str) -> None:
    found = assigned(text)
    assert found["x"] == [b"2"]
    assert not found.keys() & {"a", "b"}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "''",
        "'a \"b\" $c # \\'",
        "\"a 'b' # c\"",
        '"a\n# b\nc=d"',
        '"\\"$x\\$(\\`"',
        "a\\\nb",
        "a\\ b\\#c",
        "a#b",
        "${x}",
        '"${x:-"a } b"}"',
        '"${x:-\'}"',
        "${x:-'}'}",
        "${x%'}'}",
        "\"${x%'}'}\"",
        "${x#${y%\\}}}",
        "${x//\\//}",
        "${x:-$(echo })}",
        "$(echo ')' \")\" \\) # )\n)",
        "$(case $x in a) echo;; (b) echo;; esac)",
        "$(f() { :; }; ( f ); { f; })",
        '"$(echo "a $(echo ")") b")"',
        "`echo \\`echo ')'\\` '\"'`",
        '"`echo ")" $(x)`"',
        "$(( (1 + 2) * 3 ))",
        "$((x << 2))",
        "$((x) + 1))",
        "\"$((\n1 + $(echo '1 )') ))\"",
        "$'a\\'b'",
        '"$\'"',
        "${#x}${#}${##}${#-a}",
        "$?$$$!$-$#$@$*$1",
        "${}",
        "${a&b}",
        "${ a}",
        '"${a!"}"}"',
        "`)`",
        "$",
        '"$"',
        "a=b=c",
        "\\",
        "{a,b}",
        "~/x",
        "[a-z]*",
    ],
)
@pytest.mark.parametrize("after", ["", "\n", "; b=2", " # c=3", "\r\n"])
def test_where_values_end(value: str, after: str) -> None:
    if value == "\\" and after:  # that would join the next line
        return
    carriage_return = b"\r" if after.startswith("\r") else b""  # an ordinary character to the shell
    text = f"x=1\nv={value}{after}\ny=2\n" if after else f"x=1\nv={value}"
    found = assigned(text)
    assert found["v"] == [value.encode() + carriage_return]
    assert found.get("y", [b"2"]) == [b"2"]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("v=1", ()),
        ("{ v=1; }", ("group",)),
        ("( v=1 )", ("subshell",)),
        ("v=1 | cat", ("pipeline",)),
        ("true && v=1", ("and-or",)),
        ("true || v=1 || true", ("and-or",)),
        ("v=1 && true", ("condition",)),
        ("if v=1; then :; fi", ("condition",)),
        ("if :; then v=1; fi", ("if",)),
        ("if :; then :; else v=1; fi", ("if",)),
        ("if :; then :; elif v=1; then :; fi", ("condition",)),
        ("while v=1; do :; done", ("condition",)),
        ("while :; do v=1; done", ("while",)),
        ("until :; do v=1; done", ("until",)),
        ("for x in a; do v=1; done", ("for",)),
        ("for x in $(v=1); do :; done", ("substitution",)),
        ("case x in y) v=1;; esac", ("case",)),
        ("case x in y) ;; (z|w) if :; then v=1; fi esac", ("case", "if")),
        ("x=$(v=1)", ("substitution",)),
        ("x=`v=1`", ("substitution",)),
        ("echo ${x:-$(v=1)}", ("substitution",)),
        ("echo $((1 + $(v=1)))", ("substitution",)),
        ("v=1 &", ("background",)),
        ("! v=1", ()),
        ("cat <<E\n$(v=1)\nE\n", ("substitution",)),
        (": > $(v=1)", ("substitution",)),
    ],
)
def test_what_an_assignment_is_inside(text: str, inside: tuple[str, ...]) -> None:
    found = only(text, "v")
    assert (found.function, found.inside) == (None, inside)
    assert found.top_level == (inside == ())


@pytest.mark.parametrize(
    ("text", "function", "inside"),
    [
        ("f() { v=1; }", "f", ()),
        ("f() ( v=1 )", "f", ("subshell",)),
        ("f()\n{\nv=1\n}", "f", ()),
        ("f () if :; then v=1; fi", "f", ("if",)),
        ("function f { v=1; }", "f", ()),
        ("function f() { v=1; } > x", "f", ()),
        ("f() { { v=1; }; }", "f", ("group",)),
        ("f() { g() { v=1; }; }", "g", ()),
        ('f() { echo "$(v=1)" }; }', "f", ("substitution",)),
        ("f() { [ x ] && v=1; }", "f", ("and-or",)),
    ],
)
def test_functions_bodies(text: str, function: str, inside: tuple[str, ...]) -> None:
    found = only(text, "v")
    assert (found.function, found.inside, found.top_level) == (function, inside, False)


def test_functions_in_functions() -> None:
    script = parse(b"f() { g() { :; }; }; if x; then h() { :; }; fi")
    assert [(f.name, f.function, f.inside) for f in script.functions] == [
        ("f", None, ()),
        ("g", "f", ()),
        ("h", None, ("if",)),
    ]


def test_declarations_and_prefixes() -> None:
    script = parse(b"export A=1 B C='x y'\nreadonly D=2\nE=3 F=4 cmd G=5\nH=6 export I=7\nexport J+=8\n")
    found = {a.name: (a.declared, a.prefix, a.append, a.raw) for a in script.assignments}
    assert found == {
        "A": ("export", False, False, b"1"),
        "C": ("export", False, False, b"'x y'"),
        "D": ("readonly", False, False, b"2"),
        "E": ("", True, False, b"3"),
        "F": ("", True, False, b"4"),
        "H": ("", True, False, b"6"),
        "I": ("export", False, False, b"7"),
        "J": ("export", False, True, b"8"),
    }


@pytest.mark.parametrize(
    "text", ["echo v=1", "make v=1", "'v'=1", "\\v=1", "$x=1", "1v=1", "v-w=1", "v+=1", "case v=1 in *) ;; esac"]
)
def test_what_is_no_assignment(text: str) -> None:
    assert parse(text.encode()).assignments == ()


def test_words_that_only_look_reserved() -> None:
    text = (
        "echo if then { }\n'if' x\nx=1 if=2\nif_=3\nfi=4\necho done; echo esac\nin=5\nfor do in for in; do echo; done\n"
    )
    assert assigned(text) == {"x": [b"1"], "if": [b"2"], "if_": [b"3"], "fi": [b"4"], "in": [b"5"]}


def test_joined_lines() -> None:
    text = "a=1 \\\n\tb=2\ni\\\nf :; then c=3; fi\nd=$e\\\nf\nif :; then\\\n :; fi\\\n\ng=${h\\\ni:\\\n-x}\n"
    text = text.replace("i\\\nf", "if")  # joined keywords do not occur, joined names do
    assert assigned(text) == {"a": [b"1"], "b": [b"2"], "d": [b"$e\\\nf"], "g": [b"${h\\\ni:\\\n-x}"]}


def test_any_bytes() -> None:
    assert assigned(b'a="\xff\xfe \xc3\xa4"\nb=\x00x\nc=\xe2\x80\xa9y\nd=1\x0c2\x1c3\x85\n') == {
        "a": [b'"\xff\xfe \xc3\xa4"'],
        "b": [b"\x00x"],
        "c": [b"\xe2\x80\xa9y"],
        "d": [b"1\x0c2\x1c3\x85"],
    }


def test_deep_nesting_is_read() -> None:
    text = "x=" + "$(echo " * 30 + "1" + ")" * 30 + "\n" + "if :; then " * 30 + "y=1; " + "fi; " * 30 + "\nz=1\n"
    assert assigned(text)["z"] == [b"1"]


def test_redirections_are_no_words() -> None:
    text = "a=1 >b=2 2>&1 <c=3\ncmd 2>/dev/null&>x >|y <>z d=4\n>e f=5\n"
    script = parse(text.encode())
    assert [(a.name, a.prefix) for a in script.assignments] == [("a", False), ("f", False)]


@pytest.mark.parametrize(
    "text",
    [
        "{ { v=1; } }",
        "case x in x) if :; then v=1; fi esac",
        "f() { if :; then v=1; fi }",
        "if { v=1; } then :; fi",
        "while ( v=1 ) do :; done",
        "for x do v=1; done",
        "for x\n\nin a \\\n b\n\n\ndo v=1; done",
        "case x\nin\n\n(a | b) v=1 ;;\n(esac) ;; esac",
        "case x in a) ;; b) v=1;\nesac",
        "if :; then #c\nv=1\n#c\nelse # d\n:; fi",
        "{\n\n# c\nv=1 # d\n}",
        "true &&\n# c\n\nv=1",
        "true |\n{ v=1; }",
        ": &\nv=1 &",
        "! ! v=1",
    ],
)
def test_every_way_to_write_compound_commands(text: str) -> None:
    assert only(text, "v").raw == b"1"
