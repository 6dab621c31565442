# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Looks at sources of Python packages: what builds them, what they need to run, and what runs their tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.parser import HeaderParser

from abuildpy.maintain.pybuild import build_requirements
from abuildpy.maintain.survey.documents import setup_keywords, table, toml_of, words_of
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import completions_of
from abuildpy.maintain.survey.tree import SourceTree

_TEST_EXTRAS = ("test", "tests", "testing", "pytest", "unittest", "dev", "develop")
NOT_FOR_TESTS = re.compile(
    r"(?i)(?:pytest-(?:cov|xdist|runner|flake8|black|mypy|isort|pep8|pycodestyle|checkdocs|enabler|ruff|sugar|randomly|travis-fold)|coverage|codecov|coveralls|"
    r"tox|nox|flake8.*|pyflakes|pylint|mypy|black|isort|ruff|pre-commit|twine|wheel|build|setuptools.*|pip|sphinx.*|furo|mkdocs.*|types-.*|bandit|safety|"
    r"interrogate|pycodestyle|pydocstyle|docutils|recommonmark|myst-parser|bump.*|zest.*|towncrier|commitizen|readme.renderer|check-manifest|pep8.*|jaraco\.(?:packaging|tidelift)|rst\.linkcheck|ipython|ipdb|autopep8|yapf|pyright|pyroma|hatch|poetry|invoke|nose.*|jupyter|notebook|pdbpp|doc8|numpydoc|.*-theme)"
)  # fmt: skip
"""Projects that are listed among those for tests, but that check how the source is written, or what tests cover."""
"""Projects listed among those for tests that look at how the source is written, or at what the tests cover."""
_STANDARD = frozenset({"argparse", "enum34", "dataclasses", "importlib-metadata", "importlib-resources", "typing", "futures", "contextlib2", "configparser", "pathlib", "unittest2", "mock", "asyncio", "wheel", "tomli", "zipp", "backports-zoneinfo", "singledispatch", "functools32", "ipaddress", "future", "python", "pip", "typed-ast", "subprocess32", "importlib"})  # fmt: skip
_TEST_FILE = r"test_[\w]+\.py|[\w]+_test\.py|tests?\.py"
_PYTEST = (
    "python3 -m venv --clear --without-pip --system-site-packages .testenv",
    ".testenv/bin/python3 -m installer .dist/*.whl",
)


def python(subject: Subject) -> Plan:
    """A source with pyproject.toml or setup.py."""
    tree, known = subject.tree, subject.known
    keywords = setup_keywords(tree)
    extension = _extension(tree)
    make = build_requirements(tree.root, known.python)
    if not tree.has("pyproject.toml"):
        make = tuple(
            dict.fromkeys(
                (
                    *make,
                    *packages(
                        words_of(keywords.get("setup_requires")) or _cfg(tree, "options", "setup_requires"), known
                    ),
                )
            )
        )
    if extension:
        make = tuple(dict.fromkeys((*make, "python3-dev")))
    if "py3-setuptools-rust" in make or "py3-maturin" in make or tree.has("Cargo.toml"):
        make = tuple(dict.fromkeys((*make, "cargo")))
    runs, tests = _requirements(tree, keywords)
    depends = packages(runs, known)
    runner, checkdepends = _tests(tree, known, tests)
    check: tuple[str, ...] = (*_PYTEST, runner) if runner else ()
    ours = known.python(
        str(table(toml_of(tree, "pyproject.toml").get("project")).get("name") or keywords.get("name") or subject.stem)
    )
    found = Plan(
        noarch=not extension,
        depends=depends,
        makedepends=make,
        checkdepends=tuple(name for name in checkdepends if name not in (subject.pkgname, ours, *depends, *make)),
        subpackages=(*(("doc",) if _manuals(tree) else ()), *completions_of(tree), "pyc"),
        options=() if check else (("!check", "no tests in the source"),),
        check=check,
        facts={"programs": _has_programs(tree, keywords)},
    )
    lacking = [name for name in (*depends, *checkdepends) if known.can_tell and not known.is_there(name)]
    if lacking:
        from dataclasses import replace

        return replace(found, remarks=(f"not packaged, or named otherwise: {' '.join(dict.fromkeys(lacking))}",))
    return found


