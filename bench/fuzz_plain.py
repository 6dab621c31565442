#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutates real recipes, and looks whether those still called plain do just what is said of plain recipes.

    python bench/fuzz_plain.py TREE [--count N] [--seed N] [--made]

Each mutant that ``read_plain`` calls plain is read twice by bare shells with an empty PATH: in company, and alone with a
trace. Alone it must run nothing but assignments, ``export``, ``[`` and ``:``, change only variables that were named, define
only functions that were named, and say nothing. In company it must give the same values, or be given back unread.
``--made`` takes functions put together of what is hard to read instead of real recipes.

The exit status is 1 if there is any disagreement; up to twenty are printed, the text of each is left in ``--keep``.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from abuildpy.config import load_config
from abuildpy.phases.crew import Crew
from abuildpy.phases.evaluating import variables_of
from abuildpy.phases.pipes import Pipe, plumbed
from abuildpy.phases.readings import PlainReading, Reading, Task, Unread
from abuildpy.recipe.answer import Fresh
from abuildpy.recipe.conversation import Scripts, changes
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.evaluate import candidate_names, said_lines
from abuildpy.recipe.library import library_functions
from abuildpy.recipe.pack import has_sign
from abuildpy.recipe.plain import read_plain
from abuildpy.shell import find_ash, parse_functions

_NOBODY = 65534
_AT_ONCE = 400
_LONGEST = 20_000
"""Bytes: mutants of longer recipes would only take time."""
_ENTRY = re.compile(rb"^\++ABUILDPY:[0-9]+: ((?:[^'\"\n]|'[^']*'|\"[^\"]*\")*)\n", re.MULTILINE)
_FINE = re.compile(rb"(?:[A-Za-z_][A-Za-z0-9_]*=|export |'?\['? |:$|\. '?/|:$|true$)")
_OWN = frozenset(
    "_ APKBUILD PWD startdir srcdir pkgbasedir tmpdir repo repo_template SRCDEST builddir pkgarch subpackages options GOCACHE "
    "GOMODCACHE GOTMPDIR CARGO_HOME HARECACHE allpackages pkgdir controldir sumalgo CFLAGS CXXFLAGS DFLAGS program FAKEROOT "
    "APK SUDO_APK ADDUSER ADDGROUP REPODEST CARGO_PROFILE_RELEASE_DEBUG CARGO_PROFILE_RELEASE_STRIP".split()
)
"""What recipe.sh sets."""
_NASTY = (
    *"' \" \\ ` # $ { } ( ) ; & | < > ! = * ? [ ] ~ \t \n \r \x0b \x0c \x81 \x88".split(" "),
    " ",
    "\\\n",
    "\n}\n",
    "\n\t}\n",
    "; }",
    "{ ",
    "}; ",
    " }\n",
    " || {\n",
    " && {\n",
    "$(",
    "$((",
    "))",
    "${",
    "${x:-",
    "${x#",
    "${#x}",
    "${x/",
    '"${x:-"',
    "$'",
    '$"',
    "<<EOF\n",
    "<<-EOF\n",
    "<<-'EOF'\n",
    '<<- "EOF" ',
    "\n\tEOF\n",
    "\nEOF\n",
    "<<<",
    "<(",
    " #",
    ")#",
    "\\ #",
    " # '",
    ' # "',
    "case x in\n",
    "esac\n",
    " in ",
    "if ",
    "fi\n",
    "then\n",
    "for x in ",
    "do\n",
    "done\n",
    "f() {\n",
    "\nf() {\n\t",
    " f() { :; }\n",
    "function f {",
    "\nexit 3\n",
    "\ntrap_ran=1\n",
    "trap_ran=1",
    ";;",
    "&&",
    "||",
    "\n: ",
    " a) ",
    "\\'",
    '\\"',
    "\\`",
    "\\$",
    "$x",
    "$$",
    "$!",
    "$#",
    "$@",
    "é",
    "_",
    "export ",
    "local ",
    "unset ",
    "set -- ",
    "eval ",
    "alias x=y\n",
    "x=",
    "x+=1",
)
_TRAPS = (
    "\n_v='; }; trap_ran=1; : '\n# '\n",
    '\n_v="; }; trap_ran=1; : "\n# "\n',
    "\n_v='`; }; trap_ran=1; : '\n# `'\n",
    "\n_v='}; }; trap_ran=1; : '\n# '\n",
    "\n_v='); }; trap_ran=1; : '\n",
    "\n_v='\n\tEOF\n}; trap_ran=1; : '\n# '\n",
    "\n_v='\nEOF\n}; trap_ran=1; : '\n",
    "\n_v=x; _w=' }; trap_ran=1 '\n",
    "\n_v='))}; }; trap_ran=1; : '\n",
    "\n_v='\"; }; trap_ran=1; : '\n# \"\n",
    "\n_w() {\n\t: '; }; trap_ran=1; : '\n\t# '\n}\n",
    '\n_w() {\n\t: "; }; trap_ran=1; : "\n\t# "\n}\n',
    "\n_w() {\n\t: `; }; trap_ran=1; : `\n}\n",
    "\n_w() {\n\t# }\n\t:\n}\n",
    "\n",
)
"""Harmless text that runs something if what stands before it has not ended where it seems."""


class _Bare:
    """A shell behind no wall."""

    def __init__(self, made: tuple[Pipe, ...], env: Mapping[str, str], folder: str) -> None:
        answers, complaints, orders = made
        ash = find_ash()
        self._process = subprocess.Popen(
            plumbed(ash, (*ash, "-s"), {8: answers.send}),
            env=env,
            cwd=folder,
            stdin=orders.receive,
            stdout=subprocess.DEVNULL,
            stderr=complaints.send,
            pass_fds=(answers.send,),
            start_new_session=True,
            user=_NOBODY if os.geteuid() == 0 else None,
            extra_groups=() if os.geteuid() == 0 else None,
        )

    @property
    def pid(self) -> int:
        """Of the shell."""
        return self._process.pid

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status."""
        return self._process.wait(timeout)

    def kill(self) -> None:
        """Ends it and what it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._process.wait()


@dataclass(slots=True)
class _Counts:
    mutants: int = 0
    plain: int = 0
    alone: int = 0
    together: int = 0
    bad: int = 0


def main() -> int:
    """Returns 1 if there is any disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--count", type=int, default=20_000, help="mutants that are called plain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the texts of disagreements")
    options = parser.parse_args()
    rnd = random.Random(options.seed)
    texts = [
        text
        for path in sorted(options.tree.glob("*/*/APKBUILD"))[:: 1 if not options.made else 100]
        if len(text := path.read_bytes()) < _LONGEST and read_plain(text)
    ]
    counts = _Counts()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        mutants = _made(rnd) if options.made else _mutants(rnd, texts)
        while counts.plain < options.count:
            batch: list[bytes] = []
            while len(batch) < _AT_ONCE:
                counts.mutants += 1
                text = next(mutants)
                if read_plain(text) is not None and not has_sign(text):
                    batch.append(text)
            counts.plain += len(batch)
            for text, why in _check(folder, batch, counts):
                counts.bad += 1
                if counts.bad <= 20:
                    print(f"{why}\n{text[-600:]!r}\n", flush=True)
                if options.keep:
                    options.keep.mkdir(exist_ok=True)
                    (options.keep / f"{options.seed}-{counts.bad}").write_bytes(text)
    print(
        f"{counts.mutants} mutants, {counts.plain} of them plain; {counts.alone} came to an end alone, {counts.together} in "
        f"company; {counts.bad} disagree"
    )
    return 1 if counts.bad else 0


def _mutants(rnd: random.Random, texts: list[bytes]) -> Iterator[bytes]:
    while True:
        text = rnd.choice(texts).decode("utf-8", "surrogateescape")
        for _ in range(rnd.choice((1, 1, 1, 2, 2, 3, 4))):
            text = _mutated(rnd, text)
        if rnd.random() < 0.6:
            text += rnd.choice(_TRAPS)
        yield text.encode("utf-8", "surrogateescape")


def _mutated(rnd: random.Random, text: str) -> str:
    kind = rnd.randrange(7)
    at = rnd.randrange(len(text) + 1)
    if kind <= 2:
        return text[:at] + rnd.choice(_NASTY) + text[at:]
    if kind == 3:  # beside something that matters already
        places = [match.start() for match in re.finditer(r"['\"`\\#${}()<;&|]", text)]
        at = rnd.choice(places) + rnd.randrange(2) if places else at
        return text[:at] + rnd.choice(_NASTY) + text[at:]
    if kind == 4:
        places = [match.start() for match in re.finditer(r"['\"`\\#${}()<;&|\n]", text)]
        at = rnd.choice(places) if places else at
        return text[:at] + text[at + rnd.choice((1, 1, 2)) :]
    lines = text.split("\n")
    at = rnd.randrange(len(lines))
    if kind == 5:
        del lines[at]
    else:
        lines.insert(rnd.randrange(len(lines) + 1), lines[at])
    return "\n".join(lines)


def _made(rnd: random.Random) -> Iterator[bytes]:
    words = (*_NASTY, "a", "echo ", '"a b"', "'a b'", "$(a)", "`a`", "${x}", '"$(a "b")"', "\n\t", "\n\t", ' "', "' ")
    while True:
        body = "".join(rnd.choice(words) for _ in range(rnd.randrange(1, 9)))
        if rnd.random() < 0.2:
            text = body + "\n"
        elif rnd.random() < 0.2:
            text = f'_v="{body}"\n'
        else:
            text = f"f() {{\n{rnd.choice(('	: ', '	', ''))}{body}\n}}\n"
        yield (text + rnd.choice(_TRAPS)).encode("utf-8", "surrogateescape")


def _check(folder: str, texts: list[bytes], counts: _Counts) -> Iterator[tuple[bytes, str]]:
    paths = []
    for number, text in enumerate(texts):
        path = f"{folder}/main/m{number}/APKBUILD"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
        paths.append(path)
    plains = [read_plain(text) for text in texts]
    together = [Task(n, path, plain, ()) for n, (path, plain) in enumerate(zip(paths, plains, strict=True))]
    alone = [
        Task(n, path, None, candidate_names(text)) for n, (path, text) in enumerate(zip(paths, texts, strict=True))
    ]
    library = {name.decode() for name in library_functions()}
    company = {each.task.number: each for each in _read(folder, together)}
    for each in _read(folder, alone):
        assert isinstance(each, Reading)
        number = each.task.number
        plain = plains[number]
        assert plain is not None
        counts.alone += 1
        changed = changes(each.listing, each.base)
        commands = [entry for entry in _ENTRY.findall(each.said) if not _FINE.match(entry)]
        said = said_lines(each.said)
        new = {name for name, value in changed.items() if name not in _OWN} - {n.decode() for n in plain.assigned}
        functions = parse_functions(each.functions) ^ {name.decode() for name in plain.functions}
        functions -= library  # a subpackage's split function may be called like one of those
        if commands or said or new or functions:
            yield texts[number], f"runs {commands[:3]}, says {said[:3]}, sets {new}, functions {functions}"
            continue
        group = company.get(number)
        if isinstance(group, PlainReading):
            counts.together += 1
            in_company = dict(variables_of(group, each.base.variables))
            by_itself = dict(Fresh(each.base.variables, changed))
            differing = {
                n for n in (*by_itself, *in_company) if by_itself.get(n) != in_company.get(n)
            } - each.base.passing
            if differing:
                yield (
                    texts[number],
                    f"other values in company: {[(n, by_itself.get(n), in_company.get(n)) for n in differing]}",
                )
        elif group is None and Scripts(each.base).fits(plain):
            yield texts[number], "read alone, not in company"


def _read(folder: str, tasks: list[Task]) -> Iterator[Reading | PlainReading]:
    config = load_config({"PATH": os.environ["PATH"], "CBUILD": "x86_64", "HOME": folder, "ABUILD_CONF": "/dev/null"})
    env = {
        **recipe_environment(config, "", colors=False),
        "PATH": "/nonexistent",
        "APORTSDIR": folder,
        "x": "from outside",
    }
    with Crew() as crew:
        crew.begin(lambda made, _number: _Bare(made, env, folder), 1, lambda: None)
        for each in crew.read(tasks):
            if not isinstance(each, Unread):
                yield each


if __name__ == "__main__":
    sys.exit(main())
