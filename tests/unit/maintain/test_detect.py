# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.detect import BuildType, build_type, source_folder
from abuildpy.maintain.pybuild import build_requirements


def _fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name.rstrip("/*")
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(0o755 if name.endswith("*") else 0o644)
    return folder


@pytest.mark.parametrize(
    ("files", "names", "expected"),
    [
        (["configure*", "Makefile.PL", "waf", "CMakeLists.txt"], (), BuildType.AUTOTOOLS),
        (["configure*", "meson.build"], (), BuildType.MESON),
        (["configure", "Makefile"], (), BuildType.MAKE),
        (["configure/", "Makefile"], (), BuildType.MAKE),
        (["Makefile.PL", "waf", "Makefile"], (), BuildType.PERL),
        (["Build.PL"], (), BuildType.PERL),
        (["waf", "meson.build"], ("perl-Foo",), BuildType.PERL),
        (["waf", "meson.build", "CMakeLists.txt"], (), BuildType.MESON),
        (["waf", "CMakeLists.txt"], (), BuildType.WAF),
        (["wscript"], (), BuildType.WAF),
        (["meson.build", "CMakeLists.txt", "Makefile"], (), BuildType.MESON),
        (["CMakeLists.txt", "Makefile", "setup.py"], (), BuildType.CMAKE),
        (["configure.ac", "Makefile.am", "setup.py"], (), BuildType.AUTOTOOLS),
        (["cmake/", "Makefile"], (), BuildType.MAKE),
        (["Makefile", "pyproject.toml", "Cargo.toml"], (), BuildType.PYTHON),
        (["setup.py"], (), BuildType.PYTHON),
        (["Makefile", "Cargo.toml"], (), BuildType.RUST),
        (["Makefile", "go.mod", "package.json"], (), BuildType.GO),
        (["Makefile", "foo.gemspec"], (), BuildType.RUBY),
        (["foo.cabal"], (), BuildType.HASKELL),
        (["dune-project", "Makefile"], (), BuildType.OCAML),
        (["SConstruct"], (), BuildType.SCONS),
        (["build.zig"], (), BuildType.ZIG),
        (["foo.nimble"], (), BuildType.NIM),
        (["dub.json"], (), BuildType.DUB),
        (["mix.exs"], (), BuildType.ELIXIR),
        (["foo.pro"], (), BuildType.QMAKE),
        (["foo-1-1.rockspec"], (), BuildType.LUA),
        (["Makefile", "foo-1-1.rockspec"], (), BuildType.MAKE),
        (["pom.xml"], (), BuildType.JAVA),
        (["package.json"], (), BuildType.NPM),
        (["Cargo.toml"], ("py3-foo",), BuildType.PYTHON),
        (["Cargo.toml"], ("python-foo",), BuildType.RUST),
        (["README"], ("py3-foo",), BuildType.PYTHON),
        (["README"], ("foo",), BuildType.EMPTY),
    ],
)
def test_build_type(tmp_path: Path, files: list[str], names: tuple[str, ...], expected: BuildType) -> None:
    assert build_type(_fill(tmp_path / "src", *files), names) is expected


def test_names_tell_without_a_source() -> None:
    assert build_type(None, ("perl-foo",)) is BuildType.PERL
    assert build_type(None, ("foo",)) is BuildType.EMPTY


def test_links_count_only_within_the_source(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("")
    inside = _fill(tmp_path / "src", "build/configure*")
    (inside / "Makefile.PL").symlink_to(tmp_path / "outside")
    (inside / "waf").symlink_to("nowhere")
    assert build_type(inside) is BuildType.EMPTY
    (inside / "configure").symlink_to("build/configure")
    assert build_type(inside) is BuildType.AUTOTOOLS


def test_source_folder_is_the_expected_one_else_the_last(tmp_path: Path) -> None:
    assert source_folder(tmp_path / "src", "a-1") is None
    src = _fill(tmp_path / "src", "zz.txt")
    (src / "zzz").symlink_to(tmp_path)
    assert source_folder(src, "a-1") is None
    _fill(src, "a-1/", "b-1/", "c-1/")
    assert source_folder(src, "b-1") == src / "b-1"
    assert source_folder(src, "d-1") == src / "c-1"


def _requirements(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "pyproject.toml").write_text(text)
    return build_requirements(folder)


def test_python_build_requirements(tmp_path: Path) -> None:
    usual = ("py3-gpep517", "py3-setuptools", "py3-wheel")
    assert build_requirements(None) == usual
    assert build_requirements(tmp_path) == usual
    assert _requirements(tmp_path, "[project]\nname='x'") == usual
    assert _requirements(tmp_path, "not toml [") == usual
    assert _requirements(tmp_path, "build-system = 3") == usual
    assert _requirements(tmp_path, "[build-system]\nrequires=['setuptools>=61']") == usual
    assert _requirements(tmp_path, "[build-system]\nrequires=['Flit_Core>=3,<4']") == ("py3-gpep517", "py3-flit-core")
    several = "['hatchling', \"tomli; python_version < '3.11'\", 'Cython', 3, '???', 'setuptools-scm[toml]']"
    expected = ("py3-gpep517", "py3-hatchling", "cython", "py3-setuptools_scm")
    assert _requirements(tmp_path, f"[build-system]\nrequires={several}") == expected


def test_pyproject_behind_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("[build-system]\nrequires=['hatchling']")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pyproject.toml").symlink_to("../other")
    assert "py3-hatchling" not in build_requirements(tmp_path / "src")
