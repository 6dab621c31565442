# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.needs import Needs, needs_of
from abuildpy.maintain.survey.tree import SourceTree

PACKAGES = {"libfoo-dev", "foo-dev", "bison", "kcoreaddons5-dev", "qt6-qtodd-dev", "extra-cmake-modules", "gettext-dev"}


def _needs(folder: Path, system: str, files: dict[str, str]) -> Needs:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return needs_of(SourceTree(folder), system, KnownPackages((), PACKAGES.__contains__))


@pytest.mark.parametrize(
    ("text", "make", "unknown"),
    [
        ("dependency('zlib')\ndependency('glib-2.0', version: '>=2')", ("zlib-dev", "glib-dev"), ()),
        ("dependency('foo-2')", ("foo-dev",), ()),
        ("dependency('odd')", (), ("pc:odd",)),
        ("dependency('odd', required: false)\ndependency('odder', required: get_option('x'))", (), ()),
        ("# dependency('zlib')", (), ()),
        ("dependency('threads')", (), ()),
        ("dependency('qt6', modules: ['Core', 'Odd'])", ("qt6-qtbase-dev", "qt6-qtodd-dev"), ()),
        ("foreach d : ['zlib', 'no-module']\n  dependency(d)\nendforeach", ("zlib-dev",), ()),
        ("i18n = import('i18n')", ("gettext-dev",), ()),
        ("find_program('bison')", ("bison",), ()),
    ],
)
def test_meson(tmp_path: Path, text: str, make: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    found = _needs(tmp_path, "meson", {"meson.build": f"{text}\n"})
    assert (found.make, found.unknown) == (make, unknown)


@pytest.mark.parametrize(
    ("text", "make", "unknown"),
    [
        ("find_package(ZLIB REQUIRED)", ("zlib-dev",), ()),
        (
            "find_package(PkgConfig REQUIRED)\npkg_check_modules(A REQUIRED IMPORTED_TARGET zlib>=1 foo)",
            ("zlib-dev", "foo-dev"),
            (),
        ),
        ("find_package(Odd REQUIRED)", (), ("cmake:Odd",)),
        ("find_package(Odd)", (), ()),
        ("find_package(KF5 ${V} REQUIRED COMPONENTS\n CoreAddons)", ("kcoreaddons5-dev",), ()),
        ("find_package(KF5CoreAddons)", ("kcoreaddons5-dev",), ()),
        ("find_package(Qt6 REQUIRED COMPONENTS Widgets Odd)", ("qt6-qtbase-dev", "qt6-qtodd-dev"), ()),
        ("find_package(Threads)", (), ()),
        ("# find_package(ZLIB)", (), ()),
        ("find_package(GTest)", (), ()),
    ],
)
def test_cmake(tmp_path: Path, text: str, make: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    found = _needs(tmp_path, "cmake", {"CMakeLists.txt": f"{text}\n"})
    assert (set(found.make), found.unknown) == (set(make), unknown)


@pytest.mark.parametrize(
    ("text", "make", "unknown"),
    [
        ("PKG_CHECK_MODULES([A], [zlib >= 1.2\n foo])", ("zlib-dev", "foo-dev"), ()),
        ('need="zlib >= 1"\nPKG_CHECK_MODULES(A, $need)', ("zlib-dev",), ()),
        ("PKG_CHECK_MODULES([A], [odd])", (), ("pc:odd",)),
        ("PKG_CHECK_MODULES([A], [odd], [x], [y])", (), ()),
        ("dnl PKG_CHECK_MODULES([A], [zlib])", (), ()),
        ("AC_CHECK_LIB([z], [inflate])\nAC_SEARCH_LIBS([m], [sin])", ("zlib-dev",), ()),
        ("XDT_CHECK_PACKAGE([A], [glib-2.0], [2.50])", ("glib-dev",), ()),
        ("AM_GNU_GETTEXT([external])", ("gettext-dev",), ()),
        ("AC_PROG_YACC", ("bison",), ()),
        ("PKG_CHECK_MODULES([A], [xextproto inputproto])", ("xorgproto",), ()),
    ],
)
def test_autotools(tmp_path: Path, text: str, make: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    found = _needs(tmp_path, "autotools", {"configure.ac": f"AC_INIT\n{text}\n"})
    assert (found.make, found.unknown) == (make, unknown)


def test_what_only_tests_need_is_for_the_tests(tmp_path: Path) -> None:
    files = {
        "CMakeLists.txt": "find_package(ZLIB REQUIRED)\n",
        "tests/CMakeLists.txt": "find_package(GTest REQUIRED)\nfind_package(PNG)\n",
    }
    found = _needs(tmp_path, "cmake", files)
    assert (found.make, found.check) == (("zlib-dev",), ("gtest-dev", "libpng-dev"))


def test_what_others_left_in_the_source_does_not_count(tmp_path: Path) -> None:
    files = {
        "CMakeLists.txt": "",
        "third_party/x/CMakeLists.txt": "find_package(PNG REQUIRED)\n",
        "cmake/FindX.cmake": "find_package(ZLIB)\n",
    }
    assert _needs(tmp_path, "cmake", files).make == ()
