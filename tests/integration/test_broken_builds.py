# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that are really broken, by the real builder with real tools: the message names the first real error of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from buildkit import Place

pytest_plugins = ["buildfixtures"]

PACKAGE = 'package() {\nmkdir -p "$pkgdir"\n}\n'
MAIN = "int main(void) { return 0; }\n"


@dataclass(frozen=True)
class Broken:
    """A build: its files, its functions, and of what must be found the kind and a part of the line."""

    kind: str
    line: str
    functions: str
    files: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    check: bool = False


def _build(*commands: str) -> str:
    return "build() {\n" + "".join(f"{command}\n" for command in commands) + "}\n" + PACKAGE


def _check(*commands: str) -> str:
    return "build() {\n:\n}\ncheck() {\n" + "".join(f"{command}\n" for command in commands) + "}\n" + PACKAGE


def _many(number: int, broken: Mapping[str, str]) -> dict[str, str]:
    """Sources for a build with jobs side by side, some of them broken, the others with a warning that says error."""
    files = {}
    for each in range(number):
        name = f"error{each:02}.c"
        files[name] = broken.get(name, f"static int error{each};\nint f{each}(void) {{ return 0; }}\n")
    objects = " ".join(name.replace(".c", ".o") for name in files)
    rule = "%.o: %.c\n\t@echo compiling $<, 0 errors so far\n\tcc -Wall -Werror=format-security -c -o $@ $<\n"
    files["Makefile"] = f"all: {objects}\n{rule}"
    return files


MESON = "project('x', 'c')\n"
CMAKE = "cmake_minimum_required(VERSION 3.5)\nproject(x C)\n"
CC, MAKE, PYTHON = ("cc",), ("cc", "make"), ("python3",)

