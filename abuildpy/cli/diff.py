# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy diff``: what differs between packages, and whether others have to be rebuilt for it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import Aborted, AbuildError, RepositoryError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.diff.model import Comparison, Verdict
    from abuildpy.maintain.diff.sides import Sides
    from abuildpy.maintain.follows import Following

FORMATS = ("text", "json", "html")
STATUSES: Final[dict[Verdict, int]] = {"same": 0, "differs": 1, "abi": 3, "provides": 4}

_USAGE = """\
usage: abuildpy diff [options] OLD NEW
       abuildpy diff [options] RECIPE

Tells what differs between packages: metadata, dependencies, what they provide,
libraries and their symbols, files, scripts, what happens when they are
installed. Nothing is unpacked to disk. OLD and NEW are each

  a package         FILE.apk; beside a folder, the package of the same name in
                    it is compared
  a folder          of packages, or of repositories (*/ARCH/*.apk): the packages
                    of all recipes that both sides have packages of, pairwise;
                    those that came or went are named
  a recipe          its folder or name: as OLD what is published (in apk's
                    repositories, else an earlier build), as NEW what was built
                    last. RECIPE alone means both

Options:
  --contents        Also show the changed lines of text files
  --follows         Also list the recipes to rebuild because of it, in build
                    order (see abuildpy follows)
  --full            Leave nothing out of long lists
  --format FORMAT   text, json or html (one file that needs no network)
  --json            The same as --format json
  -o, --output FILE Write to this file
  -h, --help        Show this help

The ABI has changed if a package does not provide a soname (so:) that it
provided, or if a library that it provides has lost a symbol, or a symbol's
version, or has it as another kind of thing or, for data, in another size. Names
of other kinds that are lost (pc:, cmd:, py3.12:, any in provides), or provided
in a lower version, are told apart from that. Additions, functions of another
size, private libraries (no so:), symbols that linkers make, and lost weak
instances of C++'s standard library change no ABI. A name or library that
another package of the same side has now is not lost. Symbols of C++ and Rust
are shown as their source names them where binutils' c++filt is installed.

Exit status: 0 the same (but for build time, commit, and the hash of it), 1
something differs, 2 trouble (wrong command line, a package that cannot be
read), 3 the ABI changed, 4 it did not, but names that others may depend on are
lost
"""


class DiffUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class _Options:
    contents: bool = False
    follows: bool = False
    full: bool = False
    form: str = "text"
    output: str = ""


