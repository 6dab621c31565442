# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules a recipe has to keep (``abuild validate``), in abuild 3.18's order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from abuildpy.errors import RecipeError
from abuildpy.package.model import list_has
from abuildpy.recipe.model import Recipe, Source
from abuildpy.repository import depends, version

SPLITTERS = frozenset(
    (
        *("doc", "dbg", "dev", "static", "libs", "lang", "openrc", "systemd", "udev", "devhelp"),
        *("bashcomp", "zshcomp", "fishcomp", "pyc", "nftrules"),
    )
)
"""The split functions that abuild brings along; each also exists as ``default_NAME``."""

LICENSE_LIST = Path("/usr/share/spdx/license.lst")

_INSTALL_KINDS = frozenset("pre-install post-install pre-upgrade post-upgrade pre-deinstall post-deinstall".split())
_MISSPELT = {
    "depend": "depends",
    "makedepend": "makedepends",
    "pkguser": "pkgusers",
    "pkggroup": "pkggroups",
    "subpackage": "subpackages",
    "checkdepend": "checkdepends",
}
_NOT_SOURCES = frozenset(("APKBUILD", "src", "pkg", "tmp"))
_MAX_PKGDESC = 127


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. An error makes the recipe invalid; ``more`` are lines to follow it.

    ``code`` names the rule in two or three words. ``about`` is the variable that it is about (empty: a comment, a function,
    a file) and ``word`` what in it is wrong, if that is one word.
    """

    level: Literal["error", "warning"]
    text: str
    more: tuple[str, ...] = ()
    code: str = field(default="", compare=False)
    about: str = field(default="", compare=False)
    word: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class _Subject:
    """The recipe with what the rules need besides it."""

    recipe: Recipe
    text: str
    splitters: frozenset[str]
    arches: frozenset[str] | None
    license_list: Path
    require_check: bool

    def raw(self, variable: str) -> str:
        return self.recipe.variables.get(variable, "")

    def has_option(self, flag: str) -> bool:
        options = self.recipe.options
        return list_has(f"{self.recipe.pkgname}::{flag}", options) or list_has(flag, options)

    @property
    def checksum_words(self) -> list[str]:
        return (self.raw("sha512sums") or self.raw("sha256sums")).split()


_Rule = Callable[[_Subject], Iterator[Finding]]


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
    except OSError as error:
        raise RecipeError(f"cannot read {recipe.path}: {error.strerror}") from error
    known = SPLITTERS | {f"default_{name}" for name in SPLITTERS} | frozenset(splitters)
    subject = _Subject(recipe, text, known, None if arches is None else frozenset(arches), license_list, require_check)
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
    subject = _Subject(recipe, text, known, None, license_list, require_check)
    findings: list[Finding] = []
    for rule, reads in _RULES.items():
        if not any(name in unknown for name in reads.split()):
            try:
                findings += rule(subject)
            except RecipeError:
                pass  # the folder cannot be listed: then nothing is certain of the files in it
    return findings


def _error(text: str, *more: str, code: str, about: str = "", word: str = "") -> Finding:
    return Finding("error", text, more, code, about, word)


def _warning(text: str, *more: str, code: str, about: str = "", word: str = "") -> Finding:
    return Finding("warning", text, more, code, about, word)


def _version(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    if not recipe.pkgver:
        yield _error("pkgver is missing: every package needs a version", code="pkgver-missing", about="pkgver")
    elif not version.is_valid(f"{recipe.pkgver}-r0"):
        yield _error(f"pkgver '{recipe.pkgver}' is not a valid version", code="pkgver-invalid", about="pkgver")
    if not recipe.pkgrel:
        yield _error("pkgrel is missing: a new version starts with pkgrel=0", code="pkgrel-missing", about="pkgrel")
    elif not version.is_valid(f"0-r{recipe.pkgrel}"):
        yield _error(
            f"pkgrel '{recipe.pkgrel}' is not a valid pkgrel: it must be a whole number",
            code="pkgrel-invalid",
            about="pkgrel",
        )


def _description(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    for variable, value in (("pkgdesc", recipe.pkgdesc), ("url", recipe.url), ("license", recipe.license)):
        if not value:
            yield _error(f"{variable} is missing", code=f"{variable}-missing", about=variable)
    length = len(recipe.pkgdesc.encode("utf-8", "surrogateescape"))
    if length > _MAX_PKGDESC:
        yield _error(
            f"pkgdesc is too long: {length} bytes, at most {_MAX_PKGDESC} are allowed",
            code="pkgdesc-too-long",
            about="pkgdesc",
        )
    if "\n" in recipe.pkgdesc:
        yield _error("pkgdesc must be a single line", code="pkgdesc-lines", about="pkgdesc")


def _package_function(subject: _Subject) -> Iterator[Finding]:
    if "package" not in subject.recipe.functions:
        yield _error("the function package() is missing", code="package-missing")


def _priorities(subject: _Subject) -> Iterator[Finding]:
    for variable in ("replaces_priority", "provider_priority"):
        value = subject.raw(variable)
        if value and re.fullmatch("[0-9]+", value) is None:
            yield _error(f"{variable} must be a number, not '{value}'", code="priority-invalid", about=variable)


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


def _names(subject: _Subject) -> Iterator[Finding]:
    seen: set[str] = set()
    for name in subject.recipe.package_names:
        about = "pkgname" if name == subject.recipe.pkgname else "subpackages"
        if fault := name_fault(name):
            yield _error(fault, code="name-invalid", about=about, word=name)
        if name in seen:
            yield _error(
                f"two packages are called {name}: names of package and subpackages must differ",
                code="name-twice",
                about="subpackages",
            )
        seen.add(name)


def _subpackages(subject: _Subject) -> Iterator[Finding]:
    words = subject.raw("subpackages").split()
    for word in words:
        arch = word.partition(":")[2].partition(":")[2]
        if arch and subject.arches is not None and arch not in subject.arches:
            yield _error(
                f"subpackage {word}: '{arch}' is not an architecture that can be built here",
                code="subpackage-arch",
                about="subpackages",
                word=word,
            )
    for sub in subject.recipe.subpackages:
        if sub.split not in subject.recipe.functions and sub.split not in subject.splitters:
            yield _error(
                f"subpackage {sub.name}: its split function {sub.split}() is missing",
                code="split-missing",
                about="subpackages",
                word=sub.name,
            )


def _dependencies(subject: _Subject) -> Iterator[Finding]:
    for about, words in (("depends", subject.recipe.depends), ("makedepends", subject.recipe.makedepends)):
        for dependency in words:
            if fault := depends.check_depver(dependency):
                yield _error(fault, code="dependency-version", about=about, word=dependency)


def _filename(name: str, about: str) -> Iterator[Finding]:
    invalid = re.sub(r"[A-Za-z0-9+@~._-]", "", name)
    if invalid:
        yield _error(f"Forbidden character(s) in filename {name}: {invalid}", code="file-name", about=about, word=name)


def _install_scripts(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    for script in recipe.install:
        owner, _, kind = script.rpartition(".")
        if kind not in _INSTALL_KINDS:
            kinds = f"it must end in one of: {_list(_INSTALL_KINDS)}"
            yield _error(
                f"{script}: unknown kind of install script", kinds, code="install-kind", about="install", word=script
            )
        if owner not in recipe.package_names:
            yield _error(
                f"{script}: this install script belongs to no package of this recipe",
                code="install-owner",
                about="install",
                word=script,
            )
        yield from _filename(script, "install")
        try:
            content = (recipe.startdir / script).read_bytes()
        except FileNotFoundError:
            yield _error(
                f"the install script {script} is missing", code="install-missing", about="install", word=script
            )
            continue
        except OSError as error:
            yield _error(
                f"cannot read the install script {script}: {error.strerror}",
                code="install-missing",
                about="install",
                word=script,
            )
            continue
        for command in ("chown", "chmod", "chgrp"):
            if command.encode() in content:
                advice = "permissions should be fixed in package() instead"
                yield _warning(f"{script}: found {command}", advice, code="install-chmod", about="install", word=script)


def _list(words: Collection[str]) -> str:
    return " ".join(sorted(words))


def _triggers(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    for trigger in recipe.triggers:
        script, equals, _ = trigger.rpartition("=")
        if not equals:
            yield _error(
                f"{trigger}: a trigger must contain '=', followed by the folders it watches",
                code="trigger-folders",
                about="triggers",
                word=trigger,
            )
            continue
        owner = script.removesuffix(".trigger")
        if owner == script:
            yield _error(
                f"{script}: trigger scripts must be called NAME.trigger",
                code="trigger-name",
                about="triggers",
                word=trigger,
            )
        if owner not in recipe.package_names:
            yield _error(
                f"{script}: this trigger script belongs to no package of this recipe",
                code="trigger-owner",
                about="triggers",
                word=trigger,
            )
        if any(_is_source(script, source) for source in recipe.source):
            yield _warning(
                "You should not have $triggers in source", code="trigger-in-source", about="source", word=script
            )
        yield from _filename(script, "triggers")
        if not os.path.exists(recipe.startdir / script):
            yield _error(
                f"the trigger script {script} is missing", code="trigger-missing", about="triggers", word=trigger
            )


def _is_source(name: str, source: Source) -> bool:
    return name in (source.entry.rpartition("/")[2], source.entry.partition("::")[0])


def _sources(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    listed = subject.checksum_words
    for source in recipe.source:
        if list_has(source.entry, recipe.install):
            yield _warning(
                "You should not have $install in source", code="install-in-source", about="source", word=source.entry
            )
        yield from _filename(source.name, "source")
        if source.remote:
            # Such a name says nothing about the project, and many share one folder of downloads.
            if re.match(rf"v?{re.escape(recipe.pkgver)}\.tar\.", source.name):
                yield _error(
                    f"source {source.name} needs to be renamed to avoid possible collisions",
                    f"for example: $pkgname-$pkgver.tar.gz::{source.uri}",
                    code="source-name",
                    about="source",
                    word=source.entry,
                )
        elif source.entry.endswith(".initd"):
            yield from _initd(recipe.startdir, source.entry)
        if source.name not in listed:
            advice = "use 'abuild checksum' to add it"
            yield _error(
                f"{source.name} is missing in checksums",
                advice,
                code="checksum-missing",
                about="source",
                word=source.entry,
            )
    if not subject.raw("sha512sums") and subject.raw("sha256sums"):
        text = "Found old (sha256) checksum, use 'abuild checksum' to regenerate"
        yield _warning(text, code="checksum-old", about="sha256sums")


def _initd(startdir: Path, name: str) -> Iterator[Finding]:
    try:
        with open(startdir / name, "rb") as stream:
            line = stream.readline(4096).replace(b"\0", b"")  # which the shell does not see
    except OSError as error:
        yield _error(f"cannot read {name}: {error.strerror}", code="initd-invalid", about="source", word=name)
        return
    if not fnmatchcase(line.decode("utf-8", "surrogateescape"), "#!*/sbin/openrc-run\n"):
        yield _error(
            f"{name} is not an openrc script: its first line must be #!/sbin/openrc-run, and end",
            code="initd-invalid",
            about="source",
            word=name,
        )


def _stray_files(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    try:
        names = sorted(os.listdir(recipe.startdir), key=os.fsencode)
    except OSError as error:
        raise RecipeError(f"cannot read {recipe.startdir}: {error.strerror}") from error
    used = {source.entry for source in recipe.source if not source.remote}
    used |= {trigger.rpartition("=")[0] for trigger in recipe.triggers}
    for name in names:
        if name.startswith(".") or name in _NOT_SOURCES or name in used or list_has(name, recipe.install):
            continue
        yield _warning(f"{name} is not in $source/$install/$triggers", code="stray-file")


def _checksums(subject: _Subject) -> Iterator[Finding]:
    recipe = subject.recipe
    words = subject.checksum_words
    if len(words) != 2 * len(recipe.source):
        yield _error(
            f"Number of checksums({len(words)} / 2) does not correspond to number of sources({len(recipe.source)})",
            "use 'abuild checksum' to regenerate them",
            code="checksum-count",
            about="sha512sums",
        )
    for name in words[1::2]:
        if not any(_is_source(name, source) for source in recipe.source):
            yield _error(
                f"{name} exists in checksums but is missing in $source",
                code="checksum-stray",
                about="sha512sums",
                word=name,
            )


def _misspelt(subject: _Subject) -> Iterator[Finding]:
    for wrong, right in _MISSPELT.items():
        if subject.raw(wrong):
            yield _error(
                f"the APKBUILD sets '{wrong}', which means nothing: it should be '{right}'",
                code="variable-misspelt",
                about=wrong,
            )
    if subject.raw("conflicts"):
        yield _error(
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
        return [_warning("No maintainer", code="maintainer-missing")]
    fault = maintainer_fault(maintainer)
    return [_error(fault, "Provide a valid RFC822 maintainer address", code="maintainer-invalid")] if fault else []


def _maintainer(subject: _Subject) -> Iterator[Finding]:
    yield from check_maintainer(subject.recipe, subject.text)
    if len(re.findall("^# *Maintainer:", subject.text, re.MULTILINE)) > 1:
        yield _error("More than one maintainer is named in comments", code="maintainer-twice")


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
        _warning(f'"{word}" is not a known license', code="license-unknown", about="license", word=word)
        for word in unknown
    ]


def _license(subject: _Subject) -> Iterator[Finding]:
    findings = check_license(subject.recipe, subject.license_list)
    yield from findings
    if findings:
        # Under the same code it would only be said twice.
        yield _warning("Please use a valid SPDX license expression found at: https://spdx.org/licenses", code="")


def _development_package(subject: _Subject) -> Iterator[Finding]:
    names = subject.recipe.package_names
    if subject.raw("depends_dev") and not any(name.endswith("-dev") for name in names):
        yield _warning(
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


def _secfixes(subject: _Subject) -> Iterator[Finding]:
    if fault := secfixes_fault(subject.text):
        yield _error(fault[0], *fault[1], code="secfixes-invalid")


def _make_dependencies(subject: _Subject) -> Iterator[Finding]:
    names = tuple(map(depends.bare_name, subject.recipe.makedepends))
    if list_has("g++", names) and not subject.has_option("toolchain"):
        yield _warning(
            "g++ should not be in makedepends: build-base brings it",
            code="makedepends-g++",
            about="makedepends",
            word="g++",
        )
    if list_has("go", names) and not subject.has_option("net"):
        text = "Go packages require network connection to build. Maybe add 'net' to options"
        yield _warning(text, code="go-without-net", about="makedepends", word="go")


def _check_function(subject: _Subject) -> Iterator[Finding]:
    if subject.require_check and not subject.has_option("!check") and "check" not in subject.recipe.functions:
        yield _error("REQUIRE_CHECK is set: add a check() function, or !check to options", code="check-missing")


def _provides(subject: _Subject) -> Iterator[Finding]:
    name = subject.recipe.pkgname
    if any(depends.bare_name(provided) == name for provided in subject.recipe.provides):
        yield _error(
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
    _install_scripts: f"install {_NAMES}",
    _triggers: f"triggers source {_NAMES}",
    _sources: "source pkgver install sha512sums sha256sums",
    _stray_files: "source install triggers",
    _checksums: "source sha512sums sha256sums",
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
