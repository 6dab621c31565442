# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule: a recipe with the flaw, one without that looks like it, one that lets it pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lintkit import GOOD, SUM, changed, lint, tags, with_body, with_line

from abuildpy.lint.rules import RULES
from abuildpy.recipe import validate, validate_files

SUMS = f'sha512sums="\n{SUM}  verse-1.2.tar.gz\n"\n'
PACKAGE = 'package() {\n\tmake DESTDIR="$pkgdir" install\n}\n'
CHECK = "check() {\n\tmake check\n}\n"
ALL = "_all() {\n\tmake\n}\n\nbuild()"
SOURCE = 'source="https://example.org/verse-$pkgver.tar.gz"'


def source(*entries: str) -> str:
    """The good recipe with other sources, and the sums for them."""
    names = [entry.partition("::")[0].rpartition("/")[2].replace("$pkgver", "1.2") for entry in entries]
    sums = "".join(f"{SUM}  {name}\n" for name in names)
    return changed((SOURCE, 'source="{}"'.format("\n\t".join(entries))), (f"{SUM}  verse-1.2.tar.gz\n", sums))


def secfixes(*lines: str) -> str:
    return changed(("#   1.1-r0:\n#     - CVE-2020-12345\n", "".join(f"{line}\n" for line in lines)))


