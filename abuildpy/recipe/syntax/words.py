# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading words: quotes, expansions and here-documents, by the rules of BusyBox ash."""

from __future__ import annotations

import re
from abc import abstractmethod

from abuildpy.recipe.syntax.cursor import Cursor
from abuildpy.recipe.syntax.nodes import Arithmetic, Item, Literal, Parameter, Part, Substitution, Word

_RUN = re.compile(r"""[^ \t\n;&|<>()'"`$\\]+""")
_QUOTED_RUN = re.compile(r'[^"`$\\]+')
_BRACE_RUN = re.compile(r"""[^'"`$\\}]+""")
_QUOTED_BRACE_RUN = re.compile(r'[^"`$\\}]+')
_ARITHMETIC_RUN = re.compile(r'[^"`$\\()]+')
_HERE_RUN = re.compile(r"[^`$\\\n]+")
# A joined line may come between any two characters of an expansion, also within a name.
_JOINED = re.compile(r"(?:\\\n)*")
_NAME = re.compile(r"[A-Za-z_](?:(?:\\\n)*[A-Za-z0-9_])*")
_PARAMETER = re.compile(r"[A-Za-z_](?:(?:\\\n)*[A-Za-z0-9_])*|[0-9](?:(?:\\\n)*[0-9])*|[@*#?$!-]")
_OPERATOR = re.compile(r"(?:%J%?|#J#?|/J/?|:J[-=?+]|[-=?+]|:)J".replace("J", r"(?:\\\n)*"))
_TO_SLASH = re.compile(r"""[^'"`$\\}/]+""")
_TO_COLON = re.compile(r"""[^'"`$\\}:]+""")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_METACHARACTERS = frozenset(" \t\n;&|<>()")
_TRIMMING = frozenset({"%", "%%", "#", "##", "/", "//"})


