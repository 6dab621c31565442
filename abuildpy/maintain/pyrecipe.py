# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a Python package's recipe, new or made again from what the index says and what the old recipe has.

abuild 3.18, apkbuild-pypi: ``_pkgreal`` holds the project's name at the index; a recipe that is made again keeps its authors,
description, address, licence, options, provides, replaces and patches, and gets new functions.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.pybuild import alpine_name, build_requirements
from abuildpy.maintain.pyindex import Project
from abuildpy.maintain.quoting import in_quotes
from abuildpy.maintain.render import render
from abuildpy.maintain.survey.plan import Plan
from abuildpy.recipe.edit import secfixes_block
from abuildpy.recipe.edit.effect import is_kept
from abuildpy.recipe.edit.words import Entry, entries, mentions
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.syntax import Script, parse
from abuildpy.repository import version

_WIDTH = 102
_TAB = 8
_KEPT = ("pkgdesc", "url", "arch", "license", "options", "replaces", "provides")
_MADE = (
    "pkgname",
    "pkgver",
    "pkgrel",
    "_pkgreal",
    "_pyver",
    "depends",
    "makedepends",
    "checkdepends",
    "source",
    "builddir",
)
_NAMED = ("_pkgreal", "_realname", "_pkgname", "_name", "_realpkgname", "_pkg_real", "_pyname", "_pypiname")
_TEST_EXTRAS = ("tests", "pytest", "test", "testing")
_CHECK = (
    "python3 -m venv --clear --without-pip --system-site-packages .testenv",
    ".testenv/bin/python3 -m installer .dist/*.whl",
    ".testenv/bin/python3 -m pytest",
)
_STAGES = {"a": "alpha", "b": "beta", "rc": "rc"}


@dataclass(frozen=True, slots=True)
class Old:
    """A recipe to be made again. ``written`` holds right sides of assignments with any comment behind them, ``patches`` what
    ``source`` has besides the archive; ``authors`` and ``secfixes`` are lines; ``dropped`` names what will be lost.
    """

    recipe: Recipe
    written: Mapping[str, str]
    patches: tuple[str, ...]
    authors: tuple[str, ...]
    secfixes: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """Packages that a project needs to run, and further ones for its tests."""

    depends: tuple[str, ...]
    checkdepends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the unpacked source showed."""

    plan: Plan
    license: str


def alpine_version(published: str) -> str:
    """A version of Python's world (PEP 440) as apk writes it; RecipeError for one that has no counterpart."""
    if version.is_valid(f"{published}-r0"):
        return published
    from packaging.version import InvalidVersion, Version

    try:
        parsed = Version(published)
    except InvalidVersion:
        parsed = None
    if parsed is None or parsed.epoch or parsed.local:
        raise RecipeError(f"version {published} cannot be said in apk's way", hint="choose a pkgver yourself")
    stage = "" if parsed.pre is None else f"_{_STAGES[parsed.pre[0]]}{parsed.pre[1]}"
    post = "" if parsed.post is None else f"_p{parsed.post}"
    dev = "" if parsed.dev is None else f"_pre{parsed.dev}"
    return ".".join(str(number) for number in parsed.release) + stage + post + dev


