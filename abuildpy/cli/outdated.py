# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy outdated``: which recipes upstream has a newer version of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.upstream.facts import Description
    from abuildpy.maintain.upstream.model import Newest
    from abuildpy.maintain.upstream.settings import UpstreamSettings

_USAGE = """\
usage: abuildpy outdated [OPTIONS] [TARGET…]

Asks upstreams for their newest versions and shows the recipes that are behind.
A TARGET is a recipe, a folder of recipes, a repository or a package's name, as
for `abuildpy batch` (default: the recipe or repository here).

  -a, --all          Show all recipes: those that are current and those of which
                     nothing is known too
      --json         An array with an object for each recipe (all of them)
                     instead of a table
      --prereleases  Let alphas, betas and release candidates count
      --age TIME     Take answers that are younger from the cache: 90 (seconds),
                     30m, 6h, 2d (default: 6h; 0: ask again)
      --offline      Ask nobody: only what the cache has
      --no-guess     Do not look up what is recognised nowhere by its name
                     alone, at release-monitoring and Debian
      --sources      Ask nobody, and show whom each recipe's upstream would be
                     asked of
      --jobs N       Questions at the same time, to all hosts together (default:
                     16; at most 4 to one host)
  -h, --help         Show this help

Where upstream publishes is worked out from `source` and `url`: forges,
registries of languages, and any server that lists its files. A comment in the
recipe says what cannot be worked out, and which versions count:

  # upstream: github owner/name tag=release-{} ignore=9.9*
  # upstream: series=1.2 prereleases=yes
  # upstream: none

Tokens in GITHUB_TOKEN, GITLAB_TOKEN and GITEA_TOKEN are used. abuildpy(1) tells
more, also of upstream.toml.

Exit status: 0 all that could be asked are current, 1 something is behind, 2
wrong command line, 3 nothing is known to be behind, but of some recipes nothing
could be learnt
"""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
BEHIND, UNKNOWN = 1, 3


class OutdatedUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class _Options:
    everything: bool = False
    as_json: bool = False
    prereleases: bool = False
    age: str = ""
    offline: bool = False
    no_guess: bool = False
    sources: bool = False
    jobs: str = ""


