# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit import add_secfix, secfixes_block
from abuildpy.recipe.syntax import parse

BLOCK = """\
# secfixes:
#   1.2-r1:
#     - CVE-2024-1 GHSA-ab-cd
#     - CVE-2024-2 # only here
#   1.1-r0:
#     - CVE-2023-1
#   0:
#     - CVE-2022-9
"""
RECIPE = f'# Maintainer: x\npkgname=x\npkgver=1.2\nsource="a\n\tb\n\t"\n\n{BLOCK}\nbuild() {{\n\t# secfixes:\n\t:\n}}\n'


def after(version: str, *ids: str) -> str:
    """The block after an edit of RECIPE, all else being as it was."""
    text = add_secfix(RECIPE.encode(), version, ids).decode()
    before, behind = RECIPE.split(BLOCK)
    assert text.startswith(before) and text.endswith(behind)
    return text[len(before) : len(text) - len(behind)]


def test_a_new_version_goes_on_top() -> None:
    head, rest = BLOCK.split("\n", 1)
    assert after("1.10-r0", "CVE-2024-3", "CVE-2024-4 GHSA-x1") == (
        f"{head}\n#   1.10-r0:\n#     - CVE-2024-3\n#     - CVE-2024-4 GHSA-x1\n{rest}"
    )


def test_older_versions_go_below() -> None:
    assert after("1.2-r0", "CVE-2024-3") == BLOCK.replace("#   1.1-r0", "#   1.2-r0:\n#     - CVE-2024-3\n#   1.1-r0")
    assert after("1.0-r0", "CVE-2024-3") == BLOCK.replace("#   0:", "#   1.0-r0:\n#     - CVE-2024-3\n#   0:")
    assert after("0", "CVE-2024-3") == f"{BLOCK}#     - CVE-2024-3\n"


def test_a_known_version_gets_what_it_has_not_got() -> None:
    assert after("1.2-r1", "CVE-2024-2", "CVE-2024-3", "CVE-2024-3", "CVE-2024-1", "GHSA-ab-cd") == BLOCK.replace(
        "#   1.1", "#     - CVE-2024-3\n#   1.1"
    )
    assert after("1.1-r0", "CVE-2023-1") == after("1.1-r0", "CVE-2023-1 GHSA-new") == after("9-r9") == BLOCK
    # What stands behind another # is a remark, and the same number elsewhere is another line's matter.
    assert "#     - CVE-2024-2 # only here\n#   1.1-r0:\n#     - CVE-2023-1\n#     - CVE-2024-2\n" in after(
        "1.1-r0", "CVE-2024-2"
    )


def test_indentation_is_kept() -> None:
    text = b"pkgname=x\n# secfixes: \n#   1-r0:\n#  - CVE-1-1\n#\n"
    assert add_secfix(text, "1-r0", ["CVE-1-2"]) == text.replace(b"1-1\n", b"1-1\n#  - CVE-1-2\n")


@pytest.mark.parametrize("text", ["# secfixes:", "a=1\n\n# secfixes:\n\nb=2\n", "# secfixes", "#secfixes:\n#\n"])
def test_an_empty_block(text: str) -> None:
    head, found, tail = text.partition("secfixes")
    colon, tail = (":", tail[1:]) if tail.startswith(":") else ("", tail)
    new = add_secfix(text.encode(), "1-r0", ["CVE-1-2"]).decode()
    assert new == f"{head}{found}{colon}\n#   1-r0:\n#     - CVE-1-2{tail}"


