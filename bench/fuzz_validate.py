#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutates recipes from a fixed seed and compares what `abuild validate` says of them: another abuild's and ours.

The same verdict is the same exit status and the same number of warnings. Differences that are known and meant are the CLASSES
below, written down before anything is run; any other is a fault, shown with what both said. The exit status is 1 if there is one,
2 if nothing could be done. The caller's environment and configuration count for both programs alike.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import BenchError, as_root, find_ours, find_peer

SEED = 20260101
COUNT = 2000
TIMEOUT = 60

PLAIN = """\
# Contributor: Somebody Else <else@example.org>
# Maintainer: Some Body <some@example.org>
pkgname=fuzz-plain
pkgver=1.2.3
pkgrel=4
pkgdesc="A recipe with little in it"
url="https://example.invalid/plain"
arch="noarch"
license="MIT"
source="plain.sh"
options="!check"
builddir="$srcdir"

package() {
	install -Dm755 plain.sh "$pkgdir"/usr/bin/plain
}
"""

SERVICE = """\
# Maintainer: Some Body <some@example.org>
pkgname=fuzz-service
pkgver=2024.01_rc2
pkgrel=0
pkgdesc="A daemon with users, scripts and triggers"
url="https://example.invalid/service"
arch="all"
license="GPL-2.0-or-later AND (MIT OR ISC)"
depends="openrc>=0.50 !fuzz-other"
depends_dev="zlib-dev"
makedepends="$depends_dev autoconf bison>3 linux-headers"
checkdepends="perl"
install="$pkgname.pre-install $pkgname.post-upgrade $pkgname-tools.post-install"
triggers="$pkgname.trigger=/usr/lib/fuzz:/etc/fuzz"
pkgusers="fuzz"
pkggroups="fuzz"
provides="fuzz-daemon=$pkgver-r$pkgrel so:libfuzz.so.1=1.2"
provider_priority=10
replaces="fuzz-old"
replaces_priority=3
subpackages="$pkgname-dev $pkgname-doc $pkgname-openrc $pkgname-bash-completion $pkgname-tools:_tools $pkgname-data:_data:noarch"
source="https://example.invalid/service-$pkgver.tar.gz
	other-$pkgver.tar.gz::https://example.invalid/archive/$pkgver.tar.gz
	fix-it.patch
	$pkgname.initd
	$pkgname.confd
	"

# secfixes:
#   2023.1-r1:
#     - CVE-2023-0001
#     - CVE-2023-0002 XSA-1
#   0:
#     - CVE-2022-0001

check() {
	true
}

package() {
	mkdir -p "$pkgdir"
}

_tools() {
	mkdir -p "$subpkgdir"
}

_data() {
	mkdir -p "$subpkgdir"
}
"""

PLAIN_FILES = {"plain.sh": b"#!/bin/sh\n"}
SERVICE_FILES = {
    "fix-it.patch": b"--- a\n+++ b\n",
    "fuzz-service.initd": b"#!/sbin/openrc-run\ncommand=/bin/true\n",
    "fuzz-service.confd": b"X=1\n",
    "fuzz-service.pre-install": b"#!/bin/sh\nadduser -S fuzz\n",
    "fuzz-service.post-upgrade": b"#!/bin/sh\nexit 0\n",
    "fuzz-service-tools.post-install": b"#!/bin/sh\nexit 0\n",
    "fuzz-service.trigger": b"#!/bin/sh\nexit 0\n",
}
REMOTE_SOURCES = ("service-2024.01_rc2.tar.gz", "other-2024.01_rc2.tar.gz")


