# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from maintain_log import Log

from abuildpy.config import SHARE_DIR
from abuildpy.errors import AbuildError, RecipeError, UsageError
from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.newrecipe import Wish, create
from abuildpy.maintain.origin import Origin, read_argument
from abuildpy.maintain.quoting import in_quotes, value

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


@pytest.mark.parametrize("argument", ["", "a/../..", "-x", f"{SITE}/v1.2.tar.gz", f"{SITE}/"])
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


Make = Callable[..., tuple[int, Path]]


class _Shop:
    """A stand-in for abuild: "unpacks" the files it was told about and remembers what it was asked."""

    def __init__(self, folder: str = "", files: tuple[str, ...] = (), status: int = 0) -> None:
        self.folder, self.files, self.status = folder, files, status
        self.asked: list[tuple[str, ...]] = []
        self.drafts: list[str] = []
        self.log = Log()

    def abuild(self, folder: Path, *arguments: str) -> int:
        self.asked.append(arguments)
        self.drafts.append((folder / "APKBUILD").read_text())
        if "unpack" in arguments and self.status == 0:
            for file in self.files:
                path = folder / "src" / self.folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
                path.chmod(0o755)
        return self.status

    def make(self, parent: Path, wish: Wish) -> Path:
        return create(wish, parent, sample_folders=(Path(SHARE_DIR),), abuild=self.abuild, log=self.log)


def _wish(**more: object) -> Wish:
    return Wish(read_argument(f"{SITE}/foo-1.2.tar.gz"), **more)  # type: ignore[arg-type]


def _variables(recipe: Path) -> dict[str, str]:
    """What the shell makes of the recipe's variables, in the order written."""
    names = [line.partition("=")[0] for line in recipe.read_text().split("build() {")[0].splitlines()]
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


def test_header_of_an_autotools_project(tmp_path: Path) -> None:
    shop = _Shop("foo-1.2", ("configure", "include/foo.h"))
    wish = _wish(pkgdesc="A thing", url=f"{SITE}/home", license="MIT", maintainer="Jo Doe <jo@site.example>")
    recipe = shop.make(tmp_path, wish)
    assert recipe == tmp_path / "foo" / "APKBUILD"
    assert recipe.read_text().startswith("# Maintainer: Jo Doe <jo@site.example>\npkgname=foo\npkgver=1.2\npkgrel=0\n")
    assert list(_variables(recipe).items()) == [
        ("pkgname", "foo"),
        ("pkgver", "1.2"),
        ("pkgrel", "0"),
        ("pkgdesc", "A thing"),
        ("url", f"{SITE}/home"),
        ("arch", "all"),
        ("license", "MIT"),
        ("depends", ""),
        ("depends_dev", ""),
        ("makedepends", ""),
        ("checkdepends", ""),
        ("install", ""),
        ("subpackages", "foo-dev foo-doc"),
        ("source", f"{SITE}/foo-1.2.tar.gz"),
        ("builddir", "/s/foo-1.2"),
    ]
    assert 'makedepends="$depends_dev"\n' in recipe.read_text()
    assert 'builddir="$srcdir/foo-$pkgver"\n' in recipe.read_text()
    assert shop.asked == [("-f", "checksum", "unpack"), ("-f", "checksum")]
    assert subprocess.run(["sh", "-n", str(recipe)], check=False).returncode == 0
    assert recipe.read_text().endswith("}\n\n")  # the checksums follow


def test_no_maintainer_no_headers(tmp_path: Path) -> None:
    recipe = _Shop("foo-1.2", ("Makefile",)).make(tmp_path, _wish())
    assert recipe.read_text().startswith("# Maintainer:\n")
    assert "depends_dev" not in recipe.read_text()
    assert _variables(recipe)["makedepends"] == ""


