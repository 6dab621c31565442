# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from maintain_log import Log

from abuildpy.config import SHARE_DIR
from abuildpy.errors import AbuildError, FetchError, RecipeError, UnpackError, UsageError
from abuildpy.lint.run import Linter
from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.newrecipe import Wish, Workplace, create, preview
from abuildpy.maintain.origin import Origin, crate_origin, read_argument
from abuildpy.maintain.quoting import in_quotes, value
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.upstreamversion import apk_version, expression_for
from abuildpy.repository.index import IndexEntry

SITE = "https://site.example"


@pytest.mark.parametrize(
    ("argument", "name", "version", "source"),
    [
        ("foo", "foo", "", ""),
        ("foo-1.2", "foo", "1.2", ""),
        ("foo-bar_3", "foo-bar", "3", ""),
        (f"{SITE}/foo-1.2.tar.gz", "foo", "1.2", f"{SITE}/foo-$pkgver.tar.gz"),
        (f"{SITE}/1.2/foo_1.2.tgz", "foo", "1.2", f"{SITE}/$pkgver/foo_$pkgver.tgz"),
        (f"{SITE}/v1.2/1.2.3/foo-1.2.zip", "foo", "1.2", f"{SITE}/v$pkgver/1.2.3/foo-$pkgver.zip"),
        (f"{SITE}/foo-2-1.0.tar.xz", "foo-2", "1.0", f"{SITE}/foo-2-$pkgver.tar.xz"),
        (f"{SITE}/foo-1.0rc1/foo-1.0_src.tar.bz2", "foo", "1.0_src", f"{SITE}/foo-1.0rc1/foo-$pkgver.tar.bz2"),
        (f"{SITE}/1.0-rc2/foo-1.0-rc2.tar.gz", "foo", "1.0_rc2", f"{SITE}/$_pkgver/foo-$_pkgver.tar.gz"),
        (f"{SITE}/Foo_Bar-1.0.tar.gz", "foo_bar", "1.0", f"{SITE}/Foo_Bar-$pkgver.tar.gz"),
        (f"{SITE}/foo-1.0.crate", "foo", "1.0", f"$pkgname-$pkgver.tar.gz::{SITE}/foo-$pkgver.crate"),
        (f"{SITE}/1.0src/foo-1.0.tar.gz", "foo", "1.0", f"{SITE}/${{pkgver}}src/foo-$pkgver.tar.gz"),
        (f"{SITE}/31.0/1.0_/foo-1.0.tar.gz", "foo", "1.0", f"{SITE}/31.0/${{pkgver}}_/foo-$pkgver.tar.gz"),
        ("http://127.0.0.1:80/foo-1.tar.gz", "foo", "1", "http://127.0.0.1:80/foo-$pkgver.tar.gz"),
        (
            "ftp://h1/foo-1.tar.gz?a=$x`b`",
            "foo",
            "1",
            "foo-$pkgver.tar.gz::ftp://h1/foo-$pkgver.tar.gz?a=\\$x\\`b\\`",
        ),
        (f"{SITE}/foo.tar.gz", "foo", "", f"{SITE}/foo.tar.gz"),
        (
            "https://github.com/own/proj/archive/v1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/v$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/refs/tags/1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/release-1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/release-$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/v1.2/proj-1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/v$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://github.com/own/proj/archive/refs/tags/stable/1.2.tar.gz",
            "proj",
            "1.2",
            "https://github.com/own/proj/archive/stable/$pkgver/proj-$pkgver.tar.gz",
        ),
        (
            "https://forge.example/own/proj/archive/v1.2.tar.gz",
            "proj",
            "1.2",
            "$pkgname-$pkgver.tar.gz::https://forge.example/own/proj/archive/v$pkgver.tar.gz",
        ),
        (
            "https://forge.example/own/proj/-/archive/v1.2/proj-v1.2.tar.gz",
            "proj",
            "1.2",
            "https://forge.example/own/proj/-/archive/v$pkgver/proj-v$pkgver.tar.gz",
        ),
    ],
)
def test_name_and_version(argument: str, name: str, version: str, source: str) -> None:
    origin = read_argument(argument)
    assert (origin.pkgname, origin.pkgver, origin.source) == (name, version, source)


def test_own_name_is_in_the_file_name_of_a_github_archive() -> None:
    origin = read_argument("https://github.com/own/proj/archive/v1.2.tar.gz", pkgname="mine")
    assert origin.source == "https://github.com/own/proj/archive/v$pkgver/mine-$pkgver.tar.gz"
    assert (origin.pkgname, origin.stem) == ("mine", "proj")


def test_sourceforge() -> None:
    origin = read_argument("foo-1.2", sourceforge=True)
    assert origin.source == "https://downloads.sourceforge.net/foo/foo-$pkgver.tar.gz"


