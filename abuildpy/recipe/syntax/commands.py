# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading commands: the grammar of BusyBox ash, by recursive descent."""

from __future__ import annotations

import re
from collections.abc import Callable

from abuildpy.errors import RecipeError
from abuildpy.recipe.syntax.nodes import (
    AndOr,
    Assign,
    Block,
    Case,
    CaseItem,
    Command,
    Definition,
    For,
    If,
    Item,
    Literal,
    Loop,
    Pipeline,
    Redirect,
    Simple,
    Word,
)
from abuildpy.recipe.syntax.words import WordReader

_RESERVED = re.compile(
    r"(?:if|then|else|elif|fi|case|esac|for|while|until|do|done|function|in|[{}!])(?=(?:\\\n)*(?:[ \t\n;&|<>()]|\Z))"
)
_CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_REDIRECTION = re.compile(r"&>>?|[0-9]*(?:<<-|<<<|<<|<&|<>|<|>>|>&|>\||>)")
_DECLARING = frozenset({"export", "readonly", "local"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class CommandReader(WordReader):
    """Reads a whole script."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.here_documents: dict[int, Word] = {}
        self._here: list[Redirect] = []  # whose texts begin at the next line

    def script(self) -> tuple[Item, ...]:
        """All commands of the text. Raises RecipeError, with the line, where it is no shell script."""
        return self.commands_until("")

    def commands_until(self, closer: str) -> tuple[Item, ...]:
        """The commands before ``closer``; see the base class."""
        begun = self.at
        items = self._list()
        if closer == "`" or (self.at >= self.limit and not closer) or (closer and self.looking_at(closer)):
            return items
        if self.at >= self.limit:
            raise self.unclosed("a parenthesis", max(begun - 1, 0))
        raise self._unexpected()

    # --- lists ---------------------------------------------------------------------------------------------------

    def _list(self) -> tuple[Item, ...]:
        """Commands up to what ends them: a closing word or parenthesis, ``;;``, the end."""
        items: list[Item] = []
        while True:
            self._skip_newlines()
            char = self.peek()
            if not char or char == ")" or (char == ";" and self.looking_at(";;")) or self._reserved() in _CLOSING:
                return tuple(items)
            command = self._and_or()
            self.skip_blanks()
            char = self.peek()
            background = char == "&"
            if char in ("&", ";") and not self.looking_at(";;"):
                self.at += 1
            elif char and char not in "\n);" and self._reserved() not in _CLOSING:  # as in "{ { :; } }"
                raise self._unexpected()
            items.append(Item(command, background))

    def _required(self, opener: int) -> tuple[Item, ...]:
        """A list of commands inside something that must not be empty."""
        items = self._list()
        if not items:
            if self.at >= self.limit:
                raise self._never_closed(opener)
            raise self._unexpected()
        return items

    def _and_or(self) -> Command:
        start = self.at
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while True:
            self.skip_blanks()
            operator = self.text[self.at : min(self.at + 2, self.limit)]
            if operator not in ("&&", "||"):
                return AndOr(start, rest[-1][1].end, first, tuple(rest)) if rest else first
            self.at += 2
            self._skip_newlines()
            rest.append((operator, self._pipeline()))

    def _pipeline(self) -> Command:
        start = self.at
        negated = False
        while self._reserved() == "!":
            self.at += 1
            negated = not negated
            self.skip_blanks()
        commands = [self._command()]
        while True:
            self.skip_blanks()
            if self.peek() != "|" or self.looking_at("||"):
                break
            self.at += 1
            self._skip_newlines()
            commands.append(self._command())
        if len(commands) == 1 and not negated:
            return commands[0]
        return Pipeline(start, commands[-1].end, negated, tuple(commands))

    # --- commands ------------------------------------------------------------------------------------------------

    def _command(self) -> Command:
        start = self.at
        if self.peek() == "(":
            return self._block(")")
        reserved = self._reserved()
        if reserved == "{":
            return self._block("}")
        if reserved is None:
            return self._simple()
        readers: dict[str, Callable[[int], Command]] = {
            "if": self._if,
            "case": self._case,
            "for": self._for,
            "while": self._loop,
            "until": self._loop,
            "function": self._function,
        }
        if reserved not in readers:
            raise self._unexpected()
        self.deeper()
        self.at += len(reserved)
        command = readers[reserved](start)
        self.depth -= 1
        return command

    def _block(self, closer: str) -> Block:
        start = self.at
        self.deeper()
        self.at += 1
        body = self._required(start)
        self._close(closer, start)
        self.depth -= 1
        return Block(start, self.at, closer == ")", body, self._redirects())

    def _if(self, start: int) -> If:
        branches = []
        while True:
            condition = self._required(start)
            self._close("then", start)
            branches.append((condition, self._required(start)))
            if self._reserved() != "elif":
                break
            self.at += 4
        otherwise = None
        if self._reserved() == "else":
            self.at += 4
            otherwise = self._required(start)
        self._close("fi", start)
        return If(start, self.at, tuple(branches), otherwise, self._redirects())

    def _loop(self, start: int) -> Loop:
        until = self.text.startswith("until", start)
        condition = self._required(start)
        self._close("do", start)
        body = self._required(start)
        self._close("done", start)
        return Loop(start, self.at, until, condition, body, self._redirects())

    def _for(self, start: int) -> For:
        self.skip_blanks()
        name = self.word().plain
        if name is None or not _NAME.match(name):
            raise self.error("for needs a variable's name behind it", start)
        words: tuple[Word, ...] | None = None
        self._skip_newlines()
        if self._reserved() == "in":
            self.at += 2
            words = self._plain_words()
            self.skip_blanks()
        if self.peek() == ";" and not self.looking_at(";;"):
            self.at += 1
        self._skip_newlines()
        self._close("do", start)
        body = self._required(start)
        self._close("done", start)
        return For(start, self.at, name, words, body, self._redirects())

    def _plain_words(self) -> tuple[Word, ...]:
        words: list[Word] = []
        while True:
            self.skip_blanks()
            if self.peek() in ("", "\n", ";"):
                return tuple(words)
            words.append(self._needed_word())

    def _case(self, start: int) -> Case:
        self.skip_blanks()
        subject = self._needed_word()
        self._skip_newlines()
        self._close("in", start)
        items: list[CaseItem] = []
        while True:
            self._skip_newlines()
            if self.at >= self.limit:
                raise self._never_closed(start)
            if self._reserved() == "esac":
                self.at += 4
                return Case(start, self.at, subject, tuple(items), self._redirects())
            items.append(self._case_item(start))

    def _case_item(self, opener: int) -> CaseItem:
        start = self.at
        if self.peek() == "(":
            self.at += 1
            self.skip_blanks()
        patterns: list[Word] = []
        while True:
            patterns.append(self._needed_word())
            self.skip_blanks()
            if self.peek() != "|":
                break
            self.at += 1
            self.skip_blanks()
        if self.peek() != ")":
            raise self._unexpected()
        self.at += 1
        body = self._list()
        end = self.at
        if self.looking_at(";;"):
            self.at += 2
        elif self._reserved() != "esac":
            raise self._unexpected() if self.at < self.limit else self._never_closed(opener)
        return CaseItem(start, end, tuple(patterns), body)

    def _function(self, start: int) -> Definition:
        """``function name``, with or without ``()``."""
        self.skip_blanks()
        name_start = self.at
        name = self._needed_word()
        self.skip_blanks()
        if self.peek() == "(":
            self._parentheses()
        return self._definition(start, name_start, name)

    def _definition(self, start: int, name_start: int, name: Word) -> Definition:
        text = name.plain
        if text is None:
            raise self.error("a function's name must not be quoted or expanded", name_start)
        self._skip_newlines()
        self.deeper()
        body = self._command()
        self.depth -= 1
        return Definition(start, body.end, text, name_start, name.end, body)

    def _parentheses(self) -> None:
        opener = self.at
        self.at += 1
        self.skip_blanks()
        if self.peek() != ")":
            raise self._unexpected() if self.at < self.limit else self.unclosed("a parenthesis", opener)
        self.at += 1

    def _simple(self) -> Command:
        start = end = self.at
        assigns: list[Assign] = []
        words: list[Word | Assign] = []
        redirects: list[Redirect] = []
        declaring = False
        while True:
            self.skip_blanks()
            char = self.peek()
            if char == "(" and len(words) == 1 and not (assigns or redirects) and isinstance(words[0], Word):
                self._parentheses()
                return self._definition(start, start, words[0])
            redirect = self._redirect() if char and (char in "<>&" or char.isdigit()) else None
            if redirect:
                redirects.append(redirect)
            elif not char or char in "\n;&|)":
                break
            else:
                word = self._needed_word()
                assign = _as_assign(word) if declaring or not words else None
                if assign and declaring:
                    words.append(assign)
                elif assign and not assign.append:
                    assigns.append(assign)
                else:
                    words.append(word)
                    declaring = declaring or (len(words) == 1 and word.plain in _DECLARING)
            end = self.at
        if not (assigns or words or redirects):
            raise self._unexpected()
        return Simple(start, end, tuple(assigns), tuple(words), tuple(redirects))

    # --- redirections --------------------------------------------------------------------------------------------

    def _redirects(self) -> tuple[Redirect, ...]:
        redirects: list[Redirect] = []
        while True:
            back = self.at
            self.skip_spaces()
            redirect = self._redirect()
            if redirect is None:
                self.at = back
                return tuple(redirects)
            redirects.append(redirect)

    def _redirect(self) -> Redirect | None:
        start = self.at
        match = _REDIRECTION.match(self.text, start, self.limit)
        if not match:
            return None
        operator = match[0].lstrip("0123456789")
        if operator in ("<", ">") and self.text.startswith("(", match.end(), self.limit) and operator == match[0]:
            return None  # a process substitution
        self.at = match.end()
        self.skip_blanks()
        target = self._needed_word()
        redirect = Redirect(start, self.at, operator, target)
        if operator in ("<<", "<<-"):
            self._here.append(redirect)
        return redirect

    def _reserved(self) -> str | None:
        match = _RESERVED.match(self.text, self.at, self.limit)
        return match[0] if match else None

    def _close(self, closer: str, opener: int) -> None:
        """Moves over a closing word or parenthesis, which has to come next."""
        if not (self.looking_at(")") if closer == ")" else self._reserved() == closer):
            raise self._unexpected() if self.at < self.limit else self._never_closed(opener)
        self.at += len(closer)

    def _needed_word(self) -> Word:
        if self.peek() in ("<", ">") and self.text.startswith("(", self.at + 1, self.limit):
            return self.process_substitution()
        word = self.word()
        if word.end == word.start:
            raise self._unexpected()
        return word

    def _skip_newlines(self) -> None:
        """Moves over blanks, comments and newlines, and over the here-documents that begin behind one."""
        while True:
            self.skip_blanks()
            if self.peek() != "\n":
                return
            self.at += 1
            pending, self._here = self._here, []
            for redirect in pending:
                delimiter = redirect.target.constant
                if delimiter is None:  # an expansion there means itself
                    delimiter = self.text[redirect.target.start : redirect.target.end]
                literal = any(isinstance(part, Literal) and part.quoted for part in redirect.target.parts)
                text = self.here_document(delimiter, tabs=redirect.operator == "<<-", literal=literal)
                self.here_documents[redirect.start] = text

    def _never_closed(self, opener: int) -> RecipeError:
        match = _RESERVED.match(self.text, opener, self.limit)
        return self.unclosed(f"'{match[0] if match else self.text[opener]}'", opener)

    def _unexpected(self) -> RecipeError:
        if self.at >= self.limit:
            return self.error("the script ends where a command has to be", max(self.limit - 1, 0))
        match = _RESERVED.match(self.text, self.at, self.limit)
        found = match[0] if match else self.text[self.at]
        return self.error("a line ends too early" if found == "\n" else f"'{found}' does not belong here", self.at)


def _as_assign(word: Word) -> Assign | None:
    """The word as an assignment, if it is one."""
    first = word.parts[0]
    if not isinstance(first, Literal) or first.quoted:
        return None
    match = _ASSIGNMENT.match(first.text)
    if not match:
        return None
    start = first.start + match.end()
    rest = first.text[match.end() :]
    parts = (Literal(start, first.end, rest, quoted=False), *word.parts[1:]) if rest else word.parts[1:]
    return Assign(word.start, word.end, match[1], Word(start, word.end, parts, word.doubtful), bool(match[2]))
