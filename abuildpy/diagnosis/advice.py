# SPDX-License-Identifier: GPL-3.0-or-later
"""A likely cause and a next step for each kind of error. What no index knows is not guessed."""

from __future__ import annotations

import signal
from collections.abc import Sequence

_CAUSES: dict[str, tuple[str, str]] = {
    "archive": ("an archive is damaged or of another kind", "fetch it anew, and compare its checksum with upstream's"),
    "assertion": (
        "a program stopped itself because something it takes for granted was not so",
        "run it alone, in a debugger",
    ),
    "checksum": (
        "a file is not the one that was expected",
        "compare it with what upstream publishes, then renew the checksum",
    ),
    "compile-error": (
        "the compiler refuses the source",
        "look at the place named; a newer compiler or library may want a patch",
    ),
    "compiler-crash": (
        "the compiler itself failed",
        "try again with JOBS=1: memory may be short; else report it to the compiler's makers",
    ),
    "configure-error": (
        "configure found something missing or unusable",
        "config.log in the build folder tells how it tried",
    ),
    "crash": ("a program crashed", "run it alone, in a debugger"),
    "cmake-error": (
        "CMake finds something missing or unusable",
        "the lines below it tell what; an option may turn it off",
    ),
    "doc-error": ("a document cannot be made", "look at the place named; an option may leave the documents out"),
    "disk-full": (
        "there is no room left on a disk",
        "make room, or put the work folders elsewhere (srcdir, pkgbasedir, tmpdir)",
    ),
    "erlang-error": ("Erlang stopped itself", "the line tells in what call, and where"),
    "exec-format": (
        "a program is for another machine, or has no first line that names its interpreter",
        "when building for another machine, run what was built for this one",
    ),
    "fetch-failed": ("a file cannot be fetched", "look whether it has moved; fetch in prepare() or name it in source"),
    "file-too-large": ("a file grew beyond what is allowed", "raise the limit (ulimit -f)"),
    "go-panic": ("a Go program stopped itself", "the lines below it tell why"),
    "grammar-error": ("a grammar is refused", "look at the place named; a newer generator may want a patch"),
    "go-error": ("the Go compiler or the go command refuses", "look at the place named"),
    "link-error": ("the linker refuses", "look at the objects and libraries named"),
    "lisp-error": ("a Lisp or Scheme program ended with an error", "the lines below it tell where"),
    "lock-file": ("Cargo.lock does not fit Cargo.toml", "run cargo update in prepare(), or patch Cargo.lock"),
    "make-stopped": ("a command that make ran failed without saying why", "run it by hand in the same place"),
    "missing-cmake-package": ("CMake does not find the package {name}", "add what provides it to makedepends"),
    "missing-crate": ("the crate {name} is not there", "cargo fetch in prepare() gets it, with net in options"),
    "missing-dependency": ("Meson does not find {name}", "add what provides it to makedepends"),
    "missing-file": (
        "a file or folder is not there: {name}",
        "see what the build made instead; an option may have turned it off",
    ),
    "missing-go-package": (
        "the Go package {name} is not there",
        "go mod download in prepare() gets it, with net in options",
    ),
    "missing-haskell-package": ("the Haskell module {name} is not there", "add the package that has it to makedepends"),
    "missing-header": (
        "the header {name} is not installed, or not where the compiler looks",
        "add what provides it to makedepends",
    ),
    "missing-library": ("the linker does not find the library {name}", "add what provides it to makedepends"),
    "missing-lua-module": ("the Lua module {name} is not there", "add what provides it to makedepends or checkdepends"),
    "missing-module": ("the module {name} is not there", "add what provides it to makedepends"),
    "missing-node-module": ("the Node module {name} is not there", "npm ci in prepare() gets it, with net in options"),
    "missing-package": (
        "no repository has the package {name}, or another one hinders it",
        "look for its name with apk search; enable the repository that has it",
    ),
    "missing-perl-module": (
        "the Perl module {name} is not installed",
        "add what provides it to makedepends or checkdepends",
    ),
    "missing-pkgconfig": ("pkg-config does not know {name}", "add what provides it to makedepends"),
    "missing-program": (
        "the program {name} is not installed, or not in PATH",
        "add what provides it to makedepends or checkdepends",
    ),
    "missing-python-module": (
        "the Python module {name} is not installed",
        "add what provides it to makedepends or checkdepends",
    ),
    "missing-qt-module": ("Qt's module {name} is not installed", "add what provides it to makedepends"),
    "missing-ruby-library": (
        "the Ruby library {name} is not installed",
        "add what provides it to makedepends or checkdepends",
    ),
    "missing-vala-package": ("Vala's package {name} is not there", "add what provides it to makedepends"),
    "meson-error": (
        "Meson finds something missing or unusable",
        "meson-logs/meson-log.txt in the build folder tells how it tried",
    ),
    "multiple-definition": (
        "a name is defined in more than one object",
        "-fcommon in CFLAGS is how older sources are built; a patch is better",
    ),
    "network": ("it wanted the network", "fetch in prepare() and put net into options, or use --net=always"),
    "no-makefile": ("there is no Makefile here", "is builddir right, and has configure run?"),
    "no-rule": ("make has no rule for {name}", "is the file in the sources, and the name of the target right?"),
    "old-compiler": ("the installed compiler is too old", "use a newer one, or an older version of the sources"),
    "out-of-memory": (
        "memory ran out, and the system ended a program",
        "use fewer jobs (JOBS=1), or a machine with more memory",
    ),
    "patch-rejected": (
        "a patch does not fit the sources",
        "renew the patch against this version, or drop it if upstream has it",
    ),
    "permission": (
        "something may not be done: the system is read-only to recipes, and they never are root",
        "work in the build folders, install to $pkgdir",
    ),
    "php-error": ("PHP refuses the source, or a script ended with an error", "look at the place named"),
    "protobuf-error": ("protoc refuses a definition", "look at the place named, and for the files that it imports"),
    "python-requirement": (
        "a Python package is missing or of the wrong version",
        "add it to makedepends or checkdepends",
    ),
    "python-syntax": ("Python does not understand a source", "look at the place named"),
    "python-error": ("a Python program ended with an exception", "the whole traceback is in the log"),
    "read-only": ("only the build folders can be written", "work in the build folders, install to $pkgdir"),
    "rust-error": ("the Rust compiler refuses the source", "look at the place named"),
    "rust-panic": ("a Rust program stopped itself", "the lines below it tell why"),
    "shell-syntax": ("the shell does not understand a script", "look at the place named"),
    "test-failed": (
        "a test fails: {name}",
        "run it alone; if it cannot work here, leave it out in check() and say why",
    ),
    "test-timeout": (
        "a test took too long: {name}",
        "run it alone; give it more time, or leave it out in check() and say why",
    ),
    "translation-error": ("a translation is faulty", "mend the line named in the .po file, or leave it out"),
    "undefined-reference": (
        "nothing that is linked defines {name}",
        "a library is missing on the command line, or comes before what needs it",
    ),
    "xml-error": ("an XML document is refused", "look at the place named; what it refers to may be missing here"),
    "warnings-are-errors": ("warnings count as errors here", "take -Werror out, or mend what it warns of"),
}
_STATUS = {
    127: ("a program was not found", "add what provides it to makedepends or checkdepends"),
    126: ("something could not be run: not executable, or of another kind", "look at its mode and its first line"),
}


def advise(kind: str, name: str, packages: Sequence[str] = ()) -> tuple[str, str]:
    """Likely cause and next step for a kind of error about ``name``; empty where nothing useful can be said."""
    cause, step = _CAUSES.get(kind, ("", ""))
    cause = cause.replace("{name}", name) if name else cause.replace(": {name}", "").replace(" {name}", "")
    if packages:
        step = f"add {' or '.join(packages)} to {'makedepends' if 'checkdepends' not in step else 'makedepends or checkdepends'}"
    return cause, step


def advise_by_status(status: int) -> tuple[str, str]:
    """The same by nothing but an exit status (negative, or 128 more: a signal)."""
    number = -status if status < 0 else status - 128
    if number == signal.SIGKILL:
        return _CAUSES["out-of-memory"][0].replace("memory ran out", "memory may have run out"), _CAUSES[
            "out-of-memory"
        ][1]
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        return _CAUSES["crash"]
    return _STATUS.get(status, ("", ""))