@pytest.mark.parametrize("argument", ["", "a/../..", "-x", "ftp:/foo-1", f"{SITE}/v1.2.tar.gz", f"{SITE}/"])
def test_useless_names_are_refused(argument: str) -> None:
    with pytest.raises(UsageError):
        read_argument(argument)


def test_a_name_with_a_folder_in_it_is_refused() -> None:
    with pytest.raises(UsageError, match="lead out"):
        read_argument(f"{SITE}/foo-1.tar.gz", pkgname="../foo")


def test_the_shell_gets_text_back_as_it_was(tmp_path: Path) -> None:
    nasty = "It`id`s \"$(id)\" \\ $HOME 'x' ${y} é"
    for text in (f'"{in_quotes(nasty)}"', value(nasty)):
        script = f'a={text}; printf %s "$a"'
        shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        assert shown == nasty
    assert in_quotes("a\n\tb\x1b[1m c") == "a b [1m c"
    assert value("1.2_rc1") == "1.2_rc1"
    assert value("~root") == '"~root"'


Content = str | tuple[str, int]
"""What is in a file, with its permissions where they matter."""


class _Shop:
    """Has one archive, and writes down what it was asked for."""

    def __init__(self, files: Mapping[str, Content], folder: str = "foo-1.2") -> None:
        self.files, self.folder = files, folder
        self.asked: list[str] = []
        self.log = Log()

    def fetch(self, entry: str, folder: Path) -> Path:
        self.asked.append(entry)
        archive = folder / entry.partition("::")[0].rpartition("/")[2]
        with tarfile.open(archive, "w:gz") as tar:
            for name, content in self.files.items():
                text, mode = (content, 0o644) if isinstance(content, str) else content
                member = tarfile.TarInfo(f"{self.folder}/{name}".removeprefix("/"))
                member.size, member.mode = len(text.encode()), mode
                tar.addfile(member, io.BytesIO(text.encode()))
        return archive

    def place(self, distfiles: Path | None = None, packages: Collection[str] | None = None) -> Workplace:
        return Workplace(
            (Path(SHARE_DIR),),
            self.fetch,
            KnownPackages((), None if packages is None else packages.__contains__),
            self.log,
            distfiles,
        )

    def make(self, parent: Path, wish: Wish, distfiles: Path | None = None) -> Path:
        if distfiles is None:
            distfiles = parent / "distfiles"
            distfiles.mkdir(exist_ok=True)
        return create(wish, parent, self.place(distfiles))


def _wish(**more: object) -> Wish:
    return Wish(read_argument(f"{SITE}/foo-1.2.tar.gz"), **more)  # type: ignore[arg-type]