PROGRAM = Program(
    "abuildpy diff",
    _Options,
    (
        Option("", "contents", {"contents": True}),
        Option("", "follows", {"follows": True}),
        Option("", "full", {"full": True}),
        Option("", "format", {"form": VALUE}),
        Option("", "json", {"form": "json"}),
        Option("o", "output", {"output": VALUE}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) in (1, 2),
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy diff`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(lambda options, words: in_trouble(lambda: _act(options, words)), arguments)


def in_trouble(action: Callable[[], int]) -> int:
    """Runs something whose statuses other than 2 mean something else than an error. Raises AbuildError."""
    try:
        return action()
    except KeyboardInterrupt:
        error: AbuildError = Aborted("Aborted by user")
        error.exit_status = 130
        raise error from None
    except BrokenPipeError:
        raise
    except OSError as cause:
        where = f"{os.fsdecode(cause.filename)}: " if isinstance(cause.filename, str | bytes) else ""
        error = AbuildError(f"{where}{cause.strerror or cause}")
        error.exit_status = 2
        raise error from cause
    except AbuildError as error:
        error.exit_status = 2
        raise


def _act(options: _Options, words: list[str]) -> int:
    from abuildpy.config import load_config
    from abuildpy.maintain.diff.readable import with_readable_names
    from abuildpy.maintain.diff.sides import OperandError, both, kind_of

    if options.form not in FORMATS:
        raise DiffUsageError(f"--format takes one of {', '.join(FORMATS)}, not '{options.form}'")
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    old, new = (_operand(word, config, console) for word in (words[0], words[-1]))
    if len(words) == 1 and kind_of(old) != "recipe":
        raise OperandError(f"{old} is no recipe's folder", hint="name what to compare it with, too: OLD NEW")
    with tempfile.TemporaryDirectory(prefix="abuildpy-diff-") as downloads:
        recipes = _Recipes(config, console, Path(downloads))
        sides = both(old, new, config.carch, published=recipes.published, built=recipes.built)
        if sides.left_out:
            from abuildpy.ui.words import counted

            some = " ".join(sides.left_out[:10]) + (" …" if len(sides.left_out) > 10 else "")
            console.msg(f"only one side has packages of {counted(len(sides.left_out), 'recipe')}, not compared: {some}")
        comparison = compare(sides, contents=options.contents)
    following = _following(comparison, config, console) if options.follows else None
    comparison = with_readable_names(comparison, config.environ)
    _write(_text(comparison, following, options, config), options.output)
    return STATUSES[comparison.verdict]


def _operand(word: str, config: Config, console: Console) -> Path:
    """What a word names: a path, or else a recipe or a package of the tree around the current folder."""
    path = Path(word)
    if os.path.lexists(path) or word.startswith((".", "/")) or word.endswith(".apk"):
        return path
    from abuildpy.batch.targets import TargetError, Tree, find_targets, tree_around
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.settings import Settings

    evaluate = Evaluations(config, Settings(quiet=True), console).answers
    try:
        folders = list(find_targets([word], Tree(tree_around(".", config.get("APORTSDIR")), evaluate)))
    except TargetError:
        return path
    if len(folders) > 1:
        raise DiffUsageError(f"{word} means several recipes: {' '.join(folders[:5])}", hint="name one of them")
    return Path(folders[0])


def compare(sides: Sides, *, contents: bool) -> Comparison:
    """Compares two sides. Raises RepositoryError."""
    from abuildpy.maintain.diff.model import Comparison as Found
    from abuildpy.maintain.diff.packages import compare_packages, compare_sets

    if not sides.is_pair:
        return compare_sets(sides.old, sides.new, contents=contents)
    difference = compare_packages(sides.old[0], sides.new[0], contents=contents)
    return Found((difference,) if difference.sections or difference.unseen else ())


@dataclass(frozen=True, slots=True)
class _Recipes:
    """Packages of recipes that are operands."""

    config: Config
    console: Console
    downloads: Path

    def published(self, place: Path) -> Sequence[Path]:
        """Those that others have now."""
        from abuildpy.maintain.diff.sides import published_packages
        from abuildpy.maintain.reading import recipe_reader

        return published_packages(recipe_reader(self.config, self.console)(place), self.config, self.downloads)

    def built(self, place: Path) -> Sequence[Path]:
        """Those that were built last."""
        from abuildpy.maintain.diff.sides import built_packages
        from abuildpy.maintain.reading import recipe_reader

        return built_packages(recipe_reader(self.config, self.console)(place), self.config)


def _following(comparison: Comparison, config: Config, console: Console) -> Following | None:
    """What follows; None, with a warning, where nobody knows what packages depend on: the comparison is told all the same."""
    from abuildpy.cli.follows import follow

    origins = {package.origin for each in comparison.differences for package in (each.old, each.new) if package}
    try:
        return follow(comparison.provided, origins, config, console)
    except RepositoryError as error:
        console.warning(f"what follows is not known: {error.message}")
        if error.hint:
            console.warning2(error.hint)
        return None


def _text(comparison: Comparison, following: Following | None, options: _Options, config: Config) -> str:
    if options.form == "json":
        import json

        from abuildpy.maintain.diff.document import document
        from abuildpy.maintain.following import following_object

        found = document(comparison)
        if following is not None:
            found["follows"] = following_object(following)
        return json.dumps(found, indent=2) + "\n"
    if options.form == "html":
        from abuildpy.maintain.diff.html import html

        return html(comparison, following)
    from abuildpy.maintain.diff.text import lines_of
    from abuildpy.maintain.following import lines_of as lines_of_following
    from abuildpy.ui.styled import as_text

    lines = list(lines_of(comparison, full=options.full))
    if following is not None:
        lines += [*([()] if lines else []), *lines_of_following(following)]
    return as_text(lines, colors=not options.output and want_colors(config.get("USE_COLORS")))


def _write(text: str, output: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if not output:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    from abuildpy.atomic import replacing

    with replacing(Path(output), 0o644) as file:
        file.write(data)
