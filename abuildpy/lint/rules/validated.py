# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``abuild validate`` finds, as far as it can be told without running the recipe: AV1 and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from abuildpy.lint.model import Problem, Rule, Severity
from abuildpy.lint.subject import Subject
from abuildpy.recipe.finding import Finding


def _place(subject: Subject, finding: Finding) -> Problem:
    message = finding.text
    if finding.about:
        return subject.at_variable(finding.about, finding.word, message)
    if finding.code.startswith("maintainer"):
        match = re.search(rb"^#[ \t]*Maintainer.*$", subject.data, re.MULTILINE)
        if match:
            return Problem(match.start(), match.end(), message)
    if finding.code == "secfixes-invalid":
        line = (finding.more[0] if finding.more else "# secfixes:").encode("utf-8", "surrogateescape")
        at = subject.data.find(line, max(subject.data.find(b"# secfixes:"), 0))
        return Problem(
            max(at, 0), max(at, 0) + len(line), f"{message} {finding.more[0] if finding.more else ''}".strip()
        )
    if finding.code == "check-missing" and "package" in subject.functions:
        definition = subject.functions["package"]
        return Problem(definition.name_start, definition.name_end, message)
    return Problem(0, 0, message)


def _coded(code: str) -> Callable[[Subject], Iterator[Problem]]:
    def check(subject: Subject) -> Iterator[Problem]:
        for finding in subject.validated:
            if finding.code == code:
                yield _place(subject, finding)

    return check


_TABLE: tuple[tuple[str, Severity, str, str, str], ...] = (
    ("pkgver-missing", "S", "pkgver is set.", "Every package needs a version.", "Set it."),
    ("pkgrel-missing", "S", "pkgrel is set.", "It is part of every package's version.", "Set it, for a new version to 0."),
    ("pkgrel-invalid", "S", "pkgrel is a whole number.", "apk compares it as one.", "Correct it."),
    ("pkgdesc-missing", "S", "pkgdesc is set.", "It is what users see of a package.", "Describe the package in a line."),
    ("url-missing", "S", "url is set.", "Users look there for more.", "Set it to the project's site."),
    ("license-missing", "S", "license is set.", "Packages must say what they allow.", "Set it to an SPDX expression."),
    ("pkgdesc-too-long", "S", "pkgdesc has at most 127 bytes.", "abuild refuses longer ones.", "Shorten it."),
    ("pkgdesc-lines", "S", "pkgdesc is one line.", "A package's metadata are lines.", "Join the lines."),
    ("package-missing", "S", "There is a function package().", "It makes the package.", "Write it."),
    ("priority-invalid", "S", "Priorities are whole numbers.", "apk compares them as such.", "Correct it."),
    ("name-invalid", "S", "Names of packages have only letters, digits and . _ + -.", "They name files.", "Correct it."),
    ("name-twice", "S", "Each package of a recipe has a name of its own.", "One would replace the other.", "Rename one."),
    ("split-missing", "S", "Each subpackage has a split function.", "It moves the files.", "Write or name it."),
    ("dependency-version", "S", "Versions of dependencies are valid.", "apk cannot compare others.", "Correct it."),
    ("file-name", "S", "Files' names have only letters, digits and + @ ~ . _ -.", "Tools rely on it.", "Rename it with '::'."),
    ("install-kind", "S", "Install scripts are called NAME.post-install or the like.", "apk knows six kinds.", "Rename it."),
    ("install-owner", "S", "Install scripts belong to a package of the recipe.", "None else uses them.", "Rename it."),
    ("install-missing", "S", "Install scripts are beside the recipe.", "abuild packs them.", "Add the file."),
    (
        "install-chmod", "M", "Install scripts do not change owners or modes.",
        "Packages carry these, and are checked for them.", "Do it in package().",
    ),
    ("trigger-folders", "S", "Triggers name the folders they watch.", "They run on changes there.", "Write SCRIPT=FOLDER."),
    ("trigger-name", "S", "Trigger scripts are called NAME.trigger.", "abuild finds them so.", "Rename it."),
    ("trigger-owner", "S", "Trigger scripts belong to a package of the recipe.", "None else uses them.", "Rename it."),
    ("trigger-in-source", "M", "Trigger scripts are not in source.", "They are packed otherwise.", "Delete it there."),
    ("trigger-missing", "S", "Trigger scripts are beside the recipe.", "abuild packs them.", "Add the file."),
    ("install-in-source", "M", "Install scripts are not in source.", "They are packed otherwise.", "Delete it there."),
    (
        "source-name", "S", "Sources are not stored under a bare version.",
        "Projects would overwrite each other's files.", "Rename it: $pkgname-$pkgver.tar.gz::URL.",
    ),
    ("checksum-missing", "S", "Every source has a checksum.", "It is what guards them.", "Run abuild checksum."),
    ("checksum-old", "M", "Checksums are sha512sums.", "sha256sums are the old kind.", "Run abuild checksum."),
    ("initd-invalid", "S", "Init scripts begin with #!/sbin/openrc-run.", "OpenRC runs them.", "Correct the line."),
    (
        "stray-file", "M", "Every file beside the recipe is used.",
        "One that is not in source, install or triggers is a leftover or was forgotten.", "Delete or name it.",
    ),
    ("checksum-count", "S", "There are as many checksums as sources.", "One would go unchecked.", "Run abuild checksum."),
    ("checksum-stray", "S", "Every checksum belongs to a source.", "Others are leftovers.", "Run abuild checksum."),
    ("variable-misspelt", "S", "Variables' names are spelt right.", "Others mean nothing to abuild.", "Add the s."),
    ("conflicts", "S", "Conflicts stand in depends.", "abuild does not know 'conflicts'.", "Write !name into depends."),
    ("maintainer-missing", "M", "The recipe names its maintainer.", "Users want to know whom to ask.", "Add the comment."),
    ("maintainer-invalid", "S", "The maintainer is 'Name <address>'.", "It becomes part of packages.", "Correct it."),
    ("maintainer-twice", "S", "There is one maintainer.", "A package has one.", "Make the others contributors."),
    (
        "license-unknown", "M", "license has identifiers of SPDX.",
        "Programs look them up.", "Choose one of https://spdx.org/licenses, or LicenseRef-….",
    ),
    ("depends-dev-unused", "M", "depends_dev goes with a -dev package.", "None else reads it.", "Delete it or add one."),
    ("secfixes-invalid", "S", "The secfixes comment has the right form.", "Scanners read it as YAML.", "Correct it."),
    ("makedepends-g++", "M", "makedepends has no g++.", "build-base brings it.", "Delete it."),
    ("go-without-net", "M", "Recipes with Go ask for the network.", "Go loads modules.", "Add net to options."),
    ("check-missing", "S", "There is a check(), or !check.", "REQUIRE_CHECK asks for it.", "Write one, or add !check."),
    ("provides-itself", "S", "provides does not have pkgname.", "It is provided anyway.", "Delete it."),
)  # fmt: skip


RULES: tuple[Rule, ...] = tuple(
    Rule(f"AV{number}", code, severity, "C", "validate", what, why, mend, _coded(code))
    for number, (code, severity, what, why, mend) in enumerate(_TABLE, 1)
)
"""pkgver-invalid is AL61; subpackage-arch depends on the machine."""
