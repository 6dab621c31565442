# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from abuildpy.cli.program import HELP, VALUE, Ended, Option, Program, as_the_shell
from abuildpy.config import Config
from abuildpy.errors import Aborted, AbuildError, UsageError
from abuildpy.ui.console import Console


@dataclass(frozen=True, slots=True)
class Options:
    kind: str = ""
    loud: bool = True
    level: str = "1"
    quiet: bool = False
    names: tuple[str, ...] = ()


PROGRAM = Program(
    "prog",
    Options,
    (
        Option("a", "alpha", {"kind": "alpha"}, choice="kind"),
        Option("b", "", {"kind": "beta"}, choice="kind"),
        Option("t", "text", {"level": VALUE, "loud": False}),
        Option("", "level", {"level": VALUE}, default="9"),
        Option("q", "quiet", {"quiet": True}),
        Option("n", "name", {"names": VALUE}, several=True),
        HELP,
    ),
    usage=lambda: "how to\n",
    fits=lambda _options, words: len(words) < 3,
)
SHELL_LIKE = replace(PROGRAM, splitter=as_the_shell)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ([], Options(), []),
        (["x", "-a", "y"], Options(kind="alpha"), ["x", "y"]),
        (["-tv", "--", "-a"], Options(level="v", loud=False), ["-a"]),
        (["--text", "v", "--text=w"], Options(level="w", loud=False), []),
        (["-t", "--alpha"], Options(level="--alpha", loud=False), []),
        (["--alph", "-"], Options(kind="alpha"), ["-"]),
        (["--level"], Options(level="9"), []),
        (["--lev", "x"], Options(level="9"), ["x"]),
        (["--level=", "x"], Options(level=""), ["x"]),
        (["-t", "1", "--level=5"], Options(level="5", loud=False), []),
        (["-n", "b", "-q", "--name=a", "--name", "b"], Options(quiet=True, names=("b", "a", "b")), []),
        (["--name="], Options(), []),
    ],
)
def test_reading(arguments: list[str], options: Options, words: list[str]) -> None:
    assert PROGRAM.read(arguments) == (options, words)


@pytest.mark.parametrize("arguments", [["-x"], ["--nonsense"], ["-t"], ["--alpha=1"], ["x", "y", "z"], ["-x", "-h"]])
@pytest.mark.parametrize("goes_to", ["stdout", "stderr", ""])
def test_bad_usage(
    arguments: list[str], goes_to: Literal["stdout", "stderr", ""], capsys: pytest.CaptureFixture[str]
) -> None:
    program = replace(PROGRAM, wrong_option=5, wrong_words=6, usage_goes_to=goes_to)
    with pytest.raises(Ended) as end:
        program.read(arguments)
    out, err = capsys.readouterr()
    bad_option = arguments != ["x", "y", "z"]
    assert end.value.status == (5 if bad_option else 6)
    assert out == ("how to\n" if goes_to == "stdout" else "")
    assert err.endswith("how to\n") == (goes_to != "stdout")
    assert err.startswith("prog: option ") == bad_option


def test_after_a_mistake_our_subcommands_only_show_how_they_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    program = replace(PROGRAM, name="abuildpy prog", usage=lambda: "usage: abuildpy prog\n\nmuch more\n")
    with pytest.raises(Ended):
        program.read(["-x"])
    with pytest.raises(Ended):
        program.read(["-h"])
    out, err = capsys.readouterr()
    assert err == "abuildpy prog: option -x not recognized\nusage: abuildpy prog\nabuildpy prog --help tells more.\n"
    assert out == program.usage()


@pytest.mark.parametrize(("name", "status"), [("abuildpy prog", 130), ("abuild-prog", 1)])
@pytest.mark.parametrize("error", [KeyboardInterrupt, Aborted])
def test_interrupted(name: str, status: int, error: type[BaseException], capfd: pytest.CaptureFixture[str]) -> None:
    """Of our subcommands status 1 is an answer, such as "differs"; the stand-ins for abuild's end as these do."""

    def act(_options: object, _words: list[str]) -> int:
        raise error("Aborted by user")

    assert replace(PROGRAM, name=name).start_bare(act, []) == status
    assert "Aborted by user" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["-h"], ["--he", "x", "y", "z"], ["-qh", "-t", "-a"]])
@pytest.mark.parametrize("goes_to", ["stdout", "stderr", ""])
def test_help(
    arguments: list[str], goes_to: Literal["stdout", "stderr", ""], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Ended) as end:
        replace(PROGRAM, usage_goes_to=goes_to).read(arguments)
    assert end.value.status == 0
    assert capsys.readouterr() == (("", "how to\n") if goes_to == "stderr" else ("how to\n", ""))


@pytest.mark.parametrize("program", [PROGRAM, SHELL_LIKE])
@pytest.mark.parametrize("arguments", [["-a", "-b"], ["-ba"], ["-a", "-a"], ["-ab", "-h"]])
def test_one_of_a_choice(program: Program[Options], arguments: list[str]) -> None:
    with pytest.raises(UsageError, match=r"More than one kind given: -[ab] and -[ab]"):
        program.read(arguments)


@pytest.mark.parametrize(
    ("arguments", "options", "words", "complaints"),
    [
        ([], Options(), [], ""),
        (["-a", "x", "-q"], Options(kind="alpha"), ["x", "-q"], ""),
        (["-aq", "-", "y"], Options(kind="alpha", quiet=True), ["-", "y"], ""),
        (["--", "-q"], Options(), ["-q"], ""),
        (["-qtv w", "x"], Options(quiet=True, level="v w", loud=False), ["x"], ""),
        (["-qt", "-a", "x"], Options(quiet=True, level="-a", loud=False), ["x"], ""),
        (["-xq", "y"], Options(quiet=True), ["y"], "prog: unknown option -x\n"),
        (["-q", "-t"], Options(quiet=True), [], "prog: option -t wants an argument\n"),
        (["--alpha", "x"], Options(kind="alpha"), ["x"], ""),
    ],
)
def test_reading_as_the_shell_does(
    arguments: list[str], options: Options, words: list[str], complaints: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SHELL_LIKE.read(arguments) == (options, words)
    assert capsys.readouterr() == ("", complaints)


def test_help_as_the_shell_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["-qh", "-x"], ["--help", "-x"]):
        with pytest.raises(Ended):
            SHELL_LIKE.read(arguments)
        assert capsys.readouterr() == ("how to\n", "")


def test_starting(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[Options, list[str], bool, bool]] = []
    config = Config({"USE_COLORS": "force"}, frozenset(), {})
    monkeypatch.setattr("abuildpy.config.load_config", lambda: config)
    monkeypatch.setattr("sys.argv", ["prog", "-q", "x"])

    def act(options: Options, words: Sequence[str], given: Config, console: Console) -> int:
        assert given is config
        seen.append((options, list(words), console.quiet, console.colors))
        if len(seen) == 2:
            raise AbuildError("it failed")
        return 3

    assert PROGRAM.start(act) == 3
    assert seen == [(Options(quiet=True), ["x"], True, True)]
    assert PROGRAM.start(act) == 1
    assert "\033[1;31m>>> ERROR:\033[1;0m it failed" in capfd.readouterr().err
    assert PROGRAM.start_bare(lambda _options, words: len(words) + 40, ["a", "b"]) == 42
    monkeypatch.setattr("abuildpy.config.load_config", lambda: pytest.fail("help needs no configuration"))
    monkeypatch.setattr("sys.argv", ["prog", "-h"])
    assert PROGRAM.start(act) == 0