def read_old(recipe: Recipe, content: bytes) -> Old:
    """Takes apart the recipe's text; RecipeError if it is no shell script."""
    script = parse(content)
    found = [a for a in script.assignments if is_kept(a) and a.span.column == 1]
    names = [assignment.name for assignment in found]
    known = (*_KEPT, *_MADE, "subpackages", "maintainer")
    variables = {name for name in names if name not in known and not name.endswith("sums")}
    written: dict[str, str] = {}
    sources: tuple[Entry, ...] = ()
    for assignment in found:
        name = assignment.name
        comment = ""
        if assignment.comment:
            comment = _text(content[assignment.span.end : assignment.comment.span.end])
        if names.count(name) > 1 or any(mentions(assignment.value, variable) for variable in variables):
            # Put together elsewhere, or of parts that go: then what it amounts to.
            written[name] = f'"{in_quotes(recipe.variables.get(name, ""))}"{comment}'
        else:
            written[name] = _text(assignment.raw) + comment
        if name == "source":
            sources = entries(assignment)
    own = [_text(comment.text) for comment in script.comments if comment.span.column == 1]
    authors = [line for start in ("# Contributor:", "# Maintainer:") for line in own if line.startswith(start)]
    if "maintainer" in written:
        authors.append(f"maintainer={written['maintainer']}")
    functions = (f"{name}()" for name in recipe.functions if name not in ("build", "check", "package"))
    dropped = (*sorted(variables), *sorted(functions))
    return Old(
        recipe, written, _patches(recipe, script, sources, variables), tuple(authors), _secfixes(script), dropped
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _patches(recipe: Recipe, script: Script, words: tuple[Entry, ...], variables: Collection[str]) -> tuple[str, ...]:
    """The elements of ``source`` but the archive, as written if they can be told apart and use nothing that goes."""
    patches = [in_quotes(source.entry) for source in recipe.source]
    if len(words) == len(patches):
        patches = [
            entry if any(map(word.mentions, variables)) else _text(script.data[word.start : word.end])
            for word, entry in zip(words, patches, strict=True)
        ]
    return tuple(patches[1:] if recipe.source and recipe.source[0].remote else patches)


def project_name(old: Old) -> str:
    """The project's name at the index: the variable that says it, else the source's file name up to its version."""
    recipe = old.recipe
    for name in _NAMED:
        value = recipe.variables.get(name, "").strip()
        if value and name in old.written:
            return value
    for source in recipe.source:
        if source.remote:
            before, found, _ = source.uri.rpartition("/")[2].partition(f"-{recipe.pkgver}")
            if found and before:
                return before
    raise RecipeError(
        f"{recipe.path}: nothing tells the project's name at the index", hint="put a line _pkgreal=NAME into the recipe"
    )


def needs(project: Project, named: Callable[[str], str] = alpine_name) -> Needs:
    """What the project says that it requires, under the conditions that hold for this Python on this system."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    from abuildpy.maintain.survey.python import NOT_FOR_TESTS

    depends: dict[str, None] = {}
    tests: dict[str, None] = {}
    for text in project.requires:
        try:
            requirement = Requirement(text)
            name, marker = named(requirement.name), requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                depends[name] = None
            elif NOT_FOR_TESTS.fullmatch(requirement.name) is None and any(
                marker.evaluate({"extra": extra}) for extra in _TEST_EXTRAS
            ):
                tests[name] = None
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue
    runs = tuple(name for name in depends if name != "py3-pytest")
    return Needs(runs, ("py3-pytest", *(name for name in tests if name not in (*runs, "py3-pytest"))))


def recipe_text(
    project: Project,
    *,
    source: str,
    maintainer: str,
    unpacked: Path | None,
    old: Old | None = None,
    homepage: bool = False,
    anew: Needs | None = None,
    seen: Seen | None = None,
) -> bytes:
    """The whole recipe but its checksums.

    ``source`` is the archive's URL, ``unpacked`` the folder that came out of it (None: not yet). ``homepage`` prefers the
    project's own page to the index's. ``anew`` are its dependencies as the index tells them; None keeps the old recipe's.
    ``seen`` is what the source of a new recipe showed.
    """
    pkgver = alpine_version(project.version)
    pyver = "" if pkgver == project.version else project.version
    written = {} if old is None else dict(old.written)
    page = project.homepage if homepage or not project.page else project.page
    summary = project.summary or f"Python module for {project.name}"
    values = {
        "pkgdesc": written.get("pkgdesc") or f'"{in_quotes(summary)}"',
        "url": written.get("url") or f'"{in_quotes(page)}"',
        "arch": written.get("arch") or ('"noarch"' if seen is None or seen.plan.noarch else '"all"'),
        "license": written.get("license") or f'"{in_quotes(project.license if seen is None else seen.license)}"',
        **_dependencies(old, anew, unpacked, seen),
        "subpackages": _words(f"$pkgname-{split}" for split in (("pyc",) if seen is None else seen.plan.subpackages)),
        "source": _source(source, project.version, pyver, old),
        "builddir": _builddir(project, pkgver, pyver, unpacked, old),
        "options": written.get("options", "") or _options(seen),
    }
    text = render(
        "pypi",
        authors=old.authors if old is not None and old.authors else (f"# Maintainer: {maintainer}".rstrip(),),
        pkgname=alpine_name(project.name) if old is None else written.get("pkgname", alpine_name(project.name)),
        pkgver=pkgver,
        pyver=pyver,
        pkgrel=_release(old, pkgver),
        pkgreal=project.name,
        assignments=[(name, value) for name, value in values.items() if value.strip('"')],
        check=_CHECK if seen is None else seen.plan.check,
        compatibility=[(name, written[name]) for name in ("replaces", "provides") if name in written],
        secfixes=() if old is None else old.secfixes,
        source=source,
    )
    return text.encode("utf-8", "surrogateescape")


def _options(seen: Seen | None) -> str:
    if seen is None or not seen.plan.options:
        return ""
    names = " ".join(name for name, _ in seen.plan.options)
    return f'"{names}" # {"; ".join(reason for _, reason in seen.plan.options)}'


def _dependencies(old: Old | None, anew: Needs | None, unpacked: Path | None, seen: Seen | None) -> dict[str, str]:
    make = build_requirements(unpacked)
    if seen is not None and anew is not None:
        plan = seen.plan
        tests = dict.fromkeys((*plan.checkdepends, *anew.checkdepends[1:])) if plan.check else {}
        depends = anew.depends or plan.depends
        return {
            "depends": _words(depends),
            "makedepends": _words(name for name in plan.makedepends if name not in depends),
            "checkdepends": _words(name for name in tests if name not in depends and name not in plan.makedepends),
        }
    if anew is not None:
        return {
            "depends": _words(anew.depends),
            "makedepends": _words(make),
            "checkdepends": _words(anew.checkdepends),
        }
    if old is None:
        return {"makedepends": _words(make), "checkdepends": _words(("py3-pytest",))}
    recipe, written = old.recipe, old.written
    return {
        "depends": written.get("depends", ""),
        "makedepends": _extended(make, recipe.makedepends, written.get("makedepends", "")),
        "checkdepends": _extended(("py3-pytest",), recipe.checkdepends, written.get("checkdepends", "")),
    }


def _extended(ours: tuple[str, ...], old: tuple[str, ...], written: str) -> str:
    """The old list as written if it has our first word; else ours and the old one's."""
    return written if ours[0] in old else _words((*ours, *(word for word in old if word not in ours)))


def _words(words: Iterable[str]) -> str:
    """A list as the right side of an assignment, on several lines where one would be too long."""
    text = " ".join(word if word.startswith("$pkgname-") else in_quotes(word) for word in words)
    if len(text) < _WIDTH:
        return f'"{text}"'
    lines = textwrap.wrap(text, _WIDTH - _TAB, break_long_words=False, break_on_hyphens=False)
    return '"\n' + "".join(f"\t{line}\n" for line in lines) + '\t"'


def _source(url: str, published: str, pyver: str, old: Old | None) -> str:
    folder, slash, file = url.rpartition("/")
    before, hyphen, after = file.rpartition(f"-{published}")
    if hyphen:
        variable = "_pyver" if pyver else "pkgver"
        brace = after[:1] == "_" or after[:1].isalnum()
        file_text = f"{in_quotes(before)}-{f'${{{variable}}}' if brace else f'${variable}'}{in_quotes(after)}"
    else:
        file_text = in_quotes(file)
    lines = [in_quotes(folder + slash) + file_text, *(() if old is None else old.patches)]
    return f'"{lines[0]}"' if len(lines) == 1 else '"' + "\n\t".join([*lines, '"'])


def _builddir(project: Project, pkgver: str, pyver: str, unpacked: Path | None, old: Old | None) -> str:
    """Where the archive was unpacked; nothing where that is what abuild assumes anyway."""
    if unpacked is None:
        return "" if old is None else old.written.get("builddir", "")
    name = unpacked.name
    pkgname = alpine_name(project.name) if old is None else old.recipe.pkgname
    if name == f"{pkgname}-{pkgver}":
        return ""
    if name == f"{project.name}-{project.version}":
        return f'"$srcdir/$_pkgreal-{"$_pyver" if pyver else "$pkgver"}"'
    before, found, after = name.rpartition(f"-{project.version}")
    if found and not after:
        return f'"$srcdir/{in_quotes(before)}-{"$_pyver" if pyver else "$pkgver"}"'
    return f'"$srcdir/{in_quotes(name)}"'


def _release(old: Old | None, pkgver: str) -> str:
    """0 for a new version, else one more than before."""
    if old is None or old.recipe.pkgver != pkgver or not old.recipe.pkgrel.isdecimal():
        return "0"
    return str(int(old.recipe.pkgrel) + 1)


def _secfixes(script: Script) -> tuple[str, ...]:
    block = secfixes_block(script)
    return tuple(_text(script.text(block)).split("\n")) if block else ()
