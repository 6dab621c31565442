# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's own commands, as far as they change variables or have a status that is certain."""

from __future__ import annotations

from collections.abc import Callable

from abuildpy.errors import RecipeError
from abuildpy.recipe.static.arithmetic import plain_number
from abuildpy.recipe.static.expand import Ended
from abuildpy.recipe.static.follow import Call, Follower, LoopLeft, Returned
from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.static.state import Lost
from abuildpy.recipe.syntax.commands import CommandReader
from abuildpy.recipe.syntax.nodes import Assign, Word


def _true(follower: Follower, _call: Call) -> None:
    follower.status = 0


def _false(follower: Follower, _call: Call) -> None:
    follower.status = 1


def _lost(_follower: Follower, _call: Call) -> None:
    raise Lost


def _declare(follower: Follower, call: Call) -> None:
    """``export``, ``readonly``, ``local``: every word is expanded before the first has an effect."""
    values: list[tuple[str, str | None]] = []
    for word in call.words[1:]:
        if isinstance(word, Assign):
            if word.append:
                raise Lost
            values.append((word.name, follower.text(word.value, assigned=True)))
    for argument in call.certain():
        name, equals, value = argument.partition("=")
        if equals:
            values.append((name, value))
        elif call.name == "local":
            follower.make_local(name)
    for name, known in values:
        if call.name == "local":
            follower.make_local(name)
        if known is None:
            follower.state.forget([name])
        else:
            follower.state.set(name, known)
    follower.status = 0


def _unset(follower: Follower, call: Call) -> None:
    arguments = call.certain()
    functions = arguments[:1] == ["-f"]
    for name in arguments[1:] if arguments[:1] in (["-f"], ["-v"]) else arguments:
        if functions:
            follower.state.functions.pop(name, None)
        elif name.startswith("-"):
            raise Lost
        else:
            follower.state.unset(name)
    follower.status = 0


def _eval(follower: Follower, call: Call) -> None:
    text = " ".join(call.certain())
    if any(isinstance(word, Assign) for word in call.words):
        raise Lost
    try:
        items = CommandReader(text).script()
    except RecipeError:
        raise Ended
    follower.status = 0
    follower.items(items)


def _exit(_follower: Follower, _call: Call) -> None:
    raise Ended


def _exec(follower: Follower, call: Call) -> None:
    if len(call.words) > 1:
        raise Ended
    follower.status = 0


def _return(follower: Follower, call: Call) -> None:
    if call.arguments is None:
        follower.status = None
    elif call.arguments:
        follower.status = int(call.arguments[0]) if call.arguments[0].isdigit() else None
    raise Returned


def _leave_loop(_follower: Follower, call: Call) -> None:
    if call.certain() not in ([], ["1"]):
        raise Lost
    raise LoopLeft(again=call.name == "continue")


def _set(follower: Follower, call: Call) -> None:
    follower.status = 0
    if call.arguments is None:
        first = call.words[1]
        if isinstance(first, Word) and first.constant == "--":
            follower.state.set_positional(None)
            return
        raise Lost
    arguments = call.arguments
    while arguments and arguments[0] != "--" and arguments[0][:1] in ("-", "+"):
        if not set(arguments[0][1:]) <= set("aefux"):
            raise Lost
        arguments = arguments[1:]
    if arguments:
        follower.state.set_positional(arguments[1:] if arguments[0] == "--" else arguments)


def _shift(follower: Follower, call: Call) -> None:
    arguments = call.certain()
    positional = follower.state.get_positional()
    count = 1 if not arguments else int(arguments[0]) if arguments[0].isdigit() else -1
    if positional is None:
        return
    if not 0 <= count <= len(positional):
        raise Lost
    follower.state.set_positional(positional[count:])
    follower.status = 0


def _read(follower: Follower, call: Call) -> None:
    follower.state.forget(["REPLY", *(name for name in call.certain() if name.isidentifier())])
    follower.status = None


def _command(follower: Follower, call: Call) -> None:
    """``command`` and ``builtin``: harmless if it asks for, or runs, another program."""
    arguments = call.certain()
    if arguments and arguments[0] not in ("-v", "-V") and (arguments[0] in BUILTINS or arguments[0].startswith("-")):
        raise Lost
    follower.status = None


def _source(follower: Follower, call: Call) -> None:
    arguments = call.certain()
    path = follower.absolute(arguments[0]) if len(arguments) == 1 and "/" in arguments[0] else None
    items = None if path is None else follower.host.sourced(path)
    if items is None:
        raise Lost
    follower.status = 0
    try:
        follower.items(items)
    except Returned:
        pass


def _cd(follower: Follower, call: Call) -> None:
    follower.status = None
    arguments = call.arguments or []
    certain = len(arguments) == 1 and arguments[0].startswith("/")
    follower.state.folder = arguments[0] if certain else None


def _test(follower: Follower, call: Call) -> None:
    follower.status = None
    arguments = call.arguments
    if arguments is None or call.name == "[[":
        return
    if call.name == "[":
        if arguments[-1:] != ["]"]:
            return
        arguments = arguments[:-1]
    try:
        follower.status = int(not _holds(follower, arguments))
    except Unknown:
        pass


def _holds(follower: Follower, arguments: list[str]) -> bool:
    """Whether ``[ arguments ]`` succeeds. Raises Unknown where that is not certain, and for what is rarely used."""
    match arguments:
        case []:
            return False
        case [one]:
            return one != ""
        case ["!", *rest] if len(rest) in (1, 2, 3):
            return not _holds(follower, rest)
        case ["-n", text]:
            return text != ""
        case ["-z", text]:
            return text == ""
        case ["-e" | "-f" | "-d" | "-s" as operator, path] if path:
            absolute = follower.absolute(path)
            answer = None if absolute is None else follower.host.test(operator, absolute)
            if answer is not None:
                return answer
        case [left, "=" | "==", right] if left not in ("!", "("):
            return left == right
        case [left, "!=", right] if left not in ("!", "("):
            return left != right
        case [left, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" as operator, right]:
            return _COMPARISONS[operator](plain_number(left), plain_number(right))
    raise Unknown


_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "-eq": int.__eq__,
    "-ne": int.__ne__,
    "-lt": int.__lt__,
    "-le": int.__le__,
    "-gt": int.__gt__,
    "-ge": int.__ge__,
}

BUILTINS: dict[str, Callable[[Follower, Call], None]] = {
    ":": _true,
    "true": _true,
    "false": _false,
    "[": _test,
    "[[": _test,
    "test": _test,
    "export": _declare,
    "readonly": _declare,
    "local": _declare,
    "unset": _unset,
    "eval": _eval,
    ".": _source,
    "source": _source,
    "exit": _exit,
    "exec": _exec,
    "return": _return,
    "break": _leave_loop,
    "continue": _leave_loop,
    "set": _set,
    "shift": _shift,
    "read": _read,
    "cd": _cd,
    "chdir": _cd,
    "command": _command,
    "builtin": _command,
    "alias": _lost,
    "unalias": _lost,
    "getopts": _lost,
    "let": _lost,
}
