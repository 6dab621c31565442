# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as upstreams spell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuildpy.maintain.upstream.model import LOOSE, Form
from abuildpy.maintain.upstream.spelling import Spelled, find_form, read
from abuildpy.repository.version import compare, is_valid


@pytest.mark.parametrize(
    ("text", "version", "form"),
    [
        ("v1.2.3", "1.2.3", Form("v")),
        ("release-1_2", "1.2", Form("release-", "", "_")),
        ("RELEASE_1_4_4", "1.4.4", Form("RELEASE_", "", "_")),
        ("STABLE-2_2_0_RELEASE", "2.2.0", Form("STABLE-", "_RELEASE", "_")),
        ("7.1.1-27", "7.1.1.27", Form("", "", "-.")),
        ("openssh-9.6p1", "9.6_p1", Form("openssh-")),
        ("jdk-17.0.10+7", "17.0.10_p7", Form("jdk-")),
        ("jdk-11.0.22-ga", "11.0.22_p7", Form("jdk-", "-ga")),
        ("v1.2", "1.2.0", Form("v")),
        ("release-0.12.0", "0.12", Form("release-")),
        ("unzip60", "6.0", Form("unzip", "", "", (1, 1))),
        ("tool-1.2-rc3", "1.2_rc3", Form("tool-")),
        ("tool-1.2b7", "1.2_beta7", Form("tool-")),
        ("tool-1.5beta7", "1.5b7", Form("tool-")),
        ("lib64-6.4", "6.4", Form("lib64-")),
        ("x-1.5.0", "1.5.0_git20230717", Form("x-")),
        ("foo-1.2.3.4", "1.2.3", None),
        ("foo-11.2", "1.2", None),
        ("main", "1.2", None),
    ],
)
def test_where_a_version_stands(text: str, version: str, form: Form | None) -> None:
    assert find_form(text, version) == form


@pytest.mark.parametrize(
    ("name", "form", "version", "unfinished"),
    [
        ("v1.3.0", Form("v"), "1.3.0", False),
        ("1.3.0", Form("v"), "1.3.0", False),
        ("v1.3.0", Form(""), "1.3.0", False),
        ("release-2_0", Form("release-", "", "_"), "2.0", False),
        ("7.1.1-28", Form("", "", "-."), "7.1.1.28", False),
        ("v2.0-rc1", Form("v"), "2.0_rc1", True),
        ("v2.0.0-alpha.2", Form("v"), "2.0.0_alpha2", True),
        ("2.0b3", Form(), "2.0_beta3", True),
        ("2.0.dev4", Form(), "2.0_pre4", True),
        ("2.0-SNAPSHOT", Form(), "2.0_pre", True),
        ("2.0.post1", Form(), "2.0_p1", False),
        ("9.7p1", Form(), "9.7_p1", False),
        ("1.0.2u", Form(), "1.0.2u", False),
        ("unzip61", Form("unzip", "", "", (1, 1)), "6.1", False),
        ("unzip610", Form("unzip", "", "", (1, 1)), "61.0", False),
        ("jdk-11.0.23-ga", Form("jdk-", "-ga"), "11.0.23", False),
        ("4.0.0.CR1", Form("", ".Final"), "4.0.0_rc1", True),
        ("4.0.0.Final", Form("", ".Final"), "4.0.0", False),
    ],
)
def test_a_name_is_read(name: str, form: Form, version: str, unfinished: bool) -> None:
    assert read(name, form) == Spelled(version, unfinished)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("other-1.3", Form("tool-")),
        ("latest", Form("v")),
        ("v1.3-5-gabcdef1", Form("v")),
        ("v1.3-20240131", Form("v")),
        ("v1.3-202401", Form("v")),
        ("v1.x", Form("v")),
        ("1.3+dfsg", Form()),
        ("2024-03-01", Form()),
        ("1.3-2-4", Form()),
        ("nightly", LOOSE),
    ],
)
def test_what_is_no_release(name: str, form: Form) -> None:
    assert read(name, form) is None


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("1.3", "1.3"),
        ("V1.3", "1.3"),
        ("foo-1.3", "1.3"),
        ("foo_1_3", "1.3"),
        ("release-1.3", "1.3"),
        ("r1234", "1234"),
        ("2024-01-31", "2024.01.31"),
        ("bar-1.3", None),
        ("sub/module/v1.3", None),
    ],
)
def test_without_a_form_the_usual_ones_count(name: str, version: str | None) -> None:
    found = read(name, LOOSE, frozenset({"foo"}))
    assert (found and found.version) == version


@pytest.mark.parametrize(
    ("text", "version", "others"),
    [
        ("v2.3-1", "2.3", {"v2.4-2": "2.4", "v2.5": "2.5", "v3.0-rc1": "3.0_rc1"}),
        (
            "20230712-072601-f4abf8fd",
            "20230712.072601",
            {"20240101-010101-abcdef12": "20240101.010101", "20240101-010101": None},
        ),
        ("v0.6.2.post0", "0.6.2", {"v0.6.3.post0": "0.6.3", "v0.6.3": "0.6.3"}),
        ("3.13.0-rc3", "3.13.0", {"v3.13.0": "3.13.0", "3.14.0-rc1": "3.14.0_rc1"}),
        ("1.3.4-20231126", "1.3.4", {"1.3.5-20240101": "1.3.5"}),
        ("2023-06-15", "20230615", {"2024-01-31": "20240131", "v2024-02-01": "20240201"}),
        ("v2021.07.01", "20210701", {"v2022.01.02": "20220102"}),
        ("j-1.9.0-jumbo-1", "1.9.0", {"j-1.10.0-jumbo-2": "1.10.0", "j-1.10.0": None}),
        ("f-3.2.2.x86_64-linux", "3.2.2", {"f-3.2.4.x86_64-linux": "3.2.4", "f-3.2.4.i386-linux": None}),
    ],
)
def test_other_tags_have_other_ends(text: str, version: str, others: dict[str, str | None]) -> None:
    form = find_form(text, version)
    assert form is not None
    found = {other: read(other, form) for other in others}
    assert {other: spelled and spelled.version for other, spelled in found.items()} == others


_NUMBERS = st.lists(st.integers(0, 400), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
_SUFFIX = st.sampled_from(("", "_alpha1", "_beta2", "_rc3", "_p4"))


@given(_NUMBERS, _SUFFIX, st.sampled_from(("v", "", "foo-", "release-")), st.sampled_from(("", "-src")))
def test_what_is_found_is_read_again(numbers: str, suffix: str, before: str, after: str) -> None:
    version = numbers + suffix
    spelled = version.replace("_", "-")
    form = find_form(before + spelled + after, version)
    assert form is not None
    found = read(before + spelled + after, form)
    assert found is not None
    assert compare(found.version, version) == 0


@given(st.text(max_size=30), st.text(max_size=12))
def test_no_text_breaks_it(text: str, version: str) -> None:
    for form in (LOOSE, find_form(text, version), find_form(text, "1.2"), Form("", "", "", (1, 1))):
        found = read(text, form, frozenset({"foo"})) if form else None
        assert found is None or is_valid(found.version)