@dataclass(slots=True)
class Draft:
    """A recipe being mutated: the APKBUILD's text without its sums, the files beside it, the names that get sums, and
    what is added to the environment.
    """

    text: str
    files: dict[str, bytes]
    summed: list[str]
    sums_variable: str = "sha512sums"
    environment: dict[str, str] = field(default_factory=dict)
    mutations: list[str] = field(default_factory=list)

    @property
    def apkbuild(self) -> str:
        """The whole text; a sum that nobody verifies will do."""
        digest = hashlib.sha512(b"").hexdigest()
        lines = "".join(f"{digest}  {name}\n" for name in self.summed)
        return f'{self.text}\n{self.sums_variable}="\n{lines}"\n' if self.sums_variable else self.text

    def get(self, name: str) -> str:
        """A variable's text between its quotes, unexpanded; empty if it is not set."""
        found = re.search(rf'^{name}=(?:"([^"]*)"|(.*))$', self.text, re.MULTILINE)
        return (found[1] if found[1] is not None else found[2]) if found else ""

    def set(self, name: str, value: str | None) -> None:
        """Gives a variable another value; None removes it."""
        line = "" if value is None else f'{name}="{value}"\n'
        text, count = re.subn(rf'^{name}=(?:"[^"]*"|.*)\n', lambda _: line, self.text, count=1, flags=re.MULTILINE)
        self.text = text if count else self.text.replace("pkgname=", f"{line}pkgname=", 1)

    def append(self, name: str, words: str) -> None:
        """Adds words to a variable."""
        self.set(name, f"{self.get(name)} {words}".strip())


@dataclass(frozen=True, slots=True)
class Known:
    """A class of difference that is known and meant: what it is called, why, and how a mutated recipe is told to belong."""

    name: str
    why: str
    applies: Callable[[Draft], bool]


def _names_climb(draft: Draft) -> bool:
    words = [draft.get("pkgname"), *draft.get("subpackages").split()]
    return any(".." in word.partition(":")[0] for word in words)


def _wildcards(draft: Draft) -> bool:
    lists = ("depends", "makedepends", "install", "triggers", "source", "subpackages", "license", "provides", "options")
    return any(re.search(r"[*?\[]", draft.get(name)) for name in lists)


ABUILD_FUNCTIONS = frozenset(
    """all build builddeps calcdeps check checksum clean cleancache cleanoldpkg cleanpkg deps fetch index installdeps listpkg
    mkusers postcheck prepare rootbld rootpkg runpart snapshot sourcecheck srcpkg stripbin symlinksrc targz undeps uninstalldeps
    unpack usage validate verify default_check default_fetch default_prepare default_unpack""".split()
)


def _borrowed_functions(draft: Draft) -> bool:
    for word in draft.get("subpackages").split():
        name, _, rest = word.partition(":")
        split = rest.partition(":")[0] or name.rpartition("-")[2]
        if split in ABUILD_FUNCTIONS and f"{split}() {{" not in draft.text:
            return True
    return False


def _check_required(draft: Draft) -> bool:
    return bool(draft.environment.get("REQUIRE_CHECK")) and not re.search(r"^check\(\) \{", draft.text, re.MULTILINE)


CLASSES = (
    Known(
        "required checks",
        "REQUIRE_CHECK asks for check() or the option !check. abuild takes its own empty check() for the recipe's.",
        _check_required,
    ),
    Known(
        "borrowed functions",
        "A split function that the recipe lacks is an error even if abuild has one for something else (`$pkgname-x:build`).",
        _borrowed_functions,
    ),
    Known(
        "names that climb",
        "`..` in the name of a package is refused: names become paths. abuild lets it pass.",
        _names_climb,
    ),
    Known(
        "wildcards",
        "abuild's loops expand a wildcard in a list to the names of files that happen to be there; ours takes the word as it is.",
        _wildcards,
    ),
)

Mutation = Callable[[random.Random, Draft], None]

