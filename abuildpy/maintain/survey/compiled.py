# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 (tables and patterns do not read better broken)
"""Looks at sources that autotools, CMake, Meson or a plain Makefile builds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from abuildpy.maintain.survey.needs import needs_of
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import has_openrc, has_systemd, splits_of
from abuildpy.maintain.survey.tree import SourceTree

_CODE = r".*\.(?:c|h|cc|cpp|cxx|hpp|hh)"
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_NEAR = 1000
NO_TESTS = ("!check", "no tests in the source")
_COMPILED = r".*\.(?:c|cc|cpp|cxx|C|c\+\+|vala|rs|d|S|s|asm|f|f90|pas|go|m|mm|hs|ml|adb|cu|nim|zig)"
_TESTED = re.compile(r"(?i)(?:^|/)(?:tests?|testsuite|examples?)/")
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
        re.search(r"^[ \t]*#\s*include\s*<(?:linux|asm|mtd|rdma|scsi/scsi_bsg)/", text, re.MULTILINE) for text in texts
    ):
        found.append("linux-headers")
    own = tree.anywhere(r"queue\.h|tree\.h", 6)
    if not own and any(
        re.search(r"^[ \t]*#\s*include\s*<sys/(?:queue|tree)\.h>", text, re.MULTILINE) for text in texts
    ):
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
        if tree.any_text([tree.first("configure.ac", "configure.in")], r"\bAX_[A-Z]"):
            first = (*first, "autoconf-archive")
    facts = {
        "generate": _generator(tree) if made else "",
        "old": _knows_no_musl(tree) and not made,
        "own": own,
        "install": _own_installation(tree),
        "static": libtool or tree.has("ltmain.sh", "build-aux/ltmain.sh"),
    }
    guessed = tuple(_includes(tree, subject)) if own or not tree.has("configure.ac", "configure.in") else ()
    return _finished(subject, "autotools", check, _with(first, needs.make, guessed), needs.check, facts, needs.unknown)


def _knows_no_musl(tree: SourceTree) -> bool:
    """Whether the source's config.sub is older than musl, so that it takes Alpine's machines for a mistake."""
    names = tree.anywhere(r"config\.sub", 3)
    return any("musl" not in text for _, text in tree.texts(names) if text)


def _own_installation(tree: SourceTree) -> tuple[str, ...]:
    """How to install where Makefiles know no DESTDIR; automake's always do."""
    files = tree.anywhere(r"Makefile\.in|(?:GNUm|m|M)akefile|.*\.mk(?:\.in)?|Makefile\.inc", 3)
    text = "\n".join(each for _, each in tree.texts(files))
    if not text or tree.anywhere(r"Makefile\.am", 2) or re.search(r"\b(?:DESTDIR|INSTALL_?ROOT|installroot)\b", text):
        return ('make DESTDIR="$pkgdir" install',)
    return _installation(text, ())


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
    if any(name.endswith(".am") for name in automake):
        tests = r"^[ \t]*(?:dist_)?(?:TESTS|check_\w+|TESTSUITE|AUTOTEST\w*)\s*\+?=|^(?:check|check-local|check-am|test)\s*:|\bAUTOMAKE_OPTIONS\s*=.{0,400}\bdejagnu\b|\$\(TESTSUITE\)"
        found = any(re.search(tests, _unfolded(text), re.MULTILINE) for _, text in tree.texts(automake))
        return ("make check",) if found else ()
    return _target(tree, ("Makefile.in", *_MAKEFILES))


def _unfolded(text: str) -> str:
    return text.replace("\\\n", " ")


