# SPDX-License-Identifier: GPL-3.0-or-later
"""What is claimed of a recipe without running it is what BusyBox ash makes of it; what cannot be known is not claimed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unwalled import run

from abuildpy.cli.info import describe, describe_static
from abuildpy.config import RUNTIME_DIR, SHARE_DIR, Config, load_config
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.static import StaticReader, StaticValues
from abuildpy.recipe.syntax import parse
from abuildpy.shell import find_ash, parse_functions, parse_variables

TRUTH = """
. "$ABUILD_SHAREDIR/functions.sh"
. "$1/helpers.sh"
. "$1/recipe.sh" >/dev/null 2>&1 </dev/null 8>&-
{ set; printf '\\0'; unset IFS; type $_t_names 2>/dev/null; } >&8
"""
SET = "pkgname=p\\npkgver=1.2.3\\nempty=\\nspaces='  a  b '\\nword=a-b_c.d\\n".replace("\\n", "\n")


@pytest.fixture(name="env")
def fixture_env(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "CARCH": "x86_64",
        "ABUILD_CONF": "/dev/null",
        "ABUILD_SHAREDIR": SHARE_DIR,
    }


@pytest.fixture(name="place")
def fixture_place() -> Iterator[Path]:
    """A folder that everybody gets to, unlike pytest's own: what not everybody sees is never claimed."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(name="config")
def fixture_config(env: dict[str, str]) -> Config:
    return load_config(env)


def write(folder: Path, text: str | bytes) -> Path:
    apkbuild = folder / "aports" / "main" / "p" / "APKBUILD"
    apkbuild.parent.mkdir(parents=True, exist_ok=True)
    apkbuild.write_bytes(text if isinstance(text, bytes) else text.encode())
    return apkbuild


def read(apkbuild: Path, config: Config | None) -> StaticValues:
    return StaticReader(config).read(str(apkbuild), parse(apkbuild.read_bytes()))


def evaluated(apkbuild: Path, env: dict[str, str], names: frozenset[str]) -> tuple[dict[str, str], frozenset[str]]:
    """Variables, and which of the names are functions, once ash has read the recipe."""
    receive, send = os.pipe()
    os.set_inheritable(send, True)
    shell = [*find_ash(), "-c", f"exec 8>&{send}\n{TRUTH}", "ash", RUNTIME_DIR]
    env = {**env, "APKBUILD": str(apkbuild), "_t_names": " ".join(names)}
    with subprocess.Popen(shell, env=env, cwd=apkbuild.parent, close_fds=False):
        os.close(send)
        with open(receive, "rb") as stream:
            variables, functions = stream.read().split(b"\0")
    return parse_variables(variables), parse_functions(functions)


OWN = "_ _t_names PWD OLDPWD PPID LINENO OPTIND SHLVL IFS PS1 PS2 PS4 APKBUILD ABUILD_SHAREDIR".split()


def check(apkbuild: Path, env: dict[str, str]) -> StaticValues:
    """Reads a recipe and compares every claim with ash."""
    values = read(apkbuild, load_config(env))
    names = frozenset(f.name for f in parse(apkbuild.read_bytes()).functions) | (values.functions or frozenset())
    truth, functions = evaluated(apkbuild, env, names)
    for name in (truth.keys() | values.known.keys()) - set(OWN):
        claim = values.value(name)
        assert claim is None or claim == truth.get(name, ""), name
    assert values.functions is None or values.functions == functions
    return values


