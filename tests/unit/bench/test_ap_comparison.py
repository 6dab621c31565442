# SPDX-License-Identifier: GPL-3.0-or-later
"""bench/ap.py notices what differs, and only that."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from abuildpy.aports.database import Aport, Database

TOP = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    sys.path.insert(0, str(TOP / "bench"))
    try:
        import ap
    finally:
        sys.path.remove(str(TOP / "bench"))
    return ap


def program(bench: ModuleType, folder: Path, name: str, script: str) -> object:
    """A stand-in for one of the two programs; the words asked for are in ``$*``."""
    path = folder / name
    path.write_text(script)
    return bench.Program(["sh", str(path)], {"PATH": "/usr/bin:/bin"}, [])


def compared(bench: ModuleType, folder: Path, scripts: tuple[str, str, str], *words: str) -> tuple[int, int]:
    """How many answers were explained and how many not."""
    made = [program(bench, folder, name, script) for name, script in zip("abc", scripts, strict=True)]
    comparison = bench.Comparison(*made)
    comparison.compare(*words)
    return comparison.explained, comparison.unexplained


ONE, OTHER = "printf 'a\\nb\\n'", "printf 'b\\na\\n'"


def test_order_counts_where_it_means_something(bench: ModuleType, tmp_path: Path) -> None:
    assert compared(bench, tmp_path, (ONE, OTHER, OTHER), "list") == (0, 0)
    assert compared(bench, tmp_path, (ONE, OTHER, OTHER), "builddirs", "x") == (0, 1)


def test_what_is_the_same_with_a_shell_each_is_explained(bench: ModuleType, tmp_path: Path) -> None:
    assert compared(bench, tmp_path, (ONE, OTHER, ONE), "builddirs", "x") == (1, 0)


def test_warnings_count(bench: ModuleType, tmp_path: Path) -> None:
    warning = "echo 'WARNING: x: not provided' >&2"
    assert compared(bench, tmp_path, (warning, "", ""), "revdep", "x") == (0, 1)
    assert compared(bench, tmp_path, ("echo other >&2", "", ""), "revdep", "x") == (0, 0)


def test_failure_of_the_other_ends_it(bench: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(bench.BenchError, match="status 3: why"):
        compared(bench, tmp_path, ("", "echo why >&2; exit 3", ""), "list")


def test_order_of_architectures_means_nothing(bench: ModuleType, tmp_path: Path) -> None:
    dumps = [
        f"echo '{json.dumps({'a': {'arch': arch, 'depends': depends}})}'"
        for arch, depends in (
            (["x", "y"], ["x", "y"]),
            (["y", "x"], ["x", "y"]),
            (["x", "y"], ["y", "x"]),
        )
    ]
    assert compared(bench, tmp_path, (dumps[0], dumps[1], ""), "dump-json") == (0, 0)
    assert compared(bench, tmp_path, (dumps[0], dumps[2], dumps[2]), "dump-json") == (0, 1)


def aport(name: str, wanted: str) -> Aport:
    return Aport(f"/m/{name}", name, {"pkgname": name, "makedepends": wanted})


def test_build_order_is_checked(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database([aport("a", "b"), aport("b", ""), aport("c", "d"), aport("d", "c")])
    assert bench.out_of_order(["/m/b", "/m/a", "/m/c", "/m/d"], database) == 0
    assert bench.out_of_order(["/m/a", "/m/c"], database) == 0
    assert bench.out_of_order(["/m/a", "/m/b"], database) == 1
    assert "/m/a comes before /m/b" in capsys.readouterr().out


def test_copy_with_a_shell_each(bench: ModuleType, tmp_path: Path) -> None:
    for folder in ("lua/aports", "lua/bin"):
        (tmp_path / folder).mkdir(parents=True)
    db = tmp_path / "lua/aports/db.lua"
    db.write_text("\t\tfor i in ]] .. str .. [[; do\n\t\t\twork\n\t\tdone;\n")
    bench._alone(tmp_path / "lua", tmp_path / "copy", ["/m/bad"])
    skipping = "case \"$i\" in '/m/bad/APKBUILD') continue;; esac; (\n"
    assert (tmp_path / "copy/aports/db.lua").read_text() == (
        f"\t\tfor i in ]] .. str .. [[; do {skipping}\t\t\twork\n\t\t); done;\n"
    )
    db.write_text("something else")
    with pytest.raises(bench.BenchError, match="not where it was"):
        bench._alone(tmp_path / "lua", tmp_path / "again", [])


def test_names_are_drawn_from_all_kinds(bench: ModuleType) -> None:
    made = [
        Aport(f"/m/{n}", f"p{n}", {"pkgname": f"p{n}", "subpackages": f"p{n}-doc", "provides": f"v{n}"})
        for n in range(40)
    ]
    names = bench.drawn(Database(made), 20, 1)
    assert names == bench.drawn(Database(made), 20, 1) != bench.drawn(Database(made), 20, 2)
    assert len(set(names)) == 20
    assert sum(name.startswith("v") for name in names) == 2