def _target(tree: SourceTree, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        text = tree.text(name)
        for target in ("check", "test", "tests"):
            for end in (rule.end() for rule in _rules(text, target)):
                if re.match(r"[^\n]*\S|\s*\n\t", text[end : end + _NEAR]):
                    return (f"make {target}",)
    return ()


def _rules(text: str, target: str) -> Iterator[re.Match[str]]:
    """Where a Makefile says how targets are made of which one fits a pattern: the lines, up to their colon."""
    for line in re.finditer(r"^(?!\t)([\w.\t -]+)::?(?!=)", text, re.MULTILINE):
        if any(re.fullmatch(target, name) for name in line[1].split()):
            yield line


def cmake(subject: Subject) -> Plan:
    """A source with CMakeLists.txt."""
    tree = subject.tree
    needs = needs_of(tree, "cmake", subject.known)
    lists = [
        name
        for name in tree.anywhere(r"CMakeLists\.txt|.*\.cmake", 5)
        if not re.search(r"(?i)(?:third|3rd)[_-]?party|vendor|external|extern/|deps/|subprojects", name)
    ]
    whole = "\n".join(re.sub(r"#.*", "", text) for _, text in tree.texts(lists))
    tested = re.search(
        r"(?i)\b(?:add_test|ecm_add_tests?|gtest_discover_tests|catch_discover_tests|qt_add_test|qt5_add_test|doctest_discover_tests|kf\w*_add_tests?|add_\w*_?(?:unit_?)?tests?)\s*\(",
        whole,
    ) and re.search(
        r"(?i)\b(?:enable_testing\s*\(|include\s*\(\s*(?:CTest|ECMAddTests|KDECMakeSettings)|ecm_add_tests?\s*\()",
        whole,
    )
    switches = re.findall(
        r"(?i)\boption\s*\(\s*\"?(\w*(?:TEST(?:S|ING)?|TESTSUITE))\"?\s+\"[^\"]*\"\s*+(OFF|NO|FALSE|0)?\s*\)", whole
    )
    missing = _missing(tree, lists)
    lacking = any(re.search(r"(?i)test|mock|catch|bench", folder) for folder in missing)
    tested = None if lacking else tested
    without = _switched_on(whole) if lacking else ()
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
        "without": without,
        "tests": off if tested else (),
    }
    remarks = tuple(f"the archive lacks {folder}, a module of its git repository" for folder in missing if not lacking)
    make = _with(("cmake",), needs.make, ("samurai",))
    return _finished(subject, "cmake", check, make, needs.check, facts, needs.unknown, remarks)


def _switched_on(text: str) -> tuple[str, ...]:
    """Options of CMakeLists.txt that have tests and benchmarks built unless they are turned off."""
    pattern = r"(?i)\boption\s*\(\s*\"?(\w*(?:TESTS?|TESTING|BENCHMARKS?))\"?\s+\"[^\"]*\"\s*(?:ON|YES|TRUE|1)\s*\)"
    return tuple(dict.fromkeys(re.findall(pattern, text)))


def _missing(tree: SourceTree, lists: list[str]) -> list[str]:
    """Folders that CMakeLists.txt adds, or that are modules of the git repository, and that the archive has nothing in."""
    wanted = re.findall(r"(?m)^[ \t]*path\s*=\s*(\S+)", tree.text(".gitmodules"))
    for name, text in tree.texts(lists):
        for folder in re.findall(r"(?im)^[ \t]*add_subdirectory\s*\(\s*\"?([\w./-]+)", text):
            wanted.append(f"{name.rpartition('/')[0]}/{folder}".strip("/"))
    return [
        folder
        for folder in dict.fromkeys(wanted)
        if folder.strip("./") and os.path.normpath(folder) not in tree.folders
    ]