CERTAIN = [
    ("x=a b=c", {"x": "a", "b": "c"}),
    ("x='a b'\"c d\"e\\ f", {"x": "a bc de f"}),
    ('x="a\\\nb\\c\\$d"', {"x": "ab\\c$d"}),
    ("x=$'a\\tb\\x41\\101\\q'", {"x": "a\tbAA\\q"}),
    ("x=${pkgver}-$pkgname$nothing", {"x": "1.2.3-p"}),
    ("x=$pkgver y=$x", {"y": "1.2.3"}),
    ("export x=$pkgver y=$x", {"x": "1.2.3", "y": ""}),
    ("readonly x=1; x2=$x", {"x2": "1"}),
    ("x=$spaces; export y=$spaces", {"x": "  a  b ", "y": "  a  b "}),
    ("x=${pkgver%.*} y=${pkgver%%.*} z=${pkgver#*.} w=${pkgver##*.}", {"x": "1.2", "y": "1", "z": "2.3", "w": "3"}),
    (
        "x=${word%[_-]*} y=${word%%[!a-z]*} z=${word#?[-]} w=${word%'.'d}",
        {"x": "a-b", "y": "a", "z": "b_c.d", "w": "a-b_c"},
    ),
    ("p='*.' q=\\*; x=${pkgver#$p} y=${pkgver#\"$p\"} z=${pkgver%%$q}", {"x": "2.3", "y": "1.2.3", "z": ""}),
    (
        'x=${pkgver/./_} y=${pkgver//./} z=${pkgver//[.]/--} w="${word//[-_.]/$pkgname}"',
        {"x": "1_2.3", "y": "123", "z": "1--2--3", "w": "apbpcpd"},
    ),
    ("x=${pkgver/.} y=${pkgver//.}", {"x": "12.3", "y": "123"}),
    ("x=${pkgver:2} y=${pkgver:0:1} z=${pkgver: -1} w=${pkgver:1:-2}", {"x": "2.3", "y": "1", "z": "3", "w": ".2"}),
    ("x=${#pkgver} y=${#nothing}", {"x": "5", "y": "0"}),
    (
        'x=${empty:-a b} y=${empty-a} z=${nothing-"$pkgver"} w=${pkgver:+yes} v=${empty:+no}',
        {"x": "a b", "y": "", "z": "1.2.3", "w": "yes", "v": ""},
    ),
    (": ${nothing:=new} ${empty:=full}", {"nothing": "new", "empty": "full"}),
    ("x=${nothing=$pkgver} y=$nothing", {"x": "1.2.3", "y": "1.2.3"}),
    ('x="${empty:-it\'s}" y="${empty:-"a b"c}"', {"x": "it's", "y": "a bc"}),
    ("n=4; x=$((n * (2 + 1) % 5)) y=$((-1 + n)) z=$((n > 3))", {"x": "2", "y": "3", "z": "1"}),
    ("unset pkgver; x=${pkgver-unset}", {"x": "unset", "pkgver": ""}),
    ("if [ $pkgver = 1.2.3 ]; then x=1; else x=2; fi", {"x": "1"}),
    ('if [ -n "$nothing" ]; then x=1; elif [ ! -z "$pkgver" ]; then x=2; fi', {"x": "2"}),
    ("[ 3 -gt 2 ] && x=1; [ 3 -le 2 ] || y=1; ! false && z=1", {"x": "1", "y": "1", "z": "1"}),
    ("x=0; [ a != a ] && x=1 || x=2", {"x": "2"}),
    ("case $CARCH in x86*|arm) x=1;; *) x=2;; esac", {"x": "1"}),
    ('case $pkgver in "1*") x=1;; 1.[3-9]*) x=2;; *.3) x=3;; *) x=4;; esac', {"x": "3"}),
    ('for i in a "b c" $spaces; do x="$x<$i>"; done', {"x": "<a><b c><a><b>", "i": "b"}),
    ("for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; x=$x$i; done", {"x": "13", "i": "4"}),
    ("x=a; while [ ${#x} -lt 4 ]; do x=${x}a; done", {"x": "aaaa"}),
    ('until [ "$x" = 111 ]; do x=${x}1; done', {"x": "111"}),
    ("set -- a 'b c' d; shift; x=$#$1; for i; do y=$y-$i; done; z=\"$*\"", {"x": "2b c", "y": "-b c-d", "z": "b c d"}),
    ("IFS=.; set -- $pkgver; unset IFS; x=$3$2$1", {"x": "321"}),
    ("f() { local x=$1; y=$x$#; }; f a b; z=${x-unset}", {"y": "a2", "z": "unset"}),
    ("f() { [ $1 = a ] && return 0; x=$1; return 1; }; f a || y=1; f b || z=1", {"x": "b", "y": "", "z": "1"}),
    ("x=1; ( x=2 ); x=3 true; echo | x=4; y=$(x=5); x=6 &\nwait", {"x": "1"}),
    ("x=1; x=2 :; y=3 export z=$x", {"x": "2", "y": "3", "z": "2"}),
    ("eval \"x_${word%%-*}=\\$pkgver\"; eval 'f() { :; }'", {"x_a": "1.2.3"}),
    ("{ x=1; } >/dev/null; { x=$x; y=2; } 2>&1", {"x": "1", "y": "2"}),
    ("cat <<EOF >/dev/null\nx=1 $pkgver\nEOF\ny=2", {"x": "", "y": "2"}),
    ("options_has foo || options='!check foo'; options_has foo && x=1; want_check || y=1", {"x": "1", "y": "1"}),
    ("makedepends='a>=1 b'; makedepends_has a && x=1; list_has z $makedepends || y=1", {"x": "1", "y": "1"}),
    (
        "[ -d /usr ] && x=1; [ -e /usr/nonexistent ] || y=1; [ -f APKBUILD ] && z=1; [ -s ../p/APKBUILD ] && w=1",
        {"x": "1", "y": "1", "z": "1", "w": "1"},
    ),
    ("command -v frobnicate >/dev/null; mkdir -p /nonexistent/x; x=1", {"x": "1"}),
    ("x=\xe4\u20ac y=${x%\u20ac} z=$x", {"y": "\xe4", "z": "\xe4\u20ac"}),
    ("return 0; x=1", {"x": "", "pkgver": "1.2.3"}),
    ("x=1\r\ny=2", {"x": "1\r", "y": "2"}),
    ("x=1 # y=2\n#z=3\n", {"x": "1", "y": "", "z": ""}),
    ("x+=1 2>/dev/null || :", {"x": ""}),
    ('f() { echo "$1"; }; x=1; g() { f; h=2; }; g', {"h": "2"}),
    ('arch=all; builddir="$srcdir/x"', {"pkgarch": "x86_64"}),
    ("arch=noarch", {"pkgarch": "noarch"}),
    ("sha256sums='a b'", {"sumalgo": "sha256"}),
]