def packages(texts: Iterable[str], known: KnownPackages) -> tuple[str, ...]:
    """The packages of requirements (PEP 508) that hold for a Python of today on Linux."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    here = {
        "extra": "",
        "python_version": "3.12",
        "python_full_version": "3.12.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    found: dict[str, None] = {}
    for text in texts:
        try:
            requirement = Requirement(text.strip())
            holds = requirement.marker is None or requirement.marker.evaluate(here)
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue
        if holds and re.sub(r"[-_.]+", "-", requirement.name).lower() not in _STANDARD:
            found[known.python(requirement.name)] = None
    return tuple(found)


def _extension(tree: SourceTree) -> bool:
    """Whether it has parts for a machine."""
    requires = " ".join(words_of(table(toml_of(tree, "pyproject.toml").get("build-system")).get("requires"))).lower()
    if re.search(r"maturin|setuptools-rust|setuptools_rust|scikit-build|meson-python|cffi", requires):
        return True
    if tree.any_text(["setup.py", "setup.cfg"], r"ext_modules\s*=|\bExtension\s*\(|cffi_modules|cythonize\s*\("):
        return bool(tree.anywhere(r".*\.(?:c|cc|cpp|pyx|rs)", 6))
    return "cython" in requires and bool(tree.anywhere(r".*\.pyx", 6))


def _has_programs(tree: SourceTree, keywords: dict[str, object]) -> bool:
    document = toml_of(tree, "pyproject.toml")
    poetry = table(table(document.get("tool")).get("poetry"))
    project = table(document.get("project"))
    return (
        bool(project.get("scripts") or project.get("gui-scripts") or poetry.get("scripts") or keywords.get("scripts"))
        or tree.any_text(["setup.py", "setup.cfg"], r"console_scripts|gui_scripts")
        or tree.any_text(tree.anywhere(r"entry_points\.txt", 3), r"console_scripts|gui_scripts")
    )


def _manuals(tree: SourceTree) -> bool:
    return tree.any_text(["setup.py", "setup.cfg", "pyproject.toml"], r"share/(?:man|doc)\b|man/man\d|[\"']man[\"'],")


def _requirements(tree: SourceTree, keywords: dict[str, object]) -> tuple[list[str], list[str]]:
    """What it needs to run, and what its tests need more; PEP 508 texts. Those made while packing know best."""
    project = table(toml_of(tree, "pyproject.toml").get("project"))
    runs: list[str] = []
    tests: list[str] = []
    known = False
    if tree.has("PKG-INFO"):
        metadata = HeaderParser().parsestr(tree.text("PKG-INFO"))
        listed = metadata.get_all("Requires-Dist", [])
        dynamic = [text.lower() for text in metadata.get_all("Dynamic", [])]
        if listed or (metadata.get("Metadata-Version", "1.0") >= "2.2" and "requires-dist" not in dynamic):
            known = True
            runs = [text for text in listed if "extra ==" not in text]
            tests = [
                text.partition(";")[0]
                for text in listed
                if re.search(rf"extra == ['\"](?:{'|'.join(_TEST_EXTRAS)})['\"]", text)
            ]
    listing = tree.anywhere(r"requires\.txt", 3)
    eggs = [name for name in listing if ".egg-info/" in name]
    if not known and eggs:
        known = True
        runs, tests = _egg(tree.text(eggs[0]))
    if not known and (
        "dependencies" in project or (project and "dependencies" not in words_of(project.get("dynamic")))
    ):
        runs = words_of(project.get("dependencies"))
    if not tests:
        extras = table(project.get("optional-dependencies"))
        tests = [text for extra in _TEST_EXTRAS for text in words_of(extras.get(extra))]
    if not known and not runs:
        runs = (
            words_of(keywords.get("install_requires"))
            or _cfg(tree, "options", "install_requires")
            or _poetry(tree, "dependencies")
        )
    if (
        not known
        and not runs
        and tree.has("requirements.txt")
        and tree.any_text(["setup.py", "pyproject.toml", "setup.cfg"], r"requirements\.txt")
    ):
        runs = _listed(tree.text("requirements.txt"))
    if not tests:
        extras = table(keywords.get("extras_require"))
        tests = [text for extra in _TEST_EXTRAS for text in words_of(extras.get(extra))]
        tests += words_of(keywords.get("tests_require"))
        tests += [text for extra in _TEST_EXTRAS for text in _cfg(tree, "options.extras_require", extra)]
        tests += _poetry(tree, "dev-dependencies") + _poetry_group(tree)
    if not tests:
        tests = [t for name in ("requirements-test.txt", "test-requirements.txt", "requirements/test.txt", "requirements/tests.txt", "requirements-dev.txt", "dev-requirements.txt", "requirements_test.txt", "requirements_test_min.txt", "tests-requirements.txt", "test_requirements.txt", "tests/requirements.txt") for t in _listed(tree.text(name))]  # fmt: skip
    return runs, tests


def _egg(text: str) -> tuple[list[str], list[str]]:
    runs: list[str] = []
    tests: list[str] = []
    section = ""
    for line in text.splitlines():
        heading = re.fullmatch(r"\[([^\]]*)\]", line.strip())
        if heading is not None:
            section = heading[1]
            continue
        extra, _, marker = section.partition(":")
        if line.strip():
            words = f"{line.strip()}; {marker}" if marker else line.strip()
            if not extra:
                runs.append(words)
            elif extra in _TEST_EXTRAS:
                tests.append(words)
    return runs, tests


def _cfg(tree: SourceTree, section: str, option: str) -> list[str]:
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(tree.text("setup.cfg"))
        return [line.strip() for line in parser.get(section, option).split("\n") if line.strip()]
    except configparser.Error:
        return []


def _poetry(tree: SourceTree, name: str) -> list[str]:
    poetry = table(table(toml_of(tree, "pyproject.toml").get("tool")).get("poetry"))
    return _poetry_names(table(poetry.get(name)))


def _poetry_names(listed: object) -> list[str]:
    return [name for name, said in table(listed).items() if name != "python" and not table(said).get("optional")]


def _poetry_group(tree: SourceTree) -> list[str]:
    poetry = table(table(toml_of(tree, "pyproject.toml").get("tool")).get("poetry"))
    groups = table(poetry.get("group"))
    return [
        name
        for group in ("test", "tests", "dev")
        for name in _poetry_names(table(groups.get(group)).get("dependencies"))
    ]


def _listed(text: str) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "#-." and "://" not in line]


def _tests(tree: SourceTree, known: KnownPackages, extra: list[str]) -> tuple[str, tuple[str, ...]]:
    """The command that runs the tests (empty: there are none), and the packages that they need."""
    files = [
        name
        for name in tree.anywhere(_TEST_FILE, 6)
        if not re.search(r"(?i)(?:^|/)(?:examples?|docs?|benchmarks?)/", name)
    ]
    real = [
        name
        for name in files
        if re.search(r"\bdef test|\bTestCase\b|^[ \t]*class Test|>>> ", tree.text(name), re.MULTILINE)
    ]
    if not real:
        return "", ()
    texts = [text for _, text in tree.texts([*real, *tree.anywhere(r"conftest\.py", 4)], 300)]
    wanted = [text for text in extra if not NOT_FOR_TESTS.fullmatch(re.split(r"[\s<>=!~;\[(]", text.strip())[0])]
    imported = _imported(texts, tree)
    pytest = any(re.search(r"^[ \t]*(?:import|from) pytest\b", text, re.MULTILINE) for text in texts) or any(
        re.match(r"(?i)pytest\b", text) for text in extra
    )
    found = dict.fromkeys((*packages(wanted, known), *packages(imported, known)))
    plain = not pytest and not tree.any_text(["tox.ini", "setup.cfg", "pyproject.toml"], r"\bpytest\b|py\.test")
    runner = ".testenv/bin/python3 -m pytest"
    plugins, foreign = _plugins(tree)
    found.update(dict.fromkeys(known.python(name) for name in plugins))
    if foreign:
        runner += " -o addopts=''"
    if plain and all("TestCase" in text for text in texts):
        folders = {name.partition("/")[0] if "/" in name else "" for name in real}
        if (
            len(folders) == 1
            and "src" not in folders
            and all(re.search(r"(?:^|/)test[^/]*\.py$", name) for name in real)
        ):
            folder = folders.pop()
            where = f" -s {folder}" if folder and not tree.has(f"{folder}/__init__.py") else ""
            found.pop("py3-pytest", None)
            runner = f".testenv/bin/python3 -m unittest discover{where}"
            return runner, tuple(found)
    return runner, ("py3-pytest", *(name for name in found if name != "py3-pytest"))


def _plugins(tree: SourceTree) -> tuple[list[str], bool]:
    """The plugins of pytest that the project's settings need, and whether they need ones that nobody wants for a package."""
    texts = [tree.text(name) for name in ("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")]
    sections = re.split(r"(?m)^(?=\[)", "\n".join(texts))
    ours = ("[pytest]\n", "[tool:pytest]\n", "[tool.pytest.ini_options]\n")
    settings = "\n".join(section.partition("\n")[2] for section in sections if section.startswith(ours))
    entries = re.split(r"(?m)^(?=\S)", settings)
    options = " ".join(entry.partition("=")[2] for entry in entries if re.match(r"addopts\s*=", entry))
    wanted = {
        "--cov": "pytest-cov",
        "--timeout": "pytest-timeout",
        "--benchmark": "pytest-benchmark",
        "--numprocesses": "pytest-xdist",
        "--asyncio": "pytest-asyncio",
        "--randomly": "pytest-randomly",
        "--reruns": "pytest-rerunfailures",
    }
    found = [plugin for option, plugin in wanted.items() if option in options]
    if re.search(r"(?:^|[\s\"'])-n\s*=?(?:\d|auto|logical)", options):
        found.append("pytest-xdist")
    found += ["pytest-asyncio"] if "asyncio_mode" in settings else []
    found += ["pytest-timeout"] if re.search(r"(?m)^timeout\s*=", settings) else []
    return found, re.search(
        r"--(?:flake8|black|mypy|isort|pylint|ruff|pycodestyle|pydocstyle|pep8|docstyle|checkdocs|codestyle|enabler)",
        options,
    ) is not None


