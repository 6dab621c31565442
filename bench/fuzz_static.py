#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes random scripts full of expansions, choices, loops and functions, and compares with ash what is claimed of them.

Also compared is which of them are scripts at all. Scripts of which something else is claimed than ash says are named, and
so are those that only one of the two can read; they stay in a folder below /var/tmp. The exit status is 1 if there is any.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import static as bench

from abuildpy.config import load_config
from abuildpy.errors import RecipeError
from abuildpy.recipe.static import StaticReader
from abuildpy.recipe.syntax import Script, parse
from abuildpy.shell import find_ash

NAMES = "a b c pkgver CARCH n".split()
PATTERNS = (
    r""".* *. ? [0-9] [!a-z]* *. _* - x "*" '.' \. $b "$b" [.] *[0-9]. ?? [[:digit:]]* a\* [^.]* [-.] ["-"] ${n} "."*"""
).split()
BARE = [
    "x",
    "1.2",
    "a-b",
    "foo",
    "_",
    "v",
    ".",
    "a=b",
    "~",
    "a:b",
    r"\ ",
    r"\$",
    r"\*",
    "{x,y}",
    "é",
    "#",
    "\\\n",
    "x\\\ny",
]
QUOTED = ["x", "1.2", "a b", " ", r"\"", r"\$", r"\a", "'", "_", ".", "\n", "*", r"\\", "\\\n"]
REPLACEMENTS = ["_", "", "-", "x", "$c", '"$c"', "'q r'", "a/b", r"\.", "&"]
VALUES = ["1.2.3", "'x y'", '"a-b"', "3", "10", "foo", '""', "a_b.c", ".", "x"]
LIMITS = "ulimit -t 1; ulimit -v 300000"


