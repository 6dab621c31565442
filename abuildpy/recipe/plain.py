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
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

# Nothing below may be read in two ways: whatever repeats has choices that begin differently, and names end where no more of
# a name follows. So a text that does not fit is refused in linear time. (Atomic groups would say so shorter; Python 3.11.2,
# which is Debian 12's, gets repeated ones wrong.)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_]|\\\n)"  # in "$a\<newline>b" ash sees a variable ab
_DIGITS = r"-?[0-9]+"
_CUT = r"(?:%%|%(?!%)|\#\#|\#(?!\#))"
# What differs from shell to shell, or from run to run, though nobody set it.
_ASKED = rf"(?!(?:_|HOME|OLDPWD|PPID|RANDOM|SECONDS|LINENO|EPOCH[A-Z]*|SHLVL|HOSTNAME|OPTIND|PS[124])(?![A-Za-z0-9_])){_NAME}"
_VARIABLE = rf"\$(?:{_ASKED}|\{{{_ASKED}\}})"
_SHORTER = rf"\$\{{{_ASKED}{_CUT}[^}}`$(\\'\"\n=]*\}}"
_PATTERN = rf"(?:[^}}`$(\\'\"\n=]|\\.|{_VARIABLE}|{_SHORTER}|\"{_SHORTER}\")*"
_QUOTED_DEFAULT = rf":?[-+]\"[^\"\\`$]*(?:{_VARIABLE}[^\"\\`$]*)*\""
_OPERATION = (
    rf"(?:{_QUOTED_DEFAULT}|(?::?[-+?](?![^}}\n]*~)|{_CUT}|//|/(?!/)){_PATTERN}|:(?:[ ]-)?[0-9]+(?::{_DIGITS})?)?"
)
_EXPANSION = rf"\$(?:{_ASKED}|\{{{_ASKED}{_OPERATION}\}})"
_DOUBLE = rf"\"[^\"\\`$]*(?:(?:\\.|{_EXPANSION})[^\"\\`$]*)*\""
_LITERAL = rf"[A-Za-z0-9_.,:/@%+^=-]|{_DOUBLE}|'[^']*'|\\[^\n]"
_PIECE = rf"(?:{_LITERAL}|[*?]|\[|\]|{_EXPANSION})"
_WORD = rf"{_PIECE}+"
_VALUE = rf"{_PIECE}*"
_OPERAND = rf"(?:{_LITERAL})+"  # one word for sure, and nobody's file names
_END = r"(?=[ \t\n;]|\Z)"
_DONE = r"(?=[ \t]*(?:[\n;\#&|]|\Z))"  # no word follows, of which "if" and the like would be one
_TEST = rf"\[[ \t]+(?:![ \t]+)?(?:-[zn][ \t]+)?{_OPERAND}(?:[ \t]+!?=[ \t]+{_OPERAND})?[ \t]+\]"
_BEGIN = r"(?<![^ \t\n;])"
_OPENING = rf"(?<![^\n])(?P<function>{_NAME})[ \t]*\([ \t]*\)[ \t]*\n?[ \t]*\{{[ \t]*(?:\#[^\n]*)?\n"
_LINES = r"(?:(?:[ \t\#][^\n]*)?\n)*"

