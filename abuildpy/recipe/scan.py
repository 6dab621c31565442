# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the assignments of a shell script by its quoting rules, without running it and without regular expressions.

Knows quotes, comments, here-documents, substitutions, ``case`` and functions: just enough to say where a line really
starts a command. It is not a parser; what it cannot follow it leaves alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from abuildpy.errors import RecipeError

_BLANK = " \t"
_OPERATORS = ";&|<>()"
_WORD_ENDS = _BLANK + _OPERATORS + "\n"
_LEAVE_COMMAND_OPEN = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{", "in"})
_LITERAL_QUOTES_AFTER = frozenset("-+=?:")


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value`` at the start of a line, outside functions: character offsets, and the value as written."""

    name: str
    value: str
    start: int
    end: int


def assignments(text: str) -> tuple[Assignment, ...]:
    """Every assignment that begins a command at the start of a line, in order; RecipeError for an unclosed quote."""
    scanner = _Scanner(text)
    scanner.commands(None)
    return tuple(scanner.found)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[Assignment] = []
        self._here: list[tuple[str, bool]] = []  # delimiters whose bodies start at the next line, with <<- or not
        self._braces = 0

    def commands(self, closer: str | None) -> None:
        """Walk over commands up to the end of the text, or past the ``)`` that closes a substitution or subshell."""
        text = self.text
        begun = self.at
        start_of_command = True
        line_start = self.at if closer is None else -1
        cases = 0
        words_to_in = 0  # after ``case``: its subject, then ``in``
        while self.at < len(text):
            char = text[self.at]
            if char in _BLANK:
                self.at += 1
            elif char == "\n":
                self._newline()
                start_of_command = True
                line_start = self.at
            elif char == "\\" and text.startswith("\n", self.at + 1):
                self.at += 2
            elif char == "#":
                self._to(text.find("\n", self.at))
            elif char == ")":
                self.at += 1
                if closer and not cases:
                    return
                start_of_command = True
            elif char == "(":
                self.at += 1
                self.commands(")")
                # behind ``name()`` comes a body, behind a subshell an operator or the line's end
                start_of_command = True
            elif char in "<>":
                self._redirection()
            elif char in ";&|":
                self.at += 1
                start_of_command = True
            else:
                start = self.at
                word = self._word()
                if words_to_in:
                    words_to_in -= 1
                    start_of_command = words_to_in == 0
                elif start_of_command:
                    if word == "case":
                        cases += 1
                        words_to_in = 2
                    elif word == "esac":
                        cases = max(0, cases - 1)
                    elif word in ("{", "}"):
                        self._braces = max(0, self._braces + (1 if word == "{" else -1))
                    name = _assigned(word)
                    if name and closer is None and start == line_start and not self._braces:
                        self.found.append(Assignment(name, word[len(name) + 1 :], start, self.at))
                    start_of_command = bool(name) or word in _LEAVE_COMMAND_OPEN
        if closer:
            raise self._unclosed("parenthesis", begun)

    def _to(self, position: int) -> None:
        self.at = len(self.text) if position < 0 else position

    def _newline(self) -> None:
        self.at += 1
        pending, self._here = self._here, []
        for delimiter, strip in pending:
            while self.at < len(self.text):
                start = self.at
                end = self.text.find("\n", start)
                self._to(end)
                line = self.text[start : self.at]
                self.at = min(self.at + 1, len(self.text))
                if (line.lstrip("\t") if strip else line) == delimiter:
                    break

    def _redirection(self) -> None:
        start = self.at
        while self.text[self.at : self.at + 1] in ("<", ">"):
            self.at += 1
        operator = self.text[start : self.at]
        strip = operator == "<<" and self.text.startswith("-", self.at)
        self.at += strip
        if self.text.startswith(("&", "|"), self.at):
            self.at += 1
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        word = self._word()
        if operator == "<<":
            self._here.append((_unquoted(word), strip))

    def _word(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _WORD_ENDS:
            self._piece(quotes=True)
        return self.text[start : self.at]

    def _piece(self, *, quotes: bool) -> None:
        """Step over one character, or over all that a quote or ``$`` begins. ``quotes``: ``'`` has its meaning."""
        char = self.text[self.at]
        if char == "\\":
            self.at += 2
        elif char == "'" and quotes:
            self._past("'", self.at + 1)
        elif char == '"':
            self._double_quotes()
        elif char == "`":
            self._backquotes()
        elif char == "$":
            self._dollar(quotes=quotes)
        else:
            self.at += 1

    def _past(self, mark: str, start: int) -> None:
        found = self.text.find(mark, start)
        if found < 0:
            raise self._unclosed("quote", self.at)
        self.at = found + 1

    def _double_quotes(self) -> None:
        start = self.at
        self.at += 1
        while self.at < len(self.text):
            if self.text[self.at] == '"':
                self.at += 1
                return
            self._piece(quotes=False)
        raise self._unclosed("quote", start)

    def _backquotes(self) -> None:
        start = self.at
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 2 if char == "\\" else 1
            if char == "`":
                return
        raise self._unclosed("backquote", start)

    def _dollar(self, *, quotes: bool) -> None:
        start = self.at
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if following == "'" and quotes:  # $'…' with backslash escapes
            self.at += 1
            while self.at < len(self.text):
                char = self.text[self.at]
                self.at += 2 if char == "\\" else 1
                if char == "'":
                    return
            raise self._unclosed("quote", start)
        if self.text.startswith("((", self.at):
            self._arithmetic()
        elif following == "(":
            self.at += 1
            self.commands(")")
        elif following == "{":
            self._expansion(quotes=quotes)

    def _arithmetic(self) -> None:
        start = self.at
        depth = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "()":
                self.at += 1
                depth += 1 if char == "(" else -1
                if not depth:
                    return
            else:
                self._piece(quotes=True)
        raise self._unclosed("parenthesis", start)

    def _expansion(self, *, quotes: bool) -> None:
        """``${…}``; inside double quotes, ``'`` still quotes in patterns (``#``, ``%``, ``/``) but not in defaults."""
        start = self.at
        self.at += 1
        while self.text[self.at : self.at + 1].isalnum() or self.text[self.at : self.at + 1] in ("_", "@", "*"):
            self.at += 1
        meaning = quotes or self.text[self.at : self.at + 1] not in _LITERAL_QUOTES_AFTER
        while self.at < len(self.text):
            if self.text[self.at] == "}":
                self.at += 1
                return
            self._piece(quotes=meaning)
        raise self._unclosed("brace", start)

    def _unclosed(self, what: str, position: int) -> RecipeError:
        line = self.text.count("\n", 0, position) + 1
        return RecipeError(f"line {line}: a {what} is opened here and never closed")


def _assigned(word: str) -> str:
    """The name if the word is an assignment, else an empty text."""
    name, separator, _ = word.partition("=")
    return name if separator and name.isascii() and name.isidentifier() else ""


def _unquoted(word: str) -> str:
    result: list[str] = []
    quote = ""
    position = 0
    while position < len(word):
        char = word[position]
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == "\\" and quote != "'":
            position += 1
            result.append(word[position : position + 1])
        else:
            result.append(char)
        position += 1
    return "".join(result)