STEPS = {
    BuildType.MAKE: {"build": ["make"], "check": ["make check"], "package": ['make DESTDIR="$pkgdir" install']},
    BuildType.AUTOTOOLS: {
        "build": [
            "./configure --build=$CBUILD --host=$CHOST --prefix=/usr --sysconfdir=/etc "
            "--mandir=/usr/share/man --localstatedir=/var",
            "make",
        ],
        "check": ["make check"],
        "package": ['make DESTDIR="$pkgdir" install'],
    },
    BuildType.CMAKE: {
        "build": [
            "local crossopts=",
            'if [ "$CBUILD" != "$CHOST" ]; then',
            'crossopts="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_HOST_SYSTEM_NAME=Linux"',
            "fi",
            "cmake -B build -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib "
            "-DBUILD_SHARED_LIBS=ON $crossopts",
            "cmake --build build",
        ],
        "check": ["ctest --test-dir build"],
        "package": ['DESTDIR="$pkgdir" cmake --install build'],
    },
    BuildType.MESON: {
        "build": ["abuild-meson output .", "meson compile -C output"],
        "check": ["meson test --print-errorlogs -C output"],
        "package": ['DESTDIR="$pkgdir" meson install --no-rebuild -C output'],
    },
    BuildType.PERL: {
        "build": ["perl Makefile.PL INSTALLDIRS=vendor", "make"],
        "check": ["make check"],
        "package": [
            'make DESTDIR="$pkgdir" install',
            'find "$pkgdir" \\( -name perllocal.pod -o -name .packlist \\) -delete',
        ],
    },
    BuildType.PYTHON: {
        "build": ["gpep517 build-wheel --wheel-dir .dist --output-fd 3 3>&1 >&2"],
        "check": [
            "python3 -m venv --clear --without-pip --system-site-packages .testenv",
            ".testenv/bin/python3 -m installer .dist/*.whl",
            ".testenv/bin/python3 -m pytest",
        ],
        "package": ['python3 -m installer -d "$pkgdir" .dist/*.whl'],
    },
    BuildType.RUST: {
        "prepare": ["default_prepare", 'cargo fetch --target="$CHOST" --locked'],
        "build": ["cargo auditable build --frozen --release"],
        "check": ["cargo test --frozen"],
        "package": [":"],
    },
    BuildType.WAF: {"build": [":"], "check": [":"], "package": [":"]},
    BuildType.EMPTY: {"build": [":"], "check": [":"], "package": [":"]},
}


