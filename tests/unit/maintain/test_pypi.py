# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from maintain_log import Log
from python_index import SIMPLE, Server, document, serve

from abuildpy.errors import ConfigError, FetchError, RecipeError
from abuildpy.maintain import pipconfig, pyaport
from abuildpy.maintain.pipconfig import Address, find_index
from abuildpy.maintain.pyaport import Workshop
from abuildpy.maintain.pyindex import Project, from_document
from abuildpy.maintain.pylicense import spdx_license
from abuildpy.maintain.pypi import Index
from abuildpy.maintain.pyrecipe import alpine_version, needs
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.recipe.model import Recipe, Source


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with serve() as server:
        yield server


# --- which index --------------------------------------------------------------------------------------------------


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which no configuration of this machine counts, and pip is not to be found."""
    monkeypatch.setattr(pipconfig, "_GLOBAL", tmp_path / "etc" / "pip.conf")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": str(bin_),
        "PIP_CONFIG_FILE": os.devnull,
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "PYTHONPATH": str(bin_),
    }


def _conf(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("variables", "base", "simple"),
    [
        ({"PIP_INDEX_URL": "https://a.example/simple/"}, "https://a.example", "https://a.example/simple"),
        ({"PIP_INDEX_URL": "https://a.example/x/+simple"}, "", "https://a.example/x/+simple"),
        ({"PYPI_URL": "http://b.example/"}, "http://b.example", "http://b.example/simple"),
        ({"PYPI_URL": "http://b.example/pypi"}, "http://b.example", "http://b.example/simple"),
        (
            {"PYPI_URL": "http://b.example", "PIP_INDEX_URL": "https://a.example/simple"},
            "http://b.example",
            "http://b.example/simple",
        ),
    ],
)
def test_address_from_the_environment(
    environ: dict[str, str], variables: dict[str, str], base: str, simple: str
) -> None:
    assert find_index({**environ, **variables}) == Address(base, simple)


def test_address_from_pip_conf(environ: dict[str, str], tmp_path: Path) -> None:
    own = tmp_path / "own.conf"
    environ["PIP_CONFIG_FILE"] = str(own)
    environ["XDG_CONFIG_DIRS"] = str(tmp_path / "xdg")
    _conf(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://one.example/simple\ncert = /one.pem\n")
    assert find_index(environ).simple == "https://one.example/simple"
    _conf(tmp_path / "home/.config/pip/pip.conf", "[global]\nindex-url = https://two.example/simple\n")
    assert find_index(environ) == Address("https://two.example", "https://two.example/simple", "/one.pem")
    _conf(tmp_path / "venv/pip.conf", "[global]\nindex-url = https://three.example/simple\n")
    assert find_index(environ).base == "https://three.example"
    _conf(own, "[install]\nindex-url = https://no.example/simple\n[global]\nindex-url: https://four.example/simple\n")
    assert find_index(environ).base == "https://four.example"
    assert find_index({**environ, "PIP_CERT": "/two.pem"}).certificates == "/two.pem"
    own.write_text("index-url = nonsense")
    with pytest.raises(ConfigError, match=r"own\.conf"):
        find_index(environ)


def test_no_index_is_a_clear_error(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(ConfigError, match="no Python package index") as caught:
        find_index(environ)
    assert caught.value.hint is not None
    assert "PIP_INDEX_URL" in caught.value.hint


def test_pip_tells_its_default(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    pip = tmp_path / "bin" / "pip3"
    pip.write_text(
        "#!/bin/sh\necho '  -i, --index-url <url>   Base URL (default'\necho 'https://d.example/simple). Etc.'\n"
    )
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", environ["PATH"])
    assert find_index(environ).base == "https://d.example"


def test_folders_cannot_be_asked(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="file:"):
        find_index({**environ, "PIP_INDEX_URL": "file:///srv/simple"})


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Address("https://u:secret@a.example", "https://u:secret@a.example/simple"))


# --- what the index says ------------------------------------------------------------------------------------------


def _index(server: Server) -> Index:
    return Index(Address(server.url, f"{server.url}/simple"))


def test_json_document(server: Server) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.2.3", requires_dist=["a>1", "b; extra == 'tests'"]))
    assert _index(server).project("Thing") == Project(
        name="Thing",
        version="1.2.3",
        summary="A library for things",
        license="MIT",
        page="https://index.example/project/Thing/",
        homepage="https://home.example/",
        requires=("a>1", "b; extra == 'tests'"),
        source=f"{server.url}/packages/ab/cd/0123456789/Thing-1.2.3.tar.gz",
    )
    assert server.asked == ["GET /pypi/Thing/json"]


def test_relative_links_and_old_home_page(server: Server) -> None:
    answer = document(server, "thing", "1", project_urls=None)
    for file in answer["urls"]:
        file["url"] = f"../../files/{file['filename']}"
    server.put("/pypi/thing/json", answer)
    project = _index(server).project("thing")
    assert project.source == f"{server.url}/files/thing-1.tar.gz"
    assert project.homepage == "https://home.example/old"


def test_lasting_address_where_the_file_server_has_it(server: Server) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.2"))
    project = _index(server).project("Thing")
    assert _index(server).lasting_source(project) == project.source
    server.put("/packages/source/T/Thing/Thing-1.2.tar.gz", b"")
    assert _index(server).lasting_source(project) == f"{server.url}/packages/source/T/Thing/Thing-1.2.tar.gz"
    assert server.asked[-1] == "HEAD /packages/source/T/Thing/Thing-1.2.tar.gz"


def test_simple_index_with_metadata(server: Server) -> None:
    def file(name: str, **more: object) -> dict[str, object]:
        return {"filename": name, "url": f"../../files/{name}", "hashes": {}, **more}

    server.put(
        "/simple/my-thing/",
        {
            "meta": {"api-version": "1.1"},
            "name": "my-thing",
            "files": [
                file("my_thing-1.9.tar.gz"),
                file("my_thing-1.10.tar.gz"),
                file("my_thing-1.10-py3-none-any.whl", **{"core-metadata": {"sha256": "00"}}),
                file("my_thing-1.9-py3-none-any.whl", **{"core-metadata": True}),
                file("my_thing-2.0rc1.tar.gz"),
                file("my_thing-3.0.tar.gz", yanked="broken"),
                file("my_thing-4.0-py3-none-any.whl"),
                file("what-is-this"),
                "nonsense",
            ],
        },
        SIMPLE,
    )
    metadata = (
        b"Metadata-Version: 2.4\nName: My.Thing\nVersion: 1.10\nSummary: Words\nLicense-Expression: MIT OR ISC\n"
        b"Project-URL: homepage, https://home.example/\nRequires-Dist: a\nRequires-Dist: b; extra == 'test'\n\nLong text\n"
    )
    server.put("/files/my_thing-1.10-py3-none-any.whl.metadata", metadata, "text/plain")
    assert _index(server).project("My.Thing") == Project(
        name="My.Thing",
        version="1.10",
        summary="Words",
        license="MIT OR ISC",
        page="",
        homepage="https://home.example/",
        requires=("a", "b; extra == 'test'"),
        source=f"{server.url}/files/my_thing-1.10.tar.gz",
    )
    assert server.asked[:2] == ["GET /pypi/My.Thing/json", "GET /simple/my-thing/"]
    assert SIMPLE in server.accepted[1]


def test_simple_index_without_metadata(server: Server) -> None:
    files = [{"filename": "thing-1.0b1.zip", "url": f"{server.url}/f/thing-1.0b1.zip"}]
    server.put("/simple/thing/", {"files": files}, SIMPLE)
    project = Index(Address("", f"{server.url}/simple")).project("thing")
    assert (project.name, project.version, project.summary, project.requires) == ("thing", "1.0b1", "", ())
    assert server.asked == ["GET /simple/thing/"]


def test_a_password_goes_to_the_index_but_not_into_a_recipe(server: Server) -> None:
    server.put("/simple/thing/", {"files": [{"filename": "thing-1.tar.gz", "url": "../../f/thing-1.tar.gz"}]}, SIMPLE)
    place = server.url.replace("//", "//user:secret@")
    assert Index(Address("", f"{place}/simple")).project("thing").source == f"{server.url}/f/thing-1.tar.gz"
    server.status = 500
    with pytest.raises(FetchError, match="500") as caught:
        Index(Address(place, f"{place}/simple")).project("gone")
    assert "secret" not in caught.value.message
    with pytest.raises(FetchError) as caught:
        Index(Address("http://u:secret@127.0.0.1:9", "http://u:secret@127.0.0.1:9/simple")).project("gone")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["http://[::1/foo-1.0.tar.gz", "file:///etc/foo-1.0.tar.gz", "//[/foo", "https://x/a b", "https://x/a\x1b"]
)
def test_addresses_that_are_none(server: Server, url: str) -> None:
    told = document(server, "foo", "1.0")
    for file in told["urls"]:
        file["url"] = url
    with pytest.raises(FetchError):
        from_document(told, asked="foo", place=server.url)


def test_unknown_projects(server: Server) -> None:
    with pytest.raises(FetchError, match="no project 'gone'"):
        _index(server).project("gone")
    server.put("/simple/html/", b"<html>", "text/html")
    with pytest.raises(FetchError, match="JSON"):
        _index(server).project("html")
    with pytest.raises(FetchError, match="cannot be the name"):
        _index(server).project("../x")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"info": []},
        {"info": {"version": "1"}, "urls": [{"packagetype": "bdist_wheel", "url": "https://x.example/x.whl"}]},
        {"info": {"version": "1"}, "urls": [{"packagetype": "sdist", "url": "javascript:x"}]},
        {"info": {"version": "1"}, "urls": [{"packagetype": "sdist", "url": "https://x.example/a b.tar.gz"}]},
        {"info": {"version": "$(id)"}, "urls": [{"packagetype": "sdist", "url": "https://x.example/a.tar.gz"}]},
        {"info": {}, "urls": [{"packagetype": "sdist", "url": "https://x.example/a.tar.gz"}]},
    ],
)
def test_answers_of_another_form(server: Server, answer: object) -> None:
    server.put("/pypi/thing/json", answer)
    with pytest.raises(FetchError):
        _index(server).project("thing")


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "expected"),
    [
        ("MIT OR Apache-2.0", "whatever", [], "MIT OR Apache-2.0"),
        ("", "MIT", ["License :: OSI Approved :: BSD License"], "MIT"),
        ("", "MIT License", [], "MIT"),
        ("", "MIT or Apache-2.0", ["License :: OSI Approved :: MIT License"], "MIT OR Apache-2.0"),
        ("", "MIT and ISC and", [], "MIT and ISC and"),
        ("", "MIT or BSD", ["License :: OSI Approved :: MIT License"], "MIT"),
        ("", "BSD", ["License :: OSI Approved :: BSD License"], "BSD"),
        ("", "Apache", ["License :: OSI Approved :: Apache Software License"], "Apache-2.0"),
        ("", "Apache-2.0 OR MIT", ["License :: OSI Approved :: MIT License"], "Apache-2.0 OR MIT"),
        ("", "GPL", ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], "GPL-3.0-only"),
        ("", "", ["License :: OSI Approved :: ISC License (ISCL)", "Topic :: X"], "ISC"),
        ("", "Permission is\nhereby granted", ["License :: OSI Approved :: MIT License"], "MIT"),
        ("", "x" * 200, [], ""),
    ],
)
def test_licences(expression: str, text: str, classifiers: list[str], expected: str) -> None:
    assert spdx_license(expression, text, classifiers) == expected


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ("1.2.3", "1.2.3"),
        ("1.0b2", "1.0_beta2"),
        ("1.0a1", "1.0_alpha1"),
        ("1.0rc1", "1.0_rc1"),
        ("1.0.post3", "1.0_p3"),
        ("1.0.dev4", "1.0_pre4"),
        ("v1.0", "1.0"),
    ],
)
def test_versions(published: str, expected: str) -> None:
    assert alpine_version(published) == expected


@pytest.mark.parametrize("published", ["1!2.0", "1.0+local", "nonsense"])
def test_versions_without_counterpart(published: str) -> None:
    with pytest.raises(RecipeError, match="cannot be said"):
        alpine_version(published)


PROJECT = Project(
    "Thing", "1.0", "S", "MIT", "https://index.example/project/Thing/", "", (), "https://f.example/Thing-1.0.tar.gz"
)


def test_dependencies() -> None:
    requires = (
        "Alpha>=2",
        "alpha",
        "beta[extra] (>=1)",
        "windows-only; platform_system == 'Windows'",
        "old-only; python_version < '3.0' and extra == 'tests'",
        "any_os; python_version >= '3.0'",
        "pytest>=7",
        "gamma; extra == 'tests'",
        "alpha; extra == 'pytest'",
        "delta ; (python_version > '3') and extra == \"test\"",
        "sphinx; extra == 'docs'",
        "ruff; extra == 'test'",
        "pytest-cov; extra == 'test'",
        "not a requirement at all",
    )
    found = needs(replace(PROJECT, requires=requires))
    assert found.depends == ("py3-alpha", "py3-beta", "py3-any_os")
    assert found.checkdepends == ("py3-pytest", "py3-gamma", "py3-delta")


# --- the verbs ----------------------------------------------------------------------------------------------------


class _Abuild:
    """A stand-in for abuild: unpacks a folder, and notes what it was asked and what the recipe was."""

    def __init__(self, folder: str = "Thing-1.0") -> None:
        self.folder = folder
        self.asked: list[tuple[str, ...]] = []
        self.failing = ""
        self.requires = "flit_core"
        self.tested = True

    def __call__(self, folder: Path, *arguments: str) -> int:
        self.asked.append(arguments)
        if self.failing in arguments:
            return 1
        if "unpack" in arguments:
            unpacked = folder / "src" / self.folder
            unpacked.mkdir(parents=True, exist_ok=True)
            (unpacked / "pyproject.toml").write_text(f"[build-system]\nrequires = ['{self.requires}']\n")
            if self.tested:
                (unpacked / "test_thing.py").write_text("import pytest\ndef test_it(): pass\n")
        return 0


def _shell(recipe: Path, *names: str) -> dict[str, str]:
    """What the shell makes of a recipe (which must not do more than assign)."""
    script = '. "$0" || exit 9; for v; do eval "printf \'%s\\0\' \\"\\$$v\\""; done'
    env = {"srcdir": "/s", "PATH": os.environ["PATH"]}
    run = subprocess.run(["sh", "-c", script, str(recipe), *names], env=env, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    return dict(zip(names, run.stdout.decode().split("\0"), strict=False))


_LISTS = (
    *(
        "arch",
        "depends",
        "makedepends",
        "makedepends_build",
        "makedepends_host",
        "checkdepends",
        "provides",
        "replaces",
    ),
    *("install_if", "install", "triggers", "options", "pkgusers", "pkggroups"),
)
_TEXTS = (
    "pkgname",
    "pkgver",
    "pkgrel",
    "pkgdesc",
    "url",
    "license",
    "builddir",
    "_pkgreal",
    "_pyname",
    "_pyver",
    "source",
)


def _read(path: Path) -> Recipe:
    values = _shell(path, *_TEXTS, *_LISTS)
    functions = [line.removesuffix("() {") for line in path.read_text().splitlines() if line.endswith("() {")]
    entries = values["source"].split()
    return Recipe(
        path=path,
        startdir=path.parent,
        repo="main",
        maintainer="",
        pkgarch="noarch",
        subpackages=(),
        source=tuple(Source(e, e.rpartition("/")[2], e.partition("::")[2] or e, "://" in e) for e in entries),
        checksums=(),
        sum_algorithm="sha512",
        functions=frozenset(functions),
        variables=values,
        **{name: values[name] for name in ("pkgname", "pkgver", "pkgrel", "pkgdesc", "url", "license", "builddir")},  # type: ignore[arg-type]
        **{name: tuple(values[name].split()) for name in _LISTS},  # type: ignore[arg-type]
    )


@pytest.fixture
def shop(server: Server) -> Workshop:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.0", requires_dist=["a", "b; extra == 'tests'"]))
    server.put("/packages/source/T/Thing/Thing-1.0.tar.gz", b"")
    return Workshop(_index(server), _read, _Abuild(), "Jo Doe <jo@site.example>", Log())


def test_create(shop: Workshop, server: Server, tmp_path: Path) -> None:
    recipe = pyaport.create("Thing", tmp_path, shop)
    assert recipe == tmp_path / "py3-thing" / "APKBUILD"
    header, _, functions = recipe.read_text().partition("\n\n")
    assert header.splitlines() == [
        "# Automatically generated by apkbuild-pypi, template 4",
        "# Maintainer: Jo Doe <jo@site.example>",
        "pkgname=py3-thing",
        "pkgver=1.0",
        "pkgrel=0",
        "# the name that apkbuild-pypi asks the index for",
        "_pkgreal=Thing",
        'pkgdesc="A library for things"',
        'url="https://index.example/project/Thing/"',
        'arch="noarch"',
        'license="MIT"',
        'depends="py3-a"',
        'makedepends="py3-gpep517 py3-flit-core"',
        'checkdepends="py3-pytest py3-b"',
        'subpackages="$pkgname-pyc"',
        f'source="{server.url}/packages/source/T/Thing/Thing-$pkgver.tar.gz"',
        'builddir="$srcdir/$_pkgreal-$pkgver"',
    ]
    assert [line for line in functions.splitlines() if line.endswith("{")] == ["build() {", "check() {", "package() {"]
    assert "gpep517 build-wheel" in functions
    assert isinstance(shop.abuild, _Abuild)
    assert shop.abuild.asked == [("checksum", "unpack"), ("checksum", "prepare")]
    with pytest.raises(RecipeError, match="exists already"):
        pyaport.create("Thing", tmp_path, shop)


def test_create_of_a_project_without_tests_and_with_parts_for_a_machine(shop: Workshop, tmp_path: Path) -> None:
    assert isinstance(shop.abuild, _Abuild)
    shop.abuild.tested = False
    shop.abuild.requires = "maturin"
    recipe = pyaport.create("Thing", tmp_path, shop)
    values = _shell(recipe, "arch", "options", "checkdepends", "makedepends")
    assert values == {
        "arch": "all",
        "options": "!check",
        "checkdepends": "",
        "makedepends": "py3-gpep517 py3-maturin python3-dev cargo",
    }
    assert "check() {" not in recipe.read_text()


def test_names_of_packages_come_from_the_tree(shop: Workshop, tmp_path: Path) -> None:
    known = KnownPackages((), {"py3-a_odd"}.__contains__)
    project = replace(shop.index.project("Thing"), requires=("a-odd",))
    assert needs(project, known.python).depends == ("py3-a_odd",)


def test_create_with_home_page_and_nothing_known(shop: Workshop, server: Server, tmp_path: Path) -> None:
    answer = document(server, "Thing", "1.0", summary=None, license=None, classifiers=[], package_url=None)
    server.put("/pypi/Thing/json", answer)
    values = _shell(pyaport.create("Thing", tmp_path, shop, homepage=True), "pkgdesc", "url", "license", "depends")
    assert values == {
        "pkgdesc": "Python module for Thing",
        "url": "https://home.example/",
        "license": "",
        "depends": "",
    }
    assert "license=" not in (tmp_path / "py3-thing" / "APKBUILD").read_text()


def test_the_index_cannot_put_commands_into_a_recipe(
    shop: Workshop, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = '"; touch evil; $(touch evil)`touch evil`\ntouch evil\n'
    answer = document(server, "Thing", "1.0", summary=evil, license=evil, package_url=f"https://x.example/{evil}")
    answer["info"]["license_expression"] = evil
    server.put("/pypi/Thing/json", answer)
    abuild = _Abuild('Thing-1.0$(touch evil)"')
    recipe = pyaport.create("Thing", tmp_path, replace(shop, abuild=abuild))
    values = _shell(recipe, "pkgdesc", "license", "url", "builddir")
    assert values["pkgdesc"] == '"; touch evil; $(touch evil)`touch evil` touch evil'
    assert values["builddir"] == '/s/Thing-1.0$(touch evil)"'
    assert not list(tmp_path.rglob("evil"))


def test_unfinished_version(shop: Workshop, server: Server, tmp_path: Path) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.0b1"))
    recipe = pyaport.create("Thing", tmp_path, replace(shop, abuild=_Abuild("Thing-1.0b1")))
    values = _shell(recipe, "pkgver", "source", "builddir")
    assert values["pkgver"] == "1.0_beta1"
    assert values["source"].endswith("/Thing-1.0b1.tar.gz")
    assert values["builddir"] == "/s/Thing-1.0b1"
    assert 'builddir="$srcdir/$_pkgreal-$_pyver"' in recipe.read_text()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("py3-thing-1.0", ""),
        ("thing_x-1.0", 'builddir="$srcdir/thing_x-$pkgver"'),
        ("other", 'builddir="$srcdir/other"'),
    ],
)
def test_builddir(shop: Workshop, tmp_path: Path, folder: str, expected: str) -> None:
    recipe = pyaport.create("Thing", tmp_path, replace(shop, abuild=_Abuild(folder)))
    lines = [line for line in recipe.read_text().splitlines() if line.startswith("builddir=")]
    assert lines == ([expected] if expected else [])


def test_long_lists_are_wrapped(shop: Workshop, server: Server, tmp_path: Path) -> None:
    names = [f"some-long-name-{number}" for number in range(20)]
    server.put("/pypi/Thing/json", document(server, "Thing", "1.0", requires_dist=names))
    recipe = pyaport.create("Thing", tmp_path, shop)
    assert _shell(recipe, "depends")["depends"].split() == [f"py3-{name}" for name in names]
    lines = recipe.read_text().partition('depends="\n')[2].partition('\t"\n')[0].splitlines()
    assert len(lines) > 2
    assert all(line.startswith("\t") and len(line.expandtabs(8)) <= 102 for line in lines)


def test_a_failing_abuild_is_told(shop: Workshop, tmp_path: Path) -> None:
    abuild = _Abuild()
    abuild.failing = "prepare"
    with pytest.raises(RecipeError, match="abuild checksum prepare"):
        pyaport.create("Thing", tmp_path, replace(shop, abuild=abuild))


OLD = """\
# Contributor: Ann <ann@site.example>
# Maintainer: Bob <bob@site.example>
# Contributor: Cem <cem@site.example>
pkgname=py3-thing
_pyname=Thing
pkgver=0.9
pkgrel=3
pkgdesc="My words"
url="https://mine.example/"
arch="all !s390x"
license="ISC"
depends="py3-old"
makedepends="python3-dev"
checkdepends="py3-nose"
options="!check" # needs network
source="https://f.example/$_pyname/$_pyname-$pkgver.tar.gz
	fix-$pkgver.patch
	$_pyname.patch
	"
