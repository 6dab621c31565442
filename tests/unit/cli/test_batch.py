# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of ``abuildpy batch``: what its options mean, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.batch.selections import Selection
from abuildpy.cli import batch
from abuildpy.cli.batch import PROGRAM, BatchUsageError, Orders, understand


def orders(*words: str) -> Orders:
    options, _ = PROGRAM.read([*words, "main"])
    return understand(options)


def test_nothing_said() -> None:
    assert orders() == Orders(Selection(), frozenset(), {}, None, None, 0, ())


def test_everything_said() -> None:
    words = (
        "--status unbuilt,failed --status outdated --rebuild-of so:a --rebuild-of pc:b --changed-since v1 --exclusive x "
        "--exclusive main/y --priority x=-3 --priority a=b=7 -j 4 --load 2.5 --retry 3 --report a.json --report b/c.html "
        "--timeout 1h30m --no-output-timeout 90 --executor dask --scheduler tcp://a:1 --store file:///s "
        "--require-sandbox landlock --fail-fast --keep-going"
    )
    assert orders(*words.split()) == Orders(
        Selection("v1", ("failed", "outdated", "unbuilt"), ("so:a", "pc:b")),
        frozenset({"x", "main/y"}),
        {"x": -3, "a=b": 7},
        4,
        2.5,
        3,
        (Path("a.json"), Path("b/c.html")),
    )


def test_the_last_word_on_failures_counts() -> None:
    assert PROGRAM.read(["--keep-going", "--fail-fast", "main"])[0].fail_fast
    assert not PROGRAM.read(["--fail-fast", "--keep-going", "main"])[0].fail_fast


@pytest.mark.parametrize(
    "words",
    [
        "--jobs 0",
        "--jobs two",
        "--jobs -1",
        "--jobs ٣",
        "--load 0",
        "--load nan",
        "--load much",
        "--retry -1",
        "--status failed,",
        "--status ready",
        "--executor cloud",
        "--require-sandbox auto",
        "--scheduler tcp://a:1",
        "--timeout soon",
        "--no-output-timeout 1x",
        "--report out.pdf",
        "--report json",
        "--priority x",
        "--priority =3",
        "--priority x=high",
        "--json",
    ],
)
def test_what_makes_no_sense(words: str) -> None:
    with pytest.raises(BatchUsageError) as error:
        orders(*words.split())
    assert error.value.message.startswith(words.split(maxsplit=1)[0])
    assert error.value.exit_status == 2


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "_batch", interrupted)
    assert batch.main(["main"]) == 130
    assert "Aborted by user" in capfd.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Reading thousands of recipes takes its time; here there is not even one."""
    assert batch.main(["--report", f"{tmp_path}/none/x.json", "no-such-target"]) == 2
    assert f"there is no folder {tmp_path}/none" in capfd.readouterr().err