FLAWED: list[tuple[str, str, int]] = [
    ("AL1", with_line('builddir="$srcdir/$pkgname-$pkgver"'), 13),
    ("AL1", with_line('builddir="$srcdir"/verse-$pkgver'), 13),
    ("AL2", with_body("build", "make || return 1"), 20),
    ("AL2", with_body("build", "./configure \\", "\t--prefix=/usr \\", "\t|| return 1"), 22),
    ("AL5", with_line('install=""'), 13),
    ("AL5", with_line("depends_dev="), 13),
    ("AL6", with_line('flavour="sweet"'), 13),
    ("AL7", changed(("\tmake\n", "    make\n")), 20),
    ("AL7", changed(('depends="inkpot"', 'depends="inkpot\n  paper"')), 11),
    ("AL8", changed(("\tmake\n", "\tmake \n")), 20),
    ("AL8", changed(("pkgrel=3\n", "pkgrel=3\t\n")), 5),
    ("AL8", with_body("build", "make \\ ", "x"), 20),
    ("AL9", changed(("build() {", "function build {")), 19),
    ("AL10", changed(("build() {", "build () {")), 19),
    ("AL11", changed(("build() {", "build(){")), 19),
    ("AL11", changed(("build() {", "build()  {")), 19),
    ("AL12", changed(("build() {", "build()\n{")), 19),
    ("AL13", with_body("build", 'cd "$builddir"', "make"), 20),
    ("AL13", with_body("build", "local x=1", "cd ${builddir}", 'make "$x"'), 21),
    ("AL13", with_body("build", "cd src", "make", 'cd "$builddir"', 'cd "$builddir"'), 23),
    ("AL14", changed(("pkgname=verse", "pkgname=Verse")), 3),
    ("AL15", changed(("pkgver=1.2", "pkgver=1.2_r4")), 4),
    ("AL17", changed(('depends="inkpot"', 'depends="inkpot paper inkpot"')), 10),
    ("AL19", changed(('makedepends="zlib-dev"', 'makedepends="zlib-dev zlib-dev"')), 11),
    ("AL21", with_line('checkdepends="bats bats"'), 13),
    ("AL24", changed(('makedepends="zlib-dev"', 'makedepends="zlib-dev inkpot"')), 11),
    ("AL24", with_line('checkdepends="zlib-dev"'), 13),
    ("AL25", with_body("build", 'make "`uname`"'), 20),
    ("AL26", with_line('_builddir="$srcdir/x"').replace("\tmake\n", '\tcd "$_builddir"\n\tmake\n', 1), 13),
    ("AL28", changed(("pkgrel=3", 'pkgrel="3"')), 5),
    ("AL29", source("https://example.org/$pkgname-$pkgver.tar.gz"), 13),
    ("AL29", source("verse-1.2.tar.gz::https://example.org/${pkgname#x}/$pkgver.tar.gz"), 13),
    ("AL30", with_body("build", "local __x=1", 'make "$__x"'), 20),
    ("AL31", with_line("_Name=verse").replace("\tmake\n", '\tmake "$_Name"\n', 1), 13),
    ("AL32", changed(("$pkgname-doc", "${pkgname}-doc")), 12),
    ("AL32", changed(('DESTDIR="$pkgdir"', 'DESTDIR="${pkgdir}"')), 28),
    ("AL35", with_line('cpandepends="perl-foo"'), 13),
    ("AL36", with_body("build", 'export CFLAGS="-O3"', "make"), 20),
    ("AL36", with_body("build", "LDFLAGS=-x make"), 20),
    ("AL36", with_body("build", 'CFLAGS="-I$srcdir"', "make"), 20),
    ("AL36", with_body("build", 'CFLAGS="${MORE:-x}${MORE:-y}"', "make"), 20),
    ("AL49", with_line('options="!checks"'), 13),
    ("AL54", with_body("prepare", "rm junk"), 19),
    ("AL57", changed(('arch="all"', 'arch="all !sparc"')), 8),
    ("AL61", changed(("pkgver=1.2", "pkgver=1.2-beta")), 4),
    ("AL62", source("fix.patch::https://github.com/example/verse/commit/0123456789abcdef.patch"), 13),
    ("AL62", source("fix-1.patch::https://gitlab.com/example/verse/-/merge_requests/4.diff"), 13),
    ("AP0", changed(("\tmake\n", "\tif make; then\n")), 21),
    ("AP1", with_body("build", "cargo fetch --locked"), 20),
    ("AP1", with_body("build", "git -C x submodule update --init"), 20),
    ("AP1", with_body("build", "git clone https://example.org/x"), 20),
    ("AP1", with_body("build", "npm -q install", "npm run build"), 20),
    ("AP1", with_body("build", "yarn"), 20),
    ("AP1", with_body("build", "yarn install --frozen-lockfile"), 20),
    ("AP1", with_body("build", "cargo fetch --target x --locked"), 20),
    (
        "AP1",
        with_body("prepare", "default_prepare", "_load").replace("build() {", "_load() {\n\tgo get x\n}\n\nbuild() {"),
        25,
    ),
    ("AP1", with_body("package", "curl -O https://example.org/x"), 28),
    ("AP2", with_body("package", "make DESTDIR=$pkgdir install"), 28),
    ("AP2", with_body("package", "for _f in $srcdir/*; do", '\tcp "$_f" .', "done"), 28),
    ("AP3", changed(('url="https://example.org/verse"', 'url="http://www.gnu.org/verse"')), 7),
    ("AP3", source("http://ftp.gnu.org/gnu/verse/verse-$pkgver.tar.gz"), 13),
    ("AP4", source("https://example.org/1.2/verse.tar.gz"), 13),
    ("AP5", with_body("check", "make check || true"), 24),
    ("AP5", with_body("check", "./prepare-tests", "make check || :"), 25),
    ("AP5", with_body("check", 'echo "no tests"'), 23),
    ("AP5", with_body("check", "local x=1", "return 0"), 23),
    ("AP6", changed((SUMS, f'options="net"\n{SUMS}')), 31),
    ("AP7", changed((SUMS, ""), (PACKAGE, f"{SUMS}{PACKAGE}")), 27),
    ("AP8", changed((CHECK, ""), (PACKAGE, PACKAGE + "\n" + CHECK)), 24),
    ("AP8", changed((PACKAGE, ""), (SUMS, f"doc() {{\n\tdefault_doc\n}}\n\n{PACKAGE}\n{SUMS}")), 28),
    ("AP9", with_line('_realname="Verse"'), 13),
    ("AP9", with_body("build", "local speed=2", "make"), 20),
    ("AP10", secfixes("#   1.1-r0:", "#     - CVE-2020-123"), 17),
    ("AP10", secfixes("#   1.1-r0:", "#     - CVE-2020-12345", "#     - CVE-2020-12345"), 18),
    ("AP11", secfixes("#   1.1:", "#     - CVE-2020-12345"), 16),
    ("AP11", secfixes("#   1.1-r0:", "#     - CVE-2020-12345", "#   1.1-r0:", "#     - CVE-2020-12346"), 18),
    ("AP11", secfixes("#   1.1~x-r0:", "#     - CVE-2020-12345"), 16),
    ("AP12", secfixes("#   1.2-r4:", "#     - CVE-2020-12345"), 16),
    ("AV2", changed(("pkgrel=3\n", "")), 1),
    ("AV3", changed(("pkgrel=3", "pkgrel=three")), 5),
    ("AV4", changed(('pkgdesc="Prints verses"\n', "")), 1),
    ("AV5", changed(('url="https://example.org/verse"\n', "")), 1),
    ("AV6", changed(('license="MIT"\n', "")), 1),
    ("AV7", changed(("Prints verses", "Prints verses " * 10)), 6),
    ("AV8", changed(("Prints verses", "Prints\nverses")), 6),
    ("AV9", changed((PACKAGE, "")), 1),
    ("AV10", with_line("provider_priority=high"), 13),
    ("AV11", changed(("$pkgname-doc", "$pkgname-doc ver@se:doc")), 12),
    ("AV12", changed(("$pkgname-doc", "$pkgname-doc $pkgname-doc")), 12),
    ("AV13", changed(("$pkgname-doc", "$pkgname-doc $pkgname-loud")), 12),
    ("AV13", changed(("$pkgname-doc", "$pkgname-doc:_loud")), 12),
    ("AV14", changed(('depends="inkpot"', 'depends="inkpot~=1"')), 10),
    ("AV15", source("ver%se-1.2.tar.gz::https://example.org/$pkgver.tar.gz"), 13),
    ("AV16", with_line('install="$pkgname.post-everything"'), 13),
    ("AV17", with_line('install="prose.post-install"'), 13),
    ("AV18", with_line('install="$pkgname.post-install"'), 13),
    ("AV20", with_line('triggers="$pkgname.trigger"'), 13),
    ("AV21", with_line('triggers="$pkgname.sh=/usr"'), 13),
    ("AV22", with_line('triggers="prose.trigger=/usr"'), 13),
    ("AV24", with_line('triggers="$pkgname.trigger=/usr"'), 13),
    ("AV26", source("https://example.org/v$pkgver.tar.gz"), 13),
    ("AV27", changed((f"{SUM}  verse", f"{SUM}  prose")), 13),
    ("AV28", changed(("sha512sums=", "sha256sums=")), 31),
    ("AV29", source("verse.initd"), 13),
    ("AV31", changed((SUMS, f'sha512sums="\n{SUM}\n"\n')), 31),
    ("AV32", changed((f"{SUM}  verse-1.2.tar.gz\n", f"{SUM}  verse-1.2.tar.gz\n{SUM}  prose\n")), 33),
    ("AV33", with_line('depend="paper"'), 13),
    ("AV34", with_line('conflicts="prose"'), 13),
    ("AV35", changed(("# Maintainer: Ann Example <ann@example.org>\n", "# Maintainer:\n")), 2),
    ("AV36", changed(("# Maintainer: Ann Example <ann@example.org>\n", "# Maintainer: Ann\n")), 2),
    ("AV37", changed(("# Contributor:", "# Maintainer:")), 1),
    ("AV39", with_line('depends_dev="zlib-dev"'), 13),
    ("AV40", secfixes("#   1.1-r0:", "# - CVE-2020-12345"), 17),
    ("AV41", changed(('makedepends="zlib-dev"', 'makedepends="g++"')), 11),
    ("AV42", changed(('makedepends="zlib-dev"', 'makedepends="go"')), 11),
    ("AV44", with_line('provides="verse=1"'), 13),
]
"""Tag, recipe, line of the finding."""

