# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""What a source asks of the machine that builds it: pkg-config modules, CMake packages, programs, read from its build files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from abuildpy.maintain.survey.known import LONGEST_NAME, KnownPackages
from abuildpy.maintain.survey.tree import SourceTree

_TESTING = re.compile(r"(?i)(?:^|/)(?:tests?|testing|autotests?|unittests?|t)(?:/|$)")
_UNUSUAL = re.compile(
    r"(?i)(?:^|/)(?:subprojects|third[_-]?party|3rd[_-]?party|vendor|external|extern|deps|examples?|benchmarks?|android|windows|win32"
    r"|macos|osx|ios|wasm|packaging|bundled|contrib|fuzz|fuzzing|demos?|submodules)(?:/|$)"
)
_TEST_NEEDS = frozenset(
    {
        "check",
        "cmocka",
        "gtest",
        "gmock",
        "googletest",
        "catch2",
        "qt5test",
        "qt6test",
        "cppunit",
        "cunit",
        "umockdev-1.0",
        "benchmark",
        "criterion",
        "doctest",
        "gtest_main",
    }
)
_DOCUMENTATION = frozenset(
    {
        "doxygen",
        "gtk-doc",
        "sphinx",
        "gi-docgen",
        "hotdoc",
        "latex",
        "graphviz",
        "pandoc",
        "xmlto",
        "dblatex",
    }
)
_MOST_CALLS = 500
_MOST_LETTERS = 3000
"""So many macros that ask for modules are read, and so much of each one's arguments."""


@dataclass(frozen=True, slots=True)
class Needs:
    """``make`` and ``check`` are packages; ``unknown`` is what no package was found for, for people to read."""

    make: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Need:
    kind: str
    name: str
    testing: bool = False
    optional: bool = False


def needs_of(tree: SourceTree, system: str, known: KnownPackages) -> Needs:
    """What the build files of one system (``meson``, ``cmake`` or ``autotools``) ask for."""
    read = {"meson": _meson, "cmake": _cmake, "autotools": _autotools}.get(system)
    make: dict[str, None] = {}
    check: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for need in () if read is None else read(tree, known):
        if need.name.lower() in _DOCUMENTATION or len(need.name) > LONGEST_NAME:
            continue
        find = {"pc": known.module, "cmake": known.cmake, "cmd": _program(known)}[need.kind]
        package = find(need.name)
        testing = need.testing or need.name.lower() in _TEST_NEEDS
        if package is None:
            if not need.optional and not testing and not re.search(r"[@$%{]", need.name):
                unknown[f"{need.kind}:{need.name}"] = None
        elif package:
            (check if testing else make)[package] = None
    return Needs(tuple(make), tuple(name for name in check if name not in make), tuple(unknown))


def _program(known: KnownPackages) -> Callable[[str], str | None]:
    """Programs have packages of their names as a rule, so that one is believed where there is nothing to ask."""
    return lambda name: known.program(name) or (None if known.can_tell else name)


def _files(tree: SourceTree, pattern: str, depth: int = 5) -> list[tuple[str, bool]]:
    """Build files that count, and whether each is about tests."""
    return [
        (n, bool(_TESTING.search(n.rpartition("/")[0])))
        for n in tree.anywhere(pattern, depth)
        if not _UNUSUAL.search(n)
    ]