builddir="$srcdir/"$_pyname-$pkgver

provides="py-thing=$pkgver-r$pkgrel" # old name
replaces="py-$_pyname"

# secfixes:
#   0.8-r0:
#     - CVE-2020-0001

# not one of the fixes
prepare() {
	default_prepare
}

build() {
	python3 setup.py build
}

package() {
	python3 setup.py install
}

sha512sums="
00  Thing-0.9.tar.gz
"
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    recipe = tmp_path / "py3-thing" / "APKBUILD"
    recipe.parent.mkdir()
    recipe.write_text(OLD)
    return recipe


def test_recreate(shop: Workshop, server: Server, old: Path) -> None:
    pyaport.recreate(old, shop)
    text = old.read_text()
    assert text.partition("\npackage()")[0].splitlines() == [
        "# Automatically generated by apkbuild-pypi, template 4",
        "# Contributor: Ann <ann@site.example>",
        "# Contributor: Cem <cem@site.example>",
        "# Maintainer: Bob <bob@site.example>",
        "pkgname=py3-thing",
        "pkgver=1.0",
        "pkgrel=0",
        "# the name that apkbuild-pypi asks the index for",
        "_pkgreal=Thing",
        'pkgdesc="My words"',
        'url="https://mine.example/"',
        'arch="all !s390x"',
        'license="ISC"',
        'depends="py3-old"',
        'makedepends="py3-gpep517 py3-flit-core python3-dev"',
        'checkdepends="py3-pytest py3-nose"',
        'subpackages="$pkgname-pyc"',
        f'source="{server.url}/packages/source/T/Thing/Thing-$pkgver.tar.gz',
        "\tfix-$pkgver.patch",
        "\tThing.patch",
        '\t"',
        'builddir="$srcdir/$_pkgreal-$pkgver"',
        'options="!check" # needs network',
        "",
        'replaces="py-Thing"',
        'provides="py-thing=$pkgver-r$pkgrel" # old name',
        "",
        "# secfixes:",
        "#   0.8-r0:",
        "#     - CVE-2020-0001",
        "",
        "build() {",
        "\tgpep517 build-wheel \\",
        "\t\t--wheel-dir .dist \\",
        "\t\t--output-fd 3 3>&1 >&2",
        "}",
        "",
        "check() {",
        "\tpython3 -m venv --clear --without-pip --system-site-packages .testenv",
        "\t.testenv/bin/python3 -m installer .dist/*.whl",
        "\t.testenv/bin/python3 -m pytest",
        "}",
    ]
    assert isinstance(shop.log, Log)
    assert "not carried over: _pyname prepare()" in shop.log.said
    before = text
    pyaport.recreate(old, shop)
    assert old.read_text() == before.replace("pkgrel=0", "pkgrel=1")