@pytest.mark.parametrize(("text", "expected"), CERTAIN, ids=[text[:40] for text, _ in CERTAIN])
def test_what_is_certain(text: str, expected: dict[str, str], place: Path, env: dict[str, str]) -> None:
    values = check(write(place, SET + text + "\n"), env)
    assert {name: values.value(name) for name in expected} == expected


UNCERTAIN = [
    ("x=$(echo 1) y=$x.2 z=`echo`", ["x", "y", "z"], ["pkgver"]),
    ("if frobnicate; then x=1; fi", ["x"], ["pkgver"]),
    ('x=1; frobnicate && x=2; frobnicate || y=1; frobnicate && z=""', ["x", "y", "z"], []),
    ("frobnicate && pkgver=1.2.3", [], ["pkgver"]),
    ("case $(uname) in a) x=1;; b) y=1; z=1;; *) z=1;; esac", ["x", "y", "z"], ["pkgver"]),
    ("case $(uname) in a) z=1;; *) z=1;; esac", [], ["z"]),
    ("for i in $(ls); do x=1; done", ["x", "i"], ["pkgver"]),
    ("for i in *; do x=1; done", ["x", "i"], ["pkgver"]),
    ("for i in 1 2; do frobnicate && break; x=$i; done", ["x", "i"], ["pkgver"]),
    ("while frobnicate; do x=1; done", ["x"], ["pkgver"]),
    ("while read x; do y=1; done </dev/null", ["x", "y"], ["pkgver"]),
    ("f() { frobnicate && return; x=1; }; f", ["x"], ["pkgver"]),
    ("f() { x=1; }; frobnicate && f", ["x"], ["pkgver"]),
    ("read x </dev/null", ["x"], ["pkgver"]),
    ("x=$RANDOM y=$$ z=$? w=$PWD v=$HOME", ["x", "y", "z", "w", "v"], []),
    ("x=~/a y=a:~root z=~", ["x", "y", "z"], []),
    ("x=\u00e4b; y=${#x} z=${x#?} w=${x:1}", ["y", "z", "w"], ["x"]),
    ("y=${pkgver//*/x}", ["y"], []),
    ("y=${pkgver//.}/x", ["y"], []),
    ("y=${pkgver//$empty/x}", ["y"], []),
    ("x=$(echo 1); : ${x:=y} ${z:=$x}", ["x", "z"], []),
    ("cat <<EOF\n${x:=1}\nEOF\n", ["x", "pkgver"], []),
    ('x=1; eval "$(echo x=2)"', ["x", "pkgver"], []),
    ("$(echo eval) x=2", ["x", "pkgver"], []),
    (". /nonexistent/file || :", ["pkgver"], []),
    (". $(echo ./f)", ["pkgver"], []),
    ("x=$(echo y=1); : $((x))", ["y", "pkgver"], []),
    ("x=y=1; z=$((x))", ["y", "pkgver"], []),
    ("frobnicate && return; x=1", ["x", "pkgver"], []),
    ("alias x=y; x", ["pkgver"], []),
    ("set -- $(echo); x=$1 y=$#", ["x", "y"], ["pkgver"]),
    ("x=$1 y=$#", ["x", "y"], ["pkgver"]),
    ("frobnicate && f() { x=1; }", [], ["pkgver"]),
    ("frobnicate && f() { x=1; }; f", ["x", "pkgver"], []),
    ('x=$(echo); x="$x"1; export y=$x; local z=1', ["x", "y", "z"], []),
    ("pkgver=1\0.2", ["pkgver"], []),
    ("while :; do x=$x.; done", ["x"], []),
    ("x=aaaaaaaa; for i in 1 2 3 4 5 6 7 8; do x=$x$x$x$x; for j in 1 2 3 4 5; do x=$x$x$x$x$x; done; done", ["x"], []),
    ("f() { f; }; f", ["x", "pkgver"], []),
    ("shift; x=$1", ["x"], ["pkgver"]),
    ("frobnicate && set -- a; x=$1", ["x"], ["pkgver"]),
    ("frobnicate && cd /usr; [ -d bin ] && x=1", ["x"], ["pkgver"]),
    ("export $(echo pkgver=2)", ["pkgver"], []),
    ("unset $(echo pkgver)", ["pkgver"], []),
    ("for i in $(ls); do f() { pkgver=2; }; done; f", ["pkgver"], []),
    ("f() { pkgver=2; }; for i in $(ls); do f; done", ["pkgver"], ["pkgname"]),
    ("while frobnicate; do unset pkgver; : ${pkgname:=x}; read pkgrel; done", ["pkgver", "pkgname", "pkgrel"], []),
    ("while frobnicate; do eval x=1; done", ["pkgver"], []),
    ("while frobnicate; do set -- a; done; x=$1", ["x"], ["pkgver"]),
    ("f() { while frobnicate; do return; done; x=1; }; f", ["x"], ["pkgver"]),
    ("f() { while frobnicate; do local pkgver=1; done; }; f", ["pkgver"], []),
    ("f() { frobnicate && local pkgver=1; pkgver=2; }; f", ["pkgver"], []),
    ("command eval pkgver=2; command -v x", ["pkgver"], []),
    ("for i in 1 2; do for j in 1 2; do frobnicate && break 2; done; done", ["pkgver"], []),
    ("case $(uname) in ${x:=1}) :;; esac", ["x"], ["pkgver"]),
    ("echo >$(echo ${x:=1}) ${y:=$(echo)}", ["y"], ["pkgver"]),
    ("IFS=$(echo :); for i in $word; do x=1; done", ["IFS", "x", "i"], ["pkgver"]),
    ("x=${pkgver#[[.a.]]} y=${pkgver#[b-a]} z=${pkgver#[[:foo:]]}", ["x", "y", "z"], []),
    ("x=$((08)) y=$((1 / 0)) z=$((1 & 1))", ["x", "y", "z"], ["pkgver"]),
]


