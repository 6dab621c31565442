# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in lines for people: the diff that would be, or what became of each recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from abuildpy.maintain.bumping.model import BAD, Result, Status, Summary
from abuildpy.ui.words import counted, printable, some

_WORDS: dict[Status, str] = {
    "bumped": "bumped",
    "planned": "would be bumped",
    "unchanged": "up to date",
    "failed": "failed",
    "held-back": "held back",
    "not-reached": "not reached",
}
_COLOURS: dict[Status, str] = {"bumped": "32", "failed": "31", "held-back": "33", "not-reached": "33"}
_MOST_NAMES, _MOST_FOLLOWERS = 8, 50


def summary_lines(summary: Summary, *, colors: bool = False) -> Iterator[str]:
    """The lines: those that went well in short, then the others with the reason, then what is left to do."""
    results = summary.results
    width = max((len(printable(result.name)) for result in results), default=0)
    versions = max((len(_versions(result)) for result in results), default=0)
    for result in sorted(results, key=lambda each: each.status in BAD):
        if result.status == "unchanged" and len(results) > _MOST_NAMES:
            continue
        word = _colored(_WORDS[result.status], _COLOURS.get(result.status, "") if colors else "")
        line = f"{printable(result.name):<{width}}  {_versions(result):<{versions}}  {word}"
        yield (line + _rest(result)).rstrip()
        if len(results) > 1:  # of a single one it was the last thing that was said
            yield from (f"    {line}" for line in _trouble(result))
    yield _headline(summary)
    if summary.trouble:
        first, *more = summary.trouble.splitlines()
        yield printable(first)
        yield from (f"    {printable(line)}" for line in more)
    if summary.followers:
        yield f"to be rebuilt now ({counted(len(summary.followers), 'recipe')}; --rebuild-dependants does it):"
        for follower in summary.followers[:_MOST_FOLLOWERS]:
            yield f"    {printable(follower.name)}: {some([printable(each) for each in follower.why], 4)}"
        if len(summary.followers) > _MOST_FOLLOWERS:
            yield f"    … and {len(summary.followers) - _MOST_FOLLOWERS} more"


def _versions(result: Result) -> str:
    if not result.new or result.new == result.old:
        return printable(result.old)
    return printable(f"{result.old} -> {result.new}" if result.old else result.new)


def _rest(result: Result) -> str:
    if result.status == "held-back":
        return f" by {some(list(result.held_by), _MOST_NAMES)}"
    if result.status == "failed":
        return f": {result.reason}"
    return f" {result.commit}" if result.commit else ""


def _trouble(result: Result) -> Iterator[str]:
    if result.status != "failed":
        return
    yield from (printable(line) for line in result.error.splitlines()[:12])
    yield from (printable(line) for line in result.hint.splitlines())
    if result.log:
        yield f"log: {printable(result.log)}"


def _headline(summary: Summary) -> str:
    counts = Counter(result.status for result in summary.results)
    parts = [f"{counts[status]} {word}" for status, word in _WORDS.items() if counts[status]]
    start = "interrupted: " if summary.interrupted else ""
    where = f" on {summary.branch}" if summary.branch else ""
    return f"{start}{counted(len(summary.results), 'recipe')}: {', '.join(parts) or 'nothing to do'}{where}"


def _colored(text: str, color: str) -> str:
    return f"\033[1;{color}m{text}\033[0m" if color else text