_STEP_TEXT = rf"""(?s:
      [ \t\n;]+
    | {_BEGIN} \#[^\n]*
    | {_BEGIN} (?P<assigned>{_NAME})={_VALUE}(?:{_DONE}|(?=[ \t]+{_NAME}=))
    | {_OPENING}(?P<body>{_LINES})\}}{_END}
    | (?<![^\n]) (?P<short>{_NAME})[ \t]*\([ \t]*\)[ \t]*\{{(?:[ \t]+{_WORD})+[ \t]*;[ \t]*\}}{_END}
    | {_BEGIN} export(?P<exported>(?:[ \t]+{_NAME}(?=[ \t\n;]|\Z))*)(?=[ \t]+{_NAME}=|[\n;]|\Z)
    | {_BEGIN} (?P<opens>if{_END}|case[ \t]+{_WORD}[ \t]+in{_END})
    | {_BEGIN} (?P<closes>(?:fi|esac|done){_END})
    | {_BEGIN} (?P<joins>(?:&&|\|\||!){_END})
    | {_BEGIN} (?:(?:then|elif|else|do){_END}|:(?=[ \t]*(?:[\n;]|&&|\|\||\Z))|{_TEST}{_DONE})
    | {_BEGIN} (?:[A-Za-z0-9_.*?|+ \t\[\]-]|'[^']*'|"[^"\\`$]*")+\)
    | {_BEGIN} for[ \t]+(?P<loop>{_NAME})[ \t]+in(?P<words>(?:[ \t]+{_WORD})*)[ \t]*(?=[;\n])
    | (?P<other>.)
    )"""

_NEXT_TO = r"[\s;&|()<>`\\]"
_PARAMETER = r"\$[A-Za-z0-9_@*?]"
_SIMPLE = r"\$\{[^'\"`\\${}\n]*\}"
# The sign behind the name must be one of the usual: ash skips whatever else stands there, be it a quote.
_OPENED = rf"(?!{_SIMPLE})\$\{{\#?[A-Za-z0-9_@*]+(?::?[-+=?]|[%\#/])"
_SUM = r"\$\(\([^()'\"`\\\#<{}]*\)\)"
_TEXT = rf"\"[^\"\\`${{}}]*(?:(?:{_PARAMETER}|{_SIMPLE})[^\"\\`${{}}]*)*\""
# A command in $(...) is read anew, whatever it stands in.
_INNER_DEFAULT = (
    rf"(?!{_SIMPLE})\$\{{[A-Za-z0-9_]+:?[-+][^'\"`\\${{}}()\n]*(?:(?:{_PARAMETER}|{_SIMPLE})[^'\"`\\${{}}()\n]*)*\}}"
)
_INNER_TEXT = rf"\"[^\"\\`${{}}]*(?:(?:{_PARAMETER}|{_SIMPLE}|{_INNER_DEFAULT}|\\[^\n])[^\"\\`${{}}]*)*\""
_PROGRAM = (
    rf"[^'\"`\\\#$<{{}}()]*"
    rf"(?:(?:'[^']*'|{_INNER_TEXT}|{_PARAMETER}|{_SIMPLE}|{_INNER_DEFAULT}|\\[^\n])[^'\"`\\\#$<{{}}()]*)*"
)
_DEFAULT = rf"[^'\"`\\${{}}]*(?:(?:{_TEXT}|{_PARAMETER})[^'\"`\\${{}}]*)*"
_BACKTICKS = r"`[^`\\]*(?:\\.[^`\\]*)*`"
_IN_DOUBLE = (
    rf"\\(?!\n[\#<{{}}($'\"]).|{_SUM}|{_SIMPLE}|{_OPENED}{_DEFAULT}\}}|{_BACKTICKS}|\$(?![({{])|"
    rf"\$\((?!\(|[^)]*\bcase\b){_PROGRAM}\)"
)
_AFTER_MARK = rf"(?=[ \t\n>;|&])[^\n'\"`\\\#<${{}}()]*(?:{_TEXT}[^\n'\"`\\\#<${{}}()]*)*\n"
_TOKEN = re.compile(
    rf"""(?s:
      [^'"`\\\#$<{{}}]+
    | '[^']*'
    | "[^"\\`$]*(?:(?:{_IN_DOUBLE})[^"\\`$]*)*"
    | {_SUM}
    | \$\((?!\()
    | {_SIMPLE}
    | {_OPENED}[^'"`\\${{}}\n]*(?:(?:{_SIMPLE}|{_PARAMETER}|{_TEXT}|\\[^\n])[^'"`\\${{}}\n]*)*\}}
    | \$'[^'\\]*(?:\\[abefnrtv0-7][^'\\]*)*'
    | \$(?![({{'"])
    | \\(?!\n(?:[\#<{{}}($'"]|\Z)|[\s;&|()<>`]\#).
    | {_BACKTICKS}
    | (?<=[^\s;&|()<>`])\# | (?<![^ \t\n;&|(<>])\#[^\n]*
    | <(?!<)
    | (?<!{_NEXT_TO})[{{}}] | [{{}}](?!{_NEXT_TO})
    | <<-[ ]?(?P<quote>['"])(?P<mark>[A-Za-z_]+)(?P=quote){_AFTER_MARK}
        (?:(?!\t*(?P=mark)\n)[^\n]*\n)*\t*(?P=mark)\n
    | <<-[ ]?(?P<bare>[A-Za-z_]+){_AFTER_MARK}
        (?:(?!\t*(?P=bare)\n)(?:[^\n\\`$]|\$(?![({{])|{_SIMPLE}|\\[^\n])*\n)*\t*(?P=bare)\n
    )""".encode(),
    re.VERBOSE,
)
"""What may stand in a function that ends at the next ``}}`` that begins a line and not before: strings, substitutions and here
documents that are whole, and no brace that could be the shell's own. Inside them, only what is easily told."""
_MOST = 1 << 18
"""Bytes: longer texts are not looked at."""
_MOST_IN_FUNCTION = 1 << 14
"""The same for one function, where strings that do not end are looked for again and again."""


