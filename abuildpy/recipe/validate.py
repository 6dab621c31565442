# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules a recipe has to keep (``abuild validate``), in abuild 3.18's order."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.package.model import list_has
from abuildpy.recipe import validate_files as files
from abuildpy.recipe.finding import Finding, Subject, error, warning
from abuildpy.recipe.model import Recipe
from abuildpy.repository import depends, version

SPLITTERS = frozenset(
    (
        *("doc", "dbg", "dev", "static", "libs", "lang", "openrc", "systemd", "udev", "devhelp"),
        *("bashcomp", "zshcomp", "fishcomp", "pyc", "nftrules"),
    )
)
"""The split functions that abuild brings along; each also exists as ``default_NAME``."""

LICENSE_LIST = Path("/usr/share/spdx/license.lst")

_MISSPELT = {
    "depend": "depends",
    "makedepend": "makedepends",
    "pkguser": "pkgusers",
    "pkggroup": "pkggroups",
    "subpackage": "subpackages",
    "checkdepend": "checkdepends",
}
_MAX_PKGDESC = 127


_Rule = Callable[[Subject], Iterator[Finding]]


def validate(
    recipe: Recipe,
    *,
    splitters: Collection[str] = (),
    arches: Collection[str] | None = None,
    license_list: Path = LICENSE_LIST,
    require_check: bool = False,
) -> list[Finding]:
    """Check a recipe; give what is wrong with it in the order found, up to and including the first error.

    ``splitters`` are further functions that the shell library offers to subpackages; ``arches`` the words
    allowed as a subpackage's architecture (None: not checked); ``license_list`` the known SPDX identifiers,
    one per line (licences are not checked if it is missing); ``require_check`` the configuration's
    ``REQUIRE_CHECK``.

    Raises RecipeError if the APKBUILD or its folder cannot be read.
    """
    try:
        text = recipe.path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise RecipeError(f"cannot read {recipe.path}: {problem.strerror}") from problem
    known = SPLITTERS | {f"default_{name}" for name in SPLITTERS} | frozenset(splitters)
    subject = Subject(recipe, text, known, None if arches is None else frozenset(arches), license_list, require_check)
    findings: list[Finding] = []
    for rule in _RULES:
        for finding in rule(subject):
            findings.append(finding)
            if finding.level == "error":
                return findings
    return findings


def every_finding(
    recipe: Recipe,
    text: str,
    *,
    unknown: Collection[str] = (),
    license_list: Path = LICENSE_LIST,
    require_check: bool = False,
) -> list[Finding]:
    """Check a recipe of which not everything is known; give all that is wrong, not only what is up to the first error.

    ``text`` is the APKBUILD; rules that read one of the variables in ``unknown`` (or, as ``()``, the functions) are left
    out. The rest is as for :func:`validate`.
    """
    known = SPLITTERS | {f"default_{name}" for name in SPLITTERS}
    subject = Subject(recipe, text, known, None, license_list, require_check)
    findings: list[Finding] = []
    for rule, reads in _RULES.items():
        if not any(name in unknown for name in reads.split()):
            try:
                findings += rule(subject)
            except RecipeError:
                pass  # the folder cannot be listed: then nothing is certain of the files in it
    return findings


