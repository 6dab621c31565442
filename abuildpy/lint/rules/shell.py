# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the commands in functions: AL2, AL25, AP1, AP2."""

from __future__ import annotations

from collections.abc import Iterator

from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.lint.survey import Call, Found
from abuildpy.recipe.syntax.nodes import AndOr, Command, Pipeline, Simple, Word

_PATHS = frozenset({"pkgdir", "srcdir", "subpkgdir", "builddir", "startdir"})
_DOWNLOADS: dict[str, frozenset[str]] = {
    "bundle": frozenset({"install"}),
    "bundler": frozenset({"install"}),
    "cabal": frozenset({"update", "v2-update", "new-update"}),
    "cargo": frozenset({"fetch", "vendor", "update"}),
    "composer": frozenset({"install", "update", "require"}),
    "dep": frozenset({"ensure"}),
    "dotnet": frozenset({"restore"}),
    "git": frozenset({"clone", "fetch", "pull", "ls-remote"}),
    "glide": frozenset({"install"}),
    "go": frozenset({"get"}),
    "hg": frozenset({"clone", "pull"}),
    "mix": frozenset({"deps.get", "local.hex", "local.rebar"}),
    "npm": frozenset({"ci", "install", "i"}),
    "nuget": frozenset({"restore", "install"}),
    "pnpm": frozenset({"install", "i", "fetch"}),
    "stack": frozenset({"update", "setup"}),
    "svn": frozenset({"checkout", "co", "export", "update"}),
    "yarn": frozenset({"", "install"}),
}
"""Programs that download, with the words (behind options) that make them do it."""
_ALWAYS = frozenset({"curl", "wget"})
_LOCAL = frozenset({"--offline", "--frozen-offline", "--no-fetch", "--version", "--help", "-V"})


def _return_1(subject: Subject) -> Iterator[Problem]:
    guarded = _guarded_functions(subject)
    for found in subject.survey.and_ors:
        command = found.command
        if not isinstance(command, AndOr) or command.rest[-1][0] != "||" or not _is_return_1(command.rest[-1][1]):
            continue
        # Behind "a && b" or "! a", or where a caller asks, set -e does not see a failure.
        if len(command.rest) > 1 or _is_negated(command.first) or "condition" in found.inside:
            continue
        if found.function is None or found.function in guarded or _outer(found, subject):
            continue
        start, end = command.first.end, command.rest[0][1].end
        gap = subject.data[start:end]
        edits = () if b"#" in gap else (Edit(start, end, b""),)
        yield Problem(command.rest[0][1].start, end, "|| return 1 is not required as set -e is used", edits)


def _outer(found: Found, subject: Subject) -> bool:
    """Whether the function is defined within another one, where there is no telling who calls it."""
    return found.function not in subject.functions


def _is_return_1(command: Command) -> bool:
    if not isinstance(command, Simple) or command.name != "return" or len(command.words) != 2:
        return False
    word = command.words[1]
    return isinstance(word, Word) and word.plain == "1" and not command.redirects and not command.assigns


def _is_negated(command: Command) -> bool:
    return isinstance(command, Pipeline) and command.negated


def _guarded_functions(subject: Subject) -> set[str]:
    """Functions that are called somewhere set -e does not count, and those that they call."""
    calls: dict[str | None, set[str]] = {}
    guarded: set[str] = set()
    for call in subject.survey.calls:
        name = call.command.name
        if name is None or name not in subject.functions:
            continue
        calls.setdefault(call.function, set()).add(name)
        if "condition" in call.inside:
            guarded.add(name)
    waiting = list(guarded)
    while waiting:
        for name in calls.get(waiting.pop(), ()):
            if name not in guarded:
                guarded.add(name)
                waiting.append(name)
    return guarded


def _backticks(subject: Subject) -> Iterator[Problem]:
    data = subject.data
    for part in subject.survey.backquotes:
        inner = data[part.start + 1 : part.end - 1]
        edits: tuple[Edit, ...] = ()
        if part.body and not {b"\\", b"#", b"`", b"\n"} & {inner[i : i + 1] for i in range(len(inner))}:
            space = b" " if inner.startswith(b"(") else b""
            edits = (Edit(part.start, part.end, b"$(" + space + inner + b")"),)
        yield Problem(part.start, part.end, "use $() instead of backticks", edits)


