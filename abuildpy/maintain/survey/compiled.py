# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Looks at sources that autotools, CMake, Meson or a plain Makefile builds."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.needs import needs_of
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import has_openrc, has_systemd, splits_of
from abuildpy.maintain.survey.tree import SourceTree

_CODE = r".*\.(?:c|h|cc|cpp|cxx|hpp|hh)"
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
NO_TESTS = ("!check", "no tests in the source")
_INTERPRETED = re.compile(
    r"^#!\s*/\S*\b(?:sh|bash|ash|python3?|perl|awk|zsh|ruby|env\s+(?:sh|bash|python3?|perl|ruby))\b"
)


def headers_needed(tree: SourceTree) -> tuple[str, ...]:
    """Packages of headers that musl does not have and the C files include."""
    files = [
        name
        for name in tree.anywhere(_CODE, 6)
        if not re.search(
            r"(?i)(?:^|/)(?:win|windows|test|tests|subprojects|third_party|freebsd|darwin|bsd|gnulib)/", name
        )
    ]
    texts = [text for _, text in tree.texts(files, 1500)]
    found = []
    if any(
        re.search(r"^\s*#\s*include\s*<(?:linux|asm|mtd|rdma|scsi/scsi_bsg)/", text, re.MULTILINE) for text in texts
    ):
        found.append("linux-headers")
    if any(re.search(r"^\s*#\s*include\s*<sys/(?:cdefs|queue|tree)\.h>", text, re.MULTILINE) for text in texts):
        found.append("bsd-compat-headers")
    return tuple(found)


def autotools(subject: Subject) -> Plan:
    """A source with a configure script, or one that autoconf makes."""
    tree = subject.tree
    needs = needs_of(tree, "autotools", subject.known)
    made = not tree.is_program("configure")
    libtool = tree.any_text(
        [tree.first("configure.ac", "configure.in")], r"\b(?:LT_INIT|AC_PROG_LIBTOOL|AM_PROG_LIBTOOL)\b"
    )
    own = not made and not re.search(r"[Aa]utoconf|PACKAGE_TARNAME", tree.text("configure")[:200_000])
    first = ("autoconf", "automake", *(("libtool",) if libtool else ())) if made else ()
    check = _make_check(tree)
    if made:
        # A macro of pkg-config's that is not there is left in the script, and told of by the shell only.
        needs_pkgconf = tree.any_text(
            [tree.first("configure.ac", "configure.in")], r"\bPKG_(?:CHECK_MODULES|PROG_PKG_CONFIG)\b"
        )
        first = (
            *first,
            *(("pkgconf",) if needs_pkgconf and not any(name.endswith("-dev") for name in needs.make) else ()),
        )
        if tree.any_text([tree.first("configure.ac", "configure.in")], r"\bAM_GNU_GETTEXT\b"):
            first = (*first, "gettext-dev")
        elif tree.any_text([tree.first("configure.ac", "configure.in")], r"\bAX_[A-Z]"):
            first = (*first, "autoconf-archive")
    facts = {
        "generate": _generator(tree) if made else "",
        "own": own,
        "static": libtool or tree.has("ltmain.sh", "build-aux/ltmain.sh"),
    }
    return _finished(subject, "autotools", check, _with(first, needs.make), needs.check, facts, needs.unknown)