@cache  # as the other one: it takes longer to make than a single recipe to read
def _step() -> re.Pattern[bytes]:
    """The next thing of a recipe."""
    return re.compile(_STEP_TEXT.encode(), re.VERBOSE)


@cache
def _brace() -> re.Pattern[bytes]:
    """A token, or a brace around what follows ``||`` or ``&&``."""
    return re.compile(
        rb"(?s:(?P<opens>(?<=(?:\|\||&&)[ ])\{(?=\n))|(?P<closes>(?<=[\n\t ])(?<!\\\n)\}(?=[ \n;]))|"
        + _TOKEN.pattern
        + rb"|(?P<other>.))",
        re.VERBOSE,
    )


_FUNCTION = re.compile(rf"{_OPENING}(?P<body>{_LINES})\}}".encode())
_NAMES = re.compile(rf"(?<![^ \t]){_NAME}(?=[ \t=]|$)".encode())
_INNER_FUNCTION = re.compile(rf"^[ \t]+(?:{_NAME}[ \t]*\([ \t]*\)|function[ \t])".encode(), re.MULTILINE)
_EXPANDED = re.compile(rf"\$\{{?\#?({_NAME})".encode())
_IN_SUM = re.compile(_NAME.encode())
OWN = frozenset(
    b"IFS PATH HOME ENV PWD OLDPWD OPTIND OPTARG PS1 PS2 PS4 MAIL MAILPATH MAILCHECK LANG LANGUAGE LINENO RANDOM PPID HISTFILE "
    b"SECONDS EPOCHSECONDS EPOCHREALTIME FUNCNAME TERM".split()
)
"""Variables that the shell itself uses or sets."""
_RESERVED = (b"_ab_", b"LC_", b"ABUILDPY_")
"""How names begin that are ours, or change how the shell reads."""
_COMMANDS = frozenset(b"set unset printf cd export type command eval exec exit return trap shift local".split())


class Plain(NamedTuple):
    """What a plain recipe leaves behind, and what it looks at."""

    assigned: frozenset[bytes]
    """Names of variables that it sets or exports."""
    functions: tuple[bytes, ...]
    """Names of functions that it defines."""
    loops: bytes
    """What its loops go over: where that holds patterns, they stand for names of files."""
    asked: frozenset[bytes]
    """Names of variables whose value it may ask for."""
    debug: bool
    """Whether there is something of ``dbg`` in it."""


