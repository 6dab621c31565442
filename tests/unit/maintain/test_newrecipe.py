# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest
from newrecipe_samples import CODE, CONFIGURE, MIT, SITE, Content, Shop, complaints_of, functions_of, variables_of, wish

from abuildpy.config import SHARE_DIR
from abuildpy.errors import AbuildError, FetchError, RecipeError, UnpackError
from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.newrecipe import Wish, Workplace, create, preview
from abuildpy.maintain.origin import Origin, read_argument
from abuildpy.maintain.survey.known import KnownPackages

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
    shop = Shop(AUTOTOOLS)
    recipe = shop.make(tmp_path, wish(url=f"{SITE}/home", maintainer="Jo Doe <jo@site.example>"))
    assert recipe == tmp_path / "foo" / "APKBUILD"
    assert recipe.read_text().startswith("# Maintainer: Jo Doe <jo@site.example>\npkgname=foo\npkgver=1.2\npkgrel=0\n")
    assert list(variables_of(recipe).items()) == [
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
    assert functions_of(recipe) == {
        "build": [
            "./configure --build=$CBUILD --host=$CHOST --prefix=/usr --sysconfdir=/etc --mandir=/usr/share/man "
            "--localstatedir=/var --disable-static",
            "make",
        ],
        "check": ["make check"],
        "package": ['make DESTDIR="$pkgdir" install'],
    }
    assert complaints_of(recipe) == []


def test_the_download_and_the_unpacked_source_lie_where_abuild_looks_for_them(tmp_path: Path) -> None:
    shop = Shop(AUTOTOOLS)
    recipe = create(wish(), tmp_path, shop.place())
    archive = recipe.parent / "foo-1.2.tar.gz"
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    assert recipe.read_text().endswith(f'\n\nsha512sums="\n{digest}  foo-1.2.tar.gz\n"\n')
    assert (recipe.parent / "src/foo-1.2/foo.c").read_text() == CODE
    distfiles = tmp_path / "distfiles"
    distfiles.mkdir()
    other = tmp_path / "other"
    other.mkdir()
    recipe = shop.make(other, wish(), distfiles)
    assert (distfiles / "foo-1.2.tar.gz").exists()
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["APKBUILD", "src"]


def test_nothing_stays_when_the_source_cannot_be_had(tmp_path: Path) -> None:
    shop = Shop({})

    def gone(entry: str, folder: Path) -> Path:
        raise FetchError(f"{entry}: not found")

    def damaged(entry: str, folder: Path) -> Path:
        archive = folder / "foo-1.2.tar.gz"
        archive.write_bytes(b"\x1f\x8bno archive")
        return archive

    for fetch, error in ((gone, FetchError), (damaged, UnpackError)):
        place = Workplace((Path(SHARE_DIR),), fetch, KnownPackages(), shop.log)
        with pytest.raises(error):
            create(wish(), tmp_path, place)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("odd_1.2_src", 'builddir="$srcdir/odd_${pkgver}_src"\n'),
        ("foo-1.2", None),
        ("", 'builddir="$srcdir"\n'),
    ],
)
def test_builddir_is_the_folder_unpacked(tmp_path: Path, folder: str, line: str | None) -> None:
    text = Shop({"Makefile": "all:\n"}, folder).make(tmp_path, wish()).read_text()
    assert (line in text) if line else ("builddir" not in text)


def test_upstreams_spelling_of_the_version(tmp_path: Path) -> None:
    shop = Shop({"Makefile": "all:\n"}, "foo-1.0-rc2")
    recipe = shop.make(tmp_path, Wish(read_argument(f"{SITE}/v1.0-rc2/foo-1.0-rc2.tar.gz")))
    assert shop.asked == [f"{SITE}/v1.0-rc2/foo-1.0-rc2.tar.gz"]
    text = recipe.read_text()
    assert "pkgver=1.0_rc2\n_pkgver=${pkgver//_/-}\n" in text
    assert 'builddir="$srcdir/foo-$_pkgver"\n' in text


def test_folder_names_stay_data(tmp_path: Path) -> None:
    recipe = Shop({"Makefile": "all:\n"}, '$(touch bad)"').make(tmp_path, wish())
    assert variables_of(recipe)["builddir"] == '/s/$(touch bad)"'


def test_metadata_stays_data(tmp_path: Path) -> None:
    nasty = '$(touch bad)`id`" \\'
    recipe = Shop(
        {
            "package.json": f'{{"description": "x {nasty.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))} y"}}'
        }
    ).make(tmp_path, wish())
    assert variables_of(recipe)["pkgdesc"] == f"x {nasty} y"


