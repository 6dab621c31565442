# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which recipes do nothing but assign and define at top level, so that many of them can share one shell.

A recipe is *plain* if all of its text outside functions is assignments, ``export``, comments, ``if``, ``case`` and ``for``
over strings, and every function is defined in the usual way: name and ``{`` on a line that starts the function, ``}`` on a
line of its own, all between them indented. Reading such a recipe starts no process, opens no file, ends, and leaves
nothing behind but the variables and functions named here. What it *means* only the shell says; anything unusual is
simply not plain, and gets a shell of its own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DIGITS = r"-?[0-9]+"
_VARIABLE = rf"\$(?:{_NAME}|\{{{_NAME}\}})"
_PATTERN = rf"(?:[^}}`$(\\'\"\n=]|\\.|{_VARIABLE}|\$\{{{_NAME}(?:%%?|\#\#?)[^}}`$(\\'\"\n=]*\}})*"
_QUOTED_DEFAULT = rf":?[-+]\"[^\"\\`$]*(?:{_VARIABLE}[^\"\\`$]*)*\""
_OPERATION = rf"(?:{_QUOTED_DEFAULT}|(?::?[-+?]|%%?|\#\#?|//?){_PATTERN}|:[ ]?{_DIGITS}(?::{_DIGITS})?)?"
_SUM = rf"\$\(\([^()=`$+\\'\"-]*(?:(?:{_VARIABLE}|[+-](?![+-]))[^()=`$+\\'\"-]*)*\)\)"
_EXPANSION = rf"(?:\$(?:{_NAME}|\{{{_NAME}{_OPERATION}\}})|{_SUM})"
_DOUBLE = rf"\"[^\"\\`$]*(?:(?:\\.|{_EXPANSION})[^\"\\`$]*)*\""
_PIECE = rf"(?:[A-Za-z0-9_.,:/@%+^*?=-]|\[|\]|{_DOUBLE}|'[^']*'|\\[^\n]|{_EXPANSION})"
_WORD = rf"{_PIECE}+"
_VALUE = rf"{_PIECE}*"
_END = r"(?=[\s;]|\Z)"
_COMPARISON = r"(?:!?=|-(?:eq|ne|lt|le|gt|ge))"
_TEST = rf"\[[ \t]+(?:![ \t]+)?(?:-[zn][ \t]+{_WORD}|{_WORD}[ \t]+{_COMPARISON}[ \t]+{_WORD}|{_DOUBLE})[ \t]+\]"

_STEP = re.compile(
    rf"""(?s:
      [\s;]+
    | (?<![^\s;])\#[^\n]*
    | (?<![^\s;]) (?P<assigned>{_NAME})={_VALUE}{_END}
    | (?<![^\n]) (?P<function>{_NAME})[ \t]*\([ \t]*\)[ \t]*\n?[ \t]*\{{[ \t]*(?:\#[^\n]*)?\n
        (?P<body>(?:(?:[ \t\#][^\n]*)?\n)*)\}}{_END}
    | (?<![^\n]) (?P<short>{_NAME})[ \t]*\([ \t]*\)[ \t]*\{{(?:[ \t]+{_WORD})+[ \t]*;[ \t]*\}}{_END}
    | (?<![^\s;]) export(?P<exported>(?:[ \t]+{_NAME}(?:={_VALUE})?)+){_END}
    | (?<![^\s;]) (?:(?:if|then|elif|else|fi|esac|do|done|&&|\|\||!|:){_END}|{_TEST}{_END})
    | (?<![^\s;]) case[ \t]+{_WORD}[ \t]+in{_END}
    | (?<![^\s;]) \(?(?:[A-Za-z0-9_.*?|+ \t\[\]-]|'[^']*'|"[^"\\`$]*")+\)
    | (?<![^\s;]) for[ \t]+(?P<loop>{_NAME})[ \t]+in(?P<words>(?:[ \t]+{_WORD})*)[ \t]*(?=[;\n])
    )""".encode(),
    re.VERBOSE,
)

_FUNCTION = re.compile(
    rf"^{_NAME}[ \t]*\([ \t]*\)[ \t]*\n?[ \t]*\{{[ \t]*(?:\#[^\n]*)?\n((?:(?:[ \t\#][^\n]*)?\n)*)\}}".encode(),
    re.MULTILINE,
)
_NAMES = re.compile(rf"(?<![^ \t]){_NAME}(?=[ \t=]|$)".encode())
_INNER_FUNCTION = re.compile(rf"^[ \t]+(?:{_NAME}[ \t]*\([ \t]*\)|function[ \t])".encode(), re.MULTILINE)
_EXPANDED = re.compile(rf"\$\{{?({_NAME})".encode())
_IN_SUM = re.compile(_NAME.encode())
OWN = frozenset(
    b"IFS PATH HOME ENV PWD OLDPWD OPTIND OPTARG PS1 PS2 PS4 MAIL MAILPATH MAILCHECK LANG LANGUAGE LINENO RANDOM PPID HISTFILE "
    b"SECONDS EPOCHSECONDS EPOCHREALTIME FUNCNAME TERM".split()
)
"""Variables that the shell itself uses or sets."""
_COMMANDS = frozenset(b"set unset printf cd export type command eval exec exit return trap shift local".split())


class Plain(NamedTuple):
    """What a plain recipe leaves behind, and what it looks at."""

    assigned: frozenset[bytes]
    """Names of variables that it sets or exports."""
    functions: tuple[bytes, ...]
    """Names of functions that it defines."""
    loops: bytes
    """The words that its loops go over: where they hold patterns, they stand for names of files."""
    asked: frozenset[bytes]
    """Names of variables whose value it may ask for."""


def read_plain(text: bytes) -> Plain | None:
    """What a plain recipe's text leaves behind; None if the recipe is not plain."""
    at = 0
    assigned: set[bytes] = set()
    functions: list[bytes] = []
    loops = b""
    for step in _STEP.finditer(text):
        if step.start() != at:
            return None
        at = step.end()
        kind = step.lastgroup
        if kind is None:
            continue
        if kind == "assigned":
            assigned.add(step["assigned"])
        elif kind == "body":
            if _INNER_FUNCTION.search(step["body"]):  # its end may not be where it seems
                return None
            functions.append(step["function"])
        elif kind == "short":
            functions.append(step["short"])
        elif kind == "exported":
            assigned.update(_NAMES.findall(step["exported"]))
        else:
            assigned.add(step["loop"])
            loops += step["words"]
    if at != len(text) or not OWN.isdisjoint(assigned) or not _COMMANDS.isdisjoint(functions):
        return None
    if any(name.startswith((b"_ab_", b"LC_", b"ABUILDPY_")) for name in assigned):
        return None
    return Plain(frozenset(assigned), tuple(functions), loops, asked_names(text) | assigned)


def outside_functions(text: bytes) -> bytes:
    """The text without the functions that are written in the usual way; others stay in it."""
    return _FUNCTION.sub(lambda match: match[0] if _INNER_FUNCTION.search(match[1]) else b"", text)


def asked_names(text: bytes) -> frozenset[bytes]:
    """Names of all variables whose value the text asks for; where it calculates, every word in it."""
    names = frozenset(_EXPANDED.findall(text))
    return names | frozenset(_IN_SUM.findall(text)) if b"$((" in text else names