class WordReader(Cursor):
    """Reads one word at a time, its parts and all."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._slashless: int | None = None  # where the word's first ${name/pattern} without a second slash ends
        self._tilde = False  # the word has ${name:-~…} or the like

    @abstractmethod
    def commands_until(self, closer: str) -> tuple[Item, ...]:
        """Reads commands up to ``closer``, where the cursor stays: ``)``, or the limit if it is empty or a backquote.

        In backquotes ash reads as far as it can and does not mind the rest.
        """

    def word(self) -> Word:
        """The word that begins here; it may be empty."""
        start = self.at
        match = _RUN.match(self.text, start, self.limit)
        if match:
            end = match.end()
            if end == self.limit or self.text[end] in _METACHARACTERS:  # most words: nothing to take apart
                self.at = end
                return Word(start, end, (Literal(start, end, match[0], quoted=False),))
        outer = self._slashless, self._tilde
        self._slashless, self._tilde = None, False
        parts: list[Part] = []
        while self.at < self.limit:
            char = self.text[self.at]
            if char in _METACHARACTERS:
                break
            if char == "'":
                parts.append(self._single_quotes())
            elif char == '"':
                self._double_quotes(parts)
            else:
                self._piece(parts, _RUN)
        doubtful = self._tilde or (self._slashless is not None and "/" in self.text[self._slashless : self.at])
        self._slashless, self._tilde = outer
        return Word(start, self.at, tuple(parts), doubtful)

    def process_substitution(self) -> Word:
        """``<(…)`` or ``>(…)``."""
        start = self.at
        part = self._substitution(quoted=False)
        return Word(start, self.at, (part,))

    def here_document(self, delimiter: str, *, tabs: bool, literal: bool) -> Word:
        """The text up to the line that is ``delimiter``, and past that line. ``tabs``: leading ones do not count."""
        start = self.at
        parts: list[Part] = []
        while self.at < self.limit:
            line = self.at
            end = self.text.find("\n", line, self.limit)
            end = self.limit if end < 0 else end
            if (self.text[line:end].lstrip("\t") if tabs else self.text[line:end]) == delimiter:
                self.at = min(end + 1, self.limit)
                return Word(start, line, tuple(parts))
            if literal:
                self.at = min(end + 1, self.limit)
                parts.append(Literal(line, self.at, self.text[line : self.at], quoted=True))
            else:
                self._here_line(parts)
        return Word(start, self.at, tuple(parts))  # ash, too, takes the end of the file for the end of the text

    def _here_line(self, parts: list[Part]) -> None:
        """One line, together with those that a backslash or something that is open at its end joins to it."""
        while self.at < self.limit:
            if self.text[self.at] == "\n":
                parts.append(Literal(self.at, self.at + 1, "\n", quoted=True))
                self.at += 1
                return
            self._piece(parts, _HERE_RUN, quoted=True)

    def _piece(
        self, parts: list[Part], run: re.Pattern[str], *, quoted: bool = False, dollar_quotes: bool = True
    ) -> None:
        """What is the same everywhere: a run of ordinary characters, a backslash, ``$`` or a backquote."""
        text, start = self.text, self.at
        match = run.match(text, start, self.limit)
        if match:
            self.at = match.end()
            parts.append(Literal(start, self.at, match[0], quoted))
            return
        char = text[start]
        if char == "\\":
            self._backslash(parts, quoted=quoted, brace=run is _QUOTED_BRACE_RUN)
        elif char == "`":
            parts.append(self._backquotes(quoted=quoted))
        elif char == "$":
            parts.append(self._dollar(quoted=quoted, dollar_quotes=dollar_quotes and not quoted))
        else:
            self.at += 1
            parts.append(Literal(start, self.at, char, quoted))

    def _backslash(self, parts: list[Part], *, quoted: bool, brace: bool) -> None:
        start = self.at
        if start + 1 >= self.limit:  # the last character of the file
            self.at += 1
            parts.append(Literal(start, self.at, "\\", quoted=True))
            return
        following = self.text[start + 1]
        self.at += 2
        if following == "\n":
            return
        if quoted and following not in '$`"\\' and not (brace and following == "}"):
            following = "\\" + following
        parts.append(Literal(start, self.at, following, quoted=True))

    def _single_quotes(self) -> Literal:
        start = self.at
        end = self.text.find("'", start + 1, self.limit)
        if end < 0:
            raise self.unclosed("a quote", start)
        self.at = end + 1
        return Literal(start, self.at, self.text[start + 1 : end], quoted=True)

    def _double_quotes(self, parts: list[Part]) -> None:
        start = self.at
        before = len(parts)
        self.at += 1
        while self.at < self.limit:
            if self.text[self.at] == '"':
                self.at += 1
                if len(parts) == before:  # an empty word is one, too
                    parts.append(Literal(start, self.at, "", quoted=True))
                return
            self._piece(parts, _QUOTED_RUN, quoted=True)
        raise self.unclosed("a quote", start)

    def _backquotes(self, *, quoted: bool) -> Substitution:
        start = self.at
        at = start + 1
        escaped = False
        while at < self.limit and self.text[at] != "`":
            backslash = self.text[at] == "\\"
            escaped |= backslash
            at += 2 if backslash else 1
        if at >= self.limit:
            raise self.unclosed("a backquote", start)
        body: tuple[Item, ...] = ()
        if not escaped:
            outer, self.limit = self.limit, at
            self.at = start + 1
            body = self.commands_until("`")
            self.limit = outer
        self.at = at + 1
        return Substitution(start, self.at, "`", body, quoted)

    def _dollar(self, *, quoted: bool, dollar_quotes: bool) -> Part:
        start = self.at
        self._skip_joins(start + 1)
        start = self.at = self.at - 1
        following = self.text[start + 1 : min(start + 2, self.limit)]
        if following == "(":
            if self.text.startswith("((", start + 1, self.limit):
                return self._arithmetic(quoted=quoted)
            return self._substitution(quoted=quoted)
        if following == "{":
            return self._braces(quoted=quoted)
        if following == "'" and dollar_quotes:
            return self._escaped_quotes()
        match = _NAME.match(self.text, start + 1, self.limit)
        if match:
            self.at = match.end()
            return Parameter(start, self.at, _one_line(match[0]), "", None, None, quoted)
        if following and following in "0123456789@*#?$!-":
            self.at = start + 2
            return Parameter(start, self.at, following, "", None, None, quoted)
        self.at = start + 1
        return Literal(start, self.at, "$", quoted)

    def _skip_joins(self, at: int) -> None:
        """Moves to ``at``, and over joined lines there."""
        match = _JOINED.match(self.text, at, self.limit)
        self.at = match.end() if match else at

    def _escaped_quotes(self) -> Literal:
        """``$'…'``."""
        start = self.at
        at = start + 2
        while at < self.limit and self.text[at] != "'":
            at += 2 if self.text[at] == "\\" else 1
        if at >= self.limit:
            raise self.unclosed("a quote", start)
        self.at = at + 1
        return Literal(start, self.at, _ESCAPE.sub(_unescaped, self.text[start + 2 : at]), quoted=True)

    def _substitution(self, *, quoted: bool) -> Substitution:
        start = self.at
        self.at += 2
        self.deeper()
        body = self.commands_until(")")
        if not self.looking_at(")"):
            raise self.unclosed("a parenthesis", start)
        self.depth -= 1
        self.at += 1
        opener = self.text[start] if self.text[start] in "<>" else "$"
        return Substitution(start, self.at, f"{opener}(", body, quoted)

    def _arithmetic(self, *, quoted: bool) -> Arithmetic:
        start = self.at
        self.at += 3
        first = self.at
        self.deeper()
        parts: list[Part] = []
        depth = 0
        while self.at < self.limit:
            char = self.text[self.at]
            if not depth and self.looking_at("))"):
                break
            if char == '"':  # says nothing here
                self.at += 1
                continue
            depth = max(0, depth + (char == "(") - (char == ")"))
            self._piece(parts, _ARITHMETIC_RUN, dollar_quotes=False)
        if not self.looking_at("))"):
            raise self.unclosed("a parenthesis", start)
        self.depth -= 1
        self.at += 2
        return Arithmetic(start, self.at, Word(first, self.at - 2, tuple(parts)), quoted)

    def _braces(self, *, quoted: bool) -> Parameter:
        """``${…}``, with what may stand behind the name."""
        start = self.at
        self._skip_joins(start + 2)
        self.deeper()
        text, limit = self.text, self.limit
        operator = name = ""
        if self.looking_at("#") and text[self.at + 1 : self.at + 2] not in ("}", ""):
            match = _PARAMETER.match(text, self.at + 1, limit)
            if match and text.startswith("}", match.end(), limit):
                self.at += 1
                operator = "length"
        match = _PARAMETER.match(text, self.at, limit)
        if match:
            name = _one_line(match[0])
            self._skip_joins(match.end())
        argument = replacement = None
        if not operator and not (match and self.looking_at("}")):
            match = _OPERATOR.match(text, self.at, limit) if match else None
            operator = _one_line(match[0]) if match else "bad"
            self.at = match.end() if match else self.at
            argument, replacement = self._arguments(operator, quoted=quoted)
        if not self.looking_at("}"):
            raise self.unclosed("a brace", start)
        self.depth -= 1
        self.at += 1
        return Parameter(start, self.at, name, operator, argument, replacement, quoted)

    def _arguments(self, operator: str, *, quoted: bool) -> tuple[Word, Word | None]:
        if operator in ("/", "//"):
            return self._halves("/", _TO_SLASH)
        if operator == ":":
            return self._halves(":", _TO_COLON)
        # Inside double quotes, single quotes mean themselves in a default, but quote in a pattern.
        return self._argument(_BRACE_RUN, quoted=quoted and operator not in _TRIMMING), None

    def _halves(self, separator: str, run: re.Pattern[str]) -> tuple[Word, Word | None]:
        first = self._argument(run, quoted=False, separator=separator)
        if not self.looking_at(separator):
            if separator == "/" and self._slashless is None:
                self._slashless = self.at
            return first, None
        self.at += 1
        return first, self._argument(_BRACE_RUN, quoted=False)

    def _argument(self, run: re.Pattern[str], *, quoted: bool, separator: str = "}") -> Word:
        """What stands in ``${…}`` up to the brace that closes it, or up to ``separator``."""
        start = self.at
        parts: list[Part] = []
        inside = False  # double quotes in double quotes: an inner pair ends and begins the quoting again
        while self.at < self.limit:
            char = self.text[self.at]
            if char in ("}", separator) and not inside:
                self._tilde = self._tilde or (not quoted and self.text[start] == "~")
                return Word(start, self.at, tuple(parts))
            if char == "'" and not quoted:
                parts.append(self._single_quotes())
            elif char == '"' and not quoted:
                self._double_quotes(parts)
            elif char == '"':
                inside = not inside
                self.at += 1
                parts.append(Literal(self.at - 1, self.at, "", quoted=True))
            else:
                self._piece(parts, _QUOTED_BRACE_RUN if quoted else run, quoted=quoted)
        return Word(start, self.at, tuple(parts))


def _one_line(text: str) -> str:
    return text.replace("\\\n", "")


def _unescaped(match: re.Match[str]) -> str:
    hexadecimal, octal, other = match.groups()
    if hexadecimal:
        return chr(int(hexadecimal, 16))
    if octal:
        return chr(int(octal, 8) & 0xFF)
    return _ESCAPES.get(other, other if other in "\\'\"" else "\\" + other)