def test_recreate_with_dependencies(shop: Workshop, old: Path) -> None:
    pyaport.recreate(old, shop, deps=True)
    values = _shell(old, "depends", "makedepends", "checkdepends")
    assert values == {
        "depends": "py3-a",
        "makedepends": "py3-gpep517 py3-flit-core",
        "checkdepends": "py3-pytest py3-b",
    }


def test_recreate_keeps_lists_that_are_up_to_date(shop: Workshop, old: Path) -> None:
    lists = '"py3-gpep517\n\tpy3-wheel"'
    old.write_text(OLD.replace('"python3-dev"', lists).replace('"py3-nose"', '"py3-pytest py3-nose" # why'))
    pyaport.recreate(old, shop)
    assert f"makedepends={lists}\n" in old.read_text()
    assert 'checkdepends="py3-pytest py3-nose" # why\n' in old.read_text()


def test_recreate_puts_the_old_recipe_back(shop: Workshop, old: Path) -> None:
    abuild = _Abuild()
    abuild.failing = "unpack"
    with pytest.raises(RecipeError, match="unpack"):
        pyaport.recreate(old, replace(shop, abuild=abuild))
    assert old.read_text() == OLD


def test_upgrade_changes_two_lines(shop: Workshop, old: Path) -> None:
    pyaport.upgrade(old, shop)
    assert old.read_text() == OLD.replace("pkgver=0.9\npkgrel=3\n", "pkgver=1.0\npkgrel=0\n")
    pyaport.upgrade(old, shop)
    assert isinstance(shop.log, Log)
    assert shop.log.said[-1].startswith("Already up to date")


