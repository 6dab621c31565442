# SPDX-License-Identifier: GPL-3.0-or-later
"""What words come to, as far as the variables in them are known: the expansions of BusyBox ash.

Every function raises Unknown where the result is not certain. What an expansion assigns (``${name:=…}``) it assigns, so
whoever catches Unknown must take :func:`assigned_names` for unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from abuildpy.recipe.static import arithmetic, patterns
from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.syntax.nodes import Arithmetic, Literal, Parameter, Part, Substitution, Word

_DEFAULT_IFS = " \t\n"
_BLANK = frozenset(_DEFAULT_IFS)
_LARGEST = 1 << 24
_TRIMS = frozenset({"%", "%%", "#", "##"})


class Ended(Exception):
    """The shell ends here, so nothing of the recipe is known or need be."""


class Variables(Protocol):
    """What words are expanded with."""

    def get(self, name: str) -> str | None:
        """A variable's value, None if it is unset. Raises Unknown if neither is certain."""

    def set(self, name: str, value: str) -> None:
        """Gives a variable a value."""

    def spend(self, effort: int) -> None:
        """Counts work; see State."""

    @property
    def positional(self) -> list[str]:
        """``$1`` and so on. Raises Unknown."""


def text(word: Word, variables: Variables, *, assigned: bool = False) -> str:
    """The word as one text, neither split nor matched with files. ``assigned``: it is the value of an assignment."""
    parts = word.parts
    if len(parts) == 1:  # most words
        only = parts[0]
        if isinstance(only, Literal) and (only.quoted or "~" not in only.text):
            return only.text
    if word.doubtful:
        raise Unknown
    pieces: list[str] = []
    for index, part in enumerate(parts):
        if isinstance(part, Literal):
            if not part.quoted and "~" in part.text and _has_tilde(part.text, first=index == 0, assigned=assigned):
                raise Unknown
            pieces.append(part.text)
        else:
            pieces.append(_value(part, variables))
    return "".join(pieces)


def pattern(word: Word, variables: Variables) -> str:
    """The word as a pattern for :mod:`abuildpy.recipe.static.patterns`."""
    if word.doubtful:
        raise Unknown
    pieces: list[str] = []
    for index, part in enumerate(word.parts):
        if isinstance(part, Literal) and not part.quoted:
            if index == 0 and part.text.startswith("~"):
                raise Unknown
            pieces.append(part.text)
        elif part.quoted:
            pieces.append(patterns.escape(part.text if isinstance(part, Literal) else _value(part, variables)))
        elif isinstance(part, Parameter) and part.operator and part.argument and part.operator[-1] in "-+=?":
            raise Unknown  # whether what stands in it is quoted would have to be kept
        else:
            pieces.append(_value(part, variables))
    return "".join(pieces)


def fields(words: Iterable[Word], variables: Variables) -> list[str]:
    """The words as a command gets them: split, with empty ones dropped. Unknown where file names would be looked up."""
    result: list[str] = []
    for word in words:
        if word.doubtful:
            raise Unknown
        splitter = _Splitter(variables)
        splitter.word(word)
        result += splitter.finish()
    return result


def assigned_names(word: Word) -> Iterator[str]:
    """Names of variables that expanding the word may change; an empty name stands for any."""
    for part in word.parts:
        if isinstance(part, Parameter):
            if part.operator in (":=", "="):
                yield part.name
            for inner in (part.argument, part.replacement):
                if inner is not None:
                    yield from assigned_names(inner)
                    if part.operator == ":":
                        yield from _changed_by_arithmetic(inner)
        elif isinstance(part, Arithmetic):
            yield from assigned_names(part.expression)
            yield from _changed_by_arithmetic(part.expression)


def _changed_by_arithmetic(expression: Word) -> Iterator[str]:
    # A variable's value is an expression as well, which may assign to any other.
    constant = expression.constant
    if constant is None or not arithmetic.has_only_numbers(constant):
        yield ""


def _has_tilde(literal: str, *, first: bool, assigned: bool) -> bool:
    """Whether an unquoted text has a ``~`` that stands for a home folder."""
    return (literal.startswith("~") and (first or assigned)) or (assigned and ":~" in literal)


def _value(part: Part, variables: Variables) -> str:
    """What an expansion comes to as one text."""
    if isinstance(part, Literal):
        return part.text
    if isinstance(part, Substitution):
        raise Unknown
    if isinstance(part, Arithmetic):
        return str(_number(part.expression, variables))
    return _parameter(part, variables)


def _number(expression: Word, variables: Variables) -> int:
    return arithmetic.evaluate(text(expression, variables), lambda name: variables.get(name) or "")


def _plain(name: str, variables: Variables) -> str | None:
    """A parameter's value, None if it is unset."""
    if name.isidentifier():
        return variables.get(name)
    if name == "#":
        return str(len(variables.positional))
    if name.isdigit() and name != "0":
        index = int(name) - 1 if len(name) < 5 else len(variables.positional)
        return variables.positional[index] if index < len(variables.positional) else None
    if name in ("@", "*"):
        if variables.get("IFS") not in (None, _DEFAULT_IFS):
            raise Unknown
        return " ".join(variables.positional) if variables.positional else None
    raise Unknown


def _parameter(part: Parameter, variables: Variables) -> str:
    chosen = _choice(part, variables)
    if isinstance(chosen, Word):
        return text(chosen, variables)
    return chosen


