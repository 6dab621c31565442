# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cache tells is never stale: after any change it is what an evaluation with an empty cache gives."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from poolkit import FUNCTIONS, HEAD, alone, below, differences, place_config, recipe, values, write

from abuildpy.config import Config
from abuildpy.phases import evaluating
from abuildpy.recipe import shelf, signatures
from abuildpy.recipe.answer import Answer

Change = Callable[[Path, dict[str, str]], object]
"""Changes a place, or the environment of what comes."""


@pytest.fixture(name="base")
def fixture_base() -> Iterator[Path]:
    """A place that everybody gets to, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="abuildpy-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(name="evaluated")
def fixture_evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of all recipes that were not in the cache."""
    found: list[str] = []
    original = evaluating.Evaluating.evaluate

    def evaluate(self: evaluating.Evaluating, recipes: list[tuple[int, str]]) -> Iterator[tuple[int, Answer | None]]:
        found.extend(path for _, path in recipes)
        return original(self, recipes)

    monkeypatch.setattr(evaluating.Evaluating, "evaluate", evaluate)
    return found


def without_cache(config: Config) -> Config:
    """The same with a cache that is empty and stays so."""
    return Config(config.variables, config.exported, {**config.environ, "XDG_CACHE_HOME": "/dev/null"})


def replace(path: Path, old: str, new: str) -> None:
    """Changes a text."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def same_size_and_time(path: Path, old: str, new: str) -> None:
    """Changes a text so that only its time of change tells."""
    assert len(old) == len(new)
    before = path.stat()
    replace(path, old, new)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped(path: Path, old: str, new: str) -> None:
    """Puts another file in the place of one."""
    other = path.with_name("other")
    other.write_text(path.read_text().replace(old, new))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)


def linked(path: Path, old: str, new: str) -> None:
    """Puts a link in the place of a file."""
    other = path.with_name("other")
    other.write_text(path.read_text().replace(old, new))
    path.unlink()
    path.symlink_to("other")


def renamed(base: Path, _env: dict[str, str]) -> None:
    """Puts a recipe elsewhere; what it says of its own folder is another one then."""
    (base / "aports/main/one").rename(base / "aports/main/two")


def exchanged(base: Path, _env: dict[str, str]) -> None:
    """Puts each of two recipes in the place of the other."""
    one, other = base / "aports/main/one/APKBUILD", base / "aports/main/beside/APKBUILD"
    one.rename(base / "kept")
    other.rename(one)
    (base / "kept").rename(other)


def one(base: Path) -> Path:
    """The recipe that matters."""
    return base / "aports/main/one/APKBUILD"


def sibling(base: Path) -> Path:
    """The one beside it."""
    return base / "aports/main/beside/APKBUILD"


ASKS = b'_asked="$ASKED ${CHOST} $CFLAGS"\n'
SOURCES = b". ../beside/APKBUILD\npkgname=one\n"
TESTS = b"if [ -e some.patch ]; then _there=yes; fi\n"
LOOPS = b'for _file in *.patch extra/*.patch; do source="$source $_file"; done\n'
EMPTIED = b'_names="*.patch"\nfor _file in $_names; do source="$source $_file"; done\n_names=\n'

CHANGES: dict[str, tuple[bytes, Change]] = {
    "version": (b"", lambda base, _: replace(one(base), "pkgver=1", "pkgver=22")),
    "version, plain to see only by the time of change": (
        b"",
        lambda base, _: same_size_and_time(one(base), "pkgver=1", "pkgver=2"),
    ),
    "another file": (b"", lambda base, _: swapped(one(base), "pkgver=1", "pkgver=2")),
    "a link": (b"", lambda base, _: linked(one(base), "pkgver=1", "pkgver=2")),
    "touched": (b"", lambda base, _: os.utime(one(base))),
    "renamed": (b"_where=$startdir\n", renamed),
    "copied": (
        b"_where=$startdir\n",
        lambda base, _: shutil.copytree(base / "aports/main/one", base / "aports/main/two"),
    ),
    "exchanged": (b"_where=$startdir\n", exchanged),
    "gone": (b"", lambda base, _: one(base).unlink()),
    "broken": (b"", lambda base, _: replace(one(base), "pkgver=1", "exit 3")),
    "mended": (b"exit 3\n", lambda base, _: replace(one(base), "exit 3", "")),
    "sourced": (SOURCES, lambda base, _: replace(sibling(base), "pkgver=1", "pkgver=22")),
    "sourced, by the time of change": (
        SOURCES,
        lambda base, _: same_size_and_time(sibling(base), "pkgver=1", "pkgver=2"),
    ),
    "sourced, another file": (SOURCES, lambda base, _: swapped(sibling(base), "pkgver=1", "pkgver=2")),
    "sourced, and asks": (SOURCES.replace(b"beside", b"asking"), lambda _, env: env.update(ASKED="now")),
    "tested, appears": (TESTS, lambda base, _: one(base).with_name("some.patch").touch()),
    "tested, goes": (TESTS.replace(b"some", b"old"), lambda base, _: one(base).with_name("old.patch").unlink()),
    "looped, appears": (LOOPS, lambda base, _: one(base).with_name("some.patch").touch()),
    "looped, goes": (LOOPS, lambda base, _: one(base).with_name("old.patch").unlink()),
    "looped, in another folder": (LOOPS, lambda base, _: (one(base).with_name("extra") / "some.patch").touch()),
    "looped, by a variable": (EMPTIED, lambda base, _: one(base).with_name("some.patch").touch()),
    "looped, by a variable, traced": (
        b"_n=$(echo)\n" + EMPTIED,
        lambda base, _: one(base).with_name("some.patch").touch(),
    ),
    "opened": (b"if : <some.patch; then _there=yes; fi\n", lambda base, _: one(base).with_name("some.patch").touch()),
    "asked, set": (ASKS, lambda _, env: env.update(ASKED="now")),
    "asked, changed": (ASKS, lambda _, env: env.update(CFLAGS="-O3")),
    "asked, unset": (ASKS, lambda _, env: env.pop("CFLAGS")),
    "asked behind a continuation": (b'_asked="$AS\\\nKED"\n', lambda _, env: env.update(ASKED="now")),
    "asked by eval": (b'_name=ASK\neval "_asked=\\$${_name}ED"\n', lambda _, env: env.update(ASKED="now")),
    "asked in a sum": (b"_asked=$((ASKED + 1))\n", lambda _, env: env.update(ASKED="4")),
    "machine": (ASKS, lambda _, env: env.update(CHOST="aarch64-alpine-linux-musl")),
    "machine that is built for": (b"_arch=$CARCH\n", lambda _, env: env.update(CBUILD="armv7-alpine-linux-musleabihf")),
    "library's own": (b"", lambda _, env: env.update(DEFAULT_DBG="1")),
    "configuration": (ASKS, lambda base, env: env.update(ABUILD_CONF=str(base / "abuild.conf"))),
    "language": (b"case z in [a-z]) _x=1 ;; esac\n", lambda _, env: env.update(LC_ALL="C")),
}


@pytest.mark.parametrize("trusting", [False, True], ids=["young", "old"])
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change(
    base: Path, evaluated: list[str], monkeypatch: pytest.MonkeyPatch, change: str, trusting: bool
) -> None:
    if trusting:  # as if the files had been there for long
        monkeypatch.setattr(signatures, "YOUNG", 0)
    text, make = CHANGES[change]
    env = {"CFLAGS": "-O2"}
    write(base, "one", recipe("one", text + FUNCTIONS))
    write(base, "beside", recipe("beside"))
    write(base, "asking", recipe("asking", ASKS))
    one(base).with_name("extra").mkdir()
    one(base).with_name("old.patch").touch()
    (base / "abuild.conf").write_text('CFLAGS="-O1 -pipe"\n')
    config = place_config(base, **env)
    first = below(base, config)
    again = below(base, config)
    assert [not differences(values(again[name]), values(first[name])) for name in first] == [True] * 3
    make(base, env)
    evaluated.clear()
    config = place_config(base, **env)
    for _ in range(2):
        warm = below(base, config)
        cold = below(base, without_cache(config))
        assert list(warm) == list(cold)
        for name, answer in cold.items():
            assert str(warm[name].error) == str(answer.error)
            assert not differences(values(warm[name]), values(answer)), name


@pytest.mark.parametrize("text", [b"", ASKS, SOURCES, TESTS, LOOPS, b"exit 3\n", b"_n=$(echo a | tr a b)\n"])
def test_what_is_known_is_not_evaluated_again(
    base: Path, evaluated: list[str], monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr(signatures, "YOUNG", 0)
    write(base, "one", recipe("one", text))
    write(base, "beside", recipe("beside"))
    below(base, place_config(base))
    assert len(evaluated) == 2
    below(base, place_config(base, UNASKED="1"))
    assert len(evaluated) == 2


def test_another_version_of_the_library(base: Path, evaluated: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(base, "one", recipe("one"))
    below(base, place_config(base))
    monkeypatch.setattr(shelf, "__version__", "0.0.0")
    below(base, place_config(base))
    assert len(evaluated) == 2


# --- anything together with anything ---------------------------------------------------------------------------------

NAMES = st.sampled_from("_a _b pkgdesc options CFLAGS CHOST subpackages ASKED zz".split())
WORDS = st.one_of(
    st.sampled_from(
        ["x", "'a b'", '"q  q"', "$_a", '"$_b"', "${_a:-d}", "${pkgver%.*}", '"${_b//b/c}"', "*", "$CHOST", "''"]
    ),
    st.sampled_from(
        ['"it\'s"', "'='", '"a="', '"\n"', '"\n\n x"', "'\\'", '"\\""', "$ASKED", '"é\x81"', "\\ #", '"$_a\\\n_b"']
    ),
)
VALUES = st.lists(WORDS, min_size=0, max_size=3).map("".join)
ASSIGNMENTS = st.builds("{}={}".format, NAMES, VALUES)
BODIES = st.sampled_from(
    [
        ":",
        "make 'a b' \"$x\"",
        "echo } ${x#\\}} # it's",
        'if [ -n "$(a "b")" ]; then\n\t\tb\n\tfi',
        "cat <<-EOF\n\t}\n\tit's\n\tEOF",
        "a || {\n\t\tb\n\t}",
        "echo \\ #'\n\t'",
        ":; }; _b=outside; _f() { :",
        "case a in\n\ta) b ;;\n\tesac",
    ]
)
FUNCTION = st.builds("{}() {{\n\t{}\n}}".format, st.sampled_from("build package dev _f list_has".split()), BODIES)


def test_recipes_that_come_and_go(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "YOUNG", 0)
    shutil.rmtree(base / "aports", ignore_errors=True)
    config = place_config(base)
    main = base / "aports" / "main"

    def names() -> list[str]:
        time.sleep(0.02)  # a tick of the clock, so that the folder is not young
        first, second = sorted(below(base, config)), sorted(below(base, config))
        assert first == second
        return first

    for name in "abc":
        write(base, name, recipe(name))
    (main / "empty").mkdir()
    (main / "zfile").write_text("no folder")
    assert names() == ["a", "b", "c"]
    write(base, "empty", recipe("empty"))  # the repository's folder does not change
    assert names() == ["a", "b", "c", "empty"]
    write(base, "d", recipe("d"))
    (main / "a" / "APKBUILD").unlink()
    assert names() == ["b", "c", "d", "empty"]
    (main / "b").rename(main / "bb")
    write(base, "a", recipe("a"))
    assert names() == ["a", "bb", "c", "d", "empty"]
    shutil.rmtree(main)
    main.mkdir()
    (main / "zfile").write_text("no folder")
    assert names() == []


STATEMENTS = st.one_of(
    ASSIGNMENTS,
    ASSIGNMENTS,
    st.builds("export {}".format, ASSIGNMENTS),
    st.builds('if [ "$_a" = x ]; then\n\t{}\nfi'.format, ASSIGNMENTS),
    st.builds("case $_a in\nx|y*) {};;\n*) {} ;;\nesac".format, ASSIGNMENTS, ASSIGNMENTS),
    st.builds('for _i in {}; do\n\t_b="$_b $_i"\ndone'.format, VALUES),
    st.builds('[ -z "$_b" ] || {}'.format, ASSIGNMENTS),
    FUNCTION,
    FUNCTION,
    st.sampled_from(
        ["# it's", "unset _a", "_a=$(echo sub)", "[ -e APKBUILD ] && _b=there", "set -f", "return", "_a=1 if || :"]
    ),
    st.sampled_from(
        ["false", "exit 0", "${_a:?}", "readonly _b", "_a=$((1 + 2))", "IFS=,", "eval _a=\\$_b", "cd /", "x x"]
    ),
)
RECIPES = st.lists(STATEMENTS, max_size=6).map("\n".join)


@settings(
    max_examples=60,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(RECIPES, min_size=2, max_size=4))
def test_together_and_known_and_alone_are_one(base: Path, texts: list[str]) -> None:
    shutil.rmtree(base / "aports", ignore_errors=True)
    config = place_config(base, CFLAGS="-O2", ASKED="a *")
    for number, text in enumerate(texts):
        head = HEAD % b"p%d" % number
        write(base, f"p{number}", head + text.encode() + b"\n")
        write(base, f"p{number}-good", recipe(f"good{number}", b'_seen="$_a|$_b|$_i|$zz|$options|$CFLAGS|$CHOST"\n'))
    cold = below(base, config)
    warm = below(base, config)
    for name, answer in cold.items():
        if name.endswith("good"):  # as in any other company
            seen = f"|||||-O2|{answer.variables['CHOST']}"
            assert (answer.error, answer.variables["_seen"], answer.said) == (None, seen, ())
            assert warm[name].variables["_seen"] == seen
            continue
        apkbuild = Path(answer.path)
        expected = alone(apkbuild, config)
        known = warm[name]
        assert str(known.error) == str(answer.error)
        found = values(answer) if answer.error is None else answer.error.message
        assert not differences(found, expected), apkbuild.read_bytes()
        if answer.error is None:
            assert not differences(values(known), expected), apkbuild.read_bytes()