@pytest.mark.parametrize("kind", list(BuildType))
def test_build_steps(tmp_path: Path, kind: BuildType) -> None:
    recipe = _Shop("foo-1.2", ("README",)).make(tmp_path, _wish(kind=kind))
    functions = _functions(recipe)
    shown = {name: [line for line in lines if not line.startswith("#")] for name, lines in functions.items()}
    assert shown == STEPS[kind]
    assert subprocess.run(["sh", "-n", str(recipe)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("file", "variable", "expected"),
    [
        ("CMakeLists.txt", "makedepends", "cmake samurai"),
        ("meson.build", "makedepends", "meson"),
        ("Cargo.toml", "makedepends", "cargo cargo-auditable"),
        ("Cargo.toml", "options", "net"),
        ("setup.py", "makedepends", "py3-gpep517 py3-setuptools py3-wheel"),
        ("setup.py", "checkdepends", "py3-pytest"),
        ("Makefile.PL", "depends", "perl"),
    ],
)
def test_what_was_found_decides_about_dependencies(tmp_path: Path, file: str, variable: str, expected: str) -> None:
    assert _variables(_Shop("foo-1.2", (file,)).make(tmp_path, _wish()))[variable] == expected


def test_builddir_is_the_folder_unpacked(tmp_path: Path) -> None:
    recipe = _Shop("odd_1.2_src", ("Makefile",)).make(tmp_path, _wish())
    assert 'builddir="$srcdir/odd_${pkgver}_src"\n' in recipe.read_text()


def test_folder_names_stay_data(tmp_path: Path) -> None:
    recipe = _Shop('$(touch bad)"', ("Makefile",)).make(tmp_path, _wish())
    assert _variables(recipe)["builddir"] == '/s/$(touch bad)"'


def test_samples(tmp_path: Path) -> None:
    recipe = _Shop("foo-1.2", ("Makefile",)).make(tmp_path, _wish(samples=True))
    variables = _variables(recipe)
    assert variables["source"].split() == [f"{SITE}/foo-1.2.tar.gz", "foo.initd", "foo.confd"]
    assert variables["install"] == "foo.pre-install foo.post-install"
    assert _functions(recipe)["package"][1:] == [
        'install -Dm755 "$srcdir"/$pkgname.initd "$pkgdir"/etc/init.d/$pkgname',
        'install -Dm644 "$srcdir"/$pkgname.confd "$pkgdir"/etc/conf.d/$pkgname',
    ]
    for kind in ("initd", "confd", "pre-install", "post-install"):
        text = (recipe.parent / f"foo.{kind}").read_text()
        assert "foo" in text
        assert "@" not in text
        assert subprocess.run(["sh", "-n", str(recipe.parent / f"foo.{kind}")], check=False).returncode == 0
    assert (recipe.parent / "foo.initd").read_text().startswith("#!/sbin/openrc-run\n")


def test_the_first_folder_that_has_a_sample_counts(tmp_path: Path) -> None:
    (tmp_path / "sample.confd").write_text("mine\n")
    shop = _Shop()
    wish = Wish(read_argument("foo-1"), samples=True)
    with pytest.raises(AbuildError, match=r"sample\.initd"):
        create(wish, tmp_path, sample_folders=(tmp_path,), abuild=shop.abuild, log=shop.log)
    create(wish, tmp_path, sample_folders=(tmp_path, Path(SHARE_DIR)), abuild=shop.abuild, log=shop.log)
    assert (tmp_path / "foo" / "foo.confd").read_text() == "mine\n"
    assert shop.asked  # there are files to fetch and sum up though there is no URL


def test_a_name_alone_fetches_nothing(tmp_path: Path) -> None:
    shop = _Shop()
    recipe = shop.make(tmp_path, Wish(read_argument("perl-foo")))
    assert shop.asked == []
    assert _variables(recipe)["source"] == ""
    assert _functions(recipe)["build"][0].startswith("perl ")
    assert recipe.read_text().endswith("}\n")
    assert not recipe.read_text().endswith("\n\n")


def test_an_existing_recipe_needs_force(tmp_path: Path) -> None:
    (tmp_path / "foo").mkdir()
    (tmp_path / "foo" / "APKBUILD").write_text("precious")
    with pytest.raises(RecipeError, match="foo/APKBUILD already exists"):
        _Shop().make(tmp_path, _wish())
    assert (tmp_path / "foo" / "APKBUILD").read_text() == "precious"
    _Shop().make(tmp_path, _wish(force=True))
    assert (tmp_path / "foo" / "APKBUILD").read_text() != "precious"


def test_a_source_that_cannot_be_had_leaves_a_whole_recipe(tmp_path: Path) -> None:
    shop = _Shop(status=1)
    with pytest.raises(RecipeError, match="could not be fetched"):
        shop.make(tmp_path, _wish(kind=BuildType.MESON))
    recipe = tmp_path / "foo" / "APKBUILD"
    assert len(shop.asked) == 1
    assert _variables(recipe)["builddir"] == "/s/foo-1.2"
    assert _functions(recipe)["build"][0].startswith("abuild-meson")


def test_a_version_apk_cannot_order_is_named(tmp_path: Path) -> None:
    shop = _Shop()
    shop.make(tmp_path, Wish(Origin("foo", "1.0-beta", "", "foo")))
    assert any("1.0-beta" in text for text in shop.log.said)


def test_the_draft_that_abuild_reads_is_a_recipe(tmp_path: Path) -> None:
    shop = _Shop("foo-1.2", ("Makefile",))
    shop.make(tmp_path, _wish())
    assert "package() {" in shop.drafts[0]
    assert 'source="https://site.example/foo-$pkgver.tar.gz"' in shop.drafts[0]
