# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.cli.options import BadCommandLine, Options, parse
from abuildpy.phases.settings import Settings


def test_short_options_may_share_a_word() -> None:
    options, verbs = parse(["-rKf", "-P/repo", "-s", "/src", "build", "check"])
    assert options.settings == Settings(install_deps=True, keep_build=True, force=True)
    assert (options.repodest, options.srcdest) == ("/repo", "/src")
    assert verbs == ("build", "check")


def test_reading_stops_at_the_first_verb() -> None:
    options, verbs = parse(["build", "-f"])
    assert not options.settings.force
    assert verbs == ("build", "-f")


def test_an_option_without_its_argument_is_as_good_as_absent() -> None:
    assert parse(["-P"]) == (Options(), ())


def test_what_ends_the_program_hides_the_rest() -> None:
    options, _ = parse(["-A@"])
    assert options.print_arch


@pytest.mark.parametrize(
    ("word", "unknown"),
    [
        ("-@", True),
        ("--nonsense", True),
        ("--sandbox=paper", False),
        ("--require-sandbox=none", False),
        ("--sockets=few", False),
        ("-n", False),
    ],
)
def test_unknown_words_are_refused(word: str, unknown: bool) -> None:
    with pytest.raises(BadCommandLine) as caught:
        parse(["-cq", word, "-m"])
    assert caught.value.unknown is unknown
    assert caught.value.options == Options(Settings(quiet=True), colors=True), "what stands before it counts"


def test_long_options_take_their_value_either_way() -> None:
    assert parse(["--sandbox=none", "--net", "never", "all"])[0] == Options(Settings(sandbox="none", net="never"))
    words = ["--sandbox=landlock", "--require-sandbox", "bwrap", "--sockets=any"]
    assert parse(words)[0] == Options(Settings(sandbox="landlock", require_sandbox="bwrap", sockets="any"))


def test_two_dashes_end_the_options() -> None:
    assert parse(["--", "-f"])[1] == ("-f",)


def test_the_last_colour_wish_wins() -> None:
    assert parse(["-cm"])[0].colors is False
    assert parse(["-m", "-c"])[0].colors is True


def test_the_environments_options() -> None:
    options, verbs = parse(["--clean-env", "--pass-env=A", "--pass-env", "B_*", "build"])
    assert (options.clean_env, options.pass_env, verbs) == (True, ("A", "B_*"), ("build",))


@pytest.mark.parametrize("word", ["--pass-env=A=B", "--pass-env=", "--pass-env=*", "--pass-env=1", "--clean-env=1"])
def test_names_of_variables_that_are_none(word: str) -> None:
    with pytest.raises(BadCommandLine):
        parse([word])


def test_limits() -> None:
    settings = parse(["--timeout=1h30m", "--no-output-timeout", "90", "--max-memory=4G", "--max-disk=0", "all"])[
        0
    ].settings
    assert settings == Settings(timeout="1h30m", no_output_timeout="90", max_memory="4G", max_disk="0")


@pytest.mark.parametrize(
    "word", ["--timeout=", "--timeout=soon", "--max-memory=-1", "--max-memory=4X", "--max-processes=1.5", "--max-disk"]
)
def test_limits_that_are_none(word: str) -> None:
    with pytest.raises(BadCommandLine, match=f"{word.partition('=')[0]} takes"):
        parse([word])
