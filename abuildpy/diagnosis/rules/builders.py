# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs other programs: make, ninja, CMake, Meson, the autotools, pkg-config, SCons, abuild itself.

Sources: the manuals of GNU make ("Errors in Recipes", "Error Messages"), ninja, CMake (``message``), Meson, autoconf, pkgconf.
"""

from __future__ import annotations

from abuildpy.diagnosis.rules.table import CAUSE, END, LIKELY, PATH, QUOTED, STOP, WEAK, rule

_MAKE = r"(?:\S*/)?(?:g|b|re|mingw32-)?make(?:\[(?P<level>\d+)\])?"
_CONFIGURE = r"(?:checking .*\.\.\. )?(?:\S*/)?(?:configure|config\.status)"

RULES = (
    # make
    rule("no-rule", STOP, "make", "***", rf"{_MAKE}: \*\*\* No rule to make target {QUOTED}(?:,|\.| )"),
    rule("no-makefile", STOP, "make", "***", rf"{_MAKE}: \*\*\* No targets specified"),
    rule("no-makefile", STOP, "make", "***", rf"{_MAKE}: \*\*\* No targets\."),
    rule("make-error", STOP, "make", "***", rf"(?P<file>{PATH}):(?P<line>\d+): \*\*\* (?!\[).*"),
    rule("make-waiting", END, "make", "***", rf"{_MAKE}: \*\*\* (?!\[)[^\[]*(?:\.\.\.|…)$"),  # in any language
    rule("make-deletes", END, "make", "***", rf"{_MAKE}: \*\*\* Deleting (?:intermediate )?file "),
    rule(
        "make-stopped",
        END,
        "make",
        "***",
        rf"{_MAKE}: \*\*\* \[(?:(?P<file>[^\]]+?):(?P<line>\d+): |<[\w-]+>: )?(?P<target>[^\]]+)\] "
        r"(?P<how>[^\W\d_]+ (?P<status>\d+)|[^\W\d_][\w ]+)(?!.*(?:ignored|ignoriert|ignorée|игнор))",
    ),
    rule("make-error", STOP, "make", "***", rf"{_MAKE}: \*\*\* (?!\[).*"),
    rule("make-stopped", END, "make", "because of errors", rf"{_MAKE}: Target .* not remade because of errors"),
    rule(
        "missing-program", LIKELY, "make", "no such file", rf"{_MAKE}: (?P<name>[\w.+/-]+): No such file or directory"
    ),
    rule("missing-program", LIKELY, "make", "not found", rf"{_MAKE}: (?P<name>[\w.+/-]+): Command not found"),
    rule("permission", LIKELY, "make", "permission denied", rf"{_MAKE}: (?:execvp: )?(?P<name>\S+): Permission denied"),
    rule("make-stopped", END, "make", "error code", r"\*\*\* Error code \d+"),
    rule("make-stopped", END, "make", "error ", r"scons: \*\*\* \[(?P<target>[^\]]+)\] Error (?P<status>\d+)"),
    rule(
        "no-rule",
        STOP,
        "scons",
        "not found, needed by",
        rf"scons: \*\*\* (?:\[(?P<target>[^\]]+)\] )?Source {QUOTED} not found",
    ),
    rule("make-error", STOP, "scons", "***", r"scons: \*\*\* (?!\[[^\]]+\] Error \d)"),
    rule("make-stopped", END, "make", "because of errors", r"scons: building terminated because of errors"),
    # ninja
    rule("ninja-failed", END, "ninja", "failed: ", r"FAILED: (?:\[code=(?P<status>\d+)\] )?(?P<target>\S.*)$"),
    rule("ninja-stopped", END, "ninja", "build stopped", r"(?:ninja|samu): (?:build stopped|subcommand failed)"),
    rule("no-rule", STOP, "ninja", "ninja: error", rf"ninja: error: {QUOTED}, needed by .*missing and no known rule"),
    rule("ninja-stopped", END, "ninja", "ninja: error", r"ninja: error: rebuilding .*subcommand failed"),
    rule("ninja-error", STOP, "ninja", "ninja: error", r"ninja: error: "),
    rule("ninja-error", STOP, "ninja", "samu: ", r"samu: (?!job failed|build stopped|subcommand failed|warning)"),
    rule("ninja-failed", END, "ninja", "samu: job failed", r"samu: job failed(?: with status (?P<status>\d+))?: "),
    # CMake
    rule("cmake-error", END, "cmake", "errors occurred", r"-- Configuring incomplete, errors occurred"),
    rule(
        "cmake-error",
        STOP,
        "cmake",
        "cmake error",
        r"\s*CMake Error(?: \(dev\))? (?:at|in) (?P<file>[^\s:]+)(?::(?P<line>\d+))?(?: \((?P<command>\w+)\))?:",
    ),
    rule("cmake-error", STOP, "cmake", "cmake error", r"\s*CMake Error: (?!CMake was unable to find a build program)"),
    rule(
        "missing-program",
        STOP,
        "cmake",
        "cmake error",
        r"\s*CMake Error: CMake was unable to find a build program corresponding to \"(?P<name>[^\"]+)\"",
    ),
    # Meson
    rule(
        "missing-dependency",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*?Dependency \"(?P<name>[^\"]+)\" (?:not found|found )",
    ),
    rule(
        "missing-dependency",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*?Dependency (?P<name>\S+) is required",
    ),
    rule(
        "missing-dependency",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: Dependency lookup for (?P<name>\S+) ",
    ),
    rule(
        "missing-dependency",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*Invalid version of dependency, need '(?P<name>[^']+)'",
    ),
    rule(
        "missing-library",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*librar(?:y|ies) '(?P<name>[^']+)' not found",
    ),
    rule(
        "missing-header",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*header '(?P<name>[^']+)' (?:not found|could not be)",
    ),
    rule(
        "missing-program",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: Program\(?s?\)? \[?'(?P<name>[^']+)'.* not found",
    ),
    rule(
        "missing-program",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: Unknown compiler\(s\): \[+'(?P<name>[^']+)'",
    ),
    rule(
        "missing-python-module",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: .*missing modules: (?P<name>\S+)",
    ),
    rule(
        "missing-dependency",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson\.build):(?P<line>\d+):\d+: ERROR: Neither a subproject directory nor a (?P<name>\S+)\.wrap file",
    ),
    rule(
        "meson-error",
        STOP,
        "meson",
        "error: ",
        r"(?P<file>\S*meson(?:\.build|_options\.txt|\.options)):(?P<line>\d+)(?::\d+)?: (?:ERROR|error): ",
    ),
    rule("meson-error", END, "meson", "full log can be found", r"A full log can be found at"),
    # autotools
    rule("configure-error", END, "autoconf", "configure failed for", rf"{_CONFIGURE}: error: .*configure failed for"),
    rule(
        "missing-pkgconfig",
        STOP,
        "autoconf",
        "error: ",
        rf"{_CONFIGURE}: error: Package requirements \((?P<name>.+?)(?:\) were not met|$)",
    ),
    rule("configure-error", END, "autoconf", "error: in ", rf"{_CONFIGURE}: error: in [`'‘/]"),
    rule("configure-error", STOP, "autoconf", "error: ", rf"(?:{_CONFIGURE}(?:: line \d+)?:(?: \d+:)? )error: "),
    rule(
        "configure-error",
        STOP,
        "autoconf",
        "syntax error",
        rf"{_CONFIGURE}: (?:line )?(?P<line>\d+): .*[Ss]yntax error",
    ),
    rule(
        "configure-error",
        STOP,
        "autoconf",
        "error: ",
        r"(?P<file>(?:\S*/)?(?:configure\.(?:ac|in)|\S*Makefile\.am|\S+\.m4)):(?P<line>\d+): error: ",
    ),
    rule(
        "missing-program",
        LIKELY,
        "autoconf",
        "is missing on your system",
        r"WARNING: '(?P<name>[^']+)' is missing on your system",
    ),
    rule(
        "autotools-error",
        END,
        "autoconf",
        "failed with exit status",
        r"(?:autoreconf|autom4te|aclocal|automake|autoheader)\S*: (?:error: )?.* failed with exit status",
    ),
    rule(
        "autotools-error",
        STOP,
        "autoconf",
        "error: ",
        r"(?:\S*/)?(?:autoreconf|autom4te|autoconf|autoheader|aclocal|automake|libtoolize|autopoint|"
        r"intltoolize|libtool|gtkdocize)(?:-[\d.]+)?: (?:error|fatal): ",
    ),
    rule("autotools-error", STOP, "autoconf", "***", r"(?:\S*/)?(?:autopoint|gettextize): \*\*\* (?!Stop)"),
    rule("autotools-error", CAUSE, "libtool", "error: ", r"(?:\S*/)?libtool: +error: "),
    rule("autotools-error", CAUSE, "libtool", "mismatch error", r"(?:\S*/)?libtool: Version mismatch error"),
    rule("missing-program", STOP, "autoconf", "can't exec", rf"Can't exec {QUOTED}: No such file"),
    # pkg-config
    rule("missing-pkgconfig", WEAK, "pkgconfig", "no package", r".{0,40}?No package '(?P<name>[^']+)' found"),
    rule(
        "missing-pkgconfig",
        WEAK,
        "pkgconfig",
        "was not found in the",
        r"(?:\s|pkg-config: )*Package (?P<name>\S+) was not found in the pkg-config search path",
    ),
    rule(
        "missing-pkgconfig",
        WEAK,
        "pkgconfig",
        "not found",
        r"\s*Package '(?P<name>[^',]+)'(?:, required by '[^']*',)? not found",
    ),
    rule(
        "missing-pkgconfig",
        WEAK,
        "pkgconfig",
        "could not be satisfied",
        r"\s*Package dependency requirement '(?P<name>[^']+)' could not be satisfied",
    ),
    rule(
        "missing-qt-module", STOP, "qmake", "project error", r"Project ERROR: Unknown module\(s\) in QT: (?P<name>.+)"
    ),
    rule(
        "missing-pkgconfig",
        STOP,
        "qmake",
        "package not found",
        r"Project ERROR: (?P<name>\S+) development package not found",
    ),
    rule("qmake-error", STOP, "qmake", "project error", r"Project ERROR: "),
    rule("qmake-error", STOP, "qmake", ".pro:", r"(?P<file>\S+\.pro):(?P<line>\d+): (?![Ww]arning)"),
    rule("qmake-error", STOP, "qmake", ".pri:", r"(?P<file>\S+\.pri):(?P<line>\d+): (?![Ww]arning)"),
    rule("waf-error", END, "waf", "the configuration failed", r"The configuration failed"),
    rule("waf-error", LIKELY, "waf", "not found", r"(?:Could not find the program|Checking for .* not found) "),
    rule("bazel-error", CAUSE, "bazel", "error: ", r"ERROR: (?P<file>/\S+?):(?P<line>\d+):\d+: "),
    # abuild and apk
    rule("missing-package", CAUSE, "apk", "unable to select packages", r"ERROR: unable to select packages:"),
    rule("phase-failed", END, "abuild", ">>> error", r">>> ERROR: (?:\S+: )?(?:\w+ failed|all failed|rootbld failed)$"),
    rule("recipe-died", LIKELY, "abuild", ">>> error", r">>> ERROR: "),
)