FLAWLESS: list[tuple[str, str]] = [
    ("AL1", with_line('builddir="$srcdir/verses-$pkgver"')),
    ("AL1", with_line('builddir="$srcdir/$pkgname-${pkgver%_*}"')),
    ("AL1", with_line('builddir="$srcdir/$pkgname-$pkgver"\n_lib="$builddir/lib"')),
    ("AL1", with_line('[ "$CARCH" = x86 ] && builddir="$srcdir/$pkgname-$pkgver"')),
    ("AL2", with_body("build", "make && make more || return 1")),
    ("AL2", with_body("build", "! make wrong || return 1")),
    ("AL2", with_body("build", "make || return 0")),
    ("AL2", with_body("build", "make a && { make b || return 1; } && make c")),
    ("AL2", with_body("build", "if { make b || return 1; }; then", "\tmake c", "fi")),
    ("AL2", with_body("build", "_try || make slow").replace("build() {", "_try() {\n\tmake || return 1\n}\n\nbuild() {")),
    ("AL2", with_body("build", "echo '|| return 1'")),
    ("AL5", with_line('options=""\n[ "$CARCH" = x86 ] || options="net"')),
    ("AL5", with_body("build", "local x=", 'make "$x"')),
    ("AL6", with_line('_flavour="$_flavour"\nexport lowercase=1')),
    ("AL7", with_body("build", "cat > x <<-EOF", "EOF", "cat > y <<EOF\n  text\nEOF")),
    ("AL7", with_body("build", 'printf "a\n  b"')),
    ("AL8", with_body("build", "cat > y <<EOF\ntext \nEOF")),
    ("AL5", changed(('arch="all"', 'arch=""'))),
    ("AL5", with_body("package", 'install=""', "make")),
    ("AL5", with_line("install= make\n_x=$(install=; make)\n_y=$_x\n_x=$_y")),
    ("AL7", with_body("build", 'for _i in "a\n  b"; do make "$_i"; done')),
    ("AL7", with_body("build", 'make "a \\\n  b" > "c\n  d"')),
    ("AL7", with_line("_code='\n\tx\n'\n_lines=$(printf 'x\n  y\n')\nexport _code _lines")),
    ("AL8", with_body("build", "case \"a \n\" in *) ;; esac")),
    ("AL10", with_body("build", "echo 'build () {'")),
    ("AL13", with_body("build", "cd src", 'cd "$builddir"')),
    ("AL13", with_body("build", "if make; then", "\tcd src", "fi", 'cd "$builddir"')),
    ("AL13", with_body("build", 'mkdir -p "$builddir"', 'cd "$builddir"')),
    ("AL13", with_body("build", "make in", 'cd "$builddir"/in')),
    ("AL13", with_body("build", '( cd "$builddir" && make )')),
    ("AL13", changed((SOURCE, "")).replace("\tmake\n", '\tcd "$builddir"\n', 1)),
    ("AL15", changed(("pkgver=1.2", "pkgver=1.2_rc4"))),
    ("AL19", with_line('makedepends_host="a"\nmakedepends_build="a"\nmakedepends="$makedepends_build $makedepends_host"')),
    ("AL24", changed(('makedepends="zlib-dev"', 'makedepends="zlib-dev !inkpot"'), ('depends="inkpot"', 'depends="!inkpot"'))),
    ("AL17", with_line('_a="x"\n_b="x"\ndepends="$_a $_b"')),
    ("AL24", with_line('checkdepends="$depends"')),
    ("AL25", with_body("build", "echo '`' # `")),
    ("AL26", with_line('_builddir=""').replace("\tmake\n", '\tcd "$_builddir"\n\tmake\n', 1)),
    ("AL26", with_line('[ "$CARCH" = x86 ] && _builddir="a"').replace("\tmake\n", '\tcd "$_builddir"\n\tmake\n', 1)),
    ("AL26", with_line('_builddir="$srcdir/x"').replace("\tmake\n", '\tcd "$_builddir"\n\t"$builddir"/configure\n', 1)),
    ("AL28", changed(("pkgver=1.2", 'pkgver="1.2"'))),
    ("AL29", source("$pkgname-$pkgver.tar.gz::https://example.org/$pkgver.tar.gz")),
    ("AL29", source("https://github.com/example/verse/archive/$pkgver/$pkgname-$pkgver.tar.gz")),
    ("AL29", source("$pkgname.patch")),
    ("AL32", with_line('_v="${pkgver}a${pkgver%.*}${#pkgver}"').replace("\tmake\n", '\tmake "$_v"\n', 1)),
    ("AL36", with_body("build", 'export CFLAGS="$CFLAGS -O3"', 'CXXFLAGS="${CFLAGS/-Os/-O2}" make')),
    ("AL36", with_body("build", 'CFLAGS=-y ./configure --with-cflags="$CFLAGS -x"', "CPPFLAGS=-x make")),
    ("AL36", with_body("build", "LDFLAGS= CFLAGS='' make")),
    ("AL36", with_body("build", "unset CFLAGS", "CFLAGS=-x", "make")),
    ("AL36", with_body("build", '_saved="$CFLAGS"', 'CFLAGS="-x"', 'make "$_saved"')),
    ("AL49", with_line('options="!check net verse-doc::!strip"')),
    ("AL54", with_body("prepare", "_mend").replace("build() {", "_mend() {\n\tdefault_prepare\n}\n\nbuild() {", 1)),
    ("AL57", changed(('arch="all"', 'arch="all !s390x"'))),
    ("AL62", source("fix-1.patch::https://example.org/fix.patch")),
    ("AL62", source("fix-1.patch::https://github.com/example/verse/commit/01234567.patch?full_index=1")),
    ("AL62", source("https://github.com/example/verse/releases/download/1.2/verse-1.2.tar.gz")),
    ("AP1", with_body("build", "cargo fetch").replace("source=", 'options="net"\nsource=', 1)),
    ("AP1", with_body("build", "cargo fetch --offline", "curl http://localhost:80/", "npm install -g ./pack", "git fetch ..")),
    ("AP1", with_body("build", "git submodule status", "git clone ../x", "git", "git log", "yarn build", "yarn -v", "npm")),
    ("AP1", changed(("package()", "_by_hand() {\n\tcurl https://example.org/\n}\n\npackage()"))),
    ("AP1", with_body("check", "curl https://example.org/").replace("source=", 'options="!check"\nsource=', 1)),
    ("AP2", with_body("package", 'x=$pkgdir', 'case $pkgdir in *) ;; esac', '[[ $pkgdir ]]', 'cat > "$x" <<EOF\n$pkgdir\nEOF')),
    ("AP3", changed(('url="https://example.org/verse"', 'url="http://example.org/verse"'))),
    ("AP4", source("$pkgname-$pkgver.tar.gz::https://example.org/verse.tar.gz")),
    ("AP4", source("https://example.org/verse-0123456789abcdef.tar.gz")),
    ("AP5", with_body("check", "make check || true", "make more")),
    ("AP5", with_body("check", "make check", "rm -r tests || true")),
    ("AP5", with_body("check", "return 1")),
    ("AP5", with_body("check", "_x=$(make check)", 'echo "$_x"')),
    ("AP5", with_body("check", "echo").replace("source=", 'options="!check"\nsource=', 1)),
    ("AP6", changed(("build() {", 'export GOFLAGS="$GOFLAGS -x"\n_x() {\n\tmake x\n}\n_x=1\n\nbuild() {'))),
    ("AP8", changed(("build() {", "_helper() {\n\tmake\n}\n\nbuild() {"))),
    ("AP9", with_line('_x="a"\n_y="$_x"').replace("\tmake\n", "\tsh -c 'echo $_y'\n", 1)),
    ("AP9", with_line('_x="a"').replace("\tmake\n", '\teval "echo \\$_$n"\n', 1)),
    ("AP9", with_body("build", "speed=2", "make")),
    ("AP9", with_line('export _X="a"\n_repo_url="x"')),
    ("AP10", with_line("#     - CVE-2020-1\n#   1.1:")),
    ("AP11", with_line("#     - CVE-2020-1\n#   1.1:")),
    ("AP10", secfixes("#   1.1-r0:", "#     - CVE-2020-12345 XSA-123 # (only there)", "#     - GHSA-1-2")),
    ("AP11", secfixes("#   0:", "#     - CVE-2020-12345")),
    ("AP12", secfixes("#   1.2-r3:", "#     - CVE-2020-12345")),
    ("AV13", changed(("$pkgname-doc", "$pkgname-loud:doc $pkgname-zsh-completion verse-all:_all:noarch"), ("build()", ALL))),
    ("AV42", changed(('makedepends="zlib-dev"', 'makedepends="go"\noptions="net"'))),
]  # fmt: skip
"""Tag, a recipe that the rule must have nothing against."""