def _variables(recipe: Path) -> dict[str, str]:
    """What the shell makes of the recipe's variables, in the order written."""
    names = [line.partition("=")[0] for line in recipe.read_text().split("() {")[0].splitlines() if "=" in line]
    names = [name for name in names if name.isidentifier()]
    script = '. "$0"; for v; do eval "printf \'%s\\0\' \\"\\$$v\\""; done'
    run = subprocess.run(
        ["sh", "-c", script, str(recipe), *names],
        env={"srcdir": "/s", "PATH": os.environ["PATH"]},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(zip(names, run.stdout.decode().split("\0"), strict=False))


def _functions(recipe: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in recipe.read_text().replace("\\\n", " ").splitlines():
        if line.endswith("() {"):
            name = line.removesuffix("() {")
            found[name] = []
        elif line == "}":
            name = ""
        elif name and line:
            assert line.startswith("\t")
            found[name].append(" ".join(line.split()))
    return found


def _complaints(recipe: Path) -> list[str]:
    return [f"{finding.rule.tag} {finding.message}" for finding in Linter({}).lint(str(recipe))]


MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software\n"
    "The above copyright notice and this permission notice shall be included in all copies.\n"
)
CONFIGURE: Content = ("#!/bin/sh\n# Generated by GNU Autoconf\n", 0o755)
CODE = "int main(void) { return 0; }\n"
AUTOTOOLS: dict[str, Content] = {
    "configure": CONFIGURE,
    "configure.ac": "AC_INIT([foo],[1.2])\nPKG_CHECK_MODULES([DEPS], [zlib >= 1.2 glib-2.0])\nLT_INIT\n",
    "Makefile.am": "include_HEADERS = foo.h\nTESTS = run\ndist_man_MANS = foo.1\n",
    "foo.h": "",
    "foo.c": CODE,
    "foo.1": "",
    "LICENSE": MIT,
    "README": "Foo\n===\n\nFoo is a tool that does things.\n",
}


def test_an_autotools_project(tmp_path: Path) -> None:
    shop = _Shop(AUTOTOOLS)
    recipe = shop.make(tmp_path, _wish(url=f"{SITE}/home", maintainer="Jo Doe <jo@site.example>"))
    assert recipe == tmp_path / "foo" / "APKBUILD"
    assert recipe.read_text().startswith("# Maintainer: Jo Doe <jo@site.example>\npkgname=foo\npkgver=1.2\npkgrel=0\n")
    assert list(_variables(recipe).items()) == [
        ("pkgname", "foo"),
        ("pkgver", "1.2"),
        ("pkgrel", "0"),
        ("pkgdesc", "Tool that does things"),
        ("url", f"{SITE}/home"),
        ("arch", "all"),
        ("license", "MIT"),
        ("makedepends", "zlib-dev glib-dev"),
        ("subpackages", "foo-dev foo-doc"),
        ("source", f"{SITE}/foo-1.2.tar.gz"),
    ]
    assert _functions(recipe) == {
        "build": [
            "./configure --build=$CBUILD --host=$CHOST --prefix=/usr --sysconfdir=/etc --mandir=/usr/share/man "
            "--localstatedir=/var --disable-static",
            "make",
        ],
        "check": ["make check"],
        "package": ['make DESTDIR="$pkgdir" install'],
    }
    assert _complaints(recipe) == []


def test_the_download_and_the_unpacked_source_lie_where_abuild_looks_for_them(tmp_path: Path) -> None:
    shop = _Shop(AUTOTOOLS)
    recipe = create(_wish(), tmp_path, shop.place())
    archive = recipe.parent / "foo-1.2.tar.gz"
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    assert recipe.read_text().endswith(f'\n\nsha512sums="\n{digest}  foo-1.2.tar.gz\n"\n')
    assert (recipe.parent / "src/foo-1.2/foo.c").read_text() == CODE
    distfiles = tmp_path / "distfiles"
    distfiles.mkdir()
    other = tmp_path / "other"
    other.mkdir()
    recipe = shop.make(other, _wish(), distfiles)
    assert (distfiles / "foo-1.2.tar.gz").exists()
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["APKBUILD", "src"]


def test_nothing_stays_when_the_source_cannot_be_had(tmp_path: Path) -> None:
    shop = _Shop({})

    def gone(entry: str, folder: Path) -> Path:
        raise FetchError(f"{entry}: not found")

    def damaged(entry: str, folder: Path) -> Path:
        archive = folder / "foo-1.2.tar.gz"
        archive.write_bytes(b"\x1f\x8bno archive")
        return archive

    for fetch, error in ((gone, FetchError), (damaged, UnpackError)):
        place = Workplace((Path(SHARE_DIR),), fetch, KnownPackages(), shop.log)
        with pytest.raises(error):
            create(_wish(), tmp_path, place)
        assert list(tmp_path.iterdir()) == []


STEPS: dict[BuildType, tuple[dict[str, str], dict[str, list[str]]]] = {
    BuildType.MAKE: (
        {
            "Makefile": "PREFIX = /usr/local\nall:\n\tcc\ntest: all\n\t./t\ninstall:\n\tcp x $(DESTDIR)$(PREFIX)\n",
            "x.c": CODE,
        },
        {
            "build": ["make PREFIX=/usr"],
            "check": ["make test"],
            "package": ['make DESTDIR="$pkgdir" PREFIX=/usr install'],
        },
    ),
    BuildType.CMAKE: (
        {
            "CMakeLists.txt": 'option(FOO_TESTS "build tests" OFF)\nenable_testing()\nadd_test(NAME a COMMAND b)\n'
            "find_package(ZLIB REQUIRED)\n",
            "x.c": CODE,
        },
        {
            "build": [
                "local crossopts=",
                'if [ "$CBUILD" != "$CHOST" ]; then',
                'crossopts="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_HOST_SYSTEM_NAME=Linux"',
                "fi",
                "cmake -B build -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib "
                '-DBUILD_SHARED_LIBS=ON -DFOO_TESTS="$(want_check && echo ON || echo OFF)" $crossopts',
                "cmake --build build",
            ],
            "check": ["ctest --test-dir build --output-on-failure"],
            "package": ['DESTDIR="$pkgdir" cmake --install build'],
        },
    ),
    BuildType.MESON: (
        {
            "meson.build": "project('foo', 'c')\ntest('a', exe)\n",
            "meson_options.txt": "option('tests', type: 'boolean', value: false)",
            "x.c": CODE,
        },
        {
            "build": ["abuild-meson -Dtests=true output .", "meson compile -C output"],
            "check": ["meson test --no-rebuild --print-errorlogs -C output"],
            "package": ['DESTDIR="$pkgdir" meson install --no-rebuild -C output'],
        },
    ),
    BuildType.PERL: (
        {"Makefile.PL": "", "t/a.t": ""},
        {
            "build": [
                "export CFLAGS=$(perl -MConfig -E 'say $Config{ccflags}')",
                "PERL_MM_USE_DEFAULT=1 perl Makefile.PL INSTALLDIRS=vendor",
                "make",
            ],
            "check": ["make test"],
            "package": [
                'make DESTDIR="$pkgdir" install',
                'find "$pkgdir" \\( -name perllocal.pod -o -name .packlist \\) -delete',
            ],
        },
    ),
    BuildType.PYTHON: (
        {"pyproject.toml": "[project]\nname='foo'\n", "tests/test_foo.py": "def test_it(): pass\n"},
        {
            "build": ["gpep517 build-wheel --wheel-dir .dist --output-fd 3 3>&1 >&2"],
            "check": [
                "python3 -m venv --clear --without-pip --system-site-packages .testenv",
                ".testenv/bin/python3 -m installer .dist/*.whl",
                ".testenv/bin/python3 -m pytest",
            ],
            "package": ['python3 -m installer -d "$pkgdir" .dist/*.whl'],
        },
    ),
    BuildType.RUST: (
        {"Cargo.toml": "[package]\nname='foo'\n", "Cargo.lock": "", "src/main.rs": "#[test]\nfn a() {}\n"},
        {
            "prepare": ["default_prepare", 'cargo fetch --target="$CTARGET" --locked'],
            "build": ["cargo auditable build --release --frozen"],
            "check": ["cargo test --frozen"],
            "package": ['install -Dm755 target/release/foo -t "$pkgdir"/usr/bin/'],
        },
    ),
    BuildType.GO: (
        {
            "go.mod": "module site.example/me/foo\n",
            "main.go": 'package main\n\nvar version = "dev"\n',
            "main_test.go": "package main\n",
        },
        {
            "build": ['go build -ldflags "-X main.version=$pkgver" -o bin/foo .'],
            "check": ["go test ./..."],
            "package": ['install -Dm755 bin/foo -t "$pkgdir"/usr/bin/'],
        },
    ),
    BuildType.EMPTY: (
        {"foo": "#!/bin/sh\n", "foo.1": ""},
        {
            "build": [":"],
            "package": [
                'install -Dm755 foo -t "$pkgdir"/usr/bin/',
                'install -Dm644 foo.1 -t "$pkgdir"/usr/share/man/man1/',
            ],
        },
    ),
}


@pytest.mark.parametrize("kind", list(STEPS))
def test_build_steps(tmp_path: Path, kind: BuildType) -> None:
    files, steps = STEPS[kind]
    executable: dict[str, Content] = {
        name: (text, 0o755) if text.startswith("#!") else text for name, text in files.items()
    }
    recipe = _Shop({**executable, "LICENSE": MIT}).make(
        tmp_path, _wish(pkgdesc="Foo", maintainer="Jo Doe <jo@site.example>")
    )
    assert _functions(recipe) == steps
    assert subprocess.run(["sh", "-n", str(recipe)], check=False).returncode == 0
    assert _complaints(recipe) == []


@pytest.mark.parametrize("kind", list(BuildType))
def test_every_kind_makes_a_recipe_of_any_source_and_of_none(tmp_path: Path, kind: BuildType) -> None:
    recipe = _Shop({"README": "", "LICENSE": MIT}).make(
        tmp_path, _wish(kind=kind, pkgdesc="Foo", maintainer="Jo Doe <jo@site.example>")
    )
    assert _complaints(recipe) == []
    recipe = _Shop({}).make(tmp_path, Wish(read_argument("bar-1"), kind=kind))
    for each in (recipe, tmp_path / "foo/APKBUILD"):
        assert subprocess.run(["sh", "-n", str(each)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("files", "variable", "expected"),
    [
        (
            {"CMakeLists.txt": "find_package(PNG REQUIRED)\n", "x.c": "#include <linux/fs.h>\n"},
            "makedepends",
            "cmake libpng-dev samurai linux-headers",
        ),
        ({"meson.build": "project('x')\n"}, "makedepends", "meson"),
        ({"meson.build": "project('x')\n", "x.sh": ""}, "arch", "noarch"),
        (
            {"Cargo.toml": "", "Cargo.lock": '[[package]]\nname = "openssl-sys"\n'},
            "makedepends",
            "cargo cargo-auditable openssl-dev",
        ),
        ({"Cargo.toml": ""}, "options", "net !check"),
        (
            {"setup.py": "setup(install_requires=['PyYAML>=3', 'typing; python_version < \"3\"'])\n"},
            "depends",
            "py3-yaml",
        ),
        ({"setup.py": ""}, "makedepends", "py3-gpep517 py3-setuptools py3-wheel"),
        ({"setup.py": "Extension('x')", "x.c": ""}, "makedepends", "py3-gpep517 py3-setuptools py3-wheel python3-dev"),
        (
            {"setup.py": "", "test_x.py": "import pytest, responses\nimport responses\ndef test_a(): pass\n"},
            "checkdepends",
            "py3-pytest py3-responses",
        ),
        ({"setup.py": ""}, "subpackages", "foo-pyc"),
        (
            {"Makefile.PL": "", "META.json": '{"prereqs": {"runtime": {"requires": {"Carp": 0, "Try::Tiny": 0}}}}'},
            "depends",
            "perl perl-try-tiny",
        ),
        ({"Makefile.PL": "", "X.xs": ""}, "makedepends", "perl-dev"),
        ({"Makefile": "all:\n", "x.c": "#include <ncurses.h>\n"}, "makedepends", "ncurses-dev"),
        ({"Makefile": "x:\n\tcp config/x.h config.h\n", "x.h": ""}, "subpackages", None),
        ({"Makefile": "install:\n\tinstall x.h $(DESTDIR)/usr/include\n", "x.h": ""}, "subpackages", "foo-dev"),
        ({"configure.ac": "AC_INIT\nLT_INIT\n"}, "makedepends", "autoconf automake libtool"),
        (
            {"Makefile": "all:\n", "po/de.po": "", "completions/bash/foo": ""},
            "subpackages",
            "foo-lang foo-bash-completion",
        ),
    ],
)
def test_what_was_found_decides(tmp_path: Path, files: dict[str, str], variable: str, expected: str | None) -> None:
    assert _variables(_Shop(files).make(tmp_path, _wish())).get(variable) == expected


def test_what_no_package_is_known_for_is_named(tmp_path: Path) -> None:
    shop = _Shop({"meson.build": "project('x', 'c')\ndependency('oddity-3')\n", "x.c": ""})
    recipe = shop.make(tmp_path, _wish())
    assert "# TODO: makedepends lacks what gives pc:oddity-3\n" in recipe.read_text()
    assert any("pc:oddity-3" in text for text in shop.log.said)
    text = preview(_wish(), shop.place(packages={"oddity-dev"}))
    assert b'makedepends="oddity-dev meson"\n' in text
    assert b"TODO" not in text


def test_without_tests_there_is_no_check(tmp_path: Path) -> None:
    recipe = _Shop({"Makefile": "all:\n"}).make(tmp_path, _wish())
    assert 'options="!check" # no tests in the source\n' in recipe.read_text()
    assert "check" not in _functions(recipe)


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("odd_1.2_src", 'builddir="$srcdir/odd_${pkgver}_src"\n'),
        ("foo-1.2", None),
        ("", 'builddir="$srcdir"\n'),
    ],
)
def test_builddir_is_the_folder_unpacked(tmp_path: Path, folder: str, line: str | None) -> None:
    text = _Shop({"Makefile": "all:\n"}, folder).make(tmp_path, _wish()).read_text()
    assert (line in text) if line else ("builddir" not in text)