def _meson(tree: SourceTree, known: KnownPackages) -> Iterator[_Need]:
    whole = ""
    for name, testing in _files(tree, r"meson\.build"):
        text = _without_comments(tree.text(name))
        whole += text
        if re.search(r"\bdependency\s*\(\s*\w+\s*[,\[.)]", text):
            # Their names are in lists, or keys of tables.
            for word in dict.fromkeys(re.findall(r"'([\w.+-]+)'", text)):
                if known.is_module(word) and word not in ("check", "python3"):
                    yield _Need("pc", word, testing, optional=True)
        for match in re.finditer(r"\bdependency\s*\(\s*'([^'@]+)'([^()]*)", text):
            modules = re.search(r"modules\s*:\s*\[([^][]*)", match[2])
            optional = re.search(r"required\s*:\s*(?:false|get_option|\w*opt)", match[2]) is not None
            if re.fullmatch(r"qt[56]", match[1]):
                for module in re.findall(r"'(\w+)'", modules[1] if modules else ""):
                    yield _Need("cmake", f"Q{match[1][1:]}{module}", testing)
            yield _Need("pc", match[1], testing, optional)
        for tool in re.findall(
            r"\bfind_program\s*\(\s*'(bison|flex|gperf|scdoc|a2x|asciidoctor|xsltproc|help2man|desktop-file-validate|glib-compile-schemas|itstool|rst2man|blueprint-compiler|appstream-util|update-desktop-database|sassc|pod2man|gettext|msgfmt|intltool-merge)'",
            text,
        ):
            yield _Need("cmd", _TOOLS.get(tool, tool), testing, optional=True)
    if re.search(r"import\s*\(\s*'i18n'", whole):
        yield _Need("cmd", "gettext-dev", optional=True)
    if re.search(r"\.yelp\s*\(", whole):
        yield _Need("cmd", "itstool")
    if re.search(r"generate_gir\s*\(", whole):
        yield _Need("pc", "gobject-introspection-1.0")
    if re.search(r"generate_vapi\s*\(|'vapigen'", whole) or re.search(
        r"project\s*\([^()]*'vala'|add_languages\s*\([^()]*'vala'", whole
    ):
        yield _Need("cmd", "vala")
    if (
        re.search(r"\.(?:post_install|compile_resources|compile_schemas|genmarshal|mkenums)", whole)
        and "glib-2.0" not in whole
    ):
        yield _Need("pc", "glib-2.0")


_TOOLS = {
    "a2x": "asciidoc", "desktop-file-validate": "desktop-file-utils", "update-desktop-database": "desktop-file-utils", "glib-compile-schemas": "glib-dev",
    "xsltproc": "libxslt", "rst2man": "py3-docutils", "appstream-util": "appstream-glib", "msgfmt": "gettext-dev", "gettext": "gettext-dev", "intltool-merge": "intltool", "pod2man": "perl",
}  # fmt: skip


def _cmake(tree: SourceTree, _known: KnownPackages) -> Iterator[_Need]:
    for name, testing in _files(tree, r"CMakeLists\.txt|.*\.cmake"):
        if re.search(r"(?i)(?:^|/)(?:find\w+|.*config|.*-config|cpack\w*)\.cmake$", name):
            continue
        text = _without_blocks(_without_comments(tree.text(name)))
        for match in re.finditer(r"(?i)\b(find_package|find_dependency)\s*\(\s*([\w+.$\{\}-]++)([^()]*)", text):
            package, rest = match[2], match[3]
            optional = "REQUIRED" not in rest
            major = re.fullmatch(r"(?:Qt|KF)(?:\$\{\w+\}|5|6)?", package)
            components = re.search(r"(?:COMPONENTS|REQUIRED)\s+([\w$\{\}:.\s]+)", rest)
            if major is not None and package[:2] in ("Qt", "KF"):
                number = package[2:] if package[2:] in ("5", "6") else _qt_major(tree)
                for part in re.findall(r"\b[A-Z]\w+", components[1] if components else ""):
                    if part not in ("COMPONENTS", "REQUIRED", "CONFIG", "NO_MODULE", "QUIET", "OPTIONAL_COMPONENTS"):
                        yield _Need("cmake", f"{package[:2]}{number}{part}", testing or part == "Test", optional)
                if package[:2] == "Qt":
                    yield _Need("cmake", f"Qt{number}")
                continue
            if "$" not in package and package not in ("PkgConfig",):
                yield _Need("cmake", package, testing, optional)
        for match in re.finditer(r"(?i)\bpkg_(?:check|search)_modules?\s*\(\s*\w++([^()]*)", text):
            optional = "REQUIRED" not in match[1]
            for word in re.sub(r"[<>=]{1,2}\s*[\w.]+", "", match[1]).split():
                module = re.fullmatch(r"[^\w.+-]*([\w.+-]+)", word)
                if module is not None and not re.fullmatch(
                    r"REQUIRED|QUIET|NO_CMAKE_PATH|NO_CMAKE_ENVIRONMENT_PATH|IMPORTED_TARGET|GLOBAL|[\d.]+", module[1]
                ):
                    yield _Need("pc", module[1], testing, optional)
        for tool in re.findall(
            r"(?i)\bfind_program\s*\(\s*\w+\s+(?:NAMES\s+)?\"?(bison|flex|gperf|scdoc|asciidoctor|xsltproc|help2man|pod2man|rst2man)\b",
            text,
        ):
            yield _Need("cmd", _TOOLS.get(tool, tool), testing, optional=True)