IN_TREE = frozenset("AL16 AL18 AL20 AL22 AL23 AV1 AV19 AV23 AV25 AV30 AV38 AV43 AL3 AL4".split())
"""Rules that need files around the recipe, or switches: see below."""


def test_the_good_recipe_is_good() -> None:
    assert tags(lint(GOOD)) == []


@pytest.mark.parametrize(("tag", "text", "line"), FLAWED, ids=[f"{tag}-{n}" for n, (tag, _, _) in enumerate(FLAWED)])
def test_flaw_is_found(tag: str, text: str, line: int) -> None:
    found = [finding for finding in lint(text) if finding.rule.tag == tag]
    assert [finding.place.line for finding in found] == [line]


@pytest.mark.parametrize(("tag", "text", "line"), FLAWED, ids=[f"{tag}-{n}" for n, (tag, _, _) in enumerate(FLAWED)])
def test_flaw_is_let_pass(tag: str, text: str, line: int) -> None:
    rule = next(rule for rule in RULES if rule.tag == tag)
    assert tag not in tags(lint(text, None, {f"SKIP_{tag}": "1"}))
    assert tag not in tags(lint(text, None, {"SKIP_" + rule.label.upper().replace("-", "_").replace("+", "_"): "1"}))
    assert tag not in tags(lint(text, without=[tag]))
    if tag != "AP0":  # where no comment can be read
        assert tag not in tags(lint(f"# lint: skip-file={tag}\n{text}"))