class Writer:
    """Random scripts. ``depth`` counts how far inside other things one is."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.any = self.random.choice

    def script(self) -> str:
        head = "".join(f"{name}={self.any(VALUES)}\n" for name in ("pkgver", "a", "b", "n"))
        return f"pkgname=t\n{head}" + "\n".join(self.statement(0) for _ in range(self.random.randrange(1, 9))) + "\n"

    def name(self) -> str:
        return self.any(NAMES)

    def expansion(self, depth: int, *, quoted: bool) -> str:
        name = self.name()
        match self.random.randrange(16):
            case 0 | 1 | 2 | 3:
                return f"${name}"
            case 4:
                return f"${{{name}}}"
            case 5 | 6 | 7:
                return f"${{{name}{self.any(['%', '%%', '#', '##'])}{self.any(PATTERNS)}}}"
            case 8 | 9:
                replacement = self.any(["", *(f"/{text}" for text in REPLACEMENTS)])
                return f"${{{name}{self.any(['/', '//'])}{self.any(PATTERNS)}{replacement}}}"
            case 10:
                return f"${{{name}:{self.any(['0', '1', '2:1', ' -1', '0:2', '1:-1', '$n', 'n:1', '9', '0:0'])}}}"
            case 11:
                return f"${{#{name}}}"
            case 12 | 13 | 14:
                argument = self.word(depth + 1, quoted=quoted) if depth < 2 else "z"
                return f"${{{name}{self.any([':-', '-', ':+', '+', ':=', '='])}{argument}}}"
        operands = ["n", "$n", "3", "a", "(1+2)", "07", "2", "10", "b"]
        return f"$(({self.any(operands)} {self.any('+-*/%<>')} {self.any(operands)}))"

    def word(self, depth: int = 0, *, quoted: bool = False) -> str:
        return "".join(self.piece(depth, quoted=quoted) for _ in range(self.any([1, 1, 1, 2, 2, 3])))

    def piece(self, depth: int, *, quoted: bool) -> str:
        which = self.random.randrange(10)
        if quoted:
            return self.any(QUOTED) if which < 4 else self.expansion(depth, quoted=True)
        if which < 3:
            return self.any(BARE)
        if which < 5:
            count = self.any([0, 1, 1, 2])
            return '"' + "".join(self.word(depth + 1, quoted=True) if depth < 2 else "q" for _ in range(count)) + '"'
        if which < 6:
            return "'" + self.any(["x", "a b", "$x", "\\", '"', "*", ""]) + "'"
        return self.expansion(depth, quoted=False)

    def words(self) -> str:
        return " ".join(self.word(1) for _ in range(self.random.randrange(4)))

    def condition(self) -> str:
        return self.any(
            [
                f'[ "{self.expansion(1, quoted=True)}" = {self.word(1)} ]',
                f'[ -n "${self.name()}" ]',
                f"[ -z {self.expansion(1, quoted=False)} ]",
                f"[ ${self.name()} -{self.any(['eq', 'lt', 'ge'])} {self.any(['3', '10', '$n'])} ]",
                f"[ -f /nonexistent/{self.name()} ]",
                self.any(
                    ["true", "false", ":", "frobnicate", "f x", "g", "[ -d /tmp ]", "echo x | grep -q x", "( exit 1 )"]
                ),
                "! " + self.any(["true", '[ "$a" = x ]', "false"]),
            ]
        )

    def statement(self, depth: int) -> str:
        which = self.random.randrange(26)
        if which < 9 or (depth >= 3 and which > 12):
            return f"{self.name()}={self.word()}"
        if which < 13:
            first, second = self.name(), self.name()
            return self.any(
                [
                    f"{first}={self.word()} {second}={self.word()}",
                    f"export {first}={self.word()}",
                    f"unset {first}",
                    f"{first}=$(echo {self.word()})",
                ]
            )
        if which < 15:
            return f"{self.condition()} {self.any(['&&', '||'])} {self.statement(3)}"
        if which < 17:
            other = self.any(
                ["", f"else\n{self.block(depth)}\n", f"elif {self.condition()}; then\n{self.block(depth)}\n"]
            )
            return f"if {self.condition()}; then\n{self.block(depth)}\n{other}fi"
        if which < 19:
            first = f"{self.any(PATTERNS)}) {self.statement(depth + 2)};;\n"
            second = f"{self.any(PATTERNS)}|{self.any(PATTERNS)})\n{self.block(depth)}\n;;\n"
            return f"case {self.word(1)} in\n{first}{second}{self.any(['', f'*) {self.statement(depth + 2)}'])}\nesac"
        if which < 21:
            return f"for {self.name()} in {self.words()}; do\n{self.block(depth, loop=True)}\ndone"
        if which < 22:
            return f"set -- {self.words()}\n{self.name()}=$1 {self.name()}=$#"
        if which < 24:
            return f"{self.any('fg')}() {{\n{self.block(depth, function=True)}\n}}"
        return self.oddity(depth)

    def oddity(self, depth: int) -> str:
        inner = self.statement(depth + 2)
        return self.any(
            [
                f"{self.any('fg')} {self.word(1)}",
                f"{{ {self.block(depth)}\n}}",
                f"( {inner} )",
                f": {self.word()}",
                f'eval "{self.name()}={self.any(["1", "x$a", chr(92) + "$a"])}"',
                f"{inner} | cat",
                "IFS=" + self.any([".", '" "', ",", "", '"$b"']),
                "unset IFS",
                f"false || {inner}",
                f"while {self.condition()}; do\n{inner}\nbreak\ndone",
                f"{self.name()}={self.word()} {self.any(['f', 'true', ':', 'export q=1'])}",
                f"cat <<EOF\n{self.name()}=x\n$a\nEOF",
            ]
        )

    def block(self, depth: int, *, loop: bool = False, function: bool = False) -> str:
        lines = [self.statement(depth + 1) for _ in range(self.any([1, 1, 2]))]
        extra = []
        if loop:
            extra = ["break", "continue", f"{self.condition()} && continue", f"{self.condition()} || break"]
        if function:
            extra = [f"local {self.name()}={self.word()}", "local a b", "return", f"{self.condition()} && return 1"]
            extra += ["shift", f"{self.name()}=$1", "return 1"]
        if extra and self.random.random() < 0.35:
            lines.insert(self.random.randrange(len(lines) + 1), self.any(extra))
        return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    # Not below /tmp: the wall has one of its own.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-static-", dir="/var/tmp"))
    writer = Writer(options.seed)
    scripts: dict[Path, Script] = {}
    strange: list[str] = []
    for number in range(options.count):
        path = folder / "main" / f"p{number}" / "APKBUILD"
        path.parent.mkdir(parents=True)
        path.write_text(writer.script())
        readable = subprocess.run([*find_ash(), "-n", str(path)], capture_output=True, check=False).returncode == 0
        try:
            scripts[path] = parse(path.read_bytes())
        except RecipeError as error:
            if readable:
                strange.append(f"{path}: only ash can read it ({error.message})")
        else:
            if not readable:
                strange.append(f"{path}: ash cannot read it")
    strange += compare(scripts)
    print("\n".join(strange) or "all the same")
    if not strange:
        shutil.rmtree(folder)
    return 1 if strange else 0


def compare(scripts: dict[Path, Script]) -> list[str]:
    """Claims that are wrong. ash reads on after failures, for more to compare, and may not take long."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CARCH": "x86_64", "ABUILD_CONF": "/dev/null"}
    reader = StaticReader(load_config(environment))
    claims = {path: reader.read(str(path), script) for path, script in scripts.items()}
    bench.TRUTH = bench.TRUTH.replace("ulimit -t 20", LIMITS).replace("set -e", "set +e")
    truths = bench.evaluated(scripts, environment, [claims])
    tally = bench.Tally()
    for path, truth in truths.items():
        bench.compare(path, claims[path], truth, tally)
    known = sum(claims[path].value(name) is not None for path in truths for name in NAMES)
    print(f"{len(scripts)} scripts, {len(truths)} that ash came to the end of; {tally.claims} claims,")
    print(f"{known} of {len(NAMES) * len(truths)} values known, {len(tally.wrong)} wrong")
    return tally.wrong


if __name__ == "__main__":
    sys.exit(main())