def _qt_major(tree: SourceTree) -> str:
    return "6" if tree.any_text(tree.at_top(r"CMakeLists\.txt"), r"QT_(?:DEFAULT_)?MAJOR_VERSION\s+6|Qt6|KF6") else "5"


def _autotools(tree: SourceTree, known: KnownPackages) -> Iterator[_Need]:
    for name in tree.first("configure.ac", "configure.in"), *tree.anywhere(r"acinclude\.m4", 0):
        if not name:
            continue
        text = re.sub(r"(?m)(?:^|[ \t])(?:dnl\b|#).*", "", tree.text(name))
        variables = dict(re.findall(r"(?m)^[ \t]*(\w+)=[\"']([^\"'\n]{0,500})[\"']", text))
        calls = re.finditer(r"\b(?:PKG_CHECK_MODULES|PKG_CHECK_EXISTS|AX_PKG_CHECK_MODULES)\s*\(", text)
        for match in islice(calls, _MOST_CALLS):
            arguments = _arguments(text, match.end())
            modules = arguments[1] if "MODULES" in match[0] and len(arguments) > 1 else arguments[0]
            modules = _with_values(modules, variables)[:_MOST_LETTERS]
            optional = len(arguments) > 3
            for module in re.findall(r"[A-Za-z][\w.+-]*", re.sub(r"[<>=!]{1,2}\s*[\w.@$-]+", " ", modules)):
                yield _Need("pc", module, optional=optional)
        for module in re.findall(r"\bXDT_CHECK(?:_OPTIONAL)?_PACKAGE\s*\(\s*\[?\w+\]?\s*,\s*\[?([\w.+-]+)", text):
            yield _Need("pc", module)
        for module in re.findall(r"\b[A-Z_]*PKG_?CONFIG\s*\(\s*\[?([\w.+-]+)", text):
            if known.is_module(module):
                yield _Need("pc", module, optional=True)
        for library in re.findall(r"\bAC_(?:CHECK_LIB|SEARCH_LIBS)\s*\(\s*+\[?\s*(\w+)", text):
            if library in _LIBRARIES:
                yield _Need("pc", _LIBRARIES[library], optional=True)
        for header in re.findall(r"\bAC_CHECK_HEADERS?\s*\(\s*+\[?\s*([\w./]+)", text):
            if header in _HEADERS:
                yield _Need("pc", _HEADERS[header], optional=True)
        for macro, need in _MACROS.items():
            if re.search(rf"\b{macro}\b", text):
                yield need
        for tool in re.findall(
            r"\b(?:AC_PATH_PROGS?|AC_CHECK_PROGS?)\s*\(\s*\[?\w+\]?\s*,\s*\[?(bison|flex|gperf|help2man|asciidoc|a2x|xsltproc|pod2man|perl|scdoc|xmlto|gettext|glib-compile-schemas|itstool|makeinfo)\b",
            text,
        ):
            yield _Need("cmd", _TOOLS.get(tool, {"makeinfo": "texinfo"}.get(tool, tool)), optional=True)


