# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no shell script is refused with its line, and nothing makes the reader crash."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abuildpy.errors import RecipeError
from abuildpy.recipe.syntax import parse
from abuildpy.shell import find_ash

SAMPLES = [path.read_bytes() for path in sorted(Path(__file__).parents[3].glob("aports-sample/main/*/APKBUILD"))]
NASTY = [
    *(b'"', b"'", b"`", b"$", b"${", b"$(", b"$((", b"))", b")", b"(", b"}", b"{", b";;", b";", b"&", b"|", b"<<EOF\n"),
    *(b"\\", b"\n", b"\r\n", b"#", b"if ", b" fi ", b"case x in ", b" esac", b"for x in ", b" do ", b" done ", b"\0"),
    *(b"f() ", b"function ", b"a=", b"export ", b"\xff", b" ! ", b"<(", b">&", b"%", b"##", b"/", b":", b"-", b"EOF\n"),
]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a=1\nb='x\n\nc=2\n", 2, "a quote is opened here and never closed"),
        ('a=1\n\nb="x\n', 3, "a quote is opened here and never closed"),
        ("b=$'x\\'\n", 1, "a quote is opened here and never closed"),
        ("\nb=`x\n", 2, "a backquote is opened here and never closed"),
        ("b=${x:-\n\n", 1, "a brace is opened here and never closed"),
        ("b=${x", 1, "a brace is opened here and never closed"),
        ("a=\n\nb=$(x\n\n", 3, "a parenthesis is opened here and never closed"),
        ("b=$((1+\n", 1, "a parenthesis is opened here and never closed"),
        ("b=$((1+(2))\n", 1, "a parenthesis is opened here and never closed"),
        ("b=$((1+2) )\n", 1, "a parenthesis is opened here and never closed"),
        ("b=${&\n", 1, "a brace is opened here and never closed"),
        ("f() {\n\techo\n", 1, "'{' is opened here and never closed"),
        ("a=1\nif :; then\n\techo\n", 2, "'if' is opened here and never closed"),
        ("while :\ndo\n", 1, "'while' is opened here and never closed"),
        ("( echo\n", 1, "'(' is opened here and never closed"),
        ("case x in\n", 1, "'case' is opened here and never closed"),
        ("case x in\na) echo\n", 1, "'case' is opened here and never closed"),
        ("echo\n}\n", 2, "'}' does not belong here"),
        ("echo )\n", 1, "')' does not belong here"),
        ("a=(1 2)\n", 1, "'(' does not belong here"),
        ("x=1 f() { :; }\n", 1, "'(' does not belong here"),
        (">x f() { :; }\n", 1, "'(' does not belong here"),
        ("echo f() { :; }\n", 1, "'(' does not belong here"),
        ("fi\n", 1, "'fi' does not belong here"),
        ("if :; fi\n", 1, "'fi' does not belong here"),
        ("if :; then\nfi\n", 2, "'fi' does not belong here"),
        ("f() { }\n", 1, "'}' does not belong here"),
        ("f()\n", 1, "the script ends where a command has to be"),
        ("echo;;\n", 1, "';' does not belong here"),
        ("echo && ;\n", 1, "';' does not belong here"),
        ("echo |\n\n", 2, "the script ends where a command has to be"),
        ("echo >\n", 1, "a line ends too early"),
        ("case x in a b) ;; esac\n", 1, "'b' does not belong here"),
        ("for 1 in a; do :; done\n", 1, "for needs a variable's name behind it"),
        ("'f'() { :; }\n", 1, "a function's name must not be quoted or expanded"),
        ("in x\n", 1, "'in' does not belong here"),
        ("x=`if`\n", 1, "'if' is opened here and never closed"),
        ("x=" + "$(" * 100, 1, "commands or quotes are nested too deeply"),
        ("\n" + "{ " * 1000, 2, "commands or quotes are nested too deeply"),
        ('"${x:-' * 500, 1, "commands or quotes are nested too deeply"),
        ("f() " * 5000, 1, "commands or quotes are nested too deeply"),
        ("$((" * 5000, 1, "commands or quotes are nested too deeply"),
    ],
)
def test_errors_name_the_line(text: str, line: int, what: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text.encode())
    assert caught.value.message == f"line {line}: {what}"


def outcome(data: bytes) -> str:
    """What the reader says; "" if it reads all of it."""
    try:
        script = parse(data)
    except RecipeError as error:
        assert error.message.startswith("line ")
        return error.message
    for assignment in script.assignments:
        assert script.text(assignment.span).endswith(assignment.raw)
    for function in script.functions:
        assert script.text(function.span).endswith(script.text(function.body_span))
    for entry in script.source_entries:
        assert script.text(entry.span) == entry.text
    assert [s.span.start for s in script.sections] == sorted(s.span.start for s in script.sections)
    assert all(comment.text.startswith(b"#") for comment in script.comments)
    return ""


def test_the_samples_are_read() -> None:
    assert len(SAMPLES) > 10
    assert [outcome(sample) for sample in SAMPLES] == [""] * len(SAMPLES)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_prefixes_and_mutations_never_crash(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SAMPLES))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        match data.draw(st.integers(0, 3)):
            case 0:
                text = text[:place]
            case 1:
                text = text[:place] + text[place + data.draw(st.integers(1, 9)) :]
            case 2:
                text = text[:place] + data.draw(st.sampled_from(NASTY)) + text[place:]
            case 3:
                text = text[:place] + data.draw(st.binary(max_size=4)) + text[place:]
    outcome(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*NASTY, b"x", b" ", b"x=1", b"echo "]), max_size=14).map(b"".join))
@example(b"\\")
@example(b"a=\\")
@example(b"x=`\\")
@example(b"<<\n")
@example(b"<<''\n\n")
def test_rubbish_never_crashes(text: bytes) -> None:
    outcome(text)


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from([p for p in NASTY if p not in (b"\0", b"<(", b"\\", b"/", b":")] + [b"x", b" "]), max_size=9
    )
)
def test_what_ash_reads_is_read(parts: list[bytes]) -> None:
    """ash itself decides which texts are scripts (not the other way round: it finds some faults only when it runs)."""
    text = b"".join(parts)
    if outcome(text):
        shell = subprocess.run([*find_ash(), "-n"], input=text, capture_output=True, check=False)
        assert shell.returncode != 0
