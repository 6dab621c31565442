# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Which subpackages a source of compiled programs will fill: manuals, headers, translations, completions, services."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.tree import SourceTree

_ASIDE = re.compile(
    r"(?i)(?:^|/)(?:tests?|testsuite|subprojects|third[_-]?party|3rd[_-]?party|vendor|external|deps|debian|examples?|windows|win32|contrib|gnulib-tests)/"
)
_TESTS = re.compile(r"(?i)(?:^|/)(?:tests?|testsuite|third[_-]?party|3rd[_-]?party|vendor|debian|windows|win32)/")
_MANUAL = r"(?i)[a-z_][\w.+@:-]*\.(?:[1-8](?:x|pm|posix)?)(?:\.(?:in|scd|md|adoc|txt|rst|ronn|xml|pod|t2t|asciidoc|man|gz|org|mdoc|cmake|am))*|[\w.+-]*\.scd(?:\.in)?|man-\w+\.\w+\.docbook"


def splits_of(tree: SourceTree, system: str) -> tuple[str, ...]:
    """The names behind ``$pkgname-``, in the order that recipes have them."""
    found = []
    if _has_headers(tree, system):
        found.append("dev")
    if _has_manuals(tree, system):
        found.append("doc")
    if _has_translations(tree, system):
        found.append("lang")
    if has_openrc(tree):
        found.append("openrc")
    found += completions_of(tree)
    return tuple(found)


def completions_of(tree: SourceTree) -> list[str]:
    """The subpackages for shells that the source has completions for."""
    ours = [name for name in tree.files if not _TESTS.search(name)]
    texts = {
        "bash-completion": r"(?i)(?:.*/)?(?:bash[-_.]?completions?(?:\.d)?/[^/]+|[^/]*bash[-_]?completion[^/]*|completions?/bash/[^/]+|completions?/[^/]+\.bash|[^/]+\.bash-completion|contrib/bash/[^/]+)",
        "fish-completion": r"(?i)(?:.*/)?(?:[^/]*completions?/(?:[^/]+/)*[^/]+\.fish|[^/]*fish[^/]*/[^/]+\.fish|[^/]+\.fish|contrib/fish/[^/]+)",
        "zsh-completion": r"(?i)(?:.*/)?(?:[^/]*(?:completions?|zsh|shell)[^/]*/(?:[^/]+/)*_[\w-]+(?:\.in)?|_[\w-]+\.zsh|zsh[-_]completion[^/]*(?:/[^/]+)*|[^/]*completions?/[^/]+\.zsh)",
    }
    noise = re.compile(r"(?i)\.(?:py|c|h|m4|rs|go|js|pc|md|ac|am|rb|hs|html)(?:\.in)?$|__|_test")
    return [
        part
        for part, pattern in texts.items()
        if any(re.fullmatch(pattern, name) and not noise.search(name) for name in ours)
    ]


def has_openrc(tree: SourceTree) -> bool:
    """Whether there is a service script for OpenRC among the files."""
    names = [
        n
        for n in tree.files
        if not _ASIDE.search(n) and re.search(r"(?i)openrc|init\.d|\.init(?:d|\.in)?$|initscript", n)
    ]
    return tree.any_text(names, r"^#!\s*(?:@\w+@)?/?\S*(?:openrc-run|runscript)\b")


def has_systemd(tree: SourceTree) -> bool:
    """Whether there is a unit of systemd that runs something in the background."""
    return any(
        re.search(r"(?<!@)\.service(?:\.in)*$", name) and not _ASIDE.search(name) and "/user" not in name
        for name in tree.files
    )


def _build_files(tree: SourceTree, pattern: str) -> list[str]:
    return [name for name in tree.anywhere(pattern, 5) if not _ASIDE.search(f"{name}")]