VARIABLES = (
    *(
        "pkgname",
        "pkgver",
        "pkgrel",
        "pkgdesc",
        "url",
        "arch",
        "license",
        "source",
        "options",
        "depends",
        "makedepends",
    ),
    *("subpackages", "install", "triggers", "provides", "depends_dev", "builddir"),
)
VERSIONS = (
    *(
        "1.0",
        "1.0.",
        ".1",
        "1..2",
        "1.0a",
        "1.0ab",
        "1.0_rc",
        "1.0_rc1",
        "1.0_foo1",
        "1.0_alpha_beta2",
        "1.0-r1",
        "1.0-1",
    ),
    *(
        "v1.0",
        "1,0",
        "1.0_git20240101",
        "1.0_p1_p2",
        "1_p1",
        "01.002",
        "1.0~abcdef",
        "1.0~xyz",
        "1.0A",
        "",
        " 1.0",
        "1.0 ",
    ),
    *(
        "99999999999999999999",
        "1.2.3.4.5.6.7.8.9",
        "-1",
        "--help",
        "1.0_cvs1_svn2_git3_hg4_p5",
        "1:2.0",
        "é",
        "1.0+dfsg",
    ),
)
RELEASES = ("0", "1", "01", "-1", "a", "1.0", "1a", "", "99999999999999", "1 ", "0x1", "r0", "1_p1", "1~a", "+1")
NAMES = (
    *(
        "Upper",
        "with_underscore",
        "1digit",
        "c++",
        "a.b",
        "-dash",
        ".dot",
        "_under",
        "a b",
        "a@b",
        "a~1",
        "a=1",
        "",
        "ü",
    ),
    *("x..y", "a,b", "a$(true)b", "+plus", "a!", "very-" * 40 + "long", "a\tb", "a:b", "a%b"),
)
MAINTAINERS = (
    *("", "Some Body", "Some Body <some@example>", "<some@example.org>", "Some Body <some@example.org", "Ü <a@b.c>"),
    *(
        "Some Body some@example.org",
        " Some Body <some@example.org>",
        "Some Body <some@example.org> ",
        "A <@.>",
        "A <a@b.c",
    ),
    *(
        '"Some Body" <some@example.org>',
        'Some Body <some@example.org>"',
        "A <a@b.c> <d@e.f>",
        "A: B <a@b.c>",
        "A  <a@b.c>",
    ),
    *("Some\tBody <some@example.org>", "A<a@b.c>", "A <a@b.c> and more"),
)
LICENSES = (
    *(
        "MIT",
        "GPL2",
        "custom",
        "MIT AND BSD",
        "MIT OR Apache-2.0",
        "(MIT)",
        "((MIT) AND (ISC OR foo))",
        "LicenseRef-x",
        "mit",
    ),
    *(
        "MIT and ISC",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "AdditionRef-y",
        "MIT/ISC",
        "MIT,ISC",
        "AND",
        "MIT+",
        "()",
    ),
    *("foo foo foo", "MIT\n\tISC\n\tnone", "-x", "."),
)
SECFIXES = (
    *(
        "# secfixes:\n#   1.0-r0:\n#     - CVE-2024-1\n",
        "# secfixes:\n",
        "# secfixes:\n#\n#   1.0-r0:\n#\n#     - CVE-1\n",
    ),
    *("# secfixes:\n#\t1.0-r0:\n#\t  - CVE-2024-1\n", "# secfixes:\n#   1.0-r0\n#     - CVE-2024-1\n"),
    *("# secfixes:\n#   1.0-r0:\n#     - cve-2024-1\n", "# secfixes:\n#  1.0-r0:\n", "# secfixes:\n#   a1.0-r0:\n"),
    *("# secfixes:\n#   1.0-r0:\n#    -CVE-2024-1\n", "# secfixes:\n#   1.0-r0: \n", "# secfixes: \n#   1:\n#  - 1\n"),
    *(
        "# secfixes:\n#   1.0-r0:\n#     - CVE-2024-1\n# more\n",
        "# secfixes:\n#   1.0-r0:\n#     - CVE-1 (a, b)\n#     CVE-2\n",
    ),
    *(
        "#secfixes:\n#bad\n",
        "#  secfixes:\n# bad\n",
        "# secfixes:\n#   1.0-r0:\n\n# anything goes here\n",
        "# secfixes:x\n##\n",
    ),
    *(
        "# secfixes:\n#   1:\n#     - A\n\n# secfixes:\n#  bad\n",
        "# secfixes:\n#   1:\n#     - A\tB\n",
        "# secfixes:\n# \n",
    ),
    *("# secfixes:\n#   1:\n\t#     - A\n", "# secfixes:\n#   1::\n#     -  A\n", "# secfixes:\n#   1:\r\n"),
)
DEPENDENCIES = """
    foo>=1.0 foo=>1.0 foo=~1.0 foo~1.0 foo~=1.0 foo>~1 foo<~1 foo><abc foo==1 foo= foo> !foo !foo<2 foo<1.0_rc1
    foo=1.0-r0 foo=1.0-r foo=bad >=1 foo@edge>1 so:libx.so.1 pc:x>=1 cmd:x=1-r1 foo>1<2 foo<>1 foo=1.0=2.0
    /bin/sh foo,bar g++ go go>=1.20 g++=13 !g++ foo>=1.0. foo<=v1
""".split()
SUBPACKAGES = """
    $pkgname-doc $pkgname-libs $pkgname-nosuch $pkgname $pkgname-x:package $pkgname-x:nosuch $pkgname-dev:dev
    $pkgname-x:package:noarch $pkgname-x:package:all $pkgname-x:package:sparc $pkgname-doc::noarch
    $pkgname-doc:: $pkgname-doc: $pkgname-fish-completion $pkgname-zsh-completion $pkgname-pyc $pkgname-systemd
    $pkgname-lang -bad:package a/b:package a..b:package $pkgname-x:default_doc $pkgname-nftrules
    $pkgname-x:package:noarch:y $pkgname-static $pkgname-x:echo $pkgname-udev $pkgname-devhelp $pkgname-dbg dev
    doc $pkgname-x:build $pkgname-x:default_static $pkgname-x:prepare $pkgname-x:amove $pkgname-x::sparc
    $pkgname-x:package:x86_64
""".split()
SOURCES = """
    https://example.invalid/v$pkgver.tar.gz https://example.invalid/$pkgver.tar.xz
    https://example.invalid/$pkgver.zip x::https://example.invalid/$pkgver.tar.gz
    $pkgver.tar.gz::https://example.invalid/x missing.patch sub/dir.patch https://example.invalid/a%20b.tar.gz
    https://example.invalid/x.tar.gz?raw=1 bad,name.patch ftp://e.invalid/f.tgz https://example.invalid/
    a::b::https://example.invalid/c x::local.patch https://example.invalid/v$pkgver.tarball file:///etc/passwd
    git://example.invalid/x.git svc.initd https://example.invalid/x.initd #fragment ä.patch
""".split()
INITDS = (
    *(
        b"#!/bin/sh\n",
        b"#!/sbin/openrc-run",
        b"",
        b"#!/sbin/openrc-run \n",
        b"#! /sbin/openrc-run\n",
        b"#!/sbin/runscript\n",
    ),
    *(
        b"#!/usr/bin/env /sbin/openrc-run\nx\n",
        b"\n#!/sbin/openrc-run\n",
        b"#!/sbin/openrc-run\r\n",
        b"#!/sbin/openrc-run\n",
    ),
    *(b"#!/sbin/openrc-run\0\n", b" #!/sbin/openrc-run\n", b"#!x\\/sbin/openrc-run\n"),
)
SCRIPTS = (
    b"chown a b\n",
    b"chown a b\nchmod 1 b\nchgrp c d\n",
    b"# about chmodding\n",
    b"",
    b"\0chown\n",
    b"CHOWN\n",
    b"\xff\xfe\n",
)
FILES = (
    "stray",
    "stray.patch",
    ".hidden",
    "README",
    "with space",
    "-dash",
    "src",
    "pkg",
    "tmp",
    "APKBUILD.orig",
    "ü",
    "a*b",
)
INSTALLS = """
    $pkgname.post-install $pkgname.postinstall $pkgname other.post-install $pkgname-doc.pre-deinstall a,b
    $pkgname.pre-install post-install .post-install $pkgname.trigger sub/$pkgname.post-install
    $pkgname.a.pre-install
""".split()
TRIGGERS = """
    $pkgname.trigger=/usr $pkgname.trigger $pkgname=/usr other.trigger=/usr $pkgname.trigger= =/usr
    $pkgname-doc.trigger=/a $pkgname.trigger=/a=/b x.trigger $pkgname.triggers=/x stray
""".split()
OPTIONS = (
    "!spdx",
    "$pkgname::!spdx",
    "toolchain",
    "net",
    "!check check",
    "check !check",
    "!check",
    "!toolchain",
    "$pkgname::net",
    "",
)
PRIORITIES = ("1", "a", "-1", "1.0", "", " 1", "99999999999999999999", "0x1", "١")
MISSPELT = ("depend", "makedepend", "pkguser", "pkggroup", "subpackage", "checkdepend", "conflicts")