def test_upstreams_spelling_of_the_version(tmp_path: Path) -> None:
    shop = _Shop({"Makefile": "all:\n"}, "foo-1.0-rc2")
    recipe = shop.make(tmp_path, Wish(read_argument(f"{SITE}/v1.0-rc2/foo-1.0-rc2.tar.gz")))
    assert shop.asked == [f"{SITE}/v1.0-rc2/foo-1.0-rc2.tar.gz"]
    text = recipe.read_text()
    assert "pkgver=1.0_rc2\n_pkgver=${pkgver//_/-}\n" in text
    assert 'builddir="$srcdir/foo-$_pkgver"\n' in text


def test_folder_names_stay_data(tmp_path: Path) -> None:
    recipe = _Shop({"Makefile": "all:\n"}, '$(touch bad)"').make(tmp_path, _wish())
    assert _variables(recipe)["builddir"] == '/s/$(touch bad)"'


def test_metadata_stays_data(tmp_path: Path) -> None:
    nasty = '$(touch bad)`id`" \\'
    recipe = _Shop(
        {
            "package.json": f'{{"description": "x {nasty.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))} y"}}'
        }
    ).make(tmp_path, _wish())
    assert _variables(recipe)["pkgdesc"] == f"x {nasty} y"


def test_what_a_source_needs_stays_a_comment(tmp_path: Path) -> None:
    files = {"meson.build": "project('x', 'c')\ndependency('odd\ntouch bad\n')\ndependency('a\\r\\x85b')\n", "x.c": ""}
    recipe = _Shop(files).make(tmp_path, _wish())
    assert "# TODO: makedepends lacks what gives pc:odd touch bad pc:a" in recipe.read_text()