@pytest.mark.parametrize(("tag", "text"), FLAWLESS, ids=[f"{tag}-{n}" for n, (tag, _) in enumerate(FLAWLESS)])
def test_what_looks_like_it_is_none(tag: str, text: str) -> None:
    assert tag not in tags(lint(text))
    assert "AP0" not in tags(lint(text))


def test_every_rule_has_a_flawed_recipe() -> None:
    assert {rule.tag for rule in RULES} - {tag for tag, _, _ in FLAWED} - IN_TREE == set()


# --- rules that look at the tree ------------------------------------------------------------------------------------


@pytest.fixture
def aport(tmp_path: Path) -> Path:
    """The folder of a recipe in community."""
    folder = tmp_path / "community/verse"
    folder.mkdir(parents=True)
    return folder


def add(aport: Path, name: str) -> None:
    """Another recipe of the tree."""
    folder = aport.parents[1] / name
    folder.mkdir(parents=True)
    (folder / "APKBUILD").touch()


@pytest.mark.parametrize(("tag", "variable"), [("AL16", "depends"), ("AL18", "makedepends"), ("AL20", "checkdepends")])
def test_upper_repository(aport: Path, tag: str, variable: str) -> None:
    text = changed(('depends="inkpot"\nmakedepends="zlib-dev"', f'{variable}="quill>=1"'))
    assert tag not in tags(lint(text, aport))
    add(aport, "testing/quill")
    assert tag in tags(lint(text, aport))
    add(aport, "main/quill")
    assert tag not in tags(lint(text, aport))


