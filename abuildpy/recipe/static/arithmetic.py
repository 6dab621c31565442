# SPDX-License-Identifier: GPL-3.0-or-later
"""``$((…))`` as far as it is certain: whole decimal numbers, variables that hold such, and no assignments."""

from __future__ import annotations

import re
from collections.abc import Callable

from abuildpy.recipe.static.patterns import Unknown

_TOKEN = re.compile(r"[ \t\n]*(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|(\*\*|<<|>>|&&|\|\||[<>=!]=|[-+*/%()<>!~&|^?:=,]))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEVELS = (("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
_DEEPEST = 20


def evaluate(expression: str, value_of: Callable[[str], str]) -> int:
    """The number an expression (already expanded) comes to. Raises Unknown where that is not certain."""
    tokens: list[str] = []
    at = 0
    text = expression.rstrip(" \t\n")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise Unknown
        tokens.append(match[match.lastindex or 0])
        at = match.end()
    reader = _Reader(tokens, value_of)
    result = reader.level(0)
    if reader.at != len(tokens):
        raise Unknown
    return result


def has_only_numbers(expression: str) -> bool:
    """Whether an expression has no variables, so that it cannot change any."""
    return _NAME.search(expression) is None


def plain_number(text: str) -> int:
    """A whole number as ash prints it. Raises Unknown for anything else: other bases, blanks, nothing."""
    digits = text.removeprefix("-")
    if not digits.isdigit() or not digits.isascii() or (digits[0] == "0" and text != "0") or len(digits) > 18:
        raise Unknown
    return int(text)


class _Reader:
    def __init__(self, tokens: list[str], value_of: Callable[[str], str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.value_of = value_of

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def level(self, which: int) -> int:
        if which == len(_LEVELS):
            return self.unary()
        left = self.level(which + 1)
        while (operator := self.next()) in _LEVELS[which]:
            self.at += 1
            left = _apply(operator, left, self.level(which + 1))
        return left

    def unary(self) -> int:
        found = self.next()
        self.at += 1
        if found == "(":
            self.depth += 1
            if self.depth > _DEEPEST:
                raise Unknown
            value = self.level(0)
            if self.next() != ")":
                raise Unknown
            self.at += 1
            self.depth -= 1
            return value
        if found == "-" and self.next().isdigit():
            return -self.unary()
        if found.isdigit():
            return plain_number(found)
        if _NAME.fullmatch(found):
            return plain_number(self.value_of(found) or "0")
        raise Unknown


def _apply(operator: str, left: int, right: int) -> int:
    if operator in ("/", "%"):
        if right == 0 or left < 0 or right < 0:  # the shell rounds otherwise than Python
            raise Unknown
        return left // right if operator == "/" else left % right
    results: dict[str, Callable[[int, int], int]] = {
        "+": int.__add__,
        "-": int.__sub__,
        "*": int.__mul__,
        "==": int.__eq__,
        "!=": int.__ne__,
        "<": int.__lt__,
        ">": int.__gt__,
        "<=": int.__le__,
        ">=": int.__ge__,
    }
    result = int(results[operator](left, right))
    if abs(result) >= 10**18:  # the shell counts in 64 bits
        raise Unknown
    return result
