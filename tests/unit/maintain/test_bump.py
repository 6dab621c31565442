# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.errors import UsageError
from abuildpy.maintain.bump import Subject, Target, commit_message, parse_target


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("foo-1.1", "foo", "1.1"),
        ("main/foo-1.1_rc1", "main/foo", "1.1_rc1"),
        ("py3-a-2b-3", "py3-a-2b", "3"),
        ("gtk+2.0-2.24", "gtk+2.0", "2.24"),
        ("foo--1", "foo-", "1"),
        ("foo-0_git20240131", "foo", "0_git20240131"),
    ],
)
def test_name_and_version(text: str, name: str, version: str) -> None:
    target = parse_target(text)
    assert target == Target(name, version)
    assert str(target) == text


@pytest.mark.parametrize("text", ["foo", "foo-", "foo-bar", "1.1", "-1.1", "", "foo1.1"])
def test_no_version(text: str) -> None:
    with pytest.raises(UsageError, match=r"^version missing for "):
        parse_target(text)


@pytest.mark.parametrize("text", ["foo-1.1-r0", "foo-1.1-rc1", "foo-1.1/2", "foo-1.1 ", "foo-1.1$(x)", "foo-1\n2"])
def test_no_version_for_a_package(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be a pkgver"):
        parse_target(text)


def test_messages() -> None:
    foo = Target("main/foo", "1.1")
    assert commit_message("main", foo, Subject()) == "main/foo: upgrade to 1.1"
    assert commit_message("main", foo, Subject(security=True)) == "main/foo: security upgrade to 1.1"
    everything = Subject(security=True, cves="CVE-1,CVE-2", body="a\nb", fixes="#7")
    subject = "main/foo: security upgrade to 1.1 (CVE-1,CVE-2)"
    assert commit_message("main", Target("foo", "1.1"), everything) == f"{subject}\n\na\nb\n\nfixes #7"
    assert commit_message("main", foo, Subject(fixes="7")) == "main/foo: upgrade to 1.1\n\nfixes #7"
