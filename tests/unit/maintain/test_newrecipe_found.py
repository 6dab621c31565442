# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in a source decides what the recipe says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from newrecipe_samples import CODE, CONFIGURE, MIT, Content, Shop, complaints_of, functions_of, variables_of, wish

from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.newrecipe import Wish, preview
from abuildpy.maintain.origin import read_argument

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
    recipe = Shop({**executable, "LICENSE": MIT}).make(
        tmp_path, wish(pkgdesc="Foo", maintainer="Jo Doe <jo@site.example>")
    )
    assert functions_of(recipe) == steps
    assert subprocess.run(["sh", "-n", str(recipe)], check=False).returncode == 0
    assert complaints_of(recipe) == []


@pytest.mark.parametrize("kind", list(BuildType))
def test_every_kind_makes_a_recipe_of_any_source_and_of_none(tmp_path: Path, kind: BuildType) -> None:
    recipe = Shop({"README": "", "LICENSE": MIT}).make(
        tmp_path, wish(kind=kind, pkgdesc="Foo", maintainer="Jo Doe <jo@site.example>")
    )
    assert complaints_of(recipe) == []
    recipe = Shop({}).make(tmp_path, Wish(read_argument("bar-1"), kind=kind))
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
    assert variables_of(Shop(files).make(tmp_path, wish())).get(variable) == expected


def test_what_no_package_is_known_for_is_named(tmp_path: Path) -> None:
    shop = Shop({"meson.build": "project('x', 'c')\ndependency('oddity-3')\n", "x.c": ""})
    recipe = shop.make(tmp_path, wish())
    assert "# TODO: makedepends lacks what gives pc:oddity-3\n" in recipe.read_text()
    assert any("pc:oddity-3" in text for text in shop.log.said)
    text = preview(wish(), shop.place(packages={"oddity-dev"}))
    assert b'makedepends="oddity-dev meson"\n' in text
    assert b"TODO" not in text


def test_without_tests_there_is_no_check(tmp_path: Path) -> None:
    recipe = Shop({"Makefile": "all:\n"}).make(tmp_path, wish())
    assert 'options="!check" # no tests in the source\n' in recipe.read_text()
    assert "check" not in functions_of(recipe)


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
    assert functions_of(Shop(files).make(tmp_path, wish())).get(function) == expected


def test_plugins_that_pytests_settings_ask_for(tmp_path: Path) -> None:
    settings = "[tool.pytest.ini_options]\naddopts = '--cov=foo -n auto'\nasyncio_mode = 'auto'\n"
    recipe = Shop({"pyproject.toml": settings, "test_x.py": "def test_a(): pass\n"}).make(tmp_path, wish())
    assert variables_of(recipe)["checkdepends"] == "py3-pytest py3-pytest-cov py3-pytest-xdist py3-pytest-asyncio"


def test_tests_whose_framework_is_a_module_of_git_are_turned_off(tmp_path: Path) -> None:
    lists = (
        'option(FOO_BUILD_TESTS "tests" ON)\nenable_testing()\nif(FOO_BUILD_TESTS)\n'
        "add_subdirectory(third_party/googletest)\nadd_test(NAME a COMMAND b)\nendif()\n"
    )
    recipe = Shop({"CMakeLists.txt": lists, "x.c": ""}).make(tmp_path, wish())
    assert "\t\t-DFOO_BUILD_TESTS=OFF \\\n" in recipe.read_text()
    assert variables_of(recipe)["options"] == "!check"


def test_modules_of_git_that_the_archive_lacks_are_said(tmp_path: Path) -> None:
    shop = Shop({"CMakeLists.txt": "", ".gitmodules": '[submodule "x"]\n\tpath = ext/zip\n'})
    shop.make(tmp_path, wish())
    assert "the archive lacks ext/zip, a module of its git repository" in shop.log.said


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
    shop = Shop(files)
    shop.make(tmp_path, wish())
    said = [text for text in shop.log.said if "a library" in text]
    assert [text.rpartition(" ")[2] for text in said] == [name] * bool(name)