def test_names_of_files_stay_words(tmp_path: Path) -> None:
    names = ("$(touch bad)", "`touch bad`", "a; touch bad ;", "a|b", "-x", "good-name")
    files = {"dune-project": "(lang dune 2)", "dune": "(test", **{f"{name}.opam": "" for name in names}}
    recipe = _Shop(files).make(tmp_path, _wish(kind=BuildType.OCAML))
    assert "\tdune build @install -p good-name\n" in recipe.read_text()
    assert "touch" not in recipe.read_text()


@pytest.mark.parametrize(
    "files",
    [
        {
            "package.json": '{"name":{"a":1},"bin":{"a":{"b":1},"c":null,"d":"e.js"},"scripts":[],"license":[1],"repository":7}'
        },
        {"package.json": '{"name":' + "9" * 10_000 + "}"},
        {"package.json": '{"a":' * 50_000},
        {"pyproject.toml": "a = " + "9" * 10_000},
        {"pyproject.toml": "a = " + "[" * 50_000},
        {"pyproject.toml": "project = 3\ntool = [1]\nbuild-system = 'x'"},
        {"Cargo.toml": "package = 3\nbin = [1, 2]\nworkspace = [1]", "src/main.rs": ""},
        {"setup.py": "(" * 50_000},
        {"x.metainfo.xml": "<summary>&#" + "9" * 10_000 + ";</summary>", "x.c": ""},
        {
            "META.json": '{"prereqs":{"runtime":{"requires":[1]},"test":3},"license":3,"resources":[]}',
            "Makefile.PL": "x",
        },
    ],
)
def test_metadata_of_any_form_spoils_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    assert "pkgname=foo\n" in _Shop(files).make(tmp_path, _wish()).read_text()


