# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.maintain.survey.documents import setup_keywords
from abuildpy.maintain.survey.metadata import Stated
from abuildpy.maintain.survey.stated import stated_in
from abuildpy.maintain.survey.tree import SourceTree

HOME = "https://home.example/"


def _tree(folder: Path, files: dict[str, str]) -> SourceTree:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SourceTree(folder)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "pyproject.toml",
            f"[project]\ndescription = 'A thing.'\nlicense = 'MIT'\n[project.urls]\nHomepage = '{HOME}'\n",
            Stated("Thing", HOME, "MIT"),
        ),
        (
            "pyproject.toml",
            f"[tool.poetry]\ndescription = 'x'\nlicense = 'ISC'\nhomepage = '{HOME}'\n",
            Stated("x", HOME, "ISC"),
        ),
        (
            "setup.py",
            f"D = 'Some thing'\nsetup(description=D, url='{HOME}', license='MIT')\n",
            Stated("Some thing", HOME, "MIT"),
        ),
        (
            "setup.cfg",
            f"[metadata]\ndescription = Some thing\nurl = {HOME}\nlicense = MIT\n",
            Stated("Some thing", HOME, "MIT"),
        ),
        ("PKG-INFO", f"Summary: Some thing\nHome-page: {HOME}\nLicense: MIT\n", Stated("Some thing", HOME, "MIT")),
        (
            "Cargo.toml",
            f"[package]\ndescription = 'x'\nrepository = '{HOME}'\nlicense = 'MIT/Apache-2.0'\n",
            Stated("x", HOME, "MIT OR Apache-2.0"),
        ),
        (
            "package.json",
            '{"description": "x", "repository": "own/foo", "license": "MIT"}',
            Stated("x", "https://github.com/own/foo", "MIT"),
        ),
        (
            "META.json",
            f'{{"abstract": "x", "license": ["perl_5"], "resources": {{"repository": {{"web": "{HOME}"}}}}}}',
            Stated("x", HOME, "GPL-1.0-or-later OR Artistic-1.0-Perl"),
        ),
        ("foo.gemspec", f"s.summary = 'x'\ns.homepage = '{HOME}'\ns.license = 'MIT'\n", Stated("x", HOME, "MIT")),
        ("foo.cabal", f"synopsis: x\nhomepage: {HOME}\nlicense: BSD3\n", Stated("x", HOME, "BSD-3-Clause")),
        ("foo.opam", f'synopsis: "x"\nhomepage: "{HOME}"\nlicense: "ISC"\n', Stated("x", HOME, "ISC")),
        ("foo-1.rockspec", f'summary = "x",\nhomepage = "{HOME}",\nlicense = "MIT/X11"\n', Stated("x", HOME, "MIT")),
        ("meson.build", "project('x', 'c',\n  license: 'GPL-3.0-or-later',\n)\n", Stated("", "", "GPL-3.0-or-later")),
        (
            "CMakeLists.txt",
            f'project(x DESCRIPTION "Some thing"\n HOMEPAGE_URL "{HOME}")\n',
            Stated("Some thing", HOME),
        ),
        ("configure.ac", f"AC_INIT([x],[1],[https://home.example/bugs],[x],[{HOME}])\n", Stated("", HOME)),
        (
            "data/x.metainfo.xml",
            f"<summary xml:lang='de'>nein</summary><summary>Some thing</summary><url type='homepage'>{HOME}</url>"
            "<project_license>GPL-2.0-or-later</project_license>",
            Stated("Some thing", HOME, "GPL-2.0-or-later"),
        ),
        ("x.pc.in", f"Description: Some thing\nURL: {HOME}\n", Stated("Some thing", HOME)),
        (
            "README.md",
            "# foo\n\n[![badge](https://x.example)](y)\n\nFoo is a [tool](https://x.example) that helps. More of it.\n",
            Stated("Tool that helps"),
        ),
        (
            "README",
            "foo\n===\n\n- one\n- two\n\nIt `really` moves *things* about.\n",
            Stated("It really moves things about"),
        ),
    ],
)
def test_what_metadata_say(tmp_path: Path, name: str, text: str, expected: Stated) -> None:
    found = stated_in(_tree(tmp_path, {name: text}))
    assert (found.description, found.homepage, found.license) == (
        *(expected.description, expected.homepage, expected.license),
    )
    assert found.where == (name if expected.license else "")


def test_what_is_no_plain_value_in_setup_py_is_left_out(tmp_path: Path) -> None:
    text = (
        "import os\nextra = dict(install_requires=['a'])\nsetup(name='x', version=open('VERSION').read(),\n"
        "  extras_require={'test': ['pytest']}, **extra)\nos.system('touch bad')\n"
    )
    found = setup_keywords(_tree(tmp_path, {"setup.py": text}))
    assert found == {"name": "x", "version": None, "extras_require": {"test": ["pytest"]}, "install_requires": ["a"]}
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py", "setup.cfg", "package.json", "META.json", "Cargo.toml"])
@pytest.mark.parametrize("text", ["\x00\xff", "[" * 5000, "{" * 5000, "a = [1, 2", "((((", "project = 3\n"])
def test_broken_files_say_nothing(tmp_path: Path, name: str, text: str) -> None:
    found = stated_in(_tree(tmp_path, {name: text}))
    assert (found.homepage, found.license) == ("", "")


def test_descriptions_are_one_line_that_abuild_takes(tmp_path: Path) -> None:
    found = stated_in(_tree(tmp_path, {"setup.cfg": f"[metadata]\ndescription = {'word ' * 50}\n"}))
    assert len(found.description) <= 127
    assert not found.description.endswith(" ")
