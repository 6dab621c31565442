# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.errors import DependencyError
from abuildpy.repository.depends import Dependency, bare_name, check_depver, parse, satisfies


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo", Dependency("foo")),
        ("!foo", Dependency("foo", conflict=True)),
        ("foo@edge", Dependency("foo", tag="edge")),
        ("foo@edge>=1", Dependency("foo", ">=", "1", tag="edge")),
        ("!foo<1.0", Dependency("foo", "<", "1.0", conflict=True)),
        ("so:libfoo.so.1=1.2", Dependency("so:libfoo.so.1", "=", "1.2")),
        ("foo~=1.2", Dependency("foo", "~", "1.2")),
        ("foo=~1.2", Dependency("foo", "~", "1.2")),
        ("foo~>1.2", Dependency("foo", ">~", "1.2")),
        ("foo=>1.2", Dependency("foo", ">=", "1.2")),
        ("foo~<1.2", Dependency("foo", "<~", "1.2")),
        ("foo><Q1abc", Dependency("foo", "><", "Q1abc")),
        ("cmd:[", Dependency("cmd:[")),
        ("/bin/sh", Dependency("/bin/sh")),
    ],
)
def test_parse(text: str, expected: Dependency) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "!", "=1", "foo=", "foo<>=1", "foo<~>1", "@edge"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(DependencyError, match="not a dependency"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("foo~=1", "foo~1"), ("foo~>1", "foo>~1"), ("foo=>1", "foo>=1"), ("!a@b=<2", "!a@b<=2"), ("foo", "foo")],
)
def test_canonical(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


def test_bare_name() -> None:
    assert [bare_name(t) for t in ("foo", "foo>=1.0", "!foo~1", "pc:x=1=2")] == ["foo", "foo", "!foo", "pc:x"]


@pytest.mark.parametrize("text", "foo=1.0 bar>=1.0 baz<=1.0 x<2.0 z>1 !blah foo~1.0 bar>~1.0 baz<~1 foo !x<1".split())
def test_abuild_accepts(text: str) -> None:
    assert check_depver(text) is None


@pytest.mark.parametrize("text", ["foo=bar", "foo>1.0_invalid", "foo=1.0-0", "foo=", "foo=1@edge"])
def test_abuild_refuses_the_version(text: str) -> None:
    assert "Invalid version: " in (check_depver(text) or "")
    assert text in (check_depver(text) or "")


@pytest.mark.parametrize("text", ["foo=~1.0", "foo~=1.0", "foo><1.0", "foo=1=2", "foo=>1"])
def test_abuild_refuses_the_operator(text: str) -> None:
    assert "Invalid version separator" in (check_depver(text) or "")


@pytest.mark.parametrize(
    ("dependency", "name", "version", "expected"),
    [
        ("foo", "foo", "1", True),
        ("foo", "foo", "", True),
        ("foo", "bar", "1", False),
        ("foo=1", "foo", "1", True),
        ("foo=1", "foo", "1-r0", False),
        ("foo>=1", "foo", "1", True),
        ("foo>1", "foo", "1", False),
        ("foo<1", "foo", "1_rc1", True),
        ("foo<=1", "foo", "1.1", False),
        ("foo~1.2", "foo", "1.2.3-r4", True),
        ("foo~1.2", "foo", "1.3", False),
        ("foo>~1.2", "foo", "1.2.0", True),
        ("foo>~1.2", "foo", "1.1", False),
        ("foo<~1.2", "foo", "1.2.9", True),
        ("foo<~1.2", "foo", "1.3", False),
        ("foo>0", "foo", "", False),
        ("foo<1", "foo", "", True),
        ("!foo", "foo", "1", False),
        ("!foo", "bar", "1", True),
        ("!foo<2", "foo", "1", False),
        ("!foo<2", "foo", "2", True),
        ("foo><Q1x", "foo", "1", False),
    ],
)
def test_satisfies(dependency: str, name: str, version: str, expected: bool) -> None:
    assert satisfies(parse(dependency), name, version) is expected


def test_valid_version() -> None:
    assert parse("foo").has_valid_version
    assert parse("foo><Q1/x=").has_valid_version
    assert parse("foo=1").has_valid_version
    assert not parse("foo=bar").has_valid_version


@pytest.mark.parametrize("text", ["x" * 200_000, "=" * 100_000 + "x", "a>" + "1" * 100_000 + "<"])
def test_absurdly_long_words_take_no_time(text: str) -> None:
    """Not measured: a pattern that tries all ways to cut them would not come to an end here."""
    check_depver(text)