def test_a_source_that_takes_years_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("abuildpy.maintain.newrecipe.LONGEST_LOOK", 0.2)
    monkeypatch.setattr("abuildpy.maintain.newrecipe.plan_for", endless)
    shop = _Shop({"meson.build": "project('foo', 'c')\n"})
    with pytest.raises(AbuildError, match="takes more than"):
        shop.make(tmp_path, _wish())
    assert not (tmp_path / "foo").exists()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_samples(tmp_path: Path) -> None:
    recipe = _Shop({"Makefile": "all:\n"}).make(tmp_path, _wish(samples=True))
    variables = _variables(recipe)
    assert variables["source"].split() == [f"{SITE}/foo-1.2.tar.gz", "foo.initd", "foo.confd"]
    assert variables["install"] == "foo.pre-install foo.post-install"
    assert variables["subpackages"] == "foo-openrc"
    assert _functions(recipe)["package"][-2:] == [
        'install -Dm755 "$srcdir"/$pkgname.initd "$pkgdir"/etc/init.d/$pkgname',
        'install -Dm644 "$srcdir"/$pkgname.confd "$pkgdir"/etc/conf.d/$pkgname',
    ]
    for kind in ("initd", "confd", "pre-install", "post-install"):
        text = (recipe.parent / f"foo.{kind}").read_text()
        assert "foo" in text
        assert "@" not in text
        assert subprocess.run(["sh", "-n", str(recipe.parent / f"foo.{kind}")], check=False).returncode == 0
    assert (recipe.parent / "foo.initd").read_text().startswith("#!/sbin/openrc-run\n")
    digest = hashlib.sha512((recipe.parent / "foo.confd").read_bytes()).hexdigest()
    assert f"{digest}  foo.confd\n" in recipe.read_text()


def test_the_first_folder_that_has_a_sample_counts(tmp_path: Path) -> None:
    (tmp_path / "sample.confd").write_text("mine\n")
    shop = _Shop({})
    wish = Wish(read_argument("foo-1"), samples=True)
    lacking = Workplace((tmp_path,), shop.fetch, KnownPackages(), shop.log)
    with pytest.raises(AbuildError, match=r"sample\.initd"):
        create(wish, tmp_path, lacking)
    create(wish, tmp_path, Workplace((tmp_path, Path(SHARE_DIR)), shop.fetch, KnownPackages(), shop.log))
    assert (tmp_path / "foo" / "foo.confd").read_text() == "mine\n"


def test_a_name_alone_fetches_nothing(tmp_path: Path) -> None:
    shop = _Shop({})
    recipe = shop.make(tmp_path, Wish(read_argument("perl-foo")))
    assert shop.asked == []
    assert _variables(recipe)["source"] == ""
    assert "perl Makefile.PL INSTALLDIRS=vendor" in recipe.read_text()
    assert "check" in _functions(recipe)
    assert recipe.read_text().endswith("}\n")
    assert not recipe.read_text().endswith("\n\n")


def test_an_existing_recipe_needs_force(tmp_path: Path) -> None:
    (tmp_path / "foo").mkdir()
    (tmp_path / "foo" / "APKBUILD").write_text("precious")
    shop = _Shop({"Makefile": "all:\n"})
    with pytest.raises(RecipeError, match="foo/APKBUILD already exists"):
        shop.make(tmp_path, _wish())
    assert shop.asked == []
    assert (tmp_path / "foo" / "APKBUILD").read_text() == "precious"
    shop.make(tmp_path, _wish(force=True))
    shop.make(tmp_path, _wish(force=True))  # over the unpacked source of the first time too
    assert (tmp_path / "foo" / "APKBUILD").read_text() != "precious"


def test_a_version_apk_cannot_order_is_named(tmp_path: Path) -> None:
    shop = _Shop({})
    shop.make(tmp_path, Wish(Origin("foo", "someday", "", "foo")))
    assert any("someday" in text for text in shop.log.said)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    shop = _Shop({"Makefile": "all:\n"})
    shop.make(tmp_path, _wish(url=SITE))
    assert "left for you to fill in: pkgdesc license" in shop.log.said