def test_upgrade_follows_the_requirements_that_changed(shop: Workshop, server: Server, old: Path) -> None:
    server.put(
        "/pypi/Thing/0.9/json",
        document(server, "Thing", "0.9", requires_dist=["old>=1", "kept", "c; extra == 'tests'"]),
    )
    pyaport.upgrade(old, shop)
    expected = OLD.replace("pkgver=0.9\npkgrel=3\n", "pkgver=1.0\npkgrel=0\n").replace(
        'depends="py3-old"', 'depends="py3-a"'
    )
    assert old.read_text() == expected.replace('checkdepends="py3-nose"', 'checkdepends="py3-nose py3-b"')
    assert isinstance(shop.log, Log)
    assert '-depends="py3-old"' in shop.log.said
    assert '+depends="py3-a"' in shop.log.said
    assert not [text for text in shop.log.said if "not to be found out" in text]


def test_upgrade_from_a_version_that_the_index_knows_nothing_of(shop: Workshop, server: Server, old: Path) -> None:
    server.put("/pypi/Thing/0.9/json", document(server, "Thing", "0.9", requires_dist=None))
    pyaport.upgrade(old, shop)
    assert 'depends="py3-old py3-a"\n' in old.read_text()
    assert isinstance(shop.log, Log)
    assert "not among what 1.0 requires: py3-old" in shop.log.said