def test_what_a_source_needs_stays_a_comment(tmp_path: Path) -> None:
    files = {"meson.build": "project('x', 'c')\ndependency('odd\ntouch bad\n')\ndependency('a\\r\\x85b')\n", "x.c": ""}
    recipe = Shop(files).make(tmp_path, wish())
    assert "# TODO: makedepends lacks what gives pc:odd touch bad pc:a" in recipe.read_text()


def test_names_of_files_stay_words(tmp_path: Path) -> None:
    names = ("$(touch bad)", "`touch bad`", "a; touch bad ;", "a|b", "-x", "good-name")
    files = {"dune-project": "(lang dune 2)", "dune": "(test", **{f"{name}.opam": "" for name in names}}
    recipe = Shop(files).make(tmp_path, wish(kind=BuildType.OCAML))
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
    assert "pkgname=foo\n" in Shop(files).make(tmp_path, wish()).read_text()


def test_a_source_that_takes_years_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("abuildpy.maintain.newrecipe.LONGEST_LOOK", 0.2)
    monkeypatch.setattr("abuildpy.maintain.newrecipe.plan_for", endless)
    shop = Shop({"meson.build": "project('foo', 'c')\n"})
    with pytest.raises(AbuildError, match="takes more than"):
        shop.make(tmp_path, wish())
    assert not (tmp_path / "foo").exists()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_samples(tmp_path: Path) -> None:
    recipe = Shop({"Makefile": "all:\n"}).make(tmp_path, wish(samples=True))
    variables = variables_of(recipe)
    assert variables["source"].split() == [f"{SITE}/foo-1.2.tar.gz", "foo.initd", "foo.confd"]
    assert variables["install"] == "foo.pre-install foo.post-install"
    assert variables["subpackages"] == "foo-openrc"
    assert functions_of(recipe)["package"][-2:] == [
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
    shop = Shop({})
    wish = Wish(read_argument("foo-1"), samples=True)
    lacking = Workplace((tmp_path,), shop.fetch, KnownPackages(), shop.log)
    with pytest.raises(AbuildError, match=r"sample\.initd"):
        create(wish, tmp_path, lacking)
    create(wish, tmp_path, Workplace((tmp_path, Path(SHARE_DIR)), shop.fetch, KnownPackages(), shop.log))
    assert (tmp_path / "foo" / "foo.confd").read_text() == "mine\n"


def test_a_name_alone_fetches_nothing(tmp_path: Path) -> None:
    shop = Shop({})
    recipe = shop.make(tmp_path, Wish(read_argument("perl-foo")))
    assert shop.asked == []
    assert variables_of(recipe)["source"] == ""
    assert "perl Makefile.PL INSTALLDIRS=vendor" in recipe.read_text()
    assert "check" in functions_of(recipe)
    assert recipe.read_text().endswith("}\n")
    assert not recipe.read_text().endswith("\n\n")


def test_an_existing_recipe_needs_force(tmp_path: Path) -> None:
    (tmp_path / "foo").mkdir()
    (tmp_path / "foo" / "APKBUILD").write_text("precious")
    shop = Shop({"Makefile": "all:\n"})
    with pytest.raises(RecipeError, match="foo/APKBUILD already exists"):
        shop.make(tmp_path, wish())
    assert shop.asked == []
    assert (tmp_path / "foo" / "APKBUILD").read_text() == "precious"
    shop.make(tmp_path, wish(force=True))
    shop.make(tmp_path, wish(force=True))  # over the unpacked source of the first time too
    assert (tmp_path / "foo" / "APKBUILD").read_text() != "precious"


def test_a_version_apk_cannot_order_is_named(tmp_path: Path) -> None:
    shop = Shop({})
    shop.make(tmp_path, Wish(Origin("foo", "someday", "", "foo")))
    assert any("someday" in text for text in shop.log.said)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    shop = Shop({"Makefile": "all:\n"})
    shop.make(tmp_path, wish(url=SITE))
    assert "left for you to fill in: pkgdesc license" in shop.log.said


def test_a_preview_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop({"Makefile": "all:\n"})
    monkeypatch.chdir(tmp_path)
    text = preview(wish(), shop.place())
    assert b"pkgname=foo\n" in text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_a_folder_is_the_source(tmp_path: Path) -> None:
    recipe = Shop({"Makefile": "all:\n"}, "outer/foo-1.2").make(tmp_path, wish())
    assert variables_of(recipe)["builddir"] == "/s/outer/foo-1.2"