_LIBRARIES = {
    "z": "zlib", "ssl": "openssl", "crypto": "openssl", "ncurses": "ncurses", "ncursesw": "ncurses", "curses": "ncurses", "readline": "readline", "bz2": "bzip2",
    "lzma": "liblzma", "expat": "expat", "cap": "libcap", "pcap": "libpcap", "usb": "libusb", "sqlite3": "sqlite3", "gmp": "gmp", "pcre": "libpcre", "xml2": "libxml-2.0",
    "curl": "libcurl", "jpeg": "libjpeg", "png": "libpng", "tiff": "libtiff-4", "acl": "libacl", "attr": "libattr", "zstd": "libzstd", "lz4": "liblz4", "event": "libevent", "pam": "linux-pam",
    "asound": "alsa", "X11": "x11", "magic": "libmagic", "gcrypt": "libgcrypt", "gnutls": "gnutls", "idn2": "libidn2", "sasl2": "libsasl2", "ldap": "openldap", "ev": "libev", "uuid": "uuid", "psl": "libpsl", "nghttp2": "libnghttp2", "cares": "libcares", "brotlidec": "libbrotlidec", "apr-1": "apr-1",
}  # fmt: skip
_HEADERS = {
    "zlib.h": "zlib", "openssl/ssl.h": "openssl", "security/pam_appl.h": "linux-pam", "sys/capability.h": "libcap", "linux/types.h": "linux-headers", "bzlib.h": "bzip2", "sqlite3.h": "sqlite3", "curl/curl.h": "libcurl",
    "ncurses.h": "ncurses", "curses.h": "ncurses", "expat.h": "expat", "gmp.h": "gmp", "lzma.h": "liblzma", "readline/readline.h": "readline",
}  # fmt: skip
_MACROS = {
    "AM_GNU_GETTEXT": _Need("cmd", "gettext-dev", optional=True), "AC_PROG_INTLTOOL|IT_PROG_INTLTOOL": _Need("cmd", "intltool"), "AC_PROG_YACC": _Need("cmd", "bison", optional=True),
    "AC_PROG_LEX|AM_PROG_LEX": _Need("cmd", "flex", optional=True), "GOBJECT_INTROSPECTION_CHECK|GOBJECT_INTROSPECTION_REQUIRE": _Need("pc", "gobject-introspection-1.0"),
    "AM_PROG_VALAC|VALA_PROG_VALAC": _Need("cmd", "vala"), "XORG_MACROS_VERSION|XORG_DEFAULT_OPTIONS": _Need("pc", "xorg-macros"), "AM_PATH_PYTHON": _Need("cmd", "python3", optional=True), "AX_BOOST_BASE|BOOST_REQUIRE": _Need("pc", "boost"),
    "AX_LUA_HEADERS|AX_PROG_LUA": _Need("pc", "lua"), "AC_PATH_XTRA|AC_PATH_X": _Need("pc", "x11"), "AM_PATH_LIBGCRYPT": _Need("pc", "libgcrypt"), "AM_PATH_GPGME": _Need("pc", "gpgme"), "LIBCURL_CHECK_CONFIG": _Need("pc", "libcurl"),
}  # fmt: skip


def _with_values(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: variables.get(match[1], ""), text)


def _arguments(text: str, start: int) -> list[str]:
    """The arguments of an m4 macro, from behind its bracket, without the quotes around them."""
    depth, square, found, current = 0, 0, [], ""
    for letter in text[start : start + _MOST_LETTERS]:
        if letter == "[":
            square += 1
        elif letter == "]":
            square -= 1
        elif letter == "(":
            depth += 1
        elif letter == ")":
            if depth == 0 and square <= 0:
                break
            depth -= 1
        elif letter == "," and depth == 0 and square <= 0:
            found.append(current.strip())
            current = ""
            continue
        if letter not in "[]":
            current += letter
    return [*found, current.strip()]


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#(?!\[\[).*", "", text)


def _without_blocks(text: str) -> str:
    """CMake's text without comments of many lines."""
    first, *rest = text.split("#[[")
    return "".join([first, *(part.partition("]]")[2] for part in rest)])