def remove_variable(rng: random.Random, draft: Draft) -> None:
    draft.set(rng.choice(VARIABLES), None)


def empty_variable(rng: random.Random, draft: Draft) -> None:
    draft.set(rng.choice(VARIABLES), rng.choice(("", " ", "\n")))


def double_variable(rng: random.Random, draft: Draft) -> None:
    name = rng.choice(VARIABLES)
    value = draft.get(name)
    draft.set(name, f"{value} {value}")


def bad_version(rng: random.Random, draft: Draft) -> None:
    draft.set("pkgver", rng.choice(VERSIONS))


def bad_release(rng: random.Random, draft: Draft) -> None:
    draft.set("pkgrel", rng.choice(RELEASES))


def bad_name(rng: random.Random, draft: Draft) -> None:
    draft.set("pkgname", rng.choice(NAMES))


def long_description(rng: random.Random, draft: Draft) -> None:
    texts = (
        "x" * 127,
        "x" * 128,
        "ü" * 63,
        "ü" * 64,
        "two\nlines",
        "ends\n",
        "\\n",
        "-n",
        "x" * 126 + "\n",
        "tab\there",
    )
    draft.set("pkgdesc", rng.choice(texts))


def maintainer_comment(rng: random.Random, draft: Draft) -> None:
    form = rng.choice(
        ("# Maintainer: {}", "#Maintainer: {}", "#   Maintainer: {}", "# Maintainer:{}", "## Maintainer: {}")
    )
    line = form.format(rng.choice(MAINTAINERS))
    draft.text = re.sub("^# Maintainer:.*$", lambda _: line, draft.text, count=1, flags=re.MULTILINE)


