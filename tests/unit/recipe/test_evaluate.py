# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from unwalled import run

from abuildpy.config import load_config
from abuildpy.errors import RecipeError
from abuildpy.recipe.evaluate import evaluate, find_apkbuild, maintainer_comment, said_lines, trace_lines
from abuildpy.recipe.model import Recipe

MINIMAL = """\
pkgname=foo
pkgver=1.0
pkgrel=2
"""


@pytest.fixture
def recipe_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CBUILD", "x86_64")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CHOST", "CTARGET", "CARCH", "options", "DEBUG", "DEFAULT_DBG"):
        monkeypatch.delenv(name, raising=False)

    def make(text: str, **env: str) -> Recipe:
        folder = tmp_path / "main" / "foo"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "APKBUILD").write_text(text)
        return evaluate(folder / "APKBUILD", load_config({**os.environ, **env}), run)

    return make


def test_variables_lists_and_derived_values(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(
        MINIMAL
        + """\
arch="all !s390x"
depends="
	a>=1
	b"
_dotless=${pkgver//./}
source="https://example.org/foo-$_dotless.tgz
	bar.tgz::https://example.org/v1.tgz
	fix.patch"
sha512sums="
aa  foo-10.tgz
bb  bar.tgz
cc  fix.patch
"
build() { :; }
package() { mkdir -p "$pkgdir"; }
_helper() { :; }
"""
    )
    assert (recipe.pkgname, recipe.version, recipe.repo) == ("foo", "1.0-r2", "main")
    assert recipe.depends == ("a>=1", "b")
    assert [(s.name, s.remote) for s in recipe.source] == [
        ("foo-10.tgz", True),
        ("bar.tgz", True),
        ("fix.patch", False),
    ]
    assert recipe.source[1].uri == "https://example.org/v1.tgz"
    assert recipe.checksums == (("aa", "foo-10.tgz"), ("bb", "bar.tgz"), ("cc", "fix.patch"))
    assert recipe.builddir == str(recipe.startdir / "src/foo-1.0")
    assert recipe.functions == {"build", "package", "_helper"}
    assert recipe.pkgarch == "x86_64"


def test_subpackages_get_split_and_arch(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(
        MINIMAL + 'subpackages="foo-doc foo-dev lib$pkgname:lib foo-data::noarch foo-x:_x:all foo-bash-completion"'
    )
    assert [(s.name, s.split, s.arch) for s in recipe.subpackages] == [
        ("foo-doc", "doc", "noarch"),
        ("foo-dev", "dev", "x86_64"),
        ("libfoo", "lib", "x86_64"),
        ("foo-data", "data", "noarch"),
        ("foo-x", "_x", "x86_64"),
        ("foo-bash-completion", "bashcomp", "noarch"),
    ]


def test_functions_made_by_eval_are_found(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(
        MINIMAL + 'subpackages="foo-a:_split_a foo-b:_split_b:noarch foo-c"\n'
        'for _i in _split_a _split_b c; do eval "$_i() { :; }"; done'
    )
    assert recipe.functions == {"_split_a", "_split_b", "c"}


def test_noarch_and_an_impossible_arch(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(MINIMAL + 'arch=noarch\nsubpackages="foo-dev foo-all::all"')
    assert [recipe.arch_of(name) for name in recipe.package_names] == ["noarch", "noarch", "x86_64"]
    with pytest.raises(RecipeError, match="sparc"):
        recipe_of(MINIMAL + 'subpackages="foo-x::sparc"')


def test_the_environment_acts_as_variables(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(MINIMAL, options="!check suid")
    assert recipe.options == ("!check", "suid")


def test_debug_wishes_of_the_environment(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(MINIMAL + "arch=all\n", DEFAULT_DBG="1", DEBUG="1", CFLAGS="-O2")
    assert recipe.subpackages[0].name == "foo-dbg"
    assert recipe.options == ("!strip",)
    assert recipe.variables["CFLAGS"] == "-O2 -g"


def test_helpers_can_be_called_at_top_level(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(
        MINIMAL + 'options="net"\nif options_has net; then depends=yes; fi\n_t=$(arch_to_hostspec aarch64)'
    )
    assert recipe.depends == ("yes",)
    assert recipe.variables["_t"] == "aarch64-alpine-linux-musl"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("pkgname=foo\nbuild() {\n\techo 'open\n}\n", 5, "syntax error"),
        ("pkgname=foo\nexit 7\n", 2, "exit 7"),
        ("pkgname=foo\nexit 0\n", 2, "exit 0"),
        ("pkgname=foo\n\nfalse\n", 3, "false"),
        ("pkgname=foo\nnosuchprogram --flag\n", 2, "nosuchprogram --flag"),
    ],
)
def test_what_cannot_be_evaluated_is_named_with_its_line(  # type: ignore[no-untyped-def]
    recipe_of, text: str, line: int, words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of(text)
    assert f"APKBUILD:{line}:" in caught.value.message
    assert words in caught.value.message
    assert caught.value.exit_status == 1


def test_output_on_the_data_descriptor_is_not_ours(recipe_of) -> None:  # type: ignore[no-untyped-def]
    recipe = recipe_of(MINIMAL + "echo pkgname=evil >&8 2>/dev/null || :\necho noise\n")
    assert recipe.pkgname == "foo"


def test_maintainer_from_variable_or_comment(recipe_of) -> None:  # type: ignore[no-untyped-def]
    assert recipe_of("# Maintainer: A B <a@b.c>\n" + MINIMAL).maintainer == "A B <a@b.c>"
    assert recipe_of("# Maintainer: A B <a@b.c>\nmaintainer='C <c@d.e>'\n" + MINIMAL).maintainer == "C <c@d.e>"
    assert maintainer_comment(b"pkgname=x\n") == ""


def test_find_apkbuild(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Could not find"):
        find_apkbuild(tmp_path)
    (tmp_path / "APKBUILD").write_text("")
    assert find_apkbuild(tmp_path) == tmp_path / "APKBUILD"


ENTRY = b"+ABUILDPY:8: sleep 300\n"


@pytest.mark.parametrize(
    ("complaint", "said"),
    [
        (b"", []),
        (ENTRY * 2, []),
        (ENTRY + b"a\n" + ENTRY + b"b\n", [b"a", b"b"]),
        (b"+ABUILDPY:3: _x='two\nlines'\n++ABUILDPY:3: _y=\"two\nlines\"\nsaid\n", [b"said"]),
        *(
            (ENTRY + b"said\n" + cut, [b"said"])
            for cut in (b"+ABUILDPY:8: ", b"+ABUILDPY:8: sleep", b"+ABUILDPY:8: _x='two\nli")
        ),
        (b"no +ABUILDPY:8: trace\n", [b"no +ABUILDPY:8: trace"]),
    ],
)
def test_the_trace_is_not_what_the_recipe_said(complaint: bytes, said: list[bytes]) -> None:
    assert said_lines(complaint) == said
    rest = trace_lines(complaint)
    assert said_lines(rest) == []
    assert len(rest) == len(complaint) - sum(len(line) + 1 for line in said)