BROKEN = {
    "a missing header": Broken(
        "missing-header",
        "main.c:2:10: fatal error: no/such.h: No such file or directory",
        _build("cc -c main.c"),
        {"main.c": "#include <stdio.h>\n#include <no/such.h>\n" + MAIN},
        CC,
    ),
    "an undefined reference": Broken(
        "undefined-reference",
        "undefined reference to `nothing_defines_me'",
        _build("make"),
        {
            "main.c": "void nothing_defines_me(void);\nint main(void) { nothing_defines_me(); return 0; }\n",
            "Makefile": "prog: main.o\n\tcc -o prog main.o\nmain.o: main.c\n\tcc -c main.c\n",
        },
        MAKE,
    ),
    "a missing library": Broken(
        "missing-library",
        "cannot find -lnosuchlibrary",
        _build("cc -o main main.c -lnosuchlibrary"),
        {"main.c": MAIN},
        CC,
    ),
    "a warning that counts as an error": Broken(
        "compile-error",
        "main.c:1:26: error: unused variable 'error' [-Werror=unused-variable]",
        _build("LC_ALL=C cc -Wall -Werror -c main.c"),
        {"main.c": "int main(void) { int     error; return 0; }\n"},
        CC,
    ),
    "a failing test": Broken(
        "test-failed",
        "not ok 2 - errors are told",
        _check("make check"),
        {
            "Makefile": "check:\n\t@echo 1..3\n\t@echo ok 1 - error\n\t@echo not ok 2 - errors are told\n\t@echo ok 3; exit 1\n"
        },
        ("make",),
        check=True,
    ),
    "a failing test of python": Broken(
        "test-failed",
        "AssertionError: 'error' != 'no error'",
        _check("python3 -m unittest -v test_error"),
        {
            "test_error.py": "import unittest\nclass Test(unittest.TestCase):\n"
            "    def test_error(self):\n        pass\n"
            "    def test_words(self):\n        self.assertEqual('error', 'no error')\n"
        },
        PYTHON,
        check=True,
    ),
    "a missing tool": Broken("missing-program", "no-such-tool: not found", _build("no-such-tool --version")),
    "a missing tool below make": Broken(
        "missing-program",
        "no-such-tool",
        _build("make -j2"),
        {"Makefile": "all: a b\na:\n\techo error; sleep 0.2\nb:\n\tno-such-tool a > b\n"},
        ("make",),
    ),
    "the network": Broken(
        "network",
        "urlopen error",
        _build("python3 -c \"import urllib.request; urllib.request.urlopen('http://example.invalid/error')\""),
        {},
        PYTHON,
    ),
    "a patch that does not fit": Broken(
        "patch-rejected",
        "Hunk #1 FAILED at 1",
        "prepare() {\ncp error.c own.c\npatch own.c error.patch\n}\n" + PACKAGE,
        {
            "error.c": "int error;\n",
            "error.patch": "--- a/error.c\n+++ b/error.c\n@@ -1,3 +1,3 @@\n one\n-two\n+three\n four\n",
        },
        ("patch",),
    ),
    "a limit for files": Broken(
        "file-too-large",
        "File too large",
        _build("ulimit -f 8", "trap '' XFSZ", "echo 0 errors", "dd if=/dev/zero of=big bs=1024 count=64"),
    ),
    "no memory": Broken(
        "out-of-memory",
        "Killed",
        _build("make"),
        {"Makefile": "all:\n\t@echo training, error 0.1\n\t@sh -c 'sh -c \"kill -9 \\$$\\$$\"; exit $$?'\n"},
        ("make",),
    ),
    "python's syntax": Broken(
        "python-syntax",
        "SyntaxError: ",
        _build("python3 setup.py build"),
        {"setup.py": "import os\ndef error(:\n    pass\n"},
        PYTHON,
    ),
    "a python module": Broken(
        "missing-python-module",
        "ModuleNotFoundError: No module named 'no_such_module'",
        _build("python3 setup.py build"),
        {"setup.py": "import os\n\ntry:\n    import no_such_module\nexcept KeyError as error:\n    raise\n"},
        PYTHON,
    ),
    "configure without a library": Broken(
        "configure-error",
        "configure: error: libnothing is required",
        _build("sh ./configure"),
        {
            "configure": "echo 'checking for error_at_line... no'\necho 'checking for libnothing... no'\n"
            "echo 'configure: error: libnothing is required' >&2\nexit 1\n"
        },
    ),
    "a module of pkg-config": Broken(
        "missing-pkgconfig",
        "no-such-module",
        _build("cflags=$(pkg-config --cflags --print-errors no-such-module)"),
        {},
        ("pkg-config",),
    ),
    "a package for cmake": Broken(
        "missing-cmake-package",
        "CMake Error at CMakeLists.txt:3 (find_package):",
        _build("cmake -B build"),
        {"CMakeLists.txt": CMAKE + "find_package(NoSuchThing REQUIRED)\n"},
        ("cmake", "cc"),
    ),
    "cmake and make": Broken(
        "compile-error",
        "main.c:1:24: error: ",
        _build("cmake -B build", "cmake --build build -j4"),
        {
            "CMakeLists.txt": CMAKE + "add_library(error STATIC error.c)\nadd_executable(x main.c)\n",
            "error.c": "static int error;\n",
            "main.c": "int main(int) { return no_error; }\n".replace("(int)", "()   "),
        },
        ("cmake", "cc", "make"),
    ),
    "a dependency for meson": Broken(
        "missing-dependency",
        "meson.build:2:",
        _build("meson setup build"),
        {"meson.build": MESON + "dependency('no-such-thing')\n"},
        ("meson", "cc", "ninja"),
    ),
    "meson and ninja": Broken(
        "compile-error",
        "two.c:1:",
        _build("meson setup build", "ninja -C build -j4"),
        {
            "meson.build": MESON + "executable('x', 'main.c', 'one.c', 'two.c')\n",
            "main.c": MAIN,
            "one.c": "static int error;\n",
            "two.c": "int two(void) { return error; }\n",
        },
        ("meson", "cc", "ninja"),
    ),
    "jobs side by side": Broken(
        "compile-error",
        "error07.c:1:",
        _build("make -j4"),
        _many(40, {"error07.c": "int f(void) { return undeclared; }\n"}),
        MAKE,
    ),
    "a header, with jobs side by side": Broken(
        "missing-header",
        "error03.c:1:10: fatal error: gone.h",
        _build("make -j4 2>&1 | cat; test -e nothing"),
        _many(30, {"error03.c": '#include "gone.h"\n'}),
        MAKE,
    ),
    "a crash in check": Broken(
        "crash",
        "Segmentation fault",
        _check("make check"),
        {"Makefile": "check:\n\t@echo testing error handling: ok\n\t@sh -c 'kill -SEGV $$$$'\n"},
        ("make",),
        check=True,
    ),
    "a file that may not be run": Broken(
        "permission",
        "Permission denied",
        _build("make"),
        {"Makefile": "all:\n\tcp gen.sh gen; chmod 644 gen\n\t./gen error\n", "gen.sh": "#!/bin/sh\n"},
        ("make",),
    ),
    "writing outside": Broken(
        "read-only",
        "Read-only file system",
        "build() {\n:\n}\npackage() {\nmkdir -p /usr/share/nothing\n}\n",
    ),
    "no target to install": Broken(
        "no-rule",
        "No rule to make target 'install'",
        'build() {\nmake\n}\npackage() {\nmake DESTDIR="$pkgdir" install\n}\n',
        {"Makefile": "all:\n\t@echo error: none\n"},
        ("make",),
    ),
    "no rule for a source": Broken(
        "no-rule",
        "No rule to make target 'gone.c', needed by 'gone.o'",
        _build("make -j4"),
        {
            "Makefile": "all: a gone.o\na:\n\t@echo error in comment; sleep 0.2; echo 0 errors\n"
            ".SUFFIXES:\ngone.o: gone.c\n\tcc -c $<\n"
        },
        ("make",),
    ),
    "the shell's syntax": Broken(
        "shell-syntax",
        "yntax error",
        _build("sh ./make.sh"),
        {"make.sh": "echo error handling\nif true; then\necho x\nfi fi\n"},
    ),
    "a file that is not there": Broken(
        "missing-file",
        "foo.conf",
        'build() {\n:\n}\npackage() {\ninstall -Dm644 foo.conf "$pkgdir"/etc/foo.conf\n}\n',
    ),
}