def _version(subject: Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    if not recipe.pkgver:
        yield error("pkgver is missing: every package needs a version", code="pkgver-missing", about="pkgver")
    elif not version.is_valid(f"{recipe.pkgver}-r0"):
        yield error(f"pkgver '{recipe.pkgver}' is not a valid version", code="pkgver-invalid", about="pkgver")
    if not recipe.pkgrel:
        yield error("pkgrel is missing: a new version starts with pkgrel=0", code="pkgrel-missing", about="pkgrel")
    elif not version.is_valid(f"0-r{recipe.pkgrel}"):
        yield error(
            f"pkgrel '{recipe.pkgrel}' is not a valid pkgrel: it must be a whole number",
            code="pkgrel-invalid",
            about="pkgrel",
        )


def _description(subject: Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    for variable, value in (("pkgdesc", recipe.pkgdesc), ("url", recipe.url), ("license", recipe.license)):
        if not value:
            yield error(f"{variable} is missing", code=f"{variable}-missing", about=variable)
    length = len(recipe.pkgdesc.encode("utf-8", "surrogateescape"))
    if length > _MAX_PKGDESC:
        yield error(
            f"pkgdesc is too long: {length} bytes, at most {_MAX_PKGDESC} are allowed",
            code="pkgdesc-too-long",
            about="pkgdesc",
        )
    if "\n" in recipe.pkgdesc:
        yield error("pkgdesc must be a single line", code="pkgdesc-lines", about="pkgdesc")


def _package_function(subject: Subject) -> Iterator[Finding]:
    if "package" not in subject.recipe.functions:
        yield error("the function package() is missing", code="package-missing")


def _priorities(subject: Subject) -> Iterator[Finding]:
    for variable in ("replaces_priority", "provider_priority"):
        value = subject.raw(variable)
        if value and re.fullmatch("[0-9]+", value) is None:
            yield error(f"{variable} must be a number, not '{value}'", code="priority-invalid", about=variable)


def name_fault(name: str) -> str | None:
    """Say why a text cannot be a package's name; None if it can."""
    if "/" in name or ".." in name:
        # Names become paths in the repository and in pkg/, so nothing that climbs out of a folder is let
        # through.
        return f"'{name}' is not a valid package name: '/' and '..' would lead out of the repository"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name) is None:
        return (
            f"'{name}' is not a valid package name: "
            "it must begin with a letter or digit and go on with these or any of . _ + -"
        )
    return None


def _names(subject: Subject) -> Iterator[Finding]:
    seen: set[str] = set()
    for name in subject.recipe.package_names:
        about = "pkgname" if name == subject.recipe.pkgname else "subpackages"
        if fault := name_fault(name):
            yield error(fault, code="name-invalid", about=about, word=name)
        if name in seen:
            yield error(
                f"two packages are called {name}: names of package and subpackages must differ",
                code="name-twice",
                about="subpackages",
            )
        seen.add(name)


def _subpackages(subject: Subject) -> Iterator[Finding]:
    words = subject.raw("subpackages").split()
    for word in words:
        arch = word.partition(":")[2].partition(":")[2]
        if arch and subject.arches is not None and arch not in subject.arches:
            yield error(
                f"subpackage {word}: '{arch}' is not an architecture that can be built here",
                code="subpackage-arch",
                about="subpackages",
                word=word,
            )
    for sub in subject.recipe.subpackages:
        if sub.split not in subject.recipe.functions and sub.split not in subject.splitters:
            yield error(
                f"subpackage {sub.name}: its split function {sub.split}() is missing",
                code="split-missing",
                about="subpackages",
                word=sub.name,
            )


def _dependencies(subject: Subject) -> Iterator[Finding]:
    for about, words in (("depends", subject.recipe.depends), ("makedepends", subject.recipe.makedepends)):
        for dependency in words:
            if fault := depends.check_depver(dependency):
                yield error(fault, code="dependency-version", about=about, word=dependency)


def _misspelt(subject: Subject) -> Iterator[Finding]:
    for wrong, right in _MISSPELT.items():
        if subject.raw(wrong):
            yield error(
                f"the APKBUILD sets '{wrong}', which means nothing: it should be '{right}'",
                code="variable-misspelt",
                about=wrong,
            )
    if subject.raw("conflicts"):
        yield error(
            "the APKBUILD sets 'conflicts', which means nothing: write '!name' into depends",
            code="conflicts",
            about="conflicts",
        )


def maintainer_from(text: str) -> str:
    """Read the maintainer from an APKBUILD's comment (``# Maintainer: Name <a@b.c>``); empty if it has none.

    As abuild reads them, several comments give several lines.
    """
    found = []
    for line in text.split("\n"):
        if re.search("# *Maintainer", line):
            parts = line.split(": ")
            found.append(parts[1] if len(parts) > 1 else "")
    return "\n".join(found).rstrip("\n")


def maintainer_fault(maintainer: str) -> str | None:
    """Say what is wrong with a maintainer's name and address; None if nothing is."""
    if maintainer != maintainer.strip(" "):
        return f"maintainer '{maintainer}' has leading or trailing space"
    if maintainer.startswith('"') or maintainer.endswith('"'):
        return f"maintainer '{maintainer}' has leading or trailing quote"
    if re.fullmatch(r".* <.*@.*\..*>", maintainer, re.DOTALL) is None:
        return f"maintainer '{maintainer}' is not a valid rfc822 address like 'Name <user@example.org>'"
    return None


def check_maintainer(recipe: Recipe, text: str) -> list[Finding]:
    """Check the maintainer alone (the verb ``check_maintainer``); ``text`` is the APKBUILD as it is."""
    maintainer = recipe.variables.get("maintainer") or maintainer_from(text)
    if not maintainer:
        return [warning("No maintainer", code="maintainer-missing")]
    fault = maintainer_fault(maintainer)
    return [error(fault, "Provide a valid RFC822 maintainer address", code="maintainer-invalid")] if fault else []


def _maintainer(subject: Subject) -> Iterator[Finding]:
    yield from check_maintainer(subject.recipe, subject.text)
    if len(re.findall("^# *Maintainer:", subject.text, re.MULTILINE)) > 1:
        yield error("More than one maintainer is named in comments", code="maintainer-twice")


def check_license(recipe: Recipe, license_list: Path = LICENSE_LIST) -> list[Finding]:
    """Check the licence alone (the verb ``check_license``): a warning for each identifier that is not in the
    list.

    Nothing is checked with the option ``!spdx``, or if the list is missing.
    """
    if list_has(f"{recipe.pkgname}::!spdx", recipe.options) or list_has("!spdx", recipe.options):
        return []
    try:
        known = set(license_list.read_text(errors="surrogateescape").split("\n"))
    except OSError:
        return []
    words = re.split(r"[ \t\n()]+", recipe.license)
    skipped = re.compile("AND|OR|WITH|LicenseRef-.*|AdditionRef-.*|", re.DOTALL)
    unknown = [word for word in words if word not in known and not skipped.fullmatch(word)]
    return [
        warning(f'"{word}" is not a known license', code="license-unknown", about="license", word=word)
        for word in unknown
    ]


def _license(subject: Subject) -> Iterator[Finding]:
    findings = check_license(subject.recipe, subject.license_list)
    yield from findings
    if findings:
        # Under the same code it would only be said twice.
        yield warning("Please use a valid SPDX license expression found at: https://spdx.org/licenses", code="")


def _development_package(subject: Subject) -> Iterator[Finding]:
    names = subject.recipe.package_names
    if subject.raw("depends_dev") and not any(name.endswith("-dev") for name in names):
        yield warning(
            "depends_dev is set, but there is no development subpackage", code="depends-dev-unused", about="depends_dev"
        )


def secfixes_fault(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Check the ``# secfixes:`` comment of an APKBUILD; give what is wrong and the lines that are, or None.

    The block reaches to the first line that is no comment. In it stand versions (``#   1.2-r0:``), below each
    what was fixed (``#     - CVE-2024-1``), and lone ``#``.
    """
    block: list[str] = []
    inside = False
    for line in text.split("\n"):
        inside = inside or line.startswith("# secfixes:")
        if inside and line.startswith("#"):
            block.append(line)
        else:
            inside = False
    allowed = re.compile(r"# secfixes:.*|#  +- [A-Z0-9-].*|#   [0-9].*:|#")
    invalid = tuple(line for line in block if allowed.fullmatch(line) is None)
    if not invalid:
        return None
    if any("\t" in line for line in invalid):
        return "secfixes comment must not have tabs:", tuple(line for line in block if "\t" in line)
    return "secfixes comment is not valid:", invalid


def _secfixes(subject: Subject) -> Iterator[Finding]:
    if fault := secfixes_fault(subject.text):
        yield error(fault[0], *fault[1], code="secfixes-invalid")


def _make_dependencies(subject: Subject) -> Iterator[Finding]:
    names = tuple(map(depends.bare_name, subject.recipe.makedepends))
    if list_has("g++", names) and not subject.has_option("toolchain"):
        yield warning(
            "g++ should not be in makedepends: build-base brings it",
            code="makedepends-g++",
            about="makedepends",
            word="g++",
        )
    if list_has("go", names) and not subject.has_option("net"):
        text = "Go packages require network connection to build. Maybe add 'net' to options"
        yield warning(text, code="go-without-net", about="makedepends", word="go")


def _check_function(subject: Subject) -> Iterator[Finding]:
    if subject.require_check and not subject.has_option("!check") and "check" not in subject.recipe.functions:
        yield error("REQUIRE_CHECK is set: add a check() function, or !check to options", code="check-missing")


def _provides(subject: Subject) -> Iterator[Finding]:
    name = subject.recipe.pkgname
    if any(depends.bare_name(provided) == name for provided in subject.recipe.provides):
        yield error(
            f"provides must not contain {name}: every package provides its own name",
            code="provides-itself",
            about="provides",
        )


_NAMES = "pkgname subpackages"
_RULES: Mapping[_Rule, str] = {
    _version: "pkgver pkgrel",
    _description: "pkgdesc url license",
    _package_function: "()",
    _priorities: "replaces_priority provider_priority",
    _names: _NAMES,
    _subpackages: "subpackages ()",
    _dependencies: "depends makedepends makedepends_build makedepends_host",
    files.install_scripts: f"install {_NAMES}",
    files.triggers: f"triggers source {_NAMES}",
    files.sources: "source pkgver install sha512sums sha256sums",
    files.stray_files: "source install triggers",
    files.checksums: "source sha512sums sha256sums",
    _misspelt: " ".join((*_MISSPELT, "conflicts")),
    _maintainer: "maintainer",
    _license: "license options pkgname",
    _development_package: f"depends_dev {_NAMES}",
    _secfixes: "",
    _make_dependencies: "makedepends makedepends_build makedepends_host options pkgname",
    _check_function: "options pkgname ()",
    _provides: "provides pkgname",
}
"""Each rule with the variables that it reads; ``()`` stands for the functions that the recipe has."""