def maintainer_variable(rng: random.Random, draft: Draft) -> None:
    draft.set("maintainer", rng.choice(MAINTAINERS).replace('"', '\\"'))


def more_maintainers(rng: random.Random, draft: Draft) -> None:
    line = rng.choice(
        ("# Maintainer: B <b@example.org>", "#Maintainer:", "  # Maintainer: B <b@example.org>", "# Maintainers: x")
    )
    draft.text = rng.choice((f"{line}\n{draft.text}", f"{draft.text}\n{line}\n"))


def no_maintainer(_rng: random.Random, draft: Draft) -> None:
    draft.text = re.sub("^# Maintainer:.*\n", "", draft.text, flags=re.MULTILINE)


def license_text(rng: random.Random, draft: Draft) -> None:
    draft.set("license", rng.choice(LICENSES))


def secfixes(rng: random.Random, draft: Draft) -> None:
    draft.text = rng.choice((f"{rng.choice(SECFIXES)}\n{draft.text}", f"{draft.text}\n{rng.choice(SECFIXES)}"))


def dependency(rng: random.Random, draft: Draft) -> None:
    draft.append(rng.choice(("depends", "makedepends", "depends", "makedepends", "provides")), rng.choice(DEPENDENCIES))


def provides_itself(rng: random.Random, draft: Draft) -> None:
    draft.append(
        "provides", rng.choice(("$pkgname", "$pkgname=1", "$pkgname-x", "$pkgname~1", "!$pkgname", "$pkgname>2"))
    )


def subpackage(rng: random.Random, draft: Draft) -> None:
    draft.append("subpackages", rng.choice(SUBPACKAGES))


def source_entry(rng: random.Random, draft: Draft) -> None:
    entry = rng.choice(SOURCES)
    name = entry.partition("::")[0].rpartition("/")[2].replace("$pkgver", draft.get("pkgver"))
    draft.append("source", entry)
    if rng.random() < 0.7:
        draft.summed.append(name)
        if "://" not in entry:
            draft.files.setdefault(name or "x", b"#!/sbin/openrc-run\n")


def install_script(rng: random.Random, draft: Draft) -> None:
    entry = rng.choice(INSTALLS)
    draft.append("install", entry)
    if rng.random() < 0.7:
        draft.files[entry.replace("$pkgname", draft.get("pkgname")).replace("/", "-")] = rng.choice(SCRIPTS)


def trigger(rng: random.Random, draft: Draft) -> None:
    entry = rng.choice(TRIGGERS)
    draft.append("triggers", entry)
    if rng.random() < 0.7:
        draft.files.setdefault(entry.replace("$pkgname", draft.get("pkgname")).partition("=")[0] or "x", b"#!/bin/sh\n")


def script_in_source(rng: random.Random, draft: Draft) -> None:
    name = rng.choice(sorted(draft.files))
    draft.append("source", name)
    draft.summed.append(name)