def read_plain(text: bytes, bodies: dict[bytes, bool] | None = None) -> Plain | None:
    """What a plain recipe's text leaves behind; None if the recipe is not plain.

    ``bodies`` remembers what was found out of functions: in many recipes, half of them are the same.
    """
    if len(text) > _MOST or b"\0" in text:
        return None
    if bodies is None:
        bodies = {}
    assigned: set[bytes] = set()
    functions: list[bytes] = []
    loops = b""
    depth = 0
    joined = False
    for step in _step().finditer(text):
        kind = step.lastgroup
        if kind is None:
            continue
        if kind == "assigned":
            assigned.add(step["assigned"])
        elif kind in {"body", "short"}:
            # Where it may not be defined at all, or its end may not be where it seems.
            if depth or joined:
                return None
            if kind == "body":
                body = step["body"]
                whole = bodies.get(body)
                if whole is None:
                    whole = bodies[body] = _is_whole(body)
                if not whole:
                    return None
            functions.append(step["function"] or step["short"])
        elif kind == "exported":
            assigned.update(_NAMES.findall(step["exported"]))
        elif kind == "opens":
            depth += 1
        elif kind == "closes":
            depth -= 1
            if depth < 0:
                return None
        elif kind == "words":
            depth += 1
            assigned.add(step["loop"])
            loops += step["words"]
        elif kind == "other":
            return None
        joined = kind == "joins"
    if not OWN.isdisjoint(assigned) or not _COMMANDS.isdisjoint(functions):
        return None
    if any(start in text for start in _RESERVED) and any(n.startswith(_RESERVED) for n in (*assigned, *functions)):
        return None
    if loops:
        loops += _set_again(text, loops)
    return Plain(frozenset(assigned), tuple(functions), loops, asked_names(text) | assigned, b"dbg" in text)


def _set_again(text: bytes, loops: bytes) -> bytes:
    """What loops may go over besides the last values of their variables: all of those that are set more than once."""
    texts: dict[bytes, list[bytes]] = {}
    for step in _step().finditer(text):
        names = [step["assigned"] or step["loop"] or b"", *_NAMES.findall(step["exported"] or b"")]
        for name in names:
            texts.setdefault(name, []).append(step[0])
    found: list[bytes] = []
    asked = _EXPANDED.findall(loops)
    while asked:
        again = texts.pop(asked.pop(), [])
        if len(again) > 1:
            found += again
            asked += _EXPANDED.findall(b" ".join(again))
    return b" ".join((b"", *found))


def _is_whole(body: bytes) -> bool:
    if len(body) > _MOST_IN_FUNCTION or _INNER_FUNCTION.search(body):
        return False
    return not (rest := _TOKEN.sub(b"", body)) or _is_paired(rest, body)


def _is_paired(rest: bytes, body: bytes) -> bool:
    """Whether what is left of a body is braces of the shell, and each that opens is closed."""
    if rest.strip(b"{}"):
        return False
    depth = 0
    for token in _brace().finditer(body):
        if token["opens"]:
            depth += 1
        elif token["closes"]:
            depth -= 1
            if depth < 0:
                return False
        elif token["other"]:
            return False
    return depth == 0


def outside_functions(text: bytes, called: Collection[bytes] = ()) -> bytes:
    """The text without the functions that are written in the usual way; others, and those that are ``called``, stay in it."""
    return _FUNCTION.sub(
        lambda match: b"" if match["function"] not in called and _is_whole(match["body"]) else match[0], text
    )


def asked_names(text: bytes) -> frozenset[bytes]:
    """Names of all variables whose value the text asks for; where it calculates, every word in it."""
    text = text.replace(b"\\\n", b"")  # which may stand within a name
    names = frozenset(_EXPANDED.findall(text))
    return names | frozenset(_IN_SUM.findall(text)) if b"$((" in text else names