def _has_headers(tree: SourceTree, system: str) -> bool:
    if any(not _ASIDE.search(name) for name in tree.anywhere(r".*\.pc(?:\.in|\.cmake)*", 4)):
        return True
    match system:
        case "autotools":
            files = _build_files(tree, r"Makefile\.am|.*\.mk|.*\.inc")
            if files:
                return tree.any_text(files, r"^[ \t]*\w{0,60}include\w{0,60}_HEADERS\s*\+?=[ \t]*(?!$)\S")
            return tree.any_text(
                _build_files(tree, r"Makefile\.in"),
                r"(?i)(?:install|\bcp\b)[^\n]{0,400}(?:\.h\b|includedir|INCLUDEDIR)",
            )
        case "cmake":
            return tree.any_text(
                _build_files(tree, r"CMakeLists\.txt|.*\.cmake"),
                r"(?i)install\s*\([^()]*(?:\.h\b|\.hpp|\.hh|\binclude\b|INCLUDE_?(?:INSTALL_?)?DIR|HEADERS|EXPORT\s+\w)|^[ \t]*(?:ecm_generate_headers|"
                r"configure_package_config_file|ecm_generate_pri_file)|PUBLIC_HEADER",
            )
        case "meson":
            return tree.any_text(
                _build_files(tree, r"meson\.build"),
                r"\binstall_headers\s*\(|\bpkg\w*\.generate\s*\(|generate_gir\s*\([^()]*install\s*:\s*true|install_subdir\s*\('include",
            )
        case _:
            return tree.any_text(
                _build_files(tree, r"(?i)(?:gnu)?makefile(?:\.in)?"),
                r"(?i)install[^\n]{0,400}\.h\b|(?:install|\bcp\b)[^\n]{0,400}(?:includedir|/include\b|incdir|HEADERS)",
            )


def _has_manuals(tree: SourceTree, system: str) -> bool:
    pages = [
        name
        for name in tree.anywhere(_MANUAL, 6)
        if not _ASIDE.search(name)
        and not re.search(r"(?i)(?:^|/)(?:changelog|news|readme|version)[^/]*$|\.so\.\d$|\d\.\d", name)
    ]
    if any(not re.search(r"(?i)\.(?:md|txt|xml|rst|adoc)$", name) or re.search(r"(?i)man", name) for name in pages):
        return True
    if system == "autotools":
        files = _build_files(tree, r"Makefile\.am")
        return tree.any_text(
            files,
            r"^[ \t]*(?:dist_|nodist_|notrans_){0,3}(?:man\d?_MANS|\w{0,60}doc_DATA|\w{0,60}html_DATA|info_TEXINFOS|dochtml\w{0,60})\s*\+?=",
        ) or (
            bool(files)
            and tree.any_text(
                _build_files(tree, r"Makefile\.(?:am|in)"),
                r"\$\(?\{?(?:docdir|mandir|infodir)\)?\}?/?[^\n]{0,400}(?:install|\.txt|README)|(?:INSTALL|install)[^\n]{0,400}(?:docdir|mandir)",
            )
        )
    if system == "meson":
        return tree.any_text(
            _build_files(tree, r"meson\.build"),
            r"\binstall_man\s*\(|gnome\.gtkdoc\s*\(|'man\d?'|\.yelp\s*\(|gidocgen|gi-docgen|datadir[^\n]{0,400}doc",
        )
    if system == "cmake":
        return tree.any_text(
            _build_files(tree, r"CMakeLists\.txt|.*\.cmake"),
            r"(?i)\bMAN_?DIR\b|share/man|kdoctools_create_(?:handbook|manpage)|kdoctools_install|share/doc|INSTALL_DOCDIR|ecm_install_man",
        )
    return tree.any_text(
        _build_files(tree, r"(?i)(?:gnu)?makefile(?:\.in)?"), r"(?i)\bmandir\b|share/man|\bMANPREFIX\b|man/man\d"
    )


def _has_translations(tree: SourceTree, system: str) -> bool:
    catalogues = [name for name in tree.anywhere(r"[\w@.-]+\.po", 5) if not _ASIDE.search(name)]
    if system == "cmake":
        qt = [name for name in tree.anywhere(r".*_\w+\.ts", 5) if not _ASIDE.search(name)]
        return len(catalogues) > 1 or len(qt) > 2
    return len([name for name in catalogues if "gnulib" not in name]) > 0
