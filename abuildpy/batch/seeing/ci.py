# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch in the log of a CI system: plain lines, the end of each failed build's log in a fold, and annotations.

Facts: GitHub's workflow commands (``::group::``, ``::error file=…``, ``::stop-commands::``; lines that begin with ``::`` or
contain ``##[`` are commands wherever they come from), GitLab's collapsible sections (``section_start:TIME:NAME\\r\\e[0K``).
A build's log is hostile: nothing in it may be taken for a command.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from abuildpy.batch.model import Outcome, Plan, Report, Task
from abuildpy.batch.seeing.place import recipe_line, seen_from
from abuildpy.batch.seeing.plain import PlainView
from abuildpy.batch.seeing.summary import refused, titled
from abuildpy.batch.seeing.trouble import Trouble, trouble_of
from abuildpy.messages import Messages
from abuildpy.ui.words import counted, cut, duration, printable, printable_lines

_LINES, _BYTES = 400, 256 << 10
_SUMMARY = 1000 << 10
"""GitHub takes a job's summary up to 1 MiB."""


class Dialect(Protocol):
    """What a CI system understands."""

    def fold(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        """Lines that show as one which can be opened."""

    def annotation(self, file: str, line: int, title: str, text: str) -> str:
        """A line that shows a failure at its place in a recipe; empty where lines cannot."""

    def harmless(self, text: str) -> str:
        """The same text, in which nothing is a command."""


class GitHub:
    """GitHub Actions, and those that speak as it does (Forgejo, Gitea)."""

    def fold(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        """``::group::``; inside, commands are switched off until a word comes that nobody can guess."""
        token = secrets.token_hex(16)
        yield f"::group::{_escaped(title)}"
        yield f"::stop-commands::{token}"
        yield from (f"  {self.harmless(line)}" for line in lines)
        yield f"::{token}::"
        yield "::endgroup::"

    def annotation(self, file: str, line: int, title: str, text: str) -> str:
        """``::error file=…,line=…,title=…::``."""
        place = f"file={_escaped(file, more=True)},line={line}," if file else ""
        return f"::error {place}title={_escaped(title, more=True)}::{_escaped(text)}".replace("##[", "## [")

    def harmless(self, text: str) -> str:
        """Blanks in front of ``::`` do not count there."""
        found = text.replace("##[", "## [")
        return found.replace("::", ": :", 1) if found.lstrip().startswith("::") else found


class GitLab:
    """GitLab CI: sections; what failed is red. Annotations come from a JUnit report (``--report FILE.xml``)."""

    def __init__(self) -> None:
        self._number = 0

    def fold(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        """A section that is closed at first."""
        self._number += 1
        name = f"abuildpy_batch_{self._number}"
        yield f"\033[0Ksection_start:{int(time.time())}:{name}[collapsed=true]\r\033[0K{title}"
        yield from (f"  {line}" for line in lines)
        yield f"\033[0Ksection_end:{int(time.time())}:{name}\r\033[0K"

    def annotation(self, file: str, line: int, title: str, text: str) -> str:
        """``ERROR: main/foo/APKBUILD:12: …`` in red."""
        return f"\033[1;31mERROR: {f'{file}:{line}: ' if file else ''}{title}\033[0m\n" + text

    def harmless(self, text: str) -> str:
        """Control characters are gone from all that comes here."""
        return text


class _Harmless:
    """Passes messages on in which nothing is a command."""

    def __init__(self, messages: Messages, dialect: Dialect) -> None:
        self._messages, self._dialect = messages, dialect

    def msg(self, text: str) -> None:
        self._messages.msg(self._dialect.harmless(text))

    def msg2(self, text: str) -> None:
        self._messages.msg2(self._dialect.harmless(text))

    def warning(self, text: str) -> None:
        self._messages.warning(self._dialect.harmless(text))

    def warning2(self, text: str) -> None:
        self._messages.warning2(self._dialect.harmless(text))

    def error(self, text: str) -> None:
        self._messages.error(self._dialect.harmless(text))

    def error2(self, text: str) -> None:
        self._messages.error2(self._dialect.harmless(text))

    def plain(self, text: str) -> None:
        self._messages.plain(self._dialect.harmless(text))


def dialect_of(environ: Mapping[str, str]) -> Dialect | None:
    """The CI system that the environment tells of."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return GitHub()
    if environ.get("GITLAB_CI") == "true":
        return GitLab()
    return None


class CiView(PlainView):
    """An observer like the plain one that shows failures with folds and annotations; ``write`` takes whole lines."""

    def __init__(
        self, messages: Messages, dialect: Dialect, write: Callable[[str], None], environ: Mapping[str, str]
    ) -> None:
        super().__init__(_Harmless(messages, dialect))
        self._dialect = dialect
        self._write = write
        self._environ = environ
        self._folders: dict[str, str] = {}

    def planned(self, plan: Plan) -> None:
        """As on paper; where recipes lie is remembered for annotations."""
        self._folders = {**self._folders, **{task.name: task.folder for task in plan.tasks}}
        found = {outcome.name: self._found(outcome.name) for outcome in plan.settled}
        self._folders |= {name: folder for name, folder in found.items() if folder}
        super().planned(plan)

    def started(self, task: Task, attempt: int, where: str) -> None:
        """As on paper."""
        self._folders[task.name] = task.folder
        super().started(task, attempt, where)

    def ended(self, report: Report) -> None:
        """The summary; on GitHub also the job's, which is a page."""
        super().ended(report)
        self._refused(report)
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        if isinstance(self._dialect, GitHub) and path:
            from abuildpy.batch.seeing.markdown import markdown

            data = markdown(report).encode("utf-8", "replace")
            if len(data) > _SUMMARY:
                data = data[:_SUMMARY].rpartition(b"\n\n")[0] + b"\n\nThe rest is too long for this page.\n"
            try:
                with open(path, "ab") as stream:
                    stream.write(data)
            except OSError as error:
                self._say.warning(f"the job's summary cannot be written: {error}")

    def _refused(self, report: Report) -> None:
        """An annotation at each recipe that has to be rebuilt before all can be published."""
        refusal = report.refusal
        if refusal is None:
            return
        losing = refused(report)
        error, *hints = printable(refusal.error), *printable_lines(refusal.hint)
        for recipe, lines in losing.items():
            folder = self._folders.get(recipe) or self._found(recipe)
            file = seen_from(f"{folder}/APKBUILD", self._environ) if folder else ""
            line = recipe_line(f"{folder}/APKBUILD", "dependencies") if folder else 1
            text = "\n".join([*lines, f"next step: {hints[0]}", *hints[1:]])
            self._lines(
                [self._dialect.annotation(file, line, f"{recipe}: must be rebuilt before all is published", text)]
            )
        if not losing:
            self._lines([self._dialect.annotation("", 1, "not published", "\n".join(filter(None, (error, *hints))))])

    def _found(self, name: str) -> str:
        """The folder of a recipe that is no part of the batch: where those of its repository lie, or beside the repositories."""
        repository, _, short = name.rpartition("/")
        beside = {known.rpartition("/")[0]: os.path.dirname(folder) for known, folder in self._folders.items()}
        trees = {os.path.dirname(folder) for folder in beside.values()}
        found = [beside[repository]] if repository in beside else [f"{tree}/{repository}" for tree in sorted(trees)]
        return next((f"{each}/{short}" for each in found if os.path.isfile(f"{each}/{short}/APKBUILD")), "")

    def _failed(self, outcome: Outcome) -> None:
        from abuildpy.batch.seeing.trouble import log_end

        trouble = trouble_of(outcome)
        lines = log_end(outcome.log, _LINES, _BYTES) if outcome.log else ()
        if lines:
            title = f"{titled(outcome)}: end of the log ({counted(len(lines), 'line')})"
            self._lines(self._dialect.fold(title, lines))
        folder = self._folders.get(outcome.name)
        file = seen_from(f"{folder}/APKBUILD", self._environ) if folder else ""
        line = recipe_line(f"{folder}/APKBUILD", outcome.reason) if folder else 1
        after = f" after {duration(outcome.seconds)}" if outcome.seconds else ""
        tries = f", {counted(outcome.attempts, 'attempt')}" if outcome.attempts > 1 else ""
        title = f"{titled(outcome)}: failed, {outcome.reason}{after}{tries} {self._count()}"
        self._lines([self._dialect.annotation(file, line, title, _text(trouble, outcome))])

    def _lines(self, lines: Iterable[str]) -> None:
        self._write("".join(f"{line}\n" for line in lines))


def _text(trouble: Trouble, outcome: Outcome) -> str:
    lines = [cut(trouble.text, 1000)]
    lines += [f"likely cause: {trouble.cause}"] if trouble.cause else []
    lines += [f"next step: {trouble.next_step}"] if trouble.next_step else []
    where = f", line {trouble.number}" if trouble.number else ""
    lines += [f"log: {printable(outcome.log)}{where}"] if outcome.log else []
    return "\n".join(lines)


def _escaped(value: str, *, more: bool = False) -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return value.replace(":", "%3A").replace(",", "%2C") if more else value
