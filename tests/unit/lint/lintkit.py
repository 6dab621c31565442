# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe without flaws, and what the linter says of it once something is changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from abuildpy.lint.model import Finding
from abuildpy.lint.run import Linter

SUM = "0" * 128
GOOD = f"""\
# Contributor: Ann Example <ann@example.org>
# Maintainer: Ann Example <ann@example.org>
pkgname=verse
pkgver=1.2
pkgrel=3
pkgdesc="Prints verses"
url="https://example.org/verse"
arch="all"
license="MIT"
depends="inkpot"
makedepends="zlib-dev"
subpackages="$pkgname-doc"
source="https://example.org/verse-$pkgver.tar.gz"

# secfixes:
#   1.1-r0:
#     - CVE-2020-12345

build() {{
	make
}}

check() {{
	make check
}}

package() {{
	make DESTDIR="$pkgdir" install
}}

sha512sums="
{SUM}  verse-1.2.tar.gz
"
"""


def changed(*replacements: tuple[str, str]) -> str:
    """The good recipe with some of its text exchanged."""
    text = GOOD
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


def with_line(line: str, before: str = "source=") -> str:
    """The good recipe with one more line."""
    return changed((before, f"{line}\n{before}"))


def with_body(function: str, *lines: str) -> str:
    """The good recipe with another body of a function, which it may not have had."""
    body = "".join(f"\t{line}\n" for line in lines)
    bodies = {"build": "\tmake\n", "check": "\tmake check\n", "package": '\tmake DESTDIR="$pkgdir" install\n'}
    if function in bodies:
        return changed((f"{function}() {{\n{bodies[function]}", f"{function}() {{\n{body}"))
    return changed(("build() {", f"{function}() {{\n{body}}}\n\nbuild() {{"))


def lint(
    text: str | bytes, folder: Path | None = None, environment: Mapping[str, str] | None = None, **choice: list[str]
) -> list[Finding]:
    """The findings in a recipe, which lies in an aports tree at ``folder`` (default: nowhere)."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    path = (folder or Path("/nonexistent/aports/main/verse")) / "APKBUILD"
    return Linter(environment or {}, **choice).lint_text(str(path), data)


def tags(findings: list[Finding]) -> list[str]:
    """The tags, in order, without what is about the folder that is not there."""
    return [finding.rule.tag for finding in findings]
