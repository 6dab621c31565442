# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what the phases' functions do: AL13, AL54, AP5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.recipe.syntax.nodes import (
    AndOr,
    Assign,
    Block,
    Command,
    Definition,
    Item,
    Parameter,
    Pipeline,
    Simple,
    Word,
)

_PHASES = ("prepare", "build", "check", "package")
_STAYS = frozenset({"local", "export", "default_prepare", "msg", "echo", "unset", ":", "set"})
_HARMLESS = frozenset(
    {"echo", "printf", "true", ":", "msg", "warning", "cd", "export", "local", "return", "unset", "exit"}
)
_CLEANING = frozenset({"kill", "pkill", "killall", "rm", "umount", "wait", "rmdir", "unset", "mkdir"})


def body_of(definition: Definition) -> tuple[Item, ...]:
    """The commands of a function."""
    body = definition.body
    return body.body if isinstance(body, Block) else (Item(body, False),)


def _enters_builddir(command: Command) -> bool:
    """Whether it is ``cd "$builddir"``, however quoted."""
    if not isinstance(command, Simple) or command.name != "cd" or len(command.words) != 2 or command.redirects:
        return False
    word = command.words[1]
    return (
        isinstance(word, Word)
        and len(word.parts) == 1
        and isinstance(word.parts[0], Parameter)
        and word.parts[0].name == "builddir"
        and not word.parts[0].operator
    )


def _cd(subject: Subject) -> Iterator[Problem]:
    if "builddir" in {a.name for a in subject.script.assignments if a.function}:
        return
    if not subject.words("source"):  # nobody makes the folder then
        return
    for phase in _PHASES:
        definition = subject.functions.get(phase)
        items = body_of(definition) if definition else ()
        if definition is None or not isinstance(definition.body, Block) or definition.body.subshell:
            continue
        there = True  # the phase begins in it
        for index, item in enumerate(items):
            command = item.command
            if there and not item.background and _enters_builddir(command):
                message = f"cd \"$builddir\" can be removed in phase '{phase}'"
                edit = _alone(subject, command)
                yield Problem(command.start, command.end, message, (edit,) if edit and len(items) > 1 else ())
            elif _enters_builddir(command):
                there = True
            else:
                there = there and index < len(items) and _stays(command)


def _stays(command: Command) -> bool:
    """Whether a command leaves the folder as it is, and makes no other one of builddir."""
    if not isinstance(command, Simple):
        return False
    return not command.words or command.name in _STAYS


def _alone(subject: Subject, command: Command) -> Edit | None:
    """An edit that deletes the lines of a command, with an empty line behind it at a function's start; None if it shares
    them.
    """
    start, end = subject.line_start(command.start), subject.line_end(command.end)
    data = subject.data
    if data[start : command.start].strip() or data[command.end : end].strip():
        return None
    end = min(end + 1, len(data))
    if data[:start].endswith(b"{\n") and data[end : end + 1] == b"\n":
        end += 1
    return Edit(start, end, b"")


def _default_prepare(subject: Subject) -> Iterator[Problem]:
    definition = subject.functions.get("prepare")
    if definition is None:
        return
    reached, seen = ["prepare"], set()
    while reached:
        name = reached.pop()
        seen.add(name)
        for call in subject.survey.calls:
            if call.function != name:
                continue
            called = call.command.name
            if called == "default_prepare":
                return
            if called is not None and called in subject.functions and called not in seen:
                reached.append(called)
    yield Problem(definition.name_start, definition.name_end, "prepare() is missing call to 'default_prepare'")


def _cannot_fail(subject: Subject) -> Iterator[Problem]:
    definition = subject.functions.get("check")
    if definition is None or subject.has_option("!check"):
        return
    items = body_of(definition)
    if not items:
        return
    last = items[-1].command
    if all(_is_harmless(item.command) for item in items):
        if _tests_something(items):
            yield Problem(last.start, last.end, "check() cannot fail: what its commands come to is thrown away")
        else:
            yield Problem(definition.name_start, definition.name_end, "check() tests nothing")
    elif isinstance(last, AndOr) and _is_forgiven(last) and not _only_cleans(last):
        yield Problem(last.start, last.end, "check() cannot fail here: what the last command comes to is thrown away")


def _tests_something(items: Sequence[Item]) -> bool:
    return any(not isinstance(item.command, Simple) for item in items)


def _is_harmless(command: Command) -> bool:
    """Whether a command can hardly end with a failure."""
    match command:
        case Simple():
            if command.name in ("return", "exit"):
                return all(isinstance(w, Word) and w.plain == "0" for w in command.words[1:])
            if not command.words:
                return all(isinstance(a, Assign) and not _substitutes(a.value) for a in command.assigns)
            return command.name in _HARMLESS
        case AndOr():
            return _is_forgiven(command)
        case _:
            return False


def _substitutes(word: Word) -> bool:
    return any(hasattr(part, "opener") for part in word.parts)


def _is_forgiven(command: AndOr) -> bool:
    """``… || true`` or the like."""
    operator, last = command.rest[-1]
    return operator == "||" and isinstance(last, Simple) and last.name in ("true", ":", "echo", "msg", "warning")


def _only_cleans(command: AndOr) -> bool:
    """Whether all that is forgiven is putting away what the tests left."""
    first = command.first
    if isinstance(first, Pipeline):
        first = first.commands[0]
    return not isinstance(first, Simple) or first.name in _CLEANING


RULES: tuple[Rule, ...] = (
    Rule(
        "AL13", "superfluous-cd-builddir", "M", "P", "atools",
        'Phases do not begin with cd "$builddir".',
        "abuild has gone there before it calls prepare, build, check and package.",
        "Delete the command.",
        _cd, fixes=True,
    ),
    Rule(
        "AL54", "missing-default-prepare", "S", "C", "atools",
        "A prepare() of the recipe's own calls default_prepare.",
        "That applies the patches in source; without it they are silently left out, also those that come later.",
        "Begin prepare() with default_prepare.",
        _default_prepare,
    ),
    Rule(
        "AP5", "check-cannot-fail", "I", "P", "abuildpy",
        "A check() fails when the tests do.",
        "One that always succeeds hides broken packages; !check at least says that nothing was tested.",
        "Drop '|| true', skip single tests by name, or put !check into options with the reason.",
        _cannot_fail,
    ),
)  # fmt: skip