def file_content(rng: random.Random, draft: Draft) -> None:
    for name in draft.files:
        if name.endswith(".initd"):
            draft.files[name] = rng.choice(INITDS)
        elif rng.random() < 0.3:
            draft.files[name] = rng.choice(SCRIPTS)


def missing_file(rng: random.Random, draft: Draft) -> None:
    del draft.files[rng.choice(sorted(draft.files))]


def stray_file(rng: random.Random, draft: Draft) -> None:
    for _ in range(rng.randint(1, 3)):
        draft.files[rng.choice(FILES)] = b"x\n"


def sums(rng: random.Random, draft: Draft) -> None:
    what = rng.randrange(7)
    if what == 0 and draft.summed:
        draft.summed.remove(rng.choice(draft.summed))
    elif what == 1:
        draft.summed.append(rng.choice(("extra.patch", "extra one.patch", *draft.summed)))
    elif what == 2:
        rng.shuffle(draft.summed)
    elif what == 3:
        draft.sums_variable = rng.choice(("sha256sums", "md5sums", ""))
    elif what == 4:
        draft.text += '\nsha256sums="x y"\n'
    elif what == 5:
        draft.summed = []
    else:
        draft.summed = [name.replace("-", "_", 1) for name in draft.summed]


def misspelt(rng: random.Random, draft: Draft) -> None:
    draft.set(rng.choice(MISSPELT), rng.choice(("foo", "foo", "", " ")))


def options(rng: random.Random, draft: Draft) -> None:
    draft.append("options", rng.choice(OPTIONS))
    if rng.random() < 0.6:
        draft.append("makedepends", rng.choice(("g++", "go", "go>=1.2", "g++ go", "!go")))


def unknown_license_with_options(rng: random.Random, draft: Draft) -> None:
    draft.append("options", rng.choice(OPTIONS))
    license_text(rng, draft)


def priority(rng: random.Random, draft: Draft) -> None:
    draft.set(rng.choice(("replaces_priority", "provider_priority")), rng.choice(PRIORITIES))


def remove_function(rng: random.Random, draft: Draft) -> None:
    names = re.findall(r"^(\w+)\(\) \{", draft.text, re.MULTILINE)
    draft.text = draft.text.replace(f"{rng.choice(names)}() {{", "gone() {", 1)


def development(rng: random.Random, draft: Draft) -> None:
    draft.set("depends_dev", rng.choice(("foo-dev", "", " ")))
    draft.set(
        "subpackages", rng.choice(("$pkgname-doc", "$pkgname-dev", "$pkgname-dev2:package", "x-dev:package:noarch"))
    )


def require_check(rng: random.Random, draft: Draft) -> None:
    draft.environment["REQUIRE_CHECK"] = rng.choice(("1", "1", "yes", ""))
    if rng.random() < 0.6:
        draft.set("options", rng.choice(("net", "", "!check", "$pkgname::!check", "check !check")))
    if rng.random() < 0.5:
        draft.text = draft.text.replace("check() {", "gone() {", 1)


def wildcard(rng: random.Random, draft: Draft) -> None:
    draft.append(rng.choice(("depends", "install", "source", "license", "provides")), rng.choice(("*", "fuzz*", "?")))


MUTATIONS: tuple[Mutation, ...] = (
    *(remove_variable, empty_variable, double_variable, bad_version, bad_release, bad_name, long_description),
    *(maintainer_comment, maintainer_variable, more_maintainers, no_maintainer, license_text, secfixes, dependency),
    *(provides_itself, subpackage, source_entry, install_script, trigger, script_in_source, file_content, missing_file),
    *(
        stray_file,
        sums,
        misspelt,
        options,
        unknown_license_with_options,
        priority,
        remove_function,
        development,
        require_check,
        wildcard,
    ),
)