def test_tests_that_do_not_run_depend_on_nothing(aport: Path) -> None:
    add(aport, "testing/quill")
    text = with_line('checkdepends="quill"')
    assert "AL20" in tags(lint(text, aport))
    assert "AL20" not in tags(lint(text.replace("source=", 'options="!check"\nsource=', 1), aport))


def test_packages_for_each_lua(aport: Path) -> None:
    add(aport, "testing/lua5.4-quill")
    text = changed(('depends="inkpot"', 'depends="lua5.4-quill"'))
    assert "AL16" in tags(lint(text, aport))
    add(aport, "main/lua-quill")
    assert "AL16" not in tags(lint(text, aport))


def test_names_of_packages_that_must_not_be_there(aport: Path) -> None:
    add(aport, "testing/quill")
    assert "AL16" not in tags(lint(changed(('depends="inkpot"', 'depends="!quill"')), aport))


def test_recipe_in_two_repositories(aport: Path) -> None:
    assert "AL22" not in tags(lint(GOOD, aport))
    add(aport, "testing/verse")
    assert "AL22" in tags(lint(GOOD, aport))


def test_folder_of_another_name(aport: Path) -> None:
    assert "AL23" not in tags(lint(GOOD, aport))
    assert "AL23" in tags(lint(GOOD, aport.parent / "prose"))
    assert "AL23" not in tags(lint(GOOD, aport.parents[1] / "elsewhere/prose"))