def test_a_preview_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = _Shop({"Makefile": "all:\n"})
    monkeypatch.chdir(tmp_path)
    text = preview(_wish(), shop.place())
    assert b"pkgname=foo\n" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "function", "expected"),
    [
        # A config.sub that is older than musl takes the machine's name for a mistake.
        (
            {"configure": CONFIGURE, "config.sub": "linux-gnu"},
            "prepare",
            ["default_prepare", "update_config_sub"],
        ),
        ({"configure": CONFIGURE, "config.sub": "linux-gnu | linux-musl"}, "prepare", None),
        # Makefiles that know no DESTDIR would install to the machine itself.
        (
            {"configure": ("#!/bin/sh\n", 0o755), "Makefile.in": "BINDIR={BINDIR}\ninstall:\n\tinstall -D x $(BINDIR)\n"},
            "package",
            ['make BINDIR="$pkgdir"/usr/bin install'],
        ),
        (
            {
                "Makefile": "CFLAGS=-DX\nprefix=/usr\nsbindir=$(prefix)/sbin\ninstall : x\n"
                "\tinstall x ${sbindir}/\n\tinstall x.8 ${mandir}/man8/\n"
            },
            "package",
            ['mkdir -p "$pkgdir"/usr/sbin "$pkgdir"/usr/share/man/man8', 'make prefix="$pkgdir"/usr install'],
        ),
        (
            {"Makefile": "PREFIX=/usr/local\nMANDIR=$(PREFIX)/man\ninstall:\n\tcp x $(PREFIX)/bin\n"},
            "package",
            [
                'mkdir -p "$pkgdir"/usr/bin',
                'make PREFIX="$pkgdir"/usr MANDIR="$pkgdir"/usr/share/man install',
            ],
        ),
        ({"Makefile": "foo: foo.c\n", "foo.c": "", "foo.1": ""}, "package", [
            'install -Dm755 foo -t "$pkgdir"/usr/bin/',
            'install -Dm644 foo.1 -t "$pkgdir"/usr/share/man/man1/',
        ]),
        ({"configure": CONFIGURE, "Makefile.in": "check: x\n\t./x\n", "build/a.mk": ""}, "check", ["make check"]),
        ({"configure.ac": "AC_INIT\n"}, "prepare", ["default_prepare", "autoreconf -fi"]),
        ({"Build.PL": "use Module::Build::Tiny;", "t/a.t": ""}, "check", ["./Build test"]),
        ({"foo.gemspec": "", "spec/a_spec.rb": ""}, "check", ["rspec"]),
        ({"Makefile": "all:\n\tscons\n", "SConstruct": ""}, "build", ["scons"]),
        (
            {"setup.py": "", "test_x.py": "def test_a(): pass\n", "setup.cfg": "[tool:pytest]\naddopts = --flake8\n"},
            "check",
            [
                "python3 -m venv --clear --without-pip --system-site-packages .testenv",
                ".testenv/bin/python3 -m installer .dist/*.whl",
                ".testenv/bin/python3 -m pytest -o addopts=''",
            ],
        ),
        (
            {"setup.py": "", "tests/test_x.py": "class A(unittest.TestCase): pass\n", "tests/__init__.py": ""},
            "check",
            [
                "python3 -m venv --clear --without-pip --system-site-packages .testenv",
                ".testenv/bin/python3 -m installer .dist/*.whl",
                ".testenv/bin/python3 -m unittest discover",
            ],
        ),
    ],
)  # fmt: skip
def test_functions(tmp_path: Path, files: dict[str, Content], function: str, expected: list[str] | None) -> None:
    assert _functions(_Shop(files).make(tmp_path, _wish())).get(function) == expected


def test_plugins_that_pytests_settings_ask_for(tmp_path: Path) -> None:
    settings = "[tool.pytest.ini_options]\naddopts = '--cov=foo -n auto'\nasyncio_mode = 'auto'\n"
    recipe = _Shop({"pyproject.toml": settings, "test_x.py": "def test_a(): pass\n"}).make(tmp_path, _wish())
    assert _variables(recipe)["checkdepends"] == "py3-pytest py3-pytest-cov py3-pytest-xdist py3-pytest-asyncio"


def test_tests_whose_framework_is_a_module_of_git_are_turned_off(tmp_path: Path) -> None:
    lists = (
        'option(FOO_BUILD_TESTS "tests" ON)\nenable_testing()\nif(FOO_BUILD_TESTS)\n'
        "add_subdirectory(third_party/googletest)\nadd_test(NAME a COMMAND b)\nendif()\n"
    )
    recipe = _Shop({"CMakeLists.txt": lists, "x.c": ""}).make(tmp_path, _wish())
    assert "\t\t-DFOO_BUILD_TESTS=OFF \\\n" in recipe.read_text()
    assert _variables(recipe)["options"] == "!check"