def _first_error(place: Place, folder: Path) -> dict[str, object]:
    done = place.run(folder, "why", "--json", module="abuildpy.cli.umbrella")
    assert done.status == 0, str(done)
    told = json.loads(done.out)
    assert isinstance(told, dict)
    return told


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", BROKEN)
def test_broken(place: Place, name: str) -> None:
    broken = BROKEN[name]
    missing = [program for program in broken.needs if shutil.which(program, path=place.environment["PATH"]) is None]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}")
    options = {} if broken.check else {"options": "!check"}
    folder = place.recipe(broken.functions, files=dict(broken.files), **{"options": "", **options})  # type: ignore[arg-type]
    # Both to one place, as on a terminal or in a log.
    environment = {**place.environment, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        place.command("-d"),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 1, done.stdout
    told = _first_error(place, folder)
    assert (told["kind"], broken.line in str(told["text"])) == (broken.kind, True), f"{told}\n{done.stdout}"
    assert f"first error (line {told['number']}, {broken.kind}): " in done.stdout
    assert told["cause"]
    assert told["next_step"]


@pytest.mark.usefixtures("walls")
def test_a_full_disk(place: Place, small_disk: object) -> None:
    folder = place.recipe(_build("echo 0 errors", "dd if=/dev/zero of=big bs=1M count=20", "echo never"))
    assert callable(small_disk)
    (folder / "src").mkdir()
    small_disk(folder / "src", "4m")
    os.chmod(folder / "src", 0o777)
    done = place.run(folder, "-d", "build")
    assert done.status == 1, str(done)
    told = _first_error(place, folder)
    assert told["kind"] == "disk-full", str(done)
    assert "No space left on device" in str(told["text"])