def _with(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


def _generator(tree: SourceTree) -> str:
    script = tree.first("autogen.sh", "bootstrap", "bootstrap.sh", "buildconf")
    if script and not tree.has("configure.ac", "configure.in"):
        return f"NOCONFIGURE=1 ./{script}"
    if "NOCONFIGURE" in tree.text(script) and re.search(
        r"gtkdocize|intltoolize|glib-gettextize|autopoint", tree.text(script)
    ):
        return f"NOCONFIGURE=1 ./{script}"
    return "autoreconf -fi"


def _make_check(tree: SourceTree) -> tuple[str, ...]:
    """The target of automake's or a hand-written Makefile that runs tests."""
    automake = [name for name in tree.anywhere(r"Makefile\.am|.*\.mk|local\.am", 5) if "gnulib" not in name]
    if automake:
        tests = r"^\s*(?:dist_)?(?:TESTS|check_\w+|TESTSUITE|AUTOTEST\w*)\s*\+?=|^(?:check|check-local|check-am|test)\s*:|\bAUTOMAKE_OPTIONS\s*=.*\bdejagnu\b|\$\(TESTSUITE\)"
        found = any(re.search(tests, _unfolded(text), re.MULTILINE) for _, text in tree.texts(automake))
        return ("make check",) if found else ()
    return _target(tree, ("Makefile.in", *_MAKEFILES))


def _unfolded(text: str) -> str:
    return text.replace("\\\n", " ")


def _target(tree: SourceTree, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        text = tree.text(name)
        for target in ("check", "test", "tests"):
            if re.search(rf"^(?:[\w. -]+ )?{target}(?: [\w. -]+)?\s*::?(?!=)(?:[^\n]*\S|\s*\n\t)", text, re.MULTILINE):
                return (f"make {target}",)
    return ()


def cmake(subject: Subject) -> Plan:
    """A source with CMakeLists.txt."""
    tree = subject.tree
    needs = needs_of(tree, "cmake", subject.known)
    lists = [
        name
        for name in tree.anywhere(r"CMakeLists\.txt|.*\.cmake", 5)
        if not re.search(r"(?i)(?:third|3rd)[_-]?party|vendor|external|extern/|deps/|subprojects", name)
    ]
    whole = "\n".join(re.sub(r"(?m)#.*$", "", text) for _, text in tree.texts(lists))
    tested = re.search(
        r"(?i)\b(?:add_test|ecm_add_tests?|gtest_discover_tests|catch_discover_tests|qt_add_test|qt5_add_test|doctest_discover_tests|kf\w*_add_tests?|add_\w*_?(?:unit_?)?tests?)\s*\(",
        whole,
    ) and re.search(
        r"(?i)\b(?:enable_testing\s*\(|include\s*\(\s*(?:CTest|ECMAddTests|KDECMakeSettings)|ecm_add_tests?\s*\()",
        whole,
    )
    switches = re.findall(
        r"(?i)\boption\s*\(\s*\"?(\w*(?:TEST(?:S|ING)?|TESTSUITE))\"?\s+\"[^\"]*\"\s*(OFF|NO|FALSE|0)?\s*\)", whole
    )
    off = tuple(
        dict.fromkeys(
            name
            for name, value in switches
            if value
            and not re.search(r"(?i)fuzz|bench|perf|coverage|install|python|valgrind|network|online|example", name)
        )
    )
    check: tuple[str, ...] = ()
    if tested:
        check = ("ctest --test-dir build --output-on-failure",)
    facts: dict[str, object] = {
        "tests": off if tested else (),
        "shared": "BUILD_SHARED_LIBS" in whole or bool(re.search(r"(?i)\badd_library\s*\(", whole)),
    }
    return _finished(
        subject, "cmake", check, _with(("cmake",), needs.make, ("samurai",)), needs.check, facts, needs.unknown
    )


def meson(subject: Subject) -> Plan:
    """A source with meson.build."""
    tree = subject.tree
    needs = needs_of(tree, "meson", subject.known)
    builds = [name for name in tree.anywhere(r"meson\.build", 6) if not re.search(r"(?:^|/)subprojects/", name)]
    tested = tree.any_text(builds, r"^\s*(?:\w+\.)?test\s*\(")
    options = tree.text(tree.first("meson.options", "meson_options.txt"))
    off = re.findall(
        r"option\s*\(\s*'((?:enable[-_])?(?:build[-_])?(?:unit[-_])?tests?(?:ing)?)'[^)]*?\bvalue\s*:\s*(?:'(disabled)'|(false))",
        options,
        re.DOTALL,
    )
    facts: dict[str, object] = {
        "options": tuple(f"-D{name}={'enabled' if word else 'true'}" for name, word, _ in off) if tested else ()
    }
    check = ("meson test --no-rebuild --print-errorlogs -C output",) if tested else ()
    compiled = bool(tree.anywhere(r".*\.(?:c|cc|cpp|cxx|vala|rs|d|S)", 6))
    plan = _finished(subject, "meson", check, _with(needs.make, ("meson",)), needs.check, facts, needs.unknown)
    python = not compiled and bool(tree.anywhere(r".*\.py(?:\.in)?", 6))
    return _changed(
        plan, noarch=not compiled, depends=("python3",) if python and "python3" not in plan.makedepends else ()
    )


def make(subject: Subject) -> Plan:
    """A source with nothing but a Makefile."""
    tree = subject.tree
    file = tree.first(*_MAKEFILES)
    text = tree.text(file)
    installs = re.search(r"^(?:[\w. -]+ )?install(?: [\w. -]+)?\s*::?(?!=)", text, re.MULTILINE) is not None
    prefix = next(
        (
            name
            for name in ("PREFIX", "prefix", "INSTALL_PREFIX", "INSTALLPREFIX")
            if re.search(rf"^\s*(?:export )?{name}\s*[:?]?=|\$[({{]{name}[)}}]", text, re.MULTILINE)
        ),
        "",
    )
    mandir = next(
        (
            name
            for name in ("MANPREFIX", "MANDIR", "mandir")
            if re.search(rf"^\s*{name}\s*[:?]?=\s*(?:/usr/local|\$[({{]\w+[)}}])/man", text, re.MULTILINE)
        ),
        "",
    )
    values = (
        [f"{prefix}=/usr"] if prefix and not re.search(rf"^\s*{prefix}\s*[:?]?=\s*/usr\s*$", text, re.MULTILINE) else []
    )
    if mandir:
        values.append(f"{mandir}=/usr/share/man")
    destdir = re.search(r"\bDESTDIR\b", text) is not None
    programs = _programs(tree)
    facts = {
        "installs": installs,
        "arguments": " ".join(values),
        "destdir": destdir or not prefix,
        "prefix": prefix,
        "scripts": programs,
        "docs": tree.at_top(r"[\w.-]+\.[1-8]"),
    }
    compiled = bool(tree.anywhere(r".*\.(?:c|cc|cpp|cxx|S|asm|f90|pas|go|rs)", 6))
    remarks = () if installs else ("the Makefile has no 'install': see what package() puts where",)
    includes = [need for need in _includes(tree, subject) if compiled]
    plan = _finished(subject, "make", _target(tree, _MAKEFILES), tuple(includes), (), facts, (), remarks)
    return _changed(plan, noarch=not compiled)


_BY_INCLUDE = {
    "ncurses.h": "ncurses-dev", "curses.h": "ncurses-dev", "zlib.h": "zlib-dev", "X11/Xlib.h": "libx11-dev", "X11/Xft/Xft.h": "libxft-dev", "X11/extensions/Xinerama.h": "libxinerama-dev",
    "X11/extensions/Xrandr.h": "libxrandr-dev", "openssl/ssl.h": "openssl-dev", "openssl/evp.h": "openssl-dev", "curl/curl.h": "curl-dev", "readline/readline.h": "readline-dev", "libusb.h": "libusb-dev",
    "libusb-1.0/libusb.h": "libusb-dev", "alsa/asoundlib.h": "alsa-lib-dev", "pcap.h": "libpcap-dev", "pcap/pcap.h": "libpcap-dev", "sqlite3.h": "sqlite-dev", "xcb/xcb.h": "libxcb-dev", "xcb/xinerama.h": "libxcb-dev", "xcb/randr.h": "libxcb-dev",
    "xcb/xcb_ewmh.h": "xcb-util-wm-dev", "xcb/xcb_icccm.h": "xcb-util-wm-dev", "xcb/xcb_keysyms.h": "xcb-util-keysyms-dev", "xcb/xcb_aux.h": "xcb-util-dev", "xcb/xcb_image.h": "xcb-util-image-dev", "event.h": "libevent-dev", "pcre.h": "pcre-dev", "expat.h": "expat-dev",
    "gmp.h": "gmp-dev", "lzma.h": "xz-dev", "bzlib.h": "bzip2-dev", "magic.h": "file-dev", "libudev.h": "eudev-dev", "sys/capability.h": "libcap-dev", "sys/acl.h": "acl-dev", "SDL2/SDL.h": "sdl2-dev", "SDL.h": "sdl2-dev", "GL/gl.h": "mesa-dev", "GL/glew.h": "glew-dev",
    "GLFW/glfw3.h": "glfw-dev", "png.h": "libpng-dev", "jpeglib.h": "libjpeg-turbo-dev", "ft2build.h": "freetype-dev", "glib.h": "glib-dev", "gtk/gtk.h": "gtk+3.0-dev", "talloc.h": "talloc-dev", "archive.h": "libarchive-dev", "libmnl/libmnl.h": "libmnl-dev", "security/pam_appl.h": "linux-pam-dev",
    "json-c/json.h": "json-c-dev", "jansson.h": "jansson-dev", "uuid/uuid.h": "util-linux-dev", "blkid/blkid.h": "util-linux-dev", "fuse.h": "fuse-dev", "lua.h": "lua5.4-dev", "libxml/parser.h": "libxml2-dev", "yaml.h": "yaml-dev", "bsd/string.h": "libbsd-dev", "imlib2.h": "imlib2-dev", "Imlib2.h": "imlib2-dev",
}  # fmt: skip


def _includes(tree: SourceTree, subject: Subject) -> list[str]:
    """Packages by the headers that C files include, for builds that say nothing of what they need; and pkg-config calls."""
    found: dict[str, None] = {}
    for _, text in tree.texts(tree.anywhere(_CODE, 3), 600):
        for header in re.findall(r"^\s*#\s*include\s*<([\w./+-]+)>", text, re.MULTILINE):
            if header in _BY_INCLUDE:
                found[_BY_INCLUDE[header]] = None
    for _, text in tree.texts(tree.anywhere(r"(?i)(?:gnu)?makefile|.*\.mk", 3)):
        for words in re.findall(r"(?:pkg-config|PKG_CONFIG\)?|pkgconf)\)?\s+(?:--[\w-]+\s+)+([\w .+-]+)", text):
            for word in words.split():
                package = "" if word.startswith("-") else subject.known.module(word)
                if package:
                    found[package] = None
    return list(found)


def _programs(tree: SourceTree) -> list[str]:
    """Files at the top that a shell or another interpreter runs."""
    return [
        name
        for name in tree.files
        if ("/" not in name or re.fullmatch(r"(?:bin|src|scripts)/[^/.]+", name))
        and tree.is_program(name)
        and _INTERPRETED.match(tree.text(name))
        and not re.search(r"(?i)configure|autogen|bootstrap|test|install|build|\.(?:in|md)$", name.rpartition("/")[2])
    ]


def _finished(
    subject: Subject,
    system: str,
    check: tuple[str, ...],
    makedepends: tuple[str, ...],
    checkdepends: tuple[str, ...],
    facts: dict[str, object],
    unknown: tuple[str, ...],
    remarks: tuple[str, ...] = (),
) -> Plan:
    tree = subject.tree
    splits = splits_of(tree, system)
    if has_systemd(tree) and not has_openrc(tree):
        remarks = (*remarks, "it has a unit of systemd and no service of OpenRC: -c makes files for one")
    return Plan(
        makedepends=_with(makedepends, headers_needed(tree)),
        checkdepends=checkdepends if check else (),
        subpackages=splits,
        options=() if check else (NO_TESTS,),
        check=check,
        facts=facts,
        unknown=unknown,
        remarks=remarks,
    )


def _changed(plan: Plan, *, noarch: bool, depends: tuple[str, ...] = ()) -> Plan:
    from dataclasses import replace

    return replace(plan, noarch=noarch, depends=depends)
