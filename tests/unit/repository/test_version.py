# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuildpy.repository.version import Version, compare, compare_fuzzily, is_valid

# From oldest to newest.
ORDERED = [
    "0.9",
    "1_alpha",
    "1_alpha1",
    "1_alpha1_p1",
    "1_beta",
    "1_pre2",
    "1_rc1",
    "1_rc1-r1",
    "1_rc2",
    "1_rc10",
    "1",
    "1-r0",
    "1-r1",
    "1-r10",
    "1~1a",
    "1~ab",
    "1~ab-r1",
    "1_cvs",
    "1_svn",
    "1_git20200101",
    "1_git20210101",
    "1_hg1",
    "1_p",
    "1_p_alpha",
    "1_p1",
    "1_p2",
    "1a",
    "1b",
    "1.0",
    "1.00",
    "1.01",
    "1.09",
    "1.1",
    "1.1.1",
    "1.2",
    "1.10",
    "2",
    "10",
]
# "1_p" with a further suffix is special: see test_a_prerelease_of_a_patch.
ORDERED.remove("1_p_alpha")


@pytest.mark.parametrize(
    "version",
    ["1", "1.0a", "01.02", "1_alpha", "1.0_rc1_p2", "1.0~abc", "20200101_git20210101", "1.0-r0", "1a_p~0f-r12"],
)
def test_valid(version: str) -> None:
    assert is_valid(version)


@pytest.mark.parametrize(
    "version",
    [
        *("", "bar", "1.0p1", "1.0ab", "1.0-0", "1.0_foo", "1.0-", "1.0-r", "1.", ".1", "1..2", "1.0A", "1.0~"),
        *("1.0~xyz", "1.0_", "1.0_p-", "1.0-r1-r2", "1.0-r1_p1", "1.0~ab~cd", "1.0\n", " 1", "v1", "1.0_alpha.1"),
        *("٣", "1.0_prex", "1.0_1"),
    ],
)
def test_invalid(version: str) -> None:
    assert not is_valid(version)


@pytest.mark.parametrize(("older", "newer"), list(itertools.pairwise(ORDERED)))
def test_neighbours(older: str, newer: str) -> None:
    assert compare(older, newer) < 0
    assert compare(newer, older) > 0
    assert Version(older) < Version(newer)
    assert Version(newer) >= Version(older)


def test_sorting_restores_the_order() -> None:
    shuffled = random.Random(7).sample(ORDERED, len(ORDERED))
    assert [str(v) for v in sorted(map(Version, shuffled))] == ORDERED


def test_a_prerelease_of_a_patch() -> None:
    assert compare("1_p_alpha", "1_p") < 0
    assert compare("1_alpha_alpha", "1_alpha") < 0


def test_equal_versions_may_be_spelt_differently() -> None:
    assert Version("01") == Version("1")
    assert hash(Version("01")) == hash(Version("1"))
    assert compare("1-r01", "1-r1") == 0
    assert compare("1_p01", "1_p1") == 0
    assert Version("1") != "1"
    assert Version("1.0") != Version("1.00")


def test_what_is_no_version_is_older() -> None:
    assert compare("", "0") < 0
    assert compare("1.0bc", "1.0") > 0  # as far as it can be read it is 1.0b
    assert compare("1.0 ", "1.0") < 0


@pytest.mark.parametrize(
    ("version", "prefix", "expected"),
    [
        ("1.2.3-r0", "1.2", True),
        ("1.2-r0", "1.2", True),
        ("1.2", "1.2", True),
        ("1.20", "1.2", False),
        ("1.2_rc1", "1.2", True),
        ("1.2a", "1.2", True),
        ("1.2", "1.2.3", False),
        ("1.2", "1.2-r0", False),
        ("1.3", "1.2", False),
        ("1.2b-r0", "1.2bc", False),
    ],
)
def test_fuzzy(version: str, prefix: str, expected: bool) -> None:
    assert (compare_fuzzily(version, prefix) == 0) is expected


VERSIONS = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]{0,2}){0,2}"
    r"(~[0-9a-f]{1,3})?(-r[0-9]{1,2})?",
    fullmatch=True,
).filter(str.isascii)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(a: str, b: str, c: str) -> None:
    assert is_valid(a)
    assert compare(a, b) == -compare(b, a)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(st.text(alphabet="0129.abp_~-r", max_size=12), st.text(alphabet="0129.abp_~-r", max_size=12))
def test_any_text_can_be_compared(a: str, b: str) -> None:
    assert compare(a, b) == -compare(b, a)
    compare_fuzzily(a, b)


@pytest.mark.needs_apk
def test_apk_agrees(apk: str) -> None:
    words = [*ORDERED, "", "1.0p1", "1.", "1_foo", "1~", "1-r", "007.1", "1_p_p", "99999999999999999999"]
    said = subprocess.run([apk, "version", "--check", *words], capture_output=True, text=True, check=False)
    assert said.stdout.split("\n")[:-1] == [word for word in words if not is_valid(word)]
    pick = random.Random(3)
    for _ in range(60):
        a, b = pick.choice(ORDERED), pick.choice(ORDERED)
        answer = subprocess.run([apk, "version", "-t", a, b], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "<=>"[compare(a, b) + 1], (a, b)


def test_numbers_without_end() -> None:
    """apk counts in 64 bits, whatever their length; Python would refuse to."""
    assert compare("9" * 5000, f"{int('9' * 4000) % 2**64}") == 0
    assert compare("1." + "9" * 100, f"1.{int('9' * 100) % 2**64}") == 0