def test_modules_of_git_that_the_archive_lacks_are_said(tmp_path: Path) -> None:
    shop = _Shop({"CMakeLists.txt": "", ".gitmodules": '[submodule "x"]\n\tpath = ext/zip\n'})
    shop.make(tmp_path, _wish())
    assert "the archive lacks ext/zip, a module of its git repository" in shop.log.said


def test_a_folder_in_a_folder_is_the_source(tmp_path: Path) -> None:
    recipe = _Shop({"Makefile": "all:\n"}, "outer/foo-1.2").make(tmp_path, _wish())
    assert _variables(recipe)["builddir"] == "/s/outer/foo-1.2"


def test_names_of_packages() -> None:
    names = {"libayatana-indicator-dev", "py3-foo.bar", "py3-pan", "black", "kcoreaddons5-dev", "libxyz-dev"}
    known = KnownPackages((), names.__contains__)
    assert known.module("ayatana-indicator3-0.4") == "libayatana-indicator-dev"
    assert known.module("gtk4") == "gtk4.0-dev"
    assert known.module("xyz") == "libxyz-dev"
    assert known.module("nowhere") is None
    assert known.module("threads") == ""
    assert known.cmake("KF5CoreAddons") == "kcoreaddons5-dev"
    assert known.cmake("KF5NewStuffCore") is None
    assert KnownPackages((), {"knewstuff5-dev"}.__contains__).cmake("KF5NewStuffCore") == "knewstuff5-dev"
    assert known.cmake("Qt6Quick") == "qt6-qtdeclarative-dev"
    assert [known.python(name) for name in ("Foo_Bar", "pypan", "black", "other")] == [
        *("py3-foo.bar", "py3-pan", "black", "py3-other")
    ]
    assert KnownPackages().python("PyYAML") == "py3-yaml"


def test_an_index_knows_best() -> None:
    entry = IndexEntry("", "odd-package", "1-r0", provides=("pc:glib-2.0=2.80", "cmd:thing=1"))
    known = KnownPackages((entry,))
    assert known.module("glib-2.0") == "odd-package"
    assert known.program("thing") == "odd-package"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"setup.py": ""}, "py3-foo"),
        ({"Makefile.PL": ""}, "perl-foo"),
        ({"foo.gemspec": ""}, "ruby-foo"),
        ({"pyproject.toml": "[project.scripts]\nfoo = 'foo:main'\n"}, ""),
        ({"Makefile": "all:\n"}, ""),
    ],
)
def test_the_usual_name_of_a_library_is_said(tmp_path: Path, files: dict[str, Content], name: str) -> None:
    shop = _Shop(files)
    shop.make(tmp_path, _wish())
    said = [text for text in shop.log.said if "a library" in text]
    assert [text.rpartition(" ")[2] for text in said] == [name] * bool(name)


@pytest.mark.parametrize(
    ("upstream", "pkgver", "expression"),
    [
        ("1.2.3", "1.2.3", ""),
        ("1.0-rc1", "1.0_rc1", "${pkgver//_/-}"),
        ("1.0rc1", "1.0_rc1", "${pkgver/_/}"),
        ("1.0b2", "1.0_beta2", "${pkgver/_beta/b}"),
        ("1.0-beta.2", "1.0_beta2", "${pkgver/_beta/-beta.}"),
        ("1_2_3", "1.2.3", "${pkgver//./_}"),
        ("1-2", "1.2", "${pkgver//./-}"),
        ("2.0.dev3", "2.0_pre3", "${pkgver/_pre/.dev}"),
        ("nightly", "nightly", ""),
    ],
)
def test_versions_as_apk_has_them(upstream: str, pkgver: str, expression: str) -> None:
    assert apk_version(upstream) == pkgver
    made = expression_for(pkgver, upstream) if pkgver != upstream else ""
    assert made == expression
    if made:
        script = f'pkgver={pkgver}; _pkgver={made}; printf %s "$_pkgver"'
        assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout == upstream


def test_names_and_versions_in_the_word_that_is_fetched() -> None:
    origin = read_argument("https://forge.example/own/Proj/archive/v1.0-rc1.tar.gz")
    assert origin.source == "$pkgname-$_pkgver.tar.gz::https://forge.example/own/Proj/archive/v$_pkgver.tar.gz"
    assert origin.entry == "proj-1.0-rc1.tar.gz::https://forge.example/own/Proj/archive/v1.0-rc1.tar.gz"
    odd = read_argument("https://site.example/foo-1.tar.gz?a=$x`b`")
    assert odd.entry == "foo-1.tar.gz::https://site.example/foo-1.tar.gz?a=$x`b`"
    crate = crate_origin("https://crates.example/api/v1/crates/Foo/1.2/download", "Foo")
    assert (crate.pkgname, crate.pkgver) == ("foo", "1.2")
    assert crate.source == "$pkgname-$pkgver.tar.gz::https://crates.example/api/v1/crates/Foo/$pkgver/download"