def test_upgrade_keeps_what_the_maintainer_left_out_or_added(shop: Workshop, server: Server, old: Path) -> None:
    server.put("/pypi/Thing/0.9/json", document(server, "Thing", "0.9", requires_dist=["a", "b; extra == 'tests'"]))
    pyaport.upgrade(old, shop)
    assert old.read_text() == OLD.replace("pkgver=0.9\npkgrel=3\n", "pkgver=1.0\npkgrel=0\n")


def test_upgrade_of_a_recipe_with_a_version_of_pythons_own(shop: Workshop, server: Server, old: Path) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.1rc2"))
    old.write_text(OLD.replace("pkgver=0.9\n", "pkgver=0.9\n_pyver=0.9\n"))
    pyaport.upgrade(old, shop)
    assert "\npkgver=1.1_rc2\n_pyver=1.1rc2\npkgrel=0\n" in old.read_text()


def test_check(shop: Workshop, old: Path) -> None:
    assert isinstance(shop.log, Log)
    assert not pyaport.check(old, shop)
    assert shop.log.said[-1] == "py3-thing: Latest version: 1.0 Packaged version: 0.9"
    pyaport.upgrade(old, shop)
    assert pyaport.check(old, shop)


def test_update(old: Path) -> None:
    abuild = _Abuild()
    pyaport.update(old, abuild)
    assert abuild.asked == [("checksum", "unpack"), ("prepare",)]
    abuild.failing = "unpack"
    with pytest.raises(RecipeError, match="checksum unpack"):
        pyaport.update(old, abuild)


def test_name_from_the_source(shop: Workshop, old: Path) -> None:
    old.write_text(OLD.replace("_pyname=Thing\n", "").replace("$_pyname", "Thing"))
    assert not pyaport.check(old, shop)


def test_no_name_at_all(shop: Workshop, old: Path) -> None:
    old.write_text(OLD.replace("_pyname=Thing\n", "").replace("$_pyname-$pkgver", "x"))
    with pytest.raises(RecipeError, match="nothing tells") as caught:
        pyaport.check(old, shop)
    assert "_pkgreal" in (caught.value.hint or "")


def test_pkgreal_comes_first(shop: Workshop, server: Server, old: Path) -> None:
    old.write_text(OLD.replace("_pyname=Thing\n", "_pyname=Thing\n_pkgreal=Other\n").replace("Thing", "Thing"))
    with pytest.raises(FetchError, match="'Other'"):
        pyaport.check(old, replace(shop))
    assert "GET /pypi/Other/json" in server.asked
