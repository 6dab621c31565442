# SPDX-License-Identifier: GPL-3.0-or-later
"""What recipes say of their licence, as SPDX expressions: asked of the license-expression library too, where it is there."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuildpy.records.licenses import License, read_license


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "GPL-2.0-or-later",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT AND (Apache-2.0 OR BSD-3-Clause)",
        "(MIT OR Apache-2.0) AND Unicode-DFS-2016",
        "GPL-2.0+",
        "Apache-2.0+",
    ],
)
def test_an_expression_stays_as_it_is(text: str) -> None:
    assert read_license(text) == License(text)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("mit", "MIT"),
        ("MIT  AND\tISC", "MIT AND ISC"),
        ("MIT or ISC", "MIT OR ISC"),
        ("( MIT ) and ISC", "(MIT) AND ISC"),
        ("GPL-2.0-only WITH classpath-EXCEPTION-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ],
)
def test_what_is_meant_is_spelt_as_spdx_does(text: str, expression: str) -> None:
    assert read_license(text).expression == expression


def test_what_the_list_does_not_have_becomes_a_reference_and_is_told() -> None:
    found = read_license("MIT AND custom:sip AND GPL")
    assert found.expression == "MIT AND LicenseRef-custom-sip AND LicenseRef-GPL"
    assert set(found.references) == {"LicenseRef-custom-sip", "LicenseRef-GPL"}
    assert "'custom:sip'" in found.references["LicenseRef-custom-sip"]
    assert "'custom:sip'" in found.note and "'GPL'" in found.note


def test_an_exception_that_nobody_knows_goes_into_the_reference() -> None:
    found = read_license("GPL-2.0-only WITH OpenSSL-Exception OR MIT")
    assert found.expression == "LicenseRef-GPL-2.0-only-WITH-OpenSSL-Exception OR MIT"
    assert list(found.references) == ["LicenseRef-GPL-2.0-only-WITH-OpenSSL-Exception"]


def test_a_reference_of_the_recipe_is_one() -> None:
    found = read_license("LicenseRef-KDE-Accepted-GPL")
    assert (found.expression, list(found.references)) == (
        "LicenseRef-KDE-Accepted-GPL",
        ["LicenseRef-KDE-Accepted-GPL"],
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "MIT BSD-2-Clause",
        "GPL PerlArtistic",
        "MIT AND",
        "OR MIT",
        "(MIT",
        "MIT)",
        "MIT WITH",
        "()",
        "(" * 5000,
    ],
)
def test_what_makes_no_expression_is_not_asserted_and_told(text: str) -> None:
    found = read_license(text)
    assert (found.expression, found.references) == ("NOASSERTION", {})
    assert "no SPDX expression" in found.note


WORDS = st.sampled_from(
    "MIT GPL-2.0-only GPL-2.0+ custom AND OR WITH and or ( ) Classpath-exception-2.0 a/b LicenseRef-x".split()
)


@given(st.lists(WORDS, max_size=9).map(" ".join))
def test_whatever_is_said_the_answer_is_an_expression_that_the_library_takes(text: str) -> None:
    try:
        library: Any = importlib.import_module("license_expression")
    except ImportError:
        pytest.skip("license-expression is not installed")
    found = read_license(text)
    if found.expression == "NOASSERTION":
        return
    info = library.get_spdx_licensing().validate(found.expression)
    assert {*info.invalid_symbols} <= {*found.references}, (text, found, info.errors)
    assert read_license(found.expression).expression == found.expression


def test_the_list_is_spdx_s() -> None:
    """``packaging`` has it too, in its later versions."""
    try:
        theirs: Any = importlib.import_module("packaging.licenses._spdx")
    except ImportError:
        pytest.skip("this packaging has no list of licences")
    for each in theirs.LICENSES.values():
        assert read_license(each["id"]) == License(each["id"])
    for each in theirs.EXCEPTIONS.values():
        assert read_license(f"MIT WITH {each['id']}") == License(f"MIT WITH {each['id']}")