_MODULES = {
    "hypothesis": "hypothesis", "requests_mock": "requests-mock", "responses": "responses", "freezegun": "freezegun", "pytest_asyncio": "pytest-asyncio", "aiohttp": "aiohttp", "httpretty": "httpretty", "parameterized": "parameterized", "testtools": "testtools",
    "fixtures": "fixtures", "numpy": "numpy", "webtest": "webtest", "testfixtures": "testfixtures", "betamax": "betamax", "vcr": "vcrpy", "ddt": "ddt", "pyfakefs": "pyfakefs", "docutils": "docutils", "trustme": "trustme",
}  # fmt: skip


def _imported(texts: list[str], tree: SourceTree) -> list[str]:
    """Well-known helpers of tests that the tests import."""
    found = []
    for module, project in _MODULES.items():
        if (
            any(re.search(rf"^[ \t]*(?:import|from) {module}\b", text, re.MULTILINE) for text in texts)
            and module not in tree.folders
        ):
            found.append(project)
    if any(re.search(r"^(?:async def test|[ \t]*@pytest\.mark\.asyncio)", text, re.MULTILINE) for text in texts):
        found.append("pytest-asyncio")
    if any(re.search(r"def test\w*\([^()]*\bmocker\b", text) for text in texts):
        found.append("pytest-mock")
    return found
