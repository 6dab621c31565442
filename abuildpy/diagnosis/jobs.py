# SPDX-License-Identifier: GPL-3.0-or-later
"""Which errors are those of one job among many: by its target, its command, and the files that its command names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abuildpy.diagnosis.groups import best, head_of_group
from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.text import Log

_MOST_MENTIONS = 200
"""Lines with a target's name that are looked at before it failed, the last of them."""
_FILE = re.compile(r"(?=.*[A-Za-z])[\w+%@-][\w.+/%@-]*$|(?:\.{0,2}/)[\w.+/%@-]+$")
_ENDS_COMMAND = frozenset(("&&", "||", ";", "|", "do", "then", "else", "!", "(", "{"))
_COMMON = re.compile(
    r"(?:all|check|test|tests|install|clean|build|lib|src|doc|docs|out|output|main|index|default|[\w.]{1,2})$"
)
"""Names that too many lines have to say anything."""
_SAYS = re.compile(r"(?:\S*/)?(?P<program>[A-Za-z][\w.+-]*?)(?:\[\d+\])?(?: \(\w+\))?: ")
_SHELL_SAYS = re.compile(r"(?:\S*/)?(?:ba|da|z|k|a)?sh: (?:line )?(?:\d+: )?(?P<program>[\w./+-]+): ")


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of the job that made a target: where its command was shown, and what it names."""

    start: int
    """The line that showed its command; -1 where none did."""
    programs: frozenset[str]
    files: frozenset[str]


def job_of(log: Log, target: str, begin: int, end: int) -> Job:
    """The job that makes a target, by the lines between ``begin`` and ``end`` that show a command with its name."""
    name = os.path.basename(target.rstrip("/"))
    programs: set[str] = set()
    files: set[str] = set()
    start = -1
    if len(name) > 2 and not _COMMON.match(name):
        for index in _mentions(log, name, begin, end):
            words = log.line(index).replace("`", " ").replace("'", " ").replace('"', " ").split()
            if not words or not _is_command(words) or not any(_names(word, name) for word in words):
                continue
            start = index if start < 0 else min(start, index)
            programs.update(_programs(words))
            files.update(_files(words, name))
    return Job(start, frozenset(programs), frozenset(files))


def _mentions(log: Log, name: str, begin: int, end: int) -> Iterable[int]:
    """The last lines with a name in a part of the log."""
    needle = name.encode("utf-8", "backslashreplace")
    first = log.starts[max(begin + 1, 0)]
    found: list[int] = []
    at = log.data.rfind(needle, first, log.starts[end])
    while at >= 0 and len(found) < _MOST_MENTIONS:
        index = log.index_of(at)
        found.append(index)
        at = log.data.rfind(needle, first, log.starts[index])
    return reversed(found)


def _is_command(words: Sequence[str]) -> bool:
    """Whether words look like a command that was shown: no message, which has a colon behind its first words."""
    if any(word.endswith(":") and not word.startswith("-") for word in words[:3]) or words[0].endswith(("]:", ":")):
        return False
    return words[0][0].isalnum() or words[0][0] in "./[$"


def _names(word: str, name: str) -> bool:
    base = os.path.basename(word.rstrip(";,)").rpartition("=")[2])
    return (
        base == name or base.startswith(name + ".") or base.endswith("." + name) or (os.path.splitext(name)[0] == base)
    )


def _programs(words: Sequence[str]) -> Iterable[str]:
    """The programs that a shown command calls."""
    awaited = True
    for word in words:
        if word in _ENDS_COMMAND:
            awaited = True
            continue
        if awaited and "=" not in word:
            yield os.path.basename(word)
            awaited = False
        if word.endswith(";"):
            awaited = True


def _files(words: Sequence[str], name: str) -> Iterable[str]:
    """The files that a shown command names, without those that any command may name."""
    yield name
    for each in words[1:]:
        word = each.rstrip(";,)").lstrip("(<>")
        if word.startswith("-") or not _FILE.match(word) or "." not in os.path.basename(word).lstrip("."):
            continue
        base = os.path.basename(word)
        if len(base) > 3 and not base.startswith("lib") and base != "Makefile":
            yield base


def said_by(log: Log, job: Job, events: Iterable[Event]) -> Event | None:
    """The first error that names a file of the job, or the last that one of its programs tells; None where no such is."""
    after = [event for event in events if event.index > job.start >= 0 and event.rank >= Rank.WEAK]
    naming = [event for event in after if _tells_of(event, job.files)]
    found = best(naming)
    if found is not None:
        kin = [
            event
            for event in after
            if event.index <= found.index and (event.tool, event.kind) == (found.tool, found.kind)
        ]
        return head_of_group(log, kin)
    telling = [event for event in after if event.tool != "cc" and _program_of(event.text) in job.programs]
    return head_of_group(log, telling) if telling else None


def lines_of(log: Log, job: Job, end: int) -> list[int]:
    """The lines before ``end`` that begin with a program of a job, or name one of its files."""
    if job.start < 0:
        return []
    first = max(job.start + 1, end - _MOST_LINES)
    return [index for index in range(first, end) if _is_of(job, log.line(index))]


_MOST_LINES = 1000


def _is_of(job: Job, text: str) -> bool:
    return _program_of(text) in job.programs or not job.files.isdisjoint(
        map(os.path.basename, _WORDS.findall(text[:600]))
    )


_WORDS = re.compile(r"[\w.+/%@-]+\.[\w+-]+|[\w+/%@-]{3,}")


def _tells_of(event: Event, files: frozenset[str]) -> bool:
    if event.file and os.path.basename(event.file) in files:
        return True
    return any(os.path.basename(word) in files for word in _WORDS.findall(event.text[:600]))


def _program_of(text: str) -> str:
    """The program that a line names as the one that speaks."""
    match = _SHELL_SAYS.match(text) or _SAYS.match(text)
    return os.path.basename(match["program"]) if match is not None else ""