PROGRAM = Program(
    "abuildpy outdated",
    _Options,
    (
        Option("a", "all", {"everything": True}),
        Option("", "json", {"as_json": True}),
        Option("", "prereleases", {"prereleases": True}),
        Option("", "age", {"age": VALUE}),
        Option("", "offline", {"offline": True}),
        Option("", "no-guess", {"no_guess": True}),
        Option("", "sources", {"sources": True}),
        Option("", "jobs", {"jobs": VALUE}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, _targets: True,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy outdated`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, targets: list[str]) -> int:
    from abuildpy.config import load_config
    from abuildpy.maintain.upstream.settings import settings_from

    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    settings = _settled(settings_from(config), options)
    recipes, unread = _recipes(targets, config, console)
    colors = want_colors(config.get("USE_COLORS"))
    if options.sources:
        status = _show_sources(recipes, settings, options, colors=colors)
        for _, error in unread:
            console.error(error)
        return UNKNOWN if unread else status
    answers = list(_with_progress(recipes, settings))
    if options.as_json:
        import json

        documents = [_document(answer) for answer in answers]
        documents += [{"path": path, "error": error} for path, error in unread]
        sys.stdout.write(json.dumps(documents, indent=2) + "\n")
    else:
        _show(answers, options, colors=colors)
        for _, error in unread:
            console.error(error)
    sys.stdout.flush()
    if any(answer.is_newer for answer in answers):
        return BEHIND
    return UNKNOWN if unread or any(_is_trouble(answer) for answer in answers) else 0


def _settled(settings: UpstreamSettings, options: _Options) -> UpstreamSettings:
    jobs = settings.jobs
    if options.jobs:
        if not options.jobs.isdecimal() or not 0 < int(options.jobs) <= 256:
            raise OutdatedUsageError(f"--jobs takes a number from 1 to 256, not '{options.jobs}'")
        jobs = int(options.jobs)
    return replace(
        settings,
        jobs=jobs,
        prereleases=options.prereleases,
        max_age=_seconds(options.age) if options.age else settings.max_age,
        offline=options.offline,
        last_resort=not options.no_guess,
    )


def _seconds(text: str) -> float:
    number, unit = (text, "") if text.isdecimal() else (text[:-1], text[-1:])
    if not number.isdecimal() or unit not in _UNITS:
        raise OutdatedUsageError(f"--age takes a time such as 90, 30m, 6h or 2d, not '{text}'")
    return float(int(number) * _UNITS[unit])


def _recipes(
    targets: Sequence[str], config: Config, console: Console
) -> tuple[list[Description], list[tuple[str, str]]]:
    """The recipes that words mean, evaluated; and those that cannot be, with why. Raises TargetError."""
    from abuildpy.batch.targets import TargetError, Tree, find_targets, holds_recipes, tree_around
    from abuildpy.maintain.upstream.facts import describe
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.settings import Settings

    tree = Tree(tree_around(".", config.get("APORTSDIR")), Evaluations(config, Settings(quiet=True), console).answers)
    if not targets and not (os.path.isfile("APKBUILD") or holds_recipes(".") or tree.folder == os.path.realpath(".")):
        raise TargetError(
            "there is no recipe here, and no repository of them", hint="name some: abuildpy outdated TARGET…"
        )
    folders = find_targets(targets or ["."], tree)
    found, unread = [], []
    for answer in tree.evaluate([f"{folder}/APKBUILD" for folder in folders]):
        if answer.error is None:
            found.append(describe(Path(answer.path), answer.variables))
        else:
            unread.append((answer.path, answer.error.message))
    return found, unread


def _with_progress(recipes: Sequence[Description], settings: UpstreamSettings) -> Iterator[Newest]:
    """The answers, with a line on the terminal that tells how far it is."""
    from abuildpy.maintain.upstream.newest import find_all

    show = os.isatty(2) and len(recipes) > 1
    for number, answer in enumerate(find_all(recipes, settings), 1):
        if show:
            sys.stderr.write(f"\r\033[Kasked about {number} of {len(recipes)}")
            sys.stderr.flush()
        yield answer
    if show:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def _name(path: str) -> str:
    return "/".join(os.path.dirname(path).rsplit("/", 2)[-2:])


def _is_trouble(answer: Newest) -> bool:
    """Whether something ought to be known of a recipe that is not."""
    from abuildpy.maintain.upstream.plan import NO_SOURCE, NOT_LOOKED_FOR

    return answer.error is not None and answer.error not in (NO_SOURCE, NOT_LOOKED_FOR)


def _document(answer: Newest) -> dict[str, object]:
    source = answer.source
    document: dict[str, object] = {
        "name": _name(str(answer.path)),
        "path": str(answer.path),
        "pkgname": answer.pkgname,
        "pkgver": answer.current,
        "packaged": answer.packaged,
        "newest": answer.version,
        "outdated": answer.is_newer,
        "upstream_name": answer.name or None,
        "date": answer.date or None,
        "beyond": answer.beyond or None,
        "source": None
        if source is None
        else {"kind": source.kind, "project": source.project, "address": source.address, "guessed": source.guessed},
        "error": answer.error,
    }
    return document


# --- tables -------------------------------------------------------------------------------------------------------


def _show(answers: Sequence[Newest], options: _Options, *, colors: bool) -> None:
    """What is behind, or all of which something is known; then of which nothing is; how many there are, on standard error."""
    from abuildpy.ui.words import printable

    known = [answer for answer in answers if answer.is_newer or (options.everything and answer.version is not None)]
    if known:
        heads = ("recipe", "has", "newest", "upstream")
        _table(heads, [_row(answer) for answer in known], colors=colors, marked=[each.is_newer for each in known])
    unknown = [answer for answer in answers if answer.version is None]
    if options.everything:
        for answer in unknown:
            _line(printable(f"{_name(str(answer.path))}: {answer.error}"))
    behind = sum(answer.is_newer for answer in answers)
    trouble = sum(_is_trouble(answer) for answer in answers)
    if len(answers) == 1:
        text = "behind" if behind else (answers[0].error or f"{answers[0].packaged} is current")
        text = f"{_name(str(answers[0].path))}: {text}"
    else:
        text = f"{behind} of {len(answers)} behind"
        if trouble:
            text = f"{text}; of {trouble} nothing could be learnt{'' if options.everything else ' (--all tells why)'}"
    sys.stdout.flush()
    sys.stderr.write(f"{printable(text)}\n")


def _row(answer: Newest) -> tuple[str, ...]:
    source = answer.source
    where = f"{source.kind} {source.project}{' (by name only)' if source.guessed else ''}" if source else ""
    if answer.beyond:
        where = f"{where} (has {answer.beyond}, of another series)"
    return (_name(str(answer.path)), answer.packaged, answer.version or "", where)


def _line(text: str) -> None:
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogateescape"))
    sys.stdout.flush()


def _show_sources(
    recipes: Sequence[Description], settings: UpstreamSettings, options: _Options, *, colors: bool
) -> int:
    from abuildpy.maintain.upstream.plan import plan
    from abuildpy.maintain.upstream.web import Web

    web = Web(settings)
    rows: list[tuple[str, ...]] = []
    documents: list[dict[str, object]] = []
    for recipe in recipes:
        planned = plan(recipe, web)
        first = next((upstream for upstream in planned.upstreams if not upstream.guessed), None)
        name = _name(str(recipe.path))
        if first is None:
            rows.append((name, recipe.pkgver, "-", "", planned.error or "its name only"))
        else:
            rows.append((name, recipe.pkgver, first.kind, str(first.form), first.address))
        documents.append(
            {
                "name": name,
                "pkgver": recipe.pkgver,
                "upstreams": [
                    {
                        "kind": u.kind,
                        "project": u.project,
                        "address": u.address,
                        "form": str(u.form),
                        "guessed": u.guessed,
                    }
                    for u in planned.upstreams
                ],
                "error": planned.error or None,
            }
        )
    if options.as_json:
        import json

        sys.stdout.write(json.dumps(documents, indent=2) + "\n")
    elif rows:
        _table(("recipe", "has", "kind", "form", "asked"), rows, colors=colors, marked=[False] * len(rows))
    return 0


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, colors: bool, marked: Sequence[bool]) -> None:
    """Aligned lines, the marked ones in yellow if there are colours; a terminal's width is kept to."""
    from shutil import get_terminal_size

    from abuildpy.ui.words import printable

    rows = [[printable(cell) for cell in row] for row in rows]  # names are a recipe's or a server's
    width = get_terminal_size().columns if os.isatty(1) else 0
    for lines, mark in zip(_fitted((heads, *rows), width), (None, *marked), strict=True):
        style = "1" if mark is None else "33" if mark else ""
        for line in lines:
            _line(f"\033[{style}m{line}\033[0m" if colors and style else line)


def _fitted(rows: Sequence[Sequence[str]], width: int) -> Iterator[list[str]]:
    """The lines of each row: one, or two where too little room would be left for the last column. Nothing is cut unless a
    line is too long even so. A ``width`` of 0 has room for everything.
    """
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    left = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    below = width > 0 and left < min(widths[-1], _LEAST)
    for row in rows:
        cells = [f"{cell:{size}}" for cell, size in zip(row, widths, strict=True)]
        lines = ["  ".join(cells[:-1]), f"    {row[-1]}" if row[-1] else ""] if below else ["  ".join(cells)]
        found = [line.rstrip() for line in lines if line.strip()]
        yield [f"{line[: width - 1]}…" if 0 < width < len(line) else line for line in found]


_LEAST = 30
"""Columns that are enough to tell by its beginning what would stand there."""