def meson(subject: Subject) -> Plan:
    """A source with meson.build."""
    tree = subject.tree
    needs = needs_of(tree, "meson", subject.known)
    builds = [name for name in tree.anywhere(r"meson\.build", 6) if not re.search(r"(?:^|/)subprojects/", name)]
    tested = tree.any_text(builds, r"^[ \t]*(?:\w+\.)?test\s*\(")
    options = tree.text(tree.first("meson.options", "meson_options.txt"))
    off = re.findall(
        r"option\s*\(\s*'((?:enable[-_])?(?:build[-_])?(?:unit[-_])?tests?(?:ing)?)'[^()]*?\bvalue\s*:\s*(?:'(disabled)'|(false))",
        options,
        re.DOTALL,
    )
    facts: dict[str, object] = {
        "options": tuple(f"-D{name}={'enabled' if word else 'true'}" for name, word, _ in off) if tested else ()
    }
    check = ("meson test --no-rebuild --print-errorlogs -C output",) if tested else ()
    return _finished(subject, "meson", check, _with(needs.make, ("meson",)), needs.check, facts, needs.unknown)


def make(subject: Subject) -> Plan:
    """A source with nothing but a Makefile."""
    tree = subject.tree
    file = tree.first(*_MAKEFILES)
    text = tree.text(file)
    installs = any(_rules(text, "install"))
    whole = "\n".join(
        each for _, each in tree.texts([file, *tree.anywhere(r".*\.mk|(?:GNUm|m|M)akefile(?:\.inc)?", 3)])
    )
    arguments = tuple(f"{name}={to}" for name, to in _overridden(whole, "").items())
    compiled = bool(tree.anywhere(r".*\.(?:c|cc|cpp|cxx|S|asm|f90|pas|go|rs)", 6))
    facts: dict[str, object] = {
        "arguments": arguments,
        "scripts": _programs(tree)
        if not compiled
        else [
            name
            for name in (subject.pkgname, subject.stem)
            if re.search(rf"^{re.escape(name)}\s*:", text, re.MULTILINE)
        ][:1],
        "docs": tree.at_top(r"[\w.-]+\.[1-8]"),
        "install": _installation(whole, arguments) if installs else (),
    }
    remarks = () if installs else ("the Makefile has no 'install': see what package() puts where",)
    includes = [need for need in _includes(tree, subject) if compiled]
    return _finished(subject, "make", _target(tree, _MAKEFILES), tuple(includes), (), facts, (), remarks)


_PLACES = {
    "prefix": "/usr", "installprefix": "/usr", "install_prefix": "/usr", "bindir": "/usr/bin", "bin_dir": "/usr/bin", "instbin": "/usr/bin", "sbindir": "/usr/sbin", "libdir": "/usr/lib", "includedir": "/usr/include", "incdir": "/usr/include", "mandir": "/usr/share/man",
    "manprefix": "/usr/share/man", "man1dir": "/usr/share/man/man1", "man8dir": "/usr/share/man/man8", "datadir": "/usr/share", "sharedir": "/usr/share", "docdir": "/usr/share/doc/$pkgname", "sysconfdir": "/etc",
}  # fmt: skip