def _network(subject: Subject) -> Iterator[Problem]:
    if subject.has_option("net") is not False:
        return
    reached = _reached(subject)
    for call in subject.survey.calls:
        if call.function in reached and (what := _downloads(call)):
            command = call.command
            message = f"{call.function}() runs '{what}', which needs the network: options lacks 'net'"
            yield Problem(command.start, min(command.end, subject.line_end(command.start)), message)


def _reached(subject: Subject) -> set[str]:
    """Functions that abuild calls while it builds, and those that they call."""
    splits = subject.splits or {}
    reached = {"prepare", "build", "check", "package", *splits.values()} & subject.functions.keys()
    if subject.has_option("!check"):
        reached.discard("check")
    waiting = list(reached)
    while waiting:
        function = waiting.pop()
        for call in subject.survey.calls:
            name = call.command.name
            if call.function == function and name in subject.functions and name not in reached and name is not None:
                reached.add(name)
                waiting.append(name)
    return reached


def _downloads(call: Call) -> str:
    """The words of a command that say that it downloads; empty if it does not."""
    command = call.command
    name = command.name
    words = [word.constant if isinstance(word, Word) else None for word in command.words[1:]]
    if name is None or any(word in _LOCAL for word in words):
        return ""
    if name in _ALWAYS:
        here = any(word and any(host in word for host in ("localhost", "127.0.0.1", "file://")) for word in words)
        remote = any(word and "://" in word for word in words)
        return name if remote and not here else ""
    wanted = _DOWNLOADS.get(name)
    if wanted is None:
        return ""
    plain = [word for word in words if word is None or not word.startswith("-")]
    first = plain[0] if plain else ""
    if name == "git":
        return _git(words)
    if first is None or first not in wanted or (name == "yarn" and len(plain) > 1):
        return ""
    if name in ("npm", "pnpm") and (len(plain) > 1 or "-g" in words or "--global" in words or "--prefix" in words):
        return ""  # installs what has just been built
    if name == "yarn" and not first and words:
        return ""
    return f"{name} {first}".strip()


def _git(words: list[str | None]) -> str:
    rest = list(words)
    while rest and rest[0] and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-C", "-c", "--git-dir", "--work-tree") else rest[1:]
    if not rest or rest[0] not in _DOWNLOADS["git"] | {"submodule"}:
        return ""
    if rest[0] == "submodule":
        return "git submodule update" if "update" in rest and "--no-fetch" not in rest else ""
    if any(word and "://" in word for word in rest[1:]):
        return f"git {rest[0]}"
    return f"git {rest[0]}" if rest[0] in ("fetch", "pull") and len(rest) < 2 else ""


def _unquoted(subject: Subject) -> Iterator[Problem]:
    for use in subject.survey.uses:
        part = use.parameter
        if part.name not in _PATHS or part.quoted or use.place != "argument" or part.operator in ("length", "bad"):
            continue
        text = subject.data[part.start : part.end]
        edits = () if use.backquoted or b'"' in text else (Edit(part.start, part.end, b'"' + text + b'"'),)
        yield Problem(part.start, part.end, f"${part.name} has to stand in double quotes", edits)


RULES: tuple[Rule, ...] = (
    Rule(
        "AL2", "unnecessary-return-1", "M", "C", "atools",
        "Functions do without '|| return 1'.",
        "abuild runs them with set -e: the first command that fails ends them.",
        "Delete '|| return 1'.",
        _return_1, fixes=True,
    ),
    Rule(
        "AL25", "backticks-usage", "S", "P", "atools",
        "The output of a command is asked for with $(…).",
        "Backquotes change what backslashes within them mean, and cannot be nested.",
        "Write $(command).",
        _backticks, fixes=True,
    ),
    Rule(
        "AP1", "network-without-net", "I", "P", "abuildpy",
        "Functions that need the network are announced by 'net' in options.",
        "Clean builders switch the network off without it, so the build fails there.",
        "Put net into options, with the reason, or fetch through source.",
        _network,
    ),
    Rule(
        "AP2", "unquoted-path", "M", "C", "abuildpy",
        "$pkgdir, $srcdir, $subpkgdir and their like stand in double quotes.",
        "The folder of the tree may have a blank in its name: the command would then work on other folders.",
        'Write "$pkgdir"/usr.',
        _unquoted, fixes=True,
    ),
)  # fmt: skip
