# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs beside abuild have in common: a table of options that reads their command lines, and how they start."""

from __future__ import annotations

import getopt
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from abuildpy.cli.failure import guarded
from abuildpy.errors import Aborted, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config

VALUE: Final = object()
"""Stands in a table for the argument that was given with an option."""

_T = TypeVar("_T")
Given = Iterator[tuple[str, str]]
"""Options in the order given, spelled ``-x`` or ``--long``, each with its argument (or an empty text)."""
Splitter = Callable[[Sequence[str], "Program[Any]"], tuple[Given, list[str]]]


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its letter or long name (or both), and what it puts into which fields of the program's record.

    ``default`` is the argument of a long option that may do without one. Of the options with the same ``choice``, which
    says what they choose, one may be given. ``listed`` tells whether users are told of it. Of one with ``several`` all
    arguments count, but empty ones: its field is the tuple of them.
    """

    short: str
    long: str
    sets: Mapping[str, object]
    default: str | None = None
    choice: str = ""
    listed: bool = True
    several: bool = False

    @property
    def takes_value(self) -> bool:
        """Whether an argument belongs to it."""
        return VALUE in self.sets.values()

    @property
    def spellings(self) -> tuple[str, ...]:
        """``-x`` and ``--long``, as far as it has them."""
        return tuple(dash + name for dash, name in (("-", self.short), ("--", self.long)) if name)


class CommandConsole(Console):
    """Complains as the programs do that abuild has in C: ``name: text``, with the program's name as ``name``."""

    def error(self, text: str) -> None:
        """``name: text``."""
        self.lines("stderr", (f"{self.name}: {text}",))

    def error2(self, text: str) -> None:
        """Continues an error."""
        self.lines("stderr", (f"{'':{len(self.name or '') + 2}}{text}",))


class Ended(Exception):
    """The command line was answered with the usage; carries the exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def long_and_short(arguments: Sequence[str], program: Program[Any]) -> tuple[Given, list[str]]:
    """Reads options wherever they stand, as getopt(1) does. Raises GetoptError."""
    letters = "".join(o.short + ":" * o.takes_value for o in program.options if o.short)
    names = [o.long + "=" * o.takes_value for o in program.options if o.long]
    given, words = getopt.gnu_getopt([_with_default(word, program.options) for word in arguments], letters, names)
    return iter(given), words


def as_the_shell(arguments: Sequence[str], program: Program[Any]) -> tuple[Given, list[str]]:
    """Reads options up to the first other word, as the shell's getopts does: complains about strangers and goes on."""
    table = {spelling: option for option in program.options for spelling in option.spellings}
    given: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest and rest[0][:1] == "-" and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        long, equals, value = word.partition("=")
        if equals and long in table and long.startswith("--") and table[long].takes_value:
            given.append((long, value))
            continue
        letters = [word] if word in table else [f"-{letter}" for letter in word[1:]]
        while letters:
            letter = letters.pop(0)
            option = table.get(letter)
            if option is None:
                sys.stderr.write(f"{program.name}: unknown option {letter}\n")
            elif not option.takes_value:
                given.append((letter, ""))
                if "help" in option.sets:
                    return iter(given), rest
            elif letters or rest:
                given.append((letter, "".join(each[1:] for each in letters) or rest.pop(0)))
                break
            else:
                sys.stderr.write(f"{program.name}: option {letter} wants an argument\n")
    return iter(given), rest


