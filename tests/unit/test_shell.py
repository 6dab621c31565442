# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from abuildpy.errors import ConfigError
from abuildpy.shell import find_ash, find_program, parse_exported, parse_functions, parse_variables, words

AWKWARD = "it's a \"quote\" `x` $HOME \\ \n second='line'\nexport FAKE='no'\n\ttab"


def _ash(script: str, **env: str) -> bytes:
    command = [*find_ash(), "-c", script]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=True).stdout


def test_values_come_back_as_they_were() -> None:
    variables = parse_variables(_ash("empty=; set", awkward=AWKWARD, only_quotes="'''"))
    assert variables["awkward"] == AWKWARD
    assert variables["only_quotes"] == "'''"
    assert variables["empty"] == ""
    assert "second" not in variables


def test_stray_bytes_survive() -> None:
    output = _ash("set", stray=os.fsdecode(b"caf\xe9"))
    assert os.fsencode(parse_variables(output)["stray"]) == b"caf\xe9"


def test_only_exported_variables_are_exported() -> None:
    exported = parse_exported(_ash("plain=1; export named; export -p", awkward=AWKWARD))
    assert exported["awkward"] == AWKWARD
    assert not {"plain", "named", "FAKE"} & exported.keys()


def test_functions_are_told_from_programs() -> None:
    listing = _ash("build() { :; }; type build ls cd nosuchthing 2>/dev/null || :")
    assert parse_functions(listing) == {"build"}


def test_words_split_as_the_shell_splits() -> None:
    assert words({"list": " a\tb\n\n c "}, "list") == ("a", "b", "c")
    assert words({}, "list") == ()


def test_find_program_wants_an_executable_file(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("")
    (tmp_path / "folder").mkdir()
    path = str(tmp_path)
    assert find_program("tool", path) is None
    assert find_program("folder", path) is None
    (tmp_path / "tool").chmod(0o755)
    assert find_program("tool", path) == str(tmp_path / "tool")


def test_without_busybox_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_ash(str(tmp_path))
    assert "busybox" in (caught.value.hint or "")
