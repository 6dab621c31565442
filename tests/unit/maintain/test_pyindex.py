# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python index says of a project, in its several forms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from python_index import SIMPLE, Server, document, index

from abuildpy.errors import FetchError, RecipeError
from abuildpy.maintain.pipconfig import Address
from abuildpy.maintain.pyindex import Project, from_document
from abuildpy.maintain.pylicense import spdx_license
from abuildpy.maintain.pypi import Index
from abuildpy.maintain.pyrecipe import alpine_version, needs

pytest_plugins = ["pypi_fixtures"]


def test_json_document(server: Server) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.2.3", requires_dist=["a>1", "b; extra == 'tests'"]))
    assert index(server).project("Thing") == Project(
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
    project = index(server).project("thing")
    assert project.source == f"{server.url}/files/thing-1.tar.gz"
    assert project.homepage == "https://home.example/old"


def test_lasting_address_where_the_file_server_has_it(server: Server) -> None:
    server.put("/pypi/Thing/json", document(server, "Thing", "1.2"))
    project = index(server).project("Thing")
    assert index(server).lasting_source(project) == project.source
    server.put("/packages/source/T/Thing/Thing-1.2.tar.gz", b"")
    assert index(server).lasting_source(project) == f"{server.url}/packages/source/T/Thing/Thing-1.2.tar.gz"
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
    assert index(server).project("My.Thing") == Project(
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
        index(server).project("gone")
    server.put("/simple/html/", b"<html>", "text/html")
    with pytest.raises(FetchError, match="JSON"):
        index(server).project("html")
    with pytest.raises(FetchError, match="cannot be the name"):
        index(server).project("../x")


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
        index(server).project("thing")


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