NEW = "# secfixes:\n#   1-r0:\n#     - CVE-1-2\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pkgname=x\n\nbuild() {\n\t:\n}\n", f"pkgname=x\n\n{NEW}\nbuild() {{\n\t:\n}}\n"),
        ("pkgname=x\nbuild() {\n\t:\n}\n", f"pkgname=x\n\n{NEW}\nbuild() {{\n\t:\n}}\n"),
        ('source="\n\ta\n\t" # c\n\n# why\nf() { :; }\n', f'source="\n\ta\n\t" # c\n\n{NEW}\n# why\nf() {{ :; }}\n'),
        ("a=1\nexport B=2\nf() { :; }\nc=3\n", f"a=1\n\n{NEW}\nexport B=2\nf() {{ :; }}\nc=3\n"),
        ("a=1\n_b=2\n", f"a=1\n\n{NEW}\n_b=2\n"),
        ('a=1\n\nsha512sums="\nx  y\n"\n', f'a=1\n\n{NEW}\nsha512sums="\nx  y\n"\n'),
        ("a=1; b='\n'\nf() { :; }\n", f"a=1; b='\n'\n\n{NEW}\nf() {{ :; }}\n"),
        ("a=1", f"a=1\n\n{NEW[:-1]}"),
        ("a=1\n", f"a=1\n\n{NEW}"),
        ("f() { :; }\n", f"{NEW}\nf() {{ :; }}\n"),
        ("", NEW),
        ("cat <<A\n# secfixes:\nA\na=1\n", f"cat <<A\n# secfixes:\nA\na=1\n\n{NEW}"),
        ("a=1 # secfixes:\n", f"a=1 # secfixes:\n\n{NEW}"),
    ],
)
def test_a_block_is_made_where_there_is_none(text: str, expected: str) -> None:
    assert add_secfix(text.encode(), "1-r0", ["CVE-1-2"]).decode() == expected
    crlf = add_secfix(text.replace("\n", "\r\n").encode(), "1-r0", ["CVE-1-2"]).decode()
    assert crlf == (expected.replace("\n", "\r\n") if "\n" in text else expected)


def test_crlf_stays() -> None:
    for text in (RECIPE, BLOCK, BLOCK[:-1]):
        for version in ("1.2-r1", "2-r0", "0"):
            expected = add_secfix(text.encode(), version, ["CVE-1-2"]).replace(b"\n", b"\r\n")
            assert add_secfix(text.replace("\n", "\r\n").encode(), version, ["CVE-1-2"]) == expected


@pytest.mark.parametrize(
    ("line", "number"), [("# Contributor: y", 3), ("#   note", 3), ("#     - CVE-1-1", 3), ("#\t1.0:", 0), ("#", 0)]
)
def test_lines_that_do_not_belong_there(line: str, number: int) -> None:
    text = f"a=1\n# secfixes:\n{line}\n#   1-r0:\n#     - CVE-1-1\n".encode()
    if number:
        with pytest.raises(RecipeError, match=f"line {number}: this does not belong"):
            add_secfix(text, "2-r0", ["CVE-1-2"])
    else:
        assert b"CVE-1-2" in add_secfix(text, "2-r0", ["CVE-1-2"])


@pytest.mark.parametrize(
    ("version", "id_"),
    [
        ("", "CVE-1-1"),
        ("r1", "CVE-1-1"),
        ("1:", "CVE-1-1"),
        ("1 2", "CVE-1-1"),
        ("1\n2", "CVE-1-1"),
        ("1\n", "CVE-1-1"),
        ("1", ""),
        ("1", "cve-1"),
        ("1", "CVE"),
        ("1", "CVE-1-1\n"),
        ("1", "CVE-1-1 # x"),
        ("1", "CVE-1-1,CVE-1-2"),
    ],
)
def test_what_abuild_would_not_accept(version: str, id_: str) -> None:
    with pytest.raises(RecipeError, match="secfixes: '"):
        add_secfix(RECIPE.encode(), version, [id_])


def test_where_the_block_is() -> None:
    script = parse(RECIPE.encode())
    span = secfixes_block(script)
    assert span is not None
    assert (script.text(span).decode() + "\n", span.line) == (BLOCK, 8)
    assert secfixes_block(parse(b"\t# secfixes:\nf() {\n# note\n:\n}\n")) is None


VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]){0,2}-r[0-9]", fullmatch=True)


@settings(deadline=None)
@given(st.lists(st.tuples(VERSIONS, st.integers(1, 4)), min_size=1, max_size=12))
def test_any_order_of_additions_gives_the_same(additions: list[tuple[str, int]]) -> None:
    from abuildpy.repository.version import sort_key

    text = b"a=1\n\nf() { :; }\n"
    wanted: dict[str, list[str]] = {}
    for version, number in additions:
        text = add_secfix(text, version, [f"CVE-2024-{number}"])
        known = wanted.setdefault(version, [])
        if f"CVE-2024-{number}" not in known:
            known.append(f"CVE-2024-{number}")
    found: dict[str, list[str]] = {}
    lines = text.decode().splitlines()
    assert (lines[:3], lines[-2:]) == (["a=1", "", "# secfixes:"], ["", "f() { :; }"])
    for line in lines[3:-2]:
        if line.startswith("#   ") and line.endswith(":"):
            found[line[4:-1]] = []
        else:
            assert line.startswith("#     - ")
            next(reversed(found.values())).append(line[8:])
    assert found == wanted
    keys = [sort_key(version) for version in found]
    assert keys == sorted(keys, reverse=True)