@dataclass(frozen=True, slots=True)
class Program(Generic[_T]):
    """A program: how its command line is read and what is said when it is wrong.

    ``usage`` is shown for options that set the field ``help``. ``fits`` says whether the words that are no options are as
    many as they should be; ``wrong_option`` and ``wrong_words`` are the exit statuses where not. Usage goes to standard
    output if it was asked for, else to standard error, unless ``usage_goes_to`` names one of them. ``console`` makes the one
    to complain on as long as there is no configuration.
    """

    name: str
    record: type[_T]
    options: tuple[Option, ...]
    usage: Callable[[], str]
    fits: Callable[[_T, Sequence[str]], bool]
    wrong_option: int = 2
    wrong_words: int = 2
    usage_goes_to: Literal["stdout", "stderr", ""] = ""
    splitter: Splitter = field(default=long_and_short)
    console: Callable[[], Console] = field(default=Console)

    def start(self, act: Callable[[_T, list[str], Config, Console], int]) -> int:
        """Run a program that needs the configuration, and return the exit status; errors are told, not raised."""

        def configured(options: _T, words: list[str]) -> int:
            from abuildpy.config import load_config

            config = load_config()
            quiet = bool(getattr(options, "quiet", False))
            console = Console(colors=want_colors(config.get("USE_COLORS")), quiet=quiet)
            return guarded(lambda: act(options, words, config, console), lambda: console)

        return self.start_bare(configured)

    def start_bare(self, act: Callable[[_T, list[str]], int], arguments: Sequence[str] | None = None) -> int:
        """Run a program that needs no configuration, and return the exit status; errors are told, not raised.

        ``arguments`` are by default those that the process was started with.
        """

        def run() -> int:
            try:
                options, words = self.read(sys.argv[1:] if arguments is None else arguments)
            except Ended as end:
                return end.status
            try:
                return act(options, words)
            except (KeyboardInterrupt, Aborted) as error:
                if not self.name.startswith(_OURS):
                    raise
                # Statuses up to 4 tell what was found out: 1 is "differs", "is behind", "not reproducible".
                aborted = error if isinstance(error, Aborted) else Aborted("Aborted by user")
                aborted.exit_status = 130
                raise aborted from None

        return guarded(run, self.console)

    def read(self, arguments: Sequence[str]) -> tuple[_T, list[str]]:
        """Return the record that the options make and the other words.

        Raises Ended when usage has been shown instead, and UsageError for options that exclude each other.
        """
        try:
            given, words = self.splitter(arguments, self)
            options = self._fold(given)
        except getopt.GetoptError as error:
            sys.stderr.write(f"{self.name}: {error}\n")
            raise self._ended(self.wrong_option) from None
        if options is None:
            raise self._ended(0)
        if not self.fits(options, words):
            raise self._ended(self.wrong_words)
        return options, words

    def _fold(self, given: Given) -> _T | None:
        """The record with what each option sets, one after the other; None as soon as help is asked for."""
        table = {spelling: option for option in self.options for spelling in option.spellings}
        values: dict[str, object] = {}
        chosen: dict[str, str] = {}
        gathered: dict[str, list[str]] = {}
        for spelling, argument in given:
            option = table[spelling]
            if "help" in option.sets:
                return None
            if option.choice in chosen:
                raise UsageError(f"More than one {option.choice} given: {chosen[option.choice]} and {spelling}")
            if option.choice:
                chosen[option.choice] = spelling
            if option.several:
                (name,) = option.sets
                gathered.setdefault(name, []).extend(filter(None, (argument,)))
                values[name] = tuple(gathered[name])
                continue
            values |= {name: argument if value is VALUE else value for name, value in option.sets.items()}
        return self.record(**values)

    def _ended(self, status: int) -> Ended:
        to_output = self.usage_goes_to == "stdout" if self.usage_goes_to else status == 0
        text = self.usage()
        if status and self.name.startswith(_OURS):
            # A mistake must not scroll out of sight above all that the subcommand can do.
            forms, more, _ = text.partition("\n\n")
            text = f"{forms}\n{self.name} --help tells more.\n" if more else text
        (sys.stdout if to_output else sys.stderr).write(text)
        return Ended(status)


_OURS: Final = "abuildpy "
"""Begins the names of programs that stand in for none of abuild's, which shows its whole usage after a mistake."""
HELP: Final = Option("h", "help", {"help": True})


def _with_default(word: str, options: Sequence[Option]) -> str:
    """Spells out the argument that an option may go without, which Python's getopt cannot express."""
    if word[:2] != "--" or word == "--" or "=" in word:
        return word
    meant = [o for o in options if o.long == word[2:]] or [o for o in options if o.long.startswith(word[2:])]
    return f"{word}={meant[0].default}" if len(meant) == 1 and meant[0].default is not None else word