def test_files_beside_the_recipe(aport: Path) -> None:
    (aport / "left.patch").touch()
    assert tags(lint(GOOD, aport)) == ["AV30"]
    (aport / "left.patch").rename(aport / "verse.post-install")
    (aport / "verse.post-install").write_text("chown me file\n")
    assert tags(lint(with_line('install="$pkgname.post-install"'), aport)) == ["AV19"]


def test_scripts_in_source(aport: Path) -> None:
    for name in ("verse.post-install", "verse.trigger"):
        (aport / name).touch()
    text = source("https://example.org/verse-$pkgver.tar.gz", "verse.post-install", "verse.trigger")
    text = text.replace("source=", 'install="$pkgname.post-install"\ntriggers="$pkgname.trigger=/usr"\nsource=', 1)
    assert tags(lint(text, aport)) == ["AV25", "AV23"]


# --- rules that need switches ----------------------------------------------------------------------------------------


def test_style_of_one_developer() -> None:
    text = changed(("pkgname=verse", 'pkgname="verse"'), ("pkgver=1.2", "pkgver='1.2'"))
    assert tags(lint(text)) == []
    assert tags(lint(text, None, {"APKBUILD_STYLE": "leo"})) == ["AL3", "AL4"]


def test_custom_options_and_arches() -> None:
    text = with_line('options="pmb:strict"').replace('arch="all"', 'arch="tricore"')
    assert tags(lint(text)) == ["AL57", "AL49"]
    assert tags(lint(text, None, {"CUSTOM_VALID_OPTIONS": "a pmb:strict", "CUSTOM_VALID_ARCHES": "tricore"})) == []


def test_tests_can_be_asked_for() -> None:
    text = changed((CHECK, ""))
    assert tags(lint(text)) == []
    (finding,) = lint(text, None, {"REQUIRE_CHECK": "1"})
    assert (finding.rule.tag, finding.place.line) == ("AV43", 24)


def test_missing_version() -> None:
    assert "AV1" in tags(lint(changed(("pkgver=1.2\n", ""))))


# --- what is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pkgver", "depends", "options", "arch", "source", "subpackages", "url", "license"])
def test_unknown_values_are_not_judged(name: str) -> None:
    text = with_line(f'{name}="$(produce something)"')
    assert [tag for tag in tags(lint(text)) if tag != "AV39"] == []


def test_nothing_is_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    lint(with_line(f"_x=$(rm {victim})\nrm {victim}\ntouch {tmp_path}/new"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["victim"]


def test_places_count_characters() -> None:
    (finding,) = lint(changed(('pkgdesc="Prints verses"', 'pkgdesc="Schön: ${pkgname} ü"')), only=["AL32"])
    place = finding.place
    assert (place.line, place.column, place.end_line, place.end_column) == (6, 17, 6, 27)


@pytest.mark.parametrize(
    ("line", "column", "end"),
    [('options="!check heck"', 17, 21), ("options='\theck net'", 11, 15), ('_o="ck"\noptions="he$_o"', 10, 15)],
)
def test_places_of_words(line: str, column: int, end: int) -> None:
    (finding,) = lint(with_line(line), only=["AL49"])
    assert (finding.place.column, finding.place.end_column) == (column, end)


def test_words_that_come_from_elsewhere_are_where_the_variable_is() -> None:
    (finding,) = lint(with_line('_o="heck"\noptions="net $_o"'), only=["AL49"])
    assert (finding.place.line, finding.place.column, finding.place.end_column) == (14, 1, 8)


def test_broken_recipe_says_where() -> None:
    (finding,) = lint(changed(("\tmake\n", "\tif make; then\n")))
    assert (finding.rule.tag, finding.place.line) == ("AP0", 21)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\n", b"\0\n", b"#", b"pkgname=\xff\n", b"a=1\r\n"])
def test_odd_bytes(data: bytes) -> None:
    lint(data)


def test_every_finding_of_validate_has_a_rule() -> None:
    text = "".join(Path(str(module.__file__)).read_text() for module in (validate, validate_files))
    codes = set(re.findall(r'code="([^"]+)"', text)) - {"{variable}-missing"}
    labels = {rule.label for rule in RULES if rule.family == "validate"}
    missing = {"pkgdesc-missing", "url-missing", "license-missing"}
    assert codes | missing == labels | {"pkgver-invalid", "subpackage-arch"}