@pytest.mark.parametrize(("text", "unknown", "known"), UNCERTAIN, ids=[repr(text)[:40] for text, _, _ in UNCERTAIN])
def test_what_is_not(text: str, unknown: list[str], known: list[str], tmp_path: Path, config: Config) -> None:
    values = read(write(tmp_path, SET + text + "\n"), config)
    assert [name for name in (*unknown, *known) if values.value(name) is None] == unknown


def test_a_function_that_may_be_there(tmp_path: Path, config: Config) -> None:
    assert read(write(tmp_path, "frobnicate && f() { :; }\n"), config).functions is None
    assert read(write(tmp_path, "true && f() { :; }\nfalse && g() { :; }\n"), config).functions == frozenset({"f"})
    assert read(write(tmp_path, "f() { g() { :; }; }\nf\nunset -f f\n"), config).functions == frozenset({"g"})


def test_siblings_are_read(place: Path, env: dict[str, str]) -> None:
    sibling = place / "aports" / "main" / "q" / "APKBUILD"
    sibling.parent.mkdir(parents=True)
    sibling.write_text("pkgname=q\n_shared=1\nreturn\nx=1\n")
    values = check(write(place, ". ../q/APKBUILD\npkgname=p$_shared\n[ -f ../q/APKBUILD ] && y=1\n"), env)
    assert [values.value(name) for name in ("pkgname", "_shared", "x", "y")] == ["p1", "1", "", "1"]
    sibling.chmod(0o600)
    assert not read(write(place, ". ../q/APKBUILD\n"), load_config(env)).complete
    sibling.chmod(0o644)
    sibling.write_text("pkgname='\n")
    assert not read(write(place, ". ../q/APKBUILD\n"), load_config(env)).complete