def drafts(count: int, seed: int) -> Iterator[Draft]:
    """So many mutated recipes, each from the seed and its number alone."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        if rng.random() < 0.3:
            draft = Draft(PLAIN, dict(PLAIN_FILES), list(PLAIN_FILES))
        else:
            local = [name for name in SERVICE_FILES if name.endswith((".patch", ".initd", ".confd"))]
            draft = Draft(SERVICE, dict(SERVICE_FILES), [*REMOTE_SOURCES, *local])
        chosen = [MUTATIONS[number % len(MUTATIONS)]]  # each comes up equally often
        while len(chosen) < 3 and rng.random() < 0.3:
            chosen.append(rng.choice(MUTATIONS))
        for mutation in chosen:
            if mutation is missing_file and not draft.files:
                continue
            mutation(rng, draft)
            draft.mutations.append(mutation.__name__)
        yield draft


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a program said of a recipe."""

    status: int
    warnings: int
    text: str

    @property
    def key(self) -> tuple[int, int]:
        """What has to be the same."""
        return self.status, self.warnings


def validate(program: Path, folder: Path, env: dict[str, str]) -> Verdict:
    """Asks one abuild."""
    env = {**env, "PATH": f"{program.parent}:{env['PATH']}"}
    try:
        done = subprocess.run(
            [str(program), *as_root(), "validate"],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(-1, 0, "took too long")
    text = done.stdout.decode(errors="replace")
    return Verdict(done.returncode, text.count(">>> WARNING:"), text)


def write(draft: Draft, folder: Path) -> None:
    """Puts the recipe into a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in draft.files.items():
        (folder / name.replace("/", "-")).write_bytes(content)
    (folder / "APKBUILD").write_text(draft.apkbuild)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many recipes (default: {COUNT})")
    parser.add_argument("--first", type=int, default=0, help="skip so many of them first")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--abuild", type=Path, help="the abuild to compare with (default: the one in PATH)")
    parser.add_argument("--ours", type=Path, help="our abuild (default: the one beside this Python, or in .venv)")
    parser.add_argument("--keep", type=Path, help="copy recipes whose difference is not known into this folder")
    parser.add_argument("--trace", type=Path, help="write one line for each recipe to this file")
    return parser.parse_args()


def session(options: argparse.Namespace, work: Path) -> int:
    """Runs all; returns how many differences are of no known class."""
    ours = find_ours(options.ours)
    abuild = find_peer(ours, options.abuild)
    if abuild is None:
        raise BenchError("there is no other abuild in PATH; name one with --abuild")
    env = {**os.environ, "XDG_CACHE_HOME": str(work / "cache"), "REPODEST": str(work / "packages")}
    folder = work / "fuzz" / "recipe"
    counts: Counter[str] = Counter()
    trace: list[str] = []
    for number, draft in enumerate(drafts(options.first + options.count, options.seed)):
        if number < options.first:
            continue
        write(draft, folder)
        case = {**env, **draft.environment}
        theirs, own = validate(abuild, folder, case), validate(ours, folder, case)
        counts["valid" if theirs.status == 0 else "invalid"] += 1
        known = next((known.name for known in CLASSES if known.applies(draft)), "")
        outcome = "same" if theirs.key == own.key else known or "UNKNOWN"
        counts[outcome] += 1
        trace.append(f"{number} {'+'.join(draft.mutations)} {theirs.key} {own.key} {outcome}\n")
        if outcome == "UNKNOWN":
            print(f"#{number} ({', '.join(draft.mutations)}): abuild {theirs.key}, ours {own.key}")
            print(*(f"    abuild: {line}" for line in theirs.text.splitlines()[-6:]), sep="\n")
            print(*(f"    ours:   {line}" for line in own.text.splitlines()[-6:]), sep="\n", flush=True)
            if options.keep:
                shutil.copytree(folder, options.keep / str(number), dirs_exist_ok=True)
    if options.trace:
        options.trace.write_text("".join(trace))
    print(f"{options.count} recipes, for abuild {counts['valid']} valid and {counts['invalid']} invalid")
    print(f"the same verdict: {counts['same']}")
    print(*(f"known, {known.name}: {counts[known.name]}, {known.why}" for known in CLASSES), sep="\n")
    print(f"unknown: {counts['UNKNOWN']}")
    return counts["UNKNOWN"]


def main() -> int:
    """The program; returns its exit status."""
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the work folder goes
    root = os.environ.get("TMPDIR") or "/var/tmp"
    with tempfile.TemporaryDirectory(prefix="abuildpy-fuzz.", dir=root) as name:
        work = Path(name).resolve()
        work.chmod(0o755)  # as root the recipe is read by somebody else
        try:
            return 1 if session(options, work) else 0
        except BenchError as error:
            print(f"fuzz_validate: {error}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
