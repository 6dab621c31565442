#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies recipes so that they can be packaged without their sources, tools and dependencies, for parity.py to compare.

What most recipes say of their packages is said by their functions: package() and the split functions set descriptions,
dependencies, install scripts and so on. In a copy these functions run as they are written, but commands that work on files go on
when there is nothing to work on, those that build do nothing, and every package gets its folder. So two programs can be
compared by what becomes of thousands of recipes' words, on a machine that could build few of them:

    bench/said.py --count 300 --seed 1 COPIES TREE…
    bench/parity.py --abuild ABUILD COPIES/list

Copied are recipes with subpackages, in the order that the seed gives, without sources, accounts and limits to architectures.
Those that need more than that fail in the other program, and parity.py passes them by.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from draw import drawing_order, tree_recipes

from bench import BenchError

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from abuildpy.recipe.syntax import parse  # noqa: E402 - from this checkout, installed or not

PHASES = frozenset({"unpack", "fetch", "prepare", "build", "check"})
"""Functions that do not run."""
SPLITS = (
    "dev", "dbg", "doc", "libs", "static", "openrc", "lang", "pyc", "bashcomp", "zshcomp", "fishcomp", "systemd", "udev",
    "devhelp", "nftrules",
)  # fmt: skip
"""Split functions that abuild has, each on top of ``default_NAME``."""
FILE_COMMANDS = (
    "bzip2", "cd", "chmod", "chown", "cp", "find", "gzip", "install", "ln", "mkdir", "mv", "rm", "rmdir", "sed", "touch", "xz",
)  # fmt: skip
BUILD_COMMANDS = (
    "ant", "cabal", "cargo", "chrpath", "cmake", "dotnet", "dune", "erl", "gem", "ghc", "git", "go", "gpep517", "gradle",
    "ldconfig", "luarocks", "make", "meson", "mix", "msgfmt", "mvn", "nim", "ninja", "node", "npm", "opam", "patchelf",
    "perl", "php", "pip", "pip3", "python3", "qmake", "readelf", "rebar3", "scons", "setcap", "strip", "waf", "yarn", "zig",
)  # fmt: skip
_SCRIPT = re.compile(r".*\.(?:(?:pre|post)-(?:install|upgrade|deinstall)|trigger)")
_OWN = "_said_"
"""Before the names of the recipe's functions in a copy."""


def copied(text: bytes) -> bytes:
    """The recipe as it is copied. Its functions are called by others of their names, which see to it that there are folders."""
    script = parse(text)
    own = [each for each in script.functions if each.function is None and each.name not in PHASES]
    for each in sorted(own, key=lambda found: found.name_span.start, reverse=True):
        text = text[: each.name_span.start] + _OWN.encode() + text[each.name_span.start :]
    names = sorted({each.name for each in own})
    lines = [
        *(f'{name}() {{ {_OWN}{name} "$@"; mkdir -p "$pkgdir" ${{subpkgdir:+"$subpkgdir"}}; }}' for name in names),
        *(f'{name}() {{ default_{name}; mkdir -p "$subpkgdir"; }}' for name in SPLITS if name not in names),
        'amove() { mkdir -p "$subpkgdir"; }',
        *(f'{name}() {{ command {name} "$@" 2>/dev/null || :; }}' for name in FILE_COMMANDS if name not in names),
        *(f"{name}() {{ :; }}" for name in (*BUILD_COMMANDS, "prepare", "build") if name not in names),
        'source="" sha512sums="" md5sums="" sha256sums="" pkgusers="" pkggroups="" arch=noarch',
        'builddir="$srcdir" options="$options !check !fhs !archcheck"',
    ]
    return text.rstrip(b"\n") + b"\n\n" + "\n".join(lines).encode() + b"\n"


def copy(folder: Path, copies: Path) -> bool:
    """Copies one recipe and its install scripts to ``copies``/REPOSITORY/NAME; whether it has subpackages and is so copied."""
    try:
        text = (folder / "APKBUILD").read_bytes()
        if b"\nsubpackages=" not in text:
            return False
        place = copies / folder.parent.name / folder.name
        place.mkdir(parents=True)
        (place / "APKBUILD").write_bytes(copied(text))
        for script in folder.iterdir():
            if _SCRIPT.fullmatch(script.name) and script.is_file():
                shutil.copy(script, place)
    except OSError as error:
        raise BenchError(f"{error.filename}: {error.strerror}") from error
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status: 2 where there is nothing to copy, or no room for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="how many recipes (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="their order (default: 1)")
    parser.add_argument("copies", type=Path, help="a folder that is not there yet")
    parser.add_argument("trees", type=Path, nargs="+", help="trees of recipes")
    options = parser.parse_args(arguments)
    made: list[Path] = []
    try:
        if options.copies.exists():
            raise BenchError(f"{options.copies}: is there already")
        for folder in drawing_order(tree_recipes(options.trees), options.seed):
            if len(made) == options.count:
                break
            if copy(folder, options.copies):
                made.append(folder)
    except BenchError as error:
        print(f"said.py: {error}", file=sys.stderr)
        return 2
    (options.copies / "list").write_text("".join(f"{each.parent.name}/{each.name}\n" for each in made))
    print(f"{len(made)} recipes: {options.copies}/list")
    return 0


if __name__ == "__main__":
    sys.exit(main())