def _choice(part: Parameter, variables: Variables) -> str | Word:
    """A parameter's value after its operator; or the word of ``:-`` or ``:+``, if that stands for it."""
    operator, argument = part.operator, part.argument
    if operator == "bad":
        raise Ended
    value = _plain(part.name, variables)
    if not operator:
        return value or ""
    if part.name in ("@", "*"):
        raise Unknown
    if operator == "length":
        if not (value or "").isascii():
            raise Unknown
        return str(len(value or ""))
    if argument is None:  # never so, the reader sees to that
        raise Unknown
    if operator in _TRIMS:
        fitting = pattern(argument, variables)
        variables.spend(len(value or "") * len(fitting))
        return patterns.trim(value or "", operator, fitting)
    if operator[0] == "/":
        return _replaced(part, argument, value or "", variables)
    if operator == ":":
        return _substring(part, argument, value or "", variables)
    missing = value is None or (operator[0] == ":" and not value)
    if operator[-1] == "+":
        return "" if missing else argument
    if not missing:
        return value or ""
    if operator[-1] == "?":
        raise Ended
    if operator[-1] == "=":
        if not part.name.isidentifier():
            raise Unknown
        value = text(argument, variables)
        variables.set(part.name, value)
        return value
    return argument


def _replaced(part: Parameter, argument: Word, value: str, variables: Variables) -> str:
    if any(inner.quoted and isinstance(inner, Literal) and "/" in inner.text for inner in argument.parts) and any(
        inner.end - inner.start != 2 for inner in argument.parts
    ):
        raise Unknown  # ash takes a slash in quotes for the separator, one behind a backslash not
    fitting = pattern(argument, variables)
    variables.spend(len(value) * len(fitting))
    replacement = text(part.replacement, variables) if part.replacement else ""
    if len(replacement) * len(value) > _LARGEST:
        raise Unknown
    return patterns.replace(value, fitting, replacement, everywhere=part.operator == "//")


def _substring(part: Parameter, argument: Word, value: str, variables: Variables) -> str:
    if not value.isascii():
        raise Unknown
    offset = _number(argument, variables) if argument.parts else 0
    start = offset if offset >= 0 else len(value) + offset
    end = len(value)
    if part.replacement is not None:
        length = _number(part.replacement, variables) if part.replacement.parts else 0
        end = start + length if length >= 0 else len(value) + length
    if start < 0 or (end < start < len(value)):
        raise Unknown
    return value[start:end]


class _Splitter:
    """One word on its way to becoming any number of fields."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.done: list[str] = []
        self.current = ""
        self.there = False  # also an empty field counts if it was quoted

    def finish(self) -> list[str]:
        if self.current or self.there:
            self.push()
        return self.done

    def push(self) -> None:
        self.done.append(self.current)
        self.current, self.there = "", False

    def word(self, word: Word) -> None:
        sole = len(word.parts) == 1
        if word.plain in ("[", "[["):
            self.current = word.plain or ""
            return
        for index, part in enumerate(word.parts):
            if isinstance(part, Parameter) and part.name == "@" and not part.operator and part.quoted:
                self.arguments()
            elif part.quoted:
                self.current += _value(part, self.variables)
                self.there = True
            elif isinstance(part, Literal):
                _no_files(part.text)
                if index == 0 and part.text.startswith("~"):
                    raise Unknown
                self.current += part.text
            elif isinstance(part, Parameter):
                self.parameter(part, sole=sole)
            else:
                self.split(_value(part, self.variables), sole=sole)

    def arguments(self) -> None:
        """``"$@"``."""
        for index, argument in enumerate(self.variables.positional):
            if index:
                self.push()
            self.current += argument
            self.there = True

    def parameter(self, part: Parameter, *, sole: bool) -> None:
        if part.name in ("@", "*"):
            if part.operator or not sole:
                raise Unknown
            for argument in self.variables.positional:
                self.split(argument, sole=True)
                if self.current or self.there:
                    self.push()
            return
        chosen = _choice(part, self.variables)
        if isinstance(chosen, Word):
            self.alternative(chosen, sole=sole)
        else:
            self.split(chosen, sole=sole)

    def alternative(self, word: Word, *, sole: bool) -> None:
        """The word in an unquoted ``${name:-word}``: what is not quoted in it is split."""
        for part in word.parts:
            if part.quoted:
                self.current += _value(part, self.variables)
                self.there = True
            else:
                self.split(_value(part, self.variables), sole=sole and len(word.parts) == 1)

    def split(self, value: str, *, sole: bool) -> None:
        _no_files(value)
        if "\\" in value:
            raise Unknown
        separators = self.variables.get("IFS")
        if separators is None or separators == _DEFAULT_IFS:
            for char in value:
                if char not in _BLANK:
                    self.current += char
                elif self.current or self.there:
                    self.push()
            return
        if not sole or not _BLANK.isdisjoint(separators):  # how blanks and others combine is not worth knowing
            raise Unknown
        for char in value:
            if char in separators:
                self.push()
            else:
                self.current += char


def _no_files(unquoted: str) -> None:
    """Raises Unknown for text that may be a pattern for file names."""
    if "*" in unquoted or "?" in unquoted or "[" in unquoted:
        raise Unknown