def _overridden(text: str, before: str) -> dict[str, str]:
    """Variables of a Makefile for places that are to be others, each with its place behind ``before``.

    One that is made of another needs nothing, unless it leads to a folder that packages do not use.
    """
    found: dict[str, str] = {}
    for name, value in re.findall(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*[:?]?=[ \t]*([^\n#]*)", text, re.MULTILINE):
        place = _PLACES.get(name.lower())
        if place is None or name in found:
            continue
        derived = "$" in value or (before and "{" in value and not re.search(r"@\w+@|^\{\w+\}", value))
        odd = re.search(r"(?<!share)/man\b|/local\b", value) is not None
        if (not derived and (before or value.strip() != place)) or odd:
            found[name] = f"{before}{place}"
    if not found and not before:
        match = re.search(r"\$[({](PREFIX|prefix)[)}]", text)
        if match is not None and not re.search(rf"^[ \t]*{match[1]}[ \t]*[:?]?=", text, re.MULTILINE):
            found[match[1]] = "/usr"
    return found


def _installation(text: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The lines that install what a Makefile without automake behind it has built."""
    rule = next(_rules(text, r"install[\w-]*"), None)
    said = "" if rule is None else rule[0] + re.split(r"(?m)^(?=\S)", text[rule.end() :], maxsplit=1)[0]
    makes = re.search(r"\bmkdir\b|install\b[^\n]{0,400} -d\b|mkinstalldirs|INSTALL_DIR|MKDIR", text) or re.search(
        r"-[a-z]*D", said
    )
    places = [f"/usr/{name}" for name in ("bin", "sbin") if re.search(rf"(?i)\b{name}", said)]
    places += [f"/usr/share/man/man{section}" for section in sorted(set(re.findall(r"(?i)\bman([1-8])\b", said)))]
    folders = " ".join('"$pkgdir"' + place for place in places)
    first = (f"mkdir -p {folders}",) if folders and not makes else ()
    if re.search(r"\bDESTDIR\b", text):
        return (*first, " ".join(['make DESTDIR="$pkgdir"', *arguments, "install"]))
    given = [f"{name}={place}" for name, place in _overridden(text, '"$pkgdir"').items()]
    if not given:
        return (*first, 'make DESTDIR="$pkgdir" install')
    if len(given) < 2:
        return (*first, f"make {given[0]} install")
    return (*first, "make \\", *(f"\t{each} \\" for each in given), "\tinstall")


_BY_INCLUDE = {
    "event2/event.h": "libevent-dev", "libpq-fe.h": "libpq-dev", "mysql.h": "mariadb-connector-c-dev", "mysql/mysql.h": "mariadb-connector-c-dev", "hiredis/hiredis.h": "hiredis-dev", "ev.h": "libev-dev", "uv.h": "libuv-dev", "sodium.h": "libsodium-dev",
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
        for header in re.findall(r"^[ \t]*#\s*include\s*<([\w./+-]+)>", text, re.MULTILINE):
            if header in _BY_INCLUDE:
                found[_BY_INCLUDE[header]] = None
    for _, text in tree.texts(tree.anywhere(r"(?i)(?:gnu)?makefile|.*\.mk", 3)):
        for words in re.findall(r"(?:pkg-config|PKG_CONFIG\)?|pkgconf)\)?\s+(--[\w .+-]+)", text):
            for word in words.split():
                package = "" if word.startswith("-") else subject.known.module(word)
                if package:
                    found[package] = None
    return list(found)


def _interpreters(tree: SourceTree) -> tuple[str, ...]:
    """Packages of what runs the source's scripts, as far as Alpine does not have it anyway."""
    found: dict[str, None] = {}
    for name, text in tree.texts(tree.anywhere(r"[^.]+|.*\.(?:sh|bash|pl|py|rb)(?:\.in)?|[^.]+\.in", 3), 300):
        line = re.match(r"#!\s*(?:/\S*/|@)(?:env\s+)?(bash|perl|python3?|PYTHON3?|PERL|ruby|zsh|gjs|lua)\b", text)
        if line is not None and not re.search(
            r"(?i)(?:^|/)(?:tests?|build|build-aux|tools|scripts|debian|doc|contrib|m4)/|config|autogen|bootstrap", name
        ):
            found[{"python": "python3"}.get(line[1].lower(), line[1].lower())] = None
    return tuple(found)


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
    ours = {subject.pkgname, f"{subject.pkgname}-dev"}
    compiled = any(not _TESTED.search(name) for name in tree.anywhere(_COMPILED, 8))
    if has_systemd(tree) and not has_openrc(tree):
        remarks = (*remarks, "it has a unit of systemd and no service of OpenRC: -c makes files for one")
    wanted = _with(makedepends, headers_needed(tree))
    return Plan(
        noarch=not compiled,
        depends=() if compiled else _interpreters(tree),
        makedepends=tuple(name for name in wanted if name not in ours),
        checkdepends=tuple(name for name in checkdepends if name not in ours) if check else (),
        subpackages=splits,
        options=() if check else (NO_TESTS,),
        check=check,
        facts=facts,
        unknown=unknown,
        remarks=remarks,
    )