def test_other_peoples_files_are_not_looked_at(place: Path, config: Config) -> None:
    for name in ("aports/elsewhere", "home/file"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("x=1\n")
    text = f"[ -f {place}/home/file ] && x=1\n[ -f {place}/aports/none ] && y=1\n"
    apkbuild = write(place, text)
    values = read(apkbuild, config)
    assert (values.value("x"), values.value("y")) == (None, None)  # without .git the tree ends one folder up
    (place / "aports" / ".git").mkdir()
    assert read(apkbuild, config).value("y") == ""
    (apkbuild.parent / "link").symlink_to(place / "home" / "file")
    assert not read(write(place, ". ./link\n"), config).complete
    assert read(write(place, "[ -e ./link ] && x=1\n"), config).value("x") is None


def test_without_a_configuration(tmp_path: Path) -> None:
    text = 'pkgname=p\nx=$CARCH\ny=$FOO\nz=$foo\nCHOST=1\nw=$CHOST\n[ "$CARCH" = x ] && v=1\n[ -d /usr ] && u=1\n'
    values = read(write(tmp_path, text + 't=1.2; IFS=.; set -- $t; t=$2\nsubpackages="$pkgname-doc"\n'), None)
    unknown = [name for name in "pkgname x y z w v u t subpackages DEBUG".split() if values.value(name) is None]
    assert unknown == ["x", "y", "v", "u"]
    assert (values.value("w"), values.value("t"), values.value("subpackages")) == ("1", "2", "p-doc")


def test_debug_packages_follow_the_configuration(tmp_path: Path, env: dict[str, str]) -> None:
    values = check(write(tmp_path, "pkgname=p\narch=all\n"), {**env, "DEFAULT_DBG": "1"})
    assert values.value("subpackages") == "p-dbg "


def test_one_reader_reads_many(tmp_path: Path, config: Config) -> None:
    reader = StaticReader(config)
    first = write(tmp_path, "x=1\nlist_has() { :; }\nf() { :; }\n")
    assert reader.read(str(first), parse(first.read_bytes())).functions == frozenset({"list_has", "f"})
    second = write(tmp_path, "y=1\narch=noarch\n")
    values = reader.read(str(second), parse(second.read_bytes()))
    assert (values.value("x"), values.functions, values.value("pkgarch")) == ("", frozenset(), "noarch")


SAMPLES = sorted(Path(__file__).parents[3].glob("aports-sample/main/*"))


@pytest.mark.parametrize("folder", SAMPLES, ids=[folder.name for folder in SAMPLES])
def test_all_of_info_is_the_same_as_evaluated(folder: Path, config: Config) -> None:
    apkbuild = (folder / "APKBUILD").resolve()
    document = describe_static(apkbuild, StaticReader(config))
    assert document.pop("unknown") == []
    assert document == describe(evaluate(apkbuild, config, run))


PIECES = (
    'x|1.2|a-b|.|$a|${b}|"$a"|\'$b\'|"a b"|${a%.*}|${b##*-}|${a%%[0-9]*}|"${b#"$a"}"|${a/./_}|${b//-/}|${a:1}|'
    '${b: -1}|${c:-$a}|${c:=z}|${a:+"$b"}|${#a}|$(echo)|\\$|\\"|é|{x,y}|${a#\'x\'}'
).split("|")
WORDS = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
CONDITIONS = st.sampled_from(
    '[ "$a" = x ]|[ -n "$b" ]|frobnicate|true|false|[ ${#a} -gt 2 ]|case $a in x*) :;; *) false;; esac'.split("|")
)
ASSIGNMENTS = st.tuples(st.sampled_from("abc"), WORDS).map("=".join)
STATEMENTS = st.recursive(
    ASSIGNMENTS,
    lambda inner: st.one_of(
        st.tuples(CONDITIONS, st.sampled_from([" && ", " || "]), inner).map("".join),
        st.tuples(CONDITIONS, inner, inner).map(lambda p: f"if {p[0]}; then {p[1]}\nelse {p[2]}\nfi"),
        st.tuples(WORDS, inner, inner).map(lambda p: f"case x{p[0]} in x*.*) {p[1]};; x) {p[2]};; esac"),
        st.tuples(WORDS, inner).map(lambda p: f"for a in {p[0]} 2; do {p[1]}\ndone"),
        st.tuples(inner, inner).map(lambda p: f"f() {{ local a=1; {p[0]}\n}}; f\n{p[1]}"),
        st.tuples(inner, inner).map("\n".join),
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.lists(STATEMENTS, min_size=1, max_size=4))
def test_claims_hold_for_all_sorts_of_scripts(tmp_path_factory: pytest.TempPathFactory, statements: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CARCH": "x86_64", "ABUILD_CONF": "/dev/null"}
    env["ABUILD_SHAREDIR"] = SHARE_DIR
    check(write(folder, "pkgname=p\na=1.2\nb=x-y\n" + "\n".join(statements) + "\n"), env)
